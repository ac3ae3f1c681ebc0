-- depends: 0018_audit
-- Signing in by an account elsewhere: Google for people, a provider of its own for a workspace.
set local role crm_owner;

-- Sign-ins that were begun and not finished, by the hash of their state; each is finished once. What
-- the browser holds is here as a hash; what is sent to the provider is not. Nobody is known yet, so
-- crm_auth alone reads it; `wanted` is the workspace that is to be entered, whoever it will be.
create table public.external_sign_ins (
    state_hash bytea primary key check (length(state_hash) = 32),
    binding_hash bytea not null check (length(binding_hash) = 32),
    provider text not null check (provider in ('google', 'sso')),
    issuer text not null check (length(issuer) <= 2048),
    client_id text not null check (length(client_id) <= 500),
    nonce text not null,
    verifier text not null,
    wanted uuid,
    workspace_name text check (length(workspace_name) between 1 and 200),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    check (provider <> 'sso' or wanted is not null)
);
create index external_sign_ins_expired on public.external_sign_ins (expires_at);
grant select, insert, delete on public.external_sign_ins to crm_auth;

-- Whose account elsewhere it is, where that is good for the person wherever they belong: Google's.
create table public.external_identities (
    issuer text not null check (length(issuer) <= 2048),
    subject text not null check (length(subject) between 1 and 255),
    user_id uuid not null references public.users (id),
    created_at timestamptz not null default now(),
    primary key (issuer, subject)
);
create index external_identities_person on public.external_identities (user_id);
grant select, insert on public.external_identities to crm_auth;

-- A workspace's own provider. Sessions by it that are from before `sessions_from` are refreshed no
-- more: it is another provider since, or was switched off meanwhile.
create table public.sso_connections (
    workspace_id uuid primary key references public.workspaces (id),
    id uuid not null,
    issuer text not null check (length(issuer) <= 2048),
    client_id text not null check (length(client_id) between 1 and 500),
    client_secret bytea not null,
    domains text[] not null check (cardinality(domains) between 1 and 50),
    default_role text check (default_role in ('admin', 'member', 'viewer')),
    required boolean not null default false,
    enabled boolean not null default true,
    sessions_from timestamptz not null default now(),
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
call app.protect('public.sso_connections');
call app.guard('public.sso_connections', 'workspace.settings', 'workspace.settings', null);
-- Whoever runs the provider can be any member here, owners too; so owners alone choose it.
create policy owners_added on public.sso_connections as restrictive for insert to crm_app
    with check ((select app.may('workspace.delete')));
create policy owners_changed on public.sso_connections as restrictive for update to crm_app
    with check ((select app.may('workspace.delete')));
create policy owners_removed on public.sso_connections as restrictive for delete to crm_app
    using ((select app.may('workspace.delete')));
-- What answers people never reads the secret.
grant select (workspace_id, id, issuer, client_id, domains, default_role, required, enabled,
    sessions_from, version, created_at, updated_at) on public.sso_connections to crm_app;
grant insert, update, delete on public.sso_connections to crm_app;
grant select on public.sso_connections to crm_auth;
call app.audited('public.sso_connections', 'id',
    'issuer,client_id,domains,default_role,required,enabled', 'client_secret');

-- Whom a workspace's provider knows by which name. It is good in this workspace and nowhere else.
create table public.sso_identities (
    workspace_id uuid not null,
    issuer text not null check (length(issuer) <= 2048),
    subject text not null check (length(subject) between 1 and 255),
    user_id uuid not null,
    created_at timestamptz not null default now(),
    primary key (workspace_id, issuer, subject),
    foreign key (workspace_id, user_id) references public.memberships (workspace_id, user_id)
);
call app.protect('public.sso_identities');
create index sso_identities_person on public.sso_identities (workspace_id, user_id);
grant select, insert on public.sso_identities to crm_auth;

-- The secret of a workspace's provider is under its data key.
grant select on public.workspace_keys to crm_auth;

-- Which of their workspaces a person enters by its provider alone. Owners can do without: somebody
-- has to get in where the provider fails.
create policy resolve on public.sso_connections for select to crm_resolver using (true);
grant select (workspace_id, required, enabled) on public.sso_connections to crm_resolver;
set local role crm_resolver;
create function app.resolve_sso_required(person uuid) returns table (workspace_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select m.workspace_id
    from public.memberships m
    join public.sso_connections c on c.workspace_id = m.workspace_id
    where m.user_id = person and m.ended_at is null and m.role <> 'owner'
        and c.required and c.enabled
$$;
grant execute on function app.resolve_sso_required to crm_auth;
