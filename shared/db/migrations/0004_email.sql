-- depends: 0002_contacts
-- Mailboxes, the ledger that accounts for every mail, threads, mails.
set local role crm_owner;

-- `sharing` is what members other than the mailbox's owner see of its mails.
create table public.mailboxes (
    workspace_id uuid not null references public.workspaces (id),
    id uuid not null,
    user_id uuid not null,
    provider text not null check (provider in ('gmail')),
    address text not null check (address = lower(address) and length(address) <= 320),
    sharing text not null default 'metadata'
        check (sharing in ('metadata', 'subject', 'everything')),
    state text not null default 'active' check (state in ('active', 'disconnected')),
    state_reason text,
    credentials bytea not null,
    -- Gmail's historyId: unbounded, so neither bigint nor float.
    history_cursor numeric,
    synced_at timestamptz,
    watch_expires_at timestamptz,
    throttled_until timestamptz,
    -- Quota units of the provider: a bucket that refills every minute, at most half of it for
    -- mails from before the mailbox was connected.
    units_per_minute int not null default 6000 check (units_per_minute between 60 and 1000000),
    units double precision not null default 0,
    backfill_units double precision not null default 0,
    units_at timestamptz not null default 'epoch',
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (workspace_id, id),
    foreign key (workspace_id, user_id) references public.memberships (workspace_id, user_id)
);
call app.protect('public.mailboxes');
create policy resolve on public.mailboxes for select to crm_resolver using (true);
grant select (workspace_id, id, address, state, synced_at, watch_expires_at, throttled_until,
    units_at, deleted_at)
    on public.mailboxes to crm_resolver;
grant select, insert, update on public.mailboxes to crm_app, crm_worker;
create unique index mailboxes_address on public.mailboxes (workspace_id, address)
    where deleted_at is null;
-- Pushes name an address, not a workspace: these two serve the resolver alone.
create index mailboxes_resolve on public.mailboxes (address) where deleted_at is null;
create index mailboxes_synced on public.mailboxes (synced_at) where deleted_at is null;

-- A row for every mail id the provider ever named, in exactly one state. It is the queue of record:
-- what SQS loses is released again from here.
create table public.mail_ledger (
    workspace_id uuid not null,
    mailbox_id uuid not null,
    provider_id text not null check (length(provider_id) between 1 and 200),
    state text not null default 'pending' check (state in
        ('pending', 'queued', 'retrying', 'stored', 'skipped', 'gone', 'failed')),
    reason text,
    listed boolean not null,
    -- Grows when the provider reports a change of a mail that is not stored yet: a fetch begun
    -- before that has read what is out of date, and may not close the row.
    generation int not null default 0,
    releases int not null default 0,
    attempts int not null default 0,
    due_at timestamptz not null default now(),
    email_id uuid,
    raw_key text,
    raw_size bigint,
    received_at timestamptz,
    created_at timestamptz not null default now(),
    settled_at timestamptz,
    primary key (workspace_id, mailbox_id, provider_id),
    foreign key (workspace_id, mailbox_id) references public.mailboxes (workspace_id, id)
);
call app.protect('public.mail_ledger');
create policy resolve on public.mail_ledger for select to crm_resolver using (true);
grant select (workspace_id, mailbox_id, listed, state, due_at) on public.mail_ledger to crm_resolver;
grant select on public.mail_ledger to crm_app;
grant select, insert, update on public.mail_ledger to crm_worker;
create index mail_ledger_open on public.mail_ledger (workspace_id, mailbox_id, listed, due_at)
    where state in ('pending', 'queued', 'retrying');
create index mail_ledger_email on public.mail_ledger (workspace_id, email_id)
    where email_id is not null;

create table public.threads (
    workspace_id uuid not null,
    id uuid not null,
    mailbox_id uuid not null,
    provider_id text not null,
    emails int not null default 1,
    last_at timestamptz not null,
    primary key (workspace_id, id),
    unique (workspace_id, mailbox_id, provider_id),
    foreign key (workspace_id, mailbox_id) references public.mailboxes (workspace_id, id)
);
call app.protect('public.threads');
grant select on public.threads to crm_app;
grant select, insert, update on public.threads to crm_worker;
create index threads_newest on public.threads (workspace_id, last_at desc, id desc);
create index threads_mailbox on public.threads (workspace_id, mailbox_id, last_at desc, id desc);

create table public.emails (
    workspace_id uuid not null,
    id uuid not null,
    mailbox_id uuid not null,
    thread_id uuid not null,
    provider_id text not null,
    message_id text,
    direction text not null check (direction in ('inbound', 'outbound')),
    kind text not null check (kind in
        ('human', 'list', 'auto_reply', 'auto_generated', 'bounce', 'calendar')),
    sender_name text,
    sender_email text,
    sent_at timestamptz,
    received_at timestamptz not null,
    labels text[] not null,
    attachments jsonb not null,
    defects text[] not null,
    size bigint not null,
    raw_key text not null,
    backfill boolean not null,
    gone_at timestamptz,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    primary key (workspace_id, id),
    foreign key (workspace_id, mailbox_id) references public.mailboxes (workspace_id, id),
    foreign key (workspace_id, thread_id) references public.threads (workspace_id, id)
) partition by range (id);
call app.protect('public.emails');
grant select on public.emails to crm_app;
grant select, insert, update on public.emails to crm_worker;
create index emails_newest on public.emails (workspace_id, received_at desc, id desc);
create index emails_mailbox on public.emails (workspace_id, mailbox_id, received_at desc, id desc);
create index emails_thread on public.emails (workspace_id, thread_id, received_at desc, id desc);
create index emails_message_id on public.emails (workspace_id, message_id);

-- A second, restrictive policy for what is in a mail: its owner sees it, others as far as the
-- mailbox is shared. Row-level security hides rows, not columns, hence the tables of their own.
create procedure app.protect_mail(target regclass, tiers text[])
language plpgsql set search_path = pg_catalog as $$
begin
    execute format(
        'create policy sharing on %s as restrictive for select to crm_app using (mailbox_id in (
            select m.id from public.mailboxes m
            where m.workspace_id = (select nullif(current_setting(''app.workspace_id'', true), '''')::uuid)
            and (m.user_id = (select nullif(current_setting(''app.user_id'', true), '''')::uuid)
                 or m.sharing = any (%L))))',
        target, tiers
    );
end $$;

create table public.email_subjects (
    workspace_id uuid not null,
    id uuid not null,
    mailbox_id uuid not null,
    subject text not null,
    snippet text not null,
    primary key (workspace_id, id),
    foreign key (workspace_id, id) references public.emails (workspace_id, id) on delete cascade
) partition by range (id);
call app.protect('public.email_subjects');
call app.protect_mail('public.email_subjects', '{subject,everything}');
grant select on public.email_subjects to crm_app;
grant select, insert on public.email_subjects to crm_worker;

create table public.email_bodies (
    workspace_id uuid not null,
    id uuid not null,
    mailbox_id uuid not null,
    text text not null,
    html text,
    reply text not null,
    signature text not null,
    primary key (workspace_id, id),
    foreign key (workspace_id, id) references public.emails (workspace_id, id) on delete cascade
) partition by range (id);
call app.protect('public.email_bodies');
call app.protect_mail('public.email_bodies', '{everything}');
grant select on public.email_bodies to crm_app;
grant select, insert on public.email_bodies to crm_worker;

create table public.email_participants (
    workspace_id uuid not null,
    email_id uuid not null,
    place smallint not null,
    role text not null check (role in ('from', 'reply_to', 'to', 'cc', 'bcc')),
    name text not null,
    email text not null,
    primary key (workspace_id, email_id, place),
    foreign key (workspace_id, email_id) references public.emails (workspace_id, id)
        on delete cascade
) partition by range (email_id);
call app.protect('public.email_participants');
grant select on public.email_participants to crm_app;
grant select, insert on public.email_participants to crm_worker;
create index email_participants_email on public.email_participants (workspace_id, email);

insert into app.monthly_tables values
    ('emails'), ('email_bodies'), ('email_participants'), ('email_subjects');

set local role crm_resolver;

create function app.resolve_mailbox(wanted text)
returns table (workspace_id uuid, mailbox_id uuid, address text)
language sql stable security definer set search_path = pg_catalog as $$
    select m.workspace_id, m.id, m.address from public.mailboxes m
    where m.address = wanted and m.deleted_at is null and m.state = 'active'
$$;

-- Mailboxes with mails whose time has come, the one served longest ago first. It begins with the
-- mailboxes, so that one with a hundred thousand mails due hides no other.
create function app.resolve_due_mailboxes(most int)
returns table (workspace_id uuid, mailbox_id uuid, address text)
language sql stable security definer set search_path = pg_catalog as $$
    select m.workspace_id, m.id, m.address from public.mailboxes m
    where m.deleted_at is null and m.state = 'active'
        and (m.throttled_until is null or m.throttled_until <= now())
        and exists (
            select from public.mail_ledger l
            where l.workspace_id = m.workspace_id and l.mailbox_id = m.id
                and l.state in ('pending', 'queued', 'retrying') and l.listed in (true, false)
                and l.due_at <= now()
        )
    order by m.units_at limit most
$$;

-- Mailboxes not heard of for a while, since a push may have been lost; and those that have had to
-- rest since they were last heard of, since pushes were passed over meanwhile.
create function app.resolve_quiet_mailboxes(since timestamptz, most int)
returns table (workspace_id uuid, mailbox_id uuid, address text)
language sql stable security definer set search_path = pg_catalog as $$
    select m.workspace_id, m.id, m.address from public.mailboxes m
    where m.deleted_at is null and m.state = 'active'
        and (m.synced_at is null or m.synced_at < since or m.synced_at < m.throttled_until)
        and (m.throttled_until is null or m.throttled_until < now())
    order by m.synced_at nulls first limit most
$$;

create function app.resolve_expiring_watches(before timestamptz, most int)
returns table (workspace_id uuid, mailbox_id uuid, address text)
language sql stable security definer set search_path = pg_catalog as $$
    select m.workspace_id, m.id, m.address from public.mailboxes m
    where m.deleted_at is null and m.state = 'active'
        and (m.watch_expires_at is null or m.watch_expires_at < before)
    order by m.watch_expires_at nulls first limit most
$$;

grant execute on function app.resolve_mailbox, app.resolve_due_mailboxes,
    app.resolve_quiet_mailboxes, app.resolve_expiring_watches to crm_worker;
