"""What people do with API keys: the change, its event, the result."""

from __future__ import annotations

from uuid import UUID

from events.auth import ApiKeyChanged, ApiKeyCreated, ApiKeyRevoked
from functions.auth.models.api_keys import (
    MOST_KEYS,
    Key,
    KeyRevoked,
    KeyText,
    KeyWithSecret,
    NewKey,
    SignInOver,
    TooManyKeys,
    checked_grants,
    require_future,
)
from functions.auth.queries import api_keys as queries
from functions.auth.store import api_keys as store
from shared.auth import Caller
from shared.db import Tx
from shared.errors import PreconditionFailed
from shared.ids import uuid7


def make_key(tx: Tx, new: NewKey, caller: Caller) -> KeyWithSecret:
    """Make a key that acts on the caller's behalf. Its text is in the answer and nowhere else.

    Raises:
        SignInOver: their session has ended: authorizers believe it a little longer, and the key
            would be good for ever.
        InvalidGrants, GrantsExceeded: it would permit what there is not, or what they may not.
        AlreadyExpired: it would be over at once.
        TooManyKeys: they have as many as a member may have.
    """
    access = checked_grants(new.grants, tx.access)
    require_future(new.expires_at)
    assert tx.user_id is not None
    store.hold_member(tx, tx.user_id)
    if caller.session_id is not None and queries.is_over(tx, caller.session_id):
        raise SignInOver
    made = KeyText.new(tx.workspace_id, uuid7())
    key = store.insert_key(tx, made.id, new, access, made.hash, most=MOST_KEYS)
    if key is None:
        raise TooManyKeys
    tx.emit(
        ApiKeyCreated(
            **tx.envelope(key.id, key.version),
            user_id=key.user_id,
            name=key.name,
            grants=key.grants,
            expires_at=key.expires_at,
            rate_limit_per_s=key.rate_limit_per_s,
        )
    )
    return KeyWithSecret(**dict(key), key=made.text)


def rename_key(tx: Tx, key_id: UUID, name: str, *, version: int | None = None) -> Key:
    """Give a key another name; the name it has is no change.

    Raises:
        KeyNotFound: the caller sees no such key.
        KeyRevoked: it has been revoked.
        PreconditionFailed: it is no longer at `version`.
    """
    current = queries.get_key(tx, key_id)
    if current.revoked_at is not None:
        raise KeyRevoked
    if version is not None and current.version != version:
        raise PreconditionFailed
    if current.name == name:
        return current
    renamed = store.rename_key(tx, key_id, name, current.version)
    if renamed is None:
        raise PreconditionFailed
    envelope = tx.envelope(renamed.id, renamed.version)
    tx.emit(ApiKeyChanged(**envelope, user_id=renamed.user_id, name=renamed.name))
    return renamed


def revoke_key(tx: Tx, key_id: UUID) -> None:
    """Revoke a key; a key that has been is left as it is.

    Raises:
        KeyNotFound: the caller sees no such key.
    """
    revoked = store.revoke_key(tx, key_id)
    if revoked is None:
        queries.get_key(tx, key_id)
        return
    envelope = tx.envelope(revoked.id, revoked.version)
    tx.emit(ApiKeyRevoked(**envelope, user_id=revoked.user_id, name=revoked.name))
