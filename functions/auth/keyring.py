"""API keys as the authorizer knows them.

That a key may be used is believed for 25 s after it was read from Postgres, as for sessions; API
Gateway's own 30 s come on top, so a key that is revoked is of no use a minute later. What is
remembered is found by a hash of the key's text, never by the text.

A key that is not known, was revoked, has expired, or whose secret is wrong is refused alike.
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from functions.auth.models.accounts import access_of_member
from functions.auth.models.api_keys import PREFIX, InvalidKey, KeyText, StoredKey
from functions.auth.queries import api_keys as queries
from functions.auth.session_cache import KEPT_S
from functions.auth.store import api_keys as store
from shared.access import Access, access_of
from shared.db import transaction
from shared.origin import current as current_origin

_MOST_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Admitted:
    """A key that may be used, and what it permits now: what both its grants and its maker's role
    do. `until` is when it expires (Unix time).
    """

    workspace_id: UUID
    user_id: UUID
    key_id: UUID
    access: Access
    rate_limit_per_s: int | None
    until: float


_known: dict[bytes, tuple[float, Admitted]] = {}


def is_key(text: str) -> bool:
    """Whether a bearer token is to be taken for an API key."""
    return text.startswith(PREFIX)


def admit(text: str) -> Admitted | None:
    """Whom a key lets in, as Postgres had it at most 25 s ago; None where it lets in nobody.

    Raises:
        psycopg.OperationalError: the key cannot be read, so it cannot be trusted.
    """
    try:
        key = KeyText.read(text)
    except InvalidKey:
        return None
    digest = sha256(text.encode()).digest()
    now = time.time()  # an environment that was frozen in between has missed no time by this clock
    read_at, admitted = _known.get(digest, (now, None))
    if admitted is None or not 0 <= now - read_at <= KEPT_S:
        _known.pop(digest, None)
        admitted = _read(key)
        if admitted is None:
            return None
        if len(_known) >= _MOST_KEPT:
            _known.clear()
        _known[digest] = now, admitted
    return admitted if now < admitted.until else None


def forget() -> None:
    """Know no key, as after a cold start."""
    _known.clear()


def _read(key: KeyText) -> Admitted | None:
    """The key as Postgres has it; notes that it is used, once a minute."""
    with transaction(key.workspace_id, actor=f"key:{key.id}") as tx:
        stored = queries.find_usable_key(tx, key.id)
        right = hmac.compare_digest(key.hash, stored.hash if stored else bytes(32))
        if stored is None or not right:
            return None
        if stored.unused:
            store.note_use(tx, key.id, current_origin().source_ip)
    return _admitted(key, stored)


def _admitted(key: KeyText, stored: StoredKey) -> Admitted:
    maker = access_of_member(stored.role, stored.role_grants)
    return Admitted(
        workspace_id=key.workspace_id,
        user_id=stored.user_id,
        key_id=key.id,
        access=access_of(" ".join(stored.grants)).within(maker),
        rate_limit_per_s=stored.rate_limit_per_s,
        until=stored.expires_at.timestamp() if stored.expires_at else float("inf"),
    )
