"""Has the feed read through its handler: pages from anywhere in it, and polls at its end."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

from infra_cdk.local.commands.apibench.measuring import measured
from infra_cdk.local.commands.apibench.people import Workspace
from infra_cdk.local.commands.apibench.place import Place
from infra_cdk.local.commands.apibench.rows import Row
from infra_cdk.local.commands.feedbench.workspaces import last_position
from infra_cdk.local.gateway_events import Header, Request
from shared.feed import feed_cursor

PAGE = 200
_CLIENT: tuple[Header, ...] = (
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate"),
    ("authorization", f"Bearer {'token' * 80}"),
    ("host", "api.bench.example"),
    ("user-agent", "python-httpx/0.28.1"),
)


@dataclass(frozen=True, slots=True)
class Read:
    """What reading came to. Others read these keys: they are never changed, only added to."""

    page: int
    events: int
    events_per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    statements: int
    bytes: int
    poll_p50_ms: float
    poll_p95_ms: float


def read(place: Place, workspace: Workspace) -> Read:
    """Read a workspace's feed.

    Raises:
        CannotDo: a call was not answered with success.
    """
    last = last_position(place.database_url(), workspace.id)
    pages = measured(place, workspace, Row("pages", lambda _: _pages(workspace, last)))
    polls = measured(place, workspace, Row("polls", lambda _: repeat(_after(workspace, last))))
    return Read(
        page=PAGE,
        events=last,
        events_per_s=round(pages.per_s * min(PAGE, last), 1),
        p50_ms=pages.p50_ms,
        p95_ms=pages.p95_ms,
        p99_ms=pages.p99_ms,
        statements=pages.statements,
        bytes=pages.bytes,
        poll_p50_ms=polls.p50_ms,
        poll_p95_ms=polls.p95_ms,
    )


def _pages(workspace: Workspace, last: int) -> Iterator[Request]:
    """Full pages from anywhere, the same at every run."""
    dice = random.Random(7)  # noqa: S311 -- the order of requests is no secret
    while True:
        yield _after(workspace, dice.randint(0, max(0, last - PAGE)))


def _after(workspace: Workspace, position: int) -> Request:
    query = f"limit={PAGE}&after={feed_cursor(workspace.id, position)}"
    return Request("GET", "/api/v1/events", query, _CLIENT)
