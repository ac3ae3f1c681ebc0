-- depends: 0022_undo
-- An automation acts for a person: it reads and changes what that member may, at that moment.
alter table public.automations add column user_id uuid;

-- Those that are there act for whoever made them, as the audit log says, or else for an owner.
update public.automations a set user_id = coalesce(
    (
        select substring(l.actor from '^user:(.{36})$')::uuid from public.audit_log l
        where l.workspace_id = a.workspace_id and l.object_type = 'automations'
            and l.object_id = a.id and l.action = 'created'
        limit 1
    ),
    (
        select m.user_id from public.memberships m
        where m.workspace_id = a.workspace_id
        order by m.ended_at is not null, m.role <> 'owner', m.created_at, m.user_id
        limit 1
    )
);

set local role crm_owner;
alter table public.automations alter column user_id set not null;
grant select on public.team_members to crm_worker;
call app.audited('public.automations', 'id', 'user_id,name,enabled,event_type,conditions,actions');
