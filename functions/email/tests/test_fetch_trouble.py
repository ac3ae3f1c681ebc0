"""`email-fetch` where Gmail, the bucket or a mail itself makes trouble: the state each ends in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from functions.email.api import handler as api
from functions.email.consumers import fetch
from functions.email.gmail import calls
from functions.email.models import FetchEmail
from functions.email.tests.conftest import ADDRESS, Mailroom
from functions.email.tests.test_fetch import GET, Events, arrived, mailbox, raw, received
from infra_cdk.local.google import mailbox as mail
from infra_cdk.local.google.mailbox import Mailbox
from infra_cdk.local.google.testing import calm, injected, set_faults
from shared.mail import parse
from shared.testing import Call, Database, Workspace

if TYPE_CHECKING:
    from infra_cdk.local.google.emulate import Google

pytest_plugins = ["infra_cdk.local.google.fixtures"]

__all__ = ["mailbox"]  # a fixture

MAIL = b"From: Kim <kim@initech.example>\r\nSubject: Hi\r\n\r\nHello\r\n"


def test_gone_is_said_only_after_asking_three_times(
    google: Google, mailbox: dict[str, Any], mailroom: Mailroom, box: Mailbox
) -> None:
    message_id = arrived(mailroom, box)
    set_faults(google, {"kind": "status", "path": GET, "status": 404})
    for asked in (1, 2):
        mailroom.fetch()
        assert mailroom.states(mailbox)[message_id] == ("retrying", "missing"), asked
        mailroom.hurry()
        mailroom.run("release")
    mailroom.fetch()
    assert mailroom.states(mailbox)[message_id] == ("gone", "missing")


def test_a_mail_that_was_missing_for_a_moment_is_stored(
    google: Google, mailbox: dict[str, Any], mailroom: Mailroom, box: Mailbox
) -> None:
    message_id = arrived(mailroom, box)
    set_faults(google, {"kind": "status", "path": GET, "status": 404, "count": 2})
    mailroom.settle()
    assert injected(google) == [2]
    assert mailroom.states(mailbox)[message_id] == ("stored", None)


def test_failures_of_another_kind_do_not_count_as_missing(
    google: Google, mailbox: dict[str, Any], mailroom: Mailroom, box: Mailbox
) -> None:
    message_id = arrived(mailroom, box)
    set_faults(
        google,
        {"kind": "status", "path": GET, "status": 503, "count": 4},
        {"kind": "status", "path": GET, "status": 404, "count": 1},
    )
    mailroom.settle()
    assert injected(google) == [4, 1]
    assert mailroom.states(mailbox)[message_id] == ("stored", None)


def test_a_mail_that_was_called_gone_and_is_listed_is_looked_at_again(
    google: Google, mailbox: dict[str, Any], mailroom: Mailroom, box: Mailbox
) -> None:
    message_id = arrived(mailroom, box)
    set_faults(google, {"kind": "status", "path": GET, "status": 404, "count": 3})
    mailroom.settle()
    assert mailroom.states(mailbox)[message_id] == ("gone", "missing")
    mail.insert(box, raw())
    set_faults(google, {"kind": "expired_history", "count": 1})
    mailroom.settle()
    assert mailroom.states(mailbox)[message_id] == ("stored", None)


@pytest.mark.parametrize(
    ("fault", "reason", "tries"),
    [
        ({"status": 400, "reason": "failedPrecondition"}, "failedPrecondition", 8),
        ({"status": 503, "reason": "backendError"}, "backendError", 100),
        ({"kind": "reset"}, "Unavailable", 100),
        ({"kind": "truncate"}, "Unavailable", 100),
    ],
)
def test_a_mail_that_cannot_be_fetched_waits_longer_each_time_and_fails_in_the_end(
    google: Google,
    mailbox: dict[str, Any],
    mailroom: Mailroom,
    box: Mailbox,
    fault: dict[str, Any],
    reason: str,
    tries: int,
) -> None:
    message_id = arrived(mailroom, box)
    other = mail.insert(box, raw())
    set_faults(google, {"kind": "status", "path": f"{message_id}.*format=raw", **fault})
    waits: list[float] = []
    for attempt in range(1, 4):
        before = datetime.now(UTC)
        mailroom.fetch()
        row = mailroom.ledger(mailbox)[message_id]
        assert (row["state"], row["reason"], row["attempts"]) == ("retrying", reason, attempt)
        assert row["releases"] == 0
        waits.append(round((row["due_at"] - before).total_seconds(), -0) // 5 * 5)
        mailroom.hurry()
        mailroom.run("release")
    assert waits == [5, 10, 20]
    mailroom.database.admin("update mail_ledger set attempts = %(n)s", n=tries - 2)
    mailroom.fetch()
    row = mailroom.ledger(mailbox)[message_id]
    assert row["state"] == "retrying"
    assert row["due_at"] < datetime.now(UTC) + timedelta(minutes=16)
    mailroom.hurry()
    mailroom.run("release")
    mailroom.fetch()
    assert mailroom.states(mailbox)[message_id] == ("failed", reason)
    calm(google)
    mailroom.settle()
    assert mailroom.states(mailbox) == {message_id: ("failed", reason), other: ("stored", None)}


@pytest.mark.parametrize("status", [429, 403])
def test_a_used_up_quota_rests_the_mailbox_and_counts_against_no_mail(
    google: Google, mailbox: dict[str, Any], mailroom: Mailroom, box: Mailbox, status: int
) -> None:
    ids = mail.insert_many(box, [raw() for _ in range(4)])
    mailroom.sync()
    set_faults(
        google,
        {
            "kind": "status",
            "path": GET,
            "status": status,
            "reason": "userRateLimitExceeded",
            "retry_after": 900,
            "retry_as": "message",
            "skip": 1,
        },
    )
    assert mailroom.fetch(times=2) == []
    assert injected(google) == [1]  # once told, nothing more is asked
    states = sorted(mailroom.states(mailbox).values())
    assert states == [*[("retrying", "throttled")] * 3, ("stored", None)]
    for row in mailroom.ledger(mailbox).values():
        assert (row["attempts"], row["state"] == "stored" or row["releases"] == 0) == (0, True)
        if row["state"] == "retrying":
            left = row["due_at"] - datetime.now(UTC)
            assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    mailroom.run("release")
    assert mailroom.queues.fetch.take() == []
    calm(google)
    mailroom.hurry()
    mailroom.run("release")
    mailroom.settle()
    assert mailroom.states(mailbox) == dict.fromkeys(ids, ("stored", None))


def test_a_revoked_token_disconnects_and_the_mails_wait_for_the_next(
    google: Google,
    call: Call,
    mailbox: dict[str, Any],
    mailroom: Mailroom,
    box: Mailbox,
    workspace: Workspace,
    events_of: Events,
) -> None:
    ids = mail.insert_many(box, [raw() for _ in range(3)])
    mailroom.sync()
    set_faults(google, {"kind": "status", "path": GET, "status": 401})
    assert mailroom.fetch(times=2) == []
    url = f"/api/v1/mailboxes/{mailbox['id']}"
    broken = call(api, "GET", url).json
    assert broken["state"] == "disconnected"
    assert broken["state_reason"]
    ended = [one for one in events_of(workspace) if one["type"] == "MailboxDisconnected"]
    assert len(ended) == 1
    assert {row["attempts"] for row in mailroom.ledger(mailbox).values()} == {0}
    calm(google)
    mailroom.run("release")
    assert mailroom.queues.fetch.take() == []
    token = {"access_token": google.token(ADDRESS)}
    again = call(api, "PATCH", url, token, headers={"If-Match": f'"{broken["version"]}"'})
    assert (again.status, again.json["state"]) == (200, "active")
    mailroom.settle()
    assert mailroom.states(mailbox) == dict.fromkeys(ids, ("stored", None))
    assert [one["type"] for one in events_of(workspace)].count("MailboxConnected") == 2


def test_a_token_that_was_replaced_meanwhile_disconnects_nothing(
    google: Google, call: Call, mailbox: dict[str, Any], mailroom: Mailroom, box: Mailbox
) -> None:
    """A warm function still holds the old token for some seconds, and Google refuses that one."""
    message_id = arrived(mailroom, box)
    assert mailroom.fetch() == []  # now the function knows the first token
    second = arrived(mailroom, box)
    url = f"/api/v1/mailboxes/{mailbox['id']}"
    token = {"access_token": google.token(ADDRESS)}
    assert call(api, "PATCH", url, token, headers={"If-Match": "*"}).status == 200
    set_faults(google, {"kind": "status", "path": GET, "status": 401, "count": 1})
    assert mailroom.fetch() == []
    assert injected(google) == [1]
    assert call(api, "GET", url).json["state"] == "active"
    mailroom.run("release")
    mailroom.fetch()
    assert mailroom.states(mailbox) == dict.fromkeys((message_id, second), ("stored", None))


def test_a_mailbox_that_is_not_connected_is_left_alone(
    mailbox: dict[str, Any], mailroom: Mailroom, box: Mailbox, workspace: Workspace
) -> None:
    message_id = arrived(mailroom, box)
    mailroom.database.admin(
        "update mailboxes set state = 'disconnected' where id = %(id)s::uuid", id=mailbox["id"]
    )
    fetch._known.clear()  # pyright: ignore[reportPrivateUsage] -- 30 s go by
    assert mailroom.fetch() == []
    assert mailroom.states(mailbox)[message_id] == ("queued", None)
    nobodys = FetchEmail(
        workspace_id=workspace.id, mailbox_id=uuid4(), provider_id="x", listed=False
    )
    assert mailroom.deliver(fetch.handler, nobodys, "nonsense", "{}") == ["1", "2"]


def test_a_mail_too_large_for_gmail_is_skipped_with_a_reason(
    mailbox: dict[str, Any], mailroom: Mailroom, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, small = arrived(mailroom, box, raw(text="x" * 5000)), arrived(mailroom, box)
    monkeypatch.setattr(calls, "_MAX_ANSWER_BYTES", 4000)
    assert mailroom.fetch() == []
    assert mailroom.states(mailbox) == {
        large: ("skipped", "too_large"),
        small: ("stored", None),
    }


def test_a_mail_that_takes_its_function_down_fails_and_holds_up_no_other(
    mailbox: dict[str, Any],
    mailroom: Mailroom,
    box: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    poison, plain = arrived(mailroom, box, raw("poison")), arrived(mailroom, box)

    def explode(content: bytes) -> Any:
        if b"poison" in content:
            raise RecursionError
        return parse(content)

    monkeypatch.setattr(fetch, "parse", explode)
    waits: list[int] = []
    for _ in range(6):
        assert len(mailroom.fetch()) == 1
        row = mailroom.ledger(mailbox)[poison]
        assert row["state"] == "queued"
        waits.append(round((row["due_at"] - datetime.now(UTC)).total_seconds() / 900))
        mailroom.hurry()
        mailroom.run("release")
    assert waits == [1, 2, 4, 8, 16, 32]  # quarters of an hour: a broken release fails no mail
    assert mailroom.states(mailbox) == {poison: ("failed", "poison"), plain: ("stored", None)}
    assert mailroom.queues.fetch.take() == []


def test_a_bucket_that_does_not_answer_delays_and_loses_nothing(
    mailbox: dict[str, Any],
    mailroom: Mailroom,
    box: Mailbox,
    workspace: Workspace,
    events_of: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message_id = arrived(mailroom, box)
    with monkeypatch.context() as patched:
        patched.setenv("HASTE_BUCKET", "no-such-bucket")
        assert mailroom.fetch() == []
    assert mailroom.states(mailbox)[message_id] == ("retrying", "bucket")
    mailroom.settle()
    assert mailroom.states(mailbox)[message_id] == ("stored", None)
    assert len(received(events_of(workspace))) == 1


def test_a_fetch_that_is_forbidden_disconnects_the_mailbox_and_gives_nothing_up(
    google: Google, mailbox: dict[str, Any], mailroom: Mailroom, box: Mailbox
) -> None:
    message_id = mail.insert(box, MAIL)
    assert mailroom.sync() == []
    fault = {"kind": "status", "path": "messages/", "status": 403, "reason": "domainPolicy"}
    set_faults(google, fault)
    assert mailroom.fetch() == []
    rows = mailroom.database.admin(
        "select state, state_reason from mailboxes where id = %(id)s::uuid", id=mailbox["id"]
    )
    assert rows == [{"state": "disconnected", "state_reason": "domainPolicy"}]
    assert mailroom.states(mailbox)[message_id] == ("retrying", "disconnected")


def test_a_mail_the_database_refuses_is_put_off_and_its_batch_is_stored(
    mailbox: dict[str, Any], mailroom: Mailroom, box: Mailbox, database: Database
) -> None:
    good = mail.insert_many(box, [MAIL] * 3)
    bad = mail.insert(box, b"Subject: refused\r\n\r\nText\r\n")
    database.admin(
        "alter table email_subjects add constraint no_such check (subject <> 'refused') not valid"
    )
    try:
        assert mailroom.sync() == []
        assert mailroom.fetch() == []
    finally:
        database.admin("alter table email_subjects drop constraint no_such")
    states = mailroom.states(mailbox)
    assert {states[one] for one in good} == {("stored", None)}
    assert states[bad] == ("retrying", "refused:23514")
    mailroom.settle()
    assert mailroom.states(mailbox)[bad] == ("stored", None)
