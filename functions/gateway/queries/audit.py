"""Reading the audit log."""

from __future__ import annotations

from uuid import UUID

from functions.gateway.models.audit import AuditEntry, Wanted
from shared.db import Tx


def list_entries(
    tx: Tx, wanted: Wanted, *, limit: int, after: UUID | None = None
) -> list[AuditEntry]:
    """Entries newest first, from after the entry `after`: up to `limit` of them.

    They are in the order of their ids, which begin with the time; so a stretch of time reads the
    partitions of its months alone: with a second more on both sides, because an entry's time is
    taken a moment after its id.
    """
    return tx.all(
        AuditEntry,
        """
        select id, at, actor, action, object_type, object_id, before, after, source_ip,
            user_agent, request_id, position
        from audit_log
        where workspace_id = %(workspace_id)s
            and (%(actor)s::text is null or actor = %(actor)s)
            and (%(action)s::text is null or action = %(action)s)
            and (%(object_type)s::text is null or object_type = %(object_type)s)
            and (%(object_id)s::uuid is null or object_id = %(object_id)s)
            and (%(since)s::timestamptz is null or at >= %(since)s
                and id >= app.uuid7_floor(greatest(%(since)s - interval '1 second', 'epoch')))
            and (%(until)s::timestamptz is null or at < %(until)s
                and id < app.uuid7_floor(%(until)s + interval '1 second'))
            and (%(after)s::uuid is null or id < %(after)s)
        order by id desc
        limit %(limit)s
        """,
        **wanted._asdict(),
        after=after,
        limit=limit,
    )
