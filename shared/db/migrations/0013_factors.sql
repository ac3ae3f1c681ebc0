-- depends: 0012_sessions
-- Addresses that are proven, links that are mailed, second factors. All of it is about people, who
-- belong to no workspace: crm_auth alone reads it.
set local role crm_owner;

alter table public.users
    add column email_verified_at timestamptz,
    add column version bigint not null default 1,
    add column updated_at timestamptz not null default now();

-- Mails to people: what is to be sent, and what became of it. A mail that is asked for an address
-- nobody has is written down as well, so that asking costs the same.
create table public.account_mails (
    id uuid primary key,
    purpose text not null check (purpose in ('verify_email', 'reset_password', 'password_reset',
        'password_changed', 'factor_added', 'factor_removed', 'recovery_codes_made',
        'recovery_code_used')),
    user_id uuid references public.users (id),
    state text not null check (state in ('waiting', 'sent', 'needless', 'failed', 'nobody')),
    attempts int not null default 0,
    due_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    sent_at timestamptz,
    check ((user_id is null) = (state = 'nobody')),
    check ((sent_at is null) = (state <> 'sent'))
);
create index account_mails_due on public.account_mails (due_at) where state = 'waiting';
create index account_mails_created on public.account_mails (created_at);
grant select, insert, update, delete on public.account_mails to crm_auth;

-- What a mailed link proves, by the hash of its token: that somebody reads the mails of an address.
create table public.mailed_links (
    hash bytea primary key check (length(hash) = 32),
    purpose text not null check (purpose in ('verify_email', 'reset_password')),
    user_id uuid not null references public.users (id),
    email text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index mailed_links_person on public.mailed_links (user_id, purpose);
create index mailed_links_expired on public.mailed_links (expires_at);
grant select, insert, delete on public.mailed_links to crm_auth;

-- The secret that codes are made from, under KMS. It counts once a code has confirmed it; each
-- time step is accepted once, so `last_step` never goes back.
create table public.totp_factors (
    user_id uuid primary key references public.users (id),
    sealed bytea not null,
    confirmed_at timestamptz,
    last_step bigint not null default 0,
    created_at timestamptz not null default now()
);
grant select, insert, update, delete on public.totp_factors to crm_auth;

-- By their hashes; one that was used is gone.
create table public.recovery_codes (
    user_id uuid not null references public.totp_factors (user_id) on delete cascade,
    hash bytea not null check (length(hash) = 32),
    created_at timestamptz not null default now(),
    primary key (user_id, hash)
);
grant select, insert, delete on public.recovery_codes to crm_auth;

-- A sign-in between its two factors, by the hash of what the client was given to go on with.
create table public.challenges (
    hash bytea primary key check (length(hash) = 32),
    user_id uuid not null references public.totp_factors (user_id) on delete cascade,
    attempts int not null default 0,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index challenges_person on public.challenges (user_id);
create index challenges_expired on public.challenges (expires_at);
grant select, insert, update, delete on public.challenges to crm_auth;
