"""What cannot be had is given up, an outage is not, and a refused mailbox waits for its owner."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra_cdk.local.google import store
from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack import mails
from infra_cdk.tests.stack.books import balance, ledger, look, rows
from infra_cdk.tests.stack.faults import LIST, go_wrong, matched, recover
from infra_cdk.tests.stack.hours import let_pass, run_job, settle
from infra_cdk.tests.stack.kills import Killer
from infra_cdk.tests.stack.team import Post, Team

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack

DELIVERIES = 5
"""of a message, before it goes to the dead-letter queue"""


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
    team.sync(post)
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

    team.sync(post)
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
