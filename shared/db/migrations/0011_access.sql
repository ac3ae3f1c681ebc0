-- depends: 0010_feed
-- Who may do what: roles of a workspace's own, teams, owners of records, and the policies that hold
-- callers to it. `shared/access.py` says what the grants mean.
set local role crm_owner;

-- A transaction says besides who acts what they may do. Without it, what answers people shows and
-- changes nothing that is guarded.
drop function app.begin_request(uuid, uuid);
create function app.begin_request(workspace uuid, caller uuid, access text default null)
returns void language plpgsql set search_path = pg_catalog as $$
begin
    perform set_config('app.workspace_id', coalesce(workspace::text, ''), true);
    perform set_config('app.user_id', coalesce(caller::text, ''), true);
    perform set_config('app.access', ' ' || coalesce(access, '') || ' ', true);
end $$;
grant execute on function app.begin_request to crm_app, crm_worker, crm_auth, crm_outbox,
    crm_migrator;

create function app.may(permission text) returns boolean
language sql stable set search_path = pg_catalog as $$
    select strpos(current_setting('app.access', true), ' ' || permission || ' ') > 0
$$;

create function app.reach(thing text) returns text
language sql stable set search_path = pg_catalog as $$
    select case
        when strpos(current_setting('app.access', true), ' ' || thing || '.read ') > 0 then 'all'
        when strpos(current_setting('app.access', true), ' ' || thing || '.read:team ') > 0
            then 'team'
        when strpos(current_setting('app.access', true), ' ' || thing || '.read:own ') > 0
            then 'own'
    end
$$;
grant execute on function app.may, app.reach to crm_app, crm_worker, crm_auth;

create table public.roles (
    workspace_id uuid not null references public.workspaces (id),
    id uuid not null,
    name text not null check (length(name) between 1 and 200),
    -- Compared without `lower`, which no index may serve under row-level security.
    folded_name text not null generated always as (lower(name)) stored,
    grants text[] not null,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (workspace_id, id)
);
call app.protect('public.roles');
create unique index roles_name on public.roles (workspace_id, folded_name) where deleted_at is null;
grant select, insert, update on public.roles to crm_app;
grant select on public.roles to crm_auth;

-- A membership that has ended keeps its row: what its person made refers to it.
alter table public.memberships
    drop constraint memberships_role_check,
    add constraint memberships_role_check
        check (role in ('owner', 'admin', 'member', 'viewer', 'custom')),
    add column role_id uuid,
    add column version bigint not null default 1,
    add column updated_at timestamptz not null default now(),
    add column ended_at timestamptz,
    add constraint memberships_custom check ((role = 'custom') = (role_id is not null)),
    add foreign key (workspace_id, role_id) references public.roles (workspace_id, id);
grant update (role, role_id, version, updated_at, ended_at) on public.memberships to crm_app;

set local role crm_resolver;
create or replace function app.resolve_memberships(person uuid)
returns table (workspace_id uuid, role text)
language sql stable security definer set search_path = pg_catalog as $$
    select m.workspace_id, m.role from public.memberships m
    where m.user_id = person and m.ended_at is null
    order by m.created_at, m.workspace_id
$$;
set local role crm_owner;

create table public.teams (
    workspace_id uuid not null references public.workspaces (id),
    id uuid not null,
    name text not null check (length(name) between 1 and 200),
    folded_name text not null generated always as (lower(name)) stored,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (workspace_id, id)
);
call app.protect('public.teams');
create unique index teams_name on public.teams (workspace_id, folded_name) where deleted_at is null;
grant select, insert, update on public.teams to crm_app;

create table public.team_members (
    workspace_id uuid not null,
    team_id uuid not null,
    user_id uuid not null,
    created_at timestamptz not null default now(),
    primary key (workspace_id, team_id, user_id),
    foreign key (workspace_id, team_id) references public.teams (workspace_id, id),
    foreign key (workspace_id, user_id) references public.memberships (workspace_id, user_id)
);
call app.protect('public.team_members');
create index team_members_user on public.team_members (workspace_id, user_id);
grant select, insert, delete on public.team_members to crm_app;

-- Everybody who is in a team with the caller.
create function app.teammates() returns uuid[]
language sql stable set search_path = pg_catalog as $$
    select array_agg(distinct mate.user_id)
    from public.team_members mine
    join public.team_members mate
        on mate.workspace_id = mine.workspace_id and mate.team_id = mine.team_id
    where mine.workspace_id = nullif(current_setting('app.workspace_id', true), '')::uuid
        and mine.user_id = nullif(current_setting('app.user_id', true), '')::uuid
$$;
grant execute on function app.teammates to crm_app;

alter table public.contacts add column owner_id uuid,
    add foreign key (workspace_id, owner_id) references public.memberships (workspace_id, user_id);
alter table public.tasks add column owner_id uuid,
    add foreign key (workspace_id, owner_id) references public.memberships (workspace_id, user_id);
create index contacts_owner on public.contacts (workspace_id, owner_id, created_at desc, id desc)
    where deleted_at is null;
create index tasks_owner on public.tasks (workspace_id, owner_id, created_at desc, id desc)
    where deleted_at is null;

-- Puts a table under a caller's permissions, besides tenancy: for the role that answers people, and
-- for each action whose permission is given. The sub-selects are evaluated once a query. Where
-- `deleting` is given, rows are deleted by setting deleted_at.
create procedure app.guard(target regclass, reading text, writing text, deleting text)
language plpgsql set search_path = pg_catalog as $$
declare
    may_write text := format('(select app.may(%L))', writing);
begin
    if reading is not null then
        execute format(
            'create policy reading on %s as restrictive for select to crm_app
             using ((select app.may(%L)))', target, reading);
    end if;
    if writing is not null then
        execute format(
            'create policy adding on %s as restrictive for insert to crm_app with check (%s)',
            target, may_write);
        execute format(
            'create policy removing on %s as restrictive for delete to crm_app using (%s)',
            target, may_write);
        execute format(
            'create policy changing on %s as restrictive for update to crm_app with check (%s)',
            target, case when deleting is null then may_write else format(
                'case when deleted_at is null then %s else (select app.may(%L)) end',
                may_write, deleting) end);
    end if;
end $$;

-- The same for records with an owner, whose reading may reach less far than everything.
create procedure app.guard_owned(target regclass, thing text)
language plpgsql set search_path = pg_catalog as $$
begin
    call app.guard(target, null, thing || '.write', thing || '.delete');
    execute format(
        'create policy reading on %1$s as restrictive for select to crm_app using (
            (select app.reach(%2$L)) = ''all''
            or (select app.reach(%2$L)) is not null
                and owner_id = (select nullif(current_setting(''app.user_id'', true), '''')::uuid)
            or (select app.reach(%2$L)) = ''team'' and owner_id = any ((select app.teammates())::uuid[])
        )', target, thing);
end $$;

call app.guard_owned('public.contacts', 'contacts');
call app.guard_owned('public.tasks', 'tasks');
call app.guard('public.automations', 'automations.read', 'automations.write', 'automations.delete');
call app.guard('public.automation_runs', 'automations.read', null, null);
call app.guard('public.webhook_endpoints', 'webhooks.settings', 'webhooks.settings', null);
call app.guard('public.webhook_deliveries', 'webhooks.settings', 'webhooks.settings', null);
call app.guard('public.roles', null, 'members.settings', null);
call app.guard('public.teams', null, 'members.settings', null);
call app.guard('public.team_members', null, 'members.settings', null);
call app.guard('public.memberships', null, 'members.settings', null);
call app.guard('public.mailboxes', null, 'mailboxes.write', null);
call app.guard('public.mail_ledger', 'mailboxes.read', null, null);
call app.guard('public.threads', 'emails.read', null, null);
call app.guard('public.emails', 'emails.read', null, null);
call app.guard('public.email_subjects', 'emails.read', null, null);
call app.guard('public.email_bodies', 'emails.read', null, null);
call app.guard('public.email_participants', 'emails.read', null, null);
call app.guard('public.email_analyses', 'emails.read', null, null);
call app.guard('public.email_entities', 'emails.read', null, null);
create policy changing on public.workspaces as restrictive for update to crm_app
    with check ((select app.may('workspace.settings')));
-- Who is shown a mailbox: whoever may see mailboxes, or the mails that are in them.
create policy reading on public.mailboxes as restrictive for select to crm_app
    using ((select app.may('mailboxes.read')) or (select app.may('emails.read')));
