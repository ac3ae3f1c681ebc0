"""`ai-processing`: every stored mail is analysed once."""

from __future__ import annotations

from events.email import EmailReceived
from functions.ai import commands, queries
from functions.ai.gateway import analyze_mail
from functions.ai.local.provider import LOCAL
from shared.db import transaction
from shared.runtime import Consumer

consumer = Consumer("ai-processing")


@consumer.on_vendor(EmailReceived)
def analyze_email(received: EmailReceived) -> None:
    """Read the mail, analyse it, store what was found; a mail that has its analysis is left."""
    with transaction(received.workspace_id, actor="system:ai") as tx:
        mail = queries.get_mail(tx, received.aggregate_id)
    if mail is None:
        return
    analyzed = analyze_mail(mail, LOCAL)
    with transaction(received.workspace_id, actor="system:ai") as tx:
        commands.record_analysis(tx, received, mail, analyzed)


handler = consumer.handler
