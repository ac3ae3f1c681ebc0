-- Roles and the database's own settings. Run by the cluster's administrator before every migration;
-- running it again changes nothing. Log-in roles get their passwords, where they have any, from
-- whoever runs the cluster, never here.
--
-- The administrator may be one of RDS: no superuser, but allowed to make roles, and the owner of the
-- database. Extensions belong here, too, should a migration ever need one: RDS lets nobody else
-- create those that are not trusted.
--
--   crm_owner     owns everything; nobody signs in as it
--   crm_migrator  applies migrations (as crm_owner), and back-fills data across workspaces
--   crm_app       what answers people: sees one workspace at a time
--   crm_worker    what works in the background: one workspace at a time, every mail of it
--   crm_auth      sign-in and the authorizer: may look people up before a workspace is known
--   crm_outbox    reads the outbox and the feed of every workspace, to publish
--   crm_eraser    hands out what there is about a person, and erases it: one workspace at a time
--   crm_resolver  owns the look-ups that find a workspace; nobody signs in as it
--   crm_search    owns the search functions; nobody signs in as it
--   crm_purger    owns the functions that delete workspaces and people; nobody signs in as it
select pg_advisory_xact_lock(hashtext('haste.bootstrap'));

do $$
declare
    wanted record;
begin
    for wanted in
        select * from (values
            ('crm_owner', 'nologin'), ('crm_resolver', 'nologin'), ('crm_search', 'nologin'),
            ('crm_purger', 'nologin'), ('crm_migrator', 'login'), ('crm_app', 'login'),
            ('crm_worker', 'login'), ('crm_auth', 'login'), ('crm_outbox', 'login'),
            ('crm_eraser', 'login')
        ) as roles (name, may_log_in)
    loop
        if not exists (select from pg_roles where rolname = wanted.name) then
            execute format('create role %I %s', wanted.name, wanted.may_log_in);
        end if;
    end loop;
end $$;

grant crm_owner, crm_resolver, crm_search, crm_purger to crm_migrator;

-- Since PostgreSQL 16, who makes a role may grant it, but does not have its rights. Until the last
-- line the administrator does.
grant crm_owner, crm_resolver, crm_search, crm_purger to current_user;

-- RDS has this role; its members sign in with IAM tokens, and with nothing else.
do $$
begin
    if exists (select from pg_roles where rolname = 'rds_iam') then
        grant rds_iam to crm_migrator, crm_app, crm_worker, crm_auth, crm_outbox, crm_eraser;
    end if;
end $$;

alter role crm_app set statement_timeout = '20s';
alter role crm_app set idle_in_transaction_session_timeout = '30s';
alter role crm_worker set statement_timeout = '60s';
alter role crm_worker set idle_in_transaction_session_timeout = '60s';
alter role crm_auth set statement_timeout = '10s';
alter role crm_auth set idle_in_transaction_session_timeout = '30s';
alter role crm_outbox set statement_timeout = '30s';
alter role crm_outbox set idle_in_transaction_session_timeout = '60s';
alter role crm_eraser set statement_timeout = '60s';
alter role crm_eraser set idle_in_transaction_session_timeout = '60s';

do $$
begin
    execute format('revoke all on database %I from public', current_database());
    execute format(
        'grant connect on database %I to crm_migrator, crm_app, crm_worker, crm_auth, crm_outbox, '
        'crm_eraser',
        current_database()
    );
    execute format('grant create on database %I to crm_owner', current_database());
end $$;

revoke all on schema public from public;
grant usage, create on schema public to crm_owner, crm_migrator;
grant usage on schema public to crm_app, crm_worker, crm_auth, crm_outbox, crm_eraser,
    crm_migrator, crm_resolver, crm_search, crm_purger;

create schema if not exists app authorization crm_owner;
grant create, usage on schema app to crm_resolver, crm_search, crm_purger;
alter default privileges for role crm_owner, crm_resolver, crm_search, crm_purger
    revoke execute on functions from public;

revoke crm_owner, crm_resolver, crm_search, crm_purger from current_user;
