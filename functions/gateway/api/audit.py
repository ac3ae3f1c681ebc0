"""`/api/v1/audit`: the audit log."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from functions.gateway.models.audit import AuditEntry, Wanted
from functions.gateway.queries.audit import list_entries
from shared.http import (
    DEFAULT_LIMIT,
    CursorParam,
    Limit,
    Page,
    Transaction,
    create_router,
    decode_cursor,
    needs,
    page,
)
from shared.values import Instant

routes = create_router()

Actor = Annotated[
    str | None, Query(pattern="^[!-~]{1,100}$", description="Who, as `user:<id>` or `key:<id>`.")
]
Action = Annotated[
    str | None, Query(pattern="^[A-Za-z]{1,100}$", description="As `deleted` or `SessionOpened`.")
]
ObjectType = Annotated[
    str | None, Query(pattern="^[a-z_]{1,63}$", description="As `contacts` or `sessions`.")
]
Since = Annotated[Instant | None, Query(description="From this moment on.")]
Until = Annotated[Instant | None, Query(description="Before this moment.")]


async def _wanted(
    actor: Actor = None,
    action: Action = None,
    object_type: ObjectType = None,
    object_id: UUID | None = None,
    since: Since = None,
    until: Until = None,
) -> Wanted:
    return Wanted(actor, action, object_type, object_id, since, until)


@routes.get("/api/v1/audit", openapi_extra=needs("audit.read"))
async def list_audit_log(
    tx: Transaction,
    wanted: Annotated[Wanted, Depends(_wanted)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> Page[AuditEntry]:
    """Every change of the workspace's records, settings and members, and every event of somebody's
    way in, newest first: who, what, when, from where, and what was before.

    Whoever may read it sees the changes of all records, but not the values of fields that are
    hidden from them. Secrets are in nobody's. Entries are never changed.
    """
    after = decode_cursor(cursor)
    found = list_entries(tx, wanted, limit=limit + 1, after=after[1] if after else None)
    seen = [entry.as_seen_with(tx.access) for entry in found]
    return page(seen, limit, key=lambda entry: (entry.at, entry.id))
