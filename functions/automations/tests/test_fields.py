"""What conditions and placeholders may name, and the texts made of it."""

from datetime import UTC, datetime
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.contacts import ContactChanged
from events.email import EmailReceived
from functions.automations.capability import CAPABILITY
from functions.automations.consumers import consumer
from functions.automations.fields import EVENTS, catalogue_of, record_of
from functions.automations.models import EventType
from functions.automations.placeholders import fill, placeholders
from shared.filters import BOOLEAN, ID, INSTANT, NUMBER, TEXT, TEXTS, matches, parse

SOME_ID = UUID("01890000-0000-7000-8000-000000000001")
NAMES = [event.type_name() for event in EVENTS]


def _mail(sender: str | None) -> EmailReceived:
    return EmailReceived(
        workspace_id=SOME_ID,
        aggregate_id=SOME_ID,
        mailbox_id=SOME_ID,
        thread_id=SOME_ID,
        direction="inbound",
        kind="human",
        sender=sender,
        received_at=datetime(2026, 3, 1, 9, tzinfo=UTC),
        backfill=False,
    )


def test_api_declaration_and_consumer_agree_on_the_events() -> None:
    (queue,) = [function.queue for function in CAPABILITY.functions if function.queue]
    assert set(NAMES) == set(get_args(EventType)) == set(queue.listens) == consumer.listens


def test_the_fields_come_from_the_event_class() -> None:
    mail = catalogue_of("EmailAnalyzed")
    assert mail["sentiment"].choices == ("positive", "neutral", "negative")
    assert mail["kind"].kind == "choice"
    assert (mail["sender"], mail["sender_domain"]) == (TEXT, TEXT)
    assert (mail["sentiment_score"], mail["entities"]) == (NUMBER, NUMBER)
    assert (mail["reply_needed"], mail["mailbox_id"]) == (BOOLEAN, ID)
    assert catalogue_of("EmailReceived")["received_at"] == INSTANT
    contact = catalogue_of("ContactChanged")
    assert (contact["changed"], contact["email"], contact["email_domain"]) == (TEXTS, TEXT, TEXT)


@pytest.mark.parametrize("name", NAMES)
def test_no_event_shows_its_envelope_or_back_fill(name: str) -> None:
    hidden = {"id", "workspace_id", "actor", "at", "aggregate_id", "position", "backfill"}
    assert catalogue_of(name)
    assert not hidden & catalogue_of(name).keys()


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("ada@Example.COM", "example.com"),
        ('"a@b"@example.com', "example.com"),
        ("ada", None),
        ("ada@", None),
        ("", None),
        (None, None),
    ],
)
def test_a_sender_has_a_domain(sender: str | None, domain: str | None) -> None:
    assert record_of(_mail(sender))["sender_domain"] == domain


def test_a_record_has_what_the_catalogue_promises() -> None:
    record = record_of(_mail("ada@example.com"))
    assert record.keys() == catalogue_of("EmailReceived").keys()
    changed = ContactChanged(
        workspace_id=SOME_ID, aggregate_id=SOME_ID, email=None, name="Ada", changed=("tags",)
    )
    test = {"field": "changed", "op": "contains", "value": "tags"}
    assert matches(parse(test, catalogue_of("ContactChanged")), record_of(changed))


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Answer {sender}", "Answer ada@example.com"),
        ("{sender}{kind}", "ada@example.comhuman"),
        ("At {received_at}", "At 2026-03-01 09:00 UTC"),
        ("{nothing} here", "unknown here"),
        ("A } and a { stay", "A } and a { stay"),
        ("{{sender}}", "{ada@example.com}"),
    ],
)
def test_placeholders_are_filled(template: str, text: str) -> None:
    assert fill(template, record_of(_mail("ada@example.com")), longest=200) == text


def test_values_are_never_read_for_placeholders() -> None:
    record = record_of(_mail("{kind}@example.com"))
    assert fill("{sender}", record, longest=200) == "{kind}@example.com"


@pytest.mark.parametrize("sender", ["", " ", "\x07", None])
def test_nothing_is_called_unknown(sender: str | None) -> None:
    assert fill("{sender}", record_of(_mail(sender)), longest=200) == "unknown"


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "yes"), (False, "no"), (("a", "b"), "a, b"), ((), "unknown"), (0.5, "0.5")],
)
def test_values_are_shown_to_people(value: object, text: str) -> None:
    assert fill("{x}", {"x": value}, longest=200) == text


@given(st.text(), st.text(), st.integers(1, 50))
def test_a_filled_text_is_never_too_long(template: str, value: str, longest: int) -> None:
    safe = value.encode("utf-8", "ignore").decode()
    record = dict.fromkeys(placeholders(template), safe)
    assert len(fill(template, record, longest=longest)) <= longest
