"""The local provider on whole mails: what it finds, and what no input may make it do."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.email import Kind
from functions.ai.evaluation import Case, evaluate, load_cases, table
from functions.ai.gateway import analyze_mail
from functions.ai.local.provider import LOCAL, analyze
from functions.ai.local.reading import MAX_TEXT
from functions.ai.models import MAX_ENTITIES, MAX_VALUE, Analysis, EntityKind, MailText

CASES = load_cases(Path(__file__).with_name("labelled_mails.json"))


def cases(name: str) -> list[Case]:
    return [case for case in CASES if case.set == name]


def values(mail: MailText, kind: EntityKind) -> list[str]:
    return [entity.value for entity in analyze(mail).entities if entity.kind == kind]


@pytest.mark.parametrize("case", cases("tuned"), ids=lambda case: case.id)
def test_a_mail_the_rules_were_written_for_is_read_right(case: Case) -> None:
    wrong = [row for row in evaluate([case], LOCAL) if not row.expected == row.found == row.right]
    assert wrong == []


def test_mails_the_rules_were_not_tuned_on_are_read_as_well_as_measured() -> None:
    rows = {row.task: row for row in evaluate(cases("held_out"), LOCAL)}
    floors = {
        "person": (0.95, 0.90),
        "company": (0.85, 0.75),
        "phone": (1.0, 1.0),
        "email": (1.0, 1.0),
        "job_title": (0.95, 0.70),
        "intent": (0.9, 0.9),
        "reply_needed": (0.8, 0.8),
        "sentiment": (1.0, 0.5),
    }
    below = {
        task: (rows[task].precision, rows[task].recall)
        for task, (precision, recall) in floors.items()
        if rows[task].precision < precision or rows[task].recall < recall
    }
    assert below == {}, table(list(rows.values()))


def test_every_mail_is_grounded_before_the_gateway_looks() -> None:
    assert {analyze_mail(case.mail, LOCAL).usage.dropped for case in CASES} == {0}


def test_titles_are_not_read_across_a_line_break() -> None:
    mail = MailText(signature="Maria Lopez\nVP of Sales Operations\nNorthwind Traders LLC")
    assert values(mail, "job_title") == ["VP of Sales Operations"]
    assert values(mail, "company") == ["Northwind Traders LLC"]


def test_a_team_a_brand_and_a_robot_are_nobody() -> None:
    for name, address in (
        ("Acme Support Team", "help@acme.com"),
        ("GitHub", "noreply@github.com"),
        ("Adventure Works", "news@adventure-works.com"),
        ("no-reply", "no-reply@acme.com"),
    ):
        assert values(MailText(sender_name=name, sender_email=address), "person") == []


@pytest.mark.parametrize(
    ("name", "address", "person"),
    [
        ("Brasseaux, Ben", "ben@x.com", "Ben Brasseaux"),
        ("Graham  Carolyn", "Carolyn.Graham@x.com", "Carolyn Graham"),
        ("'Ann Lee' via Sales", "sales@x.com", "Ann Lee"),
        ("Ann Lee (Houston)", "ann@x.com", "Ann Lee"),
        ("Ann Lee, Acme", "ann.lee@acme.com", "Ann Lee"),
        ("Dr. Jürgen von der Heide", "jvdh@x.de", "Jürgen von der Heide"),
        ("CLAIRE DUBOIS", "c@x.fr", "Claire Dubois"),
        ("McMichael Jr.  Ed", "Ed.McMichael@x.com", "Ed McMichael"),
    ],
)
def test_display_names_become_names_in_reading_order(name: str, address: str, person: str) -> None:
    assert values(MailText(sender_name=name, sender_email=address), "person") == [person]


@pytest.mark.parametrize(
    "text",
    [
        "The budget is 1,250,000 and order 4158882671 is closed.",
        "On 2024-11-05 10:30 and 12/10/2002 we shipped version 2.5 07/13/2001.",
        "Server 192.168.100.254 and card 4111 1111 1111 1111 are gone.",
    ],
)
def test_sums_dates_and_addresses_are_no_phones(text: str) -> None:
    assert values(MailText(text=text, sender_email="a@b.com"), "phone") == []


def test_a_number_without_country_code_is_read_in_the_senders_country() -> None:
    text = "Please phone me.\n\nTel. 020 7946 0018"
    assert values(MailText(text=text, sender_email="a@b.co.uk"), "phone") == ["+442079460018"]
    assert values(MailText(text=text, sender_email="a@b.com"), "phone") == []


def test_the_senders_domain_is_a_company_only_where_the_mail_spells_it() -> None:
    address = "ann@northwindtraders.com"
    named = MailText(text="We at Northwind Traders agree.", sender_email=address)
    assert values(named, "company") == ["Northwind Traders"]
    assert values(MailText(text="We agree.", sender_email=address), "company") == []


@pytest.mark.parametrize("kind", ["list", "auto_reply", "auto_generated", "bounce", "calendar"])
def test_only_a_person_waits_for_a_reply(kind: Kind) -> None:
    text = "Could you send me the contract?"
    assert analyze(MailText(text=text)).reply_needed
    assert not analyze(MailText(text=text, kind=kind)).reply_needed


@pytest.mark.parametrize(
    "text",
    [
        "How are you? The report is attached.",
        "Let me know if you have any questions.",
        "See https://example.com/?q=what",
        "> Could you send it?\nDone.",
        "Please find attached the minutes.",
        "To unsubscribe, please send a blank mail.",
    ],
)
def test_courtesy_links_and_quotes_ask_for_nothing(text: str) -> None:
    assert not analyze(MailText(text=text)).reply_needed


@pytest.mark.parametrize(
    "question",
    ["Did you see https://example.com/a?b=1 already?", "Can\u00ad you join\u200b us on Monday?"],
)
def test_a_question_with_a_link_or_hidden_characters_still_needs_a_reply(question: str) -> None:
    assert analyze_mail(MailText(text=f"Hi Tom,\n\n{question}"), LOCAL).analysis.reply_needed


def test_a_domain_without_letters_names_no_company() -> None:
    assert analyze(MailText(text="Hello.", sender_email=":::.0")).entities == ()


def test_politeness_is_not_a_feeling() -> None:
    text = "Dear Tom,\n\nthank you, please find attached the agenda. I hope you are well.\n\nBest"
    assert analyze(MailText(text=text)).sentiment == "neutral"


def test_other_languages_have_no_sentiment() -> None:
    result = analyze(MailText(text="Das ist nicht gut, super fatal und ich bin sehr enttäuscht."))
    assert (result.sentiment, result.sentiment_score, result.intent) == ("neutral", 0, "complaint")


def test_a_bounce_has_no_entities() -> None:
    mail = MailText(text="<bob@x.com>: user unknown. Call +1 415 555 2671", kind="bounce")
    assert analyze(mail).entities == ()


def test_what_lies_past_the_limit_is_not_read_and_said_so() -> None:
    mail = MailText(text="x\n" * (MAX_TEXT // 2) + "ann@acme.com")
    result = analyze(mail)
    assert result.truncated
    assert result.entities == ()
    assert not analyze(MailText(text="ann@acme.com")).truncated


HOSTILE = (
    "a", " ", "\n", "1", "1 ", "(415) 555-2671 ", "a@b.co ", "a.b.", "A Inc. ", "Aa & ", "> x\n",
    "http://x ", "? ", "can you ", "Ann Lee <a@b.co> ", "our CEO of ", "Thanks,\n", "love great ! ",
    "very good not ", "İ", "regards and best and best ", "GmbH & Co. KG ", "\u202e", "Ann Lee\n",
    "mr. ", "i am the Head of ",
)  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", HOSTILE)
def test_a_megabyte_of_anything_ends_soon_with_few_plain_entities(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    mail = MailText(
        subject=text, text=text, signature=text, sender_name=text, sender_email=f"{text}@{text}"
    )
    result = analyze(mail)
    assert result.truncated
    assert len(result.entities) <= MAX_ENTITIES


PHRASES = st.sampled_from(
    [
        "Regards,\n", "Ann Lee", "\n", " ", ", ", "Acme Inc.", "VP of Sales", "+1 415 555 2671",
        "01 42 68 53 00", "ann@acme.com", "<", ">", "(", "could you", "?", "our CEO", "I love it!",
        "Müller", "\x00", "\u202e", "\t", "https://x.io/a?b", "GmbH", "-- \n", "İ", "ß", "\r\n",
        "Hi Tom,\n", "not bad but", "dr. ", "| ", "fax ", "tel: ",
    ]
)  # fmt: skip
TEXT = st.one_of(st.text(max_size=300), st.lists(PHRASES, max_size=40).map("".join))


@given(
    mail=st.builds(
        MailText, subject=TEXT, text=TEXT, signature=TEXT, sender_name=TEXT, sender_email=TEXT
    )
)
def test_whatever_comes_in_what_comes_out_is_in_it(mail: MailText) -> None:
    result = analyze(mail)
    _assert_stands(result, mail)
    again = analyze_mail(mail, LOCAL).analysis
    assert set(again.entities) <= set(result.entities)
    assert again.reply_needed == result.reply_needed


def _assert_stands(result: Analysis, mail: MailText) -> None:
    for entity in result.entities:
        assert getattr(mail, entity.source)[entity.start : entity.end] == entity.quote
        assert 0 < len(entity.value) <= MAX_VALUE
        assert all(c.isprintable() for c in entity.value)
    if result.reply_needed_reason:
        reason = result.reply_needed_reason
        assert getattr(mail, reason.source)[reason.start : reason.end] == reason.quote
