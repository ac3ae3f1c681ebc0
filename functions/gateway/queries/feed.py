"""Reading the feed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from functions.gateway.models import FeedEvent, FeedGone, Slice
from shared.access import Access
from shared.db import Tx
from shared.telling import shown_payload, told_types

WINDOW = 5_000
"""Most positions that one request looks at. So a filter that nothing fits, or a stretch of events
that the reader may not see, costs no more than any other page; it ends in a cursor that is further.
"""


def read_feed(
    tx: Tx, *, limit: int, after: int | None = None, types: Collection[str] = ()
) -> Slice:
    """Up to `limit` events after the position `after`, or from the first that is kept; of `types`,
    where some are given, and of those that the transaction's person may be told of.

    A later event of a lower position cannot appear: `Tx` orders the commits of a workspace.

    Raises:
        FeedGone: events after `after` are no longer kept, or it is ahead of the feed.
    """
    told = told_types(tx.access)
    if types:
        told = frozenset(types) if told is None else told.intersection(types)
    rows = _read(tx, after, None if told is None else sorted(told), limit)
    head, kept_from = rows[0]["head"], rows[0]["kept_from"]
    start = kept_from - 1 if after is None else after
    if not kept_from - 1 <= start <= head:
        raise FeedGone
    events = [_event(row, tx.access) for row in rows if row["position"] is not None]
    seen = events[-1].position if len(events) == limit else min(head, start + WINDOW)
    return Slice(events, end=seen, has_more=seen < head)


def _read(tx: Tx, after: int | None, types: list[str] | None, limit: int) -> list[dict[str, Any]]:
    """The events, each with where the feed begins and ends; one row without an event where there
    is none. It is one statement, so that they agree.

    Positions are compared with values and columns alone. What is calculated beside `event_log` may
    fail, in the eyes of row-level security, and would be looked at too late to use the index.
    """
    return tx.all(
        dict,
        """
        with bounds as materialized (
            select position as head, kept_from, kept_from - 1 as start,
                kept_from - 1 + %(window)s as stop
            from feed where workspace_id = %(workspace_id)s
        )
        select b.head, b.kept_from, e.position, e.id, e.type, e.payload
        from bounds b
        left join lateral (
            select position, id, type, payload from event_log
            where workspace_id = %(workspace_id)s
                and (%(after)s::bigint is null or position > %(after)s and position <= %(stop)s)
                and (%(after)s::bigint is not null or position > b.start and position <= b.stop)
                and (%(types)s::text[] is null or type = any(%(types)s))
            order by position
            limit %(limit)s
        ) e on true
        order by e.position
        """,
        after=after,
        stop=None if after is None else after + WINDOW,
        window=WINDOW,
        types=types,
        limit=limit,
    )


def read_head(tx: Tx) -> int:
    """The position of the last event, 0 before the first."""
    return tx.one(int, "select position from feed where workspace_id = %(workspace_id)s") or 0


def _event(row: dict[str, Any], access: Access) -> FeedEvent:
    payload = shown_payload(access, row["type"], row["payload"])
    return FeedEvent(
        position=row["position"],
        id=row["id"],
        type=row["type"],
        at=payload["at"],
        actor=payload["actor"],
        aggregate_id=payload["aggregate_id"],
        aggregate_version=payload["aggregate_version"],
        data=payload | {"position": row["position"]},
    )
