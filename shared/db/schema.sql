-- The database after every migration: generated, never edited. After adding a migration run
-- `python -m infra_cdk.local.schema`. Monthly partitions are left out.

CREATE SCHEMA app;

ALTER SCHEMA app OWNER TO crm_owner;

CREATE FUNCTION app.audit() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
declare
    was jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    is_now jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
    any_row jsonb := coalesce(is_now, was);
    workspace uuid := coalesce(any_row ->> 'workspace_id', any_row ->> 'id')::uuid;
    record uuid := (any_row ->> tg_argv[0])::uuid;
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
    values (workspace, app.uuid7(), clock_timestamp(),
        coalesce(nullif(current_setting('app.actor', true), ''), 'database:' || session_user),
        what, tg_table_name, record,
        case when was is not null then before end, case when is_now is not null then after end,
        origin ->> 'ip', origin ->> 'agent', origin ->> 'request');
    if nullif(current_setting('app.operation', true), '') is not null
        and tg_table_name not in ('contacts', 'tasks')
    then
        insert into public.operation_changes
            (workspace_id, operation_id, object, record_id, before, version)
        values (workspace, current_setting('app.operation')::uuid, tg_table_name, record, null, 0)
        on conflict do nothing;
    end if;
    return null;
end $$;

ALTER FUNCTION app.audit() OWNER TO crm_owner;

CREATE PROCEDURE app.audited(IN target regclass, IN object_id text, IN told text, IN hidden text DEFAULT ''::text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER PROCEDURE app.audited(IN target regclass, IN object_id text, IN told text, IN hidden text) OWNER TO crm_owner;

CREATE FUNCTION app.begin_operation(operation uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
begin
    perform set_config('app.operation', operation::text, true);
end $$;

ALTER FUNCTION app.begin_operation(operation uuid) OWNER TO crm_owner;

CREATE FUNCTION app.begin_request(workspace uuid, caller uuid, access text DEFAULT NULL::text, actor text DEFAULT NULL::text, origin text DEFAULT NULL::text, even_closing boolean DEFAULT false) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER FUNCTION app.begin_request(workspace uuid, caller uuid, access text, actor text, origin text, even_closing boolean) OWNER TO crm_owner;

CREATE FUNCTION app.claim_request(wanted bytea, OUT free boolean, OUT response bytea) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
begin
    free := pg_try_advisory_xact_lock(('x' || encode(substr(wanted, 1, 8), 'hex'))::bit(64)::bigint);
    if free then
        select k.response into response from public.idempotency_keys k
        where k.workspace_id = (select nullif(current_setting('app.workspace_id', true), '')::uuid)
            and k.request = wanted and k.created_at > now() - interval '24 hours';
    end if;
end $$;

ALTER FUNCTION app.claim_request(wanted bytea, OUT free boolean, OUT response bytea) OWNER TO crm_owner;

CREATE FUNCTION app.find_member(address text) RETURNS TABLE(user_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select u.id
    from public.users u join public.memberships m on m.user_id = u.id
    where u.email = address and m.ended_at is null
        and m.workspace_id = (select nullif(current_setting('app.workspace_id', true), '')::uuid)
        and ((select app.may('members.read')) or (select app.may('members.settings')))
$$;

ALTER FUNCTION app.find_member(address text) OWNER TO crm_resolver;

CREATE FUNCTION app.finish_purge() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $_$
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
end $_$;

ALTER FUNCTION app.finish_purge() OWNER TO crm_purger;

CREATE FUNCTION app.forget_person(person uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $_$
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
end $_$;

ALTER FUNCTION app.forget_person(person uuid) OWNER TO crm_purger;

CREATE FUNCTION app.forget_published(workspaces uuid[], events uuid[]) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    with gone as (
        delete from public.outbox o
        using unnest(workspaces, events) as p (workspace_id, event_id)
        where o.workspace_id = p.workspace_id and o.event_id = p.event_id
        returning 1
    )
    select count(*)::int from gone
$$;

ALTER FUNCTION app.forget_published(workspaces uuid[], events uuid[]) OWNER TO crm_resolver;

CREATE PROCEDURE app.guard(IN target regclass, IN reading text, IN writing text, IN deleting text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER PROCEDURE app.guard(IN target regclass, IN reading text, IN writing text, IN deleting text) OWNER TO crm_owner;

CREATE PROCEDURE app.guard_owned(IN target regclass, IN thing text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
begin
    call app.guard(target, null, thing || '.write', thing || '.delete');
    call app.guard_reading(target, thing);
end $$;

ALTER PROCEDURE app.guard_owned(IN target regclass, IN thing text) OWNER TO crm_owner;

CREATE PROCEDURE app.guard_reading(IN target regclass, IN thing text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $_$
begin
    execute format(
        'create policy reading on %1$s as restrictive for select to crm_app using (
            (select app.reach(%2$L) = ''all'')
            or (select app.reach(%2$L) is not null)
                and owner_id = (select nullif(current_setting(''app.user_id'', true), '''')::uuid)
            or (select app.reach(%2$L) = ''team'') and owner_id = any ((select app.teammates())::uuid[])
        )', target, thing);
end $_$;

ALTER PROCEDURE app.guard_reading(IN target regclass, IN thing text) OWNER TO crm_owner;

CREATE FUNCTION app.is_closing(workspace uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
declare
    closing boolean;
begin
    select w.purge_at is not null into closing from public.workspaces w where w.id = workspace;
    return coalesce(
        closing, exists (select from public.purged_workspaces p where p.id = workspace));
end $$;

ALTER FUNCTION app.is_closing(workspace uuid) OWNER TO crm_resolver;

CREATE FUNCTION app.is_erased(person uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select exists (select from public.users u where u.id = person and u.erased_at is not null)
$$;

ALTER FUNCTION app.is_erased(person uuid) OWNER TO crm_resolver;

CREATE FUNCTION app.may(permission text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
    select strpos(current_setting('app.access', true), ' ' || permission || ' ') > 0
$$;

ALTER FUNCTION app.may(permission text) OWNER TO crm_owner;

CREATE FUNCTION app.name_members(people uuid[]) RETURNS TABLE(user_id uuid, name text, email text, verified boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select u.id, u.name, u.email, u.email_verified_at is not null
    from public.memberships m join public.users u on u.id = m.user_id
    where m.workspace_id = (select nullif(current_setting('app.workspace_id', true), '')::uuid)
        and m.user_id = any (people)
        and ((select app.may('members.read')) or (select app.may('members.settings')))
$$;

ALTER FUNCTION app.name_members(people uuid[]) OWNER TO crm_resolver;

CREATE PROCEDURE app.protect(IN target regclass)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER PROCEDURE app.protect(IN target regclass) OWNER TO crm_owner;

CREATE PROCEDURE app.protect_mail(IN target regclass, IN tiers text[])
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
begin
    execute format(
        'create policy sharing on %s as restrictive for select to crm_app using (mailbox_id in (
            select m.id from public.mailboxes m
            where m.workspace_id = (select nullif(current_setting(''app.workspace_id'', true), '''')::uuid)
            and (m.user_id = (select nullif(current_setting(''app.user_id'', true), '''')::uuid)
                 or m.sharing = any (%L))))',
        target, tiers
    );
end $$;

ALTER PROCEDURE app.protect_mail(IN target regclass, IN tiers text[]) OWNER TO crm_owner;

CREATE FUNCTION app.publish_again(since timestamp with time zone) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER FUNCTION app.publish_again(since timestamp with time zone) OWNER TO crm_resolver;

CREATE FUNCTION app.purge_order() RETURNS TABLE(place integer, name text)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER FUNCTION app.purge_order() OWNER TO crm_owner;

CREATE FUNCTION app.purge_rows(most integer, OUT name text, OUT deleted integer) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER FUNCTION app.purge_rows(most integer, OUT name text, OUT deleted integer) OWNER TO crm_purger;

CREATE FUNCTION app.purge_some(target text, here uuid, most integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_seqscan TO 'off'
    AS $_$
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
end $_$;

ALTER FUNCTION app.purge_some(target text, here uuid, most integer) OWNER TO crm_purger;

CREATE FUNCTION app.reach(thing text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
    select case
        when strpos(current_setting('app.access', true), ' ' || thing || '.read ') > 0 then 'all'
        when strpos(current_setting('app.access', true), ' ' || thing || '.read:team ') > 0
            then 'team'
        when strpos(current_setting('app.access', true), ' ' || thing || '.read:own ') > 0
            then 'own'
    end
$$;

ALTER FUNCTION app.reach(thing text) OWNER TO crm_owner;

CREATE FUNCTION app.redact_acts(person uuid, done uuid, most integer) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
declare
    here uuid := app.require_erasing(person);
    actors text[];
    ids uuid[];
begin
    select array_agg('key:' || k.id) || ('user:' || person) into actors
    from public.api_keys k where k.workspace_id = here and k.user_id = person;
    select array_agg(found.id order by found.id) into ids from (
        select of_one.id from unnest(actors) as acting (actor) cross join lateral (
            select a.id from public.audit_log a
            where a.workspace_id = here and a.actor = acting.actor and (done is null or a.id > done)
            order by a.id limit most
        ) as of_one
        union
        (select a.id from public.audit_log a
        where a.workspace_id = here and a.object_id = person and (done is null or a.id > done)
        order by a.id limit most)
        order by 1 limit most
    ) as found;
    update public.audit_log a set
        before = case when a.object_id = person then
            (select jsonb_object_agg(k, null::jsonb) from jsonb_object_keys(a.before) as k)
            else a.before end,
        after = case when a.object_id = person then
            (select jsonb_object_agg(k, null::jsonb) from jsonb_object_keys(a.after) as k)
            else a.after end,
        source_ip = case when a.actor <> all (actors) then a.source_ip end,
        user_agent = case when a.actor <> all (actors) then a.user_agent end
    where a.workspace_id = here and a.id = any (ids);
    return case when cardinality(ids) = most then ids[most] end;
end $$;

ALTER FUNCTION app.redact_acts(person uuid, done uuid, most integer) OWNER TO crm_purger;

CREATE FUNCTION app.redact_audit(target uuid) RETURNS integer
    LANGUAGE sql
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER FUNCTION app.redact_audit(target uuid) OWNER TO crm_owner;

CREATE FUNCTION app.redact_events(thing uuid, kinds text, field text, shown text) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog'
    AS $$
    update public.event_log e set payload = jsonb_set(e.payload, array[field], to_jsonb(shown))
    from public.audit_log a
    where a.workspace_id = nullif(current_setting('app.workspace_id', true), '')::uuid
        and a.object_id = thing and e.workspace_id = a.workspace_id
        and e.id >= app.uuid7_floor(a.at - interval '5 minutes')
        and e.id < app.uuid7_floor(a.at + interval '5 minutes')
        and e.type like kinds and e.payload ->> 'aggregate_id' = thing::text
$$;

ALTER FUNCTION app.redact_events(thing uuid, kinds text, field text, shown text) OWNER TO crm_purger;

CREATE FUNCTION app.redact_field(thing uuid, field text) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog'
    AS $$
    update public.audit_log a set
        before = case when a.before ? field then a.before || jsonb_build_object(field, null)
            else a.before end,
        after = case when a.after ? field then a.after || jsonb_build_object(field, null)
            else a.after end
    where a.workspace_id = nullif(current_setting('app.workspace_id', true), '')::uuid
        and a.object_id = thing and (a.before ? field or a.after ? field)
$$;

ALTER FUNCTION app.redact_field(thing uuid, field text) OWNER TO crm_purger;

CREATE FUNCTION app.redact_person(person uuid, address text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
declare
    here uuid := app.require_erasing(person);
    nobody text := 'erased-' || person || '@invalid';
    thing uuid;
begin
    update public.event_log e
    set payload = jsonb_set(e.payload, '{name}', '"Former member"')
    from public.audit_log a
    where a.workspace_id = here and a.object_id = person and a.action = 'ProfileChanged'
        and e.workspace_id = here and e.position = a.position and e.type = 'ProfileChanged';
    for thing in
        select i.id from public.invitations i
        where i.workspace_id = here and (i.email = address or i.accepted_by = person)
    loop
        perform app.redact_events(thing, 'Invitation%', 'email', nobody);
        update public.invitations i set email = nobody
        where i.workspace_id = here and i.id = thing;
        perform app.redact_audit(thing);
    end loop;
    for thing in
        update public.invitations i set inviter = nobody
        where i.workspace_id = here and i.invited_by = person and i.inviter <> nobody
        returning i.id
    loop
        perform app.redact_field(thing, 'inviter');
    end loop;
    -- The row first: whoever is just writing it has told of it before the events are looked for.
    for thing in
        update public.mailboxes m set address = 'erased-' || m.id || '@invalid'
        where m.workspace_id = here and m.user_id = person
        returning m.id
    loop
        perform app.redact_events(thing, 'Mailbox%', 'address', 'erased-' || thing || '@invalid');
        perform app.redact_field(thing, 'address');
    end loop;
    delete from public.sso_identities s where s.workspace_id = here and s.user_id = person;
end $$;

ALTER FUNCTION app.redact_person(person uuid, address text) OWNER TO crm_purger;

CREATE FUNCTION app.remember_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
begin
    insert into public.operation_changes as known
        (workspace_id, operation_id, object, record_id, before, version)
    values (
        new.workspace_id, current_setting('app.operation')::uuid, tg_argv[0], new.id,
        case when tg_op = 'UPDATE' then to_jsonb(old) end, new.version
    )
    on conflict (workspace_id, operation_id, object, record_id)
        do update set version = excluded.version;
    return null;
end $$;

ALTER FUNCTION app.remember_change() OWNER TO crm_owner;

CREATE FUNCTION app.require_due() RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
declare
    here uuid := nullif(current_setting('app.workspace_id', true), '')::uuid;
begin
    if not exists (select from public.workspaces w where w.id = here and w.purge_at <= now()) then
        raise insufficient_privilege using message = 'this workspace is not to be purged now';
    end if;
    return here;
end $$;

ALTER FUNCTION app.require_due() OWNER TO crm_purger;

CREATE FUNCTION app.require_erasing(person uuid) RETURNS uuid
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
begin
    if not exists (select from public.account_erasures e
            where e.user_id = person and e.finished_at is null) then
        raise insufficient_privilege using message = 'this account is not being erased';
    end if;
    return nullif(current_setting('app.workspace_id', true), '')::uuid;
end $$;

ALTER FUNCTION app.require_erasing(person uuid) OWNER TO crm_purger;

CREATE FUNCTION app.resolve_due_endpoints(most integer) RETURNS TABLE(workspace_id uuid, endpoint_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER FUNCTION app.resolve_due_endpoints(most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_due_invitations(before timestamp with time zone, most integer) RETURNS TABLE(workspace_id uuid, invitation_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select i.workspace_id, i.id from public.invitations i
    where i.mail_state = 'waiting' and i.accepted_at is null and i.revoked_at is null
        and i.mail_due_at < before and i.expires_at > now()
        and not exists (select from public.workspaces w
            where w.id = i.workspace_id and w.purge_at is not null)
    order by i.mail_due_at limit most
$$;

ALTER FUNCTION app.resolve_due_invitations(before timestamp with time zone, most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_due_mailboxes(most integer) RETURNS TABLE(workspace_id uuid, mailbox_id uuid, address text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER FUNCTION app.resolve_due_mailboxes(most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_due_privacy_requests(most integer) RETURNS TABLE(workspace_id uuid, request_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select r.workspace_id, r.id from public.privacy_requests r
    where r.state in ('waiting', 'running') and r.due_at <= now()
        and not exists (select from public.workspaces w
            where w.id = r.workspace_id and w.purge_at is not null)
    order by r.due_at limit most
$$;

ALTER FUNCTION app.resolve_due_privacy_requests(most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_due_purges(most integer) RETURNS TABLE(workspace_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select w.id from public.workspaces w
    where w.purge_at <= now() and (w.purge_busy_until is null or w.purge_busy_until <= now())
    order by w.purge_at limit most
$$;

ALTER FUNCTION app.resolve_due_purges(most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_every_workspace(person uuid) RETURNS TABLE(workspace_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select m.workspace_id from public.memberships m where m.user_id = person order by 1
$$;

ALTER FUNCTION app.resolve_every_workspace(person uuid) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_expiring_watches(before timestamp with time zone, most integer) RETURNS TABLE(workspace_id uuid, mailbox_id uuid, address text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select m.workspace_id, m.id, m.address from public.mailboxes m
    where m.deleted_at is null and m.state = 'active'
        and (m.watch_expires_at is null or m.watch_expires_at < before)
        and not exists (select from public.workspaces w
            where w.id = m.workspace_id and w.purge_at is not null)
    order by m.watch_expires_at nulls first limit most
$$;

ALTER FUNCTION app.resolve_expiring_watches(before timestamp with time zone, most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_mailbox(wanted text) RETURNS TABLE(workspace_id uuid, mailbox_id uuid, address text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select m.workspace_id, m.id, m.address from public.mailboxes m
    where m.address = wanted and m.deleted_at is null and m.state = 'active'
        and not app.is_closing(m.workspace_id)
$$;

ALTER FUNCTION app.resolve_mailbox(wanted text) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_memberships(person uuid) RETURNS TABLE(workspace_id uuid, role text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select m.workspace_id, m.role from public.memberships m
    where m.user_id = person and m.ended_at is null
        and (m.role = 'owner' or not app.is_closing(m.workspace_id))
    order by m.created_at, m.workspace_id
$$;

ALTER FUNCTION app.resolve_memberships(person uuid) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_old_deliveries(before timestamp with time zone, most integer) RETURNS TABLE(workspace_id uuid, endpoint_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select e.workspace_id, e.id from public.webhook_endpoints e
    where exists (
        select from public.webhook_deliveries d
        where d.workspace_id = e.workspace_id and d.endpoint_id = e.id and d.created_at < before
    )
        and not exists (select from public.workspaces w
            where w.id = e.workspace_id and w.purge_at is not null)
    limit most
$$;

ALTER FUNCTION app.resolve_old_deliveries(before timestamp with time zone, most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_old_exports(before timestamp with time zone, most integer) RETURNS TABLE(workspace_id uuid, request_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select r.workspace_id, r.id from public.privacy_requests r
    where r.export_key is not null and r.finished_at < before
        and not exists (select from public.workspaces w
            where w.id = r.workspace_id and w.purge_at is not null)
    order by r.finished_at limit most
$$;

ALTER FUNCTION app.resolve_old_exports(before timestamp with time zone, most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_old_sessions(before timestamp with time zone, most integer) RETURNS TABLE(workspace_id uuid, session_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select s.workspace_id, s.id from public.sessions s
    where s.expires_at < before order by s.expires_at limit most
$$;

ALTER FUNCTION app.resolve_old_sessions(before timestamp with time zone, most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_quiet_mailboxes(since timestamp with time zone, most integer) RETURNS TABLE(workspace_id uuid, mailbox_id uuid, address text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select m.workspace_id, m.id, m.address from public.mailboxes m
    where m.deleted_at is null and m.state = 'active'
        and (m.synced_at is null or m.synced_at < since or m.synced_at < m.throttled_until)
        and (m.throttled_until is null or m.throttled_until < now())
        and not exists (select from public.workspaces w
            where w.id = m.workspace_id and w.purge_at is not null)
    order by m.synced_at nulls first limit most
$$;

ALTER FUNCTION app.resolve_quiet_mailboxes(since timestamp with time zone, most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_session_workspaces(person uuid) RETURNS TABLE(workspace_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select distinct s.workspace_id from public.sessions s
    where s.user_id = person and s.revoked_at is null and s.expires_at > now()
    order by 1
$$;

ALTER FUNCTION app.resolve_session_workspaces(person uuid) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_sso_required(person uuid) RETURNS TABLE(workspace_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select m.workspace_id
    from public.memberships m
    join public.sso_connections c on c.workspace_id = m.workspace_id
    where m.user_id = person and m.ended_at is null and m.role <> 'owner'
        and c.required and c.enabled
$$;

ALTER FUNCTION app.resolve_sso_required(person uuid) OWNER TO crm_resolver;

CREATE FUNCTION app.retire_events(before timestamp with time zone) RETURNS integer
    LANGUAGE sql
    SET search_path TO 'pg_catalog'
    AS $$
    with last as (
        select workspace_id, max(position) as position from public.event_log
        where id < app.uuid7_floor(before) group by workspace_id
    ), moved as (
        update public.feed f set kept_from = last.position + 1 from last
        where f.workspace_id = last.workspace_id and f.kept_from <= last.position
        returning 1
    )
    select count(*)::int from moved
$$;

ALTER FUNCTION app.retire_events(before timestamp with time zone) OWNER TO crm_owner;

CREATE FUNCTION app.roll_partitions(ahead integer DEFAULT 3) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER FUNCTION app.roll_partitions(ahead integer) OWNER TO crm_owner;

CREATE FUNCTION app.take_attempt(wanted bytea, every interval, at_once integer) RETURNS double precision
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
declare
    moment timestamptz;
    used timestamptz;
begin
    insert into public.throttles as t (key, used_until) values (wanted, clock_timestamp())
    on conflict (key) do update set used_until = greatest(t.used_until, clock_timestamp())
    returning t.used_until into used;
    moment := clock_timestamp();
    if used > moment + every * (at_once - 1) then
        return extract(epoch from used - moment - every * (at_once - 1));
    end if;
    update public.throttles t set used_until = used + every where t.key = wanted;
    return 0;
end $$;

ALTER FUNCTION app.take_attempt(wanted bytea, every interval, at_once integer) OWNER TO crm_owner;

CREATE FUNCTION app.teammates() RETURNS uuid[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
    select array_agg(distinct mate.user_id)
    from public.team_members mine
    join public.team_members mate
        on mate.workspace_id = mine.workspace_id and mate.team_id = mine.team_id
    where mine.workspace_id = nullif(current_setting('app.workspace_id', true), '')::uuid
        and mine.user_id = nullif(current_setting('app.user_id', true), '')::uuid
$$;

ALTER FUNCTION app.teammates() OWNER TO crm_owner;

CREATE FUNCTION app.uuid7() RETURNS uuid
    LANGUAGE sql
    SET search_path TO 'pg_catalog'
    AS $$
    select encode(
        substring(int8send(floor(us / 1000)::bigint) from 3)
            || substring(int4send((28672 + (us % 1000) * 4096 / 1000)::int) from 3)
            || substring(uuid_send(gen_random_uuid()) from 9),
        'hex')::uuid
    from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint as us) as now
$$;

ALTER FUNCTION app.uuid7() OWNER TO crm_owner;

CREATE FUNCTION app.uuid7_floor(at timestamp with time zone) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog'
    AS $$
    select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;

ALTER FUNCTION app.uuid7_floor(at timestamp with time zone) OWNER TO crm_owner;

CREATE TABLE app.monthly_tables (
    name text NOT NULL
);

ALTER TABLE app.monthly_tables OWNER TO crm_owner;

CREATE TABLE public.account_erasures (
    user_id uuid NOT NULL,
    email text,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    done_until uuid,
    finished_at timestamp with time zone,
    stage text DEFAULT 'leaving'::text NOT NULL,
    redacted_until uuid,
    failed integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT account_erasures_check CHECK (((email IS NULL) = (finished_at IS NOT NULL))),
    CONSTRAINT account_erasures_email_check CHECK ((length(email) <= 320)),
    CONSTRAINT account_erasures_stage_check CHECK ((stage = ANY (ARRAY['leaving'::text, 'redacting'::text])))
);

ALTER TABLE public.account_erasures OWNER TO crm_owner;

CREATE TABLE public.account_mails (
    id uuid NOT NULL,
    purpose text NOT NULL,
    user_id uuid,
    state text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    sent_at timestamp with time zone,
    CONSTRAINT account_mails_check CHECK (((user_id IS NULL) = (state = 'nobody'::text))),
    CONSTRAINT account_mails_check1 CHECK (((sent_at IS NULL) = (state <> 'sent'::text))),
    CONSTRAINT account_mails_purpose_check CHECK ((purpose = ANY (ARRAY['verify_email'::text, 'reset_password'::text, 'password_reset'::text, 'password_changed'::text, 'factor_added'::text, 'factor_removed'::text, 'recovery_codes_made'::text, 'recovery_code_used'::text, 'google_linked'::text]))),
    CONSTRAINT account_mails_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'sent'::text, 'needless'::text, 'failed'::text, 'nobody'::text])))
);

ALTER TABLE public.account_mails OWNER TO crm_owner;

CREATE TABLE public.api_keys (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    hash bytea NOT NULL,
    grants text[] NOT NULL,
    rate_limit_per_s integer,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    last_used_from text,
    revoked_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT api_keys_grants_check CHECK ((cardinality(grants) > 0)),
    CONSTRAINT api_keys_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT api_keys_last_used_from_check CHECK ((length(last_used_from) <= 45)),
    CONSTRAINT api_keys_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT api_keys_rate_limit_per_s_check CHECK (((rate_limit_per_s >= 1) AND (rate_limit_per_s <= 1000)))
);

ALTER TABLE ONLY public.api_keys FORCE ROW LEVEL SECURITY;

ALTER TABLE public.api_keys OWNER TO crm_owner;

CREATE TABLE public.audit_log (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    object_type text NOT NULL,
    object_id uuid NOT NULL,
    before jsonb,
    after jsonb,
    source_ip text,
    user_agent text,
    request_id text,
    "position" bigint
)
PARTITION BY RANGE (id);

ALTER TABLE ONLY public.audit_log FORCE ROW LEVEL SECURITY;

ALTER TABLE public.audit_log OWNER TO crm_owner;

CREATE TABLE public.automation_runs (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    automation_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    status text NOT NULL,
    reason text,
    actions jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT automation_runs_event_type_check CHECK ((length(event_type) <= 100)),
    CONSTRAINT automation_runs_reason_check CHECK ((length(reason) <= 100)),
    CONSTRAINT automation_runs_status_check CHECK ((status = ANY (ARRAY['done'::text, 'failed'::text, 'skipped'::text])))
);

ALTER TABLE ONLY public.automation_runs FORCE ROW LEVEL SECURITY;

ALTER TABLE public.automation_runs OWNER TO crm_owner;

CREATE TABLE public.automations (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    enabled boolean NOT NULL,
    event_type text NOT NULL,
    conditions jsonb NOT NULL,
    actions jsonb NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    user_id uuid NOT NULL,
    CONSTRAINT automations_event_type_check CHECK ((length(event_type) <= 100)),
    CONSTRAINT automations_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

ALTER TABLE ONLY public.automations FORCE ROW LEVEL SECURITY;

ALTER TABLE public.automations OWNER TO crm_owner;

CREATE TABLE public.challenges (
    hash bytea NOT NULL,
    user_id uuid NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT challenges_hash_check CHECK ((length(hash) = 32))
);

ALTER TABLE public.challenges OWNER TO crm_owner;

CREATE TABLE public.contacts (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    email text,
    phone text,
    company text,
    job_title text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    owner_id uuid,
    CONSTRAINT contacts_company_check CHECK ((length(company) <= 200)),
    CONSTRAINT contacts_email_check CHECK (((email = lower(email)) AND (length(email) <= 320))),
    CONSTRAINT contacts_job_title_check CHECK ((length(job_title) <= 200)),
    CONSTRAINT contacts_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT contacts_phone_check CHECK ((length(phone) <= 40))
);

ALTER TABLE ONLY public.contacts FORCE ROW LEVEL SECURITY;

ALTER TABLE public.contacts OWNER TO crm_owner;

CREATE TABLE public.deprecated_uses (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    route text NOT NULL,
    actor text NOT NULL,
    day date NOT NULL,
    sunset date NOT NULL,
    uses bigint DEFAULT 1 NOT NULL,
    first_at timestamp with time zone DEFAULT now() NOT NULL,
    last_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT deprecated_uses_actor_check CHECK ((length(actor) <= 100)),
    CONSTRAINT deprecated_uses_route_check CHECK ((length(route) <= 200))
);

ALTER TABLE ONLY public.deprecated_uses FORCE ROW LEVEL SECURITY;

ALTER TABLE public.deprecated_uses OWNER TO crm_owner;

CREATE TABLE public.email_analyses (
    workspace_id uuid NOT NULL,
    email_id uuid NOT NULL,
    mailbox_id uuid NOT NULL,
    sentiment text NOT NULL,
    sentiment_score double precision NOT NULL,
    intent text NOT NULL,
    reply_needed boolean NOT NULL,
    reply_quote text,
    provider text NOT NULL,
    model text NOT NULL,
    duration_ms double precision NOT NULL,
    cost_micros bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT email_analyses_sentiment_check CHECK ((sentiment = ANY (ARRAY['positive'::text, 'neutral'::text, 'negative'::text]))),
    CONSTRAINT email_analyses_sentiment_score_check CHECK (((sentiment_score >= ('-1'::integer)::double precision) AND (sentiment_score <= (1)::double precision)))
)
PARTITION BY RANGE (email_id);

ALTER TABLE ONLY public.email_analyses FORCE ROW LEVEL SECURITY;

ALTER TABLE public.email_analyses OWNER TO crm_owner;

CREATE TABLE public.email_bodies (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    mailbox_id uuid NOT NULL,
    text text NOT NULL,
    html text,
    reply text NOT NULL,
    signature text NOT NULL
)
PARTITION BY RANGE (id);

ALTER TABLE ONLY public.email_bodies FORCE ROW LEVEL SECURITY;

ALTER TABLE public.email_bodies OWNER TO crm_owner;

CREATE TABLE public.email_entities (
    workspace_id uuid NOT NULL,
    email_id uuid NOT NULL,
    place smallint NOT NULL,
    mailbox_id uuid NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    quote text NOT NULL,
    source text NOT NULL,
    start_at integer NOT NULL,
    end_at integer NOT NULL,
    confidence double precision NOT NULL,
    CONSTRAINT email_entities_confidence_check CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision))),
    CONSTRAINT email_entities_kind_check CHECK ((kind = ANY (ARRAY['person'::text, 'company'::text, 'phone'::text, 'email'::text, 'job_title'::text])))
)
PARTITION BY RANGE (email_id);

ALTER TABLE ONLY public.email_entities FORCE ROW LEVEL SECURITY;

ALTER TABLE public.email_entities OWNER TO crm_owner;

CREATE TABLE public.email_participants (
    workspace_id uuid NOT NULL,
    email_id uuid NOT NULL,
    place smallint NOT NULL,
    role text NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    CONSTRAINT email_participants_role_check CHECK ((role = ANY (ARRAY['from'::text, 'reply_to'::text, 'to'::text, 'cc'::text, 'bcc'::text])))
)
PARTITION BY RANGE (email_id);

ALTER TABLE ONLY public.email_participants FORCE ROW LEVEL SECURITY;

ALTER TABLE public.email_participants OWNER TO crm_owner;

CREATE TABLE public.email_subjects (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    mailbox_id uuid NOT NULL,
    subject text NOT NULL,
    snippet text NOT NULL
)
PARTITION BY RANGE (id);

ALTER TABLE ONLY public.email_subjects FORCE ROW LEVEL SECURITY;

ALTER TABLE public.email_subjects OWNER TO crm_owner;

CREATE TABLE public.emails (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    mailbox_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    provider_id text NOT NULL,
    message_id text,
    direction text NOT NULL,
    kind text NOT NULL,
    sender_name text,
    sender_email text,
    sent_at timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    labels text[] NOT NULL,
    attachments jsonb NOT NULL,
    defects text[] NOT NULL,
    size bigint NOT NULL,
    raw_key text,
    backfill boolean NOT NULL,
    gone_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT emails_direction_check CHECK ((direction = ANY (ARRAY['inbound'::text, 'outbound'::text]))),
    CONSTRAINT emails_kind_check CHECK ((kind = ANY (ARRAY['human'::text, 'list'::text, 'auto_reply'::text, 'auto_generated'::text, 'bounce'::text, 'calendar'::text])))
)
PARTITION BY RANGE (id);

ALTER TABLE ONLY public.emails FORCE ROW LEVEL SECURITY;

ALTER TABLE public.emails OWNER TO crm_owner;

CREATE TABLE public.event_log (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    "position" bigint NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL
)
PARTITION BY RANGE (id);

ALTER TABLE ONLY public.event_log FORCE ROW LEVEL SECURITY;

ALTER TABLE public.event_log OWNER TO crm_owner;

CREATE TABLE public.external_identities (
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT external_identities_issuer_check CHECK ((length(issuer) <= 2048)),
    CONSTRAINT external_identities_subject_check CHECK (((length(subject) >= 1) AND (length(subject) <= 255)))
);

ALTER TABLE public.external_identities OWNER TO crm_owner;

CREATE TABLE public.external_sign_ins (
    state_hash bytea NOT NULL,
    binding_hash bytea NOT NULL,
    provider text NOT NULL,
    issuer text NOT NULL,
    client_id text NOT NULL,
    nonce text NOT NULL,
    verifier text NOT NULL,
    wanted uuid,
    workspace_name text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT external_sign_ins_binding_hash_check CHECK ((length(binding_hash) = 32)),
    CONSTRAINT external_sign_ins_check CHECK (((provider <> 'sso'::text) OR (wanted IS NOT NULL))),
    CONSTRAINT external_sign_ins_client_id_check CHECK ((length(client_id) <= 500)),
    CONSTRAINT external_sign_ins_issuer_check CHECK ((length(issuer) <= 2048)),
    CONSTRAINT external_sign_ins_provider_check CHECK ((provider = ANY (ARRAY['google'::text, 'sso'::text]))),
    CONSTRAINT external_sign_ins_state_hash_check CHECK ((length(state_hash) = 32)),
    CONSTRAINT external_sign_ins_workspace_name_check CHECK (((length(workspace_name) >= 1) AND (length(workspace_name) <= 200)))
);

ALTER TABLE public.external_sign_ins OWNER TO crm_owner;

CREATE TABLE public.failed_sign_ins (
    id uuid NOT NULL,
    user_id uuid,
    step text NOT NULL,
    tried_at timestamp with time zone DEFAULT now() NOT NULL,
    source_ip text,
    user_agent text,
    request_id text,
    CONSTRAINT failed_sign_ins_request_id_check CHECK ((length(request_id) <= 100)),
    CONSTRAINT failed_sign_ins_source_ip_check CHECK ((length(source_ip) <= 45)),
    CONSTRAINT failed_sign_ins_step_check CHECK ((step = ANY (ARRAY['password'::text, 'second_factor'::text]))),
    CONSTRAINT failed_sign_ins_user_agent_check CHECK ((length(user_agent) <= 300))
);

ALTER TABLE public.failed_sign_ins OWNER TO crm_owner;

CREATE TABLE public.feed (
    workspace_id uuid NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    kept_from bigint DEFAULT 1 NOT NULL,
    CONSTRAINT feed_kept_from_check CHECK ((kept_from >= 1))
);

ALTER TABLE ONLY public.feed FORCE ROW LEVEL SECURITY;

ALTER TABLE public.feed OWNER TO crm_owner;

CREATE TABLE public.idempotency_keys (
    workspace_id uuid NOT NULL,
    request bytea NOT NULL,
    response bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT idempotency_keys_request_check CHECK ((length(request) = 32))
);

ALTER TABLE ONLY public.idempotency_keys FORCE ROW LEVEL SECURITY;

ALTER TABLE public.idempotency_keys OWNER TO crm_owner;

CREATE TABLE public.inbox (
    workspace_id uuid NOT NULL,
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.inbox FORCE ROW LEVEL SECURITY;

ALTER TABLE public.inbox OWNER TO crm_owner;

CREATE TABLE public.invitations (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    role_id uuid,
    invited_by uuid NOT NULL,
    inviter text NOT NULL,
    token_hashes bytea[] DEFAULT '{}'::bytea[] NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    accepted_at timestamp with time zone,
    accepted_by uuid,
    revoked_at timestamp with time zone,
    mail_state text DEFAULT 'waiting'::text NOT NULL,
    mail_attempts integer DEFAULT 0 NOT NULL,
    mail_due_at timestamp with time zone DEFAULT now() NOT NULL,
    mail_asked_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT invitations_check CHECK (((role = 'custom'::text) = (role_id IS NOT NULL))),
    CONSTRAINT invitations_check1 CHECK (((accepted_at IS NULL) OR (accepted_by IS NOT NULL))),
    CONSTRAINT invitations_check2 CHECK (((accepted_at IS NULL) OR (revoked_at IS NULL))),
    CONSTRAINT invitations_email_check CHECK (((email = lower(email)) AND (length(email) <= 320))),
    CONSTRAINT invitations_inviter_check CHECK ((length(inviter) <= 320)),
    CONSTRAINT invitations_mail_state_check CHECK ((mail_state = ANY (ARRAY['waiting'::text, 'sent'::text, 'failed'::text]))),
    CONSTRAINT invitations_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text, 'viewer'::text, 'custom'::text])))
);

ALTER TABLE ONLY public.invitations FORCE ROW LEVEL SECURITY;

ALTER TABLE public.invitations OWNER TO crm_owner;

CREATE TABLE public.mail_ledger (
    workspace_id uuid NOT NULL,
    mailbox_id uuid NOT NULL,
    provider_id text NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    reason text,
    listed boolean NOT NULL,
    generation integer DEFAULT 0 NOT NULL,
    releases integer DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    email_id uuid,
    raw_key text,
    raw_size bigint,
    received_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT mail_ledger_provider_id_check CHECK (((length(provider_id) >= 1) AND (length(provider_id) <= 200))),
    CONSTRAINT mail_ledger_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'queued'::text, 'retrying'::text, 'stored'::text, 'skipped'::text, 'gone'::text, 'failed'::text])))
);

ALTER TABLE ONLY public.mail_ledger FORCE ROW LEVEL SECURITY;

ALTER TABLE public.mail_ledger OWNER TO crm_owner;

CREATE TABLE public.mailboxes (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    provider text NOT NULL,
    address text NOT NULL,
    sharing text DEFAULT 'metadata'::text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    state_reason text,
    credentials bytea NOT NULL,
    history_cursor numeric,
    synced_at timestamp with time zone,
    watch_expires_at timestamp with time zone,
    throttled_until timestamp with time zone,
    units_per_minute integer DEFAULT 6000 NOT NULL,
    units double precision DEFAULT 0 NOT NULL,
    backfill_units double precision DEFAULT 0 NOT NULL,
    units_at timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT mailboxes_address_check CHECK (((address = lower(address)) AND (length(address) <= 320))),
    CONSTRAINT mailboxes_provider_check CHECK ((provider = 'gmail'::text)),
    CONSTRAINT mailboxes_sharing_check CHECK ((sharing = ANY (ARRAY['metadata'::text, 'subject'::text, 'everything'::text]))),
    CONSTRAINT mailboxes_state_check CHECK ((state = ANY (ARRAY['active'::text, 'disconnected'::text]))),
    CONSTRAINT mailboxes_units_per_minute_check CHECK (((units_per_minute >= 60) AND (units_per_minute <= 1000000)))
);

ALTER TABLE ONLY public.mailboxes FORCE ROW LEVEL SECURITY;

ALTER TABLE public.mailboxes OWNER TO crm_owner;

CREATE TABLE public.mailed_links (
    hash bytea NOT NULL,
    purpose text NOT NULL,
    user_id uuid NOT NULL,
    email text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT mailed_links_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT mailed_links_purpose_check CHECK ((purpose = ANY (ARRAY['verify_email'::text, 'reset_password'::text])))
);

ALTER TABLE public.mailed_links OWNER TO crm_owner;

CREATE TABLE public.memberships (
    workspace_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    role_id uuid,
    version bigint DEFAULT 1 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    rejoined_at timestamp with time zone,
    CONSTRAINT memberships_custom CHECK (((role = 'custom'::text) = (role_id IS NOT NULL))),
    CONSTRAINT memberships_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text, 'viewer'::text, 'custom'::text])))
);

ALTER TABLE ONLY public.memberships FORCE ROW LEVEL SECURITY;

ALTER TABLE public.memberships OWNER TO crm_owner;

CREATE TABLE public.operation_changes (
    workspace_id uuid NOT NULL,
    operation_id uuid NOT NULL,
    object text NOT NULL,
    record_id uuid NOT NULL,
    before jsonb,
    version bigint NOT NULL,
    CONSTRAINT operation_changes_object_check CHECK ((length(object) <= 100))
);

ALTER TABLE ONLY public.operation_changes FORCE ROW LEVEL SECURITY;

ALTER TABLE public.operation_changes OWNER TO crm_owner;

CREATE TABLE public.operations (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    undone_by uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT operations_actor_check CHECK ((length(actor) <= 100)),
    CONSTRAINT operations_kind_check CHECK ((kind = ANY (ARRAY['batch'::text, 'bulk_edit'::text, 'undo'::text])))
);

ALTER TABLE ONLY public.operations FORCE ROW LEVEL SECURITY;

ALTER TABLE public.operations OWNER TO crm_owner;

CREATE TABLE public.outbox (
    workspace_id uuid NOT NULL,
    event_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE ONLY public.outbox FORCE ROW LEVEL SECURITY;

ALTER TABLE public.outbox OWNER TO crm_owner;

CREATE TABLE public.privacy_erased (
    workspace_id uuid NOT NULL,
    record_id uuid NOT NULL,
    request_id uuid NOT NULL,
    object text NOT NULL,
    CONSTRAINT privacy_erased_object_check CHECK ((length(object) <= 100))
);

ALTER TABLE ONLY public.privacy_erased FORCE ROW LEVEL SECURITY;

ALTER TABLE public.privacy_erased OWNER TO crm_owner;

CREATE TABLE public.privacy_requests (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    contact_id uuid,
    address text,
    fingerprint bytea,
    contact_ids uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    names text[] DEFAULT '{}'::text[] NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    reason text,
    round smallint DEFAULT 1 NOT NULL,
    steps jsonb DEFAULT '{}'::jsonb NOT NULL,
    objects jsonb DEFAULT '[]'::jsonb NOT NULL,
    export_key text,
    export_size bigint,
    requested_by text NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    claim uuid,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT privacy_requests_address_check CHECK (((address = lower(address)) AND (length(address) <= 320))),
    CONSTRAINT privacy_requests_check CHECK (((finished_at IS NULL) = (state = ANY (ARRAY['waiting'::text, 'running'::text])))),
    CONSTRAINT privacy_requests_fingerprint_check CHECK ((length(fingerprint) = 32)),
    CONSTRAINT privacy_requests_kind_check CHECK ((kind = ANY (ARRAY['export'::text, 'erasure'::text]))),
    CONSTRAINT privacy_requests_reason_check CHECK ((length(reason) <= 500)),
    CONSTRAINT privacy_requests_requested_by_check CHECK ((length(requested_by) <= 100)),
    CONSTRAINT privacy_requests_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'running'::text, 'done'::text, 'failed'::text])))
);

ALTER TABLE ONLY public.privacy_requests FORCE ROW LEVEL SECURITY;

ALTER TABLE public.privacy_requests OWNER TO crm_owner;

CREATE TABLE public.purged_workspaces (
    id uuid NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    purged_at timestamp with time zone DEFAULT now() NOT NULL,
    counts jsonb NOT NULL
);

ALTER TABLE public.purged_workspaces OWNER TO crm_owner;

CREATE TABLE public.recovery_codes (
    user_id uuid NOT NULL,
    hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT recovery_codes_hash_check CHECK ((length(hash) = 32))
);

ALTER TABLE public.recovery_codes OWNER TO crm_owner;

CREATE TABLE public.refresh_tokens (
    workspace_id uuid NOT NULL,
    hash bytea NOT NULL,
    session_id uuid NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT refresh_tokens_hash_check CHECK ((length(hash) = 32))
);

ALTER TABLE ONLY public.refresh_tokens FORCE ROW LEVEL SECURITY;

ALTER TABLE public.refresh_tokens OWNER TO crm_owner;

CREATE TABLE public.roles (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    folded_name text GENERATED ALWAYS AS (lower(name)) STORED NOT NULL,
    grants text[] NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT roles_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

ALTER TABLE ONLY public.roles FORCE ROW LEVEL SECURITY;

ALTER TABLE public.roles OWNER TO crm_owner;

CREATE TABLE public.sessions (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    method text DEFAULT 'password'::text NOT NULL,
    signed_in_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone DEFAULT now() NOT NULL,
    address text,
    user_agent text,
    version bigint DEFAULT 1 NOT NULL,
    revoked_reason text,
    CONSTRAINT sessions_address_check CHECK ((length(address) <= 45)),
    CONSTRAINT sessions_method_check CHECK ((method = ANY (ARRAY['password'::text, 'totp'::text, 'recovery_code'::text, 'google'::text, 'oidc'::text]))),
    CONSTRAINT sessions_revoked_reason_check CHECK ((revoked_reason = ANY (ARRAY['signed_out'::text, 'ended'::text, 'reused'::text, 'switched'::text, 'password_changed'::text, 'password_reset'::text, 'factor_changed'::text, 'membership_ended'::text]))),
    CONSTRAINT sessions_user_agent_check CHECK ((length(user_agent) <= 300))
);

ALTER TABLE ONLY public.sessions FORCE ROW LEVEL SECURITY;

ALTER TABLE public.sessions OWNER TO crm_owner;

CREATE TABLE public.socket_tickets (
    workspace_id uuid NOT NULL,
    digest bytea NOT NULL,
    user_id uuid NOT NULL,
    session_id uuid NOT NULL,
    access text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT socket_tickets_digest_check CHECK ((length(digest) = 32))
);

ALTER TABLE ONLY public.socket_tickets FORCE ROW LEVEL SECURITY;

ALTER TABLE public.socket_tickets OWNER TO crm_owner;

CREATE TABLE public.sso_connections (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    issuer text NOT NULL,
    client_id text NOT NULL,
    client_secret bytea NOT NULL,
    domains text[] NOT NULL,
    default_role text,
    required boolean DEFAULT false NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    sessions_from timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT sso_connections_client_id_check CHECK (((length(client_id) >= 1) AND (length(client_id) <= 500))),
    CONSTRAINT sso_connections_default_role_check CHECK ((default_role = ANY (ARRAY['admin'::text, 'member'::text, 'viewer'::text]))),
    CONSTRAINT sso_connections_domains_check CHECK (((cardinality(domains) >= 1) AND (cardinality(domains) <= 50))),
    CONSTRAINT sso_connections_issuer_check CHECK ((length(issuer) <= 2048))
);

ALTER TABLE ONLY public.sso_connections FORCE ROW LEVEL SECURITY;

ALTER TABLE public.sso_connections OWNER TO crm_owner;

CREATE TABLE public.sso_identities (
    workspace_id uuid NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT sso_identities_issuer_check CHECK ((length(issuer) <= 2048)),
    CONSTRAINT sso_identities_subject_check CHECK (((length(subject) >= 1) AND (length(subject) <= 255)))
);

ALTER TABLE ONLY public.sso_identities FORCE ROW LEVEL SECURITY;

ALTER TABLE public.sso_identities OWNER TO crm_owner;

CREATE TABLE public.tasks (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    title text NOT NULL,
    notes text,
    status text DEFAULT 'open'::text NOT NULL,
    due_at timestamp with time zone,
    contact_id uuid,
    email_id uuid,
    source text,
    created_by text NOT NULL,
    automation_run_id uuid,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    owner_id uuid,
    CONSTRAINT tasks_created_by_check CHECK ((length(created_by) <= 100)),
    CONSTRAINT tasks_notes_check CHECK ((length(notes) <= 10000)),
    CONSTRAINT tasks_source_check CHECK ((length(source) <= 500)),
    CONSTRAINT tasks_status_check CHECK ((status = ANY (ARRAY['open'::text, 'done'::text]))),
    CONSTRAINT tasks_title_check CHECK (((length(title) >= 1) AND (length(title) <= 200)))
);

ALTER TABLE ONLY public.tasks FORCE ROW LEVEL SECURITY;

ALTER TABLE public.tasks OWNER TO crm_owner;

CREATE TABLE public.team_members (
    workspace_id uuid NOT NULL,
    team_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.team_members FORCE ROW LEVEL SECURITY;

ALTER TABLE public.team_members OWNER TO crm_owner;

CREATE TABLE public.teams (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    folded_name text GENERATED ALWAYS AS (lower(name)) STORED NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT teams_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

ALTER TABLE ONLY public.teams FORCE ROW LEVEL SECURITY;

ALTER TABLE public.teams OWNER TO crm_owner;

CREATE TABLE public.threads (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    mailbox_id uuid NOT NULL,
    provider_id text NOT NULL,
    emails integer DEFAULT 1 NOT NULL,
    last_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.threads FORCE ROW LEVEL SECURITY;

ALTER TABLE public.threads OWNER TO crm_owner;

CREATE TABLE public.throttles (
    key bytea NOT NULL,
    used_until timestamp with time zone NOT NULL,
    CONSTRAINT throttles_key_check CHECK ((length(key) = 32))
);

ALTER TABLE public.throttles OWNER TO crm_owner;

CREATE TABLE public.totp_factors (
    user_id uuid NOT NULL,
    sealed bytea NOT NULL,
    confirmed_at timestamp with time zone,
    last_step bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.totp_factors OWNER TO crm_owner;

CREATE TABLE public.users (
    id uuid NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    email_verified_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    erased_at timestamp with time zone,
    CONSTRAINT users_email_check CHECK (((email = lower(email)) AND (length(email) <= 320))),
    CONSTRAINT users_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

ALTER TABLE public.users OWNER TO crm_owner;

CREATE TABLE public.webhook_deliveries (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    "position" bigint,
    mailbox_id uuid,
    body text NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    reason text,
    attempts integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    sending boolean DEFAULT false NOT NULL,
    claim bigint DEFAULT 0 NOT NULL,
    log jsonb DEFAULT '[]'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT webhook_deliveries_event_type_check CHECK ((length(event_type) <= 100)),
    CONSTRAINT webhook_deliveries_reason_check CHECK ((length(reason) <= 100)),
    CONSTRAINT webhook_deliveries_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text])))
);

ALTER TABLE ONLY public.webhook_deliveries FORCE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_deliveries OWNER TO crm_owner;

CREATE TABLE public.webhook_endpoints (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    url text NOT NULL,
    description text NOT NULL,
    event_types text[],
    enabled boolean NOT NULL,
    disabled_reason text,
    secret bytea NOT NULL,
    previous_secret bytea,
    previous_secret_until timestamp with time zone,
    failing_since timestamp with time zone,
    resting_until timestamp with time zone,
    busy_by uuid,
    busy_until timestamp with time zone,
    wake_at timestamp with time zone,
    tokens double precision DEFAULT 0 NOT NULL,
    tokens_at timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT webhook_endpoints_description_check CHECK ((length(description) <= 500)),
    CONSTRAINT webhook_endpoints_disabled_reason_check CHECK ((disabled_reason = ANY (ARRAY['gone'::text, 'failing'::text, 'unconfirmed'::text]))),
    CONSTRAINT webhook_endpoints_url_check CHECK ((length(url) <= 2048))
);

ALTER TABLE ONLY public.webhook_endpoints FORCE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_endpoints OWNER TO crm_owner;

CREATE TABLE public.workspace_keys (
    workspace_id uuid NOT NULL,
    wrapped bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.workspace_keys FORCE ROW LEVEL SECURITY;

ALTER TABLE public.workspace_keys OWNER TO crm_owner;

CREATE TABLE public.workspaces (
    id uuid NOT NULL,
    name text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deletion_asked_by uuid,
    deletion_asked_at timestamp with time zone,
    purge_at timestamp with time zone,
    purge_stage text,
    purge_counts jsonb DEFAULT '{}'::jsonb NOT NULL,
    purge_busy_until timestamp with time zone,
    CONSTRAINT workspaces_closing CHECK ((((deletion_asked_by IS NULL) = (purge_at IS NULL)) AND ((deletion_asked_at IS NULL) = (purge_at IS NULL)) AND ((purge_stage IS NULL) OR (purge_at IS NOT NULL)))),
    CONSTRAINT workspaces_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT workspaces_purge_stage_check CHECK ((purge_stage = ANY (ARRAY['objects'::text, 'rows'::text])))
);

ALTER TABLE ONLY public.workspaces FORCE ROW LEVEL SECURITY;

ALTER TABLE public.workspaces OWNER TO crm_owner;

ALTER TABLE ONLY app.monthly_tables
    ADD CONSTRAINT monthly_tables_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.account_erasures
    ADD CONSTRAINT account_erasures_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.account_mails
    ADD CONSTRAINT account_mails_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.automation_runs
    ADD CONSTRAINT automation_runs_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.automation_runs
    ADD CONSTRAINT automation_runs_workspace_id_automation_id_event_id_key UNIQUE (workspace_id, automation_id, event_id);

ALTER TABLE ONLY public.automations
    ADD CONSTRAINT automations_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.challenges
    ADD CONSTRAINT challenges_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.deprecated_uses
    ADD CONSTRAINT deprecated_uses_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.deprecated_uses
    ADD CONSTRAINT deprecated_uses_workspace_id_day_route_actor_key UNIQUE (workspace_id, day, route, actor);

ALTER TABLE ONLY public.email_analyses
    ADD CONSTRAINT email_analyses_pkey PRIMARY KEY (workspace_id, email_id);

ALTER TABLE ONLY public.email_bodies
    ADD CONSTRAINT email_bodies_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.email_entities
    ADD CONSTRAINT email_entities_pkey PRIMARY KEY (workspace_id, email_id, place);

ALTER TABLE ONLY public.email_participants
    ADD CONSTRAINT email_participants_pkey PRIMARY KEY (workspace_id, email_id, place);

ALTER TABLE ONLY public.email_subjects
    ADD CONSTRAINT email_subjects_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.emails
    ADD CONSTRAINT emails_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.event_log
    ADD CONSTRAINT event_log_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.external_identities
    ADD CONSTRAINT external_identities_pkey PRIMARY KEY (issuer, subject);

ALTER TABLE ONLY public.external_sign_ins
    ADD CONSTRAINT external_sign_ins_pkey PRIMARY KEY (state_hash);

ALTER TABLE ONLY public.failed_sign_ins
    ADD CONSTRAINT failed_sign_ins_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.feed
    ADD CONSTRAINT feed_pkey PRIMARY KEY (workspace_id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (workspace_id, request);

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (workspace_id, consumer, event_id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.mail_ledger
    ADD CONSTRAINT mail_ledger_pkey PRIMARY KEY (workspace_id, mailbox_id, provider_id);

ALTER TABLE ONLY public.mailboxes
    ADD CONSTRAINT mailboxes_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.mailed_links
    ADD CONSTRAINT mailed_links_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (workspace_id, user_id);

ALTER TABLE ONLY public.operation_changes
    ADD CONSTRAINT operation_changes_pkey PRIMARY KEY (workspace_id, operation_id, object, record_id);

ALTER TABLE ONLY public.operations
    ADD CONSTRAINT operations_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (workspace_id, event_id);

ALTER TABLE ONLY public.privacy_erased
    ADD CONSTRAINT privacy_erased_pkey PRIMARY KEY (workspace_id, record_id, request_id);

ALTER TABLE ONLY public.privacy_requests
    ADD CONSTRAINT privacy_requests_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.purged_workspaces
    ADD CONSTRAINT purged_workspaces_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, hash);

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_pkey PRIMARY KEY (workspace_id, hash);

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT roles_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.socket_tickets
    ADD CONSTRAINT socket_tickets_pkey PRIMARY KEY (workspace_id, digest);

ALTER TABLE ONLY public.sso_connections
    ADD CONSTRAINT sso_connections_pkey PRIMARY KEY (workspace_id);

ALTER TABLE ONLY public.sso_identities
    ADD CONSTRAINT sso_identities_pkey PRIMARY KEY (workspace_id, issuer, subject);

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_pkey PRIMARY KEY (workspace_id, team_id, user_id);

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.threads
    ADD CONSTRAINT threads_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.threads
    ADD CONSTRAINT threads_workspace_id_mailbox_id_provider_id_key UNIQUE (workspace_id, mailbox_id, provider_id);

ALTER TABLE ONLY public.throttles
    ADD CONSTRAINT throttles_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.totp_factors
    ADD CONSTRAINT totp_factors_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_workspace_id_endpoint_id_event_id_key UNIQUE (workspace_id, endpoint_id, event_id);

ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.workspace_keys
    ADD CONSTRAINT workspace_keys_pkey PRIMARY KEY (workspace_id);

ALTER TABLE ONLY public.workspaces
    ADD CONSTRAINT workspaces_pkey PRIMARY KEY (id);

CREATE INDEX account_erasures_open ON public.account_erasures USING btree (due_at) WHERE (finished_at IS NULL);

CREATE INDEX account_mails_created ON public.account_mails USING btree (created_at);

CREATE INDEX account_mails_due ON public.account_mails USING btree (due_at) WHERE (state = 'waiting'::text);

CREATE INDEX api_keys_newest ON public.api_keys USING btree (workspace_id, created_at DESC, id DESC);

CREATE INDEX api_keys_person ON public.api_keys USING btree (workspace_id, user_id, created_at DESC, id DESC);

CREATE INDEX audit_log_action ON ONLY public.audit_log USING btree (workspace_id, action, id);

CREATE INDEX audit_log_actor ON ONLY public.audit_log USING btree (workspace_id, actor, id);

CREATE INDEX audit_log_object ON ONLY public.audit_log USING btree (workspace_id, object_id, id);

CREATE INDEX audit_log_type ON ONLY public.audit_log USING btree (workspace_id, object_type, id);

CREATE INDEX automation_runs_newest ON public.automation_runs USING btree (workspace_id, automation_id, created_at DESC, id DESC);

CREATE INDEX automations_live ON public.automations USING btree (workspace_id, event_type) WHERE (enabled AND (deleted_at IS NULL));

CREATE INDEX automations_newest ON public.automations USING btree (workspace_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX challenges_expired ON public.challenges USING btree (expires_at);

CREATE INDEX challenges_person ON public.challenges USING btree (user_id);

CREATE INDEX contacts_deleted_email ON public.contacts USING btree (workspace_id, email) WHERE (deleted_at IS NOT NULL);

CREATE UNIQUE INDEX contacts_email ON public.contacts USING btree (workspace_id, email) WHERE (deleted_at IS NULL);

CREATE INDEX contacts_name ON public.contacts USING btree (workspace_id, name, id) WHERE (deleted_at IS NULL);

CREATE INDEX contacts_newest ON public.contacts USING btree (workspace_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX contacts_owner ON public.contacts USING btree (workspace_id, owner_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX contacts_updated ON public.contacts USING btree (workspace_id, updated_at, id) WHERE (deleted_at IS NULL);

CREATE INDEX deprecated_uses_newest ON public.deprecated_uses USING btree (workspace_id, first_at DESC, id DESC);

CREATE INDEX email_entities_value ON ONLY public.email_entities USING btree (workspace_id, kind, value);

CREATE INDEX email_participants_email ON ONLY public.email_participants USING btree (workspace_id, email);

CREATE INDEX emails_mailbox ON ONLY public.emails USING btree (workspace_id, mailbox_id, received_at DESC, id DESC);

CREATE INDEX emails_message_id ON ONLY public.emails USING btree (workspace_id, message_id);

CREATE INDEX emails_newest ON ONLY public.emails USING btree (workspace_id, received_at DESC, id DESC);

CREATE INDEX emails_sender ON ONLY public.emails USING btree (workspace_id, sender_email, received_at DESC, id DESC);

CREATE INDEX emails_thread ON ONLY public.emails USING btree (workspace_id, thread_id, received_at DESC, id DESC);

CREATE INDEX event_log_position ON ONLY public.event_log USING btree (workspace_id, "position");

CREATE INDEX external_identities_person ON public.external_identities USING btree (user_id);

CREATE INDEX external_sign_ins_expired ON public.external_sign_ins USING btree (expires_at);

CREATE INDEX idempotency_keys_created ON public.idempotency_keys USING btree (created_at);

CREATE INDEX inbox_seen ON public.inbox USING btree (seen_at);

CREATE INDEX invitations_due ON public.invitations USING btree (mail_due_at) WHERE ((mail_state = 'waiting'::text) AND (accepted_at IS NULL) AND (revoked_at IS NULL));

CREATE INDEX invitations_made ON public.invitations USING btree (workspace_id, created_at);

CREATE INDEX invitations_newest ON public.invitations USING btree (workspace_id, created_at DESC, id DESC) WHERE ((accepted_at IS NULL) AND (revoked_at IS NULL));

CREATE UNIQUE INDEX invitations_open ON public.invitations USING btree (workspace_id, email) WHERE ((accepted_at IS NULL) AND (revoked_at IS NULL));

CREATE INDEX invitations_role ON public.invitations USING btree (workspace_id, role_id) WHERE ((role_id IS NOT NULL) AND (accepted_at IS NULL) AND (revoked_at IS NULL));

CREATE INDEX mail_ledger_email ON public.mail_ledger USING btree (workspace_id, email_id) WHERE (email_id IS NOT NULL);

CREATE INDEX mail_ledger_open ON public.mail_ledger USING btree (workspace_id, mailbox_id, listed, due_at) WHERE (state = ANY (ARRAY['pending'::text, 'queued'::text, 'retrying'::text]));

CREATE UNIQUE INDEX mailboxes_address ON public.mailboxes USING btree (workspace_id, address) WHERE (deleted_at IS NULL);

CREATE INDEX mailboxes_resolve ON public.mailboxes USING btree (address) WHERE (deleted_at IS NULL);

CREATE INDEX mailboxes_synced ON public.mailboxes USING btree (synced_at) WHERE (deleted_at IS NULL);

CREATE INDEX mailed_links_expired ON public.mailed_links USING btree (expires_at);

CREATE INDEX mailed_links_person ON public.mailed_links USING btree (user_id, purpose);

CREATE INDEX memberships_newest ON public.memberships USING btree (workspace_id, created_at DESC, user_id DESC) WHERE (ended_at IS NULL);

CREATE INDEX memberships_role ON public.memberships USING btree (workspace_id, role_id) WHERE ((role_id IS NOT NULL) AND (ended_at IS NULL));

CREATE INDEX memberships_user ON public.memberships USING btree (user_id, workspace_id);

CREATE INDEX operation_changes_record ON public.operation_changes USING btree (workspace_id, record_id);

CREATE INDEX operations_expiry ON public.operations USING btree (created_at);

CREATE INDEX operations_newest ON public.operations USING btree (workspace_id, created_at DESC, id DESC);

CREATE INDEX operations_undone ON public.operations USING btree (workspace_id, undone_by) WHERE (undone_by IS NOT NULL);

CREATE INDEX outbox_due ON public.outbox USING btree (next_attempt_at);

CREATE INDEX privacy_erased_request ON public.privacy_erased USING btree (workspace_id, request_id, object, record_id);

CREATE INDEX privacy_requests_address ON public.privacy_requests USING btree (workspace_id, address) WHERE (address IS NOT NULL);

CREATE INDEX privacy_requests_contact ON public.privacy_requests USING btree (workspace_id, contact_id) WHERE (contact_id IS NOT NULL);

CREATE INDEX privacy_requests_due ON public.privacy_requests USING btree (due_at) WHERE (state = ANY (ARRAY['waiting'::text, 'running'::text]));

CREATE INDEX privacy_requests_exports ON public.privacy_requests USING btree (workspace_id, id) WHERE (export_key IS NOT NULL);

CREATE INDEX privacy_requests_fingerprint ON public.privacy_requests USING btree (workspace_id, fingerprint) WHERE (fingerprint IS NOT NULL);

CREATE INDEX privacy_requests_kept ON public.privacy_requests USING btree (finished_at) WHERE (export_key IS NOT NULL);

CREATE INDEX privacy_requests_newest ON public.privacy_requests USING btree (workspace_id, created_at DESC, id DESC);

CREATE UNIQUE INDEX privacy_requests_open ON public.privacy_requests USING btree (workspace_id, kind, COALESCE(address, (contact_id)::text)) WHERE (state = ANY (ARRAY['waiting'::text, 'running'::text]));

CREATE INDEX refresh_tokens_session ON public.refresh_tokens USING btree (workspace_id, session_id);

CREATE UNIQUE INDEX roles_name ON public.roles USING btree (workspace_id, folded_name) WHERE (deleted_at IS NULL);

CREATE INDEX roles_newest ON public.roles USING btree (workspace_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX sessions_alive ON public.sessions USING btree (user_id) WHERE (revoked_at IS NULL);

CREATE INDEX sessions_of_person ON public.sessions USING btree (workspace_id, user_id, created_at DESC, id DESC);

CREATE INDEX sessions_over ON public.sessions USING btree (expires_at);

CREATE INDEX sessions_person ON public.sessions USING btree (workspace_id, user_id, created_at DESC, id DESC) WHERE (revoked_at IS NULL);

CREATE INDEX socket_tickets_over ON public.socket_tickets USING btree (workspace_id, expires_at);

CREATE INDEX socket_tickets_session ON public.socket_tickets USING btree (workspace_id, session_id);

CREATE INDEX sso_identities_person ON public.sso_identities USING btree (workspace_id, user_id);

CREATE INDEX tasks_contact ON public.tasks USING btree (workspace_id, contact_id, created_at DESC, id DESC) WHERE (contact_id IS NOT NULL);

CREATE INDEX tasks_due ON public.tasks USING btree (workspace_id, COALESCE(due_at, 'infinity'::timestamp with time zone), id) WHERE (deleted_at IS NULL);

CREATE INDEX tasks_email ON public.tasks USING btree (workspace_id, email_id, created_at DESC, id DESC) WHERE (email_id IS NOT NULL);

CREATE INDEX tasks_newest ON public.tasks USING btree (workspace_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX tasks_owner ON public.tasks USING btree (workspace_id, owner_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX tasks_status ON public.tasks USING btree (workspace_id, status, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX team_members_newest ON public.team_members USING btree (workspace_id, team_id, created_at DESC, user_id DESC);

CREATE INDEX team_members_user ON public.team_members USING btree (workspace_id, user_id);

CREATE UNIQUE INDEX teams_name ON public.teams USING btree (workspace_id, folded_name) WHERE (deleted_at IS NULL);

CREATE INDEX teams_newest ON public.teams USING btree (workspace_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX threads_mailbox ON public.threads USING btree (workspace_id, mailbox_id, last_at DESC, id DESC);

CREATE INDEX threads_newest ON public.threads USING btree (workspace_id, last_at DESC, id DESC);

CREATE INDEX throttles_used ON public.throttles USING btree (used_until);

CREATE INDEX webhook_deliveries_due ON public.webhook_deliveries USING btree (workspace_id, endpoint_id, due_at) WHERE (state = 'pending'::text);

CREATE INDEX webhook_deliveries_newest ON public.webhook_deliveries USING btree (workspace_id, endpoint_id, created_at DESC, id DESC);

CREATE INDEX webhook_deliveries_state ON public.webhook_deliveries USING btree (workspace_id, endpoint_id, state, created_at DESC, id DESC);

CREATE INDEX webhook_endpoints_newest ON public.webhook_endpoints USING btree (workspace_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX workspaces_closing ON public.workspaces USING btree (purge_at) WHERE (purge_at IS NOT NULL);

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF user_id, name, grants, rate_limit_per_s, expires_at, revoked_at ON public.api_keys FOR EACH ROW EXECUTE FUNCTION app.audit('id', 'user_id,name,grants,rate_limit_per_s,expires_at,revoked_at', '');

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF user_id, name, enabled, event_type, conditions, actions, deleted_at ON public.automations FOR EACH ROW EXECUTE FUNCTION app.audit('id', 'user_id,name,enabled,event_type,conditions,actions', '');

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF name, email, phone, company, job_title, tags, owner_id, deleted_at ON public.contacts FOR EACH ROW EXECUTE FUNCTION app.audit('id', 'name,email,phone,company,job_title,tags,owner_id', '');

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF email, role, role_id, invited_by, inviter, expires_at, accepted_at, accepted_by, revoked_at ON public.invitations FOR EACH ROW EXECUTE FUNCTION app.audit('id', 'email,role,role_id,invited_by,inviter,expires_at,accepted_at,accepted_by,revoked_at', '');

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF user_id, provider, address, sharing, state, state_reason, units_per_minute, credentials, deleted_at ON public.mailboxes FOR EACH ROW EXECUTE FUNCTION app.audit('id', 'user_id,provider,address,sharing,state,state_reason,units_per_minute', 'credentials');

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF role, role_id, ended_at, rejoined_at ON public.memberships FOR EACH ROW EXECUTE FUNCTION app.audit('user_id', 'role,role_id,ended_at,rejoined_at', '');

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF kind, contact_id, state, requested_by ON public.privacy_requests FOR EACH ROW EXECUTE FUNCTION app.audit('id', 'kind,contact_id,state,requested_by', '');

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF name, grants, deleted_at ON public.roles FOR EACH ROW EXECUTE FUNCTION app.audit('id', 'name,grants', '');

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF issuer, client_id, domains, default_role, required, enabled, client_secret ON public.sso_connections FOR EACH ROW EXECUTE FUNCTION app.audit('id', 'issuer,client_id,domains,default_role,required,enabled', 'client_secret');

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF title, notes, status, due_at, contact_id, email_id, source, created_by, automation_run_id, owner_id, deleted_at ON public.tasks FOR EACH ROW EXECUTE FUNCTION app.audit('id', 'title,notes,status,due_at,contact_id,email_id,source,created_by,automation_run_id,owner_id', '');

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF user_id ON public.team_members FOR EACH ROW EXECUTE FUNCTION app.audit('team_id', 'user_id', '');

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF name, deleted_at ON public.teams FOR EACH ROW EXECUTE FUNCTION app.audit('id', 'name', '');

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF user_id, description, event_types, enabled, disabled_reason, url, secret, deleted_at ON public.webhook_endpoints FOR EACH ROW EXECUTE FUNCTION app.audit('id', 'user_id,description,event_types,enabled,disabled_reason', 'url,secret');

CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE OF name, deletion_asked_by, purge_at ON public.workspaces FOR EACH ROW EXECUTE FUNCTION app.audit('id', 'name,deletion_asked_by,purge_at', '');

CREATE TRIGGER remember_change AFTER INSERT OR UPDATE ON public.contacts FOR EACH ROW WHEN ((NULLIF(current_setting('app.operation'::text, true), ''::text) IS NOT NULL)) EXECUTE FUNCTION app.remember_change('contacts');

CREATE TRIGGER remember_change AFTER INSERT OR UPDATE ON public.tasks FOR EACH ROW WHEN ((NULLIF(current_setting('app.operation'::text, true), ''::text) IS NOT NULL)) EXECUTE FUNCTION app.remember_change('tasks');

ALTER TABLE ONLY public.account_erasures
    ADD CONSTRAINT account_erasures_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.account_mails
    ADD CONSTRAINT account_mails_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_workspace_id_user_id_fkey FOREIGN KEY (workspace_id, user_id) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.automation_runs
    ADD CONSTRAINT automation_runs_workspace_id_automation_id_fkey FOREIGN KEY (workspace_id, automation_id) REFERENCES public.automations(workspace_id, id);

ALTER TABLE ONLY public.automation_runs
    ADD CONSTRAINT automation_runs_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.automations
    ADD CONSTRAINT automations_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.challenges
    ADD CONSTRAINT challenges_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.totp_factors(user_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_workspace_id_owner_id_fkey FOREIGN KEY (workspace_id, owner_id) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.deprecated_uses
    ADD CONSTRAINT deprecated_uses_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE public.email_analyses
    ADD CONSTRAINT email_analyses_workspace_id_email_id_fkey FOREIGN KEY (workspace_id, email_id) REFERENCES public.emails(workspace_id, id) ON DELETE CASCADE;

ALTER TABLE public.email_bodies
    ADD CONSTRAINT email_bodies_workspace_id_id_fkey FOREIGN KEY (workspace_id, id) REFERENCES public.emails(workspace_id, id) ON DELETE CASCADE;

ALTER TABLE public.email_entities
    ADD CONSTRAINT email_entities_workspace_id_email_id_fkey FOREIGN KEY (workspace_id, email_id) REFERENCES public.emails(workspace_id, id) ON DELETE CASCADE;

ALTER TABLE public.email_participants
    ADD CONSTRAINT email_participants_workspace_id_email_id_fkey FOREIGN KEY (workspace_id, email_id) REFERENCES public.emails(workspace_id, id) ON DELETE CASCADE;

ALTER TABLE public.email_subjects
    ADD CONSTRAINT email_subjects_workspace_id_id_fkey FOREIGN KEY (workspace_id, id) REFERENCES public.emails(workspace_id, id) ON DELETE CASCADE;

ALTER TABLE public.emails
    ADD CONSTRAINT emails_workspace_id_mailbox_id_fkey FOREIGN KEY (workspace_id, mailbox_id) REFERENCES public.mailboxes(workspace_id, id);

ALTER TABLE public.emails
    ADD CONSTRAINT emails_workspace_id_thread_id_fkey FOREIGN KEY (workspace_id, thread_id) REFERENCES public.threads(workspace_id, id);

ALTER TABLE ONLY public.external_identities
    ADD CONSTRAINT external_identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.feed
    ADD CONSTRAINT feed_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_workspace_id_accepted_by_fkey FOREIGN KEY (workspace_id, accepted_by) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_workspace_id_invited_by_fkey FOREIGN KEY (workspace_id, invited_by) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT invitations_workspace_id_role_id_fkey FOREIGN KEY (workspace_id, role_id) REFERENCES public.roles(workspace_id, id);

ALTER TABLE ONLY public.mail_ledger
    ADD CONSTRAINT mail_ledger_workspace_id_mailbox_id_fkey FOREIGN KEY (workspace_id, mailbox_id) REFERENCES public.mailboxes(workspace_id, id);

ALTER TABLE ONLY public.mailboxes
    ADD CONSTRAINT mailboxes_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.mailboxes
    ADD CONSTRAINT mailboxes_workspace_id_user_id_fkey FOREIGN KEY (workspace_id, user_id) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.mailed_links
    ADD CONSTRAINT mailed_links_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_workspace_id_role_id_fkey FOREIGN KEY (workspace_id, role_id) REFERENCES public.roles(workspace_id, id);

ALTER TABLE ONLY public.operation_changes
    ADD CONSTRAINT operation_changes_workspace_id_operation_id_fkey FOREIGN KEY (workspace_id, operation_id) REFERENCES public.operations(workspace_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.operations
    ADD CONSTRAINT operations_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.operations
    ADD CONSTRAINT operations_workspace_id_undone_by_fkey FOREIGN KEY (workspace_id, undone_by) REFERENCES public.operations(workspace_id, id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.privacy_erased
    ADD CONSTRAINT privacy_erased_workspace_id_request_id_fkey FOREIGN KEY (workspace_id, request_id) REFERENCES public.privacy_requests(workspace_id, id);

ALTER TABLE ONLY public.privacy_requests
    ADD CONSTRAINT privacy_requests_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.totp_factors(user_id) ON DELETE CASCADE;

ALTER TABLE ONLY public.refresh_tokens
    ADD CONSTRAINT refresh_tokens_workspace_id_session_id_fkey FOREIGN KEY (workspace_id, session_id) REFERENCES public.sessions(workspace_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT roles_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_workspace_id_user_id_fkey FOREIGN KEY (workspace_id, user_id) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.socket_tickets
    ADD CONSTRAINT socket_tickets_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.socket_tickets
    ADD CONSTRAINT socket_tickets_workspace_id_session_id_fkey FOREIGN KEY (workspace_id, session_id) REFERENCES public.sessions(workspace_id, id) ON DELETE CASCADE;

ALTER TABLE ONLY public.sso_connections
    ADD CONSTRAINT sso_connections_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.sso_identities
    ADD CONSTRAINT sso_identities_workspace_id_user_id_fkey FOREIGN KEY (workspace_id, user_id) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_workspace_id_contact_id_fkey FOREIGN KEY (workspace_id, contact_id) REFERENCES public.contacts(workspace_id, id);

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_workspace_id_owner_id_fkey FOREIGN KEY (workspace_id, owner_id) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_workspace_id_team_id_fkey FOREIGN KEY (workspace_id, team_id) REFERENCES public.teams(workspace_id, id);

ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_workspace_id_user_id_fkey FOREIGN KEY (workspace_id, user_id) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.threads
    ADD CONSTRAINT threads_workspace_id_mailbox_id_fkey FOREIGN KEY (workspace_id, mailbox_id) REFERENCES public.mailboxes(workspace_id, id);

ALTER TABLE ONLY public.totp_factors
    ADD CONSTRAINT totp_factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_workspace_id_endpoint_id_fkey FOREIGN KEY (workspace_id, endpoint_id) REFERENCES public.webhook_endpoints(workspace_id, id);

ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_workspace_id_user_id_fkey FOREIGN KEY (workspace_id, user_id) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.workspace_keys
    ADD CONSTRAINT workspace_keys_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

CREATE POLICY adding ON public.api_keys AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK ((( SELECT app.may('keys.write'::text) AS may) AND (user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")) AND (( SELECT current_setting('app.actor'::text, true) AS current_setting) !~~ 'key:%'::text)));

CREATE POLICY adding ON public.automations AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('automations.write'::text) AS may));

CREATE POLICY adding ON public.contacts AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('contacts.write'::text) AS may));

CREATE POLICY adding ON public.invitations AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY adding ON public.mailboxes AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('mailboxes.write'::text) AS may));

CREATE POLICY adding ON public.memberships AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK ((( SELECT app.may('members.settings'::text) AS may) AND ((role <> 'owner'::text) OR ( SELECT app.may('workspace.delete'::text) AS may))));

CREATE POLICY adding ON public.privacy_requests AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('workspace.settings'::text) AS may));

CREATE POLICY adding ON public.roles AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY adding ON public.sso_connections AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('workspace.settings'::text) AS may));

CREATE POLICY adding ON public.tasks AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('tasks.write'::text) AS may));

CREATE POLICY adding ON public.team_members AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY adding ON public.teams AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY adding ON public.webhook_deliveries AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('webhooks.settings'::text) AS may));

CREATE POLICY adding ON public.webhook_endpoints AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('webhooks.settings'::text) AS may));

ALTER TABLE public.api_keys ENABLE ROW LEVEL SECURITY;

CREATE POLICY asking ON public.privacy_requests AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK ((((kind = 'export'::text) AND ( SELECT app.may('contacts.export'::text) AS may)) OR ((kind = 'erasure'::text) AND ( SELECT app.may('contacts.delete'::text) AS may))));

ALTER TABLE public.audit_log ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.automation_runs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.automations ENABLE ROW LEVEL SECURITY;

CREATE POLICY backfill ON public.api_keys TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.audit_log TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.automation_runs TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.automations TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.contacts TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.deprecated_uses TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.email_analyses TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.email_bodies TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.email_entities TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.email_participants TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.email_subjects TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.emails TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.event_log TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.feed TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.idempotency_keys TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.inbox TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.invitations TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.mail_ledger TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.mailboxes TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.memberships TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.operation_changes TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.operations TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.outbox TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.privacy_erased TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.privacy_requests TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.refresh_tokens TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.roles TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.sessions TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.socket_tickets TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.sso_connections TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.sso_identities TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.tasks TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.team_members TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.teams TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.threads TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.webhook_deliveries TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.webhook_endpoints TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.workspace_keys TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.workspaces TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY changing ON public.api_keys AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK ((( SELECT app.may('keys.write'::text) AS may) OR ( SELECT app.may('keys.settings'::text) AS may)));

CREATE POLICY changing ON public.automations AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (
CASE
    WHEN (deleted_at IS NULL) THEN ( SELECT app.may('automations.write'::text) AS may)
    ELSE ( SELECT app.may('automations.delete'::text) AS may)
END);

CREATE POLICY changing ON public.contacts AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (
CASE
    WHEN (deleted_at IS NULL) THEN ( SELECT app.may('contacts.write'::text) AS may)
    ELSE ( SELECT app.may('contacts.delete'::text) AS may)
END);

CREATE POLICY changing ON public.invitations AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY changing ON public.mailboxes AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('mailboxes.write'::text) AS may));

CREATE POLICY changing ON public.memberships AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (((( SELECT app.may('members.settings'::text) AS may) AND ((role <> 'owner'::text) OR ( SELECT app.may('workspace.delete'::text) AS may))) OR ((ended_at IS NOT NULL) AND (user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")))));

CREATE POLICY changing ON public.privacy_requests AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('workspace.settings'::text) AS may));

CREATE POLICY changing ON public.roles AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY changing ON public.sso_connections AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('workspace.settings'::text) AS may));

CREATE POLICY changing ON public.tasks AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (
CASE
    WHEN (deleted_at IS NULL) THEN ( SELECT app.may('tasks.write'::text) AS may)
    ELSE ( SELECT app.may('tasks.delete'::text) AS may)
END);

CREATE POLICY changing ON public.team_members AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY changing ON public.teams AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY changing ON public.webhook_deliveries AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('webhooks.settings'::text) AS may));

CREATE POLICY changing ON public.webhook_endpoints AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('webhooks.settings'::text) AS may));

CREATE POLICY changing ON public.workspaces AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (((( SELECT app.may('workspace.settings'::text) AS may) AND (purge_at IS NULL)) OR ( SELECT app.may('workspace.delete'::text) AS may)));

ALTER TABLE public.contacts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.deprecated_uses ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.email_analyses ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.email_bodies ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.email_entities ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.email_participants ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.email_subjects ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.emails ENABLE ROW LEVEL SECURITY;

CREATE POLICY erasing ON public.audit_log AS RESTRICTIVE FOR UPDATE TO crm_eraser USING ((EXISTS ( SELECT
   FROM public.privacy_erased e
  WHERE ((e.workspace_id = audit_log.workspace_id) AND (e.record_id = audit_log.object_id)))));

CREATE POLICY erasing ON public.event_log AS RESTRICTIVE FOR UPDATE TO crm_eraser USING ((EXISTS ( SELECT
   FROM public.privacy_erased e
  WHERE ((e.workspace_id = event_log.workspace_id) AND (e.record_id = ((event_log.payload ->> 'aggregate_id'::text))::uuid)))));

ALTER TABLE public.event_log ENABLE ROW LEVEL SECURITY;

CREATE POLICY expire ON public.idempotency_keys FOR DELETE TO crm_outbox USING ((created_at <= (now() - '24:00:00'::interval)));

CREATE POLICY expire ON public.inbox FOR DELETE TO crm_outbox USING ((seen_at < (now() - '30 days'::interval)));

CREATE POLICY expire ON public.operations FOR DELETE TO crm_outbox USING ((created_at < (now() - '30 days'::interval)));

CREATE POLICY expire_select ON public.idempotency_keys FOR SELECT TO crm_outbox USING ((created_at <= (now() - '24:00:00'::interval)));

CREATE POLICY expire_select ON public.inbox FOR SELECT TO crm_outbox USING ((seen_at < (now() - '30 days'::interval)));

CREATE POLICY expire_select ON public.operations FOR SELECT TO crm_outbox USING ((created_at < (now() - '30 days'::interval)));

ALTER TABLE public.feed ENABLE ROW LEVEL SECURITY;

CREATE POLICY forget ON public.outbox TO crm_resolver USING (true);

ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.inbox ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.invitations ENABLE ROW LEVEL SECURITY;

CREATE POLICY living_alone ON public.mailboxes AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK ((NOT app.is_erased(user_id)));

CREATE POLICY living_alone ON public.memberships AS RESTRICTIVE FOR INSERT TO crm_app, crm_auth WITH CHECK ((NOT app.is_erased(user_id)));

ALTER TABLE public.mail_ledger ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.mailboxes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.memberships ENABLE ROW LEVEL SECURITY;

CREATE POLICY ones_own ON public.audit_log AS RESTRICTIVE FOR SELECT TO crm_auth USING (((actor = ('user:'::text || current_setting('app.user_id'::text, true))) OR (object_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif"))));

CREATE POLICY open_alone_added ON public.memberships AS RESTRICTIVE FOR INSERT TO crm_auth WITH CHECK ((NOT app.is_closing(workspace_id)));

CREATE POLICY open_alone_changed ON public.memberships AS RESTRICTIVE FOR UPDATE TO crm_auth WITH CHECK (((ended_at IS NOT NULL) OR (NOT app.is_closing(workspace_id))));

ALTER TABLE public.operation_changes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.operations ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.outbox ENABLE ROW LEVEL SECURITY;

CREATE POLICY own ON public.deprecated_uses AS RESTRICTIVE FOR INSERT TO crm_app, crm_auth WITH CHECK ((actor = ( SELECT current_setting('app.actor'::text, true) AS current_setting)));

CREATE POLICY owners_added ON public.invitations AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (((role <> 'owner'::text) OR ( SELECT app.may('workspace.delete'::text) AS may)));

CREATE POLICY owners_added ON public.sso_connections AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('workspace.delete'::text) AS may));

CREATE POLICY owners_changed ON public.invitations AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (((role <> 'owner'::text) OR ( SELECT app.may('workspace.delete'::text) AS may)));

CREATE POLICY owners_changed ON public.sso_connections AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('workspace.delete'::text) AS may));

CREATE POLICY owners_removed ON public.sso_connections AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('workspace.delete'::text) AS may));

ALTER TABLE public.privacy_erased ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.privacy_requests ENABLE ROW LEVEL SECURITY;

CREATE POLICY publish ON public.event_log FOR SELECT TO crm_outbox USING (true);

CREATE POLICY publish ON public.outbox TO crm_outbox USING (true) WITH CHECK (true);

CREATE POLICY publish_again ON public.event_log FOR SELECT TO crm_resolver USING (true);

CREATE POLICY reading ON public.api_keys AS RESTRICTIVE FOR SELECT TO crm_app USING ((( SELECT app.may('keys.settings'::text) AS may) OR (( SELECT app.may('keys.write'::text) AS may) AND (user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")))));

CREATE POLICY reading ON public.audit_log AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('audit.read'::text) AS may));

CREATE POLICY reading ON public.automation_runs AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('automations.read'::text) AS may));

CREATE POLICY reading ON public.automations AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('automations.read'::text) AS may));

CREATE POLICY reading ON public.contacts AS RESTRICTIVE FOR SELECT TO crm_app USING ((( SELECT (app.reach('contacts'::text) = 'all'::text)) OR (( SELECT (app.reach('contacts'::text) IS NOT NULL)) AND (owner_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif"))) OR (( SELECT (app.reach('contacts'::text) = 'team'::text)) AND (owner_id = ANY (( SELECT app.teammates() AS teammates)::uuid[])))));

CREATE POLICY reading ON public.deprecated_uses AS RESTRICTIVE FOR SELECT TO crm_app USING ((( SELECT app.may('audit.read'::text) AS may) OR (actor = ( SELECT current_setting('app.actor'::text, true) AS current_setting))));

CREATE POLICY reading ON public.email_analyses AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('emails.read'::text) AS may));

CREATE POLICY reading ON public.email_bodies AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('emails.read'::text) AS may));

CREATE POLICY reading ON public.email_entities AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('emails.read'::text) AS may));

CREATE POLICY reading ON public.email_participants AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('emails.read'::text) AS may));

CREATE POLICY reading ON public.email_subjects AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('emails.read'::text) AS may));

CREATE POLICY reading ON public.emails AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('emails.read'::text) AS may));

CREATE POLICY reading ON public.invitations AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY reading ON public.mail_ledger AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('mailboxes.read'::text) AS may));

CREATE POLICY reading ON public.mailboxes AS RESTRICTIVE FOR SELECT TO crm_app USING ((( SELECT app.may('mailboxes.read'::text) AS may) OR ( SELECT app.may('emails.read'::text) AS may)));

CREATE POLICY reading ON public.privacy_requests AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('workspace.settings'::text) AS may));

CREATE POLICY reading ON public.sso_connections AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('workspace.settings'::text) AS may));

CREATE POLICY reading ON public.tasks AS RESTRICTIVE FOR SELECT TO crm_app USING ((( SELECT (app.reach('tasks'::text) = 'all'::text)) OR (( SELECT (app.reach('tasks'::text) IS NOT NULL)) AND (owner_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif"))) OR (( SELECT (app.reach('tasks'::text) = 'team'::text)) AND (owner_id = ANY (( SELECT app.teammates() AS teammates)::uuid[])))));

CREATE POLICY reading ON public.teams AS RESTRICTIVE FOR SELECT TO crm_app USING ((( SELECT app.may('members.read'::text) AS may) OR ( SELECT app.may('members.settings'::text) AS may)));

CREATE POLICY reading ON public.threads AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('emails.read'::text) AS may));

CREATE POLICY reading ON public.webhook_deliveries AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('webhooks.settings'::text) AS may));

CREATE POLICY reading ON public.webhook_endpoints AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('webhooks.settings'::text) AS may));

ALTER TABLE public.refresh_tokens ENABLE ROW LEVEL SECURITY;

CREATE POLICY removing ON public.automations AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('automations.write'::text) AS may));

CREATE POLICY removing ON public.contacts AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('contacts.write'::text) AS may));

CREATE POLICY removing ON public.invitations AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY removing ON public.mailboxes AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('mailboxes.write'::text) AS may));

CREATE POLICY removing ON public.memberships AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY removing ON public.privacy_requests AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('workspace.settings'::text) AS may));

CREATE POLICY removing ON public.roles AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY removing ON public.sso_connections AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('workspace.settings'::text) AS may));

CREATE POLICY removing ON public.tasks AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('tasks.write'::text) AS may));

CREATE POLICY removing ON public.team_members AS RESTRICTIVE FOR DELETE TO crm_app USING ((( SELECT app.may('members.settings'::text) AS may) OR (user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif"))));

CREATE POLICY removing ON public.teams AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY removing ON public.webhook_deliveries AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('webhooks.settings'::text) AS may));

CREATE POLICY removing ON public.webhook_endpoints AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('webhooks.settings'::text) AS may));

CREATE POLICY resolve ON public.invitations FOR SELECT TO crm_resolver USING (true);

CREATE POLICY resolve ON public.mail_ledger FOR SELECT TO crm_resolver USING (true);

CREATE POLICY resolve ON public.mailboxes FOR SELECT TO crm_resolver USING (true);

CREATE POLICY resolve ON public.memberships FOR SELECT TO crm_resolver USING (true);

CREATE POLICY resolve ON public.privacy_requests FOR SELECT TO crm_resolver USING (true);

CREATE POLICY resolve ON public.sessions FOR SELECT TO crm_resolver USING (true);

CREATE POLICY resolve ON public.sso_connections FOR SELECT TO crm_resolver USING (true);

CREATE POLICY resolve ON public.webhook_deliveries FOR SELECT TO crm_resolver USING (true);

CREATE POLICY resolve ON public.webhook_endpoints FOR SELECT TO crm_resolver USING (true);

CREATE POLICY resolve ON public.workspaces FOR SELECT TO crm_resolver USING (true);

ALTER TABLE public.roles ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.sessions ENABLE ROW LEVEL SECURITY;

CREATE POLICY sharing ON public.email_analyses AS RESTRICTIVE FOR SELECT TO crm_app USING ((mailbox_id IN ( SELECT m.id
   FROM public.mailboxes m
  WHERE ((m.workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")) AND ((m.user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")) OR (m.sharing = ANY ('{everything}'::text[])))))));

CREATE POLICY sharing ON public.email_bodies AS RESTRICTIVE FOR SELECT TO crm_app USING ((mailbox_id IN ( SELECT m.id
   FROM public.mailboxes m
  WHERE ((m.workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")) AND ((m.user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")) OR (m.sharing = ANY ('{everything}'::text[])))))));

CREATE POLICY sharing ON public.email_entities AS RESTRICTIVE FOR SELECT TO crm_app USING ((mailbox_id IN ( SELECT m.id
   FROM public.mailboxes m
  WHERE ((m.workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")) AND ((m.user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")) OR (m.sharing = ANY ('{everything}'::text[])))))));

CREATE POLICY sharing ON public.email_subjects AS RESTRICTIVE FOR SELECT TO crm_app USING ((mailbox_id IN ( SELECT m.id
   FROM public.mailboxes m
  WHERE ((m.workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")) AND ((m.user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")) OR (m.sharing = ANY ('{subject,everything}'::text[])))))));

CREATE POLICY sharing ON public.event_log AS RESTRICTIVE FOR SELECT TO crm_app USING (((type = ANY (ARRAY['EmailReceived'::text, 'EmailChanged'::text])) OR (NOT (payload ? 'mailbox_id'::text)) OR ((payload ->> 'mailbox_id'::text) IN ( SELECT (m.id)::text AS id
   FROM public.mailboxes m
  WHERE ((m.workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")) AND ((m.user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")) OR (m.sharing = 'everything'::text)))))));

CREATE POLICY sharing ON public.webhook_deliveries AS RESTRICTIVE FOR SELECT TO crm_app USING (((mailbox_id IS NULL) OR (mailbox_id IN ( SELECT m.id
   FROM public.mailboxes m
  WHERE ((m.workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")) AND ((m.user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")) OR (m.sharing = 'everything'::text)))))));

ALTER TABLE public.socket_tickets ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.sso_connections ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.sso_identities ENABLE ROW LEVEL SECURITY;

CREATE POLICY still_own ON public.deprecated_uses AS RESTRICTIVE FOR UPDATE TO crm_app, crm_auth USING ((actor = ( SELECT current_setting('app.actor'::text, true) AS current_setting)));

ALTER TABLE public.tasks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.team_members ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.teams ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON public.api_keys USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.audit_log USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.automation_runs USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.automations USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.contacts USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.deprecated_uses USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.email_analyses USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.email_bodies USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.email_entities USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.email_participants USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.email_subjects USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.emails USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.event_log USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.feed USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.idempotency_keys USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.inbox USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.invitations USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.mail_ledger USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.mailboxes USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.memberships USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.operation_changes USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.operations USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.outbox USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.privacy_erased USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.privacy_requests USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.refresh_tokens USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.roles USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.sessions USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.socket_tickets USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.sso_connections USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.sso_identities USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.tasks USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.team_members USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.teams USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.threads USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.webhook_deliveries USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.webhook_endpoints USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.workspace_keys USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.workspaces USING ((id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

ALTER TABLE public.threads ENABLE ROW LEVEL SECURITY;

CREATE POLICY trying_again ON public.privacy_requests AS RESTRICTIVE FOR UPDATE TO crm_app USING (((state = 'failed'::text) AND (reason IS DISTINCT FROM 'erased'::text))) WITH CHECK ((state = 'waiting'::text));

ALTER TABLE public.webhook_deliveries ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_endpoints ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.workspace_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.workspaces ENABLE ROW LEVEL SECURITY;

GRANT ALL ON SCHEMA app TO crm_resolver;
GRANT ALL ON SCHEMA app TO crm_search;
GRANT ALL ON SCHEMA app TO crm_purger;
GRANT USAGE ON SCHEMA app TO crm_app;
GRANT USAGE ON SCHEMA app TO crm_worker;
GRANT USAGE ON SCHEMA app TO crm_auth;
GRANT USAGE ON SCHEMA app TO crm_outbox;
GRANT USAGE ON SCHEMA app TO crm_migrator;
GRANT USAGE ON SCHEMA app TO crm_eraser;

REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO crm_owner;
GRANT ALL ON SCHEMA public TO crm_migrator;
GRANT USAGE ON SCHEMA public TO crm_app;
GRANT USAGE ON SCHEMA public TO crm_worker;
GRANT USAGE ON SCHEMA public TO crm_auth;
GRANT USAGE ON SCHEMA public TO crm_outbox;
GRANT USAGE ON SCHEMA public TO crm_eraser;
GRANT USAGE ON SCHEMA public TO crm_resolver;
GRANT USAGE ON SCHEMA public TO crm_search;
GRANT USAGE ON SCHEMA public TO crm_purger;

REVOKE ALL ON FUNCTION app.audit() FROM PUBLIC;

REVOKE ALL ON PROCEDURE app.audited(IN target regclass, IN object_id text, IN told text, IN hidden text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app.begin_operation(operation uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app.begin_operation(operation uuid) TO crm_app;
GRANT ALL ON FUNCTION app.begin_operation(operation uuid) TO crm_worker;

REVOKE ALL ON FUNCTION app.begin_request(workspace uuid, caller uuid, access text, actor text, origin text, even_closing boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION app.begin_request(workspace uuid, caller uuid, access text, actor text, origin text, even_closing boolean) TO crm_app;
GRANT ALL ON FUNCTION app.begin_request(workspace uuid, caller uuid, access text, actor text, origin text, even_closing boolean) TO crm_worker;
GRANT ALL ON FUNCTION app.begin_request(workspace uuid, caller uuid, access text, actor text, origin text, even_closing boolean) TO crm_auth;
GRANT ALL ON FUNCTION app.begin_request(workspace uuid, caller uuid, access text, actor text, origin text, even_closing boolean) TO crm_outbox;
GRANT ALL ON FUNCTION app.begin_request(workspace uuid, caller uuid, access text, actor text, origin text, even_closing boolean) TO crm_migrator;
GRANT ALL ON FUNCTION app.begin_request(workspace uuid, caller uuid, access text, actor text, origin text, even_closing boolean) TO crm_eraser;

REVOKE ALL ON FUNCTION app.claim_request(wanted bytea, OUT free boolean, OUT response bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION app.claim_request(wanted bytea, OUT free boolean, OUT response bytea) TO crm_app;

REVOKE ALL ON FUNCTION app.find_member(address text) FROM PUBLIC;
GRANT ALL ON FUNCTION app.find_member(address text) TO crm_app;

REVOKE ALL ON FUNCTION app.finish_purge() FROM PUBLIC;
GRANT ALL ON FUNCTION app.finish_purge() TO crm_worker;

REVOKE ALL ON FUNCTION app.forget_person(person uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app.forget_person(person uuid) TO crm_auth;

REVOKE ALL ON FUNCTION app.forget_published(workspaces uuid[], events uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app.forget_published(workspaces uuid[], events uuid[]) TO crm_app;
GRANT ALL ON FUNCTION app.forget_published(workspaces uuid[], events uuid[]) TO crm_worker;
GRANT ALL ON FUNCTION app.forget_published(workspaces uuid[], events uuid[]) TO crm_auth;
GRANT ALL ON FUNCTION app.forget_published(workspaces uuid[], events uuid[]) TO crm_outbox;
GRANT ALL ON FUNCTION app.forget_published(workspaces uuid[], events uuid[]) TO crm_eraser;

REVOKE ALL ON PROCEDURE app.guard(IN target regclass, IN reading text, IN writing text, IN deleting text) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app.guard_owned(IN target regclass, IN thing text) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app.guard_reading(IN target regclass, IN thing text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app.is_closing(workspace uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app.is_closing(workspace uuid) TO crm_app;
GRANT ALL ON FUNCTION app.is_closing(workspace uuid) TO crm_worker;
GRANT ALL ON FUNCTION app.is_closing(workspace uuid) TO crm_auth;
GRANT ALL ON FUNCTION app.is_closing(workspace uuid) TO crm_outbox;
GRANT ALL ON FUNCTION app.is_closing(workspace uuid) TO crm_migrator;
GRANT ALL ON FUNCTION app.is_closing(workspace uuid) TO crm_owner;
GRANT ALL ON FUNCTION app.is_closing(workspace uuid) TO crm_eraser;

REVOKE ALL ON FUNCTION app.is_erased(person uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app.is_erased(person uuid) TO crm_app;
GRANT ALL ON FUNCTION app.is_erased(person uuid) TO crm_auth;

REVOKE ALL ON FUNCTION app.may(permission text) FROM PUBLIC;
GRANT ALL ON FUNCTION app.may(permission text) TO crm_app;
GRANT ALL ON FUNCTION app.may(permission text) TO crm_worker;
GRANT ALL ON FUNCTION app.may(permission text) TO crm_auth;
GRANT ALL ON FUNCTION app.may(permission text) TO crm_resolver;

REVOKE ALL ON FUNCTION app.name_members(people uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app.name_members(people uuid[]) TO crm_app;

REVOKE ALL ON PROCEDURE app.protect(IN target regclass) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app.protect_mail(IN target regclass, IN tiers text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app.publish_again(since timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app.publish_again(since timestamp with time zone) TO crm_app;

REVOKE ALL ON FUNCTION app.purge_order() FROM PUBLIC;
GRANT ALL ON FUNCTION app.purge_order() TO crm_purger;
GRANT ALL ON FUNCTION app.purge_order() TO crm_migrator;

REVOKE ALL ON FUNCTION app.purge_rows(most integer, OUT name text, OUT deleted integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.purge_rows(most integer, OUT name text, OUT deleted integer) TO crm_worker;

REVOKE ALL ON FUNCTION app.purge_some(target text, here uuid, most integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION app.reach(thing text) FROM PUBLIC;
GRANT ALL ON FUNCTION app.reach(thing text) TO crm_app;
GRANT ALL ON FUNCTION app.reach(thing text) TO crm_worker;
GRANT ALL ON FUNCTION app.reach(thing text) TO crm_auth;

REVOKE ALL ON FUNCTION app.redact_acts(person uuid, done uuid, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.redact_acts(person uuid, done uuid, most integer) TO crm_auth;

REVOKE ALL ON FUNCTION app.redact_audit(target uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app.redact_audit(target uuid) TO crm_purger;
GRANT ALL ON FUNCTION app.redact_audit(target uuid) TO crm_eraser;

REVOKE ALL ON FUNCTION app.redact_events(thing uuid, kinds text, field text, shown text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app.redact_field(thing uuid, field text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app.redact_person(person uuid, address text) FROM PUBLIC;
GRANT ALL ON FUNCTION app.redact_person(person uuid, address text) TO crm_auth;

REVOKE ALL ON FUNCTION app.remember_change() FROM PUBLIC;
GRANT ALL ON FUNCTION app.remember_change() TO crm_app;
GRANT ALL ON FUNCTION app.remember_change() TO crm_worker;

REVOKE ALL ON FUNCTION app.require_due() FROM PUBLIC;

REVOKE ALL ON FUNCTION app.require_erasing(person uuid) FROM PUBLIC;

REVOKE ALL ON FUNCTION app.resolve_due_endpoints(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_due_endpoints(most integer) TO crm_worker;

REVOKE ALL ON FUNCTION app.resolve_due_invitations(before timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_due_invitations(before timestamp with time zone, most integer) TO crm_worker;

REVOKE ALL ON FUNCTION app.resolve_due_mailboxes(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_due_mailboxes(most integer) TO crm_worker;

REVOKE ALL ON FUNCTION app.resolve_due_privacy_requests(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_due_privacy_requests(most integer) TO crm_eraser;

REVOKE ALL ON FUNCTION app.resolve_due_purges(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_due_purges(most integer) TO crm_worker;

REVOKE ALL ON FUNCTION app.resolve_every_workspace(person uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_every_workspace(person uuid) TO crm_auth;

REVOKE ALL ON FUNCTION app.resolve_expiring_watches(before timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_expiring_watches(before timestamp with time zone, most integer) TO crm_worker;

REVOKE ALL ON FUNCTION app.resolve_mailbox(wanted text) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_mailbox(wanted text) TO crm_worker;

REVOKE ALL ON FUNCTION app.resolve_memberships(person uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_memberships(person uuid) TO crm_auth;

REVOKE ALL ON FUNCTION app.resolve_old_deliveries(before timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_old_deliveries(before timestamp with time zone, most integer) TO crm_worker;

REVOKE ALL ON FUNCTION app.resolve_old_exports(before timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_old_exports(before timestamp with time zone, most integer) TO crm_eraser;

REVOKE ALL ON FUNCTION app.resolve_old_sessions(before timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_old_sessions(before timestamp with time zone, most integer) TO crm_auth;

REVOKE ALL ON FUNCTION app.resolve_quiet_mailboxes(since timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_quiet_mailboxes(since timestamp with time zone, most integer) TO crm_worker;

REVOKE ALL ON FUNCTION app.resolve_session_workspaces(person uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_session_workspaces(person uuid) TO crm_auth;

REVOKE ALL ON FUNCTION app.resolve_sso_required(person uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_sso_required(person uuid) TO crm_auth;

REVOKE ALL ON FUNCTION app.retire_events(before timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app.retire_events(before timestamp with time zone) TO crm_migrator;

REVOKE ALL ON FUNCTION app.roll_partitions(ahead integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.roll_partitions(ahead integer) TO crm_worker;
GRANT ALL ON FUNCTION app.roll_partitions(ahead integer) TO crm_migrator;

REVOKE ALL ON FUNCTION app.take_attempt(wanted bytea, every interval, at_once integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.take_attempt(wanted bytea, every interval, at_once integer) TO crm_auth;

REVOKE ALL ON FUNCTION app.teammates() FROM PUBLIC;
GRANT ALL ON FUNCTION app.teammates() TO crm_app;

REVOKE ALL ON FUNCTION app.uuid7() FROM PUBLIC;
GRANT ALL ON FUNCTION app.uuid7() TO crm_app;
GRANT ALL ON FUNCTION app.uuid7() TO crm_worker;
GRANT ALL ON FUNCTION app.uuid7() TO crm_auth;
GRANT ALL ON FUNCTION app.uuid7() TO crm_migrator;
GRANT ALL ON FUNCTION app.uuid7() TO crm_eraser;

REVOKE ALL ON FUNCTION app.uuid7_floor(at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app.uuid7_floor(at timestamp with time zone) TO crm_migrator;
GRANT ALL ON FUNCTION app.uuid7_floor(at timestamp with time zone) TO crm_app;
GRANT ALL ON FUNCTION app.uuid7_floor(at timestamp with time zone) TO crm_resolver;
GRANT ALL ON FUNCTION app.uuid7_floor(at timestamp with time zone) TO crm_purger;

GRANT SELECT,INSERT,UPDATE ON TABLE public.account_erasures TO crm_auth;
GRANT SELECT ON TABLE public.account_erasures TO crm_purger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.account_mails TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.account_mails TO crm_purger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.api_keys TO crm_migrator;
GRANT INSERT ON TABLE public.api_keys TO crm_app;
GRANT SELECT ON TABLE public.api_keys TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.api_keys TO crm_purger;

GRANT SELECT(workspace_id) ON TABLE public.api_keys TO crm_app;

GRANT SELECT(id) ON TABLE public.api_keys TO crm_app;

GRANT SELECT(user_id) ON TABLE public.api_keys TO crm_app;

GRANT SELECT(name),UPDATE(name) ON TABLE public.api_keys TO crm_app;

GRANT SELECT(grants) ON TABLE public.api_keys TO crm_app;

GRANT SELECT(rate_limit_per_s) ON TABLE public.api_keys TO crm_app;

GRANT SELECT(expires_at) ON TABLE public.api_keys TO crm_app;

GRANT SELECT(last_used_at) ON TABLE public.api_keys TO crm_app;
GRANT UPDATE(last_used_at) ON TABLE public.api_keys TO crm_auth;

GRANT SELECT(last_used_from) ON TABLE public.api_keys TO crm_app;
GRANT UPDATE(last_used_from) ON TABLE public.api_keys TO crm_auth;

GRANT SELECT(revoked_at),UPDATE(revoked_at) ON TABLE public.api_keys TO crm_app;
GRANT UPDATE(revoked_at) ON TABLE public.api_keys TO crm_auth;

GRANT SELECT(version),UPDATE(version) ON TABLE public.api_keys TO crm_app;
GRANT UPDATE(version) ON TABLE public.api_keys TO crm_auth;

GRANT SELECT(created_at) ON TABLE public.api_keys TO crm_app;

GRANT SELECT(updated_at),UPDATE(updated_at) ON TABLE public.api_keys TO crm_app;
GRANT UPDATE(updated_at) ON TABLE public.api_keys TO crm_auth;

GRANT SELECT,INSERT ON TABLE public.audit_log TO crm_migrator;
GRANT SELECT,INSERT ON TABLE public.audit_log TO crm_app;
GRANT INSERT ON TABLE public.audit_log TO crm_worker;
GRANT SELECT,INSERT ON TABLE public.audit_log TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.audit_log TO crm_purger;
GRANT SELECT,INSERT ON TABLE public.audit_log TO crm_eraser;

GRANT UPDATE(before) ON TABLE public.audit_log TO crm_purger;
GRANT UPDATE(before) ON TABLE public.audit_log TO crm_eraser;

GRANT UPDATE(after) ON TABLE public.audit_log TO crm_purger;
GRANT UPDATE(after) ON TABLE public.audit_log TO crm_eraser;

GRANT UPDATE(source_ip) ON TABLE public.audit_log TO crm_purger;
GRANT UPDATE(source_ip) ON TABLE public.audit_log TO crm_eraser;

GRANT UPDATE(user_agent) ON TABLE public.audit_log TO crm_purger;
GRANT UPDATE(user_agent) ON TABLE public.audit_log TO crm_eraser;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.automation_runs TO crm_migrator;
GRANT SELECT ON TABLE public.automation_runs TO crm_app;
GRANT SELECT,INSERT ON TABLE public.automation_runs TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.automation_runs TO crm_purger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.automations TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.automations TO crm_app;
GRANT SELECT ON TABLE public.automations TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.automations TO crm_purger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.challenges TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.challenges TO crm_purger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.contacts TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.contacts TO crm_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.contacts TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.contacts TO crm_purger;
GRANT SELECT,DELETE ON TABLE public.contacts TO crm_eraser;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.deprecated_uses TO crm_migrator;
GRANT SELECT,DELETE ON TABLE public.deprecated_uses TO crm_purger;
GRANT SELECT,INSERT ON TABLE public.deprecated_uses TO crm_app;
GRANT SELECT,INSERT ON TABLE public.deprecated_uses TO crm_auth;

GRANT UPDATE(sunset) ON TABLE public.deprecated_uses TO crm_app;
GRANT UPDATE(sunset) ON TABLE public.deprecated_uses TO crm_auth;

GRANT UPDATE(uses) ON TABLE public.deprecated_uses TO crm_app;
GRANT UPDATE(uses) ON TABLE public.deprecated_uses TO crm_auth;

GRANT UPDATE(last_at) ON TABLE public.deprecated_uses TO crm_app;
GRANT UPDATE(last_at) ON TABLE public.deprecated_uses TO crm_auth;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.email_analyses TO crm_migrator;
GRANT SELECT ON TABLE public.email_analyses TO crm_app;
GRANT SELECT,INSERT ON TABLE public.email_analyses TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.email_analyses TO crm_purger;
GRANT SELECT ON TABLE public.email_analyses TO crm_eraser;

GRANT UPDATE(reply_quote) ON TABLE public.email_analyses TO crm_eraser;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.email_bodies TO crm_migrator;
GRANT SELECT ON TABLE public.email_bodies TO crm_app;
GRANT SELECT,INSERT ON TABLE public.email_bodies TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.email_bodies TO crm_purger;
GRANT SELECT ON TABLE public.email_bodies TO crm_eraser;

GRANT UPDATE(text) ON TABLE public.email_bodies TO crm_eraser;

GRANT UPDATE(html) ON TABLE public.email_bodies TO crm_eraser;

GRANT UPDATE(reply) ON TABLE public.email_bodies TO crm_eraser;

GRANT UPDATE(signature) ON TABLE public.email_bodies TO crm_eraser;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.email_entities TO crm_migrator;
GRANT SELECT ON TABLE public.email_entities TO crm_app;
GRANT SELECT,INSERT ON TABLE public.email_entities TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.email_entities TO crm_purger;
GRANT SELECT,DELETE ON TABLE public.email_entities TO crm_eraser;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.email_participants TO crm_migrator;
GRANT SELECT ON TABLE public.email_participants TO crm_app;
GRANT SELECT,INSERT ON TABLE public.email_participants TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.email_participants TO crm_purger;
GRANT SELECT ON TABLE public.email_participants TO crm_eraser;

GRANT UPDATE(name) ON TABLE public.email_participants TO crm_eraser;

GRANT UPDATE(email) ON TABLE public.email_participants TO crm_eraser;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.email_subjects TO crm_migrator;
GRANT SELECT ON TABLE public.email_subjects TO crm_app;
GRANT SELECT,INSERT ON TABLE public.email_subjects TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.email_subjects TO crm_purger;
GRANT SELECT ON TABLE public.email_subjects TO crm_eraser;

GRANT UPDATE(subject) ON TABLE public.email_subjects TO crm_eraser;

GRANT UPDATE(snippet) ON TABLE public.email_subjects TO crm_eraser;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.emails TO crm_migrator;
GRANT SELECT ON TABLE public.emails TO crm_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.emails TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.emails TO crm_purger;
GRANT SELECT,DELETE ON TABLE public.emails TO crm_eraser;

GRANT UPDATE(raw_key) ON TABLE public.emails TO crm_eraser;

GRANT UPDATE(version) ON TABLE public.emails TO crm_eraser;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.event_log TO crm_migrator;
GRANT SELECT,INSERT ON TABLE public.event_log TO crm_app;
GRANT SELECT,INSERT ON TABLE public.event_log TO crm_worker;
GRANT SELECT,INSERT ON TABLE public.event_log TO crm_auth;
GRANT SELECT ON TABLE public.event_log TO crm_outbox;
GRANT SELECT,DELETE ON TABLE public.event_log TO crm_purger;
GRANT SELECT,INSERT ON TABLE public.event_log TO crm_eraser;

GRANT SELECT(workspace_id) ON TABLE public.event_log TO crm_resolver;

GRANT SELECT(id) ON TABLE public.event_log TO crm_resolver;

GRANT UPDATE(payload) ON TABLE public.event_log TO crm_purger;
GRANT UPDATE(payload) ON TABLE public.event_log TO crm_eraser;

GRANT SELECT,INSERT,DELETE ON TABLE public.external_identities TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.external_identities TO crm_purger;

GRANT SELECT,INSERT,DELETE ON TABLE public.external_sign_ins TO crm_auth;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.failed_sign_ins TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.failed_sign_ins TO crm_purger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.feed TO crm_migrator;
GRANT SELECT,INSERT ON TABLE public.feed TO crm_app;
GRANT SELECT,INSERT ON TABLE public.feed TO crm_worker;
GRANT SELECT,INSERT ON TABLE public.feed TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.feed TO crm_purger;
GRANT SELECT ON TABLE public.feed TO crm_eraser;

GRANT UPDATE("position") ON TABLE public.feed TO crm_app;
GRANT UPDATE("position") ON TABLE public.feed TO crm_worker;
GRANT UPDATE("position") ON TABLE public.feed TO crm_auth;
GRANT UPDATE("position") ON TABLE public.feed TO crm_eraser;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.idempotency_keys TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.idempotency_keys TO crm_app;
GRANT SELECT,DELETE ON TABLE public.idempotency_keys TO crm_outbox;
GRANT SELECT,DELETE ON TABLE public.idempotency_keys TO crm_purger;
GRANT SELECT,DELETE ON TABLE public.idempotency_keys TO crm_eraser;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.inbox TO crm_migrator;
GRANT SELECT,INSERT ON TABLE public.inbox TO crm_app;
GRANT SELECT,INSERT ON TABLE public.inbox TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.inbox TO crm_outbox;
GRANT SELECT,DELETE ON TABLE public.inbox TO crm_purger;
GRANT SELECT,INSERT ON TABLE public.inbox TO crm_eraser;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.invitations TO crm_migrator;
GRANT SELECT ON TABLE public.invitations TO crm_worker;
GRANT SELECT ON TABLE public.invitations TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.invitations TO crm_purger;

GRANT SELECT(workspace_id),INSERT(workspace_id) ON TABLE public.invitations TO crm_app;
GRANT SELECT(workspace_id) ON TABLE public.invitations TO crm_resolver;

GRANT SELECT(id),INSERT(id) ON TABLE public.invitations TO crm_app;
GRANT SELECT(id) ON TABLE public.invitations TO crm_resolver;

GRANT SELECT(email),INSERT(email) ON TABLE public.invitations TO crm_app;
GRANT UPDATE(email) ON TABLE public.invitations TO crm_purger;

GRANT SELECT(role),INSERT(role),UPDATE(role) ON TABLE public.invitations TO crm_app;

GRANT SELECT(role_id),INSERT(role_id),UPDATE(role_id) ON TABLE public.invitations TO crm_app;

GRANT SELECT(invited_by),INSERT(invited_by),UPDATE(invited_by) ON TABLE public.invitations TO crm_app;

GRANT SELECT(inviter),INSERT(inviter),UPDATE(inviter) ON TABLE public.invitations TO crm_app;
GRANT UPDATE(inviter) ON TABLE public.invitations TO crm_purger;

GRANT UPDATE(token_hashes) ON TABLE public.invitations TO crm_worker;

GRANT SELECT(expires_at),INSERT(expires_at),UPDATE(expires_at) ON TABLE public.invitations TO crm_app;
GRANT SELECT(expires_at) ON TABLE public.invitations TO crm_resolver;

GRANT SELECT(accepted_at) ON TABLE public.invitations TO crm_app;
GRANT UPDATE(accepted_at) ON TABLE public.invitations TO crm_auth;
GRANT SELECT(accepted_at) ON TABLE public.invitations TO crm_resolver;

GRANT SELECT(accepted_by) ON TABLE public.invitations TO crm_app;
GRANT UPDATE(accepted_by) ON TABLE public.invitations TO crm_auth;

GRANT SELECT(revoked_at),UPDATE(revoked_at) ON TABLE public.invitations TO crm_app;
GRANT SELECT(revoked_at) ON TABLE public.invitations TO crm_resolver;

GRANT SELECT(mail_state),UPDATE(mail_state) ON TABLE public.invitations TO crm_app;
GRANT UPDATE(mail_state) ON TABLE public.invitations TO crm_worker;
GRANT SELECT(mail_state) ON TABLE public.invitations TO crm_resolver;

GRANT SELECT(mail_attempts),UPDATE(mail_attempts) ON TABLE public.invitations TO crm_app;
GRANT UPDATE(mail_attempts) ON TABLE public.invitations TO crm_worker;

GRANT SELECT(mail_due_at),UPDATE(mail_due_at) ON TABLE public.invitations TO crm_app;
GRANT UPDATE(mail_due_at) ON TABLE public.invitations TO crm_worker;
GRANT SELECT(mail_due_at) ON TABLE public.invitations TO crm_resolver;

GRANT SELECT(mail_asked_at),UPDATE(mail_asked_at) ON TABLE public.invitations TO crm_app;

GRANT SELECT(version),UPDATE(version) ON TABLE public.invitations TO crm_app;
GRANT UPDATE(version) ON TABLE public.invitations TO crm_auth;

GRANT SELECT(created_at) ON TABLE public.invitations TO crm_app;

GRANT SELECT(updated_at),UPDATE(updated_at) ON TABLE public.invitations TO crm_app;
GRANT UPDATE(updated_at) ON TABLE public.invitations TO crm_auth;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.mail_ledger TO crm_migrator;
GRANT SELECT ON TABLE public.mail_ledger TO crm_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.mail_ledger TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.mail_ledger TO crm_purger;
GRANT SELECT ON TABLE public.mail_ledger TO crm_eraser;

GRANT SELECT(workspace_id) ON TABLE public.mail_ledger TO crm_resolver;

GRANT SELECT(mailbox_id) ON TABLE public.mail_ledger TO crm_resolver;

GRANT SELECT(state) ON TABLE public.mail_ledger TO crm_resolver;
GRANT UPDATE(state) ON TABLE public.mail_ledger TO crm_eraser;

GRANT UPDATE(reason) ON TABLE public.mail_ledger TO crm_eraser;

GRANT SELECT(listed) ON TABLE public.mail_ledger TO crm_resolver;

GRANT UPDATE(generation) ON TABLE public.mail_ledger TO crm_eraser;

GRANT SELECT(due_at) ON TABLE public.mail_ledger TO crm_resolver;

GRANT UPDATE(email_id) ON TABLE public.mail_ledger TO crm_eraser;

GRANT UPDATE(raw_key) ON TABLE public.mail_ledger TO crm_eraser;

GRANT UPDATE(raw_size) ON TABLE public.mail_ledger TO crm_eraser;

GRANT UPDATE(settled_at) ON TABLE public.mail_ledger TO crm_eraser;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.mailboxes TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.mailboxes TO crm_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.mailboxes TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.mailboxes TO crm_purger;

GRANT SELECT(workspace_id) ON TABLE public.mailboxes TO crm_resolver;
GRANT SELECT(workspace_id) ON TABLE public.mailboxes TO crm_eraser;

GRANT SELECT(id) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT(address) ON TABLE public.mailboxes TO crm_resolver;
GRANT SELECT(address) ON TABLE public.mailboxes TO crm_eraser;
GRANT UPDATE(address) ON TABLE public.mailboxes TO crm_purger;

GRANT SELECT(state) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT(synced_at) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT(watch_expires_at) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT(throttled_until) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT(units_at) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT(deleted_at) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT,INSERT,DELETE ON TABLE public.mailed_links TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.mailed_links TO crm_purger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.memberships TO crm_migrator;
GRANT SELECT,INSERT ON TABLE public.memberships TO crm_app;
GRANT SELECT,INSERT ON TABLE public.memberships TO crm_auth;
GRANT SELECT ON TABLE public.memberships TO crm_worker;
GRANT SELECT ON TABLE public.memberships TO crm_resolver;
GRANT SELECT,DELETE ON TABLE public.memberships TO crm_purger;

GRANT UPDATE(role) ON TABLE public.memberships TO crm_app;
GRANT UPDATE(role) ON TABLE public.memberships TO crm_auth;

GRANT UPDATE(role_id) ON TABLE public.memberships TO crm_app;
GRANT UPDATE(role_id) ON TABLE public.memberships TO crm_auth;

GRANT UPDATE(version) ON TABLE public.memberships TO crm_app;
GRANT UPDATE(version) ON TABLE public.memberships TO crm_auth;

GRANT UPDATE(updated_at) ON TABLE public.memberships TO crm_app;
GRANT UPDATE(updated_at) ON TABLE public.memberships TO crm_auth;

GRANT UPDATE(ended_at) ON TABLE public.memberships TO crm_app;
GRANT UPDATE(ended_at) ON TABLE public.memberships TO crm_auth;

GRANT UPDATE(rejoined_at) ON TABLE public.memberships TO crm_auth;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.operation_changes TO crm_migrator;
GRANT SELECT,INSERT ON TABLE public.operation_changes TO crm_app;
GRANT SELECT,INSERT ON TABLE public.operation_changes TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.operation_changes TO crm_purger;
GRANT SELECT ON TABLE public.operation_changes TO crm_eraser;

GRANT UPDATE(before) ON TABLE public.operation_changes TO crm_eraser;

GRANT UPDATE(version) ON TABLE public.operation_changes TO crm_app;
GRANT UPDATE(version) ON TABLE public.operation_changes TO crm_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.operations TO crm_migrator;
GRANT SELECT,INSERT ON TABLE public.operations TO crm_app;
GRANT SELECT,INSERT ON TABLE public.operations TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.operations TO crm_outbox;
GRANT SELECT,DELETE ON TABLE public.operations TO crm_purger;

GRANT UPDATE(undone_by) ON TABLE public.operations TO crm_app;
GRANT UPDATE(undone_by) ON TABLE public.operations TO crm_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.outbox TO crm_migrator;
GRANT INSERT ON TABLE public.outbox TO crm_app;
GRANT INSERT ON TABLE public.outbox TO crm_worker;
GRANT INSERT ON TABLE public.outbox TO crm_auth;
GRANT SELECT,DELETE,UPDATE ON TABLE public.outbox TO crm_outbox;
GRANT SELECT,DELETE ON TABLE public.outbox TO crm_resolver;
GRANT SELECT,DELETE ON TABLE public.outbox TO crm_purger;
GRANT INSERT ON TABLE public.outbox TO crm_eraser;

GRANT INSERT(workspace_id) ON TABLE public.outbox TO crm_resolver;

GRANT INSERT(event_id) ON TABLE public.outbox TO crm_resolver;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.privacy_erased TO crm_migrator;
GRANT SELECT,DELETE ON TABLE public.privacy_erased TO crm_purger;
GRANT SELECT,INSERT,UPDATE ON TABLE public.privacy_erased TO crm_eraser;

GRANT SELECT(workspace_id) ON TABLE public.privacy_erased TO crm_worker;

GRANT SELECT(record_id) ON TABLE public.privacy_erased TO crm_worker;

GRANT SELECT(object) ON TABLE public.privacy_erased TO crm_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.privacy_requests TO crm_migrator;
GRANT SELECT,DELETE ON TABLE public.privacy_requests TO crm_purger;
GRANT SELECT,INSERT,UPDATE ON TABLE public.privacy_requests TO crm_eraser;

GRANT SELECT(workspace_id),INSERT(workspace_id) ON TABLE public.privacy_requests TO crm_app;
GRANT SELECT(workspace_id) ON TABLE public.privacy_requests TO crm_worker;
GRANT SELECT(workspace_id) ON TABLE public.privacy_requests TO crm_resolver;

GRANT SELECT(id),INSERT(id) ON TABLE public.privacy_requests TO crm_app;
GRANT SELECT(id) ON TABLE public.privacy_requests TO crm_resolver;

GRANT SELECT(kind),INSERT(kind) ON TABLE public.privacy_requests TO crm_app;

GRANT SELECT(contact_id),INSERT(contact_id) ON TABLE public.privacy_requests TO crm_app;

GRANT SELECT(address),INSERT(address) ON TABLE public.privacy_requests TO crm_app;

GRANT SELECT(fingerprint) ON TABLE public.privacy_requests TO crm_worker;

GRANT SELECT(state),UPDATE(state) ON TABLE public.privacy_requests TO crm_app;
GRANT SELECT(state) ON TABLE public.privacy_requests TO crm_resolver;

GRANT SELECT(reason),UPDATE(reason) ON TABLE public.privacy_requests TO crm_app;

GRANT SELECT(round),UPDATE(round) ON TABLE public.privacy_requests TO crm_app;

GRANT SELECT(steps) ON TABLE public.privacy_requests TO crm_app;

GRANT SELECT(export_key) ON TABLE public.privacy_requests TO crm_app;
GRANT SELECT(export_key) ON TABLE public.privacy_requests TO crm_resolver;

GRANT SELECT(export_size) ON TABLE public.privacy_requests TO crm_app;

GRANT SELECT(requested_by),INSERT(requested_by) ON TABLE public.privacy_requests TO crm_app;

GRANT SELECT(due_at) ON TABLE public.privacy_requests TO crm_resolver;
GRANT UPDATE(due_at) ON TABLE public.privacy_requests TO crm_app;

GRANT SELECT(attempts),UPDATE(attempts) ON TABLE public.privacy_requests TO crm_app;

GRANT SELECT(version),UPDATE(version) ON TABLE public.privacy_requests TO crm_app;

GRANT SELECT(created_at) ON TABLE public.privacy_requests TO crm_app;

GRANT SELECT(updated_at),UPDATE(updated_at) ON TABLE public.privacy_requests TO crm_app;

GRANT SELECT(finished_at),UPDATE(finished_at) ON TABLE public.privacy_requests TO crm_app;
GRANT SELECT(finished_at) ON TABLE public.privacy_requests TO crm_worker;
GRANT SELECT(finished_at) ON TABLE public.privacy_requests TO crm_resolver;

GRANT INSERT ON TABLE public.purged_workspaces TO crm_purger;

GRANT SELECT(id) ON TABLE public.purged_workspaces TO crm_resolver;

GRANT SELECT,INSERT,DELETE ON TABLE public.recovery_codes TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.recovery_codes TO crm_purger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.refresh_tokens TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.refresh_tokens TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.refresh_tokens TO crm_purger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.roles TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.roles TO crm_app;
GRANT SELECT ON TABLE public.roles TO crm_auth;
GRANT SELECT ON TABLE public.roles TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.roles TO crm_purger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sessions TO crm_migrator;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sessions TO crm_auth;
GRANT SELECT ON TABLE public.sessions TO crm_resolver;
GRANT SELECT,DELETE ON TABLE public.sessions TO crm_purger;

GRANT SELECT(workspace_id) ON TABLE public.sessions TO crm_app;

GRANT SELECT(id) ON TABLE public.sessions TO crm_app;

GRANT SELECT(user_id) ON TABLE public.sessions TO crm_app;

GRANT SELECT(created_at) ON TABLE public.sessions TO crm_app;

GRANT SELECT(expires_at) ON TABLE public.sessions TO crm_app;

GRANT SELECT(revoked_at) ON TABLE public.sessions TO crm_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.socket_tickets TO crm_migrator;
GRANT SELECT,INSERT,DELETE ON TABLE public.socket_tickets TO crm_app;
GRANT SELECT,DELETE ON TABLE public.socket_tickets TO crm_purger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sso_connections TO crm_migrator;
GRANT INSERT,DELETE,UPDATE ON TABLE public.sso_connections TO crm_app;
GRANT SELECT ON TABLE public.sso_connections TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.sso_connections TO crm_purger;

GRANT SELECT(workspace_id) ON TABLE public.sso_connections TO crm_app;
GRANT SELECT(workspace_id) ON TABLE public.sso_connections TO crm_resolver;

GRANT SELECT(id) ON TABLE public.sso_connections TO crm_app;

GRANT SELECT(issuer) ON TABLE public.sso_connections TO crm_app;

GRANT SELECT(client_id) ON TABLE public.sso_connections TO crm_app;

GRANT SELECT(domains) ON TABLE public.sso_connections TO crm_app;

GRANT SELECT(default_role) ON TABLE public.sso_connections TO crm_app;

GRANT SELECT(required) ON TABLE public.sso_connections TO crm_app;
GRANT SELECT(required) ON TABLE public.sso_connections TO crm_resolver;

GRANT SELECT(enabled) ON TABLE public.sso_connections TO crm_app;
GRANT SELECT(enabled) ON TABLE public.sso_connections TO crm_resolver;

GRANT SELECT(sessions_from) ON TABLE public.sso_connections TO crm_app;

GRANT SELECT(version) ON TABLE public.sso_connections TO crm_app;

GRANT SELECT(created_at) ON TABLE public.sso_connections TO crm_app;

GRANT SELECT(updated_at) ON TABLE public.sso_connections TO crm_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sso_identities TO crm_migrator;
GRANT SELECT,INSERT ON TABLE public.sso_identities TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.sso_identities TO crm_purger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.tasks TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.tasks TO crm_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.tasks TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.tasks TO crm_purger;
GRANT SELECT,DELETE ON TABLE public.tasks TO crm_eraser;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.team_members TO crm_migrator;
GRANT SELECT,INSERT,DELETE ON TABLE public.team_members TO crm_app;
GRANT SELECT,DELETE ON TABLE public.team_members TO crm_purger;
GRANT SELECT,DELETE ON TABLE public.team_members TO crm_auth;
GRANT SELECT ON TABLE public.team_members TO crm_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.teams TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.teams TO crm_app;
GRANT SELECT,DELETE ON TABLE public.teams TO crm_purger;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.threads TO crm_migrator;
GRANT SELECT ON TABLE public.threads TO crm_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.threads TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.threads TO crm_purger;
GRANT SELECT,DELETE ON TABLE public.threads TO crm_eraser;

GRANT UPDATE(emails) ON TABLE public.threads TO crm_eraser;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.throttles TO crm_auth;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.totp_factors TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.totp_factors TO crm_purger;

GRANT SELECT,INSERT,UPDATE ON TABLE public.users TO crm_auth;

GRANT SELECT(id) ON TABLE public.users TO crm_resolver;

GRANT SELECT(email) ON TABLE public.users TO crm_resolver;

GRANT SELECT(name) ON TABLE public.users TO crm_resolver;

GRANT SELECT(email_verified_at) ON TABLE public.users TO crm_resolver;

GRANT SELECT(erased_at) ON TABLE public.users TO crm_resolver;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhook_deliveries TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.webhook_deliveries TO crm_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhook_deliveries TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.webhook_deliveries TO crm_purger;
GRANT SELECT ON TABLE public.webhook_deliveries TO crm_eraser;

GRANT SELECT(workspace_id) ON TABLE public.webhook_deliveries TO crm_resolver;

GRANT SELECT(endpoint_id) ON TABLE public.webhook_deliveries TO crm_resolver;

GRANT UPDATE(body) ON TABLE public.webhook_deliveries TO crm_eraser;

GRANT SELECT(state) ON TABLE public.webhook_deliveries TO crm_resolver;

GRANT SELECT(due_at) ON TABLE public.webhook_deliveries TO crm_resolver;

GRANT UPDATE(log) ON TABLE public.webhook_deliveries TO crm_eraser;

GRANT SELECT(created_at) ON TABLE public.webhook_deliveries TO crm_resolver;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhook_endpoints TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.webhook_endpoints TO crm_app;
GRANT SELECT,UPDATE ON TABLE public.webhook_endpoints TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.webhook_endpoints TO crm_purger;

GRANT SELECT(workspace_id) ON TABLE public.webhook_endpoints TO crm_resolver;
GRANT SELECT(workspace_id) ON TABLE public.webhook_endpoints TO crm_eraser;

GRANT SELECT(id) ON TABLE public.webhook_endpoints TO crm_resolver;
GRANT SELECT(id) ON TABLE public.webhook_endpoints TO crm_eraser;

GRANT SELECT(url) ON TABLE public.webhook_endpoints TO crm_eraser;

GRANT SELECT(enabled) ON TABLE public.webhook_endpoints TO crm_resolver;

GRANT SELECT(resting_until) ON TABLE public.webhook_endpoints TO crm_resolver;

GRANT SELECT(busy_until) ON TABLE public.webhook_endpoints TO crm_resolver;

GRANT SELECT(tokens_at) ON TABLE public.webhook_endpoints TO crm_resolver;

GRANT SELECT(deleted_at) ON TABLE public.webhook_endpoints TO crm_resolver;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.workspace_keys TO crm_migrator;
GRANT SELECT,INSERT ON TABLE public.workspace_keys TO crm_app;
GRANT SELECT,INSERT ON TABLE public.workspace_keys TO crm_worker;
GRANT SELECT ON TABLE public.workspace_keys TO crm_auth;
GRANT SELECT,DELETE ON TABLE public.workspace_keys TO crm_purger;
GRANT SELECT,INSERT ON TABLE public.workspace_keys TO crm_eraser;

GRANT SELECT,INSERT ON TABLE public.workspaces TO crm_app;
GRANT SELECT,INSERT ON TABLE public.workspaces TO crm_auth;
GRANT SELECT ON TABLE public.workspaces TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.workspaces TO crm_purger;

GRANT SELECT(id) ON TABLE public.workspaces TO crm_resolver;

GRANT UPDATE(name) ON TABLE public.workspaces TO crm_app;
GRANT UPDATE(name) ON TABLE public.workspaces TO crm_auth;

GRANT UPDATE(version) ON TABLE public.workspaces TO crm_app;
GRANT UPDATE(version) ON TABLE public.workspaces TO crm_auth;

GRANT UPDATE(updated_at) ON TABLE public.workspaces TO crm_app;
GRANT UPDATE(updated_at) ON TABLE public.workspaces TO crm_auth;

GRANT UPDATE(deletion_asked_by) ON TABLE public.workspaces TO crm_app;
GRANT UPDATE(deletion_asked_by) ON TABLE public.workspaces TO crm_auth;

GRANT UPDATE(deletion_asked_at) ON TABLE public.workspaces TO crm_app;
GRANT UPDATE(deletion_asked_at) ON TABLE public.workspaces TO crm_auth;

GRANT UPDATE(purge_at) ON TABLE public.workspaces TO crm_app;
GRANT UPDATE(purge_at) ON TABLE public.workspaces TO crm_auth;
GRANT SELECT(purge_at) ON TABLE public.workspaces TO crm_resolver;

GRANT UPDATE(purge_stage) ON TABLE public.workspaces TO crm_worker;

GRANT UPDATE(purge_counts) ON TABLE public.workspaces TO crm_worker;

GRANT UPDATE(purge_busy_until) ON TABLE public.workspaces TO crm_worker;
GRANT SELECT(purge_busy_until) ON TABLE public.workspaces TO crm_resolver;

ALTER DEFAULT PRIVILEGES FOR ROLE crm_owner REVOKE ALL ON FUNCTIONS FROM PUBLIC;

ALTER DEFAULT PRIVILEGES FOR ROLE crm_purger REVOKE ALL ON FUNCTIONS FROM PUBLIC;

ALTER DEFAULT PRIVILEGES FOR ROLE crm_resolver REVOKE ALL ON FUNCTIONS FROM PUBLIC;

ALTER DEFAULT PRIVILEGES FOR ROLE crm_search REVOKE ALL ON FUNCTIONS FROM PUBLIC;

INSERT INTO app.monthly_tables VALUES ('event_log');
INSERT INTO app.monthly_tables VALUES ('emails');
INSERT INTO app.monthly_tables VALUES ('email_bodies');
INSERT INTO app.monthly_tables VALUES ('email_participants');
INSERT INTO app.monthly_tables VALUES ('email_subjects');
INSERT INTO app.monthly_tables VALUES ('email_analyses');
INSERT INTO app.monthly_tables VALUES ('email_entities');
INSERT INTO app.monthly_tables VALUES ('audit_log');
