-- depends: 0007_ai
set local role crm_owner;

-- The answers to requests that came with an Idempotency-Key, for a day. `request` is a hash of who
-- asked what under which key; `response` is sealed with the workspace's data key.
create table public.idempotency_keys (
    workspace_id uuid not null references public.workspaces (id),
    request bytea not null check (length(request) = 32),
    response bytea not null,
    created_at timestamptz not null default now(),
    primary key (workspace_id, request)
);
call app.protect('public.idempotency_keys');
create policy expire on public.idempotency_keys for delete to crm_outbox
    using (created_at <= now() - interval '24 hours');
create policy expire_select on public.idempotency_keys for select to crm_outbox
    using (created_at <= now() - interval '24 hours');
grant select, insert, update on public.idempotency_keys to crm_app;
grant select, delete on public.idempotency_keys to crm_outbox;
create index idempotency_keys_created on public.idempotency_keys (created_at);

-- Claims a request for this transaction: `free` is false while another one has it. The answer is
-- looked up after the lock is held, by a statement of its own: inside one statement it would be
-- looked up as of before the lock, and what was committed in between be missed.
create function app.claim_request(wanted bytea, out free boolean, out response bytea)
language plpgsql volatile set search_path = pg_catalog as $$
begin
    free := pg_try_advisory_xact_lock(('x' || encode(substr(wanted, 1, 8), 'hex'))::bit(64)::bigint);
    if free then
        select k.response into response from public.idempotency_keys k
        where k.workspace_id = (select nullif(current_setting('app.workspace_id', true), '')::uuid)
            and k.request = wanted and k.created_at > now() - interval '24 hours';
    end if;
end $$;
grant execute on function app.claim_request to crm_app;
