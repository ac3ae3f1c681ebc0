"""Gmail refuses, breaks off, forgets and lies: no mail is lost, no mailbox gets stuck."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra_cdk.local.google import mailbox as gmail
from infra_cdk.local.google import store
from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack import mails
from infra_cdk.tests.stack.books import balance, ledger, look, rows
from infra_cdk.tests.stack.faults import (
    GET,
    HISTORY,
    LIST,
    go_wrong,
    injected,
    matched,
    recover,
)
from infra_cdk.tests.stack.hours import let_pass, run_job, settle
from infra_cdk.tests.stack.kills import Killer
from infra_cdk.tests.stack.logs import Logs
from infra_cdk.tests.stack.team import Post, Team

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack

RECORDS_A_PAGE = 500
DELIVERIES = 5
"""of a message, before it goes to the dead-letter queue"""
SOME = {"path": GET, "skip": 2, "count": 3}
ONE = {"path": GET, "skip": 2, "count": 1}
FAULTS = (
    {**SOME, "kind": "status", "status": 500},
    {**SOME, "kind": "truncate"},
    {**SOME, "kind": "reset"},
    {**ONE, "kind": "status", "status": 429, "retry_after": 2},
    {**ONE, "kind": "status", "status": 429, "retry_after": 2, "retry_as": "message"},
    {**ONE, "kind": "status", "status": 403, "reason": "rateLimitExceeded"},
)


def test_gets_fail_in_every_way(team: Team, address: Callable[[], str]) -> None:
    posts = [team.connect(address()) for _ in FAULTS]
    for post, fault in zip(posts, FAULTS, strict=True):
        go_wrong(post, fault)
        post.receive(*mails.batch(8))
    settle(team)
    assert [injected(post)[0] for post in posts] == [3, 3, 3, 1, 1, 1]
    balance(team)
    assert {team.get(f"mailboxes/{post.id}")["state"] for post in posts} == {"active"}


def test_history_fails_at_first_and_on_its_second_page(team: Team, post: Post) -> None:
    (starred,) = post.receive(mails.mail())
    settle(team)
    go_wrong(
        post,
        {"kind": "push_drop"},
        {"kind": "status", "status": 503, "path": HISTORY, "count": 1},
        {"kind": "reset", "path": "pageToken", "count": 1},
    )
    for _ in range(RECORDS_A_PAGE // 2 + 1):  # fills the first page
        gmail.modify(post.box, starred, add=["STARRED"])
        gmail.modify(post.box, starred, remove=["STARRED"])
    second_page = post.receive(*mails.batch(5))
    go_on(team, post)
    assert eventually(lambda: injected(post)[1:] == [1, 1])
    assert eventually(lambda: ledger(team, post).keys() == {starred, *second_page})
    settle(team)
    balance(team)


def test_the_history_cursor_expires(team: Team, post: Post, logs: Logs) -> None:
    post.receive(*mails.batch(6))
    settle(team)
    deleted = sorted(gmail.list_ids(post.box))[0]
    go_wrong(post, {"kind": "push_drop"}, {"kind": "expired_history", "count": 1})
    post.receive(*mails.batch(6))
    gmail.delete(post.box, deleted)
    go_on(team, post)
    settle(team, until=lambda: logs.has("email-sync", "expired"))
    balance(team, gone=[deleted])
    mailbox = team.get(f"mailboxes/{post.id}")
    assert (mailbox["state"], mailbox["state_reason"]) == ("active", None)
    recover(post)
    listings_over = len(logs.lines())
    post.receive(*mails.batch(2))
    settle(team)
    balance(team, gone=[deleted])
    later = logs.lines()[listings_over:]
    assert not any("expired" in line for _, line in later), "it lists again and again"


def test_a_mail_is_missing_for_a_moment_or_for_ever(team: Team, post: Post) -> None:
    early = post.receive(mails.mail(subject="early"))[0]
    settle(team)
    go_wrong(post, {"kind": "push_drop"})
    early, lost, short = post.receive(*mails.batch(3))
    go_wrong(
        post,
        {"kind": "status", "status": 404, "path": f"/messages/{early}\\?", "count": 2},
        {"kind": "status", "status": 404, "path": f"/messages/{lost}\\?"},
    )
    gmail.delete(post.box, short)
    go_on(team, post)
    settle(team)
    balance(team, but={lost: ("gone", "missing")})
    recover(post)
    # It is there after all: the next complete listing finds it.
    go_wrong(post, {"kind": "expired_history", "count": 1})
    post.receive(mails.mail())[0]
    settle(team, until=lambda: ledger(team, post)[lost][0] == "stored")
    balance(team)


def test_mails_are_deleted_before_they_are_fetched(team: Team, post: Post) -> None:
    go_wrong(post, {"kind": "latency", "seconds": 0.2, "path": GET, "count": 10})
    ids = post.receive(*mails.batch(12))
    for id_ in ids[6:]:
        gmail.delete(post.box, id_)
    settle(team)
    stored = [id_ for id_, end in ledger(team, post).items() if end[0] == "stored"]
    assert set(ids[:6]) <= set(stored)
    balance(team, gone=[id_ for id_ in stored if id_ in ids[6:]])


def test_labels_decide_what_is_left_out_until_they_change(team: Team, post: Post) -> None:
    kept = post.receive(mails.mail())[0]
    spam = post.receive(mails.mail(), labels=["SPAM"])[0]
    trash = post.receive(mails.mail(), labels=["TRASH"])[0]
    draft = post.receive(mails.mail(), labels=["DRAFT"])[0]
    settle(team)
    left_out = {
        spam: ("skipped", "spam"),
        trash: ("skipped", "trash"),
        draft: ("skipped", "draft"),
    }
    balance(team, but=left_out)
    gmail.trash(post.box, kept)
    gmail.modify(post.box, spam, add=["INBOX"], remove=["SPAM"])
    settle(team, until=lambda: ledger(team, post)[spam] == ("stored", None))
    left_out.pop(spam)
    balance(team, but=left_out)
    assert eventually(lambda: "TRASH" in labels_of(team, kept))


def test_a_refused_mailbox_goes_on_from_its_cursor_when_connected_again(
    team: Team, address: Callable[[], str]
) -> None:
    theirs = address()
    grant(team, theirs, "first")
    post = team.connect(theirs, token="first")
    post.receive(*mails.batch(4))
    settle(team)
    revoke(team, "first")
    post.receive(*mails.batch(4))
    assert eventually(lambda: team.get(f"mailboxes/{post.id}")["state"] == "disconnected")
    post.receive(*mails.batch(4))
    grant(team, theirs, "second")
    refused = team.change(post, access_token="first")
    assert refused.status_code == 422, refused.text
    go_wrong(post, {"kind": "latency", "seconds": 0, "path": LIST})
    again = team.change(post, access_token="second")
    assert (again.status_code, again.json()["state"]) == (200, "active")
    post.receive(*mails.batch(4))
    settle(team)
    assert matched(post) == [0], "it was listed again"
    balance(team)
    changes = [row["type"] for row in mailbox_events(team)]
    assert changes == ["MailboxConnected", "MailboxDisconnected", "MailboxConnected"]


def test_a_mail_that_gmail_never_hands_out_is_given_up_and_an_outage_is_not(
    team: Team, post: Post
) -> None:
    go_wrong(post, {"kind": "push_drop"})
    refused, broken, *_ = post.receive(*mails.batch(6))
    go_wrong(
        post,
        {"kind": "status", "status": 400, "path": f"/messages/{refused}\\?"},
        {"kind": "reset", "path": f"/messages/{broken}\\?"},
    )
    go_on(team, post)
    for _ in range(12):
        before = matched(post)
        assert eventually(lambda: look(team).unsettled <= 2)
        let_pass(team, 16)
        run_job(team.stack, "email-jobs", "release")
        assert eventually(
            lambda seen=before: matched(post)[-1] > seen[-1] or not look(team).unsettled
        )
    assert matched(post)[1] == 8
    assert ledger(team, post)[refused][0] == "failed"
    assert ledger(team, post)[broken][0] != "failed"
    recover(post)
    settle(team)
    balance(team, but={refused: ledger(team, post)[refused]})


def test_a_mail_that_kills_its_function_is_given_up_and_takes_no_other_along(
    team: Team, post: Post, killer: Killer
) -> None:
    go_wrong(post, {"kind": "push_drop"})
    ids = post.receive(*mails.batch(9))
    poison = ids[4]
    # Whoever asks for it hangs, long enough to be killed then.
    go_wrong(post, {"kind": "latency", "seconds": 8, "path": f"/messages/{poison}\\?"})

    def die() -> None:
        assert eventually(lambda: matched(post)[-1] > deaths)
        killer.function("email-fetch")

    go_on(team, post)
    deaths = 0
    while deaths < DELIVERIES and look(team).unsettled != 1:
        die()
        deaths += 1
    assert ledger(team, post).keys() == set(ids)
    assert look(team).unsettled == 1, "the others wait for ever"
    while not given_up(team, post, poison):
        deaths = matched(post)[-1]
        let_pass(team, 16)
        run_job(team.stack, "email-jobs", "release")
        if not given_up(team, post, poison):
            die()
    recover(post)
    settle(team)
    balance(team, but={poison: ("failed", "poison")})


def given_up(team: Team, post: Post, provider_id: str) -> bool:
    return ledger(team, post)[provider_id] == ("failed", "poison")


def go_on(team: Team, post: Post) -> None:
    """Have the mailbox looked at, whatever Gmail has told us."""
    assert team.ask("POST", f"mailboxes/{post.id}/sync").status_code == 202


def labels_of(team: Team, provider_id: str) -> list[str]:
    (row,) = rows(
        team.stack,
        "select labels from emails where workspace_id = %(w)s and provider_id = %(id)s",
        w=team.workspace_id,
        id=provider_id,
    )
    return row["labels"]


def mailbox_events(team: Team) -> list[dict[str, object]]:
    return rows(
        team.stack,
        """
        select type from event_log
        where workspace_id = %(workspace)s and type like 'Mailbox%%' order by position
        """,
        workspace=team.workspace_id,
    )


def grant(team: Team, address: str, token: str) -> None:
    """Let Gmail accept a token for an address."""
    db = store.open_store(team.stack.state.data / "google" / "google.db", [])
    store.keep_grant(db, store.Grant(token, "access", address, token, "", None))
    db.close()


def revoke(team: Team, token: str) -> None:
    """Let Gmail forget a token."""
    db = store.open_store(team.stack.state.data / "google" / "google.db", [])
    store.revoke(db, token)
    db.close()
