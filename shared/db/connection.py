"""The one Postgres connection of an execution environment.

Opened at first use, never at import: a SnapStart snapshot must hold no socket. Settings that would
pin an RDS Proxy session are avoided: nothing is ever prepared on the server, and no SET is sent.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy-pinning.html
"""

import time
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from shared.db.address import resolved
from shared.settings import setting

Connection = psycopg.Connection[TupleRow]

_MAX_AGE_S = 55 * 60
"""A little less than the hour after which proxies and IAM tokens grow unreliable."""

_current: Connection | None = None
_opened_at = 0.0


def connection() -> Connection:
    """The open connection; made anew where there is none, it broke, or it is too old.

    Raises:
        psycopg.OperationalError: the database does not answer.
    """
    global _current, _opened_at
    too_old = time.monotonic() - _opened_at > _MAX_AGE_S
    if _current is None or _current.closed or _current.broken or too_old:
        close()
        _current = connect(setting("DATABASE_URL"))
        _opened_at = time.monotonic()
    return _current


def connect(url: str, **options: Any) -> Connection:
    """A new connection to `url` with the settings every one of ours has."""
    opened: Connection = psycopg.connect(
        resolved(url), autocommit=True, connect_timeout=5, application_name="haste", **options
    )
    opened.prepare_threshold = None
    return opened


def close() -> None:
    """Close the connection, if one is open."""
    global _current
    if _current is not None:
        _current.close()
        _current = None
