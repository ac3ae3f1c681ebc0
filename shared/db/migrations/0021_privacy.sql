-- depends: 0020_deletion
-- What people ask a workspace that has their data: to hand it out, or to erase it.
set local role crm_owner;

-- A request is a saga's state: whoever works on it has `claim`, until `due_at`; when that is past,
-- anybody takes it up. `address` goes when an erasure is done; its `fingerprint` stays, a HMAC under
-- the workspace's data key, so that older mails that come in later are told apart. `objects` are to
-- be deleted from the bucket.
create table public.privacy_requests (
    workspace_id uuid not null references public.workspaces (id),
    id uuid not null,
    kind text not null check (kind in ('export', 'erasure')),
    contact_id uuid,
    address text check (address = lower(address) and length(address) <= 320),
    fingerprint bytea check (length(fingerprint) = 32),
    contact_ids uuid[] not null default '{}',
    names text[] not null default '{}',
    state text not null default 'waiting'
        check (state in ('waiting', 'running', 'done', 'failed')),
    reason text check (length(reason) <= 500),
    round smallint not null default 1,
    steps jsonb not null default '{}',
    objects jsonb not null default '[]',
    export_key text,
    export_size bigint,
    requested_by text not null check (length(requested_by) <= 100),
    due_at timestamptz not null default now(),
    attempts int not null default 0,
    claim uuid,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    finished_at timestamptz,
    primary key (workspace_id, id),
    check ((finished_at is null) = (state in ('waiting', 'running')))
);
call app.protect('public.privacy_requests');
call app.guard('public.privacy_requests', 'workspace.settings', 'workspace.settings', null);
create policy asking on public.privacy_requests as restrictive for insert to crm_app with check (
    kind = 'export' and (select app.may('contacts.export'))
        or kind = 'erasure' and (select app.may('contacts.delete'))
);
call app.audited('public.privacy_requests', 'id', 'kind,contact_id,state,requested_by');
-- Of somebody there is one open request of a kind.
create unique index privacy_requests_open
    on public.privacy_requests (workspace_id, kind, coalesce(address, contact_id::text))
    where state in ('waiting', 'running');
create index privacy_requests_newest
    on public.privacy_requests (workspace_id, created_at desc, id desc);
create index privacy_requests_address on public.privacy_requests (workspace_id, address)
    where address is not null;
create index privacy_requests_contact on public.privacy_requests (workspace_id, contact_id)
    where contact_id is not null;
create index privacy_requests_exports on public.privacy_requests (workspace_id, id)
    where export_key is not null;
create index privacy_requests_fingerprint on public.privacy_requests (workspace_id, fingerprint)
    where fingerprint is not null;
grant select (workspace_id, id, kind, contact_id, address, state, reason, round, steps, export_key,
    export_size, requested_by, attempts, version, created_at, updated_at, finished_at)
    on public.privacy_requests to crm_app;
grant insert (workspace_id, id, kind, contact_id, address, requested_by)
    on public.privacy_requests to crm_app;
-- Whoever fetches mails asks whether they are of before an erasure.
grant select (workspace_id, fingerprint, finished_at) on public.privacy_requests to crm_worker;

-- The ids of what was erased: what tells of these elsewhere is found by them, also what was on its
-- way then. `emails_redacted` are mails that stay, without the person.
create table public.privacy_erased (
    workspace_id uuid not null,
    record_id uuid not null,
    request_id uuid not null,
    object text not null check (length(object) <= 100),
    primary key (workspace_id, record_id),
    foreign key (workspace_id, request_id) references public.privacy_requests (workspace_id, id)
);
call app.protect('public.privacy_erased');
create index privacy_erased_request
    on public.privacy_erased (workspace_id, request_id, object, record_id);

-- What a person's data is found by.
create index contacts_deleted_email on public.contacts (workspace_id, email)
    where deleted_at is not null;
create index operation_changes_record on public.operation_changes (workspace_id, record_id);

-- A mail that names somebody who was erased is kept without its bytes.
alter table public.emails alter column raw_key drop not null;

-- crm_eraser works on these requests and does nothing else: so that no other function, whatever is
-- wrong with it, can delete a contact for good or write in a log.
grant usage on schema app to crm_eraser;
grant execute on function app.begin_request, app.uuid7, app.redact_audit to crm_eraser;
grant select, insert, update on public.privacy_requests to crm_eraser;
grant select, insert, update on public.privacy_erased to crm_eraser;
grant select, insert on public.workspace_keys to crm_eraser;
grant select on public.feed to crm_eraser;
grant update (position) on public.feed to crm_eraser;
grant insert on public.outbox to crm_eraser;
grant select, insert on public.inbox to crm_eraser;
grant select, insert on public.audit_log, public.event_log to crm_eraser;
grant update (before, after, source_ip, user_agent) on public.audit_log to crm_eraser;
grant update (payload) on public.event_log to crm_eraser;
grant select, delete on public.contacts, public.tasks, public.emails, public.threads,
    public.email_entities, public.idempotency_keys to crm_eraser;
grant update (raw_key, version) on public.emails to crm_eraser;
grant update (emails) on public.threads to crm_eraser;
grant select on public.email_subjects, public.email_bodies, public.email_participants,
    public.email_analyses, public.mail_ledger, public.webhook_deliveries, public.operation_changes
    to crm_eraser;
grant update (subject, snippet) on public.email_subjects to crm_eraser;
grant update (text, html, reply, signature) on public.email_bodies to crm_eraser;
grant update (name, email) on public.email_participants to crm_eraser;
grant update (reply_quote) on public.email_analyses to crm_eraser;
grant update (state, reason, generation, email_id, raw_key, raw_size, settled_at)
    on public.mail_ledger to crm_eraser;
grant update (body, log) on public.webhook_deliveries to crm_eraser;
grant select (workspace_id, id, url) on public.webhook_endpoints to crm_eraser;
grant update (before) on public.operation_changes to crm_eraser;
grant select (workspace_id, address) on public.mailboxes to crm_eraser;

-- The logs: of what was noted as erased, and of nothing else.
create policy erasing on public.audit_log as restrictive for update to crm_eraser using (
    (select true from public.privacy_erased e
        where e.workspace_id = audit_log.workspace_id and e.record_id = audit_log.object_id)
);
create policy erasing on public.event_log as restrictive for update to crm_eraser using (
    (select true from public.privacy_erased e
        where e.workspace_id = event_log.workspace_id
            and e.record_id = (event_log.payload ->> 'aggregate_id')::uuid)
);

-- Requests that are due, in whichever workspace; and exports that were kept for long enough.
create policy resolve on public.privacy_requests for select to crm_resolver using (true);
grant select (workspace_id, id, state, due_at, export_key, finished_at)
    on public.privacy_requests to crm_resolver;
create index privacy_requests_due on public.privacy_requests (due_at)
    where state in ('waiting', 'running');
create index privacy_requests_kept on public.privacy_requests (finished_at)
    where export_key is not null;
set local role crm_resolver;
create function app.resolve_due_privacy_requests(most int)
returns table (workspace_id uuid, request_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select r.workspace_id, r.id from public.privacy_requests r
    where r.state in ('waiting', 'running') and r.due_at <= now()
        and not exists (select from public.workspaces w
            where w.id = r.workspace_id and w.purge_at is not null)
    order by r.due_at limit most
$$;
create function app.resolve_old_exports(before timestamptz, most int)
returns table (workspace_id uuid, request_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select r.workspace_id, r.id from public.privacy_requests r
    where r.export_key is not null and r.finished_at < before
        and not exists (select from public.workspaces w
            where w.id = r.workspace_id and w.purge_at is not null)
    order by r.finished_at limit most
$$;
grant execute on function app.resolve_due_privacy_requests, app.resolve_old_exports,
    app.forget_published, app.is_closing to crm_eraser;
