"""Gmail refuses, breaks off, forgets and lies: no mail is lost, no mailbox gets stuck."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra_cdk.local.google import mailbox as gmail
from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack import mails
from infra_cdk.tests.stack.books import balance, ledger, rows, values
from infra_cdk.tests.stack.faults import (
    GET,
    HISTORY,
    LIST_PAGE,
    go_wrong,
    injected,
    matched,
    recover,
)
from infra_cdk.tests.stack.hours import let_a_quarter_pass, rests, settle
from infra_cdk.tests.stack.logs import Logs
from infra_cdk.tests.stack.team import Post, Team

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack

RECORDS_A_PAGE = 500
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
    assert eventually(lambda: [injected(post)[0] for post in posts] == [3, 3, 3, 1, 1, 1])
    let_a_quarter_pass(team)
    settle(team)
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
    team.sync(post)
    for so_far in ([1, 0], [1, 1]):  # each time the mailbox rests, and is asked again by the clock
        assert eventually(lambda: injected(post)[1:] == so_far and rests(team))  # noqa: B023 -- used at once
        let_a_quarter_pass(team)
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
    team.sync(post)
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


def test_a_listing_that_breaks_off_deletes_nothing_and_is_made_again(
    team: Team, post: Post
) -> None:
    post.receive(*mails.batch(3))
    settle(team)
    go_wrong(
        post,
        {"kind": "push_drop"},
        {"kind": "expired_history", "count": 1},
        {"kind": "reset", "path": LIST_PAGE, "count": 1},
        # Nothing is fetched: this is about ids, and there are more than a minute's quota of them.
        {"kind": "status", "status": 429, "retry_after": 3600, "path": GET},
    )
    post.receive(*(b"From: kim@elsewhere.example\r\n\r\n%d" % n for n in range(RECORDS_A_PAGE)))
    team.sync(post)
    assert eventually(lambda: injected(post)[2] == 1)
    assert eventually(lambda: ledger(team, post).keys() == gmail.list_ids(post.box))
    assert not values(
        team.stack,
        "select id from emails where workspace_id = %(w)s and gone_at is not null",
        w=team.workspace_id,
    )


def test_a_push_while_its_mailbox_is_read_has_it_read_once_more(team: Team, post: Post) -> None:
    go_wrong(post, {"kind": "latency", "seconds": 1.2, "path": HISTORY, "count": 1})
    post.receive(*mails.batch(2))
    assert eventually(lambda: matched(post)[0] > 0)
    post.receive(*mails.batch(2))  # no quarter of an hour passes here, and nobody polls
    assert eventually(lambda: len(ledger(team, post)) == 4)
    settle(team)
    balance(team)


def test_a_mail_is_missing_for_a_moment_or_for_ever(team: Team, post: Post) -> None:
    go_wrong(post, {"kind": "push_drop"})
    early, lost, short = post.receive(*mails.batch(3))
    go_wrong(
        post,
        {"kind": "status", "status": 404, "path": f"/messages/{early}\\?", "count": 2},
        {"kind": "status", "status": 404, "path": f"/messages/{lost}\\?"},
    )
    gmail.delete(post.box, short)
    team.sync(post)
    settle(team, minutes_a_look=1)
    balance(team, but={lost: ("gone", "missing")})
    recover(post)
    # It is there after all: the next complete listing finds it.
    go_wrong(post, {"kind": "expired_history", "count": 1})
    post.receive(mails.mail())
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


def labels_of(team: Team, provider_id: str) -> list[str]:
    (row,) = rows(
        team.stack,
        "select labels from emails where workspace_id = %(w)s and provider_id = %(id)s",
        w=team.workspace_id,
        id=provider_id,
    )
    return row["labels"]
