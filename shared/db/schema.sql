-- The database after every migration: generated, never edited. After adding a migration run
-- `python -m infra_cdk.local.schema`. Monthly partitions are left out.

CREATE SCHEMA app;

ALTER SCHEMA app OWNER TO crm_owner;

CREATE FUNCTION app.begin_request(workspace uuid, caller uuid, access text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
begin
    perform set_config('app.workspace_id', coalesce(workspace::text, ''), true);
    perform set_config('app.user_id', coalesce(caller::text, ''), true);
    perform set_config('app.access', ' ' || coalesce(access, '') || ' ', true);
end $$;

ALTER FUNCTION app.begin_request(workspace uuid, caller uuid, access text) OWNER TO crm_owner;

CREATE FUNCTION app.claim_request(wanted bytea, OUT free boolean, OUT response bytea) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
begin
    free := pg_try_advisory_xact_lock(('x' || encode(substr(wanted, 1, 8), 'hex'))::bit(64)::bigint);
    if free then
        select k.response into response from public.idempotency_keys k
        where k.workspace_id = (select nullif(current_setting('app.workspace_id', true), '')::uuid)
            and k.request = wanted and k.created_at > now() - interval '24 hours';
    end if;
end $$;

ALTER FUNCTION app.claim_request(wanted bytea, OUT free boolean, OUT response bytea) OWNER TO crm_owner;

CREATE FUNCTION app.forget_published(workspaces uuid[], events uuid[]) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    with gone as (
        delete from public.outbox o
        using unnest(workspaces, events) as p (workspace_id, event_id)
        where o.workspace_id = p.workspace_id and o.event_id = p.event_id
        returning 1
    )
    select count(*)::int from gone
$$;

ALTER FUNCTION app.forget_published(workspaces uuid[], events uuid[]) OWNER TO crm_resolver;

CREATE PROCEDURE app.guard(IN target regclass, IN reading text, IN writing text, IN deleting text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
declare
    may_write text := format('(select app.may(%L))', writing);
begin
    if reading is not null then
        execute format(
            'create policy reading on %s as restrictive for select to crm_app
             using ((select app.may(%L)))', target, reading);
    end if;
    if writing is not null then
        execute format(
            'create policy adding on %s as restrictive for insert to crm_app with check (%s)',
            target, may_write);
        execute format(
            'create policy removing on %s as restrictive for delete to crm_app using (%s)',
            target, may_write);
        execute format(
            'create policy changing on %s as restrictive for update to crm_app with check (%s)',
            target, case when deleting is null then may_write else format(
                'case when deleted_at is null then %s else (select app.may(%L)) end',
                may_write, deleting) end);
    end if;
end $$;

ALTER PROCEDURE app.guard(IN target regclass, IN reading text, IN writing text, IN deleting text) OWNER TO crm_owner;

CREATE PROCEDURE app.guard_owned(IN target regclass, IN thing text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $_$
begin
    call app.guard(target, null, thing || '.write', thing || '.delete');
    execute format(
        'create policy reading on %1$s as restrictive for select to crm_app using (
            (select app.reach(%2$L)) = ''all''
            or (select app.reach(%2$L)) is not null
                and owner_id = (select nullif(current_setting(''app.user_id'', true), '''')::uuid)
            or (select app.reach(%2$L)) = ''team'' and owner_id = any ((select app.teammates())::uuid[])
        )', target, thing);
end $_$;

ALTER PROCEDURE app.guard_owned(IN target regclass, IN thing text) OWNER TO crm_owner;

CREATE FUNCTION app.may(permission text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
    select strpos(current_setting('app.access', true), ' ' || permission || ' ') > 0
$$;

ALTER FUNCTION app.may(permission text) OWNER TO crm_owner;

CREATE PROCEDURE app.protect(IN target regclass)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format(
        'create policy tenant on %s
         using (workspace_id = (select nullif(current_setting(''app.workspace_id'', true), '''')::uuid))
         with check (workspace_id = (select nullif(current_setting(''app.workspace_id'', true), '''')::uuid))',
        target
    );
    execute format('create policy backfill on %s to crm_migrator using (true) with check (true)', target);
    execute format('grant select, insert, update, delete on %s to crm_migrator', target);
end $$;

ALTER PROCEDURE app.protect(IN target regclass) OWNER TO crm_owner;

CREATE PROCEDURE app.protect_mail(IN target regclass, IN tiers text[])
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER PROCEDURE app.protect_mail(IN target regclass, IN tiers text[]) OWNER TO crm_owner;

CREATE FUNCTION app.reach(thing text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
    select case
        when strpos(current_setting('app.access', true), ' ' || thing || '.read ') > 0 then 'all'
        when strpos(current_setting('app.access', true), ' ' || thing || '.read:team ') > 0
            then 'team'
        when strpos(current_setting('app.access', true), ' ' || thing || '.read:own ') > 0
            then 'own'
    end
$$;

ALTER FUNCTION app.reach(thing text) OWNER TO crm_owner;

CREATE FUNCTION app.resolve_due_endpoints(most integer) RETURNS TABLE(workspace_id uuid, endpoint_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select e.workspace_id, e.id from public.webhook_endpoints e
    where e.enabled and e.deleted_at is null
        and (e.resting_until is null or e.resting_until <= now())
        and (e.busy_until is null or e.busy_until <= now())
        and exists (
            select from public.webhook_deliveries d
            where d.workspace_id = e.workspace_id and d.endpoint_id = e.id
                and d.state = 'pending' and d.due_at <= now()
        )
    order by e.tokens_at limit most
$$;

ALTER FUNCTION app.resolve_due_endpoints(most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_due_mailboxes(most integer) RETURNS TABLE(workspace_id uuid, mailbox_id uuid, address text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
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

ALTER FUNCTION app.resolve_due_mailboxes(most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_expiring_watches(before timestamp with time zone, most integer) RETURNS TABLE(workspace_id uuid, mailbox_id uuid, address text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select m.workspace_id, m.id, m.address from public.mailboxes m
    where m.deleted_at is null and m.state = 'active'
        and (m.watch_expires_at is null or m.watch_expires_at < before)
    order by m.watch_expires_at nulls first limit most
$$;

ALTER FUNCTION app.resolve_expiring_watches(before timestamp with time zone, most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_mailbox(wanted text) RETURNS TABLE(workspace_id uuid, mailbox_id uuid, address text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select m.workspace_id, m.id, m.address from public.mailboxes m
    where m.address = wanted and m.deleted_at is null and m.state = 'active'
$$;

ALTER FUNCTION app.resolve_mailbox(wanted text) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_memberships(person uuid) RETURNS TABLE(workspace_id uuid, role text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select m.workspace_id, m.role from public.memberships m
    where m.user_id = person and m.ended_at is null
    order by m.created_at, m.workspace_id
$$;

ALTER FUNCTION app.resolve_memberships(person uuid) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_old_deliveries(before timestamp with time zone, most integer) RETURNS TABLE(workspace_id uuid, endpoint_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select e.workspace_id, e.id from public.webhook_endpoints e
    where exists (
        select from public.webhook_deliveries d
        where d.workspace_id = e.workspace_id and d.endpoint_id = e.id and d.created_at < before
    )
    limit most
$$;

ALTER FUNCTION app.resolve_old_deliveries(before timestamp with time zone, most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.resolve_quiet_mailboxes(since timestamp with time zone, most integer) RETURNS TABLE(workspace_id uuid, mailbox_id uuid, address text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    select m.workspace_id, m.id, m.address from public.mailboxes m
    where m.deleted_at is null and m.state = 'active'
        and (m.synced_at is null or m.synced_at < since or m.synced_at < m.throttled_until)
        and (m.throttled_until is null or m.throttled_until < now())
    order by m.synced_at nulls first limit most
$$;

ALTER FUNCTION app.resolve_quiet_mailboxes(since timestamp with time zone, most integer) OWNER TO crm_resolver;

CREATE FUNCTION app.retire_events(before timestamp with time zone) RETURNS integer
    LANGUAGE sql
    SET search_path TO 'pg_catalog'
    AS $$
    with last as (
        select workspace_id, max(position) as position from public.event_log
        where id < app.uuid7_floor(before) group by workspace_id
    ), moved as (
        update public.feed f set kept_from = last.position + 1 from last
        where f.workspace_id = last.workspace_id and f.kept_from <= last.position
        returning 1
    )
    select count(*)::int from moved
$$;

ALTER FUNCTION app.retire_events(before timestamp with time zone) OWNER TO crm_owner;

CREATE FUNCTION app.roll_partitions(ahead integer DEFAULT 3) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
declare
    parent text;
    month timestamptz;
    child text;
    made int := 0;
begin
    for parent in select name from app.monthly_tables order by name loop
        for month in
            select generate_series(
                date_trunc('month', now(), 'UTC') - interval '1 month',
                date_trunc('month', now(), 'UTC') + make_interval(months => ahead),
                interval '1 month', 'UTC'
            )
        loop
            child := parent || to_char(month at time zone 'UTC', '"_y"YYYY"m"MM');
            if to_regclass('public.' || quote_ident(child)) is null then
                execute format(
                    'create table public.%I partition of public.%I for values from (%L) to (%L)',
                    child, parent, app.uuid7_floor(month),
                    app.uuid7_floor(date_add(month, interval '1 month', 'UTC'))
                );
                execute format('alter table public.%I enable row level security', child);
                execute format('alter table public.%I force row level security', child);
                made := made + 1;
            end if;
        end loop;
    end loop;
    return made;
end $$;

ALTER FUNCTION app.roll_partitions(ahead integer) OWNER TO crm_owner;

CREATE FUNCTION app.teammates() RETURNS uuid[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog'
    AS $$
    select array_agg(distinct mate.user_id)
    from public.team_members mine
    join public.team_members mate
        on mate.workspace_id = mine.workspace_id and mate.team_id = mine.team_id
    where mine.workspace_id = nullif(current_setting('app.workspace_id', true), '')::uuid
        and mine.user_id = nullif(current_setting('app.user_id', true), '')::uuid
$$;

ALTER FUNCTION app.teammates() OWNER TO crm_owner;

CREATE FUNCTION app.uuid7_floor(at timestamp with time zone) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog'
    AS $$
    select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;

ALTER FUNCTION app.uuid7_floor(at timestamp with time zone) OWNER TO crm_owner;

CREATE TABLE app.monthly_tables (
    name text NOT NULL
);

ALTER TABLE app.monthly_tables OWNER TO crm_owner;

CREATE TABLE public.automation_runs (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    automation_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    status text NOT NULL,
    reason text,
    actions jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT automation_runs_event_type_check CHECK ((length(event_type) <= 100)),
    CONSTRAINT automation_runs_reason_check CHECK ((length(reason) <= 100)),
    CONSTRAINT automation_runs_status_check CHECK ((status = ANY (ARRAY['done'::text, 'failed'::text, 'skipped'::text])))
);

ALTER TABLE ONLY public.automation_runs FORCE ROW LEVEL SECURITY;

ALTER TABLE public.automation_runs OWNER TO crm_owner;

CREATE TABLE public.automations (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    enabled boolean NOT NULL,
    event_type text NOT NULL,
    conditions jsonb NOT NULL,
    actions jsonb NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT automations_event_type_check CHECK ((length(event_type) <= 100)),
    CONSTRAINT automations_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

ALTER TABLE ONLY public.automations FORCE ROW LEVEL SECURITY;

ALTER TABLE public.automations OWNER TO crm_owner;

CREATE TABLE public.contacts (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    email text,
    phone text,
    company text,
    job_title text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    owner_id uuid,
    CONSTRAINT contacts_company_check CHECK ((length(company) <= 200)),
    CONSTRAINT contacts_email_check CHECK (((email = lower(email)) AND (length(email) <= 320))),
    CONSTRAINT contacts_job_title_check CHECK ((length(job_title) <= 200)),
    CONSTRAINT contacts_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT contacts_phone_check CHECK ((length(phone) <= 40))
);

ALTER TABLE ONLY public.contacts FORCE ROW LEVEL SECURITY;

ALTER TABLE public.contacts OWNER TO crm_owner;

CREATE TABLE public.email_analyses (
    workspace_id uuid NOT NULL,
    email_id uuid NOT NULL,
    mailbox_id uuid NOT NULL,
    sentiment text NOT NULL,
    sentiment_score double precision NOT NULL,
    intent text NOT NULL,
    reply_needed boolean NOT NULL,
    reply_quote text,
    provider text NOT NULL,
    model text NOT NULL,
    duration_ms double precision NOT NULL,
    cost_micros bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT email_analyses_sentiment_check CHECK ((sentiment = ANY (ARRAY['positive'::text, 'neutral'::text, 'negative'::text]))),
    CONSTRAINT email_analyses_sentiment_score_check CHECK (((sentiment_score >= ('-1'::integer)::double precision) AND (sentiment_score <= (1)::double precision)))
)
PARTITION BY RANGE (email_id);

ALTER TABLE ONLY public.email_analyses FORCE ROW LEVEL SECURITY;

ALTER TABLE public.email_analyses OWNER TO crm_owner;

CREATE TABLE public.email_bodies (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    mailbox_id uuid NOT NULL,
    text text NOT NULL,
    html text,
    reply text NOT NULL,
    signature text NOT NULL
)
PARTITION BY RANGE (id);

ALTER TABLE ONLY public.email_bodies FORCE ROW LEVEL SECURITY;

ALTER TABLE public.email_bodies OWNER TO crm_owner;

CREATE TABLE public.email_entities (
    workspace_id uuid NOT NULL,
    email_id uuid NOT NULL,
    place smallint NOT NULL,
    mailbox_id uuid NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    quote text NOT NULL,
    source text NOT NULL,
    start_at integer NOT NULL,
    end_at integer NOT NULL,
    confidence double precision NOT NULL,
    CONSTRAINT email_entities_confidence_check CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision))),
    CONSTRAINT email_entities_kind_check CHECK ((kind = ANY (ARRAY['person'::text, 'company'::text, 'phone'::text, 'email'::text, 'job_title'::text])))
)
PARTITION BY RANGE (email_id);

ALTER TABLE ONLY public.email_entities FORCE ROW LEVEL SECURITY;

ALTER TABLE public.email_entities OWNER TO crm_owner;

CREATE TABLE public.email_participants (
    workspace_id uuid NOT NULL,
    email_id uuid NOT NULL,
    place smallint NOT NULL,
    role text NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    CONSTRAINT email_participants_role_check CHECK ((role = ANY (ARRAY['from'::text, 'reply_to'::text, 'to'::text, 'cc'::text, 'bcc'::text])))
)
PARTITION BY RANGE (email_id);

ALTER TABLE ONLY public.email_participants FORCE ROW LEVEL SECURITY;

ALTER TABLE public.email_participants OWNER TO crm_owner;

CREATE TABLE public.email_subjects (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    mailbox_id uuid NOT NULL,
    subject text NOT NULL,
    snippet text NOT NULL
)
PARTITION BY RANGE (id);

ALTER TABLE ONLY public.email_subjects FORCE ROW LEVEL SECURITY;

ALTER TABLE public.email_subjects OWNER TO crm_owner;

CREATE TABLE public.emails (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    mailbox_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    provider_id text NOT NULL,
    message_id text,
    direction text NOT NULL,
    kind text NOT NULL,
    sender_name text,
    sender_email text,
    sent_at timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    labels text[] NOT NULL,
    attachments jsonb NOT NULL,
    defects text[] NOT NULL,
    size bigint NOT NULL,
    raw_key text NOT NULL,
    backfill boolean NOT NULL,
    gone_at timestamp with time zone,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT emails_direction_check CHECK ((direction = ANY (ARRAY['inbound'::text, 'outbound'::text]))),
    CONSTRAINT emails_kind_check CHECK ((kind = ANY (ARRAY['human'::text, 'list'::text, 'auto_reply'::text, 'auto_generated'::text, 'bounce'::text, 'calendar'::text])))
)
PARTITION BY RANGE (id);

ALTER TABLE ONLY public.emails FORCE ROW LEVEL SECURITY;

ALTER TABLE public.emails OWNER TO crm_owner;

CREATE TABLE public.event_log (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    "position" bigint NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL
)
PARTITION BY RANGE (id);

ALTER TABLE ONLY public.event_log FORCE ROW LEVEL SECURITY;

ALTER TABLE public.event_log OWNER TO crm_owner;

CREATE TABLE public.feed (
    workspace_id uuid NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    kept_from bigint DEFAULT 1 NOT NULL,
    CONSTRAINT feed_kept_from_check CHECK ((kept_from >= 1))
);

ALTER TABLE ONLY public.feed FORCE ROW LEVEL SECURITY;

ALTER TABLE public.feed OWNER TO crm_owner;

CREATE TABLE public.idempotency_keys (
    workspace_id uuid NOT NULL,
    request bytea NOT NULL,
    response bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT idempotency_keys_request_check CHECK ((length(request) = 32))
);

ALTER TABLE ONLY public.idempotency_keys FORCE ROW LEVEL SECURITY;

ALTER TABLE public.idempotency_keys OWNER TO crm_owner;

CREATE TABLE public.inbox (
    workspace_id uuid NOT NULL,
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.inbox FORCE ROW LEVEL SECURITY;

ALTER TABLE public.inbox OWNER TO crm_owner;

CREATE TABLE public.mail_ledger (
    workspace_id uuid NOT NULL,
    mailbox_id uuid NOT NULL,
    provider_id text NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    reason text,
    listed boolean NOT NULL,
    generation integer DEFAULT 0 NOT NULL,
    releases integer DEFAULT 0 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    email_id uuid,
    raw_key text,
    raw_size bigint,
    received_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT mail_ledger_provider_id_check CHECK (((length(provider_id) >= 1) AND (length(provider_id) <= 200))),
    CONSTRAINT mail_ledger_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'queued'::text, 'retrying'::text, 'stored'::text, 'skipped'::text, 'gone'::text, 'failed'::text])))
);

ALTER TABLE ONLY public.mail_ledger FORCE ROW LEVEL SECURITY;

ALTER TABLE public.mail_ledger OWNER TO crm_owner;

CREATE TABLE public.mailboxes (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    provider text NOT NULL,
    address text NOT NULL,
    sharing text DEFAULT 'metadata'::text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    state_reason text,
    credentials bytea NOT NULL,
    history_cursor numeric,
    synced_at timestamp with time zone,
    watch_expires_at timestamp with time zone,
    throttled_until timestamp with time zone,
    units_per_minute integer DEFAULT 6000 NOT NULL,
    units double precision DEFAULT 0 NOT NULL,
    backfill_units double precision DEFAULT 0 NOT NULL,
    units_at timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT mailboxes_address_check CHECK (((address = lower(address)) AND (length(address) <= 320))),
    CONSTRAINT mailboxes_provider_check CHECK ((provider = 'gmail'::text)),
    CONSTRAINT mailboxes_sharing_check CHECK ((sharing = ANY (ARRAY['metadata'::text, 'subject'::text, 'everything'::text]))),
    CONSTRAINT mailboxes_state_check CHECK ((state = ANY (ARRAY['active'::text, 'disconnected'::text]))),
    CONSTRAINT mailboxes_units_per_minute_check CHECK (((units_per_minute >= 60) AND (units_per_minute <= 1000000)))
);

ALTER TABLE ONLY public.mailboxes FORCE ROW LEVEL SECURITY;

ALTER TABLE public.mailboxes OWNER TO crm_owner;

CREATE TABLE public.memberships (
    workspace_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    role_id uuid,
    version bigint DEFAULT 1 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT memberships_custom CHECK (((role = 'custom'::text) = (role_id IS NOT NULL))),
    CONSTRAINT memberships_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text, 'viewer'::text, 'custom'::text])))
);

ALTER TABLE ONLY public.memberships FORCE ROW LEVEL SECURITY;

ALTER TABLE public.memberships OWNER TO crm_owner;

CREATE TABLE public.outbox (
    workspace_id uuid NOT NULL,
    event_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE ONLY public.outbox FORCE ROW LEVEL SECURITY;

ALTER TABLE public.outbox OWNER TO crm_owner;

CREATE TABLE public.roles (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    grants text[] NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT roles_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

ALTER TABLE ONLY public.roles FORCE ROW LEVEL SECURITY;

ALTER TABLE public.roles OWNER TO crm_owner;

CREATE TABLE public.sessions (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone
);

ALTER TABLE ONLY public.sessions FORCE ROW LEVEL SECURITY;

ALTER TABLE public.sessions OWNER TO crm_owner;

CREATE TABLE public.tasks (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    title text NOT NULL,
    notes text,
    status text DEFAULT 'open'::text NOT NULL,
    due_at timestamp with time zone,
    contact_id uuid,
    email_id uuid,
    source text,
    created_by text NOT NULL,
    automation_run_id uuid,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    owner_id uuid,
    CONSTRAINT tasks_created_by_check CHECK ((length(created_by) <= 100)),
    CONSTRAINT tasks_notes_check CHECK ((length(notes) <= 10000)),
    CONSTRAINT tasks_source_check CHECK ((length(source) <= 500)),
    CONSTRAINT tasks_status_check CHECK ((status = ANY (ARRAY['open'::text, 'done'::text]))),
    CONSTRAINT tasks_title_check CHECK (((length(title) >= 1) AND (length(title) <= 200)))
);

ALTER TABLE ONLY public.tasks FORCE ROW LEVEL SECURITY;

ALTER TABLE public.tasks OWNER TO crm_owner;

CREATE TABLE public.team_members (
    workspace_id uuid NOT NULL,
    team_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.team_members FORCE ROW LEVEL SECURITY;

ALTER TABLE public.team_members OWNER TO crm_owner;

CREATE TABLE public.teams (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT teams_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

ALTER TABLE ONLY public.teams FORCE ROW LEVEL SECURITY;

ALTER TABLE public.teams OWNER TO crm_owner;

CREATE TABLE public.threads (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    mailbox_id uuid NOT NULL,
    provider_id text NOT NULL,
    emails integer DEFAULT 1 NOT NULL,
    last_at timestamp with time zone NOT NULL
);

ALTER TABLE ONLY public.threads FORCE ROW LEVEL SECURITY;

ALTER TABLE public.threads OWNER TO crm_owner;

CREATE TABLE public.users (
    id uuid NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT users_email_check CHECK (((email = lower(email)) AND (length(email) <= 320))),
    CONSTRAINT users_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

ALTER TABLE public.users OWNER TO crm_owner;

CREATE TABLE public.webhook_deliveries (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    "position" bigint,
    mailbox_id uuid,
    body text NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    reason text,
    attempts integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    sending boolean DEFAULT false NOT NULL,
    claim bigint DEFAULT 0 NOT NULL,
    log jsonb DEFAULT '[]'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT webhook_deliveries_event_type_check CHECK ((length(event_type) <= 100)),
    CONSTRAINT webhook_deliveries_reason_check CHECK ((length(reason) <= 100)),
    CONSTRAINT webhook_deliveries_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text])))
);

ALTER TABLE ONLY public.webhook_deliveries FORCE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_deliveries OWNER TO crm_owner;

CREATE TABLE public.webhook_endpoints (
    workspace_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    url text NOT NULL,
    description text NOT NULL,
    event_types text[],
    enabled boolean NOT NULL,
    disabled_reason text,
    secret bytea NOT NULL,
    previous_secret bytea,
    previous_secret_until timestamp with time zone,
    failing_since timestamp with time zone,
    resting_until timestamp with time zone,
    busy_by uuid,
    busy_until timestamp with time zone,
    wake_at timestamp with time zone,
    tokens double precision DEFAULT 0 NOT NULL,
    tokens_at timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT webhook_endpoints_description_check CHECK ((length(description) <= 500)),
    CONSTRAINT webhook_endpoints_disabled_reason_check CHECK ((disabled_reason = ANY (ARRAY['gone'::text, 'failing'::text]))),
    CONSTRAINT webhook_endpoints_url_check CHECK ((length(url) <= 2048))
);

ALTER TABLE ONLY public.webhook_endpoints FORCE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_endpoints OWNER TO crm_owner;

CREATE TABLE public.workspace_keys (
    workspace_id uuid NOT NULL,
    wrapped bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY public.workspace_keys FORCE ROW LEVEL SECURITY;

ALTER TABLE public.workspace_keys OWNER TO crm_owner;

CREATE TABLE public.workspaces (
    id uuid NOT NULL,
    name text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT workspaces_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
);

ALTER TABLE ONLY public.workspaces FORCE ROW LEVEL SECURITY;

ALTER TABLE public.workspaces OWNER TO crm_owner;

ALTER TABLE ONLY app.monthly_tables
    ADD CONSTRAINT monthly_tables_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.automation_runs
    ADD CONSTRAINT automation_runs_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.automation_runs
    ADD CONSTRAINT automation_runs_workspace_id_automation_id_event_id_key UNIQUE (workspace_id, automation_id, event_id);

ALTER TABLE ONLY public.automations
    ADD CONSTRAINT automations_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.email_analyses
    ADD CONSTRAINT email_analyses_pkey PRIMARY KEY (workspace_id, email_id);

ALTER TABLE ONLY public.email_bodies
    ADD CONSTRAINT email_bodies_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.email_entities
    ADD CONSTRAINT email_entities_pkey PRIMARY KEY (workspace_id, email_id, place);

ALTER TABLE ONLY public.email_participants
    ADD CONSTRAINT email_participants_pkey PRIMARY KEY (workspace_id, email_id, place);

ALTER TABLE ONLY public.email_subjects
    ADD CONSTRAINT email_subjects_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.emails
    ADD CONSTRAINT emails_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.event_log
    ADD CONSTRAINT event_log_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.feed
    ADD CONSTRAINT feed_pkey PRIMARY KEY (workspace_id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (workspace_id, request);

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_pkey PRIMARY KEY (workspace_id, consumer, event_id);

ALTER TABLE ONLY public.mail_ledger
    ADD CONSTRAINT mail_ledger_pkey PRIMARY KEY (workspace_id, mailbox_id, provider_id);

ALTER TABLE ONLY public.mailboxes
    ADD CONSTRAINT mailboxes_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_pkey PRIMARY KEY (workspace_id, user_id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (workspace_id, event_id);

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT roles_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_pkey PRIMARY KEY (workspace_id, team_id, user_id);

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.threads
    ADD CONSTRAINT threads_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.threads
    ADD CONSTRAINT threads_workspace_id_mailbox_id_provider_id_key UNIQUE (workspace_id, mailbox_id, provider_id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_workspace_id_endpoint_id_event_id_key UNIQUE (workspace_id, endpoint_id, event_id);

ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (workspace_id, id);

ALTER TABLE ONLY public.workspace_keys
    ADD CONSTRAINT workspace_keys_pkey PRIMARY KEY (workspace_id);

ALTER TABLE ONLY public.workspaces
    ADD CONSTRAINT workspaces_pkey PRIMARY KEY (id);

CREATE INDEX automation_runs_newest ON public.automation_runs USING btree (workspace_id, automation_id, created_at DESC, id DESC);

CREATE INDEX automations_live ON public.automations USING btree (workspace_id, event_type) WHERE (enabled AND (deleted_at IS NULL));

CREATE INDEX automations_newest ON public.automations USING btree (workspace_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE UNIQUE INDEX contacts_email ON public.contacts USING btree (workspace_id, email) WHERE (deleted_at IS NULL);

CREATE INDEX contacts_newest ON public.contacts USING btree (workspace_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX contacts_owner ON public.contacts USING btree (workspace_id, owner_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX email_entities_value ON ONLY public.email_entities USING btree (workspace_id, kind, value);

CREATE INDEX email_participants_email ON ONLY public.email_participants USING btree (workspace_id, email);

CREATE INDEX emails_mailbox ON ONLY public.emails USING btree (workspace_id, mailbox_id, received_at DESC, id DESC);

CREATE INDEX emails_message_id ON ONLY public.emails USING btree (workspace_id, message_id);

CREATE INDEX emails_newest ON ONLY public.emails USING btree (workspace_id, received_at DESC, id DESC);

CREATE INDEX emails_thread ON ONLY public.emails USING btree (workspace_id, thread_id, received_at DESC, id DESC);

CREATE INDEX event_log_position ON ONLY public.event_log USING btree (workspace_id, "position");

CREATE INDEX idempotency_keys_created ON public.idempotency_keys USING btree (created_at);

CREATE INDEX inbox_seen ON public.inbox USING btree (seen_at);

CREATE INDEX mail_ledger_email ON public.mail_ledger USING btree (workspace_id, email_id) WHERE (email_id IS NOT NULL);

CREATE INDEX mail_ledger_open ON public.mail_ledger USING btree (workspace_id, mailbox_id, listed, due_at) WHERE (state = ANY (ARRAY['pending'::text, 'queued'::text, 'retrying'::text]));

CREATE UNIQUE INDEX mailboxes_address ON public.mailboxes USING btree (workspace_id, address) WHERE (deleted_at IS NULL);

CREATE INDEX mailboxes_resolve ON public.mailboxes USING btree (address) WHERE (deleted_at IS NULL);

CREATE INDEX mailboxes_synced ON public.mailboxes USING btree (synced_at) WHERE (deleted_at IS NULL);

CREATE INDEX memberships_user ON public.memberships USING btree (user_id);

CREATE INDEX outbox_due ON public.outbox USING btree (next_attempt_at);

CREATE UNIQUE INDEX roles_name ON public.roles USING btree (workspace_id, lower(name)) WHERE (deleted_at IS NULL);

CREATE INDEX sessions_user ON public.sessions USING btree (workspace_id, user_id);

CREATE INDEX tasks_contact ON public.tasks USING btree (workspace_id, contact_id, created_at DESC, id DESC) WHERE (contact_id IS NOT NULL);

CREATE INDEX tasks_email ON public.tasks USING btree (workspace_id, email_id, created_at DESC, id DESC) WHERE (email_id IS NOT NULL);

CREATE INDEX tasks_newest ON public.tasks USING btree (workspace_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX tasks_owner ON public.tasks USING btree (workspace_id, owner_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX tasks_status ON public.tasks USING btree (workspace_id, status, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX team_members_user ON public.team_members USING btree (workspace_id, user_id);

CREATE UNIQUE INDEX teams_name ON public.teams USING btree (workspace_id, lower(name)) WHERE (deleted_at IS NULL);

CREATE INDEX threads_mailbox ON public.threads USING btree (workspace_id, mailbox_id, last_at DESC, id DESC);

CREATE INDEX threads_newest ON public.threads USING btree (workspace_id, last_at DESC, id DESC);

CREATE INDEX webhook_deliveries_due ON public.webhook_deliveries USING btree (workspace_id, endpoint_id, due_at) WHERE (state = 'pending'::text);

CREATE INDEX webhook_deliveries_newest ON public.webhook_deliveries USING btree (workspace_id, endpoint_id, created_at DESC, id DESC);

CREATE INDEX webhook_deliveries_state ON public.webhook_deliveries USING btree (workspace_id, endpoint_id, state, created_at DESC, id DESC);

CREATE INDEX webhook_endpoints_newest ON public.webhook_endpoints USING btree (workspace_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

ALTER TABLE ONLY public.automation_runs
    ADD CONSTRAINT automation_runs_workspace_id_automation_id_fkey FOREIGN KEY (workspace_id, automation_id) REFERENCES public.automations(workspace_id, id);

ALTER TABLE ONLY public.automation_runs
    ADD CONSTRAINT automation_runs_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.automations
    ADD CONSTRAINT automations_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_workspace_id_owner_id_fkey FOREIGN KEY (workspace_id, owner_id) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE public.email_analyses
    ADD CONSTRAINT email_analyses_workspace_id_email_id_fkey FOREIGN KEY (workspace_id, email_id) REFERENCES public.emails(workspace_id, id) ON DELETE CASCADE;

ALTER TABLE public.email_bodies
    ADD CONSTRAINT email_bodies_workspace_id_id_fkey FOREIGN KEY (workspace_id, id) REFERENCES public.emails(workspace_id, id) ON DELETE CASCADE;

ALTER TABLE public.email_entities
    ADD CONSTRAINT email_entities_workspace_id_email_id_fkey FOREIGN KEY (workspace_id, email_id) REFERENCES public.emails(workspace_id, id) ON DELETE CASCADE;

ALTER TABLE public.email_participants
    ADD CONSTRAINT email_participants_workspace_id_email_id_fkey FOREIGN KEY (workspace_id, email_id) REFERENCES public.emails(workspace_id, id) ON DELETE CASCADE;

ALTER TABLE public.email_subjects
    ADD CONSTRAINT email_subjects_workspace_id_id_fkey FOREIGN KEY (workspace_id, id) REFERENCES public.emails(workspace_id, id) ON DELETE CASCADE;

ALTER TABLE public.emails
    ADD CONSTRAINT emails_workspace_id_mailbox_id_fkey FOREIGN KEY (workspace_id, mailbox_id) REFERENCES public.mailboxes(workspace_id, id);

ALTER TABLE public.emails
    ADD CONSTRAINT emails_workspace_id_thread_id_fkey FOREIGN KEY (workspace_id, thread_id) REFERENCES public.threads(workspace_id, id);

ALTER TABLE ONLY public.feed
    ADD CONSTRAINT feed_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.inbox
    ADD CONSTRAINT inbox_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.mail_ledger
    ADD CONSTRAINT mail_ledger_workspace_id_mailbox_id_fkey FOREIGN KEY (workspace_id, mailbox_id) REFERENCES public.mailboxes(workspace_id, id);

ALTER TABLE ONLY public.mailboxes
    ADD CONSTRAINT mailboxes_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.mailboxes
    ADD CONSTRAINT mailboxes_workspace_id_user_id_fkey FOREIGN KEY (workspace_id, user_id) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.memberships
    ADD CONSTRAINT memberships_workspace_id_role_id_fkey FOREIGN KEY (workspace_id, role_id) REFERENCES public.roles(workspace_id, id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT roles_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_workspace_id_user_id_fkey FOREIGN KEY (workspace_id, user_id) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_workspace_id_contact_id_fkey FOREIGN KEY (workspace_id, contact_id) REFERENCES public.contacts(workspace_id, id);

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_workspace_id_owner_id_fkey FOREIGN KEY (workspace_id, owner_id) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_workspace_id_team_id_fkey FOREIGN KEY (workspace_id, team_id) REFERENCES public.teams(workspace_id, id);

ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_workspace_id_user_id_fkey FOREIGN KEY (workspace_id, user_id) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.threads
    ADD CONSTRAINT threads_workspace_id_mailbox_id_fkey FOREIGN KEY (workspace_id, mailbox_id) REFERENCES public.mailboxes(workspace_id, id);

ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_workspace_id_endpoint_id_fkey FOREIGN KEY (workspace_id, endpoint_id) REFERENCES public.webhook_endpoints(workspace_id, id);

ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

ALTER TABLE ONLY public.webhook_endpoints
    ADD CONSTRAINT webhook_endpoints_workspace_id_user_id_fkey FOREIGN KEY (workspace_id, user_id) REFERENCES public.memberships(workspace_id, user_id);

ALTER TABLE ONLY public.workspace_keys
    ADD CONSTRAINT workspace_keys_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id);

CREATE POLICY adding ON public.automations AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('automations.write'::text) AS may));

CREATE POLICY adding ON public.contacts AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('contacts.write'::text) AS may));

CREATE POLICY adding ON public.mailboxes AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('mailboxes.write'::text) AS may));

CREATE POLICY adding ON public.memberships AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY adding ON public.roles AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY adding ON public.tasks AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('tasks.write'::text) AS may));

CREATE POLICY adding ON public.team_members AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY adding ON public.teams AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY adding ON public.webhook_deliveries AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('webhooks.settings'::text) AS may));

CREATE POLICY adding ON public.webhook_endpoints AS RESTRICTIVE FOR INSERT TO crm_app WITH CHECK (( SELECT app.may('webhooks.settings'::text) AS may));

ALTER TABLE public.automation_runs ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.automations ENABLE ROW LEVEL SECURITY;

CREATE POLICY backfill ON public.automation_runs TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.automations TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.contacts TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.email_analyses TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.email_bodies TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.email_entities TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.email_participants TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.email_subjects TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.emails TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.event_log TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.feed TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.idempotency_keys TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.inbox TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.mail_ledger TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.mailboxes TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.memberships TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.outbox TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.roles TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.sessions TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.tasks TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.team_members TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.teams TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.threads TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.webhook_deliveries TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.webhook_endpoints TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.workspace_keys TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY backfill ON public.workspaces TO crm_migrator USING (true) WITH CHECK (true);

CREATE POLICY changing ON public.automations AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (
CASE
    WHEN (deleted_at IS NULL) THEN ( SELECT app.may('automations.write'::text) AS may)
    ELSE ( SELECT app.may('automations.delete'::text) AS may)
END);

CREATE POLICY changing ON public.contacts AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (
CASE
    WHEN (deleted_at IS NULL) THEN ( SELECT app.may('contacts.write'::text) AS may)
    ELSE ( SELECT app.may('contacts.delete'::text) AS may)
END);

CREATE POLICY changing ON public.mailboxes AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('mailboxes.write'::text) AS may));

CREATE POLICY changing ON public.memberships AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY changing ON public.roles AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY changing ON public.tasks AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (
CASE
    WHEN (deleted_at IS NULL) THEN ( SELECT app.may('tasks.write'::text) AS may)
    ELSE ( SELECT app.may('tasks.delete'::text) AS may)
END);

CREATE POLICY changing ON public.team_members AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY changing ON public.teams AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY changing ON public.webhook_deliveries AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('webhooks.settings'::text) AS may));

CREATE POLICY changing ON public.webhook_endpoints AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('webhooks.settings'::text) AS may));

CREATE POLICY changing ON public.workspaces AS RESTRICTIVE FOR UPDATE TO crm_app WITH CHECK (( SELECT app.may('workspace.settings'::text) AS may));

ALTER TABLE public.contacts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.email_analyses ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.email_bodies ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.email_entities ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.email_participants ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.email_subjects ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.emails ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.event_log ENABLE ROW LEVEL SECURITY;

CREATE POLICY expire ON public.idempotency_keys FOR DELETE TO crm_outbox USING ((created_at <= (now() - '24:00:00'::interval)));

CREATE POLICY expire ON public.inbox FOR DELETE TO crm_outbox USING ((seen_at < (now() - '30 days'::interval)));

CREATE POLICY expire_select ON public.idempotency_keys FOR SELECT TO crm_outbox USING ((created_at <= (now() - '24:00:00'::interval)));

CREATE POLICY expire_select ON public.inbox FOR SELECT TO crm_outbox USING ((seen_at < (now() - '30 days'::interval)));

ALTER TABLE public.feed ENABLE ROW LEVEL SECURITY;

CREATE POLICY forget ON public.outbox TO crm_resolver USING (true);

ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.inbox ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.mail_ledger ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.mailboxes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.memberships ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.outbox ENABLE ROW LEVEL SECURITY;

CREATE POLICY publish ON public.event_log FOR SELECT TO crm_outbox USING (true);

CREATE POLICY publish ON public.outbox TO crm_outbox USING (true) WITH CHECK (true);

CREATE POLICY reading ON public.automation_runs AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('automations.read'::text) AS may));

CREATE POLICY reading ON public.automations AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('automations.read'::text) AS may));

CREATE POLICY reading ON public.contacts AS RESTRICTIVE FOR SELECT TO crm_app USING (((( SELECT app.reach('contacts'::text) AS reach) = 'all'::text) OR ((( SELECT app.reach('contacts'::text) AS reach) IS NOT NULL) AND (owner_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif"))) OR ((( SELECT app.reach('contacts'::text) AS reach) = 'team'::text) AND (owner_id = ANY (( SELECT app.teammates() AS teammates)::uuid[])))));

CREATE POLICY reading ON public.email_analyses AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('emails.read'::text) AS may));

CREATE POLICY reading ON public.email_bodies AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('emails.read'::text) AS may));

CREATE POLICY reading ON public.email_entities AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('emails.read'::text) AS may));

CREATE POLICY reading ON public.email_participants AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('emails.read'::text) AS may));

CREATE POLICY reading ON public.email_subjects AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('emails.read'::text) AS may));

CREATE POLICY reading ON public.emails AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('emails.read'::text) AS may));

CREATE POLICY reading ON public.mail_ledger AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('mailboxes.read'::text) AS may));

CREATE POLICY reading ON public.mailboxes AS RESTRICTIVE FOR SELECT TO crm_app USING ((( SELECT app.may('mailboxes.read'::text) AS may) OR ( SELECT app.may('emails.read'::text) AS may)));

CREATE POLICY reading ON public.tasks AS RESTRICTIVE FOR SELECT TO crm_app USING (((( SELECT app.reach('tasks'::text) AS reach) = 'all'::text) OR ((( SELECT app.reach('tasks'::text) AS reach) IS NOT NULL) AND (owner_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif"))) OR ((( SELECT app.reach('tasks'::text) AS reach) = 'team'::text) AND (owner_id = ANY (( SELECT app.teammates() AS teammates)::uuid[])))));

CREATE POLICY reading ON public.threads AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('emails.read'::text) AS may));

CREATE POLICY reading ON public.webhook_deliveries AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('webhooks.settings'::text) AS may));

CREATE POLICY reading ON public.webhook_endpoints AS RESTRICTIVE FOR SELECT TO crm_app USING (( SELECT app.may('webhooks.settings'::text) AS may));

CREATE POLICY removing ON public.automations AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('automations.write'::text) AS may));

CREATE POLICY removing ON public.contacts AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('contacts.write'::text) AS may));

CREATE POLICY removing ON public.mailboxes AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('mailboxes.write'::text) AS may));

CREATE POLICY removing ON public.memberships AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY removing ON public.roles AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY removing ON public.tasks AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('tasks.write'::text) AS may));

CREATE POLICY removing ON public.team_members AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY removing ON public.teams AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('members.settings'::text) AS may));

CREATE POLICY removing ON public.webhook_deliveries AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('webhooks.settings'::text) AS may));

CREATE POLICY removing ON public.webhook_endpoints AS RESTRICTIVE FOR DELETE TO crm_app USING (( SELECT app.may('webhooks.settings'::text) AS may));

CREATE POLICY resolve ON public.mail_ledger FOR SELECT TO crm_resolver USING (true);

CREATE POLICY resolve ON public.mailboxes FOR SELECT TO crm_resolver USING (true);

CREATE POLICY resolve ON public.memberships FOR SELECT TO crm_resolver USING (true);

CREATE POLICY resolve ON public.webhook_deliveries FOR SELECT TO crm_resolver USING (true);

CREATE POLICY resolve ON public.webhook_endpoints FOR SELECT TO crm_resolver USING (true);

ALTER TABLE public.roles ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.sessions ENABLE ROW LEVEL SECURITY;

CREATE POLICY sharing ON public.email_analyses AS RESTRICTIVE FOR SELECT TO crm_app USING ((mailbox_id IN ( SELECT m.id
   FROM public.mailboxes m
  WHERE ((m.workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")) AND ((m.user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")) OR (m.sharing = ANY ('{everything}'::text[])))))));

CREATE POLICY sharing ON public.email_bodies AS RESTRICTIVE FOR SELECT TO crm_app USING ((mailbox_id IN ( SELECT m.id
   FROM public.mailboxes m
  WHERE ((m.workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")) AND ((m.user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")) OR (m.sharing = ANY ('{everything}'::text[])))))));

CREATE POLICY sharing ON public.email_entities AS RESTRICTIVE FOR SELECT TO crm_app USING ((mailbox_id IN ( SELECT m.id
   FROM public.mailboxes m
  WHERE ((m.workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")) AND ((m.user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")) OR (m.sharing = ANY ('{everything}'::text[])))))));

CREATE POLICY sharing ON public.email_subjects AS RESTRICTIVE FOR SELECT TO crm_app USING ((mailbox_id IN ( SELECT m.id
   FROM public.mailboxes m
  WHERE ((m.workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")) AND ((m.user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")) OR (m.sharing = ANY ('{subject,everything}'::text[])))))));

CREATE POLICY sharing ON public.event_log AS RESTRICTIVE FOR SELECT TO crm_app USING (((type = ANY (ARRAY['EmailReceived'::text, 'EmailChanged'::text])) OR (NOT (payload ? 'mailbox_id'::text)) OR ((payload ->> 'mailbox_id'::text) IN ( SELECT (m.id)::text AS id
   FROM public.mailboxes m
  WHERE ((m.workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")) AND ((m.user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")) OR (m.sharing = 'everything'::text)))))));

CREATE POLICY sharing ON public.webhook_deliveries AS RESTRICTIVE FOR SELECT TO crm_app USING (((mailbox_id IS NULL) OR (mailbox_id IN ( SELECT m.id
   FROM public.mailboxes m
  WHERE ((m.workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")) AND ((m.user_id = ( SELECT (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid AS "nullif")) OR (m.sharing = 'everything'::text)))))));

ALTER TABLE public.tasks ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.team_members ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.teams ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON public.automation_runs USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.automations USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.contacts USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.email_analyses USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.email_bodies USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.email_entities USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.email_participants USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.email_subjects USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.emails USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.event_log USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.feed USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.idempotency_keys USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.inbox USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.mail_ledger USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.mailboxes USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.memberships USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.outbox USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.roles USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.sessions USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.tasks USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.team_members USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.teams USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.threads USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.webhook_deliveries USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.webhook_endpoints USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.workspace_keys USING ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

CREATE POLICY tenant ON public.workspaces USING ((id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif"))) WITH CHECK ((id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid AS "nullif")));

ALTER TABLE public.threads ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_deliveries ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_endpoints ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.workspace_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.workspaces ENABLE ROW LEVEL SECURITY;

GRANT ALL ON SCHEMA app TO crm_resolver;
GRANT ALL ON SCHEMA app TO crm_search;
GRANT USAGE ON SCHEMA app TO crm_app;
GRANT USAGE ON SCHEMA app TO crm_worker;
GRANT USAGE ON SCHEMA app TO crm_auth;
GRANT USAGE ON SCHEMA app TO crm_outbox;
GRANT USAGE ON SCHEMA app TO crm_migrator;

REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO crm_owner;
GRANT ALL ON SCHEMA public TO crm_migrator;
GRANT USAGE ON SCHEMA public TO crm_app;
GRANT USAGE ON SCHEMA public TO crm_worker;
GRANT USAGE ON SCHEMA public TO crm_auth;
GRANT USAGE ON SCHEMA public TO crm_outbox;
GRANT USAGE ON SCHEMA public TO crm_resolver;
GRANT USAGE ON SCHEMA public TO crm_search;

REVOKE ALL ON FUNCTION app.begin_request(workspace uuid, caller uuid, access text) FROM PUBLIC;
GRANT ALL ON FUNCTION app.begin_request(workspace uuid, caller uuid, access text) TO crm_app;
GRANT ALL ON FUNCTION app.begin_request(workspace uuid, caller uuid, access text) TO crm_worker;
GRANT ALL ON FUNCTION app.begin_request(workspace uuid, caller uuid, access text) TO crm_auth;
GRANT ALL ON FUNCTION app.begin_request(workspace uuid, caller uuid, access text) TO crm_outbox;
GRANT ALL ON FUNCTION app.begin_request(workspace uuid, caller uuid, access text) TO crm_migrator;

REVOKE ALL ON FUNCTION app.claim_request(wanted bytea, OUT free boolean, OUT response bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION app.claim_request(wanted bytea, OUT free boolean, OUT response bytea) TO crm_app;

REVOKE ALL ON FUNCTION app.forget_published(workspaces uuid[], events uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION app.forget_published(workspaces uuid[], events uuid[]) TO crm_app;
GRANT ALL ON FUNCTION app.forget_published(workspaces uuid[], events uuid[]) TO crm_worker;
GRANT ALL ON FUNCTION app.forget_published(workspaces uuid[], events uuid[]) TO crm_auth;
GRANT ALL ON FUNCTION app.forget_published(workspaces uuid[], events uuid[]) TO crm_outbox;

REVOKE ALL ON PROCEDURE app.guard(IN target regclass, IN reading text, IN writing text, IN deleting text) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app.guard_owned(IN target regclass, IN thing text) FROM PUBLIC;

REVOKE ALL ON FUNCTION app.may(permission text) FROM PUBLIC;
GRANT ALL ON FUNCTION app.may(permission text) TO crm_app;
GRANT ALL ON FUNCTION app.may(permission text) TO crm_worker;
GRANT ALL ON FUNCTION app.may(permission text) TO crm_auth;

REVOKE ALL ON PROCEDURE app.protect(IN target regclass) FROM PUBLIC;

REVOKE ALL ON PROCEDURE app.protect_mail(IN target regclass, IN tiers text[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION app.reach(thing text) FROM PUBLIC;
GRANT ALL ON FUNCTION app.reach(thing text) TO crm_app;
GRANT ALL ON FUNCTION app.reach(thing text) TO crm_worker;
GRANT ALL ON FUNCTION app.reach(thing text) TO crm_auth;

REVOKE ALL ON FUNCTION app.resolve_due_endpoints(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_due_endpoints(most integer) TO crm_worker;

REVOKE ALL ON FUNCTION app.resolve_due_mailboxes(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_due_mailboxes(most integer) TO crm_worker;

REVOKE ALL ON FUNCTION app.resolve_expiring_watches(before timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_expiring_watches(before timestamp with time zone, most integer) TO crm_worker;

REVOKE ALL ON FUNCTION app.resolve_mailbox(wanted text) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_mailbox(wanted text) TO crm_worker;

REVOKE ALL ON FUNCTION app.resolve_memberships(person uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_memberships(person uuid) TO crm_auth;

REVOKE ALL ON FUNCTION app.resolve_old_deliveries(before timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_old_deliveries(before timestamp with time zone, most integer) TO crm_worker;

REVOKE ALL ON FUNCTION app.resolve_quiet_mailboxes(since timestamp with time zone, most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.resolve_quiet_mailboxes(since timestamp with time zone, most integer) TO crm_worker;

REVOKE ALL ON FUNCTION app.retire_events(before timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app.retire_events(before timestamp with time zone) TO crm_migrator;

REVOKE ALL ON FUNCTION app.roll_partitions(ahead integer) FROM PUBLIC;
GRANT ALL ON FUNCTION app.roll_partitions(ahead integer) TO crm_worker;
GRANT ALL ON FUNCTION app.roll_partitions(ahead integer) TO crm_migrator;

REVOKE ALL ON FUNCTION app.teammates() FROM PUBLIC;
GRANT ALL ON FUNCTION app.teammates() TO crm_app;

REVOKE ALL ON FUNCTION app.uuid7_floor(at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION app.uuid7_floor(at timestamp with time zone) TO crm_migrator;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.automation_runs TO crm_migrator;
GRANT SELECT ON TABLE public.automation_runs TO crm_app;
GRANT SELECT,INSERT ON TABLE public.automation_runs TO crm_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.automations TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.automations TO crm_app;
GRANT SELECT ON TABLE public.automations TO crm_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.contacts TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.contacts TO crm_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.contacts TO crm_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.email_analyses TO crm_migrator;
GRANT SELECT ON TABLE public.email_analyses TO crm_app;
GRANT SELECT,INSERT ON TABLE public.email_analyses TO crm_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.email_bodies TO crm_migrator;
GRANT SELECT ON TABLE public.email_bodies TO crm_app;
GRANT SELECT,INSERT ON TABLE public.email_bodies TO crm_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.email_entities TO crm_migrator;
GRANT SELECT ON TABLE public.email_entities TO crm_app;
GRANT SELECT,INSERT ON TABLE public.email_entities TO crm_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.email_participants TO crm_migrator;
GRANT SELECT ON TABLE public.email_participants TO crm_app;
GRANT SELECT,INSERT ON TABLE public.email_participants TO crm_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.email_subjects TO crm_migrator;
GRANT SELECT ON TABLE public.email_subjects TO crm_app;
GRANT SELECT,INSERT ON TABLE public.email_subjects TO crm_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.emails TO crm_migrator;
GRANT SELECT ON TABLE public.emails TO crm_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.emails TO crm_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.event_log TO crm_migrator;
GRANT SELECT,INSERT ON TABLE public.event_log TO crm_app;
GRANT SELECT,INSERT ON TABLE public.event_log TO crm_worker;
GRANT SELECT,INSERT ON TABLE public.event_log TO crm_auth;
GRANT SELECT ON TABLE public.event_log TO crm_outbox;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.feed TO crm_migrator;
GRANT SELECT,INSERT ON TABLE public.feed TO crm_app;
GRANT SELECT,INSERT ON TABLE public.feed TO crm_worker;
GRANT SELECT,INSERT ON TABLE public.feed TO crm_auth;

GRANT UPDATE("position") ON TABLE public.feed TO crm_app;
GRANT UPDATE("position") ON TABLE public.feed TO crm_worker;
GRANT UPDATE("position") ON TABLE public.feed TO crm_auth;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.idempotency_keys TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.idempotency_keys TO crm_app;
GRANT SELECT,DELETE ON TABLE public.idempotency_keys TO crm_outbox;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.inbox TO crm_migrator;
GRANT SELECT,INSERT ON TABLE public.inbox TO crm_app;
GRANT SELECT,INSERT ON TABLE public.inbox TO crm_worker;
GRANT SELECT,DELETE ON TABLE public.inbox TO crm_outbox;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.mail_ledger TO crm_migrator;
GRANT SELECT ON TABLE public.mail_ledger TO crm_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.mail_ledger TO crm_worker;

GRANT SELECT(workspace_id) ON TABLE public.mail_ledger TO crm_resolver;

GRANT SELECT(mailbox_id) ON TABLE public.mail_ledger TO crm_resolver;

GRANT SELECT(state) ON TABLE public.mail_ledger TO crm_resolver;

GRANT SELECT(listed) ON TABLE public.mail_ledger TO crm_resolver;

GRANT SELECT(due_at) ON TABLE public.mail_ledger TO crm_resolver;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.mailboxes TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.mailboxes TO crm_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.mailboxes TO crm_worker;

GRANT SELECT(workspace_id) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT(id) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT(address) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT(state) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT(synced_at) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT(watch_expires_at) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT(throttled_until) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT(units_at) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT(deleted_at) ON TABLE public.mailboxes TO crm_resolver;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.memberships TO crm_migrator;
GRANT SELECT,INSERT ON TABLE public.memberships TO crm_app;
GRANT SELECT,INSERT ON TABLE public.memberships TO crm_auth;
GRANT SELECT ON TABLE public.memberships TO crm_worker;
GRANT SELECT ON TABLE public.memberships TO crm_resolver;

GRANT UPDATE(role) ON TABLE public.memberships TO crm_app;

GRANT UPDATE(role_id) ON TABLE public.memberships TO crm_app;

GRANT UPDATE(version) ON TABLE public.memberships TO crm_app;

GRANT UPDATE(updated_at) ON TABLE public.memberships TO crm_app;

GRANT UPDATE(ended_at) ON TABLE public.memberships TO crm_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.outbox TO crm_migrator;
GRANT INSERT ON TABLE public.outbox TO crm_app;
GRANT INSERT ON TABLE public.outbox TO crm_worker;
GRANT INSERT ON TABLE public.outbox TO crm_auth;
GRANT SELECT,DELETE,UPDATE ON TABLE public.outbox TO crm_outbox;
GRANT SELECT,DELETE ON TABLE public.outbox TO crm_resolver;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.roles TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.roles TO crm_app;
GRANT SELECT ON TABLE public.roles TO crm_auth;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.sessions TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.sessions TO crm_auth;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.tasks TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.tasks TO crm_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.tasks TO crm_worker;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.team_members TO crm_migrator;
GRANT SELECT,INSERT,DELETE ON TABLE public.team_members TO crm_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.teams TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.teams TO crm_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.threads TO crm_migrator;
GRANT SELECT ON TABLE public.threads TO crm_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.threads TO crm_worker;

GRANT SELECT,INSERT,UPDATE ON TABLE public.users TO crm_auth;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhook_deliveries TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.webhook_deliveries TO crm_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhook_deliveries TO crm_worker;

GRANT SELECT(workspace_id) ON TABLE public.webhook_deliveries TO crm_resolver;

GRANT SELECT(endpoint_id) ON TABLE public.webhook_deliveries TO crm_resolver;

GRANT SELECT(state) ON TABLE public.webhook_deliveries TO crm_resolver;

GRANT SELECT(due_at) ON TABLE public.webhook_deliveries TO crm_resolver;

GRANT SELECT(created_at) ON TABLE public.webhook_deliveries TO crm_resolver;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.webhook_endpoints TO crm_migrator;
GRANT SELECT,INSERT,UPDATE ON TABLE public.webhook_endpoints TO crm_app;
GRANT SELECT,UPDATE ON TABLE public.webhook_endpoints TO crm_worker;

GRANT SELECT(workspace_id) ON TABLE public.webhook_endpoints TO crm_resolver;

GRANT SELECT(id) ON TABLE public.webhook_endpoints TO crm_resolver;

GRANT SELECT(enabled) ON TABLE public.webhook_endpoints TO crm_resolver;

GRANT SELECT(resting_until) ON TABLE public.webhook_endpoints TO crm_resolver;

GRANT SELECT(busy_until) ON TABLE public.webhook_endpoints TO crm_resolver;

GRANT SELECT(tokens_at) ON TABLE public.webhook_endpoints TO crm_resolver;

GRANT SELECT(deleted_at) ON TABLE public.webhook_endpoints TO crm_resolver;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.workspace_keys TO crm_migrator;
GRANT SELECT,INSERT ON TABLE public.workspace_keys TO crm_app;
GRANT SELECT,INSERT ON TABLE public.workspace_keys TO crm_worker;

GRANT SELECT,INSERT,UPDATE ON TABLE public.workspaces TO crm_app;
GRANT SELECT,INSERT,UPDATE ON TABLE public.workspaces TO crm_auth;
GRANT SELECT ON TABLE public.workspaces TO crm_worker;

ALTER DEFAULT PRIVILEGES FOR ROLE crm_owner REVOKE ALL ON FUNCTIONS FROM PUBLIC;

ALTER DEFAULT PRIVILEGES FOR ROLE crm_resolver REVOKE ALL ON FUNCTIONS FROM PUBLIC;

ALTER DEFAULT PRIVILEGES FOR ROLE crm_search REVOKE ALL ON FUNCTIONS FROM PUBLIC;

INSERT INTO app.monthly_tables VALUES ('event_log');
INSERT INTO app.monthly_tables VALUES ('emails');
INSERT INTO app.monthly_tables VALUES ('email_bodies');
INSERT INTO app.monthly_tables VALUES ('email_participants');
INSERT INTO app.monthly_tables VALUES ('email_subjects');
INSERT INTO app.monthly_tables VALUES ('email_analyses');
INSERT INTO app.monthly_tables VALUES ('email_entities');
