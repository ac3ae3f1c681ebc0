-- depends: 0014_listing
-- Live updates: tickets that the cache did not take, and what a connection's sign-in still permits.
set local role crm_owner;

-- A ticket opens one connection, once, within a minute. `digest` is the hash of its secret.
create table public.socket_tickets (
    workspace_id uuid not null references public.workspaces (id),
    digest bytea not null check (length(digest) = 32),
    user_id uuid not null,
    session_id uuid not null,
    access text not null,
    expires_at timestamptz not null,
    primary key (workspace_id, digest),
    foreign key (workspace_id, session_id) references public.sessions (workspace_id, id)
        on delete cascade
);
call app.protect('public.socket_tickets');
create index socket_tickets_session on public.socket_tickets (workspace_id, session_id);
create index socket_tickets_over on public.socket_tickets (workspace_id, expires_at);
grant select, insert, delete on public.socket_tickets to crm_app;

-- Whether a sign-in is over; nothing of where it is used.
grant select (workspace_id, id, user_id, expires_at, revoked_at) on public.sessions to crm_app;
