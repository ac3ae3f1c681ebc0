"""Changing the schema from a job: through functions the schema's owner made for it."""

from __future__ import annotations

from shared.db import Tx


def roll_partitions(tx: Tx) -> int:
    """Make missing monthly partitions, three months ahead; how many were made."""
    return tx.one(int, "select app.roll_partitions()") or 0
