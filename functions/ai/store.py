"""Writing what was understood."""

from __future__ import annotations

from uuid import UUID

from functions.ai.gateway import Analyzed
from shared.db import Tx


def insert_analysis(tx: Tx, email_id: UUID, mailbox_id: UUID, analyzed: Analyzed) -> bool:
    """Store an analysis with its entities; False if the mail has one already."""
    analysis, usage = analyzed.analysis, analyzed.usage
    reason = analysis.reply_needed_reason
    entities = analysis.entities
    stored = tx.one(
        int,
        """
        with analysis as (
            insert into email_analyses (workspace_id, email_id, mailbox_id, sentiment,
                sentiment_score, intent, reply_needed, reply_quote, provider, model, duration_ms,
                cost_micros)
            values (%(workspace_id)s, %(email_id)s, %(mailbox_id)s, %(sentiment)s,
                %(sentiment_score)s, %(intent)s, %(reply_needed)s, %(reply_quote)s, %(provider)s,
                %(model)s, %(duration_ms)s, %(cost_micros)s)
            on conflict do nothing
            returning email_id
        ), found as (
            insert into email_entities (workspace_id, email_id, place, mailbox_id, kind, value,
                quote, source, start_at, end_at, confidence)
            select %(workspace_id)s, analysis.email_id, f.place, %(mailbox_id)s, f.kind, f.value,
                f.quote, f.source, f.start_at, f.end_at, f.confidence
            from analysis, unnest(%(kinds)s::text[], %(values)s::text[], %(quotes)s::text[],
                %(sources)s::text[], %(starts)s::int[], %(ends)s::int[], %(confidences)s::float8[])
                with ordinality
                as f (kind, value, quote, source, start_at, end_at, confidence, place)
        )
        select count(*)::int from analysis
        """,
        email_id=email_id,
        mailbox_id=mailbox_id,
        sentiment=analysis.sentiment,
        sentiment_score=analysis.sentiment_score,
        intent=analysis.intent,
        reply_needed=analysis.reply_needed,
        reply_quote=reason.quote if reason else None,
        provider=usage.provider,
        model=usage.model,
        duration_ms=usage.duration_ms,
        cost_micros=usage.cost_usd_micros,
        kinds=[entity.kind for entity in entities],
        values=[entity.value for entity in entities],
        quotes=[entity.quote for entity in entities],
        sources=[entity.source for entity in entities],
        starts=[entity.start for entity in entities],
        ends=[entity.end for entity in entities],
        confidences=[entity.confidence for entity in entities],
    )
    return stored == 1
