-- depends: 0012_sessions
-- What lists are sorted by besides the time of creation, as `fields.py` of a capability says, and
-- whose mails are asked for.
set local role crm_owner;

create index contacts_name on public.contacts (workspace_id, name, id) where deleted_at is null;
create index contacts_updated on public.contacts (workspace_id, updated_at, id)
    where deleted_at is null;
create index tasks_due on public.tasks (workspace_id, coalesce(due_at, 'infinity'), id)
    where deleted_at is null;
create index emails_sender on public.emails (workspace_id, sender_email, received_at desc, id desc);

-- Whether a caller reads everything is one truth for a whole query: said as a boolean, Postgres takes
-- it for an even chance. Said as a comparison of texts, it expected one row in two hundred, and read
-- whole tables to sort what it took for few.
create procedure app.guard_reading(target regclass, thing text)
language plpgsql set search_path = pg_catalog as $$
begin
    execute format(
        'create policy reading on %1$s as restrictive for select to crm_app using (
            (select app.reach(%2$L) = ''all'')
            or (select app.reach(%2$L) is not null)
                and owner_id = (select nullif(current_setting(''app.user_id'', true), '''')::uuid)
            or (select app.reach(%2$L) = ''team'') and owner_id = any ((select app.teammates())::uuid[])
        )', target, thing);
end $$;

create or replace procedure app.guard_owned(target regclass, thing text)
language plpgsql set search_path = pg_catalog as $$
begin
    call app.guard(target, null, thing || '.write', thing || '.delete');
    call app.guard_reading(target, thing);
end $$;

drop policy reading on public.contacts;
drop policy reading on public.tasks;
call app.guard_reading('public.contacts', 'contacts');
call app.guard_reading('public.tasks', 'tasks');
