-- depends: 0005_activities
set local role crm_owner;

create table public.automations (
    workspace_id uuid not null references public.workspaces (id),
    id uuid not null,
    name text not null check (length(name) between 1 and 200),
    enabled boolean not null,
    event_type text not null check (length(event_type) <= 100),
    conditions jsonb not null,
    actions jsonb not null,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (workspace_id, id)
);
call app.protect('public.automations');
grant select, insert, update on public.automations to crm_app;
grant select on public.automations to crm_worker;

create index automations_newest on public.automations (workspace_id, created_at desc, id desc)
    where deleted_at is null;
create index automations_live on public.automations (workspace_id, event_type)
    where enabled and deleted_at is null;

-- One row for each event an automation acted on, for ever: it is why a redelivered event, however
-- late, does nothing twice.
create table public.automation_runs (
    workspace_id uuid not null references public.workspaces (id),
    id uuid not null,
    automation_id uuid not null,
    event_id uuid not null,
    event_type text not null check (length(event_type) <= 100),
    status text not null check (status in ('done', 'failed', 'skipped')),
    reason text check (length(reason) <= 100),
    actions jsonb not null,
    created_at timestamptz not null default now(),
    primary key (workspace_id, id),
    unique (workspace_id, automation_id, event_id),
    foreign key (workspace_id, automation_id) references public.automations (workspace_id, id)
);
call app.protect('public.automation_runs');
grant select on public.automation_runs to crm_app;
grant select, insert on public.automation_runs to crm_worker;

create index automation_runs_newest
    on public.automation_runs (workspace_id, automation_id, created_at desc, id desc);
