"""`email-fetch`: every mail ends in exactly one state of the ledger, once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from functions.email import commands, gmail
from functions.email.api import handler as api
from functions.email.consumers import fetch
from functions.email.models import FetchEmail
from functions.email.tests.conftest import Connect, Mailroom
from infra_cdk.local.google import mailbox as mail
from infra_cdk.local.google.mailbox import Mailbox
from infra_cdk.local.google.testing import eventually
from shared import db
from shared.aws import client
from shared.db.connection import connect as connect_to
from shared.mail import parse
from shared.testing import BUCKET, Call, Database, Workspace

if TYPE_CHECKING:
    from infra_cdk.local.google.emulate import Google

pytest_plugins = ["infra_cdk.local.google.fixtures"]

Events = Callable[[Workspace], list[dict[str, Any]]]
Emails = Callable[..., list[dict[str, Any]]]
GET = "messages/.*format=raw"


def raw(subject: str = "Hi", text: str = "Hello Ana") -> bytes:
    head = f"From: Kim <kim@initech.example>\r\nTo: ana@acme.example\r\nSubject: {subject}\r\n"
    return f"{head}Message-ID: <{uuid4()}@initech.example>\r\n\r\n{text}\r\n".encode()


def received(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["payload"] for event in events if event["type"] == "EmailReceived"]


@pytest.fixture
def mailbox(connect: Connect, mailroom: Mailroom) -> dict[str, Any]:
    """Ana's mailbox, connected and up to date."""
    connected = connect()
    mailroom.settle()
    return connected


def arrived(mailroom: Mailroom, box: Mailbox, content: bytes | None = None, **given: Any) -> str:
    """A mail that was announced and released, but not fetched."""
    message_id = mail.insert(box, raw() if content is None else content, **given)
    assert mailroom.sync() == []
    return message_id


def test_a_mail_is_stored_with_everything_that_is_read_from_it(
    mailbox: dict[str, Any],
    mailroom: Mailroom,
    box: Mailbox,
    workspace: Workspace,
    events_of: Events,
    emails: Emails,
) -> None:
    content = (
        b"From: Kim Lee <KIM@initech.example>\r\nTo: Ana <ana@acme.example>, bo@acme.example\r\n"
        b"Cc: =?utf-8?q?J=C3=B6rg?= <joerg@initech.example>\r\nReply-To: desk@initech.example\r\n"
        b"Date: Tue, 03 Mar 2026 10:00:00 +0100\r\nMessage-ID: <one@initech.example>\r\n"
        b"Subject: Offer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nPlease call me.\r\n\r\n-- \r\nKim Lee\r\nCEO\r\n"
        b"--b\r\nContent-Type: application/pdf\r\n"
        b"Content-Disposition: attachment; filename=offer.pdf\r\n\r\nPDF\r\n--b--\r\n"
    )
    message_id = arrived(mailroom, box, content, thread="t-1")
    assert mailroom.fetch() == []
    (email,) = emails()
    assert (email["subject"], email["direction"], email["kind"]) == ("Offer", "inbound", "human")
    assert (email["sender_name"], email["sender_email"]) == ("Kim Lee", "kim@initech.example")
    assert email["message_id"] == "one@initech.example"
    assert email["sent_at"] == "2026-03-03T09:00:00Z"
    assert email["reply"].strip() == "Please call me."
    assert "CEO" in email["signature"]
    assert [(one["role"], one["name"], one["email"]) for one in email["participants"]] == [
        ("from", "Kim Lee", "kim@initech.example"),
        ("reply_to", "", "desk@initech.example"),
        ("to", "Ana", "ana@acme.example"),
        ("to", "", "bo@acme.example"),
        ("cc", "Jörg", "joerg@initech.example"),
    ]
    assert email["has_attachments"]
    assert [one["filename"] for one in email["attachments"]] == ["offer.pdf"]
    assert (email["size"], email["labels"]) == (len(content), ["INBOX", "UNREAD"])
    row = mailroom.ledger(mailbox)[message_id]
    key = f"{workspace.id}/mail/{sha256(content).hexdigest()[:2]}/{sha256(content).hexdigest()}.eml"
    assert (row["state"], row["raw_key"], row["raw_size"]) == ("stored", key, len(content))
    assert str(row["email_id"]) == email["id"]
    kept = client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert kept == content
    (event,) = received(events_of(workspace))
    assert event["aggregate_id"] == email["id"]
    assert event["sender"] == "kim@initech.example"
    assert (event["thread_id"], event["backfill"]) == (email["thread_id"], False)


def test_what_is_delivered_often_is_stored_once(
    mailbox: dict[str, Any],
    mailroom: Mailroom,
    box: Mailbox,
    workspace: Workspace,
    events_of: Events,
    emails: Emails,
) -> None:
    for _ in range(3):
        mail.insert(box, raw())
    mailroom.sync()
    bodies = mailroom.queues.fetch.take()
    assert mailroom.deliver(fetch.handler, *bodies, *bodies, receives=2) == []
    assert mailroom.deliver(fetch.handler, *reversed(bodies)) == []
    assert len(emails()) == len(received(events_of(workspace))) == 3
    assert {row["state"] for row in mailroom.ledger(mailbox).values()} == {"stored"}


def test_two_deliveries_at_the_same_time_store_once(
    mailbox: dict[str, Any], mailroom: Mailroom, box: Mailbox, workspace: Workspace
) -> None:
    """The second transaction waits for the first one's row, then finds it closed."""
    message_id = arrived(mailroom, box)
    mailroom.as_role("crm_worker")
    access = fetch._access(workspace.id, UUID(mailbox["id"]))  # pyright: ignore[reportPrivateUsage]
    assert access is not None
    found = gmail.get_raw(access.session, message_id)
    wanted = FetchEmail.model_validate_json(mailroom.queues.fetch.take()[0])
    other = connect_to(mailroom.database.url("crm_worker"))
    stored: list[object] = []

    def store_too() -> None:
        tx = db.Tx(other, workspace.id, None, "system:email")
        stored.append(
            commands.store_email(tx, access.mailbox, wanted, found, parse(found.raw), "k")
        )
        other.execute("rollback")

    with db.transaction(workspace.id) as tx:
        first = commands.store_email(tx, access.mailbox, wanted, found, parse(found.raw), "k")
        assert first is not None
        other.execute("begin")
        other.execute("select app.begin_request(%s, null)", (workspace.id,))
        thread = threading.Thread(target=store_too)
        thread.start()
        _until_somebody_waits(mailroom.database)
    thread.join()
    other.close()
    assert stored == [None]


def _until_somebody_waits(database: Database) -> None:
    eventually(
        lambda: bool(
            database.admin(
                """
                select 1 from pg_stat_activity
                where datname = 'haste' and wait_event_type = 'Lock'
                """
            )
        )
    )


@pytest.mark.parametrize("label", ["DRAFT", "SPAM", "TRASH"])
def test_what_is_not_for_the_crm_is_skipped_with_a_reason(
    mailbox: dict[str, Any],
    mailroom: Mailroom,
    box: Mailbox,
    workspace: Workspace,
    events_of: Events,
    label: str,
) -> None:
    message_id = arrived(mailroom, box, labels=[label])
    assert mailroom.fetch() == []
    assert mailroom.states(mailbox) == {message_id: ("skipped", label.lower())}
    assert received(events_of(workspace)) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b"no header at all",
        b"Subject: only this\r\n\r\n",
        b"From: a\x00b@c\x00d\r\nTo: \x00\r\nSubject: x\x00y\r\nMessage-ID: <\x00>\r\n\r\na\x00b",
        b"Subject: =?utf-8?b?AAAA?=\r\nFrom: =?utf-8?q?=00?= <a@b.example>\r\n\r\n",
        b"Subject: \xff\xfe\xed\xa0\x80\r\n\r\n\xed\xa0\x80\xff",
        b"Content-Type: text/plain; charset=klingon\r\n\r\n\x80\x81",
        b"Content-Type: text/html; charset=utf-16\r\n\r\n<p>\x00\xd8",
        b"Message-ID: <" + b"x" * 20_000 + b"@y>\r\nSubject: " + b"s" * 20_000 + b"\r\n\r\n",
        b"From: " + b"a" * 5_000 + b"@" + b"b" * 5_000 + b"\r\n\r\n",
        b"To: " + b", ".join(b"p%d@x.example" % n for n in range(3_000)) + b"\r\n\r\n",
        b"Date: Mon, 99 Foo 99999 99:99:99 +9999\r\n\r\n",
        b"Date: Fri, 31 Dec 9999 23:59:59 -1200\r\n\r\n",
        b"Date: Sat, 01 Jan 0001 00:00:00 +1400\r\n\r\n",
        b"Content-Type: multipart/mixed\r\n\r\n--\r\n--\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: image/png;"
        b' name="a\x00b\xff.png"\r\nContent-ID: <\x00>\r\n\r\n\x00\r\n--b--\r\n',
    ],
)
def test_strange_mails_are_stored_and_hold_up_no_other(
    mailbox: dict[str, Any],
    mailroom: Mailroom,
    box: Mailbox,
    call: Call,
    emails: Emails,
    content: bytes,
) -> None:
    strange, plain = arrived(mailroom, box, content), arrived(mailroom, box)
    assert mailroom.fetch() == []
    assert mailroom.states(mailbox) == dict.fromkeys((strange, plain), ("stored", None))
    assert len(emails()) == 2
    row = mailroom.ledger(mailbox)[strange]
    kept = client("s3").get_object(Bucket=BUCKET, Key=row["raw_key"])["Body"].read()
    assert kept == content == mail.raw(box, strange)


def test_a_mail_of_twenty_megabytes_is_stored(
    mailbox: dict[str, Any], mailroom: Mailroom, box: Mailbox, emails: Emails
) -> None:
    content = raw(text="word " * 4_000_000)
    message_id = arrived(mailroom, box, content)
    assert mailroom.fetch() == []
    assert mailroom.states(mailbox) == {message_id: ("stored", None)}
    (email,) = emails()
    assert email["size"] == len(content)
    assert "truncated" in email["defects"]


def test_labels_that_change_during_a_fetch_are_not_lost(
    mailbox: dict[str, Any],
    mailroom: Mailroom,
    box: Mailbox,
    emails: Emails,
    workspace: Workspace,
    events_of: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The change is reported after the fetch has read the mail and before it has stored it."""
    message_id = arrived(mailroom, box)
    get_raw = gmail.get_raw

    def slow(session: gmail.Gmail, wanted: str) -> gmail.RawMessage:
        found = get_raw(session, wanted)
        monkeypatch.setattr(gmail, "get_raw", get_raw)
        mail.modify(box, message_id, add=["STARRED"], remove=["UNREAD"])
        assert mailroom.sync() == []
        return found

    monkeypatch.setattr(gmail, "get_raw", slow)
    assert mailroom.fetch() == []
    mailroom.settle()
    assert [email["labels"] for email in emails()] == [["INBOX", "STARRED"]]
    assert len(received(events_of(workspace))) == 1


def test_a_mail_taken_out_of_spam_during_its_fetch_is_not_lost(
    mailbox: dict[str, Any], mailroom: Mailroom, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = arrived(mailroom, box, labels=["SPAM"])
    get_raw = gmail.get_raw

    def slow(session: gmail.Gmail, wanted: str) -> gmail.RawMessage:
        found = get_raw(session, wanted)
        monkeypatch.setattr(gmail, "get_raw", get_raw)
        mail.modify(box, message_id, add=["INBOX"], remove=["SPAM"])
        assert mailroom.sync() == []
        return found

    monkeypatch.setattr(gmail, "get_raw", slow)
    assert mailroom.fetch() == []
    mailroom.settle()
    assert mailroom.states(mailbox) == {message_id: ("stored", None)}


def test_threads_count_their_mails_and_know_the_newest(
    mailbox: dict[str, Any], mailroom: Mailroom, box: Mailbox, call: Call, emails: Emails
) -> None:
    for subject in ("One", "Two", "Three"):
        mail.insert(box, raw(subject), thread="t-1")
    mail.insert(box, raw("Alone"), thread="t-2")
    mailroom.sync()
    mailroom.fetch(times=2)
    threads = call(api, "GET", "/api/v1/threads").json["items"]
    assert sorted(thread["emails"] for thread in threads) == [1, 3]
    for thread in threads:
        inside = emails(query=f"?thread_id={thread['id']}")
        assert len(inside) == thread["emails"]
        assert inside[0]["received_at"] == thread["last_at"]


@pytest.mark.parametrize(
    ("content", "labels", "direction"),
    [
        (raw(), ("INBOX",), "inbound"),
        (raw(), ("SENT",), "outbound"),
        (b"From: ANA@acme.example\r\n\r\nhi", ("INBOX",), "outbound"),
        (b"To: x@y.example\r\n\r\nhi", ("INBOX",), "inbound"),
    ],
)
def test_a_mail_is_outbound_if_it_was_sent_from_here(
    mailbox: dict[str, Any],
    mailroom: Mailroom,
    box: Mailbox,
    emails: Emails,
    content: bytes,
    labels: tuple[str, ...],
    direction: str,
) -> None:
    arrived(mailroom, box, content, labels=labels)
    mailroom.fetch()
    assert [email["direction"] for email in emails()] == [direction]


@pytest.mark.parametrize(
    ("age", "listed", "backfill"),
    [
        (timedelta(seconds=-5), True, False),  # a listing found it, and it is new
        (timedelta(seconds=5), True, True),
        (timedelta(hours=1), False, False),  # notified just as the mailbox was connected
        (timedelta(days=2), False, True),  # notified, but old: imported, or taken out of spam
        (timedelta(days=9000), True, True),
    ],
)
def test_only_mails_from_before_the_connection_are_backfill(
    mailbox: dict[str, Any],
    mailroom: Mailroom,
    box: Mailbox,
    workspace: Workspace,
    events_of: Events,
    emails: Emails,
    age: timedelta,
    listed: bool,
    backfill: bool,
) -> None:
    message_id = arrived(mailroom, box)
    (body,) = mailroom.queues.fetch.take()
    at = datetime.fromtimestamp(int(_internal_date(box, message_id)) / 1000, UTC)
    mailroom.database.admin(
        "update mailboxes set created_at = %(at)s where id = %(id)s::uuid",
        at=at + age,
        id=mailbox["id"],
    )
    fetch._known.clear()  # pyright: ignore[reportPrivateUsage] -- 30 s go by
    message = FetchEmail.model_validate_json(body).model_copy(update={"listed": listed})
    assert mailroom.deliver(fetch.handler, message) == []
    assert [email["backfill"] for email in emails()] == [backfill]
    assert [event["backfill"] for event in received(events_of(workspace))] == [backfill]


def _internal_date(box: Mailbox, message_id: str) -> str:
    return box.client.get(f"messages/{message_id}", params={"format": "minimal"}).json()[
        "internalDate"
    ]


def test_a_batch_of_two_mailboxes_is_one_transaction_each(
    google: Google,
    connect: Connect,
    mailroom: Mailroom,
    box: Mailbox,
    new_workspace: Callable[[], Workspace],
    emails: Emails,
) -> None:
    other = new_workspace()
    connect()
    connect(workspace=other)
    mailroom.settle()
    mail.insert_many(box, [raw() for _ in range(4)])
    mailroom.sync()
    assert mailroom.fetch() == []
    assert (len(emails()), len(emails(other))) == (4, 4)
