"""Reading the ledger and mails: the questions that decide what is done next."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from functions.email import queries, store
from functions.email.models import EmailNotFound, MailboxNotFound
from functions.email.tests.test_store import mailbox_id, row
from shared.access import EVERYTHING
from shared.db import transaction
from shared.ids import uuid7
from shared.testing import Database, Workspace

__all__ = ["mailbox_id"]  # a fixture


def test_a_mailbox_is_readable_without_its_credentials(
    mailbox_id: UUID, workspace: Workspace
) -> None:
    with transaction(workspace.id) as tx:
        mailbox = queries.get_mailbox(tx, mailbox_id)
        assert queries.list_mailboxes(tx, limit=9) == [mailbox]
        with pytest.raises(MailboxNotFound):
            queries.get_mailbox(tx, uuid7())
        assert queries.get_access(tx, uuid7()) is None
    assert "credentials" not in mailbox.model_dump()


def test_what_the_ledger_lacks_and_what_the_provider_lacks(
    mailbox_id: UUID, workspace: Workspace
) -> None:
    many = [f"m{n}" for n in range(20_000)]
    with transaction(workspace.id) as tx:
        store.stage(tx, mailbox_id, many[:-2], listed=True)
        assert queries.not_in_ledger(tx, mailbox_id, many) == many[-2:]
        assert queries.not_in_ledger(tx, mailbox_id, []) == []
        for one in ("m1", "m2", "m3"):
            store.insert_email(tx, row(mailbox_id, one))
        store.mark_gone(tx, mailbox_id, ["m3"])
        assert queries.stored_but_not_in(tx, mailbox_id, [*many[2:], "else"]) == ["m1"]
        assert sorted(queries.stored_but_not_in(tx, mailbox_id, [])) == ["m1", "m2"]


def test_states_are_counted_by_reason(mailbox_id: UUID, workspace: Workspace) -> None:
    with transaction(workspace.id) as tx:
        store.stage(tx, mailbox_id, list("abcde"), listed=True)
        for one in "ab":
            store.settle(tx, mailbox_id, one, "skipped", "spam")
        store.settle(tx, mailbox_id, "c", "skipped", "draft")
        store.insert_email(tx, row(mailbox_id, "d"))
        assert queries.ledger_states(tx, mailbox_id) == [
            ("pending", None, 1),
            ("skipped", "draft", 1),
            ("skipped", "spam", 2),
            ("stored", None, 1),
        ]


@pytest.mark.parametrize(
    ("units", "spent_ago", "live", "backfill"),
    [
        (6000, "1 hour", 6000, 3000),
        (6000, "30 seconds", 3000, 1500),
        (61, "1 hour", 61, 30),
        (60, "1 second", 1, 0.5),
    ],
)
def test_the_quota_fills_up_with_time(
    mailbox_id: UUID,
    workspace: Workspace,
    database: Database,
    units: int,
    spent_ago: str,
    live: float,
    backfill: float,
) -> None:
    with transaction(workspace.id) as tx:
        tx.run(
            """
            update mailboxes set units_per_minute = %(units)s, units = 0, backfill_units = 0,
                units_at = now() - %(spent_ago)s::interval
            where workspace_id = %(workspace_id)s and id = %(id)s
            """,
            units=units,
            spent_ago=spent_ago,
            id=mailbox_id,
        )
        quota = queries.quota(tx, mailbox_id)
    assert quota is not None
    assert quota.live == pytest.approx(live)  # pyright: ignore[reportUnknownMemberType]
    assert quota.backfill == pytest.approx(backfill)  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize(
    ("state", "until"),
    [("active", "1 minute"), ("disconnected", None)],
)
def test_a_resting_mailbox_has_no_quota(
    mailbox_id: UUID, workspace: Workspace, state: str, until: str | None
) -> None:
    with transaction(workspace.id) as tx:
        tx.run(
            """
            update mailboxes set state = %(state)s, throttled_until = now() + %(until)s::interval
            where workspace_id = %(workspace_id)s and id = %(id)s
            """,
            state=state,
            until=until,
            id=mailbox_id,
        )
        assert queries.quota(tx, mailbox_id) is None


def test_a_worker_reads_every_mail_and_the_owner_too(
    mailbox_id: UUID, workspace: Workspace, as_role: Callable[[str], None]
) -> None:
    mail = row(mailbox_id, "a", subject="Secret", raw_key="key")
    with transaction(workspace.id) as tx:
        store.stage(tx, mailbox_id, ["a"], listed=False)
        store.insert_email(tx, mail)
        assert queries.get_email(tx, mail["id"]).subject == "Secret"
    as_role("crm_app")
    with transaction(workspace.id, user_id=workspace.user_id, access=EVERYTHING) as tx:
        assert queries.get_raw_key(tx, mail["id"]) == "key"
    with transaction(workspace.id, access=EVERYTHING) as tx:  # as a stranger of the mailbox
        assert queries.get_email(tx, mail["id"]).subject is None
        with pytest.raises(EmailNotFound):
            queries.get_raw_key(tx, mail["id"])
        with pytest.raises(EmailNotFound):
            queries.get_email(tx, uuid7())
