-- depends: 0002_contacts
set local role crm_owner;

-- Mails live in partitions and are archived with them, and runs are pruned: tasks outlive both, so
-- email_id and automation_run_id are no foreign keys.
create table public.tasks (
    workspace_id uuid not null references public.workspaces (id),
    id uuid not null,
    title text not null check (length(title) between 1 and 200),
    notes text check (length(notes) <= 10000),
    status text not null default 'open' check (status in ('open', 'done')),
    due_at timestamptz,
    contact_id uuid,
    email_id uuid,
    source text check (length(source) <= 500),
    created_by text not null check (length(created_by) <= 100),
    automation_run_id uuid,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (workspace_id, id),
    foreign key (workspace_id, contact_id) references public.contacts (workspace_id, id)
);
call app.protect('public.tasks');
grant select, insert, update on public.tasks to crm_app, crm_worker;

create index tasks_newest on public.tasks (workspace_id, created_at desc, id desc)
    where deleted_at is null;
create index tasks_status on public.tasks (workspace_id, status, created_at desc, id desc)
    where deleted_at is null;
create index tasks_contact on public.tasks (workspace_id, contact_id, created_at desc, id desc)
    where contact_id is not null;
create index tasks_email on public.tasks (workspace_id, email_id, created_at desc, id desc)
    where email_id is not null;
