"""Reading the outbox."""

from __future__ import annotations

from shared.db import Tx


def oldest_age_s(tx: Tx) -> float:
    """For how long the oldest event has waited, in seconds; 0 where none waits."""
    age = tx.one(
        float,
        """
        select coalesce(extract(epoch from now() - min(created_at)), 0)::float8 from outbox
        """,
    )
    return age or 0.0
