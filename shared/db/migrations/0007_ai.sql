-- depends: 0004_email
-- What was understood of each mail. It quotes the mail, so it is shared as far as the body is.
set local role crm_owner;

create table public.email_analyses (
    workspace_id uuid not null,
    email_id uuid not null,
    mailbox_id uuid not null,
    sentiment text not null check (sentiment in ('positive', 'neutral', 'negative')),
    sentiment_score double precision not null check (sentiment_score between -1 and 1),
    intent text not null,
    reply_needed boolean not null,
    reply_quote text,
    provider text not null,
    model text not null,
    duration_ms double precision not null,
    cost_micros bigint not null,
    created_at timestamptz not null default now(),
    primary key (workspace_id, email_id),
    foreign key (workspace_id, email_id) references public.emails (workspace_id, id)
        on delete cascade
) partition by range (email_id);
call app.protect('public.email_analyses');
call app.protect_mail('public.email_analyses', '{everything}');
grant select on public.email_analyses to crm_app;
grant select, insert on public.email_analyses to crm_worker;

create table public.email_entities (
    workspace_id uuid not null,
    email_id uuid not null,
    place smallint not null,
    mailbox_id uuid not null,
    kind text not null check (kind in ('person', 'company', 'phone', 'email', 'job_title')),
    value text not null,
    quote text not null,
    source text not null,
    start_at int not null,
    end_at int not null,
    confidence double precision not null check (confidence between 0 and 1),
    primary key (workspace_id, email_id, place),
    foreign key (workspace_id, email_id) references public.emails (workspace_id, id)
        on delete cascade
) partition by range (email_id);
call app.protect('public.email_entities');
call app.protect_mail('public.email_entities', '{everything}');
grant select on public.email_entities to crm_app;
grant select, insert on public.email_entities to crm_worker;
create index email_entities_value on public.email_entities (workspace_id, kind, value);

insert into app.monthly_tables values ('email_analyses'), ('email_entities');
