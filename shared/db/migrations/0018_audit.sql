-- depends: 0017_members
-- API keys; and the audit log: who changed what, when and from where.
set local role crm_owner;

-- A transaction says besides who acts, as events name them, and from where the request came: JSON
-- with `ip`, `agent` and `request`.
drop function app.begin_request(uuid, uuid, text);
create function app.begin_request(
    workspace uuid, caller uuid, access text default null, actor text default null,
    origin text default null
) returns void language plpgsql set search_path = pg_catalog as $$
begin
    perform set_config('app.workspace_id', coalesce(workspace::text, ''), true);
    perform set_config('app.user_id', coalesce(caller::text, ''), true);
    perform set_config('app.access', ' ' || coalesce(access, '') || ' ', true);
    perform set_config('app.actor', coalesce(actor, ''), true);
    perform set_config('app.origin', coalesce(origin, ''), true);
end $$;
grant execute on function app.begin_request to crm_app, crm_worker, crm_auth, crm_outbox,
    crm_migrator;

-- A UUIDv7 of now. The 12 bits after the version are the fraction of the millisecond (RFC 9562
-- §6.2, method 3), so that what one transaction does keeps its order.
create function app.uuid7() returns uuid
language sql volatile set search_path = pg_catalog as $$
    select encode(
        substring(int8send(floor(us / 1000)::bigint) from 3)
            || substring(int4send((28672 + (us % 1000) * 4096 / 1000)::int) from 3)
            || substring(uuid_send(gen_random_uuid()) from 9),
        'hex')::uuid
    from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint as us) as now
$$;
grant execute on function app.uuid7 to crm_app, crm_worker, crm_auth, crm_migrator;
grant execute on function app.uuid7_floor to crm_app;

-- What was changed, by whom, and from where; and what events tell of people, who are in no
-- workspace's table: those have a position in the feed. `before` and `after` hold the columns that
-- changed. Rows are only ever added: nobody who signs in may change or delete one.
create table public.audit_log (
    workspace_id uuid not null,
    id uuid not null,
    at timestamptz not null,
    actor text not null,
    action text not null,
    object_type text not null,
    object_id uuid not null,
    before jsonb,
    after jsonb,
    source_ip text,
    user_agent text,
    request_id text,
    position bigint,
    primary key (workspace_id, id)
) partition by range (id);
call app.protect('public.audit_log');
call app.guard('public.audit_log', 'audit.read', null, null);
revoke update, delete on public.audit_log from crm_migrator;
grant select on public.audit_log to crm_app;
grant insert on public.audit_log to crm_app, crm_worker, crm_auth;
create index audit_log_actor on public.audit_log (workspace_id, actor, id);
create index audit_log_action on public.audit_log (workspace_id, action, id);
create index audit_log_type on public.audit_log (workspace_id, object_type, id);
create index audit_log_object on public.audit_log (workspace_id, object_id, id);
insert into app.monthly_tables values ('audit_log');

-- Writes a row's change to the audit log. Its arguments: the column that is the object's id, the
-- columns whose values are told, and those of which only that they changed is.
create function app.audit() returns trigger language plpgsql set search_path = pg_catalog as $$
declare
    was jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    is_now jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
    any_row jsonb := coalesce(is_now, was);
    what text := case tg_op when 'INSERT' then 'created' when 'DELETE' then 'deleted'
        else 'changed' end;
    before jsonb;
    after jsonb;
    origin json := nullif(current_setting('app.origin', true), '');
begin
    if tg_op = 'UPDATE' and (was ->> 'deleted_at' is null) <> (is_now ->> 'deleted_at' is null) then
        if was ->> 'deleted_at' is null then
            what := 'deleted';
            is_now := null;
        else
            what := 'restored';
            was := null;
        end if;
    end if;
    select jsonb_object_agg(name, old_value), jsonb_object_agg(name, new_value)
    into before, after
    from (
        select name, nullif(was -> name, 'null') as old_value, nullif(is_now -> name, 'null') as new_value
        from unnest(string_to_array(tg_argv[1], ',')) as name
        union all
        select name, '"***"', '"***"' from unnest(string_to_array(tg_argv[2], ',')) as name
        where what = 'changed' and was -> name is distinct from is_now -> name
    ) as columns
    where old_value is distinct from new_value or old_value = '"***"';
    if what = 'changed' and after is null then
        return null;
    end if;
    insert into public.audit_log (workspace_id, id, at, actor, action, object_type, object_id,
        before, after, source_ip, user_agent, request_id)
    values (coalesce(any_row ->> 'workspace_id', any_row ->> 'id')::uuid, app.uuid7(),
        clock_timestamp(),
        coalesce(nullif(current_setting('app.actor', true), ''), 'database:' || session_user),
        what, tg_table_name, (any_row ->> tg_argv[0])::uuid,
        case when was is not null then before end, case when is_now is not null then after end,
        origin ->> 'ip', origin ->> 'agent', origin ->> 'request');
    return null;
end $$;

-- Puts a table under the audit log. What is named neither in `told` nor in `hidden` is not worth a
-- row, and no secret gets there: a test asks for every column.
create procedure app.audited(target regclass, object_id text, told text, hidden text default '')
language plpgsql set search_path = pg_catalog as $$
declare
    watched text := concat_ws(',', told, nullif(hidden, ''), (
        select attname from pg_attribute
        where attrelid = target and attname = 'deleted_at' and not attisdropped));
begin
    execute format(
        'create or replace trigger audit after insert or delete or update of %s on %s
         for each row execute function app.audit(%L, %L, %L)',
        watched, target, object_id, told, hidden);
end $$;

-- For the erasure of a person: takes out of the current workspace's log what it tells of an object,
-- and from where a member acted. It remains that something was changed, when, and by which id. Run
-- by crm_owner alone.
create function app.redact_audit(target uuid) returns int
language sql set search_path = pg_catalog as $$
    with redacted as (
        update public.audit_log a set
            before = case when a.object_id = target then
                (select jsonb_object_agg(k, null::jsonb) from jsonb_object_keys(a.before) as k)
                else a.before end,
            after = case when a.object_id = target then
                (select jsonb_object_agg(k, null::jsonb) from jsonb_object_keys(a.after) as k)
                else a.after end,
            source_ip = case when a.actor <> 'user:' || target then a.source_ip end,
            user_agent = case when a.actor <> 'user:' || target then a.user_agent end
        where a.workspace_id = nullif(current_setting('app.workspace_id', true), '')::uuid
            and (a.object_id = target or a.actor = 'user:' || target)
        returning 1
    )
    select count(*)::int from redacted
$$;

-- Attempts to sign in that failed, until a job has told the workspaces of those whose account it was.
-- An attempt at an account that nobody has is written down as well, and without asking whether the
-- person exists, so that finding out costs the same. crm_auth alone reads it.
create table public.failed_sign_ins (
    id uuid primary key,
    user_id uuid,
    step text not null check (step in ('password', 'second_factor')),
    tried_at timestamptz not null default now(),
    source_ip text check (length(source_ip) <= 45),
    user_agent text check (length(user_agent) <= 300),
    request_id text check (length(request_id) <= 100)
);
grant select, insert, update, delete on public.failed_sign_ins to crm_auth;

-- A program's way in, on behalf of the member who made it. `hash` is the SHA-256 of 256 random
-- bits: what cannot be guessed needs no slow hash.
create table public.api_keys (
    workspace_id uuid not null,
    id uuid not null,
    user_id uuid not null,
    name text not null check (length(name) between 1 and 200),
    hash bytea not null check (length(hash) = 32),
    grants text[] not null check (cardinality(grants) > 0),
    rate_limit_per_s int check (rate_limit_per_s between 1 and 1000),
    expires_at timestamptz,
    last_used_at timestamptz,
    last_used_from text check (length(last_used_from) <= 45),
    revoked_at timestamptz,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (workspace_id, id),
    foreign key (workspace_id, user_id) references public.memberships (workspace_id, user_id)
);
call app.protect('public.api_keys');
create index api_keys_newest on public.api_keys (workspace_id, created_at desc, id desc);
create index api_keys_person on public.api_keys (workspace_id, user_id, created_at desc, id desc);

-- Members see and change keys of their own, or everybody's if they may. A key makes no other: that
-- would outlive its own end.
create policy reading on public.api_keys as restrictive for select to crm_app using (
    (select app.may('keys.settings')) or (select app.may('keys.write'))
        and user_id = (select nullif(current_setting('app.user_id', true), '')::uuid)
);
create policy adding on public.api_keys as restrictive for insert to crm_app with check (
    (select app.may('keys.write'))
        and user_id = (select nullif(current_setting('app.user_id', true), '')::uuid)
        and (select current_setting('app.actor', true)) not like 'key:%'
);
create policy changing on public.api_keys as restrictive for update to crm_app with check (
    (select app.may('keys.write')) or (select app.may('keys.settings'))
);
-- What answers people never sees a hash again, and what a key may do is never changed.
grant insert on public.api_keys to crm_app;
grant select (workspace_id, id, user_id, name, grants, rate_limit_per_s, expires_at, last_used_at,
    last_used_from, revoked_at, version, created_at, updated_at) on public.api_keys to crm_app;
grant update (name, revoked_at, version, updated_at) on public.api_keys to crm_app;
grant select on public.api_keys to crm_auth;
grant update (last_used_at, last_used_from) on public.api_keys to crm_auth;

call app.audited('public.workspaces', 'id', 'name');
call app.audited('public.memberships', 'user_id', 'role,role_id,ended_at,rejoined_at');
call app.audited('public.invitations', 'id', 'email,role,role_id,invited_by,inviter,expires_at,'
    'accepted_at,accepted_by,revoked_at');
call app.audited('public.roles', 'id', 'name,grants');
call app.audited('public.teams', 'id', 'name');
call app.audited('public.team_members', 'team_id', 'user_id');
call app.audited('public.contacts', 'id', 'name,email,phone,company,job_title,tags,owner_id');
call app.audited('public.tasks', 'id', 'title,notes,status,due_at,contact_id,email_id,source,'
    'created_by,automation_run_id,owner_id');
call app.audited('public.automations', 'id', 'name,enabled,event_type,conditions,actions');
call app.audited('public.mailboxes', 'id', 'user_id,provider,address,sharing,state,state_reason,'
    'units_per_minute', 'credentials');
-- A receiver's URL may hold a secret.
call app.audited('public.webhook_endpoints', 'id', 'user_id,description,event_types,enabled,'
    'disabled_reason', 'url,secret');
call app.audited('public.api_keys', 'id', 'user_id,name,grants,rate_limit_per_s,expires_at,'
    'revoked_at');
