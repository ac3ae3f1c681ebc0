"""Reading whose data was erased: their older mails are not stored when they come in later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.db import Tx


def has_erasures(tx: Tx) -> bool:
    """Whether anybody's data was ever erased in the workspace, or is at this moment."""
    found = tx.one(
        int,
        """
        select 1 from privacy_requests
        where workspace_id = %(workspace_id)s and fingerprint is not null limit 1
        """,
    )
    return found is not None


def erased_after(tx: Tx, fingerprints: Sequence[bytes], moment: datetime) -> bool:
    """Whether somebody with one of these fingerprints was erased after that moment, or is now. What
    was on its way when an erasure began is found in its second round.
    """
    found = tx.one(
        int,
        """
        select 1 from privacy_requests
        where workspace_id = %(workspace_id)s and fingerprint = any(%(fingerprints)s)
            and coalesce(finished_at, now()) > %(moment)s
        limit 1
        """,
        fingerprints=list(fingerprints),
        moment=moment,
    )
    return found is not None
