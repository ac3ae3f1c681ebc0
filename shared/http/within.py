"""Requests within a request: several changes in one transaction, each through its own route.

A batch hands each of its requests to the app that serves it, with the batch's transaction in the
scope. There a route's transaction is a savepoint: what one request does is undone if it fails, and
all of it commits with the batch. Everything else is as for a request of its own: validation,
permissions, events. What takes no transaction of that kind cannot be part of a batch.
"""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request

from shared.db import Tx
from shared.errors import BadRequest

_IN_SCOPE = "haste.within"


class NotBatchable(BadRequest):
    """This cannot be part of a batch: it asks another service, its answer holds a secret, or it is
    several changes itself."""


def within(tx: Tx) -> dict[str, Any]:
    """What the ASGI scope of a request within a transaction has besides."""
    return {_IN_SCOPE: tx}


def within_of(request: Request) -> Tx | None:
    """The transaction that a request is within, if it is part of a batch."""
    found: Tx | None = request.scope.get(_IN_SCOPE)
    return found


async def _refuse_within(request: Request) -> None:
    if within_of(request) is not None:
        raise NotBatchable


ALONE = Depends(_refuse_within)
"""Among a route's `dependencies`: it is no part of a batch, though it takes a transaction."""
