"""`ai-processing`: every stored mail is analysed once, and only what it says is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

import pytest

from events.email import Direction, EmailReceived
from functions.ai import consumers
from functions.ai.consumers import handler
from functions.ai.gateway import Provider
from functions.ai.local.provider import LOCAL
from functions.ai.models import Analysis, Entity, MailText
from shared.ids import uuid7
from shared.testing import Database, Workspace

Deliver = Callable[..., list[str]]
Events = Callable[[Workspace], list[dict[str, Any]]]
Mail = Callable[..., EmailReceived]
TEXT = "Hello Ana,\n\ncould you call me at +1 202 555 0147 about the offer? We love it!\n"
SIGNATURE = "Kim Lee\nChief Engineer\nInitech Inc.\n"


@dataclass(frozen=True)
class Mailbox:
    """A mailbox with a thread in it."""

    workspace: Workspace
    id: UUID = field(default_factory=uuid7)
    thread_id: UUID = field(default_factory=uuid7)


@pytest.fixture
def mailbox(database: Database, workspace: Workspace) -> Mailbox:
    made = Mailbox(workspace)
    database.admin(
        """
        with mailbox as (
            insert into mailboxes (workspace_id, id, user_id, provider, address, credentials)
            values (%(workspace)s, %(id)s, %(user)s, 'gmail', 'ana@acme.example', '')
            returning workspace_id, id
        )
        insert into threads (workspace_id, id, mailbox_id, provider_id, last_at)
        select workspace_id, %(thread)s, id, 't', now() from mailbox
        """,
        workspace=workspace.id,
        id=made.id,
        user=workspace.user_id,
        thread=made.thread_id,
    )
    return made


_INSERT: LiteralString = """
    with mail as (
        insert into emails (workspace_id, id, mailbox_id, thread_id, provider_id, direction, kind,
            sender_name, sender_email, received_at, labels, attachments, defects, size, raw_key,
            backfill)
        values (%(workspace_id)s, %(id)s, %(mailbox_id)s, %(thread_id)s, %(id)s, %(direction)s,
            'human', 'Kim Lee', 'kim@initech.example', '2026-03-01Z', '{INBOX}', '[]', '{}', 1,
            'k', %(backfill)s)
        returning workspace_id, id, mailbox_id
    ), subject as (
        insert into email_subjects (workspace_id, id, mailbox_id, subject, snippet)
        select workspace_id, id, mailbox_id, %(subject)s, '' from mail
    )
    insert into email_bodies (workspace_id, id, mailbox_id, text, reply, signature)
    select workspace_id, id, mailbox_id, %(text)s, %(text)s, %(signature)s from mail
"""


@pytest.fixture
def mail(database: Database, mailbox: Mailbox) -> Mail:
    """Stores a mail as the e-mail capability does; the event that says so."""

    def store(
        text: str = TEXT,
        *,
        subject: str = "Offer",
        signature: str = SIGNATURE,
        direction: Direction = "inbound",
        backfill: bool = False,
    ) -> EmailReceived:
        event = EmailReceived(
            workspace_id=mailbox.workspace.id,
            actor="system:email",
            aggregate_id=uuid7(),
            mailbox_id=mailbox.id,
            thread_id=mailbox.thread_id,
            direction=direction,
            kind="human",
            sender="kim@initech.example",
            received_at=datetime(2026, 3, 1, tzinfo=UTC),
            backfill=backfill,
        )
        columns = event.model_dump(include={"workspace_id", "mailbox_id", "thread_id", "direction"})
        given = {"text": text, "subject": subject, "signature": signature, "backfill": backfill}
        database.admin(_INSERT, id=event.aggregate_id, **columns, **given)
        return event

    return store


def analysed(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["payload"] for event in events if event["type"] == "EmailAnalyzed"]


def analysis_of(database: Database, email_id: UUID) -> dict[str, Any]:
    (row,) = database.admin("select * from email_analyses where email_id = %(id)s", id=email_id)
    return row


def entities_of(database: Database, email_id: UUID) -> list[dict[str, Any]]:
    return database.admin(
        "select * from email_entities where email_id = %(id)s order by place", id=email_id
    )


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
@pytest.mark.parametrize("backfill", [False, True])
def test_an_analysis_is_stored_and_its_event_repeats_what_is_decided_by(
    deliver: Deliver,
    mail: Mail,
    database: Database,
    workspace: Workspace,
    events_of: Events,
    direction: Direction,
    backfill: bool,
) -> None:
    received = mail(direction=direction, backfill=backfill)
    assert deliver(handler, received) == []
    row = analysis_of(database, received.aggregate_id)
    entities = entities_of(database, received.aggregate_id)
    (event,) = analysed(events_of(workspace))
    assert event["aggregate_id"] == str(received.aggregate_id)
    assert event["actor"] == "system:ai"
    for name in ("mailbox_id", "direction", "kind", "sender", "backfill"):
        assert event[name] == received.model_dump(mode="json")[name], name
    for name in ("sentiment", "sentiment_score", "intent", "reply_needed", "provider", "model"):
        assert event[name] == row[name], name
    assert event["entities"] == len(entities) > 0
    assert (row["provider"], row["model"]) == (LOCAL.name, LOCAL.model)
    assert row["mailbox_id"] == received.mailbox_id
    if direction == "inbound":
        assert row["reply_needed"] is True
        assert row["reply_quote"] in TEXT


def test_every_entity_stands_where_it_says(
    deliver: Deliver, mail: Mail, database: Database
) -> None:
    received = mail()
    deliver(handler, received)
    sources = {
        "text": TEXT,
        "signature": SIGNATURE,
        "subject": "Offer",
        "sender_name": "Kim Lee",
        "sender_email": "kim@initech.example",
    }
    found = entities_of(database, received.aggregate_id)
    for entity in found:
        quoted = sources[entity["source"]][entity["start_at"] : entity["end_at"]]
        assert quoted == entity["quote"]
    values = {(entity["kind"], entity["value"]) for entity in found}
    assert {("phone", "+12025550147"), ("person", "Kim Lee")} <= values
    assert [entity["place"] for entity in found] == list(range(1, len(found) + 1))


def test_what_is_delivered_often_is_analysed_once(
    deliver: Deliver, mail: Mail, database: Database, workspace: Workspace, events_of: Events
) -> None:
    received = [mail(f"Mail {n}: could you send it?") for n in range(4)]
    assert deliver(handler, *received, *received, received[0], receives=2) == []
    assert deliver(handler, *reversed(received)) == []
    again = received[0].model_copy(update={"id": uuid7()})  # republished under another id
    assert deliver(handler, again) == []
    events = analysed(events_of(workspace))
    assert sorted(event["aggregate_id"] for event in events) == sorted(
        str(one.aggregate_id) for one in received
    )
    rows = database.admin(
        "select email_id from email_analyses where workspace_id = %(id)s", id=workspace.id
    )
    assert len(rows) == 4


def test_a_crash_before_the_commit_analyses_again(
    deliver: Deliver,
    mail: Mail,
    workspace: Workspace,
    events_of: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    received = [mail(), mail()]

    def die(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(consumers.commands, "record_analysis", die)
        assert deliver(handler, *received) == ["0", "1"]
    assert analysed(events_of(workspace)) == []
    assert deliver(handler, *received, receives=2) == []
    assert len(analysed(events_of(workspace))) == 2


def test_a_mail_that_is_not_there_is_left(
    deliver: Deliver,
    mail: Mail,
    database: Database,
    workspace: Workspace,
    events_of: Events,
    new_workspace: Callable[[], Workspace],
) -> None:
    gone, there = mail(), mail()
    database.admin("delete from emails where id = %(id)s", id=gone.aggregate_id)
    elsewhere = there.model_copy(update={"workspace_id": new_workspace().id, "id": uuid7()})
    assert deliver(handler, gone, elsewhere) == []
    assert analysed(events_of(workspace)) == []
    assert deliver(handler, gone, there) == []
    assert [event["aggregate_id"] for event in analysed(events_of(workspace))] == [
        str(there.aggregate_id)
    ]


def test_a_mail_that_cannot_be_analysed_holds_up_no_other(
    deliver: Deliver,
    mail: Mail,
    workspace: Workspace,
    events_of: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    received = [mail(), mail("poison"), mail()]

    def analyze(content: MailText) -> Analysis:
        if "poison" in content.text:
            raise RecursionError
        return LOCAL.analyze(content)

    provider = Provider(LOCAL.name, LOCAL.model, LOCAL.prompt_version, analyze)
    monkeypatch.setattr(consumers, "LOCAL", provider)
    assert deliver(handler, *received) == ["1"]
    assert {event["aggregate_id"] for event in analysed(events_of(workspace))} == {
        str(received[0].aggregate_id),
        str(received[2].aggregate_id),
    }


def test_what_the_mail_does_not_say_is_not_stored(
    deliver: Deliver,
    mail: Mail,
    database: Database,
    workspace: Workspace,
    events_of: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A provider's answer is data: it is held against the mail before anything is stored."""

    def analyze(content: MailText) -> Analysis:
        start = content.text.index("offer")
        true = Entity(
            kind="company",
            value="offer",
            confidence=0.9,
            quote="offer",
            start=start,
            end=start + 5,
            source="text",
        )
        invented = true.model_copy(update={"quote": "Globex", "value": "Globex"})
        moved = true.model_copy(update={"start": start + 1, "end": start + 6})
        other = true.model_copy(update={"value": "Umbrella"})
        return Analysis(
            entities=(true, invented, moved, other),
            reply_needed=True,
            model=LOCAL.model,
            provider=LOCAL.name,
        )

    provider = Provider(LOCAL.name, LOCAL.model, LOCAL.prompt_version, analyze)
    monkeypatch.setattr(consumers, "LOCAL", provider)
    received = mail()
    assert deliver(handler, received) == []
    assert [one["value"] for one in entities_of(database, received.aggregate_id)] == ["offer"]
    row = analysis_of(database, received.aggregate_id)
    assert (row["reply_needed"], row["reply_quote"]) == (False, None)
    (event,) = analysed(events_of(workspace))
    assert (event["entities"], event["reply_needed"]) == (1, False)


@pytest.mark.parametrize(
    ("text", "subject", "signature"),
    [
        ("", "", ""),
        ("\u202e\u200b\ufeff" * 50, "\U000e0041", "\ufffd"),
        ("a" * 200_000, "b" * 2_000, "c" * 5_000),
        ("Call +1 202 555 0147. " * 3_000, "x", ""),
        ("\U0001f600 J\u00f6rg M\u00fcller <j\u00f6rg@example.com>\n" * 200, "\u0130", "\u0130"),
    ],
)
def test_strange_mails_are_analysed_too(
    deliver: Deliver,
    mail: Mail,
    workspace: Workspace,
    events_of: Events,
    text: str,
    subject: str,
    signature: str,
) -> None:
    assert deliver(handler, mail(text, subject=subject, signature=signature)) == []
    assert len(analysed(events_of(workspace))) == 1


def test_an_event_of_another_kind_is_none_of_its_business(
    deliver: Deliver, mail: Mail, workspace: Workspace
) -> None:
    strange = {"detail-type": "ContactDeleted", "detail": {"workspace_id": str(workspace.id)}}
    unknown: Any = {"detail-type": "NoSuchThing", "detail": {}}
    assert deliver(handler, unknown) == []
    assert deliver(handler, strange, "{}", "nonsense", mail()) == ["1", "2"]
