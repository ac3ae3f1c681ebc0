"""The requests that are measured. A row is added to `ROWS`, and nowhere else.

A row's requests are asked for without end, and are of one kind: the same function answers them, in
the same number of statements. Its name is a key that others read: never changed, only added to.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count, cycle
from typing import Any, LiteralString
from urllib.parse import quote

from infra_cdk.local.commands.apibench.history import PASSWORD
from infra_cdk.local.commands.apibench.people import Sample
from infra_cdk.local.gateway_events import Header, Request
from shared.cursors import encode_cursor
from shared.ids import uuid7

PAGE = 50
_CLIENT: tuple[Header, ...] = (
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate"),
    ("authorization", f"Bearer {'token' * 80}"),
    ("host", "api.bench.example"),
    ("user-agent", "python-httpx/0.28.1"),
)
"""What a client sends; the authorizer has had its say, so the token matters by its length alone."""


_CONTACTS: LiteralString = """
    query Contacts($first: Int!, $after: String) {
        contacts(first: $first, after: $after) {
            nodes {
                id name email phone company jobTitle tags version createdAt updatedAt
                tasks(first: 5) {
                    nodes {
                        id title status dueAt
                        email { id subject senderEmail receivedAt }
                    }
                }
            }
            pageInfo { hasNextPage endCursor }
        }
    }
"""


@dataclass(frozen=True, slots=True)
class Calls:
    """How often a row is asked: to get warm, by the clock, and to count statements."""

    warm_up: int = 50
    timed: int = 500
    counted: int = 20

    @property
    def all(self) -> int:
        return self.warm_up + self.timed + self.counted

    def at_most(self, timed: int) -> Calls:
        """No more than so many by the clock, and as much less of the others."""
        fewer = min(timed, self.timed)
        return Calls(
            -(-self.warm_up * fewer // self.timed), fewer, -(-self.counted * fewer // self.timed)
        )


USUAL = Calls()
MOST_CALLS = USUAL.timed
FEW = Calls(warm_up=5, timed=50, counted=5)
"""For what takes a tenth of a second by intent."""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of request; `budget_ms` is what 95 of 100 may take, where something is promised."""

    name: str
    requests: Callable[[Sample], Iterator[Request]]
    budget_ms: float | None = None
    calls: Calls = USUAL


def _pages(sample: Sample) -> Iterator[Request]:
    """One in five is the first page, the others begin anywhere in the list."""
    places = cycle(sample.places or [None])
    for n in count():
        place = next(places) if n % 5 else None
        cursor = f"&cursor={quote(encode_cursor(place))}" if place else ""
        yield _request("GET", "/api/v1/contacts", query=f"limit={PAGE}{cursor}")


def _one(sample: Sample) -> Iterator[Request]:
    for contact in cycle(sample.contacts):
        yield _request("GET", f"/api/v1/contacts/{contact.id}")


def _new(_: Sample) -> Iterator[Request]:
    run = secrets.token_hex(4)  # an address is taken once
    for n in count():
        body = {
            "name": f"Nora Lindqvist {n}",
            "email": f"Nora.{run}.{n}@newcomers.example",
            "phone": "+46 8 123 456",
            "company": "Newcomers AB",
            "job_title": "Head of Purchasing",
            "tags": ["lead", "trade fair"],
        }
        yield _request("POST", "/api/v1/contacts", body)


def _changes(sample: Sample) -> Iterator[Request]:
    """Each contact once before any comes again, then at the version its last change made."""
    for turn in count():
        for contact in sample.contacts:
            body = {"job_title": f"Head of Purchasing {turn}", "tags": ["customer", "changed"]}
            version = contact.version + turn
            headers = (("if-match", f'"{version}"'),)
            yield _request("PATCH", f"/api/v1/contacts/{contact.id}", body, headers=headers)


def _new_once(sample: Sample) -> Iterator[Request]:
    """As new ones, each under a key of its own: what is answered is kept, and nothing replayed."""
    for new in _new(sample):
        yield replace(new, headers=(*new.headers, ("idempotency-key", str(uuid7()))))


def _graph(sample: Sample) -> Iterator[Request]:
    """Pages of the list, with the tasks about each contact, and the mails that those came from."""
    places = cycle(sample.places or [None])
    for n in count():
        place = next(places) if n % 5 else None
        variables = {"first": PAGE, "after": encode_cursor(place) if place else None}
        yield _request("POST", "/api/v1/graphql", {"query": _CONTACTS, "variables": variables})


def _feed(sample: Sample) -> Iterator[Request]:
    for cursor in cycle(sample.feed):
        yield _request("GET", "/api/v1/events", query=f"limit={PAGE}&after={quote(cursor)}")


def _sign_ins(sample: Sample) -> Iterator[Request]:
    for address in cycle(sample.addresses):
        yield _request("POST", "/api/v1/auth/sign-in", {"email": address, "password": PASSWORD})


def _refreshes(sample: Sample) -> Iterator[Request]:
    """Another session each time, until there is none left: a token is good once."""
    for token in sample.refresh_tokens:
        yield _request("POST", "/api/v1/auth/refresh", {"refresh_token": token})


def _request(
    method: str,
    path: str,
    body: Any = None,
    *,
    query: str = "",
    headers: tuple[Header, ...] = (),
) -> Request:
    if body is None:
        return Request(method, path, query, (*_CLIENT, *headers))
    sent = json.dumps(body).encode()
    headers = (("content-type", "application/json"), ("content-length", str(len(sent))), *headers)
    return Request(method, path, query, (*_CLIENT, *headers), sent)


ROWS = (
    Row(f"list of {PAGE} contacts", _pages, budget_ms=15),
    Row("get a contact", _one),
    Row(f"GraphQL {PAGE}, two relations", _graph, budget_ms=25),
    Row(f"page of {PAGE} events", _feed),
    Row("create a contact", _new),
    Row("create, idempotency key", _new_once),
    Row("change a contact", _changes),
    Row("sign in", _sign_ins, calls=FEW),
    Row("refresh a session", _refreshes),
)
"""Reading comes first: who is created later has no history that could be read."""
