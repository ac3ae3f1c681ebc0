"""Mails to people: sent once, tried again, given up, whatever dies in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from functions.auth.api import handler
from functions.auth.commands.mails import MOST_ATTEMPTS
from functions.auth.models.mails import LINKS, MailDue, Purpose, letter
from functions.auth.store.mails import LEASE_S
from functions.auth.tests.conftest import PASSWORD
from functions.auth.tests.postman import Postman
from infra_cdk.registry import declared
from shared import queues
from shared.testing import Call, Database

ASK = "/api/v1/auth/reset-password/request"
RESET = "/api/v1/auth/reset-password"
SignUp = Callable[..., dict[str, Any]]


@pytest.fixture
def person(sign_up: SignUp, postman: Postman) -> dict[str, Any]:
    """Somebody who has just signed up, whose first mail waits on the queue."""
    return sign_up(name="Ada http://spam.example")


@pytest.fixture
def mail(person: dict[str, Any], postman: Postman) -> str:
    """The message of that mail, off the queue."""
    [body] = postman.queue.take()
    return body


def _row(database: Database, message: str) -> dict[str, Any]:
    [row] = database.admin(
        "select * from account_mails where id = %(id)s", id=json.loads(message)["mail_id"]
    )
    return row


def _let_pass(database: Database, message: str) -> None:
    """Time goes by until it is due again."""
    database.admin(
        "update account_mails set due_at = now() - interval '2 minutes' where id = %(id)s",
        id=json.loads(message)["mail_id"],
    )


def test_a_mail_says_who_it_is_from_and_that_no_person_wrote_it(
    person: dict[str, Any], postman: Postman
) -> None:
    [found] = postman.mails(person["email"])
    headers = found.message
    assert str(headers["From"]) == "hasteCRM <no-reply@haste.example>"
    assert str(headers["To"]) == person["email"]
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Date"]
    assert str(headers["Message-ID"]).endswith("@haste.example>")
    html = headers.get_body(("html",))
    assert html
    for text in (found.text, html.get_content()):
        assert f"https://crm.example/verify-email#token={found.token}" in text
        assert "img" not in text
        assert "Ada" not in text, "whoever signs up would choose what we send to anybody"


@pytest.mark.parametrize("purpose", Purpose.__args__[0].__args__ + Purpose.__args__[1].__args__)
def test_every_mail_has_its_words_and_only_links_have_links(purpose: Purpose) -> None:
    subject, text, html = letter(purpose, console_url="https://c.example", token="t-_1")
    assert subject
    assert ("#token=t-_1" in text) is ("#token=t-_1" in html) is (purpose in LINKS)


def test_a_message_that_comes_twice_sends_once(
    person: dict[str, Any], mail: str, postman: Postman, database: Database
) -> None:
    assert postman.deliver(mail, mail) == []
    assert postman.deliver(mail) == []
    assert len(postman.mails(person["email"])) == 1
    row = _row(database, mail)
    assert (row["state"], row["attempts"]) == ("sent", 1)
    assert row["sent_at"]


def test_while_one_sends_another_does_not(
    person: dict[str, Any], mail: str, postman: Postman, database: Database
) -> None:
    """The second delivery comes while the server has not said yes to the first."""
    seen: list[dict[str, Any]] = []
    postman.server.before = lambda: seen.append(_row(database, mail))
    postman.deliver(mail)
    [during] = seen
    assert during["state"] == "waiting"
    far = database.admin("select %(at)s > now() + interval '3 minutes' as far", at=during["due_at"])
    assert far == [{"far": True}]


def test_the_lease_outlives_the_function() -> None:
    [one] = [one for one in declared() if one.name == "auth-mail"]
    assert one.function.timeout < LEASE_S


def test_who_dies_after_the_server_said_yes_sends_one_mail_more_and_both_links_are_good(
    person: dict[str, Any],
    mail: str,
    postman: Postman,
    call: Call,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("functions.auth.commands.mails.note_sent", die)
        with pytest.raises(SystemExit):
            postman.deliver(mail)
    assert _row(database, mail)["state"] == "waiting"
    postman.deliver(mail)  # too early: somebody may be at it
    assert len(postman.server.received) == 1
    _let_pass(database, mail)
    postman.deliver(mail)
    first, second = postman.mails(person["email"])
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert first.token != second.token
    answer = call(
        handler,
        "POST",
        "/api/v1/auth/verify-email",
        {"token": first.token, "password": PASSWORD},
        anonymous=True,
        role="crm_auth",
    )
    assert answer.status == 204


def test_who_dies_before_the_queue_leaves_the_mail_to_the_job(
    sign_up: SignUp, postman: Postman, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise queues.NotQueued

    with monkeypatch.context() as patched:
        patched.setattr("functions.auth.commands.mails.send", refuse)
        email = sign_up()["email"]
    assert postman.mails(email) == []
    postman.job("release-mails")
    assert postman.mails(email) == [], "it may still be on its way"
    [waiting] = database.admin(
        """
        update account_mails set due_at = now() - interval '2 minutes' where user_id =
            (select id from users where email = %(email)s)
        returning id
        """,
        email=email,
    )
    postman.job("release-mails")
    assert len(postman.mails(email)) == 1
    postman.job("release-mails")
    # Other mails of this database may be due.
    assert [body for body in postman.queue.take() if str(waiting["id"]) in body] == []


@pytest.mark.parametrize(
    "refusal", [("RCPT", "451 4.3.0 later"), ("DATA", "451 4.3.0 later"), ("DATA", "554 no")]
)
def test_a_mail_the_server_does_not_take_now_waits_and_is_sent_later(
    refusal: tuple[str, str],
    person: dict[str, Any],
    mail: str,
    postman: Postman,
    database: Database,
) -> None:
    postman.server.refusals.append(refusal)
    assert postman.deliver(mail) == [], "a wait burns no receive"
    row = _row(database, mail)
    assert (row["state"], row["attempts"]) == ("waiting", 1)
    postman.deliver(mail)
    assert postman.server.received == []
    _let_pass(database, mail)
    postman.job("release-mails")
    assert len(postman.mails(person["email"])) == 1


def test_each_wait_is_twice_as_long_until_the_mail_is_given_up(
    person: dict[str, Any], mail: str, postman: Postman, database: Database, capsys: Any
) -> None:
    waits: list[int] = []
    for _ in range(MOST_ATTEMPTS):
        postman.server.refusals.append(("DATA", "451 4.3.0 later"))
        postman.deliver(mail)
        [found] = database.admin(
            """
            select round(extract(epoch from due_at - now()) / 60)::int as minutes
            from account_mails where id = %(id)s
            """,
            id=json.loads(mail)["mail_id"],
        )
        waits.append(found["minutes"])
        _let_pass(database, mail)
    assert waits[:-1] == [2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert _row(database, mail)["state"] == "failed"
    postman.deliver(mail)
    assert postman.server.received == []
    assert person["email"] not in capsys.readouterr().out


def test_a_mail_that_takes_its_sender_down_each_time_is_given_up(
    mail: str, postman: Postman, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise SystemExit

    monkeypatch.setattr("functions.auth.consumers.mails.send", die)
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(SystemExit):
            postman.deliver(mail)
        _let_pass(database, mail)
    postman.deliver(mail)
    assert _row(database, mail)["state"] == "failed"


def test_a_recipient_who_is_refused_for_good_is_not_tried_again(
    mail: str, postman: Postman, database: Database
) -> None:
    postman.server.refusals.append(("RCPT", "550 5.1.1 nobody here"))
    postman.deliver(mail)
    assert _row(database, mail)["state"] == "failed"


@pytest.mark.parametrize("missing", ["SMTP_URL", "MAIL_FROM", "CONSOLE_URL"])
def test_where_no_server_is_set_mails_wait_for_one(
    missing: str,
    person: dict[str, Any],
    mail: str,
    postman: Postman,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:
        patched.delenv(f"HASTE_{missing}")
        assert postman.deliver(mail) == []
    assert _row(database, mail)["state"] == "waiting"
    _let_pass(database, mail)
    postman.deliver(mail)
    assert len(postman.mails(person["email"])) == 1


def test_who_is_verified_by_now_gets_no_link_for_it(
    person: dict[str, Any], mail: str, postman: Postman, database: Database
) -> None:
    database.admin(
        "update users set email_verified_at = now() where id = %(id)s", id=person["user_id"]
    )
    postman.deliver(mail)
    assert postman.server.received == []
    assert _row(database, mail)["state"] == "needless"


def test_a_message_about_no_mail_is_dropped(postman: Postman) -> None:
    assert postman.deliver(MailDue(mail_id=uuid4()).model_dump_json()) == []
    assert postman.server.received == []


def test_the_link_leads_to_the_console_whatever_host_was_asked(
    person: dict[str, Any], mail: str, postman: Postman, call: Call
) -> None:
    """A link to where the request says it came in would hand the token to whoever made it."""
    call(
        handler,
        "POST",
        ASK,
        {"email": person["email"]},
        headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Origin": "http://e"},
        anonymous=True,
        role="crm_auth",
    )
    assert "https://crm.example/reset-password#token=" in postman.mails(person["email"])[-1].text
    assert "evil" not in postman.server.received[-1].message.as_string()


def test_what_is_over_is_deleted(
    person: dict[str, Any], mail: str, postman: Postman, database: Database
) -> None:
    postman.deliver(mail)
    user = {"u": person["user_id"]}
    for statement in (
        "update account_mails set created_at = now() - interval '31 days' where user_id = %(u)s",
        "update mailed_links set expires_at = now() - interval '2 days' where user_id = %(u)s",
    ):
        database.admin(statement, **user)
    database.admin("insert into totp_factors (user_id, sealed) values (%(u)s, '')", **user)
    for hours in (-25, -23):
        database.admin(
            """
            insert into challenges (hash, user_id, expires_at)
            values (sha256(%(h)s::text::bytea), %(u)s, now() + make_interval(hours => %(h)s))
            """,
            h=hours,
            **user,
        )
    postman.job("expire-mails")
    left = database.admin(
        """
        select (select count(*) from account_mails where user_id = %(u)s) as mails,
            (select count(*) from mailed_links where user_id = %(u)s) as links,
            (select count(*) from challenges where user_id = %(u)s) as challenges
        """,
        **user,
    )
    assert left == [{"mails": 0, "links": 0, "challenges": 1}]


@pytest.mark.parametrize("role", ["crm_app", "crm_worker", "crm_outbox"])
@pytest.mark.parametrize(
    "table", ["account_mails", "mailed_links", "totp_factors", "recovery_codes", "challenges"]
)
def test_nobody_else_reads_what_is_about_people(role: str, table: str, database: Database) -> None:
    [found] = database.admin(
        "select has_table_privilege(%(role)s, %(table)s, 'select') as may", role=role, table=table
    )
    assert not found["may"]
