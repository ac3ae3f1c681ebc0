"""Asking the parts the product stands on, each on a connection of its own.

A check must tell the truth about new connections, and a hung part must not hang the next request,
so neither uses the connection of the execution environment.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import psycopg

from shared.db.address import resolved
from shared.db.releases import migration_names

_PATIENCE_S = 2.0
"""For the part alone: making a token (`resolved`) asks nobody, but may load what it takes."""


async def database_answers(url: str) -> bool:
    """Whether Postgres takes a connection and answers within 2 s."""
    address = resolved(url)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            async with await psycopg.AsyncConnection.connect(address, autocommit=True) as asked:
                await asked.execute("select 1")
    except (psycopg.Error, TimeoutError):
        return False
    return True


async def cache_answers(url: str) -> bool:
    """Whether Valkey answers PING within 2 s."""
    from redis.asyncio import Redis  # 0.4 s to import, and only this check needs it
    from redis.exceptions import RedisError

    try:
        client = cast("Any", Redis)  # partly untyped upstream
        async with asyncio.timeout(_PATIENCE_S), client.from_url(url) as cache:
            await cache.ping()
    except (RedisError, OSError, TimeoutError):
        return False
    return True


async def missing_migrations(url: str) -> list[str] | None:
    """Migrations this code was written for and the database lacks; None where it does not answer.

    A database that is ahead lacks nothing: the code before it still runs while a deploy goes on.
    """
    address = resolved(url)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            async with await psycopg.AsyncConnection.connect(address, autocommit=True) as asked:
                cursor = await asked.execute("select migration_id from public._migrations")
                applied = {name for (name,) in await cursor.fetchall()}
    except (psycopg.Error, TimeoutError):
        return None
    return [name for name in migration_names() if name not in applied]
