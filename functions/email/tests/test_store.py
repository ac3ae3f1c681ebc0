"""Writing the ledger and mails: what must hold whoever else writes at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from functions.email import queries, store
from functions.email.models import AddressTaken, MailboxChange, NewMailbox
from shared.access import EVERYTHING
from shared.db import Tx, transaction
from shared.db.connection import connect
from shared.ids import uuid7
from shared.testing import Database, Workspace

NEW = NewMailbox.model_validate({"address": "ana@acme.example", "access_token": "x"})
AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def mailbox_id(as_role: Callable[[str], None], workspace: Workspace) -> UUID:
    """A mailbox of the workspace's owner; we go on as crm_worker."""
    mailbox_id = uuid7()
    with transaction(workspace.id, user_id=workspace.user_id, access=EVERYTHING) as tx:
        store.insert_mailbox(tx, NEW, mailbox_id, b"sealed")
    as_role("crm_worker")
    return mailbox_id


def row(mailbox_id: UUID, provider_id: str, **changes: Any) -> dict[str, Any]:
    """A mail as `insert_email` takes it."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("message_id", "sender_name", "sender_email", "sent_at", "html")
    )
    empty = dict.fromkeys(("subject", "snippet", "text", "reply", "signature"), "")
    lists: dict[str, Any] = {
        name: [] for name in ("attachments", "defects", "roles", "names", "emails")
    }
    return {
        **nothing,
        **empty,
        **lists,
        "id": uuid7(),
        "mailbox_id": mailbox_id,
        "provider_id": provider_id,
        "generation": 0,
        "provider_thread_id": "t",
        "direction": "inbound",
        "kind": "human",
        "received_at": AT,
        "labels": ["INBOX"],
        "size": 3,
        "raw_key": "k",
        "backfill": False,
        **changes,
    }


def states(database: Database, mailbox_id: UUID) -> dict[str, tuple[str, str | None]]:
    rows = database.admin(
        "select provider_id, state, reason from mail_ledger where mailbox_id = %(id)s",
        id=mailbox_id,
    )
    return {one["provider_id"]: (one["state"], one["reason"]) for one in rows}


def test_an_address_is_free_again_once_its_mailbox_is_deleted(
    as_role: Callable[[str], None], workspace: Workspace, database: Database
) -> None:
    first = uuid7()
    with transaction(workspace.id, user_id=workspace.user_id, access=EVERYTHING) as tx:
        store.insert_mailbox(tx, NEW, first, b"x")
        with pytest.raises(AddressTaken) as taken:
            store.insert_mailbox(tx, NEW, uuid7(), b"x")
    assert taken.value.existing_id == str(first)
    database.admin("update mailboxes set deleted_at = now() where id = %(id)s", id=first)
    with transaction(workspace.id, user_id=workspace.user_id, access=EVERYTHING) as tx:
        assert store.insert_mailbox(tx, NEW, uuid7(), b"x").version == 1
        assert store.update_mailbox(tx, first, MailboxChange(), None, None) is None


def test_the_cursor_moves_forward_only_and_holds_any_number(
    mailbox_id: UUID, workspace: Workspace
) -> None:
    for given, expected in (("7", "7"), (str(2**90), str(2**90)), ("8", str(2**90))):
        with transaction(workspace.id) as tx:
            store.advance_cursor(tx, mailbox_id, given)
            access = queries.get_access(tx, mailbox_id)
        assert access is not None
        assert access.history_cursor == expected
        assert "sealed" not in repr(access)


def test_only_the_credentials_that_were_refused_disconnect(
    mailbox_id: UUID, workspace: Workspace
) -> None:
    with transaction(workspace.id) as tx:
        assert store.disconnect(tx, mailbox_id, b"older", "authError") is None
        done = store.disconnect(tx, mailbox_id, b"sealed", "authError")
        assert done is not None
        assert (done.id, done.version) == (mailbox_id, 2)
        assert store.disconnect(tx, mailbox_id, b"sealed", "authError") is None
        again = store.update_mailbox(tx, mailbox_id, MailboxChange(), b"newer", 2)
        assert again is not None
        assert (again.state, again.state_reason, again.version) == ("active", None, 3)


def test_staging_is_once_and_never_reopens(
    mailbox_id: UUID, workspace: Workspace, database: Database
) -> None:
    with transaction(workspace.id) as tx:
        assert store.stage(tx, mailbox_id, ["a", "b", "a"], listed=True) == 2
        store.settle(tx, mailbox_id, "a", "gone", "missing")
        assert store.stage(tx, mailbox_id, ["a", "b", "c"], listed=False) == 1
        assert store.stage(tx, mailbox_id, [], listed=False) == 0
    assert states(database, mailbox_id) == {
        "a": ("gone", "missing"),
        "b": ("pending", None),
        "c": ("pending", None),
    }


@pytest.mark.parametrize("staged", [3, 50, 3000])
def test_no_more_are_taken_than_asked_for_whatever_the_plan(
    mailbox_id: UUID, workspace: Workspace, database: Database, staged: int
) -> None:
    with transaction(workspace.id) as tx:
        store.stage(tx, mailbox_id, [str(n) for n in range(staged)], listed=False)
    if staged > 1000:
        database.admin("analyze mail_ledger")
    with transaction(workspace.id) as tx:
        taken = store.take_due(tx, mailbox_id, most=2, listed=False, again_s=60, most_releases=6)
        assert len({one.provider_id for one in taken}) == len(taken) == 2
        assert (
            store.take_due(tx, mailbox_id, most=staged, listed=True, again_s=60, most_releases=6)
            == []
        )
    queued = [one for one in states(database, mailbox_id).values() if one[0] == "queued"]
    assert len(queued) == 2


def test_two_who_release_at_once_take_different_mails(
    mailbox_id: UUID, workspace: Workspace, database: Database
) -> None:
    with transaction(workspace.id) as tx:
        store.stage(tx, mailbox_id, [str(n) for n in range(10)], listed=False)
    other = connect(database.url("crm_worker"))
    try:
        with transaction(workspace.id) as tx:
            options: dict[str, Any] = {"listed": False, "again_s": 60, "most_releases": 6}
            first = store.take_due(tx, mailbox_id, most=6, **options)
            other.execute("begin")
            other.execute("select app.begin_request(%s, null)", (workspace.id,))
            beside = Tx(other, workspace.id, None, "system")
            second = store.take_due(beside, mailbox_id, most=6, **options)
            other.execute("commit")
    finally:
        other.close()
    ids = [one.provider_id for one in first + second]
    assert (len(first), len(second), len(set(ids))) == (6, 4, 10)


def test_a_mail_is_stored_once_however_many_try(
    mailbox_id: UUID, workspace: Workspace, database: Database
) -> None:
    with transaction(workspace.id) as tx:
        store.stage(tx, mailbox_id, ["a"], listed=False)
    url = database.url("crm_worker")

    def attempt(_: int) -> UUID | None:
        with connect(url) as opened:
            opened.execute("begin")
            opened.execute("select app.begin_request(%s, null)", (workspace.id,))
            thread_id = store.insert_email(
                Tx(opened, workspace.id, None, "system"), row(mailbox_id, "a")
            )
            opened.execute("commit")
            return thread_id

    with ThreadPoolExecutor(6) as pool:
        threads = list(pool.map(attempt, range(6)))
    assert len([one for one in threads if one is not None]) == 1
    counts = database.admin(
        """
        select (select count(*) from emails where mailbox_id = %(id)s) as emails,
            (select sum(emails) from threads where mailbox_id = %(id)s) as in_threads
        """,
        id=mailbox_id,
    )
    assert counts == [{"emails": 1, "in_threads": 1}]


def test_what_the_ledger_does_not_await_is_not_stored(
    mailbox_id: UUID, workspace: Workspace, database: Database
) -> None:
    with transaction(workspace.id) as tx:
        assert store.insert_email(tx, row(mailbox_id, "never staged")) is None
        store.stage(tx, mailbox_id, ["skipped", "changed"], listed=False)
        store.settle(tx, mailbox_id, "skipped", "skipped", "chat")
        store.reopen(tx, mailbox_id, ["changed", "skipped"], in_flight=False)
        assert store.insert_email(tx, row(mailbox_id, "skipped")) is None
        assert store.insert_email(tx, row(mailbox_id, "changed", generation=1)) is None
        store.take_due(tx, mailbox_id, most=9, listed=False, again_s=9, most_releases=6)
        store.reopen(tx, mailbox_id, ["changed"], in_flight=True)
        assert store.insert_email(tx, row(mailbox_id, "changed")) is None
        assert store.settle(tx, mailbox_id, "changed", "skipped", "spam", generation=0) == 0
        taken = store.take_due(tx, mailbox_id, most=9, listed=False, again_s=9, most_releases=6)
        assert [one.generation for one in taken] == [1]
        assert store.insert_email(tx, row(mailbox_id, "changed", generation=1)) is not None
    assert states(database, mailbox_id) == {
        "skipped": ("skipped", "chat"),
        "changed": ("stored", None),
    }


def test_a_thread_grows_with_its_mails_and_never_gets_older(
    mailbox_id: UUID, workspace: Workspace
) -> None:
    with transaction(workspace.id) as tx:
        store.stage(tx, mailbox_id, ["a", "b", "c"], listed=False)
        ids = {
            store.insert_email(tx, row(mailbox_id, one, received_at=AT + timedelta(days=days)))
            for one, days in (("a", 0), ("b", 5), ("c", 2))
        }
        (thread,) = queries.list_threads(tx, limit=9)
    assert ids == {thread.id}
    assert (thread.emails, thread.last_at) == (3, AT + timedelta(days=5))


def test_a_closed_row_takes_no_attempts_and_no_waits(
    mailbox_id: UUID, workspace: Workspace, database: Database
) -> None:
    with transaction(workspace.id) as tx:
        store.stage(tx, mailbox_id, ["a"], listed=False)
        store.insert_email(tx, row(mailbox_id, "a"))
        assert store.count_attempt(tx, mailbox_id, "a", "x", longest_wait_s=9) is None
        store.wait_until(tx, mailbox_id, "a", "throttled", AT)
        assert store.settle(tx, mailbox_id, "a", "gone", "missing") == 0
        store.reopen(tx, mailbox_id, ["a"], in_flight=True)
        assert store.mark_gone(tx, mailbox_id, ["a", "unknown"])[0].gone is True
        assert store.mark_gone(tx, mailbox_id, ["a"]) == []
    assert states(database, mailbox_id) == {"a": ("stored", None)}


def test_labels_are_added_and_removed_without_repeats(
    mailbox_id: UUID, workspace: Workspace
) -> None:
    with transaction(workspace.id) as tx:
        store.stage(tx, mailbox_id, ["a"], listed=False)
        store.insert_email(tx, row(mailbox_id, "a", labels=["INBOX", "UNREAD"]))
        changed = store.relabel(tx, mailbox_id, "a", ["STARRED", "INBOX"], ["UNREAD"])
        assert changed is not None
        assert (changed.labels, changed.version) == (["INBOX", "STARRED"], 2)
        assert store.relabel(tx, mailbox_id, "a", ["INBOX"], ["UNREAD"]) is None
        assert store.relabel(tx, mailbox_id, "unknown", ["INBOX"], []) is None
        bare = store.relabel(tx, mailbox_id, "a", [], ["INBOX", "STARRED"])
        assert bare is not None
        assert bare.labels == []


def test_storing_a_mail_does_not_wait_for_the_mailboxs_release(
    mailbox_id: UUID, workspace: Workspace, database: Database
) -> None:
    """The quota's lock leaves room for the foreign keys of mails stored meanwhile."""
    with transaction(workspace.id) as tx:
        store.stage(tx, mailbox_id, ["a"], listed=False)
    other = connect(database.url("crm_worker"))
    try:
        with transaction(workspace.id) as tx:
            assert queries.quota(tx, mailbox_id) is not None
            store.spend_units(tx, mailbox_id, 1.5, 0.5)
            other.execute("begin")
            other.execute("select app.begin_request(%s, null)", (workspace.id,))
            other.execute("select set_config('lock_timeout', '2s', true)")
            beside = Tx(other, workspace.id, None, "system")
            assert store.insert_email(beside, row(mailbox_id, "a")) is not None
            other.execute("commit")
    finally:
        other.close()
