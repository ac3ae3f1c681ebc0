-- depends: 0026_identities
-- Erasing an account in portions: first every workspace is left, then each one forgets, some rows at
-- a time; one that fails holds up no other. The mailboxes they connected forget their addresses.
set local role crm_owner;

alter table public.account_erasures
    add column stage text not null default 'leaving' check (stage in ('leaving', 'redacting')),
    -- How far the audit log of the workspace after `done_until` is redacted.
    add column redacted_until uuid,
    -- Workspaces that failed since the beginning of this round; when the next one begins.
    add column failed int not null default 0,
    add column due_at timestamptz not null default now();
drop index public.account_erasures_open;
create index account_erasures_open on public.account_erasures (due_at) where finished_at is null;

create policy living_alone on public.mailboxes as restrictive for insert to crm_app
    with check (not app.is_erased(user_id));
grant update (address) on public.mailboxes to crm_purger;

set local role crm_purger;
drop function app.redact_person(uuid, text);

-- Whether the person is being erased: nobody else is redacted.
create function app.require_erasing(person uuid) returns uuid
language plpgsql set search_path = pg_catalog as $$
begin
    if not exists (select from public.account_erasures e
            where e.user_id = person and e.finished_at is null) then
        raise insufficient_privilege using message = 'this account is not being erased';
    end if;
    return nullif(current_setting('app.workspace_id', true), '')::uuid;
end $$;

-- Events about a thing hold `shown` in place of one field's value from now on. Nothing finds an
-- event by what it is about; but by when that was changed, of which the audit log knows.
create function app.redact_events(thing uuid, kinds text, field text, shown text) returns void
language sql set search_path = pg_catalog as $$
    update public.event_log e set payload = jsonb_set(e.payload, array[field], to_jsonb(shown))
    from public.audit_log a
    where a.workspace_id = nullif(current_setting('app.workspace_id', true), '')::uuid
        and a.object_id = thing and e.workspace_id = a.workspace_id
        and e.id >= app.uuid7_floor(a.at - interval '5 minutes')
        and e.id < app.uuid7_floor(a.at + interval '5 minutes')
        and e.type like kinds and e.payload ->> 'aggregate_id' = thing::text
$$;

-- The audit log's rows of a thing hold nothing in place of one field's value from now on.
create function app.redact_field(thing uuid, field text) returns void
language sql set search_path = pg_catalog as $$
    update public.audit_log a set
        before = case when a.before ? field then a.before || jsonb_build_object(field, null)
            else a.before end,
        after = case when a.after ? field then a.after || jsonb_build_object(field, null)
            else a.after end
    where a.workspace_id = nullif(current_setting('app.workspace_id', true), '')::uuid
        and a.object_id = thing and (a.before ? field or a.after ? field)
$$;

-- Takes a person out of the transaction's workspace, wherever it tells of them as a person, but the
-- audit log, which may be long: the feed, invitations, mailboxes, names at a provider. Ids stay.
create function app.redact_person(person uuid, address text) returns void
language plpgsql security definer set search_path = pg_catalog as $$
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

-- Takes a person out of `most` rows of the workspace's audit log, from after `done`: from where they
-- acted, themselves or by a key, and what they were before and after. The last row's id, null where
-- there are no more.
create function app.redact_acts(person uuid, done uuid, most int) returns uuid
language plpgsql security definer set search_path = pg_catalog as $$
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
grant execute on function app.redact_person, app.redact_acts to crm_auth;
