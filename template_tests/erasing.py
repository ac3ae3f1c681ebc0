"""What erasing and exporting a person asks of the database, for looking at query plans."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from functions.privacy import queries, store
from functions.privacy.parts import find_parts
from shared.db import Tx
from shared.encryption import DataKey
from shared.privacy import Collect, Erase, Person
from template_tests.crowd import Crowd

Query = Callable[[Tx, Crowd], object]


def _request(tx: Tx) -> queries.PrivacyRequest:
    return queries.list_requests(tx, limit=2)[-1]


def _somebody(tx: Tx, crowd: Crowd) -> Person:
    """Who has a contact, tasks and mails; the request is one that erased much."""
    query = """
        -- the test's own
        select request_id from privacy_erased where workspace_id = %(workspace_id)s limit 1
    """
    found = tx.one(type(crowd.workspace), query)
    assert found is not None
    address = "person4000@example.com"
    contacts = queries.contacts_of(tx, None, address)
    return Person(found, tuple(contacts), (address,), (), DataKey(crowd.workspace, bytes(32)))


def _erasing(erase: Erase) -> Query:
    return lambda tx, crowd: erase(tx, _somebody(tx, crowd), None)


def _collecting(collect: Collect) -> Query:
    return lambda tx, crowd: collect(tx, _somebody(tx, crowd), None)


LISTED: dict[str, Query] = {
    "privacy requests": lambda tx, _: queries.list_requests(tx, limit=51),
    "privacy requests, deep": lambda tx, _: queries.list_requests(
        tx, limit=51, after=(_request(tx).created_at, _request(tx).id)
    ),
}
ASKED: dict[str, Query] = {
    "privacy request": lambda tx, _: queries.get_request(tx, _request(tx).id),
    "another privacy request": lambda tx, _: store.insert_request(
        tx, "export", None, "new@example.com"
    ),
    "an own address": lambda tx, _: queries.is_own(tx, "box7@example.com"),
}
ERASING: dict[str, Query] = {
    **{f"collecting {n}": _collecting(c) for part in find_parts() for n, c in part.files.items()},
    **{f"erasing {part.name}": _erasing(part.erase) for part in find_parts()},
    "taking a request up": lambda tx, _: store.take_request(tx, _request(tx).id, uuid4()),
    "what somebody is called": lambda tx, crowd: queries.names_of(
        tx, [], _somebody(tx, crowd).addresses[0]
    ),
    "an old export": lambda tx, _: store.expire_export(tx, _request(tx).id),
}
