-- depends: 0001_platform
set local role crm_owner;

create table public.contacts (
    workspace_id uuid not null references public.workspaces (id),
    id uuid not null,
    name text not null check (length(name) between 1 and 200),
    email text check (email = lower(email) and length(email) <= 320),
    phone text check (length(phone) <= 40),
    company text check (length(company) <= 200),
    job_title text check (length(job_title) <= 200),
    tags text[] not null default '{}',
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (workspace_id, id)
);
call app.protect('public.contacts');
grant select, insert, update on public.contacts to crm_app, crm_worker;

create unique index contacts_email on public.contacts (workspace_id, email) where deleted_at is null;
create index contacts_newest on public.contacts (workspace_id, created_at desc, id desc)
    where deleted_at is null;
