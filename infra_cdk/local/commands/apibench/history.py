"""What happened with the contacts: mails of theirs, tasks about them, events, and people who are
signed in.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from pydantic import SecretStr

from functions.auth.models.sessions import RefreshToken
from functions.auth.passwords import hash_password
from shared.ids import uuid7

PASSWORD = "correct horse battery staple"  # noqa: S105 -- of people who are made up
PEOPLE = 20
"""Members of the large workspace who sign in, besides its owner."""
SESSIONS = 1000
"""Of theirs. Each is refreshed once, so there are more than any row asks for."""

_CONNECT: LiteralString = """
    insert into mailboxes (workspace_id, id, user_id, provider, address, sharing, state,
        state_reason, credentials)
    select workspace_id, app.uuid7(), user_id, 'gmail', user_id || '@bench.example', 'everything',
        'disconnected', 'made up', ''
    from memberships where workspace_id = any(%(workspaces)s) and role = 'owner'
"""

# About every fourth contact has written, each in a thread of its own.
_WRITE: LiteralString = """
    with mail as materialized (
        select c.workspace_id, app.uuid7() as id, app.uuid7() as thread_id, m.id as mailbox_id,
            c.id as contact_id, c.name, c.email, c.created_at as at
        from contacts c join mailboxes m on m.workspace_id = c.workspace_id
        where c.workspace_id = any(%(workspaces)s) and c.email is not null
            and right(c.id::text, 1) in ('0', '4', '8', 'c')
    ), thread as (
        insert into threads (workspace_id, id, mailbox_id, provider_id, last_at)
        select workspace_id, thread_id, mailbox_id, contact_id, at from mail
    ), subject as (
        insert into email_subjects (workspace_id, id, mailbox_id, subject, snippet)
        select workspace_id, id, mailbox_id, 'Your offer of last week',
            'Dear Sir or Madam, thank you for your offer, which we have read with great interest.'
        from mail
    )
    insert into emails (workspace_id, id, mailbox_id, thread_id, provider_id, direction, kind,
        sender_name, sender_email, received_at, labels, attachments, defects, size, raw_key,
        backfill)
    select workspace_id, id, mailbox_id, thread_id, contact_id, 'inbound', 'human', name, email, at,
        '{INBOX}', '[]', '{}', 4000, 'none', false
    from mail
"""
_PLAN: LiteralString = """
    insert into tasks (workspace_id, id, title, due_at, contact_id, email_id, created_by,
        created_at, updated_at)
    select c.workspace_id, app.uuid7(), 'Call ' || c.name, c.created_at + interval '14 days', c.id,
        e.id, 'system:bench', c.created_at, c.created_at
    from contacts c
        left join emails e on e.workspace_id = c.workspace_id and e.provider_id = c.id::text
    where c.workspace_id = any(%(workspaces)s)
"""
_TELL: LiteralString = """
    insert into event_log (workspace_id, id, position, type, payload)
    select workspace_id, id, position, 'ContactCreated', jsonb_build_object('id', id,
        'workspace_id', workspace_id, 'at', created_at, 'actor', 'system:bench', 'position', null,
        'aggregate_id', contact_id, 'aggregate_version', 1, 'email', email, 'name', name)
    from (
        select workspace_id, app.uuid7() as id, id as contact_id, created_at, email, name,
            row_number() over (partition by workspace_id order by created_at, id) as position
        from contacts where workspace_id = any(%(workspaces)s)
    ) as told
"""
_COUNT: LiteralString = """
    update feed f set position = told.events
    from (
        select workspace_id, count(*) as events from event_log
        where workspace_id = any(%(workspaces)s) group by workspace_id
    ) as told
    where f.workspace_id = told.workspace_id
"""
_SIGN_IN: LiteralString = """
    with person as (
        insert into users (id, email, name, password_hash)
        select id, email, 'Member', %(password_hash)s
        from unnest(%(people)s::uuid[], %(addresses)s::text[]) as p (id, email)
    ), member as (
        insert into memberships (workspace_id, user_id, role)
        select %(workspace)s, id, 'member' from unnest(%(people)s::uuid[]) as p (id)
    ), session as materialized (
        select app.uuid7() as id, hash, (%(people)s::uuid[])[1 + n %% %(count)s] as user_id
        from unnest(%(hashes)s::bytea[]) with ordinality as t (hash, n)
    ), opened as (
        insert into sessions (workspace_id, id, user_id, expires_at)
        select %(workspace)s, id, user_id, now() + interval '30 days' from session
    )
    insert into refresh_tokens (workspace_id, hash, session_id)
    select %(workspace)s, hash, id from session
"""


def happen(migrator: psycopg.Connection[Any], workspace_id: UUID, others: Sequence[UUID]) -> None:
    """Let it happen in workspaces that have their contacts and no more; in the first of them people
    sign in. `migrator` is crm_migrator's connection.
    """
    everywhere = {"workspaces": [workspace_id, *others]}
    for statement in (_CONNECT, _WRITE, _PLAN, _TELL, _COUNT):
        migrator.execute(statement, everywhere)
    signing_in = {
        "workspace": workspace_id,
        "people": [uuid7() for _ in range(PEOPLE)],
        "addresses": addresses(workspace_id),
        "count": PEOPLE,
        "password_hash": hash_password(SecretStr(PASSWORD)),
        "hashes": [_refresh_token(workspace_id, n).hash for n in range(SESSIONS)],
    }
    migrator.execute(_SIGN_IN, signing_in)


def addresses(workspace_id: UUID) -> list[str]:
    """Of the people who sign in, with `PASSWORD`."""
    return [f"member{n}.{workspace_id}@bench.example" for n in range(PEOPLE)]


def refresh_tokens(workspace_id: UUID) -> list[str]:
    """The first one of each session, as it was handed out."""
    return [_refresh_token(workspace_id, n).text for n in range(SESSIONS)]


def _refresh_token(workspace_id: UUID, n: int) -> RefreshToken:
    """One that can be named again: nothing is behind it that would have to be kept."""
    secret = urlsafe_b64encode(sha256(f"{workspace_id} {n}".encode()).digest())
    return RefreshToken(workspace_id, SecretStr(secret.decode().rstrip("=")))
