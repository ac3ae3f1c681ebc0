"""What tests of GraphQL ask and find there."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from functions.graphql.api import handler
from functions.graphql.ids import encode_id
from shared.db import connection
from shared.ids import uuid7
from shared.testing import Answer, Call, Database, Workspace

URL = "/api/v1/graphql"

_PEOPLE: tuple[LiteralString, ...] = (
    """
    insert into mailboxes (workspace_id, id, user_id, provider, address, sharing, credentials)
    values (%(workspace)s, %(mailbox)s, %(user)s, 'gmail', %(mailbox)s::text || '@example.com',
        'everything', '')
    """,
    """
    insert into contacts (workspace_id, id, name, email, phone, company, owner_id, created_at)
    select %(workspace)s, id, 'Person ' || n, 'person' || n || '@example.com', '+1202555' || n,
        'Company ' || n %% 7, %(user)s, now() - n * interval '1 minute'
    from unnest(%(contacts)s::uuid[]) with ordinality as c (id, n)
    """,
    """
    insert into threads (workspace_id, id, mailbox_id, provider_id, emails, last_at)
    select %(workspace)s, id, %(mailbox)s, id::text, 2, now() - n * interval '1 minute'
    from unnest(%(threads)s::uuid[]) with ordinality as t (id, n)
    """,
    """
    insert into emails (workspace_id, id, mailbox_id, thread_id, provider_id, message_id, direction,
        kind, sender_name, sender_email, received_at, labels, attachments, defects, size, raw_key,
        backfill)
    select %(workspace)s, id, %(mailbox)s, (%(threads)s::uuid[])[(n + 1) / 2], id::text, id::text,
        'inbound', 'human', 'Person', 'person' || (n + 1) / 2 || '@example.com',
        now() - n * interval '1 minute', '{INBOX}', '[]', '{}', 10, 'k', false
    from unnest(%(emails)s::uuid[]) with ordinality as e (id, n)
    """,
    """
    insert into email_subjects (workspace_id, id, mailbox_id, subject, snippet)
    select %(workspace)s, id, %(mailbox)s, 'Subject', 'Words'
    from unnest(%(emails)s::uuid[]) as e (id)
    """,
    """
    insert into email_bodies (workspace_id, id, mailbox_id, text, reply, signature)
    select %(workspace)s, id, %(mailbox)s, 'All the words', 'Words', ''
    from unnest(%(emails)s::uuid[]) as e (id)
    """,
    """
    insert into email_participants (workspace_id, email_id, place, role, name, email)
    select %(workspace)s, id, 1, 'from', 'Person', 'person@example.com'
    from unnest(%(emails)s::uuid[]) as e (id)
    """,
    """
    insert into tasks (workspace_id, id, title, notes, due_at, contact_id, email_id, created_by,
        owner_id, created_at)
    select %(workspace)s, id, 'Task ' || n, 'Notes',
        case when n %% 2 = 0 then now() + n * interval '1 day' end,
        (%(contacts)s::uuid[])[(n + 1) / 2], (%(emails)s::uuid[])[n], 'system', %(user)s,
        now() - n * interval '1 minute'
    from unnest(%(tasks)s::uuid[]) with ordinality as t (id, n)
    """,
)


@dataclass(frozen=True)
class People:
    """Contacts, newest first, of whom each has two tasks, each from a mail of one thread of theirs.
    All mails are in one mailbox of the workspace's owner, whose are the contacts and tasks.
    """

    workspace: UUID
    owner: UUID
    mailbox: UUID
    contacts: list[UUID]
    threads: list[UUID]
    emails: list[UUID]
    tasks: list[UUID]

    @property
    def ids(self) -> dict[str, str]:
        """A global id of each kind of thing."""
        return {
            "Contact": encode_id("Contact", self.contacts[0]),
            "Task": encode_id("Task", self.tasks[0]),
            "Thread": encode_id("Thread", self.threads[0]),
            "Email": encode_id("Email", self.emails[0]),
            "Mailbox": encode_id("Mailbox", self.mailbox),
            "Member": encode_id("Member", self.owner),
            "Workspace": encode_id("Workspace", self.workspace),
        }


def settle(database: Database, workspace: Workspace, number: int) -> People:
    """A workspace's people, so many of them."""
    some = [uuid7() for _ in range(number)]
    twice = [[uuid7() for _ in range(2 * number)] for _ in range(2)]
    threads = [uuid7() for _ in range(number)]
    people = People(workspace.id, workspace.user_id, uuid7(), some, threads, *twice)
    for statement in _PEOPLE:
        database.admin(statement, **vars(people), user=people.owner)
    return people


def ask(call: Call, query: str, variables: dict[str, Any] | None = None, **options: Any) -> Answer:
    """What a document is answered."""
    body = {"query": query, "variables": variables}
    answer = call(handler, "POST", URL, body, **options)
    assert answer.status == 200, answer.body
    return answer


def data_of(answer: Answer) -> dict[str, Any]:
    """What was asked for, of which everything could be had."""
    assert "errors" not in answer.json, answer.json
    return answer.json["data"]


def codes_of(answer: Answer) -> list[str]:
    """The codes of an answer's errors."""
    return [error["extensions"]["code"] for error in answer.json.get("errors", [])]


class _Counting(psycopg.Cursor[Any]):
    """A cursor that writes down what is asked of the database."""

    asked: list[str] = []  # noqa: RUF012 -- all cursors share it

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        self.asked.append(" ".join(query.split()))
        return super().execute(query, params, **options)


@contextmanager
def statements(monkeypatch: Any) -> Generator[list[str]]:
    """The statements of the block, besides those that begin and end the transaction."""
    connect = connection.connect

    def counting_connect(url: str, **options: Any) -> Any:
        return connect(url, **options, cursor_factory=_Counting)

    with monkeypatch.context() as patched:
        patched.setattr(connection, "connect", counting_connect)
        _Counting.asked = []
        found: list[str] = []
        yield found
        besides = ("begin", "commit", "rollback", "select app.begin_request")
        found += [one for one in _Counting.asked if not one.startswith(besides)]
