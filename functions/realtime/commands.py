"""Tickets: one for a connection, for a minute.

A ticket is its workspace and 256 random bits; only their hash is kept, in the cache, or in Postgres
while the cache does not answer.
"""

from __future__ import annotations

import binascii
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from functions.realtime import store
from functions.realtime.models import TICKET_SECONDS, Holder, Ticket
from shared import cache
from shared.auth import Caller
from shared.db import transaction
from shared.errors import Unauthorized, WorkspaceClosing
from shared.settings import setting

_KIND = "socket-ticket"
_WORKSPACE_BYTES, _SECRET_BYTES = 16, 32


class Admitted(NamedTuple):
    """Whom a ticket lets in, and where."""

    workspace_id: UUID
    holder: Holder


def issue_ticket(caller: Caller) -> Ticket:
    """A ticket for whoever signed in.

    Raises:
        Unauthorized: the caller has no session, but an API key, say: those have webhooks.
    """
    if caller.session_id is None:
        raise Unauthorized
    holder = Holder(user_id=caller.user_id, session_id=caller.session_id, access=str(caller.access))
    secret = secrets.token_bytes(_SECRET_BYTES)
    name, kept = sha256(secret).hexdigest(), holder.model_dump_json().encode()
    if not cache.put(caller.workspace_id, _KIND, name, kept, ttl_s=TICKET_SECONDS):
        # Another one: the first may be in the cache all the same, and would count twice.
        secret = secrets.token_bytes(_SECRET_BYTES)
        with transaction(caller.workspace_id, user_id=caller.user_id) as tx:
            store.insert_ticket(tx, sha256(secret).digest(), holder)
    return Ticket(
        ticket=urlsafe_b64encode(caller.workspace_id.bytes + secret).decode(),
        expires_in=TICKET_SECONDS,
        url=setting("SOCKETS_URL"),
    )


def use_ticket(ticket: str) -> Admitted | None:
    """Whom a ticket lets in, this once; None if it counts no more, or never did."""
    named = _decoded(ticket)
    if named is None:
        return None
    workspace_id, secret = UUID(bytes=named[:_WORKSPACE_BYTES]), sha256(named[_WORKSPACE_BYTES:])
    kept = cache.take(workspace_id, _KIND, secret.hexdigest())
    if kept is not None:
        return Admitted(workspace_id, Holder.model_validate_json(kept))
    try:
        with transaction(workspace_id) as tx:
            holder = store.take_ticket(tx, secret.digest())
    except WorkspaceClosing:
        return None
    return Admitted(workspace_id, holder) if holder else None


def _decoded(ticket: str) -> bytes | None:
    try:
        named = urlsafe_b64decode(ticket.encode())
    except (binascii.Error, ValueError):
        return None
    whole = len(named) == _WORKSPACE_BYTES + _SECRET_BYTES
    return named if whole and urlsafe_b64encode(named).decode() == ticket else None
