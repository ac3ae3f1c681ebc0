"""The schedules: what is released when, who is asked again, whose watch is renewed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, LiteralString

import pytest

from functions.email import jobs
from functions.email.api import handler as api
from functions.email.tests.conftest import ADDRESS, Connect, Mailroom
from infra_cdk.local.google.mailbox import Mailbox
from infra_cdk.local.google.testing import set_faults
from shared.testing import Call, Database, LambdaContext, Workspace

if TYPE_CHECKING:
    from infra_cdk.local.google.emulate import Google

pytest_plugins = ["infra_cdk.local.google.fixtures"]


@pytest.fixture
def backlog(
    connect: Connect, database: Database, mailroom: Mailroom
) -> Callable[..., dict[str, Any]]:
    """A mailbox with so many mails staged, from notifications and from a listing."""

    def make(*, live: int = 0, listed: int = 0, units: int = 6000, **options: Any) -> Any:
        mailbox = connect(**options)
        for kind, count in (("live", live), ("old", listed)):
            database.admin(
                """
                insert into mail_ledger (workspace_id, mailbox_id, provider_id, listed)
                select workspace_id, id, %(kind)s || n, %(kind)s = 'old'
                from mailboxes, generate_series(1, %(count)s) n where id = %(id)s::uuid
                """,
                kind=kind,
                count=count,
                id=mailbox["id"],
            )
        database.admin(
            "update mailboxes set units_per_minute = %(units)s where id = %(id)s::uuid",
            units=units,
            id=mailbox["id"],
        )
        return mailbox

    return make


def _released(mailroom: Mailroom) -> tuple[int, int]:
    """How many were released, of the new ones and of the old ones."""
    taken = [json.loads(body)["provider_id"] for body in mailroom.queues.fetch.take()]
    assert len(taken) == len(set(taken))
    live = sum(one.startswith("live") for one in taken)
    return live, len(taken) - live


def _let_pass(database: Database, mailbox: dict[str, Any], **time: float) -> None:
    database.admin(
        "update mailboxes set units_at = units_at - %(time)s where id = %(id)s::uuid",
        time=timedelta(**time),
        id=mailbox["id"],
    )


@pytest.mark.parametrize(
    ("live", "listed", "units", "released"),
    [
        (0, 400, 6000, (0, 150)),  # old mails get half
        (400, 400, 6000, (300, 0)),  # new ones first
        (200, 400, 6000, (200, 100)),  # and old ones what is left
        (20, 400, 6000, (20, 150)),
        (10, 10, 100, (5, 0)),
        (1, 10, 100, (1, 2)),
        (9, 9, 60, (3, 0)),
        (0, 9, 60, (0, 1)),
        (3, 4, 6000, (3, 4)),
    ],
)
def test_a_minutes_units_are_spent_on_new_mails_first_and_at_most_half_on_old_ones(
    backlog: Callable[..., dict[str, Any]],
    mailroom: Mailroom,
    database: Database,
    live: int,
    listed: int,
    units: int,
    released: tuple[int, int],
) -> None:
    mailbox = backlog(live=live, listed=listed, units=units)
    mailroom.run("release")
    assert _released(mailroom) == released
    (left,) = database.admin(
        "select units, backfill_units from mailboxes where id = %(id)s::uuid", id=mailbox["id"]
    )
    assert left["units"] == units - 20 * sum(released)
    assert left["backfill_units"] == units // 2 - 20 * released[1]


def test_units_come_back_with_time_and_never_more_than_a_minutes_worth(
    backlog: Callable[..., dict[str, Any]], mailroom: Mailroom, database: Database
) -> None:
    mailbox = backlog(live=2000, listed=0)
    mailroom.run("release")
    assert _released(mailroom) == (300, 0)
    _let_pass(database, mailbox, seconds=10)
    mailroom.run("release")
    live, _ = _released(mailroom)
    assert 50 <= live < 300
    _let_pass(database, mailbox, hours=5)
    mailroom.run("release")
    assert _released(mailroom) == (300, 0)


def test_units_are_not_lost_to_rounding(
    backlog: Callable[..., dict[str, Any]], mailroom: Mailroom, database: Database
) -> None:
    """A slow mailbox that is asked often: each turn brings less than one unit."""
    mailbox = backlog(live=100, units=60)
    mailroom.run("release")
    assert _released(mailroom) == (3, 0)
    database.admin("update mailboxes set units = 18, units_at = now() where deleted_at is null")
    for _ in range(5):
        _let_pass(database, mailbox, milliseconds=450)
        mailroom.run("release")
    live, _ = _released(mailroom)
    assert live >= 1


def test_a_backfill_leaves_room_for_a_new_mail(
    backlog: Callable[..., dict[str, Any]], mailroom: Mailroom, database: Database
) -> None:
    mailbox = backlog(listed=1000)
    mailroom.run("release")
    assert _released(mailroom) == (0, 150)
    database.admin(
        """
        insert into mail_ledger (workspace_id, mailbox_id, provider_id, listed)
        select workspace_id, id, 'live-late', false from mailboxes where id = %(id)s::uuid
        """,
        id=mailbox["id"],
    )
    mailroom.run("release")
    assert _released(mailroom)[0] == 1


def test_what_was_released_is_due_again_when_nothing_became_of_it(
    backlog: Callable[..., dict[str, Any]],
    mailroom: Mailroom,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mailbox = backlog(live=1)
    mailroom.run("release")
    assert _released(mailroom) == (1, 0)
    row = mailroom.ledger(mailbox)["live1"]
    assert (row["state"], row["releases"]) == ("queued", 1)
    wait = row["due_at"] - datetime.now(UTC)
    assert timedelta(minutes=14) < wait <= timedelta(minutes=15)
    mailroom.run("release")
    assert _released(mailroom) == (0, 0)
    monkeypatch.setenv("HASTE_MAIL_RELEASE_AGAIN_SECONDS", "20")
    mailroom.hurry()
    mailroom.run("release")
    assert _released(mailroom) == (1, 0)
    wait = mailroom.ledger(mailbox)["live1"]["due_at"] - datetime.now(UTC)
    assert timedelta(seconds=35) < wait <= timedelta(seconds=40)


@pytest.mark.parametrize(
    "rest",
    [
        "update mailboxes set throttled_until = now() + interval '1 minute'",
        "update mailboxes set state = 'disconnected'",
        "update mailboxes set deleted_at = now()",
    ],
)
def test_a_mailbox_that_rests_releases_nothing(
    backlog: Callable[..., dict[str, Any]],
    mailroom: Mailroom,
    database: Database,
    rest: LiteralString,
) -> None:
    mailbox = backlog(live=3, listed=3)
    database.admin(rest)
    mailroom.run("release")
    assert _released(mailroom) == (0, 0)
    assert {row["state"] for row in mailroom.ledger(mailbox).values()} == {"pending"}


def test_a_large_backlog_hides_no_other_mailbox(
    backlog: Callable[..., dict[str, Any]],
    mailroom: Mailroom,
    database: Database,
    new_workspace: Callable[[], Workspace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many mails of the first are due, and since when, the second is served in turn."""
    monkeypatch.setattr(jobs, "_MOST", 1)
    first = backlog(listed=2000)
    database.admin("update mail_ledger set due_at = now() - interval '1 day'")
    second = backlog(live=1, workspace=new_workspace())
    mailroom.run("release")
    mailroom.run("release")
    mailroom.queues.fetch.take()
    assert mailroom.ledger(second)["live1"]["state"] == "queued"
    assert "queued" in {row["state"] for row in mailroom.ledger(first).values()}


def test_a_mailbox_in_trouble_holds_up_no_other(
    backlog: Callable[..., dict[str, Any]],
    mailroom: Mailroom,
    new_workspace: Callable[[], Workspace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mailboxes = [backlog(live=1, workspace=new_workspace()) for _ in range(3)]
    release = jobs.commands.release

    def trouble(tx: Any, mailbox_id: Any, **options: Any) -> Any:
        if str(mailbox_id) == mailboxes[1]["id"]:
            raise ConnectionError
        return release(tx, mailbox_id, **options)

    monkeypatch.setattr(jobs.commands, "release", trouble)
    mailroom.run("release")
    assert [mailroom.ledger(one)["live1"]["state"] for one in mailboxes] == [
        "queued",
        "pending",
        "queued",
    ]


def test_only_quiet_mailboxes_are_asked(
    connect: Connect, mailroom: Mailroom, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = connect()
    mailroom.run("poll")  # never synchronised: its first message was lost
    assert [json.loads(body) for body in mailroom.queues.sync.take()] == [{"address": ADDRESS}]
    mailroom.settle()
    mailroom.run("poll")
    assert mailroom.queues.sync.take() == []
    database.admin("update mailboxes set synced_at = now() - interval '16 minutes'")
    for _ in range(2):  # every turn asks anew
        mailroom.run("poll")
        assert len(mailroom.queues.sync.take()) == 1
    monkeypatch.setenv("HASTE_MAIL_QUIET_SECONDS", "3600")
    mailroom.run("poll")
    assert mailroom.queues.sync.take() == []
    database.admin(
        """
        update mailboxes set synced_at = null, state = 'disconnected' where id = %(id)s::uuid
        """,
        id=mailbox["id"],
    )
    mailroom.run("poll")
    assert mailroom.queues.sync.take() == []


def _watched_until(call: Call, mailbox: dict[str, Any]) -> datetime | None:
    read = call(api, "GET", f"/api/v1/mailboxes/{mailbox['id']}").json["watch_expires_at"]
    return datetime.fromisoformat(read) if read else None


@pytest.mark.parametrize(
    ("left", "renewed"), [("4 days", True), ("-1 day", True), ("6 days", False)]
)
def test_watches_are_renewed_in_good_time(
    call: Call,
    connect: Connect,
    mailroom: Mailroom,
    database: Database,
    left: str,
    renewed: bool,
) -> None:
    mailbox = connect()
    database.admin("update mailboxes set watch_expires_at = now() + %(left)s::interval", left=left)
    before = _watched_until(call, mailbox)
    mailroom.run("watch")
    after = _watched_until(call, mailbox)
    assert (after != before) is renewed
    if renewed:
        assert after is not None
        assert after - datetime.now(UTC) > timedelta(days=6)


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ({"status": 401, "reason": "authError"}, "disconnected"),
        ({"status": 403, "reason": "forbidden"}, "active"),  # our topic's fault, maybe
        ({"status": 503}, "active"),
        ({"status": 429, "retry_after": 60}, "active"),
    ],
)
def test_a_watch_that_cannot_be_renewed(
    google: Google,
    call: Call,
    connect: Connect,
    mailroom: Mailroom,
    database: Database,
    box: Mailbox,
    workspace: Workspace,
    events_of: Callable[[Workspace], list[dict[str, Any]]],
    fault: dict[str, Any],
    state: str,
) -> None:
    mailbox = connect()
    database.admin("update mailboxes set watch_expires_at = now() + interval '1 day'")
    before = _watched_until(call, mailbox)
    set_faults(google, {"kind": "status", "path": "watch", **fault})
    mailroom.run("watch")
    read = call(api, "GET", f"/api/v1/mailboxes/{mailbox['id']}").json
    assert (read["state"], _watched_until(call, mailbox)) == (state, before)
    ended = [one["type"] for one in events_of(workspace)].count("MailboxDisconnected")
    assert ended == (1 if state == "disconnected" else 0)


def test_a_watch_in_trouble_holds_up_no_other(
    call: Call,
    connect: Connect,
    mailroom: Mailroom,
    database: Database,
    new_workspace: Callable[[], Workspace],
) -> None:
    places = [new_workspace() for _ in range(3)]
    mailboxes = [connect(workspace=place) for place in places]
    database.admin("update mailboxes set watch_expires_at = null")
    database.admin(
        "update mailboxes set credentials = 'x' where id = %(id)s::uuid", id=mailboxes[1]["id"]
    )
    mailroom.run("watch")
    rows = database.admin(
        "select id::text, watch_expires_at from mailboxes where deleted_at is null"
    )
    renewed = {row["id"] for row in rows if row["watch_expires_at"]}
    assert renewed == {mailboxes[0]["id"], mailboxes[2]["id"]}


def test_a_schedule_that_names_no_job_is_an_error(mailroom: Mailroom) -> None:
    with pytest.raises(KeyError):
        jobs.handler({"detail": {"job": "tidy"}}, LambdaContext())  # pyright: ignore[reportArgumentType]
