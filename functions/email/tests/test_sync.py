"""`email-sync`: what Gmail's history says, into the ledger, against the emulator and its faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from functions.email import commands, gmail
from functions.email.consumers import sync
from functions.email.gmail.resources import HistoryPage
from functions.email.tests.conftest import ADDRESS, Connect, Mailroom, Queues
from infra_cdk.local.google import mailbox as mail
from infra_cdk.local.google.mailbox import Mailbox
from infra_cdk.local.google.testing import calm, injected, set_faults
from shared.testing import Call, Database, Workspace

if TYPE_CHECKING:
    from infra_cdk.local.google.emulate import Google

pytest_plugins = ["infra_cdk.local.google.fixtures"]

MAIL = (
    b"From: Kim <kim@initech.example>\r\nTo: ana@acme.example\r\nSubject: Hi\r\n\r\nHello Ana\r\n"
)
Events = Callable[[Workspace], list[dict[str, Any]]]


def of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event["payload"] for event in events if event["type"] == kind]


def test_the_first_look_lists_the_mailbox_and_sets_the_cursor(
    connect: Connect, mailroom: Mailroom, box: Mailbox
) -> None:
    ids = set(mail.insert_many(box, [MAIL] * 3))
    mailbox = connect()
    assert mailroom.cursor(mailbox) is None
    assert mailroom.sync() == []
    assert mailroom.ledger(mailbox).keys() == ids
    assert {row["listed"] for row in mailroom.ledger(mailbox).values()} == {True}
    assert (mailroom.cursor(mailbox) or 0) > 0


def test_what_arrives_later_is_followed_through_the_history(
    connect: Connect, mailroom: Mailroom, box: Mailbox
) -> None:
    mailbox = connect()
    mailroom.sync()
    before = mailroom.cursor(mailbox)
    new = mail.insert(box, MAIL)
    assert mailroom.sync() == []
    row = mailroom.ledger(mailbox)[new]
    assert (row["listed"], row["state"]) == (False, "queued")
    after = mailroom.cursor(mailbox)
    assert before is not None
    assert after is not None
    assert after > before


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gmail answers in pages of two."""
    history, listing = gmail.history, gmail.list_messages

    def few_changes(session: gmail.Gmail, start: str, token: str | None = None) -> Any:
        return history(session, start, token, max_results=2)

    def few_messages(session: gmail.Gmail, **options: Any) -> Any:
        return listing(session, max_results=2, **options)

    monkeypatch.setattr(gmail, "history", few_changes)
    monkeypatch.setattr(gmail, "list_messages", few_messages)


def test_every_page_of_the_history_is_read(
    connect: Connect, mailroom: Mailroom, box: Mailbox, small_pages: None
) -> None:
    mailbox = connect()
    mailroom.sync()
    ids = set(mail.insert_many(box, [MAIL] * 7))
    assert mailroom.sync() == []
    assert mailroom.ledger(mailbox).keys() == ids


def test_a_failure_on_a_later_page_moves_no_cursor_and_loses_nothing(
    google: Google, connect: Connect, mailroom: Mailroom, box: Mailbox, small_pages: None
) -> None:
    mailbox = connect()
    mailroom.sync()
    before = mailroom.cursor(mailbox)
    ids = set(mail.insert_many(box, [MAIL] * 7))
    set_faults(google, {"kind": "status", "path": "history.*pageToken", "skip": 1, "count": 1})
    assert mailroom.sync() == []  # the mailbox rests: a failed message would hold up its group
    assert (mailroom.cursor(mailbox), mailroom.ledger(mailbox)) == (before, {})
    mailroom.run("poll")
    assert mailroom.queues.sync.take() == []
    mailroom.hurry()
    assert mailroom.sync() == []
    assert mailroom.ledger(mailbox).keys() == ids


def test_a_listing_that_breaks_off_calls_nothing_deleted(
    google: Google, connect: Connect, mailroom: Mailroom, box: Mailbox, small_pages: None
) -> None:
    ids = set(mail.insert_many(box, [MAIL] * 5))
    mailbox = connect()
    mailroom.settle()
    set_faults(
        google,
        {"kind": "expired_history", "count": 1},
        {"kind": "status", "path": "messages.*pageToken", "skip": 1, "count": 1},
    )
    mail.insert(box, MAIL)
    assert mailroom.sync() == []
    assert injected(google) == [1, 1]
    gone = mailroom.database.admin(
        "select id from emails where mailbox_id = %(id)s::uuid and gone_at is not null",
        id=mailbox["id"],
    )
    assert gone == []
    assert ids < mailroom.ledger(mailbox).keys()


def _answers(monkeypatch: pytest.MonkeyPatch, *pages: dict[str, Any]) -> list[str | None]:
    """Let Gmail's history answer these pages; the tokens that were asked with."""
    waiting = [HistoryPage.model_validate(page) for page in pages]
    asked: list[str | None] = []

    def answer(session: gmail.Gmail, start: str, token: str | None = None) -> Any:
        asked.append(token)
        return waiting.pop(0)

    monkeypatch.setattr(gmail, "history", answer)
    return asked


def _added(*ids: str) -> list[dict[str, Any]]:
    return [{"messagesAdded": [{"message": {"id": one, "threadId": one}}]} for one in ids]


def test_an_empty_page_with_a_token_is_not_the_end(
    connect: Connect, mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = connect()
    mailroom.sync()
    start = mailroom.cursor(mailbox) or 0
    asked = _answers(
        monkeypatch,
        {"history": [], "historyId": str(start + 50), "nextPageToken": "a"},
        {"historyId": str(start + 60), "nextPageToken": "b"},
        {"history": _added("m1"), "historyId": str(start + 70)},
    )
    assert mailroom.sync() == []
    assert asked == [None, "a", "b"]
    assert mailroom.ledger(mailbox).keys() == {"m1"}
    # The first page's: what arrived while the others were read is asked for again.
    assert mailroom.cursor(mailbox) == start + 50


def test_an_empty_history_moves_the_cursor_all_the_same(
    connect: Connect, mailroom: Mailroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = connect()
    mailroom.sync()
    far = 2**80 + 7
    _answers(monkeypatch, {"historyId": str(far)}, {"historyId": "3"})
    mailroom.sync()
    assert mailroom.cursor(mailbox) == far  # wider than any integer column
    mailroom.sync()
    assert mailroom.cursor(mailbox) == far  # and never back


def test_a_crash_before_the_release_loses_nothing(
    connect: Connect, mailroom: Mailroom, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = connect()
    mailroom.sync()
    new = mail.insert(box, MAIL)

    def die(workspace_id: object, mailbox_id: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(sync, "release_mails", die)
        assert mailroom.sync() == ["0"]
    assert mailroom.states(mailbox)[new] == ("pending", None)
    assert mailroom.queues.fetch.take() == []
    mailroom.run("release")
    mailroom.fetch()
    assert mailroom.states(mailbox)[new] == ("stored", None)


def test_a_crash_before_the_cursor_moved_stages_the_same_again(
    connect: Connect,
    mailroom: Mailroom,
    box: Mailbox,
    workspace: Workspace,
    events_of: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mailbox = connect()
    mailroom.settle()
    new = mail.insert(box, MAIL)
    before = mailroom.cursor(mailbox)

    def die(*_: object) -> None:
        raise ConnectionError("the database is gone")

    with monkeypatch.context() as patched:
        patched.setattr(commands.store, "advance_cursor", die)
        assert mailroom.sync() == ["0"]
    assert (mailroom.cursor(mailbox), mailroom.ledger(mailbox)) == (before, {})
    mailroom.settle()
    assert mailroom.states(mailbox) == {new: ("stored", None)}
    assert len(of(events_of(workspace), "EmailReceived")) == 1


def test_replayed_pushes_change_nothing(
    connect: Connect, mailroom: Mailroom, box: Mailbox, workspace: Workspace, events_of: Events
) -> None:
    mailbox = connect()
    mailroom.sync()
    start = mailroom.cursor(mailbox)
    new = mail.insert(box, MAIL)
    mail.modify(box, new, add=["STARRED"])
    mailroom.settle()
    books, events = mailroom.states(mailbox), events_of(workspace)
    for cursor in (start, mailroom.cursor(mailbox)):
        mailroom.database.admin(
            "update mailboxes set history_cursor = %(cursor)s where id = %(id)s::uuid",
            cursor=cursor,
            id=mailbox["id"],
        )
        assert mailroom.sync() == []
        assert mailroom.fetch(times=2) == []
    assert (mailroom.states(mailbox), events_of(workspace)) == (books, events)


def test_an_expired_cursor_lists_everything_and_finds_what_was_deleted(
    google: Google,
    connect: Connect,
    mailroom: Mailroom,
    box: Mailbox,
    workspace: Workspace,
    events_of: Events,
) -> None:
    kept, doomed = mail.insert(box, MAIL), mail.insert(box, MAIL)
    mailbox = connect()
    mailroom.settle()
    mail.delete(box, doomed)
    new = mail.insert(box, MAIL)
    set_faults(google, {"kind": "expired_history", "count": 1})
    mailroom.settle()
    assert injected(google) == [1]
    assert mailroom.states(mailbox) == dict.fromkeys((kept, doomed, new), ("stored", None))
    changed = of(events_of(workspace), "EmailChanged")
    assert [event["gone"] for event in changed] == [True]
    assert changed[0]["aggregate_id"] == str(mailroom.ledger(mailbox)[doomed]["email_id"])
    received = of(events_of(workspace), "EmailReceived")
    assert [event["backfill"] for event in received] == [True, True, False]
    cursor = mailroom.cursor(mailbox)
    mailroom.settle()
    assert mailroom.cursor(mailbox) == cursor  # no second listing: the new cursor is good


@pytest.mark.parametrize(
    ("status", "reason", "state"),
    [(401, "authError", "disconnected"), (403, "domainPolicy", "disconnected")],
)
def test_a_refusal_disconnects_the_mailbox_also_during_a_listing(
    google: Google,
    connect: Connect,
    mailroom: Mailroom,
    box: Mailbox,
    workspace: Workspace,
    events_of: Events,
    status: int,
    reason: str,
    state: str,
) -> None:
    mailbox = connect()
    mailroom.settle()
    mail.insert(box, MAIL)
    set_faults(
        google,
        {"kind": "expired_history", "count": 1},
        {"kind": "status", "path": "messages\\?", "status": status, "reason": reason},
    )
    assert mailroom.sync() == []
    rows = mailroom.database.admin(
        "select state, state_reason from mailboxes where id = %(id)s::uuid", id=mailbox["id"]
    )
    assert rows == [{"state": state, "state_reason": reason}]
    ended = of(events_of(workspace), "MailboxDisconnected")
    assert [event["reason"] for event in ended] == [reason]
    calm(google)
    assert mailroom.sync() == []  # nothing more is asked of it
    assert mailroom.ledger(mailbox) == {}


def test_a_quota_used_up_during_a_listing_rests_the_mailbox(
    google: Google, connect: Connect, mailroom: Mailroom, box: Mailbox
) -> None:
    mailbox = connect()
    mailroom.settle()
    new = mail.insert(box, MAIL)
    set_faults(
        google,
        {"kind": "expired_history", "count": 1},
        {"kind": "status", "path": "messages\\?", "status": 429, "retry_after": 600},
    )
    assert mailroom.sync() == []
    calm(google)
    assert mailroom.sync() == []  # resting
    assert mailroom.ledger(mailbox) == {}
    # Whoever rested is asked again as soon as it may be, however lately it was heard of.
    mailroom.database.admin(
        """
        update mailboxes set throttled_until = now() - interval '1 second',
            synced_at = now() - interval '1 minute'
        where id = %(id)s::uuid
        """,
        id=mailbox["id"],
    )
    mailroom.run("poll")
    assert [ADDRESS in body for body in mailroom.queues.sync.take()] == [True]
    mailroom.settle()
    assert mailroom.states(mailbox) == {new: ("stored", None)}
    mailroom.run("poll")
    assert mailroom.queues.sync.take() == []


def test_labels_follow_and_say_so_once(
    connect: Connect,
    mailroom: Mailroom,
    box: Mailbox,
    workspace: Workspace,
    events_of: Events,
    emails: Callable[..., list[dict[str, Any]]],
) -> None:
    message_id = mail.insert(box, MAIL)
    connect()
    mailroom.settle()
    before = emails()[0]
    mail.modify(box, message_id, add=["STARRED"], remove=["UNREAD"])
    mail.modify(box, message_id, add=["IMPORTANT"])
    mail.modify(box, message_id, remove=["IMPORTANT"])
    mailroom.sync()
    after = emails()[0]
    assert after["labels"] == ["INBOX", "STARRED"]
    assert after["version"] == before["version"] + 1
    changed = of(events_of(workspace), "EmailChanged")
    assert [(event["labels"], event["gone"]) for event in changed] == [
        (["INBOX", "STARRED"], False)
    ]
    assert changed[0]["aggregate_version"] == after["version"]


def test_a_deleted_mail_stays_and_says_so(
    connect: Connect,
    mailroom: Mailroom,
    box: Mailbox,
    workspace: Workspace,
    events_of: Events,
    emails: Callable[..., list[dict[str, Any]]],
) -> None:
    message_id = mail.insert(box, MAIL)
    mailbox = connect()
    mailroom.settle()
    mail.delete(box, message_id)
    mailroom.sync()
    assert emails()[0]["gone_at"] is not None
    assert emails()[0]["text"].strip() == "Hello Ana"
    assert mailroom.states(mailbox) == {message_id: ("stored", None)}
    assert [event["gone"] for event in of(events_of(workspace), "EmailChanged")] == [True]


def test_a_mail_deleted_before_it_was_fetched_is_gone(
    connect: Connect, mailroom: Mailroom, box: Mailbox, queues: Queues
) -> None:
    mailbox = connect()
    mailroom.sync()
    message_id = mail.insert(box, MAIL)
    mailroom.sync()
    mail.delete(box, message_id)
    mailroom.sync()
    assert mailroom.states(mailbox) == {message_id: ("gone", "deleted")}
    assert mailroom.fetch() == []
    assert mailroom.states(mailbox) == {message_id: ("gone", "deleted")}


@pytest.mark.parametrize("label", ["SPAM", "TRASH"])
def test_a_mail_taken_out_of_spam_is_stored_after_all(
    connect: Connect, mailroom: Mailroom, box: Mailbox, label: str
) -> None:
    message_id = mail.insert(box, MAIL, labels=[label])
    mailbox = connect()
    mailroom.settle()
    assert mailroom.states(mailbox) == {message_id: ("skipped", label.lower())}
    mail.modify(box, message_id, add=["INBOX"], remove=[label])
    mailroom.settle()
    assert mailroom.states(mailbox) == {message_id: ("stored", None)}


def test_a_mail_taken_out_of_spam_while_the_history_expired_is_found_by_the_listing(
    google: Google, connect: Connect, mailroom: Mailroom, box: Mailbox
) -> None:
    message_id = mail.insert(box, MAIL, labels=["SPAM"])
    mailbox = connect()
    mailroom.settle()
    mail.modify(box, message_id, add=["INBOX"], remove=["SPAM"])
    set_faults(google, {"kind": "expired_history", "count": 1})
    mailroom.settle()
    assert injected(google) == [1]
    assert mailroom.states(mailbox) == {message_id: ("stored", None)}


def test_an_unknown_address_is_nobodys_business(mailroom: Mailroom) -> None:
    assert mailroom.sync("stranger@nowhere.example") == []
    assert mailroom.queues.fetch.take() == []


def test_an_address_in_two_workspaces_is_followed_in_both(
    connect: Connect,
    mailroom: Mailroom,
    box: Mailbox,
    new_workspace: Callable[[], Workspace],
    emails: Callable[..., list[dict[str, Any]]],
) -> None:
    other = new_workspace()
    ours, theirs = connect(), connect(workspace=other)
    mailroom.settle()
    message_id = mail.insert(box, MAIL)
    mailroom.settle()
    assert mailroom.states(ours) == mailroom.states(theirs) == {message_id: ("stored", None)}
    mine, yours = emails(), emails(other)
    assert (len(mine), len(yours)) == (1, 1)
    assert mine[0]["id"] != yours[0]["id"]
    assert mine[0]["thread_id"] != yours[0]["thread_id"]


def test_one_workspaces_trouble_is_not_anothers(
    connect: Connect,
    call: Call,
    mailroom: Mailroom,
    box: Mailbox,
    database: Database,
    new_workspace: Callable[[], Workspace],
) -> None:
    mailboxes = [connect(), connect(workspace=new_workspace()), connect(workspace=new_workspace())]
    broken = mailboxes[1]
    database.admin(
        "update mailboxes set credentials = 'nonsense' where id = %(id)s::uuid", id=broken["id"]
    )
    message_id = mail.insert(box, MAIL)
    assert mailroom.sync() == ["0"]
    assert [list(mailroom.ledger(one)) for one in mailboxes] == [[message_id], [], [message_id]]


def test_a_mailbox_that_did_not_answer_is_asked_again_by_the_clock(
    google: Google, connect: Connect, mailroom: Mailroom, box: Mailbox
) -> None:
    mailbox = connect()
    mailroom.settle()
    message_id = mail.insert(box, MAIL)
    set_faults(google, {"kind": "reset", "path": "history", "count": 1})
    assert mailroom.sync() == []
    mailroom.database.admin(
        """
        update mailboxes set synced_at = now() - interval '9 s',
            throttled_until = now() - interval '1 s'
        where id = %(id)s::uuid
        """,
        id=mailbox["id"],
    )
    mailroom.run("poll")
    assert len(mailroom.queues.sync.take()) == 1
    assert mailroom.sync() == []
    assert mailroom.ledger(mailbox).keys() == {message_id}
