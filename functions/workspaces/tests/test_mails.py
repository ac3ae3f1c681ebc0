"""The mails of invitations: sent once, tried again, given up, whatever dies in between."""

from __future__ import annotations

from typing import Any

import pytest

from functions.workspaces.models.invitations import MOST_ATTEMPTS
from functions.workspaces.store.invitations import LEASE_S
from functions.workspaces.tests.post import Post, token_in
from infra_cdk.registry import declared
from shared.mail import sending

EMAIL = "grace@example.com"


def test_a_mail_names_who_invites_and_nothing_else_that_was_typed(post: Post) -> None:
    post.people.database.admin("update workspaces set name = 'Buy now http://spam.example'")
    post.people.database.admin("update users set name = 'Buy now http://spam.example'")
    post.invited(EMAIL)
    [mail] = post.send()
    assert mail.to == (EMAIL,)
    assert mail.message["Auto-Submitted"] == "auto-generated"
    html = mail.message.get_body(("html",))
    assert html
    for text in (mail.text, html.get_content()):
        assert post.people.address(post.people.owner) in text
        assert "https://crm.example/accept-invitation#token=" in text
        assert "spam" not in text
        assert "img" not in text


def test_an_event_that_comes_twice_sends_once(post: Post) -> None:
    invitation = post.invited(EMAIL)
    [event] = post.events()
    post.send(event, event)
    post.send(event)
    assert len(post.server.received) == 1
    row = post.row(invitation["id"])
    assert (row["mail_state"], row["mail_attempts"], len(row["token_hashes"])) == ("sent", 1, 1)


@pytest.mark.parametrize("over", ["revoked", "expired"])
def test_what_is_open_no_more_is_not_mailed(post: Post, over: str) -> None:
    invitation = post.invited(EMAIL)["id"]
    if over == "revoked":
        post.people.ask(post.people.owner, "DELETE", f"/invitations/{invitation}")
    else:
        post.let_pass(invitation, "8 days")
    assert post.send() == []
    post.sweep()
    assert post.server.received == []


def test_while_one_sends_another_does_not(post: Post) -> None:
    invitation = post.invited(EMAIL)["id"]
    seen: list[dict[str, Any]] = []
    post.server.before = lambda: seen.append(post.row(invitation))
    post.send()
    [during] = seen
    assert during["mail_state"] == "waiting"
    far = post.people.database.admin(
        "select %(at)s > now() + interval '90 seconds' as far", at=during["mail_due_at"]
    )
    assert far == [{"far": True}]


def test_the_lease_outlives_what_a_server_may_take() -> None:
    [mail] = [one for one in declared() if one.name == "workspaces-mail"]
    assert mail.function.queue
    assert sending._TIMEOUT_S * 6 <= LEASE_S  # pyright: ignore[reportPrivateUsage]
    assert mail.function.timeout <= LEASE_S


def test_who_dies_after_the_server_said_yes_sends_one_more_and_both_links_are_good(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    invitation = post.invited(EMAIL)["id"]

    def die(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("functions.workspaces.commands.mails.note_sent", die)
        with pytest.raises(SystemExit):
            post.send()
    post.sweep()
    assert len(post.server.received) == 1, "too early: somebody may be at it"
    post.let_pass(invitation, "5 minutes")
    post.sweep()
    first, second = post.server.received
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert token_in(first) != token_in(second)
    grace = post.newcomer(EMAIL)
    assert post.accept(grace, token_in(first)).status == 200
    assert post.accept(grace, token_in(second)).status == 200


def test_what_the_server_does_not_take_waits_and_is_sent_by_the_job(post: Post) -> None:
    invitation = post.invited(EMAIL)["id"]
    post.server.refusals.append(("DATA", "451 later"))
    post.send()
    assert post.server.received == []
    row = post.row(invitation)
    assert (row["mail_state"], row["mail_attempts"]) == ("waiting", 1)
    post.sweep()
    assert post.server.received == [], "it is not due yet"
    post.let_pass(invitation, "5 minutes")
    post.sweep()
    assert len(post.server.received) == 1
    assert post.row(invitation)["mail_state"] == "sent"


def test_an_address_that_is_refused_for_good_is_told_to_who_invited(post: Post) -> None:
    invitation = post.invited(EMAIL)["id"]
    post.server.refusals.append(("RCPT", "550 nobody here"))
    post.send()
    path = f"/invitations/{invitation}"
    assert post.people.ask(post.people.owner, "GET", path).json["mail"] == "failed"
    post.let_pass(invitation, "1 day")
    post.sweep()
    assert post.server.received == []


def test_it_is_tried_so_often(post: Post) -> None:
    invitation = post.invited(EMAIL)["id"]
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert post.row(invitation)["mail_state"] == "waiting"
        post.server.refusals[:] = [("DATA", "451 later")]
        post.let_pass(invitation, "2 hours")
        post.sweep()
        assert post.row(invitation)["mail_attempts"] == attempt
    assert post.row(invitation)["mail_state"] == "failed"
    assert post.server.received == []


def test_where_nothing_is_set_up_it_waits(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    invitation = post.invited(EMAIL)["id"]
    monkeypatch.delenv("HASTE_CONSOLE_URL")
    post.send()
    assert (post.server.received, post.row(invitation)["mail_state"]) == ([], "waiting")
