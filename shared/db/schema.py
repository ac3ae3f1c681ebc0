"""`schema.sql`: the whole database as one readable file, generated from the migrations.

Partitions are left out, as they depend on the date, and so are the tables of the migration tool.
Written by `python -m infra_cdk.local.schema`, which brings a server; with one at hand, by
`python -m shared.db.schema <administrator's URL>`.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

SCHEMA = Path(__file__).with_name("schema.sql")
_HEADER = """\
-- The schema after every migration. Generated: change it by adding a migration, then run
-- `python -m infra_cdk.local.schema`. Monthly partitions are left out.
"""
_LEFT_OUT = ("public._migrations", "public._yoyo_*", "public.yoyo_*", "public.*_y[0-9]*m[0-9]*")
# What pg_dump says about itself and its session, and psql's own commands.
_NOISE = re.compile(r"^(--.*|SET .*;|SELECT pg_catalog\.set_config.*|\\.*)$\n?", re.MULTILINE)


def write(admin_url: str) -> bool:
    """Write `schema.sql` anew; whether it changed."""
    with built_from_migrations(admin_url) as url:
        text = dump(url)
    changed = not SCHEMA.exists() or SCHEMA.read_text() != text
    SCHEMA.write_text(text)
    return changed


@contextmanager
def built_from_migrations(admin_url: str) -> Generator[str]:
    """The URL of a scratch database that every migration was applied to."""
    from shared.db.migrate import bootstrap, migrate

    password = token_hex()
    with _scratch(admin_url) as url, _scratch_migrator(admin_url, password) as migrator:
        bootstrap(url, {})
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(sql.SQL("grant crm_migrator to {}").format(sql.Identifier(migrator)))
        migrate(_as(url, migrator, password))
        yield url


@contextmanager
def built_from_schema(admin_url: str) -> Generator[str]:
    """The URL of a scratch database made by running `schema.sql`. The roles must exist."""
    with _scratch(admin_url) as url:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("drop schema public")
            admin.execute(SCHEMA.read_bytes())
        yield url
