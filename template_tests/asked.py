"""What is asked of the audit log and of API keys, for looking at query plans."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from functions.auth.models.api_keys import NewKey
from functions.auth.queries import api_keys
from functions.auth.store import api_keys as store
from functions.gateway.models.audit import Wanted
from functions.gateway.queries.audit import list_entries
from shared.access import access_of
from shared.db import Tx
from shared.ids import uuid7
from template_tests.crowd import Crowd

Query = Callable[[Tx, Crowd], object]

_NOW = datetime.now(UTC)
_MIDDLE = _NOW - timedelta(days=10)
_WANTED: dict[str, Callable[[Crowd], Wanted]] = {
    "everything": lambda _: Wanted(),
    "of somebody": lambda crowd: Wanted(actor=f"user:{crowd.user}"),
    "of an action": lambda _: Wanted(action="SessionOpened"),
    "of a kind": lambda _: Wanted(object_type="roles"),
    "of an object": lambda crowd: Wanted(object_id=crowd.endpoint),
    "of one in a kind": lambda crowd: Wanted(object_type="contacts", object_id=crowd.endpoint),
    "of what somebody did": lambda crowd: Wanted(actor=f"user:{crowd.user}", action="changed"),
    "of a time": lambda _: Wanted(since=_MIDDLE - timedelta(days=2), until=_MIDDLE),
    "of somebody, since": lambda crowd: Wanted(actor=f"user:{crowd.user}", since=_MIDDLE),
}


def _reading(wanted: Callable[[Crowd], Wanted], *, deep: bool) -> Query:
    after = uuid7(int(_MIDDLE.timestamp() * 1000)) if deep else None
    return lambda tx, crowd: list_entries(tx, wanted(crowd), limit=51, after=after)


AUDIT = {
    f"audit log, {name}{', deep' if deep else ''}": _reading(wanted, deep=deep)
    for name, wanted in _WANTED.items()
    for deep in (False, True)
}

_DEEP = (_NOW - timedelta(hours=9), uuid7())
KEYS: dict[str, Query] = {
    "keys": lambda tx, crowd: api_keys.list_keys(tx, user_id=crowd.user, revoked=False, limit=51),
    "keys, deep": lambda tx, crowd: api_keys.list_keys(
        tx, user_id=crowd.user, revoked=False, limit=51, after=_DEEP
    ),
    "everybody's keys": lambda tx, _: api_keys.list_keys(tx, user_id=None, revoked=False, limit=51),
    "everybody's revoked keys, deep": lambda tx, _: api_keys.list_keys(
        tx, user_id=None, revoked=True, limit=51, after=_DEEP
    ),
}


def _make_key(tx: Tx, _: Crowd) -> object:
    new, access = NewKey(name="x", grants=("contacts.read",)), access_of("contacts.read")
    return store.insert_key(tx, uuid7(), new, access, bytes(32), most=10_000)


ONE_KEY: dict[str, Query] = {
    "a new key": _make_key,
    "key": lambda tx, _: api_keys.get_key(
        tx, api_keys.list_keys(tx, user_id=None, revoked=False, limit=1)[0].id
    ),
}


def admit_key(tx: Tx) -> None:
    """What the authorizer asks."""
    assert api_keys.find_usable_key(tx, uuid7()) is None
    store.note_use(tx, uuid7(), "192.0.2.1")
