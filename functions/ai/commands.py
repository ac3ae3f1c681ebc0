"""Recording what was understood of a mail."""

from __future__ import annotations

from events.ai import EmailAnalyzed
from events.email import EmailReceived
from functions.ai import store
from functions.ai.gateway import Analyzed
from shared.db import Tx


def record_analysis(tx: Tx, received: EmailReceived, analyzed: Analyzed) -> bool:
    """Store an analysis and say so; False, and nothing happens, if the mail has one already."""
    analysis, usage = analyzed.analysis, analyzed.usage
    if not store.insert_analysis(tx, received.aggregate_id, received.mailbox_id, analyzed):
        return False
    tx.emit(
        EmailAnalyzed(
            **tx.envelope(received.aggregate_id),
            mailbox_id=received.mailbox_id,
            direction=received.direction,
            kind=received.kind,
            sender=received.sender,
            backfill=received.backfill,
            sentiment=analysis.sentiment,
            sentiment_score=analysis.sentiment_score,
            intent=analysis.intent,
            reply_needed=analysis.reply_needed,
            entities=len(analysis.entities),
            provider=usage.provider,
            model=usage.model,
        )
    )
    return True
