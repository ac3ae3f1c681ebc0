"""How an account at Google gets its person in no more: they say so, or reset their password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from functions.auth.api import handler
from functions.auth.commands import google as commands
from functions.auth.commands import people, sessions
from functions.auth.tests.elsewhere import Visitor, consent
from functions.auth.tests.postman import Postman
from functions.auth.tests.test_external import ANA, Registered, SignUp, at_google, person
from functions.auth.tests.test_passwords import NEW, RESET, Post, caller_of, link_for, post
from infra_cdk.local.google.emulate import Google
from infra_cdk.local.google.testing import CONSOLE_URL
from shared.testing import Answer, Call, Database, EventsOf

pytest_plugins = ["infra_cdk.local.google.fixtures"]

__all__ = ["Google", "Registered", "SignUp", "at_google", "person", "post"]
URL = "/api/v1/me/identities/google"


@pytest.fixture(autouse=True)
def _console(postman: Postman, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setenv("HASTE_CONSOLE_URL", CONSOLE_URL)


@pytest.fixture
def unlink(call: Call) -> Callable[[dict[str, Any]], Answer]:
    """Whoever has a token lets Google get them in no more."""
    return lambda token: call(handler, "DELETE", URL, workspace=caller_of(token), role="crm_auth")


def _identities(call: Call, token: dict[str, Any]) -> list[str]:
    told = call(handler, "GET", "/api/v1/me", workspace=caller_of(token), role="crm_auth")
    return told.json["identities"]


def _types(events_of: EventsOf, token: dict[str, Any]) -> list[str]:
    return [one["type"] for one in events_of(caller_of(token)) if "Identity" in one["type"]]


def test_who_is_linked_by_the_address_gets_a_mail(
    visitor: Visitor, person: dict[str, Any], postman: Postman, call: Call
) -> None:
    assert _identities(call, person) == []
    assert visitor.sign_in(ANA).status == 200
    assert visitor.sign_in(ANA).status == 200
    subjects = [one.subject for one in postman.mails(ANA)]
    assert subjects.count("You sign in with Google") == 1
    assert _identities(call, person) == ["google"]


def test_one_lets_google_go(
    visitor: Visitor,
    person: dict[str, Any],
    unlink: Callable[[dict[str, Any]], Answer],
    call: Call,
    events_of: EventsOf,
    database: Database,
) -> None:
    refused = unlink(person)
    assert (refused.status, refused.json["code"]) == (404, "not_linked")
    visitor.sign_in(ANA)
    assert unlink(person).status == 204
    assert _identities(call, person) == []
    assert _types(events_of, person) == ["IdentityLinked", "IdentityUnlinked"]
    assert unlink(person).status == 404
    database.admin(
        """
        insert into totp_factors (user_id, sealed, confirmed_at)
        values (%(u)s::uuid, 'sealed', now())
        """,
        u=person["user_id"],
    )
    assert visitor.sign_in(ANA).json["code"] == "factor_guards_account", "it is as it was before"


def test_a_reset_ends_it(
    visitor: Visitor,
    person: dict[str, Any],
    post: Post,
    postman: Postman,
    call: Call,
    events_of: EventsOf,
    database: Database,
) -> None:
    """Whoever had the address before may have linked theirs."""
    visitor.sign_in(ANA)
    database.admin("update external_identities set subject = 'of who had the address before'")
    token = link_for(post, postman, ANA)
    assert post(RESET, {"token": token, "password": NEW}).status == 204
    assert _identities(call, person) == []
    assert _types(events_of, person) == ["IdentityLinked", "IdentityUnlinked"]
    assert visitor.sign_in(ANA).json["user_id"] == person["user_id"], "whose address it is now"


def test_what_google_opens_while_it_is_let_go_is_not_left_over(
    visitor: Visitor,
    person: dict[str, Any],
    unlink: Callable[[dict[str, Any]], Answer],
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
) -> None:
    """The account is found by its link, then that ends, then the session would be opened."""
    visitor.sign_in(ANA)
    choose = sessions.choose

    def meanwhile(*given: Any, **named: Any) -> Any:
        people.unlink_google(caller_of(person).user_id)
        return choose(*given, **named)

    monkeypatch.setattr(sessions, "choose", meanwhile)
    answer = visitor.sign_in(ANA)
    assert (answer.status, answer.json["code"]) == (401, "not_proven")
    opened = database.admin(
        "select 1 from sessions where user_id = %(u)s::uuid and method = 'google'",
        u=person["user_id"],
    )
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("meanwhile", "code"),
    [
        (
            """
            insert into totp_factors (user_id, sealed, confirmed_at)
            values (%(u)s::uuid, 'sealed', now())
            """,
            "factor_guards_account",
        ),
        ("update users set email_verified_at = null where id = %(u)s::uuid", "address_not_proven"),
        (
            "update users set email = id || '@gone.example' where id = %(u)s::uuid",
            "address_not_proven",
        ),
    ],
)
def test_a_link_is_made_of_what_is_true_then(
    visitor: Visitor,
    person: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    meanwhile: Any,
    code: str,
) -> None:
    """The account is read, then it changes, then it would be linked."""
    version = commands.people_store.next_version

    def changing(*given: Any) -> int:
        database.admin(meanwhile, u=person["user_id"])
        return version(*given)

    monkeypatch.setattr(commands.people_store, "next_version", changing)
    begun = visitor.begin()
    answer = visitor.finish(begun, consent(begun["authorization_url"], ANA))
    assert (answer.status, answer.json["code"]) == (409, code)
    assert database.admin("select 1 from external_identities") == []


def test_an_account_at_google_that_is_just_linked_to_another_enters_there(
    visitor: Visitor,
    person: dict[str, Any],
    sign_up: SignUp,
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
) -> None:
    """It is nobody's, then somebody else's, then it would be linked."""
    other = sign_up()
    insert = commands.store.insert_identity

    def meanwhile(tx: Any, identity: Any, user_id: Any) -> bool:
        database.admin(
            "insert into external_identities values (%(issuer)s, %(subject)s, %(u)s::uuid)",
            issuer=identity.issuer,
            subject=identity.subject,
            u=other["user_id"],
        )
        return insert(tx, identity, user_id)

    monkeypatch.setattr(commands.store, "insert_identity", meanwhile)
    assert visitor.sign_in(ANA).json["user_id"] == other["user_id"]
