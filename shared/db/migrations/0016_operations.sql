-- depends: 0015_realtime
-- Changes that were made together, so that they can be undone together.
set local role crm_owner;

create table public.operations (
    workspace_id uuid not null references public.workspaces (id),
    id uuid not null,
    kind text not null check (kind in ('batch', 'undo')),
    actor text not null check (length(actor) <= 100),
    -- The operation that undid this one.
    undone_by uuid,
    created_at timestamptz not null default now(),
    primary key (workspace_id, id),
    foreign key (workspace_id, undone_by) references public.operations (workspace_id, id)
        deferrable initially deferred
);
call app.protect('public.operations');
grant select, insert, update (undone_by) on public.operations to crm_app, crm_worker;
create index operations_newest on public.operations (workspace_id, created_at desc, id desc);
create index operations_undone on public.operations (workspace_id, undone_by)
    where undone_by is not null;

-- What a record was before an operation, null where it was not, and the version that it left.
create table public.operation_changes (
    workspace_id uuid not null,
    operation_id uuid not null,
    object text not null check (length(object) <= 100),
    record_id uuid not null,
    before jsonb,
    version bigint not null,
    primary key (workspace_id, operation_id, object, record_id),
    foreign key (workspace_id, operation_id) references public.operations (workspace_id, id)
        on delete cascade
);
call app.protect('public.operation_changes');
grant select, insert, update (version) on public.operation_changes to crm_app, crm_worker;

-- They hold what people were called and said: after 30 days there is no undoing any more.
create policy expire on public.operations for delete to crm_outbox
    using (created_at < now() - interval '30 days');
create policy expire_select on public.operations for select to crm_outbox
    using (created_at < now() - interval '30 days');
grant select, delete on public.operations to crm_outbox;
create index operations_expiry on public.operations (created_at);

-- From now until the transaction ends, changes belong to this operation.
create function app.begin_operation(operation uuid) returns void
language plpgsql set search_path = pg_catalog as $$
begin
    perform set_config('app.operation', operation::text, true);
end $$;
grant execute on function app.begin_operation to crm_app, crm_worker;

create function app.remember_change() returns trigger
language plpgsql set search_path = pg_catalog as $$
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
grant execute on function app.remember_change to crm_app, crm_worker;

create trigger remember_change after insert or update on public.contacts for each row
    when (nullif(current_setting('app.operation', true), '') is not null)
    execute function app.remember_change('contacts');
create trigger remember_change after insert or update on public.tasks for each row
    when (nullif(current_setting('app.operation', true), '') is not null)
    execute function app.remember_change('tasks');
