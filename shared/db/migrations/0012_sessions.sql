-- depends: 0011_access
-- Sessions that are refreshed, listed and revoked; sign-in attempts that are counted.
set local role crm_owner;

-- A session lives as long as it is refreshed. Of where it is used only the last is kept: it is
-- personal data. `signed_in_at` goes along when a person moves on to another workspace, so that the
-- longest life of a sign-in is counted from when they last proved who they are.
alter table public.sessions
    add column method text not null default 'password'
        check (method in ('password', 'totp', 'recovery_code', 'google', 'oidc')),
    add column signed_in_at timestamptz not null default now(),
    add column last_used_at timestamptz not null default now(),
    add column address text check (length(address) <= 45),
    add column user_agent text check (length(user_agent) <= 300),
    add column version bigint not null default 1,
    add column revoked_reason text check (revoked_reason in ('signed_out', 'ended', 'reused',
        'switched', 'password_changed', 'password_reset', 'factor_changed', 'membership_ended'));
grant delete on public.sessions to crm_auth;
drop index public.sessions_user;
create index sessions_person on public.sessions (workspace_id, user_id, created_at desc, id desc)
    where revoked_at is null;

-- The refresh tokens of a session, by the hash of their secret. Those that were used are kept as
-- long as the session, because one that comes again tells that somebody has a copy.
create table public.refresh_tokens (
    workspace_id uuid not null,
    hash bytea not null check (length(hash) = 32),
    session_id uuid not null,
    used_at timestamptz,
    primary key (workspace_id, hash),
    foreign key (workspace_id, session_id) references public.sessions (workspace_id, id)
        on delete cascade
);
call app.protect('public.refresh_tokens');
create index refresh_tokens_session on public.refresh_tokens (workspace_id, session_id);
grant select, insert, update on public.refresh_tokens to crm_auth;

-- Where a person has sessions, to end them all; and which have long been over, to delete them.
create policy resolve on public.sessions for select to crm_resolver using (true);
grant select on public.sessions to crm_resolver;
create index sessions_alive on public.sessions (user_id) where revoked_at is null;
create index sessions_over on public.sessions (expires_at);

set local role crm_resolver;
create function app.resolve_session_workspaces(person uuid) returns table (workspace_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select distinct s.workspace_id from public.sessions s
    where s.user_id = person and s.revoked_at is null and s.expires_at > now()
    order by 1
$$;
create function app.resolve_old_sessions(before timestamptz, most int)
returns table (workspace_id uuid, session_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select s.workspace_id, s.id from public.sessions s
    where s.expires_at < before order by s.expires_at limit most
$$;
grant execute on function app.resolve_session_workspaces, app.resolve_old_sessions to crm_auth;
set local role crm_owner;

-- How far attempts at signing in and the like are used up, where the cache does not answer. They
-- are made by people nobody knows yet, so there is no workspace; crm_auth alone reads it, and keys
-- are hashes. `used_until` is the theoretical arrival time of the generic cell rate algorithm.
create table public.throttles (
    key bytea primary key check (length(key) = 32),
    used_until timestamptz not null
);
grant select, insert, update, delete on public.throttles to crm_auth;
create index throttles_used on public.throttles (used_until);

-- One attempt more: 0 where it is free, else the seconds until one is. `every` is the time in which
-- one comes back, `at_once` how many there are at most. The row is locked by the insert, so of two
-- at once the second one counts on the first.
create function app.take_attempt(wanted bytea, every interval, at_once int) returns double precision
language plpgsql volatile set search_path = pg_catalog as $$
declare
    moment timestamptz;
    used timestamptz;
begin
    insert into public.throttles as t (key, used_until) values (wanted, clock_timestamp())
    on conflict (key) do update set used_until = greatest(t.used_until, clock_timestamp())
    returning t.used_until into used;
    moment := clock_timestamp();
    if used > moment + every * (at_once - 1) then
        return extract(epoch from used - moment - every * (at_once - 1));
    end if;
    update public.throttles t set used_until = used + every where t.key = wanted;
    return 0;
end $$;
grant execute on function app.take_attempt to crm_auth;
