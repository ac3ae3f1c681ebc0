-- The ground every capability stands on: the request's context, tenancy, people, events.

-- yoyo's table of applied migrations is the migrator's own; readiness checks read its names.
grant select (migration_id) on public._migrations to crm_app;

set local role crm_owner;

grant usage on schema app to crm_app, crm_worker, crm_auth, crm_outbox, crm_migrator;

-- Every transaction begins here. Settings made inside a function are local to the transaction and
-- invisible to RDS Proxy, so they neither leak to the next caller nor pin the session.
create function app.begin_request(workspace uuid, caller uuid) returns void
language plpgsql set search_path = pg_catalog as $$
begin
    perform set_config('app.workspace_id', coalesce(workspace::text, ''), true);
    perform set_config('app.user_id', coalesce(caller::text, ''), true);
end $$;
grant execute on function app.begin_request to crm_app, crm_worker, crm_auth, crm_outbox,
    crm_migrator;

-- Puts a table under tenancy: forced row-level security with the one policy there is. The
-- sub-select is evaluated once a query, and an unset workspace matches nothing.
create procedure app.protect(target regclass)
language plpgsql set search_path = pg_catalog as $$
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format(
        'create policy tenant on %s
         using (workspace_id = (select nullif(current_setting(''app.workspace_id'', true), '''')::uuid))
         with check (workspace_id = (select nullif(current_setting(''app.workspace_id'', true), '''')::uuid))',
        target
    );
    execute format('create policy backfill on %s to crm_migrator using (true) with check (true)', target);
    execute format('grant select, insert, update, delete on %s to crm_migrator', target);
end $$;

-- Tables that grow without end are partitioned by the month in which a row arrived, which its
-- UUIDv7 key begins with.
create table app.monthly_tables (name text primary key);

create function app.uuid7_floor(at timestamptz) returns uuid
language sql immutable set search_path = pg_catalog as $$
    select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;

create function app.roll_partitions(ahead int default 3) returns int
language plpgsql security definer set search_path = pg_catalog as $$
declare
    parent text;
    month timestamptz;
    child text;
    made int := 0;
begin
    for parent in select name from app.monthly_tables order by name loop
        for month in
            select generate_series(
                date_trunc('month', now(), 'UTC') - interval '1 month',
                date_trunc('month', now(), 'UTC') + make_interval(months => ahead),
                interval '1 month', 'UTC'
            )
        loop
            child := parent || to_char(month at time zone 'UTC', '"_y"YYYY"m"MM');
            if to_regclass('public.' || quote_ident(child)) is null then
                execute format(
                    'create table public.%I partition of public.%I for values from (%L) to (%L)',
                    child, parent, app.uuid7_floor(month),
                    app.uuid7_floor(date_add(month, interval '1 month', 'UTC'))
                );
                execute format('alter table public.%I enable row level security', child);
                execute format('alter table public.%I force row level security', child);
                made := made + 1;
            end if;
        end loop;
    end loop;
    return made;
end $$;
grant execute on function app.roll_partitions to crm_worker, crm_migrator;

-- People are the same in every workspace they belong to; only crm_auth reads this table.
create table public.users (
    id uuid primary key,
    email text not null unique check (email = lower(email) and length(email) <= 320),
    name text not null check (length(name) between 1 and 200),
    password_hash text not null,
    created_at timestamptz not null default now()
);
grant select, insert, update on public.users to crm_auth;

create table public.workspaces (
    id uuid primary key,
    name text not null check (length(name) between 1 and 200),
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
alter table public.workspaces enable row level security;
alter table public.workspaces force row level security;
create policy tenant on public.workspaces
    using (id = (select nullif(current_setting('app.workspace_id', true), '')::uuid))
    with check (id = (select nullif(current_setting('app.workspace_id', true), '')::uuid));
create policy backfill on public.workspaces to crm_migrator using (true) with check (true);
grant select, insert, update on public.workspaces to crm_app, crm_auth;
grant select on public.workspaces to crm_worker;

create table public.memberships (
    workspace_id uuid not null references public.workspaces (id),
    user_id uuid not null references public.users (id),
    role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
    created_at timestamptz not null default now(),
    primary key (workspace_id, user_id)
);
call app.protect('public.memberships');
create policy resolve on public.memberships for select to crm_resolver using (true);
grant select, insert on public.memberships to crm_app, crm_auth;
grant select on public.memberships to crm_worker, crm_resolver;
create index memberships_user on public.memberships (user_id);

-- A sign-in. Its id is in every token it led to; ending the session ends them all.
create table public.sessions (
    workspace_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    primary key (workspace_id, id),
    foreign key (workspace_id, user_id) references public.memberships (workspace_id, user_id)
);
call app.protect('public.sessions');
grant select, insert, update on public.sessions to crm_auth;
create index sessions_user on public.sessions (workspace_id, user_id);

-- The change feed: every event, in commit order per workspace, never updated.
create table public.feed (
    workspace_id uuid primary key references public.workspaces (id),
    position bigint not null default 0
);
call app.protect('public.feed');
grant select, insert, update on public.feed to crm_app, crm_worker, crm_auth;

create table public.event_log (
    workspace_id uuid not null,
    id uuid not null,
    position bigint not null,
    type text not null,
    payload jsonb not null,
    primary key (workspace_id, id)
) partition by range (id);
call app.protect('public.event_log');
create policy publish on public.event_log for select to crm_outbox using (true);
grant select, insert on public.event_log to crm_app, crm_worker, crm_auth;
grant select on public.event_log to crm_outbox;
create index event_log_position on public.event_log (workspace_id, position);
insert into app.monthly_tables values ('event_log');

-- Events that EventBridge has not taken yet.
create table public.outbox (
    workspace_id uuid not null references public.workspaces (id),
    event_id uuid not null,
    -- When the row was written, not when its transaction began: the sweeper leaves young ones alone.
    created_at timestamptz not null default clock_timestamp(),
    attempts int not null default 0,
    next_attempt_at timestamptz not null default clock_timestamp(),
    primary key (workspace_id, event_id)
);
call app.protect('public.outbox');
create policy publish on public.outbox to crm_outbox using (true) with check (true);
grant insert on public.outbox to crm_app, crm_worker, crm_auth;
grant select, update, delete on public.outbox to crm_outbox;
-- The sweeper looks across workspaces, so this index alone does not begin with one.
create index outbox_due on public.outbox (next_attempt_at);

create policy forget on public.outbox to crm_resolver using (true);
grant select, delete on public.outbox to crm_resolver;
set local role crm_resolver;
create function app.forget_published(workspaces uuid[], events uuid[]) returns int
language sql security definer set search_path = pg_catalog as $$
    with gone as (
        delete from public.outbox o
        using unnest(workspaces, events) as p (workspace_id, event_id)
        where o.workspace_id = p.workspace_id and o.event_id = p.event_id
        returning 1
    )
    select count(*)::int from gone
$$;
grant execute on function app.forget_published to crm_app, crm_worker, crm_auth, crm_outbox;
set local role crm_owner;

-- What each consumer has already acted on.
create table public.inbox (
    workspace_id uuid not null references public.workspaces (id),
    consumer text not null,
    event_id uuid not null,
    seen_at timestamptz not null default now(),
    primary key (workspace_id, consumer, event_id)
);
call app.protect('public.inbox');
create policy expire on public.inbox for delete to crm_outbox using (seen_at < now() - interval '30 days');
create policy expire_select on public.inbox for select to crm_outbox using (seen_at < now() - interval '30 days');
grant select, insert on public.inbox to crm_app, crm_worker;
grant select, delete on public.inbox to crm_outbox;
create index inbox_seen on public.inbox (seen_at);

-- Look-ups before a workspace is known give ids only.
set local role crm_resolver;
create function app.resolve_memberships(person uuid)
returns table (workspace_id uuid, role text)
language sql stable security definer set search_path = pg_catalog as $$
    select m.workspace_id, m.role from public.memberships m
    where m.user_id = person order by m.created_at, m.workspace_id
$$;
grant execute on function app.resolve_memberships to crm_auth;

set local role crm_owner;
-- One data key per workspace, wrapped by KMS; it encrypts the columns that hold secrets.
create table public.workspace_keys (
    workspace_id uuid primary key references public.workspaces (id),
    wrapped bytea not null,
    created_at timestamptz not null default now()
);
call app.protect('public.workspace_keys');
grant select, insert on public.workspace_keys to crm_app, crm_worker;
