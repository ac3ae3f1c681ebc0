-- depends: 0008_idempotency
-- Where a workspace wants its events sent, and everything that is sent there.
set local role crm_owner;

-- `event_types` is null for all of them. Secrets are sealed with the workspace's data key.
create table public.webhook_endpoints (
    workspace_id uuid not null references public.workspaces (id),
    id uuid not null,
    -- Who gave it its URL: it gets what this member may read.
    user_id uuid not null,
    url text not null check (length(url) <= 2048),
    description text not null check (length(description) <= 500),
    event_types text[],
    enabled boolean not null,
    disabled_reason text check (disabled_reason in ('gone', 'failing')),
    secret bytea not null,
    -- What was the secret before; it signs as well until then.
    previous_secret bytea,
    previous_secret_until timestamptz,
    -- Since when every attempt has failed.
    failing_since timestamptz,
    -- The receiver asked for a pause.
    resting_until timestamptz,
    -- One sender at a time works on an endpoint, until it is done or its time is up.
    busy_by uuid,
    busy_until timestamptz,
    -- The next time that a sender has been sent for.
    wake_at timestamptz,
    -- How many requests may be sent now: a bucket that refills with time.
    tokens double precision not null default 0,
    tokens_at timestamptz not null default 'epoch',
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (workspace_id, id),
    foreign key (workspace_id, user_id) references public.memberships (workspace_id, user_id)
);
call app.protect('public.webhook_endpoints');
create policy resolve on public.webhook_endpoints for select to crm_resolver using (true);
grant select (workspace_id, id, enabled, resting_until, busy_until, tokens_at, deleted_at)
    on public.webhook_endpoints to crm_resolver;
grant select, insert, update on public.webhook_endpoints to crm_app;
grant select, update on public.webhook_endpoints to crm_worker;
create index webhook_endpoints_newest
    on public.webhook_endpoints (workspace_id, created_at desc, id desc) where deleted_at is null;

-- One row for an event and an endpoint. It is the queue of record: what SQS loses, and what has to
-- wait, is sent from here. The body is kept as it was first made, so that a retry is byte for byte
-- the same.
create table public.webhook_deliveries (
    workspace_id uuid not null,
    id uuid not null,
    endpoint_id uuid not null,
    event_id uuid not null,
    event_type text not null check (length(event_type) <= 100),
    position bigint,
    -- Whose mails it tells of, if not every member may read that.
    mailbox_id uuid,
    body text not null,
    state text not null default 'pending' check (state in ('pending', 'delivered', 'failed')),
    reason text check (length(reason) <= 100),
    attempts int not null default 0,
    due_at timestamptz not null default now(),
    -- While a sender has it, `due_at` is when it is taken from that sender; `claim` is whose it is.
    sending boolean not null default false,
    claim bigint not null default 0,
    log jsonb not null default '[]',
    created_at timestamptz not null default now(),
    settled_at timestamptz,
    primary key (workspace_id, id),
    unique (workspace_id, endpoint_id, event_id),
    foreign key (workspace_id, endpoint_id) references public.webhook_endpoints (workspace_id, id)
);
call app.protect('public.webhook_deliveries');
create policy sharing on public.webhook_deliveries as restrictive for select to crm_app using (
    mailbox_id is null or mailbox_id in (
        select m.id from public.mailboxes m
        where m.workspace_id = (select nullif(current_setting('app.workspace_id', true), '')::uuid)
            and (m.user_id = (select nullif(current_setting('app.user_id', true), '')::uuid)
                 or m.sharing = 'everything')
    )
);
create policy resolve on public.webhook_deliveries for select to crm_resolver using (true);
grant select (workspace_id, endpoint_id, state, due_at, created_at)
    on public.webhook_deliveries to crm_resolver;
grant select, insert, update on public.webhook_deliveries to crm_app;
grant select, insert, update, delete on public.webhook_deliveries to crm_worker;
create index webhook_deliveries_due on public.webhook_deliveries (workspace_id, endpoint_id, due_at)
    where state = 'pending';
create index webhook_deliveries_newest
    on public.webhook_deliveries (workspace_id, endpoint_id, created_at desc, id desc);
create index webhook_deliveries_state
    on public.webhook_deliveries (workspace_id, endpoint_id, state, created_at desc, id desc);

set local role crm_resolver;

-- Endpoints with deliveries whose time has come, the one served longest ago first. It begins with
-- the endpoints, so that one with a hundred thousand due deliveries hides no other.
create function app.resolve_due_endpoints(most int)
returns table (workspace_id uuid, endpoint_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select e.workspace_id, e.id from public.webhook_endpoints e
    where e.enabled and e.deleted_at is null
        and (e.resting_until is null or e.resting_until <= now())
        and (e.busy_until is null or e.busy_until <= now())
        and exists (
            select from public.webhook_deliveries d
            where d.workspace_id = e.workspace_id and d.endpoint_id = e.id
                and d.state = 'pending' and d.due_at <= now()
        )
    order by e.tokens_at limit most
$$;

-- Endpoints, deleted ones too, with deliveries from before then.
create function app.resolve_old_deliveries(before timestamptz, most int)
returns table (workspace_id uuid, endpoint_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select e.workspace_id, e.id from public.webhook_endpoints e
    where exists (
        select from public.webhook_deliveries d
        where d.workspace_id = e.workspace_id and d.endpoint_id = e.id and d.created_at < before
    )
    limit most
$$;

grant execute on function app.resolve_due_endpoints, app.resolve_old_deliveries to crm_worker;
