"""Time in these tests: jobs run when asked, and waits of minutes pass at once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any, LiteralString

import httpx
import psycopg

from infra_cdk.local.stack import Stack
from infra_cdk.tests.stack import books
from infra_cdk.tests.stack.kills import Killer
from infra_cdk.tests.stack.team import Team

_LOOK_EVERY_S = 0.25
_STALLED_S = 2.5


def invoke(stack: Stack, function: str, event: object, *, at: str = "pollers") -> Any:
    """Run a function on one event, as its trigger would."""
    answer = httpx.post(
        f"{stack.runner_url(at)}/_haste/invoke/{function}",
        json=event,
        headers=stack.admin_headers,
        timeout=60,
        trust_env=False,
    ).raise_for_status()
    return answer.json()


def run_job(stack: Stack, function: str, job: str) -> None:
    """Run a scheduled job now. One that finds nothing to talk to will be asked again."""
    try:
        invoke(stack, function, {"detail": {"job": job}})
    except httpx.HTTPError:
        return


def let_pass(team: Team, minutes: float) -> None:
    """What waits on this team's clock has waited `minutes` longer. Nothing is marked as done.

    Rows that somebody works on at this moment are left: to wait for them could end in a deadlock.
    """
    books.rows(
        team.stack,
        """
        with waiting as (
            select make_interval(secs => %(minutes)s * 60) as time
        ), open_mails as (
            select mailbox_id, provider_id from mail_ledger
            where workspace_id = %(workspace)s and state in ('pending', 'queued', 'retrying')
            for update skip locked
        ), mails as (
            update mail_ledger l set due_at = due_at - waiting.time from waiting, open_mails o
            where l.workspace_id = %(workspace)s and l.mailbox_id = o.mailbox_id
                and l.provider_id = o.provider_id
        ), open_boxes as (
            select id from mailboxes where workspace_id = %(workspace)s for update skip locked
        ), boxes as (
            update mailboxes m set synced_at = synced_at - waiting.time,
                throttled_until = throttled_until - waiting.time,
                units_at = case when units_at > 'epoch' then units_at - waiting.time
                    else units_at end
            from waiting, open_boxes o where workspace_id = %(workspace)s and m.id = o.id
        ), open_events as (
            select event_id from outbox where workspace_id = %(workspace)s for update skip locked
        )
        update outbox o set created_at = created_at - waiting.time,
            next_attempt_at = next_attempt_at - waiting.time
        from waiting, open_events e
        where o.workspace_id = %(workspace)s and o.event_id = e.event_id
        """,
        workspace=team.workspace_id,
        minutes=minutes,
    )


def settle(
    *teams: Team,
    within_s: float = 90,
    until: Callable[[], bool] = lambda: True,
    minutes_a_look: float = 0,
) -> None:
    """Wait until nothing is open, the schedules running all the while.

    When nothing moves, a quarter of an hour passes: what was lost with a process is found again by
    then. The pauses before that get longer, because each may let a slow mail be fetched twice.
    """
    stack = teams[0].stack
    deadline, stalled_s = time.monotonic() + within_s, _STALLED_S
    before: object = None
    moved_at = time.monotonic()
    while True:
        now: object = None
        try:
            now = [books.look(team) for team in teams]
            if all(open_.nothing for open_ in now) and until():
                return
        except (httpx.HTTPError, psycopg.OperationalError) as down:
            now = repr(down)
        assert time.monotonic() < deadline, f"still open: {now}"
        if now != before:
            before, moved_at = now, time.monotonic()
        elif time.monotonic() - moved_at > stalled_s:
            with contextlib.suppress(psycopg.OperationalError):
                let_a_quarter_pass(*teams)
            moved_at, stalled_s = time.monotonic(), 2 * stalled_s
        if minutes_a_look:
            for team in teams:
                let_pass(team, minutes_a_look)
        run_job(stack, "email-jobs", "release")
        run_job(stack, "outbox-jobs", "sweep")
        time.sleep(_LOOK_EVERY_S)


def let_a_quarter_pass(*teams: Team) -> None:
    """What was lost with a process is found again after a quarter of an hour."""
    for team in teams:
        if rests(team):
            forget_accesses(team.stack)
        let_pass(team, 16)
    run_job(teams[0].stack, "email-jobs", "poll")
    run_job(teams[0].stack, "email-jobs", "release")


def rests(team: Team) -> bool:
    resting: LiteralString = (
        "select id from mailboxes where workspace_id = %(w)s and throttled_until > now()"
    )
    return bool(books.values(team.stack, resting, w=team.workspace_id))


def forget_accesses(stack: Stack) -> None:
    """End the fetcher's process: it knows for half a minute which mailboxes rest."""
    Killer(stack).strike("email-fetch")
