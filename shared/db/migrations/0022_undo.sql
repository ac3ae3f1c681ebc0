-- depends: 0021_privacy
-- Undoing knows of every change: of those that nobody can make undone, too. And bulk edits.
set local role crm_owner;

alter table public.operations drop constraint operations_kind_check;
alter table public.operations add constraint operations_kind_check
    check (kind in ('batch', 'bulk_edit', 'undo'));

-- A bulk edit that finds nothing to change leaves no operation: it is known at its end.
alter table public.operation_changes
    alter constraint operation_changes_workspace_id_operation_id_fkey deferrable initially deferred;

-- Changes of tables without `remember_change` have no row of before: they are written down by the
-- audit's trigger, so that undoing their operation is refused instead of leaving them out.
create or replace function app.audit() returns trigger
language plpgsql set search_path = pg_catalog as $$
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
