"""Reading the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from functions.email.models import LedgerCount
from shared.db import Tx


def ledger_states(tx: Tx, mailbox_id: UUID) -> list[LedgerCount]:
    """How many mails are in each state, for each reason."""
    return tx.all(
        LedgerCount,
        """
        select state, reason, count(*)::int as emails from mail_ledger
        where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
        group by state, reason order by state, reason
        """,
        mailbox_id=mailbox_id,
    )


def not_in_ledger(tx: Tx, mailbox_id: UUID, provider_ids: Sequence[str]) -> list[str]:
    """Those of the provider's ids that the ledger lacks."""
    return tx.all(
        str,
        """
        select listed.id from unnest(%(ids)s::text[]) as listed (id)
        where not exists (
            select from mail_ledger l
            where l.workspace_id = %(workspace_id)s and l.mailbox_id = %(mailbox_id)s
                and l.provider_id = listed.id
        )
        """,
        mailbox_id=mailbox_id,
        ids=list(provider_ids),
    )


def stored_but_not_in(tx: Tx, mailbox_id: UUID, provider_ids: Sequence[str]) -> list[str]:
    """Ids of stored mails that a complete listing lacks: the provider deleted them."""
    return tx.all(
        str,
        """
        select l.provider_id from mail_ledger l
        join emails e on e.workspace_id = l.workspace_id and e.id = l.email_id
        where l.workspace_id = %(workspace_id)s and l.mailbox_id = %(mailbox_id)s
            and l.state = 'stored' and e.gone_at is null
            and not l.provider_id = any(%(ids)s)
        """,
        mailbox_id=mailbox_id,
        ids=list(provider_ids),
    )
