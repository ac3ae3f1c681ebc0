-- depends: 0018_audit
-- Workspaces that are deleted, after a time in which they can be restored; accounts that are erased.
set local role crm_owner;

-- A workspace with `purge_at` is closing: it takes no changes, and everything of it is deleted then.
alter table public.workspaces
    add column deletion_asked_by uuid,
    add column deletion_asked_at timestamptz,
    add column purge_at timestamptz,
    -- How far deleting is, null before it begins; what was deleted; until when somebody is at it.
    add column purge_stage text check (purge_stage in ('objects', 'rows')),
    add column purge_counts jsonb not null default '{}',
    add column purge_busy_until timestamptz,
    add constraint workspaces_closing check (
        (deletion_asked_by is null) = (purge_at is null)
            and (deletion_asked_at is null) = (purge_at is null)
            and (purge_stage is null or purge_at is not null));
create index workspaces_closing on public.workspaces (purge_at) where purge_at is not null;
revoke update on public.workspaces from crm_app, crm_auth;
grant update (name, version, updated_at, deletion_asked_by, deletion_asked_at, purge_at)
    on public.workspaces to crm_app, crm_auth;
grant update (purge_stage, purge_counts, purge_busy_until) on public.workspaces to crm_worker;
drop policy changing on public.workspaces;
create policy changing on public.workspaces as restrictive for update to crm_app with check (
    (select app.may('workspace.settings')) and purge_at is null
        or (select app.may('workspace.delete'))
);
create policy resolve on public.workspaces for select to crm_resolver using (true);
grant select (id, purge_at, purge_busy_until) on public.workspaces to crm_resolver;

-- What is left of a workspace: that there was one. Nobody who signs in reads it, but crm_migrator as
-- the owner; a purged workspace's id is never taken for one that is still to be made.
create table public.purged_workspaces (
    id uuid primary key,
    requested_at timestamptz not null,
    purged_at timestamptz not null default now(),
    counts jsonb not null
);
grant select (id) on public.purged_workspaces to crm_resolver;
grant insert on public.purged_workspaces to crm_purger;

set local role crm_resolver;
create function app.is_closing(workspace uuid) returns boolean
language plpgsql stable security definer set search_path = pg_catalog as $$
declare
    closing boolean;
begin
    select w.purge_at is not null into closing from public.workspaces w where w.id = workspace;
    return coalesce(
        closing, exists (select from public.purged_workspaces p where p.id = workspace));
end $$;
grant execute on function app.is_closing to crm_app, crm_worker, crm_auth, crm_outbox, crm_migrator,
    crm_owner;
set local role crm_owner;

-- Says besides whether the workspace is closing. If so, the transaction is read-only, whatever it
-- meant to do; but of crm_auth, who lets owners in and people go, and where somebody says
-- `even_closing`: who restores the workspace, and who deletes it.
drop function app.begin_request(uuid, uuid, text, text, text);
create function app.begin_request(
    workspace uuid, caller uuid, access text default null, actor text default null,
    origin text default null, even_closing boolean default false
) returns boolean language plpgsql set search_path = pg_catalog as $$
declare
    closing boolean := workspace is not null and app.is_closing(workspace);
begin
    perform set_config('app.workspace_id', coalesce(workspace::text, ''), true);
    perform set_config('app.user_id', coalesce(caller::text, ''), true);
    perform set_config('app.access', ' ' || coalesce(access, '') || ' ', true);
    perform set_config('app.actor', coalesce(actor, ''), true);
    perform set_config('app.origin', coalesce(origin, ''), true);
    if closing and not even_closing and current_user <> 'crm_auth' then
        perform set_config('transaction_read_only', 'on', true);
    end if;
    return closing;
end $$;
grant execute on function app.begin_request to crm_app, crm_worker, crm_auth, crm_outbox,
    crm_migrator;

-- Nobody joins a workspace that is closing: not by an invitation, not by its own provider.
create policy open_alone_added on public.memberships as restrictive for insert to crm_auth
    with check (not app.is_closing(workspace_id));
create policy open_alone_changed on public.memberships as restrictive for update to crm_auth
    with check (ended_at is not null or not app.is_closing(workspace_id));

-- Look-ups leave workspaces out that are closing; owners alone still get in.
set local role crm_resolver;
create or replace function app.resolve_memberships(person uuid)
returns table (workspace_id uuid, role text)
language sql stable security definer set search_path = pg_catalog as $$
    select m.workspace_id, m.role from public.memberships m
    where m.user_id = person and m.ended_at is null
        and (m.role = 'owner' or not app.is_closing(m.workspace_id))
    order by m.created_at, m.workspace_id
$$;

create or replace function app.resolve_mailbox(wanted text)
returns table (workspace_id uuid, mailbox_id uuid, address text)
language sql stable security definer set search_path = pg_catalog as $$
    select m.workspace_id, m.id, m.address from public.mailboxes m
    where m.address = wanted and m.deleted_at is null and m.state = 'active'
        and not app.is_closing(m.workspace_id)
$$;

create or replace function app.resolve_due_mailboxes(most int)
returns table (workspace_id uuid, mailbox_id uuid, address text)
language sql stable security definer set search_path = pg_catalog as $$
    select m.workspace_id, m.id, m.address from public.mailboxes m
    where m.deleted_at is null and m.state = 'active'
        and (m.throttled_until is null or m.throttled_until <= now())
        and not exists (select from public.workspaces w
            where w.id = m.workspace_id and w.purge_at is not null)
        and exists (
            select from public.mail_ledger l
            where l.workspace_id = m.workspace_id and l.mailbox_id = m.id
                and l.state in ('pending', 'queued', 'retrying') and l.listed in (true, false)
                and l.due_at <= now()
        )
    order by m.units_at limit most
$$;

create or replace function app.resolve_quiet_mailboxes(since timestamptz, most int)
returns table (workspace_id uuid, mailbox_id uuid, address text)
language sql stable security definer set search_path = pg_catalog as $$
    select m.workspace_id, m.id, m.address from public.mailboxes m
    where m.deleted_at is null and m.state = 'active'
        and (m.synced_at is null or m.synced_at < since or m.synced_at < m.throttled_until)
        and (m.throttled_until is null or m.throttled_until < now())
        and not exists (select from public.workspaces w
            where w.id = m.workspace_id and w.purge_at is not null)
    order by m.synced_at nulls first limit most
$$;

create or replace function app.resolve_expiring_watches(before timestamptz, most int)
returns table (workspace_id uuid, mailbox_id uuid, address text)
language sql stable security definer set search_path = pg_catalog as $$
    select m.workspace_id, m.id, m.address from public.mailboxes m
    where m.deleted_at is null and m.state = 'active'
        and (m.watch_expires_at is null or m.watch_expires_at < before)
        and not exists (select from public.workspaces w
            where w.id = m.workspace_id and w.purge_at is not null)
    order by m.watch_expires_at nulls first limit most
$$;

create or replace function app.resolve_due_endpoints(most int)
returns table (workspace_id uuid, endpoint_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select e.workspace_id, e.id from public.webhook_endpoints e
    where e.enabled and e.deleted_at is null
        and (e.resting_until is null or e.resting_until <= now())
        and (e.busy_until is null or e.busy_until <= now())
        and not exists (select from public.workspaces w
            where w.id = e.workspace_id and w.purge_at is not null)
        and exists (
            select from public.webhook_deliveries d
            where d.workspace_id = e.workspace_id and d.endpoint_id = e.id
                and d.state = 'pending' and d.due_at <= now()
        )
    order by e.tokens_at limit most
$$;

create or replace function app.resolve_old_deliveries(before timestamptz, most int)
returns table (workspace_id uuid, endpoint_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select e.workspace_id, e.id from public.webhook_endpoints e
    where exists (
        select from public.webhook_deliveries d
        where d.workspace_id = e.workspace_id and d.endpoint_id = e.id and d.created_at < before
    )
        and not exists (select from public.workspaces w
            where w.id = e.workspace_id and w.purge_at is not null)
    limit most
$$;

create or replace function app.resolve_due_invitations(before timestamptz, most int)
returns table (workspace_id uuid, invitation_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select i.workspace_id, i.id from public.invitations i
    where i.mail_state = 'waiting' and i.accepted_at is null and i.revoked_at is null
        and i.mail_due_at < before and i.expires_at > now()
        and not exists (select from public.workspaces w
            where w.id = i.workspace_id and w.purge_at is not null)
    order by i.mail_due_at limit most
$$;

-- Workspaces whose time has come, and at whom nobody is.
create function app.resolve_due_purges(most int) returns table (workspace_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select w.id from public.workspaces w
    where w.purge_at <= now() and (w.purge_busy_until is null or w.purge_busy_until <= now())
    order by w.purge_at limit most
$$;
grant execute on function app.resolve_due_purges to crm_worker;
set local role crm_owner;

-- After a workspace is restored: publishes what happened in it since then once more, because its
-- consumers could write nothing down while it was closing. What they had done before they know.
create policy publish_again on public.event_log for select to crm_resolver using (true);
grant select (workspace_id, id) on public.event_log to crm_resolver;
grant insert (workspace_id, event_id) on public.outbox to crm_resolver;
grant execute on function app.uuid7_floor to crm_resolver;
set local role crm_resolver;
create function app.publish_again(since timestamptz) returns int
language sql security definer set search_path = pg_catalog as $$
    with again as (
        insert into public.outbox (workspace_id, event_id)
        select e.workspace_id, e.id from public.event_log e
        where e.workspace_id = (select nullif(current_setting('app.workspace_id', true), '')::uuid)
            and e.id >= app.uuid7_floor(since)
        on conflict do nothing
        returning 1
    )
    select count(*)::int from again
$$;
grant execute on function app.publish_again to crm_app;
set local role crm_owner;

-- crm_purger deletes: of every table of tenants what the tenancy policy shows it, which is the
-- transaction's workspace. Nobody signs in as it; what it may do is in the functions it owns.
create or replace procedure app.protect(target regclass)
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
    execute format('grant select, delete on %s to crm_purger', target);
end $$;

do $$
declare
    target regclass;
begin
    for target in
        select c.oid from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and not c.relispartition and exists (select from pg_attribute a
                where a.attrelid = c.oid and a.attname in ('workspace_id', 'user_id')
                    and not a.attisdropped)
    loop
        execute format('grant select, delete on %s to crm_purger', target);
    end loop;
end $$;
grant select, delete on public.workspaces to crm_purger;
grant execute on function app.uuid7_floor to crm_purger;

-- Deleting a workspace is no change in it: there is nobody left to read of it.
create or replace function app.audit() returns trigger
language plpgsql set search_path = pg_catalog as $$
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
    if current_user = 'crm_purger' then
        return null;
    end if;
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
call app.audited('public.workspaces', 'id', 'name,deletion_asked_by,purge_at');

-- The tables of tenants in an order in which their rows can be deleted: whatever refers to a table
-- is before it. The data key goes with the workspace, last of all.
create function app.purge_order() returns table (place int, name text)
language sql stable set search_path = pg_catalog as $$
    with recursive tenants as (
        select c.oid, c.relname from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and not c.relispartition and c.relname <> 'workspace_keys'
            and exists (select from pg_attribute a where a.attrelid = c.oid
                and a.attname = 'workspace_id' and not a.attisdropped)
    ), keys as (
        select distinct k.conrelid as child, k.confrelid as parent from pg_constraint k
        where k.contype = 'f' and k.conparentid = 0 and k.conrelid <> k.confrelid
    ), behind (oid, place) as (
        select t.oid, 0 from tenants t
        union
        select k.parent, b.place + 1 from behind b
        join keys k on k.child = b.oid
        join tenants t on t.oid = k.parent
        where b.place < 100  -- a circle of keys ends here, and a test finds it
    )
    select max(b.place), t.relname::text from behind b join tenants t on t.oid = b.oid
    group by t.relname order by 1, 2
$$;
grant execute on function app.purge_order to crm_purger, crm_migrator;

set local role crm_purger;
-- Goes on only in a workspace whose time has come.
create function app.require_due() returns uuid
language plpgsql set search_path = pg_catalog as $$
declare
    here uuid := nullif(current_setting('app.workspace_id', true), '')::uuid;
begin
    if not exists (select from public.workspaces w where w.id = here and w.purge_at <= now()) then
        raise insufficient_privilege using message = 'this workspace is not to be purged now';
    end if;
    return here;
end $$;

-- Deletes up to `most` rows of one table. Rows that others of the same table refer to wait for
-- those; where they refer to each other in a circle, all of them go at once. The planner is told to
-- go by keys: what it knows of the table is about other workspaces.
create function app.purge_some(target text, here uuid, most int) returns int
language plpgsql set search_path = pg_catalog set enable_hashjoin = off set enable_mergejoin = off
    set enable_seqscan = off as $$
declare
    columns text[] := array(
        select a.attname from pg_index i
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
        where i.indrelid = format('public.%I', target)::regclass and i.indisprimary);
    listed text := (select string_agg(format('q.%I', c), ', ') from unnest(columns) c);
    same text := (select string_agg(format('t.%1$I = s.%1$I', c), ' and ') from unnest(columns) c);
    alone text := (
        select string_agg(format(' and not exists (select from public.%I o where %s)', target, (
            select string_agg(format('o.%I = q.%I', c.attname, p.attname), ' and ')
            from unnest(k.conkey, k.confkey) as pair (child, parent)
            join pg_attribute c on c.attrelid = k.conrelid and c.attnum = pair.child
            join pg_attribute p on p.attrelid = k.confrelid and p.attnum = pair.parent)), '')
        from pg_constraint k
        where k.contype = 'f' and k.conparentid = 0 and k.conrelid = k.confrelid
            and k.conrelid = format('public.%I', target)::regclass);
    found int;
begin
    execute format(
        'delete from public.%1$I t
         using (select %2$s from public.%1$I q where q.workspace_id = $1 %4$s limit $2) s
         where t.workspace_id = $1 and %3$s', target, listed, same, coalesce(alone, ''))
    using here, most;
    get diagnostics found = row_count;
    if found = 0 and alone is not null then
        execute format('delete from public.%I where workspace_id = $1', target) using here;
        get diagnostics found = row_count;
    end if;
    return found;
end $$;

-- Deletes up to `most` rows of the transaction's workspace, of one table: the first that has some.
-- No name: nothing is left.
create function app.purge_rows(most int, out name text, out deleted int)
language plpgsql security definer set search_path = pg_catalog as $$
declare
    here uuid := app.require_due();
    listed text;
begin
    for listed in select o.name from app.purge_order() o order by o.place, o.name loop
        deleted := app.purge_some(listed, here, most);
        if deleted > 0 then
            name := listed;
            return;
        end if;
    end loop;
end $$;

-- The end: the data key, by which alone what backups hold of the workspace's secrets can be read,
-- and the workspace itself. False where rows are left.
create function app.finish_purge() returns boolean
language plpgsql security definer set search_path = pg_catalog as $$
declare
    here uuid := app.require_due();
    listed text;
    found boolean;
begin
    for listed in select o.name from app.purge_order() o loop
        execute format('select exists (select from public.%I where workspace_id = $1)', listed)
            into found using here;
        if found then
            return false;
        end if;
    end loop;
    insert into public.purged_workspaces (id, requested_at, counts)
    select w.id, w.deletion_asked_at, w.purge_counts from public.workspaces w where w.id = here;
    delete from public.workspace_keys k where k.workspace_id = here;
    delete from public.workspaces w where w.id = here;
    return true;
end $$;
grant execute on function app.purge_rows, app.finish_purge to crm_worker;
set local role crm_owner;

-- An account that was erased stays as a row without a person: what they made refers to it.
alter table public.users add column erased_at timestamptz;
grant select (erased_at) on public.users to crm_resolver;

-- Accounts that are being erased, workspace after workspace: `done_until` is the last one that is
-- done. `email` is what the address was, for as long as it is looked for. crm_auth alone reads it.
create table public.account_erasures (
    user_id uuid primary key references public.users (id),
    email text check (length(email) <= 320),
    requested_at timestamptz not null default now(),
    done_until uuid,
    finished_at timestamptz,
    check ((email is null) = (finished_at is not null))
);
create index account_erasures_open on public.account_erasures (requested_at)
    where finished_at is null;
grant select, insert, update on public.account_erasures to crm_auth;
grant select on public.account_erasures to crm_purger;

-- All sessions of a person in a workspace, those that are over as well.
create index sessions_of_person on public.sessions (workspace_id, user_id, created_at desc, id desc);

-- Every workspace that a person belongs to or did, closing or not.
set local role crm_resolver;
create function app.resolve_every_workspace(person uuid) returns table (workspace_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select m.workspace_id from public.memberships m where m.user_id = person order by 1
$$;
grant execute on function app.resolve_every_workspace to crm_auth;
create function app.is_erased(person uuid) returns boolean
language sql stable security definer set search_path = pg_catalog as $$
    select exists (select from public.users u where u.id = person and u.erased_at is not null)
$$;
grant execute on function app.is_erased to crm_app, crm_auth;
set local role crm_owner;

-- An access token outlives its person by a minute at most; in that time nothing new is theirs.
create policy living_alone on public.memberships as restrictive for insert to crm_app, crm_auth
    with check (not app.is_erased(user_id));

-- What ends with an account, and what its person may be told of themselves.
grant select, delete on public.team_members to crm_auth;
grant update (revoked_at, version, updated_at) on public.api_keys to crm_auth;
grant select on public.audit_log to crm_auth;
create policy ones_own on public.audit_log as restrictive for select to crm_auth using (
    actor = 'user:' || current_setting('app.user_id', true)
        or object_id = (select nullif(current_setting('app.user_id', true), '')::uuid)
);

-- Takes a person out of the transaction's workspace, wherever it tells of them as a person: the
-- audit log, the feed, invitations, names at a provider. What stays are ids.
grant select, update (before, after, source_ip, user_agent) on public.audit_log to crm_purger;
grant update (payload) on public.event_log to crm_purger;
grant update (email, inviter) on public.invitations to crm_purger;
grant execute on function app.redact_audit to crm_purger;
set local role crm_purger;
create function app.redact_person(person uuid, address text) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare
    here uuid := nullif(current_setting('app.workspace_id', true), '')::uuid;
    nobody text := 'erased-' || person || '@invalid';
    invitation uuid;
begin
    if not exists (select from public.account_erasures e
            where e.user_id = person and e.finished_at is null) then
        raise insufficient_privilege using message = 'this account is not being erased';
    end if;
    update public.event_log e
    set payload = jsonb_set(e.payload, '{name}', '"Former member"')
    from public.audit_log a
    where a.workspace_id = here and a.object_id = person and a.action = 'ProfileChanged'
        and e.workspace_id = here and e.position = a.position and e.type = 'ProfileChanged';
    for invitation in
        select i.id from public.invitations i
        where i.workspace_id = here and (i.email = address or i.accepted_by = person)
    loop
        update public.event_log e set payload = jsonb_set(e.payload, '{email}', to_jsonb(nobody))
        from public.audit_log a
        where a.workspace_id = here and a.object_id = invitation
            and e.workspace_id = here
            -- Nothing finds an event by what it is about; but by when that was changed.
            and e.id >= app.uuid7_floor(a.at - interval '5 minutes')
            and e.id < app.uuid7_floor(a.at + interval '5 minutes')
            and e.type like 'Invitation%' and e.payload ->> 'aggregate_id' = invitation::text;
        update public.invitations i set email = nobody
        where i.workspace_id = here and i.id = invitation;
        perform app.redact_audit(invitation);
    end loop;
    for invitation in
        update public.invitations i set inviter = nobody
        where i.workspace_id = here and i.invited_by = person returning i.id
    loop
        update public.audit_log a set
            before = case when a.before ? 'inviter' then a.before || '{"inviter": null}'
                else a.before end,
            after = case when a.after ? 'inviter' then a.after || '{"inviter": null}'
                else a.after end
        where a.workspace_id = here and a.object_id = invitation;
    end loop;
    update public.audit_log a set source_ip = null, user_agent = null
    from public.api_keys k
    where k.workspace_id = here and k.user_id = person
        and a.workspace_id = here and a.actor = 'key:' || k.id;
    perform app.redact_audit(person);
    if to_regclass('public.sso_identities') is not null then
        delete from public.sso_identities s where s.workspace_id = here and s.user_id = person;
    end if;
end $$;

-- Deletes what is a person's in tables that belong to no workspace, whichever there are.
create function app.forget_person(person uuid) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare
    target regclass;
begin
    if not exists (select from public.account_erasures e
            where e.user_id = person and e.finished_at is null) then
        raise insufficient_privilege using message = 'this account is not being erased';
    end if;
    for target in
        select c.oid from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
            and c.relname <> 'account_erasures'
            and exists (select from pg_attribute a where a.attrelid = c.oid
                and a.attname = 'user_id' and not a.attisdropped)
            and not exists (select from pg_attribute a where a.attrelid = c.oid
                and a.attname = 'workspace_id' and not a.attisdropped)
        order by c.relname
    loop
        execute format('delete from %s where user_id = $1', target) using person;
    end loop;
end $$;
grant execute on function app.redact_person, app.forget_person to crm_auth;
