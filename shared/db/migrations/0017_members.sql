-- depends: 0016_operations
-- Members by name, those who leave and come back, and invitations.
set local role crm_owner;

-- Who comes back has nothing of what they had before: neither sessions nor keys.
alter table public.memberships add column rejoined_at timestamptz;
-- With the workspace, too: where that is known, it is entered by both.
drop index public.memberships_user;
create index memberships_user on public.memberships (user_id, workspace_id);
create index memberships_newest on public.memberships
    (workspace_id, created_at desc, user_id desc) where ended_at is null;
create index memberships_role on public.memberships (workspace_id, role_id)
    where role_id is not null and ended_at is null;
create index teams_newest on public.teams (workspace_id, created_at desc, id desc)
    where deleted_at is null;
create index roles_newest on public.roles (workspace_id, created_at desc, id desc)
    where deleted_at is null;
create index team_members_newest on public.team_members
    (workspace_id, team_id, created_at desc, user_id desc);
-- Whoever accepts an invitation joins a workspace that is not the one of their token.
grant update (role, role_id, version, updated_at, ended_at, rejoined_at) on public.memberships
    to crm_auth;

-- Owners are made and unmade by owners, who alone may delete a workspace; everybody may leave.
drop policy adding on public.memberships;
create policy adding on public.memberships as restrictive for insert to crm_app with check (
    (select app.may('members.settings'))
        and (role <> 'owner' or (select app.may('workspace.delete')))
);
drop policy changing on public.memberships;
create policy changing on public.memberships as restrictive for update to crm_app with check (
    (select app.may('members.settings'))
        and (role <> 'owner' or (select app.may('workspace.delete')))
    or ended_at is not null
        and user_id = (select nullif(current_setting('app.user_id', true), '')::uuid)
);
drop policy removing on public.team_members;
create policy removing on public.team_members as restrictive for delete to crm_app using (
    (select app.may('members.settings'))
        or user_id = (select nullif(current_setting('app.user_id', true), '')::uuid)
);
create policy reading on public.teams as restrictive for select to crm_app using (
    (select app.may('members.read')) or (select app.may('members.settings'))
);

-- What a member may be told is asked for webhooks, too.
grant select on public.roles to crm_worker;

-- The names of people, whom crm_auth alone may read otherwise: of those who are or were members of
-- the transaction's own workspace, and for whoever may see members.
grant select (id, email, name, email_verified_at) on public.users to crm_resolver;
grant execute on function app.may to crm_resolver;
set local role crm_resolver;
create function app.name_members(people uuid[])
returns table (user_id uuid, name text, email text, verified boolean)
language sql stable security definer set search_path = pg_catalog as $$
    select u.id, u.name, u.email, u.email_verified_at is not null
    from public.memberships m join public.users u on u.id = m.user_id
    where m.workspace_id = (select nullif(current_setting('app.workspace_id', true), '')::uuid)
        and m.user_id = any (people)
        and ((select app.may('members.read')) or (select app.may('members.settings')))
$$;
-- Which member has an address.
create function app.find_member(address text) returns table (user_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select u.id
    from public.users u join public.memberships m on m.user_id = u.id
    where u.email = address and m.ended_at is null
        and m.workspace_id = (select nullif(current_setting('app.workspace_id', true), '')::uuid)
        and ((select app.may('members.read')) or (select app.may('members.settings')))
$$;
grant execute on function app.name_members, app.find_member to crm_app;
set local role crm_owner;

-- Somebody who is asked to join. What their mails prove it by is stored by its hash, as often as it
-- was mailed; `inviter` is the address that the mail names. Open are those that were neither
-- accepted nor revoked: one for an address, renewed when it is asked for again.
create table public.invitations (
    workspace_id uuid not null references public.workspaces (id),
    id uuid not null,
    email text not null check (email = lower(email) and length(email) <= 320),
    role text not null check (role in ('owner', 'admin', 'member', 'viewer', 'custom')),
    role_id uuid,
    invited_by uuid not null,
    inviter text not null check (length(inviter) <= 320),
    token_hashes bytea[] not null default '{}',
    expires_at timestamptz not null,
    accepted_at timestamptz,
    accepted_by uuid,
    revoked_at timestamptz,
    mail_state text not null default 'waiting' check (mail_state in ('waiting', 'sent', 'failed')),
    mail_attempts int not null default 0,
    mail_due_at timestamptz not null default now(),
    mail_asked_at timestamptz not null default now(),
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (workspace_id, id),
    foreign key (workspace_id, role_id) references public.roles (workspace_id, id),
    foreign key (workspace_id, invited_by) references public.memberships (workspace_id, user_id),
    foreign key (workspace_id, accepted_by) references public.memberships (workspace_id, user_id),
    check ((role = 'custom') = (role_id is not null)),
    check (accepted_at is null or accepted_by is not null),
    check (accepted_at is null or revoked_at is null)
);
call app.protect('public.invitations');
call app.guard('public.invitations', 'members.settings', 'members.settings', null);
create policy owners_added on public.invitations as restrictive for insert to crm_app
    with check (role <> 'owner' or (select app.may('workspace.delete')));
create policy owners_changed on public.invitations as restrictive for update to crm_app
    with check (role <> 'owner' or (select app.may('workspace.delete')));
create unique index invitations_open on public.invitations (workspace_id, email)
    where accepted_at is null and revoked_at is null;
create index invitations_newest on public.invitations (workspace_id, created_at desc, id desc)
    where accepted_at is null and revoked_at is null;
create index invitations_made on public.invitations (workspace_id, created_at);
create index invitations_role on public.invitations (workspace_id, role_id)
    where role_id is not null and accepted_at is null and revoked_at is null;
-- What answers people neither reads nor writes a hash.
grant select (workspace_id, id, email, role, role_id, invited_by, inviter, expires_at, accepted_at,
    accepted_by, revoked_at, mail_state, mail_attempts, mail_due_at, mail_asked_at, version,
    created_at, updated_at) on public.invitations to crm_app;
grant insert (workspace_id, id, email, role, role_id, invited_by, inviter, expires_at)
    on public.invitations to crm_app;
grant update (role, role_id, invited_by, inviter, expires_at, revoked_at, mail_state, mail_attempts,
    mail_due_at, mail_asked_at, version, updated_at) on public.invitations to crm_app;
grant select on public.invitations to crm_worker;
grant update (token_hashes, mail_state, mail_attempts, mail_due_at) on public.invitations
    to crm_worker;
grant select on public.invitations to crm_auth;
grant update (accepted_at, accepted_by, version, updated_at) on public.invitations to crm_auth;

-- Those whose mail is due, in whichever workspace.
create policy resolve on public.invitations for select to crm_resolver using (true);
grant select (workspace_id, id, expires_at, accepted_at, revoked_at, mail_state, mail_due_at)
    on public.invitations to crm_resolver;
create index invitations_due on public.invitations (mail_due_at)
    where mail_state = 'waiting' and accepted_at is null and revoked_at is null;
set local role crm_resolver;
create function app.resolve_due_invitations(before timestamptz, most int)
returns table (workspace_id uuid, invitation_id uuid)
language sql stable security definer set search_path = pg_catalog as $$
    select i.workspace_id, i.id from public.invitations i
    where i.mail_state = 'waiting' and i.accepted_at is null and i.revoked_at is null
        and i.mail_due_at < before and i.expires_at > now()
    order by i.mail_due_at limit most
$$;
grant execute on function app.resolve_due_invitations to crm_worker;

-- Who tells people what happens asks whether their sign-ins are from before they came back.
set local role crm_owner;
grant select (created_at) on public.sessions to crm_app;
