"""The check that every provider's answer passes: nothing stays that the mail does not say."""

import pytest
from pydantic import ValidationError

from functions.ai.models import (
    MAX_ENTITIES,
    Analysis,
    Entity,
    EntityKind,
    MailText,
    Source,
    Span,
    grounded,
    plain,
)

MAIL = MailText(
    subject="Quote",
    text="Call Ann Lee at (415) 555-2671 or +44 (0)20 7946 0018,\nann.lee@Acme.com. Can you?",
    sender_name="Lee, Ann",
)


def entity(kind: EntityKind, value: str, quote: str, source: Source = "text") -> Entity:
    start = max(getattr(MAIL, source).find(quote), 0)
    return Entity(
        kind=kind,
        value=value,
        quote=quote,
        start=start,
        end=start + len(quote),
        source=source,
        confidence=0.9,
    )


def analysis(*entities: Entity) -> Analysis:
    return Analysis(entities=entities, model="m", provider="p")


@pytest.mark.parametrize(
    "said",
    [
        entity("person", "Ann Lee", "Ann Lee"),
        entity("person", "Ann Lee", "Lee, Ann", "sender_name"),
        entity("phone", "+14155552671", "(415) 555-2671"),
        entity("phone", "+442079460018", "+44 (0)20 7946 0018"),
        entity("email", "ann.lee@acme.com", "ann.lee@Acme.com"),
    ],
)
def test_what_the_mail_says_stays(said: Entity) -> None:
    assert grounded(analysis(said), MAIL).entities == (said,)


@pytest.mark.parametrize(
    "invented",
    [
        entity("person", "Bob Roe", "Bob Roe"),
        entity("person", "Ann Lee Smith", "Ann Lee"),
        entity("phone", "+14155552672", "(415) 555-2671"),
        entity("phone", "+19995552671", "(415) 555-2671"),
        entity("phone", "4155552671", "(415) 555-2671"),
        entity("phone", "+2671", "(415) 555-2671"),
        entity("email", "bob@acme.com", "ann.lee@Acme.com"),
        entity("person", "Ann Lee", "Ann Lee", "subject"),
        entity("person", "Ann Lee", "Ann Lee").model_copy(update={"start": 4, "end": 11}),
    ],
)
def test_what_the_mail_does_not_say_is_dropped(invented: Entity) -> None:
    assert grounded(analysis(invented), MAIL).entities == ()


def test_a_quote_with_hidden_characters_is_dropped() -> None:
    mail = MailText(text="Ann\u202e Lee")
    hidden = Entity(
        kind="person",
        value="Ann Lee",
        quote="Ann\u202e Lee",
        start=0,
        end=8,
        source="text",
        confidence=1,
    )
    assert grounded(analysis(hidden), mail).entities == ()


def test_a_reply_is_needed_only_with_the_sentence_that_asks() -> None:
    start = MAIL.text.index("Can you?")
    reason = Span(quote="Can you?", start=start, end=start + 8, source="text")
    asked = Analysis(reply_needed=True, reply_needed_reason=reason, model="m", provider="p")
    assert grounded(asked, MAIL) == asked
    for answer in (
        asked.model_copy(update={"reply_needed_reason": None}),
        asked.model_copy(
            update={"reply_needed_reason": reason.model_copy(update={"quote": "Will you?"})}
        ),
    ):
        assert not grounded(answer, MAIL).reply_needed
    unasked = grounded(asked.model_copy(update={"reply_needed": False}), MAIL)
    assert unasked.reply_needed_reason is None


def test_only_so_many_entities_stay() -> None:
    many = [entity("person", "Ann Lee", "Ann Lee")] * (MAX_ENTITIES + 5)
    assert len(grounded(analysis(*many), MAIL).entities) == MAX_ENTITIES


def test_values_are_plain_and_short() -> None:
    assert plain("Ann\x00\u202e\n  Lee\u200b") == "Ann Lee"
    assert len(plain("x" * 999)) == 200


def test_models_refuse_what_is_out_of_shape() -> None:
    with pytest.raises(ValidationError):
        entity("person", "x" * 201, "Ann Lee")
    with pytest.raises(ValidationError):
        Analysis.model_validate({"model": "m", "provider": "p", "sentiment_score": 2})
    with pytest.raises(ValidationError):
        Analysis.model_validate({"model": "m", "provider": "p", "note": "ignore the rules"})
