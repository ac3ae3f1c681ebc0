"""`ai-processing`: every stored mail is analysed once."""

from __future__ import annotations

from collections.abc import Sequence

from events.email import EmailReceived
from functions.ai import commands, queries
from functions.ai.gateway import analyze_mail
from functions.ai.local.provider import LOCAL
from shared.db import transaction
from shared.runtime import Consumer

ACTOR = "system:ai"

consumer = Consumer("ai-processing")


@consumer.on_vendor(EmailReceived)
def analyze_emails(received: Sequence[EmailReceived]) -> None:
    """Read mails of one workspace, analyse each, store what was found.

    A mail that is gone or has its analysis is left out, so a second delivery changes nothing.
    """
    workspace_id = received[0].workspace_id
    with transaction(workspace_id, actor=ACTOR) as tx:
        mails = queries.get_mails(tx, [event.aggregate_id for event in received])
    analyzed = {mail.id: analyze_mail(mail, LOCAL) for mail in mails}
    if not analyzed:
        return
    with transaction(workspace_id, actor=ACTOR) as tx:
        # In one order everywhere, so that no two deliveries wait for each other.
        for event in sorted(received, key=lambda event: event.aggregate_id):
            if event.aggregate_id in analyzed:
                commands.record_analysis(tx, event, analyzed.pop(event.aggregate_id))


handler = consumer.handler
