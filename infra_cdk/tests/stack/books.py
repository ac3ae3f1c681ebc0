"""The audit: what Gmail has, what the ledger, the bucket, the feed and the tasks say about it.

Every mail in exactly one final state, every stored one once and byte for byte, every effect once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, LiteralString

import boto3
import psycopg
from botocore.config import Config
from psycopg.rows import dict_row, scalar_row

from infra_cdk.local.google import mailbox as gmail
from infra_cdk.local.stack import Stack
from infra_cdk.registry import declared
from infra_cdk.tests.stack.team import BUYERS, Post, Team

STORED = ("stored", None)
Ending = tuple[str, str | None]
"""A ledger's final state and its reason."""


def rows(stack: Stack, query: LiteralString, **params: Any) -> list[dict[str, Any]]:
    """Past row-level security, on a connection of its own: the server may have been killed."""
    with psycopg.connect(stack.database_url(), autocommit=True, connect_timeout=5) as connection:
        cursor = connection.cursor(row_factory=dict_row).execute(query, params)
        return cursor.fetchall() if cursor.description else []


def values(stack: Stack, query: LiteralString, **params: Any) -> list[Any]:
    """The first column."""
    with psycopg.connect(stack.database_url(), autocommit=True, connect_timeout=5) as connection:
        return connection.cursor(row_factory=scalar_row).execute(query, params).fetchall()


def aws(stack: Stack, service: str) -> Any:
    """A client of the stand-in."""
    return _aws(stack.config.aws_url, service)


@cache
def _aws(url: str, service: str) -> Any:
    client: Any = boto3.client
    return client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 3}, s3={"addressing_style": "path"}),
    )


@dataclass(frozen=True)
class Open:
    """What has not reached its end yet; all zero when the work is done."""

    unknown: int
    """ids that Gmail has and no ledger"""
    unsettled: int
    unpublished: int
    unread: int
    """stored, not analysed"""
    unheard: int
    """events that automations should have seen"""

    @property
    def nothing(self) -> bool:
        return not any(vars(self).values())


def look(team: Team) -> Open:
    """What is still to be done about a team's mail."""
    # First, or a mail that is staged meanwhile would be missed by both.
    unknown = sum(len(gmail.list_ids(post.box) - ledger(team, post).keys()) for post in team.posts)
    (counted,) = rows(
        team.stack,
        """
        select
            (select count(*) from mail_ledger where workspace_id = %(workspace)s
                and state in ('pending', 'queued', 'retrying')) as unsettled,
            (select count(*) from outbox where workspace_id = %(workspace)s) as unpublished,
            (select count(*) from emails e where workspace_id = %(workspace)s and not exists (
                select from email_analyses a
                where a.workspace_id = e.workspace_id and a.email_id = e.id)) as unread,
            (select count(*) from event_log l where workspace_id = %(workspace)s
                and type = any(%(heard)s) and not exists (
                select from inbox i where i.workspace_id = l.workspace_id
                    and i.consumer = 'automations' and i.event_id = l.id)) as unheard
        """,
        workspace=team.workspace_id,
        heard=list(_heard_by_automations()),
    )
    return Open(unknown=unknown, **counted)


@cache
def _heard_by_automations() -> tuple[str, ...]:
    (queue,) = [one.function.queue for one in declared() if one.name == "automations-consumer"]
    return queue.listens if queue else ()


def ledger(team: Team, post: Post) -> dict[str, Ending]:
    """State and reason of every mail the ledger knows, by Gmail id."""
    found = rows(
        team.stack,
        """
        select provider_id, state, reason from mail_ledger
        where workspace_id = %(workspace)s and mailbox_id = %(mailbox)s
        """,
        workspace=team.workspace_id,
        mailbox=post.id,
    )
    return {row["provider_id"]: (row["state"], row["reason"]) for row in found}


def balance(
    team: Team,
    *,
    but: Mapping[str, Ending] | None = None,
    gone: Collection[str] = (),
    old: Collection[str] = (),
) -> None:
    """Assert that the books of a team balance, once nothing is open.

    Every mail that Gmail has is stored, `but` for those named with another end. `gone` are stored
    ones that were deleted since. No automation may have run on `old` ones.
    """
    exceptions = dict(but or {})
    for post in team.posts:
        _balance_mailbox(team, post, exceptions, set(gone))
    _balance_feed(team)
    _balance_effects(team, set(old))


def _balance_mailbox(
    team: Team, post: Post, exceptions: Mapping[str, Ending], gone: set[str]
) -> None:
    listed = gmail.list_ids(post.box)
    known = ledger(team, post)
    assert listed <= known.keys(), f"unaccounted: {sorted(listed - known.keys())}"
    wrong = {
        id_: end
        for id_, end in known.items()
        if end != exceptions.get(id_, STORED if id_ in listed | gone else ("gone", end[1]))
    }
    assert not wrong, f"not as they should be: {wrong}"
    stored = rows(
        team.stack,
        """
        select e.provider_id, e.raw_key, e.size, e.gone_at is not null as gone, l.raw_key as kept,
            l.email_id = e.id as linked, s.id is not null as titled, b.id is not null as readable
        from emails e
        left join mail_ledger l on l.workspace_id = e.workspace_id
            and l.mailbox_id = e.mailbox_id and l.provider_id = e.provider_id
        left join email_subjects s on s.workspace_id = e.workspace_id and s.id = e.id
        left join email_bodies b on b.workspace_id = e.workspace_id and b.id = e.id
        where e.workspace_id = %(workspace)s and e.mailbox_id = %(mailbox)s
        """,
        workspace=team.workspace_id,
        mailbox=post.id,
    )
    wanted = Counter(id_ for id_, end in known.items() if end == STORED)
    assert Counter(row["provider_id"] for row in stored) == wanted, "not each mail once"
    assert {row["provider_id"] for row in stored if row["gone"]} == gone & wanted.keys()
    for row in stored:
        assert row["linked"], row
        assert row["titled"], row
        assert row["readable"], row
        assert row["raw_key"] == row["kept"], row
        assert row["raw_key"].startswith(f"{team.workspace_id}/"), row
        if row["provider_id"] in listed:
            raw = gmail.raw(post.box, row["provider_id"])
            assert bytes_of(team, row["raw_key"]) == raw, row
            assert row["size"] == len(raw), row


def bytes_of(team: Team, key: str) -> bytes:
    """An object of the bucket."""
    stack = team.stack
    answer = aws(stack, "s3").get_object(Bucket=stack.config.resources.bucket, Key=key)
    return answer["Body"].read()


def _balance_feed(team: Team) -> None:
    positions = values(
        team.stack,
        "select position from event_log where workspace_id = %(workspace)s order by position",
        workspace=team.workspace_id,
    )
    assert positions == list(range(1, len(positions) + 1)), "the feed has holes or doubles"
    (at,) = values(
        team.stack,
        "select position from feed where workspace_id = %(workspace)s",
        workspace=team.workspace_id,
    )
    assert at == len(positions)
    (threaded,) = values(
        team.stack,
        """
        select count(*) from threads t where workspace_id = %(workspace)s and emails <> (
            select count(*) from emails e
            where e.workspace_id = t.workspace_id and e.thread_id = t.id)
        """,
        workspace=team.workspace_id,
    )
    assert threaded == 0, "a thread's count is not the count of its mails"


def _balance_effects(team: Team, old: set[str]) -> None:
    """Exactly one event of each kind, one analysis, and for a buyer's mail two runs and tasks."""
    mails = rows(
        team.stack,
        """
        select e.id::text, e.provider_id, coalesce(e.sender_email, '') as sender, e.backfill,
            (select count(*) from email_analyses a
                where a.workspace_id = e.workspace_id and a.email_id = e.id) as analyses,
            (select count(*) from tasks t
                where t.workspace_id = e.workspace_id and t.email_id = e.id) as tasks
        from emails e where e.workspace_id = %(workspace)s
        """,
        workspace=team.workspace_id,
    )
    told = Counter(
        (row["type"], row["about"])
        for row in rows(
            team.stack,
            """
            select type, payload->>'aggregate_id' as about from event_log
            where workspace_id = %(workspace)s
            """,
            workspace=team.workspace_id,
        )
    )
    for mail in mails:
        matches = mail["sender"].endswith(f"@{BUYERS}") and not mail["backfill"]
        assert mail["backfill"] == (mail["provider_id"] in old), mail
        assert mail["analyses"] == 1, mail
        assert mail["tasks"] == (2 if matches else 0), mail
        assert told["EmailReceived", mail["id"]] == 1, mail
        assert told["EmailAnalyzed", mail["id"]] == 1, mail
    runs = values(
        team.stack,
        "select status from automation_runs where workspace_id = %(workspace)s",
        workspace=team.workspace_id,
    )
    tasks = sum(mail["tasks"] for mail in mails)
    assert Counter(runs) == Counter({"done": tasks} if tasks else {})
    assert sum(count for (type_, _), count in told.items() if type_ == "TaskCreated") == tasks
