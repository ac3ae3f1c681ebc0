"""Two large workspaces, made by the database itself in seconds, for looking at query plans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

import psycopg

from shared.ids import uuid7

_SIZES = {"contacts": 50_000, "mails": 20_000}

_MAKE_UUID: LiteralString = """
    create function pg_temp.made(at timestamptz) returns uuid language sql volatile as $$
        select (left(app.uuid7_floor(at)::text, 14) || '7' || substr(r, 1, 3) || '-8'
            || substr(r, 4, 3) || '-' || substr(r, 7, 12))::uuid
        from (select md5(random()::text) as r) random
    $$
"""
"""A UUIDv7 of that moment."""

_STATEMENTS: tuple[LiteralString, ...] = (
    """
    insert into users (id, email, name, password_hash) values
        (%(user)s, %(user)s::text || '@example.com', 'Owner', 'none')
    """,
    "insert into workspaces (id, name) values (%(workspace)s, 'Large')",
    "insert into feed (workspace_id) values (%(workspace)s)",
    """
    insert into memberships (workspace_id, user_id, role) values (%(workspace)s, %(user)s, 'owner')
    """,
    """
    insert into roles (workspace_id, id, name, grants, created_at)
    select %(workspace)s, pg_temp.made(at), 'Role ' || n, '{contacts.read}', at
    from (select n, now() - n * interval '1 minute' as at from generate_series(1, 1000) n) r
    """,
    """
    insert into memberships (workspace_id, user_id, role, role_id, created_at)
    select %(workspace)s, pg_temp.made(r.created_at), 'custom', r.id, r.created_at
    from roles r where workspace_id = %(workspace)s
    """,
    """
    insert into users (id, email, name, password_hash)
    select user_id, user_id || '@example.com', 'Member', 'none' from memberships
    where workspace_id = %(workspace)s and role = 'custom'
    """,
    """
    insert into teams (workspace_id, id, name, created_at)
    select %(workspace)s, pg_temp.made(at), 'Team ' || n, at
    from (select n, now() - n * interval '1 minute' as at from generate_series(1, 1000) n) t
    """,
    """
    insert into team_members (workspace_id, team_id, user_id, created_at)
    select %(workspace)s, t.id, m.user_id, m.created_at
    from (select id, row_number() over (order by id) as n from teams
        where workspace_id = %(workspace)s) t
    join (select user_id, created_at, row_number() over (order by user_id) as n from memberships
        where workspace_id = %(workspace)s) m on t.n <= 2 or m.n %% 50 = t.n %% 50
    """,
    """
    insert into invitations (workspace_id, id, email, role, role_id, invited_by, inviter,
        expires_at, revoked_at, mail_state, mail_due_at, created_at)
    select %(workspace)s, pg_temp.made(at), 'invited' || n || '@example.com', 'custom',
        r.id, %(user)s, '', now() + interval '7 days', case when n %% 3 <> 1 then now() end,
        case when n %% 30 = 1 then 'waiting' else 'sent' end, at, at
    from (select n, now() - n * interval '1 minute' as at from generate_series(1, 5000) n) i
    join (select id, row_number() over (order by id) as k from roles
        where workspace_id = %(workspace)s) r on r.k = 1 + n %% 1000
    """,
    """
    insert into sessions (workspace_id, id, user_id, created_at, last_used_at, expires_at)
    select %(workspace)s, case when n = 1 then %(session)s else gen_random_uuid() end, %(user)s,
        now() - n * interval '1 minute', now(), now() + interval '1 hour'
    from generate_series(1, 10000) n
    """,
    """
    insert into refresh_tokens (workspace_id, hash, session_id, used_at)
    select workspace_id, sha256(convert_to(id::text || n, 'UTF8')), id,
        case when n > 1 then now() end
    from sessions, generate_series(1, 3) n where workspace_id = %(workspace)s
    """,
    """
    insert into api_keys (workspace_id, id, user_id, name, hash, grants, revoked_at, created_at)
    select %(workspace)s, gen_random_uuid(),
        case when n %% 20 = 1 then %(user)s else gen_random_uuid() end, 'Key', sha256(''),
        '{contacts.read}', case when n %% 3 = 0 then now() end, now() - n * interval '1 minute'
    from generate_series(1, 2000) n
    """,
    """
    insert into sso_connections (workspace_id, id, issuer, client_id, client_secret, domains)
    values (%(workspace)s, gen_random_uuid(), 'https://idp.example', 'crm', '', '{example.com}')
    """,
    """
    insert into sso_identities (workspace_id, issuer, subject, user_id)
    select %(workspace)s, 'https://idp.example', n::text, %(user)s from generate_series(1, 5000) n
    """,
    """
    insert into deprecated_uses (workspace_id, id, route, actor, day, sunset, first_at)
    select %(workspace)s, gen_random_uuid(), 'GET /' || n, 'system', now() - n * interval '1 hour',
        now(), now() - n * interval '1 hour'
    from generate_series(1, 5000) n
    """,
    """
    insert into audit_log (workspace_id, id, at, actor, action, object_type, object_id, after)
    select %(workspace)s, pg_temp.made(at), at,
        case when n %% 100 = 1 then 'user:' || %(user)s::text else 'automation:' || n %% 7 end,
        case when n %% 200 = 1 then 'SessionOpened' else 'changed' end,
        case when n %% 50 = 1 then 'roles' when n %% 200 = 2 then 'sessions' else 'contacts' end,
        case when n %% 1000 = 1 then %(endpoint)s else gen_random_uuid() end, '{"name": "x"}'
    from (select n, now() - n * interval '1 minute' as at
        from generate_series(1, %(mails)s * 2) n) a
    """,
    """
    insert into contacts (workspace_id, id, name, email, created_at)
    select %(workspace)s, pg_temp.made(at), 'Person ' || n, 'person' || n || '@example.com', at
    from (select n, now() - n * interval '1 minute' as at from generate_series(1, %(contacts)s) n) c
    """,
    """
    insert into mailboxes (workspace_id, id, user_id, provider, address, sharing, credentials,
        created_at)
    select %(workspace)s, case when n = 1 then %(mailbox)s else gen_random_uuid() end, %(user)s,
        'gmail', 'box' || n || '@example.com', 'everything', '', now() - n * interval '1 minute'
    from generate_series(1, 300) n
    """,
    """
    create temp table boxes on commit drop as
    select id, row_number() over (order by id) - 1 as n from mailboxes
    where workspace_id = %(workspace)s
    """,
    """
    insert into threads (workspace_id, id, mailbox_id, provider_id, emails, last_at)
    select %(workspace)s, case when t = 1 then %(thread)s else gen_random_uuid() end,
        case when t %% 2 = 1 then %(mailbox)s else boxes.id end, 'thread' || t, 2,
        now() - t * interval '1 minute'
    from generate_series(1, %(mails)s / 2) t join boxes on boxes.n = t %% 300
    """,
    """
    create temp table made on commit drop as
    select pg_temp.made(at) as id, t.id as thread_id, t.mailbox_id, at, n, s as second
    from (
        select id, mailbox_id, row_number() over (order by last_at desc) as n from threads
        where workspace_id = %(workspace)s
    ) t, generate_series(0, 1) s,
        lateral (select now() - (2 * n + s) * interval '2 minutes' as at) moment
    """,
    """
    insert into emails (workspace_id, id, mailbox_id, thread_id, provider_id, message_id, direction,
        kind, sender_email, received_at, labels, attachments, defects, size, raw_key, backfill)
    select %(workspace)s, id, mailbox_id, thread_id, id::text, id || '@example.com', 'inbound',
        'human', 'person' || n || '@example.com', at, '{INBOX}', '[]', '{}', 1000, 'k', false
    from made
    """,
    """
    insert into email_subjects (workspace_id, id, mailbox_id, subject, snippet)
    select %(workspace)s, id, mailbox_id, 'Subject ' || n, repeat('words ', 20) from made
    """,
    """
    insert into email_bodies (workspace_id, id, mailbox_id, text, reply, signature)
    select %(workspace)s, id, mailbox_id, repeat('words ', 50), repeat('words ', 20), '' from made
    """,
    """
    insert into email_participants (workspace_id, email_id, place, role, name, email)
    select %(workspace)s, id, place, case place when 1 then 'from' else 'to' end, '',
        'person' || n || '@example.com'
    from made, generate_series(1, 2) place
    """,
    """
    insert into email_analyses (workspace_id, email_id, mailbox_id, sentiment, sentiment_score,
        intent, reply_needed, provider, model, duration_ms, cost_micros)
    select %(workspace)s, id, mailbox_id, 'neutral', 0, 'other', false, 'local', 'rules', 1, 0
    from made
    """,
    """
    insert into email_entities (workspace_id, email_id, place, mailbox_id, kind, value, quote,
        source, start_at, end_at, confidence)
    select %(workspace)s, id, place, mailbox_id, 'person', 'Person ' || n, 'Person', 'text', 0, 6, 1
    from made, generate_series(1, 2) place
    """,
    """
    insert into mail_ledger (workspace_id, mailbox_id, provider_id, state, listed, email_id)
    select %(workspace)s, mailbox_id, id::text, 'stored', false, id from made
    union all
    select %(workspace)s, boxes.id, 'open' || o, 'pending', o %% 2 = 0, null
    from generate_series(1, %(mails)s / 4) o join boxes on boxes.n = o %% 300
    """,
    """
    insert into tasks (workspace_id, id, title, status, due_at, contact_id, email_id, created_by,
        created_at)
    select %(workspace)s, gen_random_uuid(), 'Task',
        case when n %% 5 = 0 then 'open' else 'done' end,
        case when n %% 3 > 0 then now() - n * interval '1 minute' end, c.id, m.id, 'system',
        now() - n * interval '1 minute'
    from (select id, row_number() over () as n from contacts where workspace_id = %(workspace)s
        limit %(mails)s) c
    join (select id, row_number() over () as n from made) m using (n)
    """,
    """
    insert into automations (workspace_id, id, user_id, name, enabled, event_type, conditions,
        actions, created_at)
    select %(workspace)s, case when n = 1 then %(automation)s else gen_random_uuid() end,
        %(user)s, 'Automation', n %% 10 = 1,
        case n %% 3 when 1 then 'EmailAnalyzed' else 'TaskCreated' end,
        '{"all": []}', '[{"type": "tag_contact", "tag": "x"}]', now() - n * interval '1 minute'
    from generate_series(1, 200) n
    """,
    """
    insert into automation_runs (workspace_id, id, automation_id, event_id, event_type, status,
        actions, created_at)
    select %(workspace)s, gen_random_uuid(), case when n %% 2 = 0 then %(automation)s else a.id end,
        gen_random_uuid(), 'EmailAnalyzed', 'done', '[]', now() - n * interval '1 minute'
    from generate_series(1, %(mails)s) n
    join (select id, row_number() over () as k from automations
        where workspace_id = %(workspace)s) a on a.k = 1 + n %% 200
    """,
    """
    insert into webhook_endpoints (workspace_id, id, user_id, url, description, enabled, secret,
        tokens_at, created_at)
    select %(workspace)s, case when n = 1 then %(endpoint)s
        else pg_temp.made(now() - n * interval '1 day') end, %(user)s,
        'https://hooks.example.com/', '', true, '', now(), now() - n * interval '1 minute'
    from generate_series(1, 20) n
    """,
    """
    insert into webhook_deliveries (workspace_id, id, endpoint_id, event_id, event_type, body,
        state, due_at, created_at)
    select %(workspace)s, pg_temp.made(at), case when n %% 2 = 1 then %(endpoint)s else e.id end,
        gen_random_uuid(), 'ContactCreated', '{}',
        case when n %% 50 = 1 then 'pending' when n %% 50 in (2, 3) then 'failed'
            else 'delivered' end,
        at + interval '12 hours', at
    from (select n, now() - n * interval '2 minutes' as at from generate_series(1, %(mails)s) n) d
    join (select id, row_number() over (order by id) as k from webhook_endpoints
        where workspace_id = %(workspace)s) e on e.k = 1 + n %% 20
    """,
    """
    insert into operations (workspace_id, id, kind, actor, created_at)
    select %(workspace)s, pg_temp.made(at), 'batch', 'system', at
    from (select now() - n * interval '2 minutes' as at from generate_series(1, %(mails)s) n) o
    """,
    """
    insert into operation_changes (workspace_id, operation_id, object, record_id, version)
    select o.workspace_id, o.id, 'contacts', gen_random_uuid(), 1
    from operations o, generate_series(1, 3) where o.workspace_id = %(workspace)s
    """,
    """
    insert into privacy_requests (workspace_id, id, kind, address, fingerprint, state, export_key,
        requested_by, due_at, created_at, finished_at)
    select %(workspace)s, pg_temp.made(at), case when n %% 2 = 0 then 'export' else 'erasure' end,
        case when n %% 2 = 0 then 'person' || n || '@example.com' end,
        case when n %% 2 = 1 then sha256(n::text::bytea) end,
        case when n %% 500 = 2 then 'waiting' else 'done' end,
        case when n %% 20 = 0 then 'k' end, 'system', at, at,
        case when n %% 500 <> 2 then at end
    from (select n, now() - n * interval '1 minute' as at from generate_series(1, 5000) n) r
    """,
    """
    insert into privacy_erased (workspace_id, record_id, request_id, object)
    select %(workspace)s, pg_temp.made(now()), r.id,
        case when n %% 3 = 0 then 'emails_redacted' when n %% 3 = 1 then 'emails' else 'tasks' end
    from (select id from privacy_requests where workspace_id = %(workspace)s limit 50) r,
        generate_series(1, 400) n
    """,
    """
    insert into event_log (workspace_id, id, position, type, payload)
    select %(workspace)s, pg_temp.made(at), n,
        case n %% 3 when 1 then 'EmailAnalyzed' else 'ContactCreated' end,
        jsonb_build_object('at', at, 'actor', 'system', 'aggregate_id', about,
            'aggregate_version', 1)
            || case n %% 3 when 1 then jsonb_build_object('mailbox_id', %(mailbox)s) else '{}' end
    from generate_series(1, %(mails)s) n,
        lateral (select now() - n * interval '1 minute' as at, gen_random_uuid() as about) moment
    """,
    "update feed set position = %(mails)s where workspace_id = %(workspace)s",
    """
    insert into outbox (workspace_id, event_id, next_attempt_at, created_at)
    select %(workspace)s, id, now() + (position - 100) * interval '1 minute',
        now() - interval '1 hour'
    from event_log where workspace_id = %(workspace)s
    """,
    """
    insert into inbox (workspace_id, consumer, event_id, seen_at)
    select %(workspace)s, 'automations', id, now() - position * interval '131 seconds'
    from event_log where workspace_id = %(workspace)s
    """,
    """
    insert into idempotency_keys (workspace_id, request, response, created_at)
    select %(workspace)s, sha256(uuid_send(id)), '', now() - position * interval '4400 ms'
    from event_log where workspace_id = %(workspace)s
    """,
)


_NEIGHBOURS: tuple[LiteralString, ...] = (
    """
    insert into mailboxes (workspace_id, id, user_id, provider, address, credentials, synced_at,
        watch_expires_at)
    select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'gmail',
        'neighbour' || n || '@example.com', '', now(), now() + interval '7 days'
    from generate_series(1, 5000) n
    """,
    """
    insert into automations (workspace_id, id, user_id, name, enabled, event_type, conditions,
        actions)
    select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'Automation', true,
        'EmailAnalyzed', '{}', '[]'
    from generate_series(1, 5000) n
    """,
    """
    insert into webhook_endpoints (workspace_id, id, user_id, url, description, enabled, secret)
    select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'https://hooks.example.com/',
        '', true, ''
    from generate_series(1, 5000) n
    """,
    """
    insert into webhook_deliveries (workspace_id, id, endpoint_id, event_id, event_type, body,
        state)
    select workspace_id, gen_random_uuid(), id, gen_random_uuid(), 'ContactCreated', '{}',
        'delivered'
    from webhook_endpoints where workspace_id not in (select id from workspaces)
    """,
)
"""What one workspace has few of, all of them together have many of."""


@dataclass(frozen=True)
class Crowd:
    """A large workspace, and ids to ask for in it."""

    workspace: UUID
    user: UUID
    session: UUID
    mailbox: UUID
    thread: UUID
    automation: UUID
    endpoint: UUID


def settle_in(admin_url: str) -> tuple[Crowd, Crowd]:
    """Fill a migrated database with two workspaces of the same size, and analyse it."""
    crowds = tuple(Crowd(*(uuid7() for _ in range(7))) for _ in range(2))
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(_MAKE_UUID)
        admin.execute("set session_replication_role = replica")  # foreign keys hold by construction
        for crowd in crowds:
            with admin.transaction():
                for statement in _STATEMENTS:
                    admin.execute(statement, {**vars(crowd), **_SIZES})
        for statement in _NEIGHBOURS:
            admin.execute(statement)
        admin.execute("vacuum analyze")
    return crowds[0], crowds[1]
