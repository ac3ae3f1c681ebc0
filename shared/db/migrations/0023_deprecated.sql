-- depends: 0022_undo
-- Who still uses routes that will go, by day: to tell them, before they do.
set local role crm_owner;

create table public.deprecated_uses (
    workspace_id uuid not null references public.workspaces (id),
    id uuid not null,
    route text not null check (length(route) <= 200),
    actor text not null check (length(actor) <= 100),
    day date not null,
    sunset date not null,
    uses bigint not null default 1,
    first_at timestamptz not null default now(),
    last_at timestamptz not null default now(),
    primary key (workspace_id, id),
    unique (workspace_id, day, route, actor)
);
call app.protect('public.deprecated_uses');
-- Everybody counts their own uses; who else uses what is for whoever reads the audit log.
create policy reading on public.deprecated_uses as restrictive for select to crm_app
    using ((select app.may('audit.read')) or actor = (select current_setting('app.actor', true)));
create policy own on public.deprecated_uses as restrictive for insert to crm_app, crm_auth
    with check (actor = (select current_setting('app.actor', true)));
create policy still_own on public.deprecated_uses as restrictive for update to crm_app, crm_auth
    using (actor = (select current_setting('app.actor', true)));
create index deprecated_uses_newest on public.deprecated_uses (workspace_id, first_at desc, id desc);
grant select, insert, update (uses, last_at, sunset) on public.deprecated_uses to crm_app, crm_auth;
