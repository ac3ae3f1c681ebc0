-- depends: 0024_automations
-- Two erasures at once each note what they erase; and one that was given up can be tried again.
set local role crm_owner;

alter table public.privacy_erased drop constraint privacy_erased_pkey;
alter table public.privacy_erased add primary key (workspace_id, record_id, request_id);

drop policy erasing on public.audit_log;
create policy erasing on public.audit_log as restrictive for update to crm_eraser using (
    exists (select from public.privacy_erased e
        where e.workspace_id = audit_log.workspace_id and e.record_id = audit_log.object_id)
);
drop policy erasing on public.event_log;
create policy erasing on public.event_log as restrictive for update to crm_eraser using (
    exists (select from public.privacy_erased e
        where e.workspace_id = event_log.workspace_id
            and e.record_id = (event_log.payload ->> 'aggregate_id')::uuid)
);

grant update (state, reason, round, attempts, due_at, finished_at, version, updated_at)
    on public.privacy_requests to crm_app;
create policy trying_again on public.privacy_requests as restrictive for update to crm_app
    using (state = 'failed' and reason is distinct from 'erased') with check (state = 'waiting');
-- Consumers that write down what events tell ask whether it was erased since.
grant select (workspace_id, record_id, object) on public.privacy_erased to crm_worker;
