"""`/api/v1/events`: the change feed."""

from functools import cache
from typing import Annotated

from fastapi import Query

from events.catalogue import all_events
from functions.gateway import queries
from functions.gateway.models import EventTypes, FeedPage, described, require_known
from shared.feed import LATEST, feed_cursor, position_after
from shared.http import (
    DEFAULT_LIMIT,
    SIGNED_IN,
    CurrentCaller,
    Limit,
    Transaction,
    create_router,
    needs,
)

routes = create_router()

After = Annotated[
    str | None,
    Query(
        max_length=100,
        description="`next_cursor` of the page before, or `latest` for the cursor of now. Left out:"
        " from the first event that is kept.",
    ),
]
Types = Annotated[
    tuple[str, ...], Query(max_length=100, description="Only events of these types; repeatable.")
]


@routes.get("/api/v1/events", openapi_extra=needs("events.read"))
async def list_events(
    tx: Transaction, after: After = None, limit: Limit = DEFAULT_LIMIT, types: Types = ()
) -> FeedPage:
    """The workspace's events in the order of their commits, oldest first.

    Ask again with `after=<next_cursor>`: at once while `has_more`, else after a while. Who keeps
    the cursor together with what they did gets every event once, in order. A page may be empty and
    still have more behind it, where a filter lets little through. Events are left out that tell of
    what you may not read, or not all of; and those that tell what is in the mails of a mailbox that
    you may not read.
    """
    if types:
        require_known(types, all_events())
    if after == LATEST:
        return FeedPage(
            items=[],
            next_cursor=feed_cursor(tx.workspace_id, queries.read_head(tx)),
            has_more=False,
        )
    start = None if after is None else position_after(tx.workspace_id, after)
    found = queries.read_feed(tx, limit=limit, after=start, types=types)
    return FeedPage(
        items=found.events,
        next_cursor=feed_cursor(tx.workspace_id, found.end),
        has_more=found.has_more,
    )


@routes.get("/api/v1/events/types", openapi_extra=needs(SIGNED_IN))
async def list_event_types(_: CurrentCaller) -> EventTypes:
    """Every type of event, what it means, and the JSON Schema of its `data`."""
    return _event_types()


@cache
def _event_types() -> EventTypes:
    return EventTypes(items=[described(event) for _, event in sorted(all_events().items())])
