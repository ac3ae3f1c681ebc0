"""Workspaces with a row in every table, each row marked, so that a leak is seen at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, LiteralString
from uuid import UUID, uuid4

from psycopg import sql

from shared.ids import uuid7
from shared.testing import Database, Workspace

KINDS = (
    "contact",
    "task",
    "mailbox",
    "thread",
    "email",
    "automation",
    "endpoint",
    "delivery",
    "session",
    "key",
    "operation",
    "member",
    "role",
    "team",
    "invitation",
    "request",
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Tenant:
    """A workspace, the ids of what is in it by kind, and the mark that its every text holds."""

    workspace: Workspace
    ids: dict[str, UUID] = field(default_factory=lambda: {kind: uuid7() for kind in KINDS})
    other_ids: dict[str, UUID] = field(
        default_factory=lambda: {kind: uuid7() for kind in ("run", "event", "worn", "sso")}
    )
    mark: str = field(default_factory=lambda: f"canary{uuid4().hex}")

    @property
    def email(self) -> str:
        return f"{self.mark}@example.com"

    @property
    def all_ids(self) -> set[str]:
        """Every id that is this workspace's own."""
        ids = {*self.ids.values(), *self.other_ids.values()}
        return {str(one) for one in {*ids, self.workspace.id, self.workspace.user_id}}

    def seen_in(self, text: str, *, besides: set[str] = frozenset()) -> list[str]:  # pyright: ignore[reportArgumentType]
        """What of this workspace a text tells; `besides` what its reader has said themselves."""
        ids = set(_UUID.findall(text.lower())) & self.all_ids
        return [*(ids - besides), *([self.mark] if self.mark in text else [])]


_ROWS: tuple[LiteralString, ...] = (
    """
    update users set email = %(email)s, name = %(mark)s, email_verified_at = now()
    where id = %(user)s
    """,
    """
    insert into users (id, email, name, password_hash)
    values (%(member)s, 'member.' || %(email)s::text, %(mark)s, 'none')
    """,
    "update workspaces set name = %(mark)s where id = %(w)s",
    """
    insert into workspace_keys (workspace_id, wrapped)
    values (%(w)s, convert_to(%(mark)s, 'UTF8'))
    """,
    """
    insert into sessions (workspace_id, id, user_id, expires_at, address, user_agent)
    values (%(w)s, %(session)s, %(user)s, now() + interval '1 day', '192.0.2.1', %(mark)s)
    """,
    """
    insert into refresh_tokens (workspace_id, hash, session_id)
    values (%(w)s, sha256(convert_to(%(mark)s, 'UTF8')), %(session)s)
    """,
    """
    insert into socket_tickets (workspace_id, digest, user_id, session_id, access, expires_at)
    values (%(w)s, sha256(convert_to(%(mark)s, 'UTF8')), %(user)s, %(session)s, %(mark)s,
        now() + interval '1 day')
    """,
    """
    insert into roles (workspace_id, id, name, grants)
    values (%(w)s, %(role)s, %(mark)s, array[%(mark)s]),
        (%(w)s, %(worn)s, %(mark)s || ' worn', array[%(mark)s])
    """,
    """
    insert into memberships (workspace_id, user_id, role, role_id)
    values (%(w)s, %(member)s, 'custom', %(worn)s)
    """,
    """
    insert into invitations (workspace_id, id, email, role, role_id, invited_by, inviter,
        token_hashes, expires_at, mail_state, mail_asked_at)
    values (%(w)s, %(invitation)s, 'invited.' || %(email)s::text, 'custom', %(worn)s, %(user)s,
        %(email)s, array[sha256(convert_to(%(mark)s, 'UTF8'))], now() + interval '7 days', 'sent',
        now() - interval '1 hour')
    """,
    """
    insert into sso_connections (workspace_id, id, issuer, client_id, client_secret, domains,
        enabled)
    values (%(w)s, %(sso)s, 'https://' || %(mark)s || '.example', %(mark)s,
        convert_to(%(mark)s, 'UTF8'), array[%(mark)s || '.example'], false)
    """,
    """
    insert into sso_identities (workspace_id, issuer, subject, user_id)
    values (%(w)s, 'https://' || %(mark)s || '.example', %(mark)s, %(user)s)
    """,
    """
    insert into api_keys (workspace_id, id, user_id, name, hash, grants, last_used_from)
    values (%(w)s, %(key)s, %(user)s, %(mark)s, sha256(convert_to(%(mark)s, 'UTF8')),
        array['contacts.read'], '192.0.2.1')
    """,
    "insert into teams (workspace_id, id, name) values (%(w)s, %(team)s, %(mark)s)",
    """
    insert into team_members (workspace_id, team_id, user_id) values (%(w)s, %(team)s, %(user)s)
    """,
    """
    insert into contacts (workspace_id, id, name, email, phone, company, job_title, tags, owner_id)
    values (%(w)s, %(contact)s, %(mark)s, %(email)s, '+12025550147', %(mark)s, %(mark)s,
        array[%(mark)s], %(user)s)
    """,
    """
    insert into tasks (workspace_id, id, title, notes, contact_id, email_id, source, created_by,
        owner_id)
    values (%(w)s, %(task)s, %(mark)s, %(mark)s, %(contact)s, %(email_id)s, %(mark)s, 'system',
        %(user)s)
    """,
    """
    insert into mailboxes (workspace_id, id, user_id, provider, address, sharing, state,
        state_reason, credentials)
    values (%(w)s, %(mailbox)s, %(user)s, 'gmail', %(email)s, 'everything', 'disconnected',
        %(mark)s, convert_to(%(mark)s, 'UTF8'))
    """,
    """
    insert into threads (workspace_id, id, mailbox_id, provider_id, last_at)
    values (%(w)s, %(thread)s, %(mailbox)s, %(mark)s, now())
    """,
    """
    insert into emails (workspace_id, id, mailbox_id, thread_id, provider_id, message_id, direction,
        kind, sender_name, sender_email, received_at, labels, attachments, defects, size, raw_key,
        backfill)
    values (%(w)s, %(email_id)s, %(mailbox)s, %(thread)s, %(mark)s, %(mark)s, 'inbound', 'human',
        %(mark)s, %(email)s, now(), array[%(mark)s], '[]', '{}', 1, %(mark)s, false)
    """,
    """
    insert into email_subjects (workspace_id, id, mailbox_id, subject, snippet)
    values (%(w)s, %(email_id)s, %(mailbox)s, %(mark)s, %(mark)s)
    """,
    """
    insert into email_bodies (workspace_id, id, mailbox_id, text, html, reply, signature)
    values (%(w)s, %(email_id)s, %(mailbox)s, %(mark)s, %(mark)s, %(mark)s, %(mark)s)
    """,
    """
    insert into email_participants (workspace_id, email_id, place, role, name, email)
    values (%(w)s, %(email_id)s, 1, 'from', %(mark)s, %(email)s)
    """,
    """
    insert into email_analyses (workspace_id, email_id, mailbox_id, sentiment, sentiment_score,
        intent, reply_needed, reply_quote, provider, model, duration_ms, cost_micros)
    values (%(w)s, %(email_id)s, %(mailbox)s, 'negative', 0, 'other', true, %(mark)s, 'local',
        %(mark)s, 1, 1)
    """,
    """
    insert into email_entities (workspace_id, email_id, place, mailbox_id, kind, value, quote,
        source, start_at, end_at, confidence)
    values (%(w)s, %(email_id)s, 1, %(mailbox)s, 'person', %(mark)s, %(mark)s, 'text', 0, 1, 1)
    """,
    """
    insert into mail_ledger (workspace_id, mailbox_id, provider_id, state, reason, listed, email_id,
        raw_key)
    values (%(w)s, %(mailbox)s, %(mark)s, 'stored', %(mark)s, false, %(email_id)s, %(mark)s)
    """,
    """
    insert into automations (workspace_id, id, user_id, name, enabled, event_type, conditions,
        actions)
    values (%(w)s, %(automation)s, %(user)s, %(mark)s, true, 'EmailAnalyzed', '{"all": []}',
        jsonb_build_array(jsonb_build_object('type', 'create_task', 'title', %(mark)s::text)))
    """,
    """
    insert into automation_runs (workspace_id, id, automation_id, event_id, event_type, status,
        reason, actions)
    values (%(w)s, %(run)s, %(automation)s, %(event)s, 'EmailAnalyzed', 'done', %(mark)s, '[]')
    """,
    """
    insert into webhook_endpoints (workspace_id, id, user_id, url, description, enabled, secret,
        previous_secret)
    values (%(w)s, %(endpoint)s, %(user)s, 'https://' || %(mark)s || '.example/', %(mark)s, true,
        convert_to(%(mark)s, 'UTF8'), convert_to(%(mark)s, 'UTF8'))
    """,
    """
    insert into webhook_deliveries (workspace_id, id, endpoint_id, event_id, event_type, position,
        body, state, reason, log)
    values (%(w)s, %(delivery)s, %(endpoint)s, %(event)s, 'ContactCreated', 1, %(mark)s, 'failed',
        %(mark)s, jsonb_build_array(jsonb_build_object('at', now(), 'duration_ms', 1, 'status', 500,
            'error', null, 'response', %(mark)s::text)))
    """,
    """
    insert into operations (workspace_id, id, kind, actor)
    values (%(w)s, %(operation)s, 'batch', %(mark)s)
    """,
    """
    insert into operation_changes (workspace_id, operation_id, object, record_id, version)
    values (%(w)s, %(operation)s, 'tasks', %(task)s, 1)
    """,
    """
    insert into privacy_requests (workspace_id, id, kind, contact_id, address, fingerprint, names,
        state, reason, export_key, export_size, requested_by, finished_at)
    values (%(w)s, %(request)s, 'export', %(contact)s, %(email)s,
        sha256(convert_to(%(mark)s, 'UTF8')), array[%(mark)s], 'done', %(mark)s, %(mark)s, 1,
        'system', now())
    """,
    """
    insert into privacy_erased (workspace_id, record_id, request_id, object)
    values (%(w)s, %(run)s, %(request)s, 'tasks')
    """,
    """
    insert into event_log (workspace_id, id, position, type, payload)
    values (%(w)s, %(event)s, 1, 'ContactCreated', jsonb_build_object('id', %(event)s::text,
        'workspace_id', %(w)s::text, 'at', now(), 'actor', 'system', 'aggregate_version', 1,
        'aggregate_id', %(contact)s::text, 'email', null, 'name', %(mark)s::text))
    """,
    "update feed set position = 1 where workspace_id = %(w)s",
    """
    insert into outbox (workspace_id, event_id, created_at)
    values (%(w)s, %(event)s, now())
    """,
    """
    insert into deprecated_uses (workspace_id, id, route, actor, day, sunset)
    values (%(w)s, %(event)s, 'GET /' || %(mark)s::text, 'system', now(), now())
    """,
    """
    insert into inbox (workspace_id, consumer, event_id) values (%(w)s, 'automations', %(event)s)
    """,
    """
    insert into idempotency_keys (workspace_id, request, response)
    values (%(w)s, sha256(convert_to(%(mark)s, 'UTF8')), convert_to(%(mark)s, 'UTF8'))
    """,
)


def move_in(database: Database, new_workspace: Callable[[], Workspace]) -> Tenant:
    """A new workspace with a marked row in every table."""
    tenant = Tenant(new_workspace())
    ids = {**tenant.ids, **tenant.other_ids}
    ids["email_id"] = ids.pop("email")
    given = {"w": tenant.workspace.id, "user": tenant.workspace.user_id, "mark": tenant.mark}
    for statement in _ROWS:
        database.admin(statement, **given, **ids, email=tenant.email)
    return tenant


def tenant_tables(database: Database) -> list[str]:
    """Every table with rows of workspaces, partitions left out."""
    rows = database.admin(
        """
        select c.relname as name from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id'
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and not c.relispartition
        order by 1
        """
    )
    return [row["name"] for row in rows]


def rows_of(database: Database, tenant: Tenant) -> dict[str, list[str]]:
    """Everything that is a workspace's, by table: each row as JSON."""
    one: LiteralString = """
        select {name} as name, coalesce(jsonb_agg(to_jsonb(t)::text order by to_jsonb(t)::text),
            '[]') as rows
        from {table} t where workspace_id = %(w)s
    """
    parts = [
        sql.SQL(one).format(name=sql.Literal(table), table=sql.Identifier(table))
        for table in tenant_tables(database)
    ]
    query: Any = sql.SQL(" union all ").join(parts)
    found = database.admin(query, w=tenant.workspace.id)
    return {row["name"]: row["rows"] for row in found}
