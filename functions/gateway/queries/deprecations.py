"""Reading who uses what will go."""

from __future__ import annotations

from functions.gateway.models.deprecations import DeprecatedUse
from shared.cursors import Key
from shared.db import Tx


def list_deprecated_uses(tx: Tx, *, limit: int, after: Key | None = None) -> list[DeprecatedUse]:
    """Uses by route, caller and day, newest first, from after `after`: up to `limit` of them."""
    at, last_id = after or (None, None)
    return tx.all(
        DeprecatedUse,
        """
        select id, route, actor, day, sunset, uses, first_at, last_at
        from deprecated_uses
        where workspace_id = %(workspace_id)s
            and (first_at, id) < (
                coalesce(%(at)s::timestamptz, 'infinity'),
                coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            )
        order by first_at desc, id desc
        limit %(limit)s
        """,
        at=at,
        last_id=last_id,
        limit=limit,
    )
