-- depends: 0007_ai
-- Reading the feed: where it begins, and which of its events not every member may read.
set local role crm_owner;

-- The first position that is still in event_log. Positions have no holes, so a reader who has seen
-- the one before it has missed nothing, and one who has not is told so.
alter table public.feed add column kept_from bigint not null default 1 check (kept_from >= 1);
revoke update on public.feed from crm_app, crm_worker, crm_auth;
grant update (position) on public.feed to crm_app, crm_worker, crm_auth;

-- Run, and committed, before a month of event_log is dropped. Ids follow the clock and positions the
-- commits, so at the month's end some later events may stay behind the new beginning: they are then
-- no longer offered, which is better than a hole.
create function app.retire_events(before timestamptz) returns int
language sql set search_path = pg_catalog as $$
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
grant execute on function app.retire_events, app.uuid7_floor to crm_migrator;

-- An event that names a mailbox may tell what is in its mails, as an analysis does: members see it
-- as far as they see the mails themselves. Two tell only what every member sees of every mail. A new
-- one that names a mailbox is hidden until it is listed here.
create policy sharing on public.event_log as restrictive for select to crm_app using (
    type in ('EmailReceived', 'EmailChanged')
    or not payload ? 'mailbox_id'
    or payload ->> 'mailbox_id' in (
        select m.id::text from public.mailboxes m
        where m.workspace_id = (select nullif(current_setting('app.workspace_id', true), '')::uuid)
            and (m.user_id = (select nullif(current_setting('app.user_id', true), '')::uuid)
                 or m.sharing = 'everything')
    )
);
