"""Writing the ledger: a row for every mail id the provider ever named, in exactly one state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from functions.email.models import Attempt, FetchEmail
from shared.db import Tx


def stage(tx: Tx, mailbox_id: UUID, provider_ids: Sequence[str], *, listed: bool) -> int:
    """Open a ledger row for each id that has none; how many were new.

    `listed` ids come from a full listing, not from a notification.
    """
    return tx.run(
        """
        insert into mail_ledger (workspace_id, mailbox_id, provider_id, listed)
        select %(workspace_id)s, %(mailbox_id)s, id, %(listed)s
        from unnest(%(ids)s::text[]) as id
        on conflict do nothing
        """,
        mailbox_id=mailbox_id,
        ids=list(provider_ids),
        listed=listed,
    )


def reopen(tx: Tx, mailbox_id: UUID, provider_ids: Sequence[str], *, in_flight: bool) -> None:
    """Open again what these ids show to be out of date.

    A mail left out for a label it had may have lost it (moved out of spam, say), and one that was
    missing is there after all. With `in_flight`, a fetch under way may have read older labels than
    the ones just reported: the row gets a new generation, which that fetch can no longer close.
    """
    tx.run(
        """
        update mail_ledger
        set state = 'pending', reason = null, settled_at = null, releases = 0,
            generation = generation + 1,
            due_at = case when state = 'retrying' then due_at else now() end
        where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
            and provider_id = any(%(ids)s) and (
                (state = 'skipped' and reason in ('draft', 'spam', 'trash'))
                or (state = 'gone' and reason = 'missing')
                or (%(in_flight)s and state in ('queued', 'retrying'))
            )
        """,
        mailbox_id=mailbox_id,
        ids=list(provider_ids),
        in_flight=in_flight,
    )


def reopen_failed(tx: Tx, mailbox_id: UUID) -> None:
    """Open again what was given up, as if it had never been tried."""
    tx.run(
        """
        update mail_ledger
        set state = 'pending', reason = null, settled_at = null, releases = 0, attempts = 0,
            generation = generation + 1, due_at = now()
        where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s and state = 'failed'
        """,
        mailbox_id=mailbox_id,
    )


def take_due(
    tx: Tx, mailbox_id: UUID, *, most: int, listed: bool, again_s: int, most_releases: int
) -> list[FetchEmail]:
    """Mark the mails due now as queued and give the messages that fetch them.

    A mail released `again_s` ago that has reached no final state is due again, and each time that
    happens the next wait is twice as long. One released `most_releases` times without an end takes
    its function down with it: it fails. Rows that a fetch has locked are left for the next turn,
    so that no two transactions wait for each other. What is due is chosen in a CTE, which runs
    once: as a sub-select in FROM it may run again for every row, and then `most` is no limit.
    """
    tx.run(
        """
        with poison as (
            select provider_id from mail_ledger
            where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
                and state in ('pending', 'queued', 'retrying') and listed = %(listed)s
                and due_at <= now() and releases >= %(most_releases)s
            for update skip locked
        )
        update mail_ledger l set state = 'failed', reason = 'poison', settled_at = now()
        from poison
        where l.workspace_id = %(workspace_id)s and l.mailbox_id = %(mailbox_id)s
            and l.provider_id = poison.provider_id
        """,
        mailbox_id=mailbox_id,
        listed=listed,
        most_releases=most_releases,
    )
    return tx.all(
        FetchEmail,
        """
        with due as (
            select provider_id from mail_ledger
            where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
                and state in ('pending', 'queued', 'retrying')
                and listed = %(listed)s and due_at <= now()
            order by due_at limit %(most)s
            for update skip locked
        )
        update mail_ledger l
        set state = 'queued', releases = releases + 1,
            due_at = now() + make_interval(secs => %(again_s)s * 2 ^ releases)
        from due
        where l.workspace_id = %(workspace_id)s and l.mailbox_id = %(mailbox_id)s
            and l.provider_id = due.provider_id
        returning l.workspace_id, l.mailbox_id, l.provider_id, l.listed, l.generation
        """,
        mailbox_id=mailbox_id,
        most=most,
        listed=listed,
        again_s=again_s,
    )


def settle(
    tx: Tx,
    mailbox_id: UUID,
    provider_id: str,
    state: str,
    reason: str,
    *,
    generation: int | None = None,
) -> int:
    """Close a ledger row that is open, and where it is given, of this generation; 1 if it was."""
    return tx.run(
        """
        update mail_ledger set state = %(state)s, reason = %(reason)s, settled_at = now()
        where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
            and provider_id = %(provider_id)s and state in ('pending', 'queued', 'retrying')
            and generation = coalesce(%(generation)s, generation)
        """,
        mailbox_id=mailbox_id,
        provider_id=provider_id,
        state=state,
        reason=reason,
        generation=generation,
    )


def wait_until(tx: Tx, mailbox_id: UUID, provider_id: str, reason: str, due_at: datetime) -> None:
    """Put a mail off until `due_at` through no fault of its own."""
    tx.run(
        """
        update mail_ledger
        set state = 'retrying', reason = %(reason)s, due_at = %(due_at)s, releases = 0
        where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
            and provider_id = %(provider_id)s and state in ('pending', 'queued', 'retrying')
        """,
        mailbox_id=mailbox_id,
        provider_id=provider_id,
        reason=reason,
        due_at=due_at,
    )


def count_attempt(
    tx: Tx, mailbox_id: UUID, provider_id: str, reason: str, *, longest_wait_s: int
) -> Attempt | None:
    """Put a mail off after a failed attempt, twice as long each time.

    None where the mail has reached a final state meanwhile.
    """
    return tx.one(
        Attempt,
        """
        with before as (
            select provider_id, reason from mail_ledger
            where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
                and provider_id = %(provider_id)s and state in ('pending', 'queued', 'retrying')
            for update
        )
        update mail_ledger l
        set state = 'retrying', reason = %(reason)s, attempts = l.attempts + 1, releases = 0,
            due_at = now() + make_interval(secs => least(5 * 2 ^ l.attempts, %(longest_wait_s)s))
        from before
        where l.workspace_id = %(workspace_id)s and l.mailbox_id = %(mailbox_id)s
            and l.provider_id = before.provider_id
        returning l.attempts as number, before.reason as before
        """,
        mailbox_id=mailbox_id,
        provider_id=provider_id,
        reason=reason,
        longest_wait_s=longest_wait_s,
    )
