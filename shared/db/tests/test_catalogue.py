"""What the catalogue must say of every table, so that no migration opens a hole between tenants.

The holes that the rules close: row-level security does not bind a table's owner unless forced, says
nothing to who reads a partition directly, and is not asked by foreign keys and unique indexes.
"""

from typing import Any, LiteralString

import pytest

from shared.testing import Database

POLICY = (
    "(workspace_id = ( SELECT (NULLIF(current_setting('app.workspace_id'::text, true),"
    " ''::text))::uuid AS \"nullif\"))"
)
LOG_IN_ROLES = ("crm_app", "crm_worker", "crm_auth", "crm_outbox", "crm_eraser", "crm_migrator")

NO_TENANT = {
    "account_erasures": "of people, who leave several workspaces; crm_auth alone reads it",
    "account_mails": "mails to people, who may not have signed in yet; crm_auth alone reads it",
    "challenges": "sign-ins between two factors, before a workspace; crm_auth alone reads it",
    "external_identities": "of people, the same in every workspace; crm_auth alone reads it",
    "external_sign_ins": "sign-ins that were begun, before a workspace; crm_auth alone reads it",
    "failed_sign_ins": "attempts, before a workspace; crm_auth alone reads it",
    "mailed_links": "links to people, before a workspace; crm_auth alone reads it",
    "purged_workspaces": "that there was a workspace; its id is known to no policy any more",
    "recovery_codes": "of people; crm_auth alone reads it",
    "throttles": "attempts of people nobody knows yet, under hashes; crm_auth alone reads it",
    "totp_factors": "of people, the same in every workspace; crm_auth alone reads it",
    "users": "people are the same in every workspace; crm_auth alone reads them",
    "workspaces": "its own id is the workspace; it has that policy",
}
# Only indexes that no unique constraint hangs on, and that serve a look-up across workspaces.
INDEXES_ACROSS_WORKSPACES = {
    "invitations_due": "app.resolve_due_invitations: whose mail is to be sent",
    "memberships_user": "app.resolve_memberships: which workspaces a person belongs to",
    "sessions_alive": "app.resolve_session_workspaces: where a person is signed in",
    "sessions_over": "app.resolve_old_sessions: what is deleted after a while",
    "outbox_due": "the sweeper takes what is due in every workspace",
    "idempotency_keys_created": "the sweeper forgets what is old in every workspace",
    "inbox_seen": "the sweeper forgets what is old in every workspace",
    "operations_expiry": "the sweeper forgets what is old in every workspace",
    "mailboxes_resolve": "app.resolve_mailbox: a push names an address only",
    "mailboxes_synced": "app.resolve_quiet_mailboxes: mailboxes not heard of for a while",
    "privacy_requests_due": "app.resolve_due_privacy_requests: what is to be gone on with",
    "privacy_requests_kept": "app.resolve_old_exports: what is deleted after a while",
}
KEYS_TO_NO_TENANT = {
    ("account_erasures", "users"): "both are about people",
    ("account_mails", "users"): "both are about people",
    ("challenges", "totp_factors"): "both are about people",
    ("external_identities", "users"): "both are about people",
    ("mailed_links", "users"): "both are about people",
    ("memberships", "users"): "people belong to no workspace",
    ("recovery_codes", "totp_factors"): "both are about people",
    ("totp_factors", "users"): "both are about people",
}

_TENANT_TABLES = """
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id'
        and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace
"""


def _column(database: Database, query: LiteralString, **params: Any) -> list[Any]:
    return [next(iter(row.values())) for row in database.admin(query, **params)]


def test_every_table_has_a_workspace_or_says_why_not(database: Database) -> None:
    without = _column(
        database,
        """
        select c.relname from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'm', 'f')
            and c.relname not like '%%yoyo%%' and c.relname <> '_migrations'
            and not exists (select from pg_attribute a where a.attrelid = c.oid
                and a.attname = 'workspace_id' and not a.attisdropped)
        order by c.relname
        """,
    )
    assert without == sorted(NO_TENANT)


def test_row_level_security_is_enabled_and_forced_on_tables_and_partitions(
    database: Database,
) -> None:
    tables = database.admin(
        "select c.relname, c.relrowsecurity and c.relforcerowsecurity as forced"
        + _TENANT_TABLES
        + "and c.relkind in ('r', 'p')"
    )
    assert len(tables) > 10
    assert [table["relname"] for table in tables if not table["forced"]] == []
    assert _column(
        database, "select relforcerowsecurity from pg_class where relname = 'workspaces'"
    ) == [True]


def test_the_tenant_policy_has_exactly_that_text(database: Database) -> None:
    policies = database.admin(
        "select c.relname, pg_get_expr(p.polqual, p.polrelid) as using_,"
        " pg_get_expr(p.polwithcheck, p.polrelid) as check_, p.polcmd::text, p.polpermissive,"
        " p.polroles = '{0}' as everybody"
        " from pg_policy p join pg_class c on c.oid = p.polrelid where p.polname = 'tenant'"
    )
    for policy in policies:
        wanted = POLICY.replace("workspace_id =", "id =", policy["relname"] == "workspaces")
        assert (policy["using_"], policy["check_"]) == (wanted, wanted), policy["relname"]
        assert (policy["polcmd"], policy["polpermissive"], policy["everybody"]) == ("*", True, True)
    tables = _column(
        database,
        "select c.relname" + _TENANT_TABLES + "and c.relkind in ('r', 'p') and not relispartition",
    )
    assert {policy["relname"] for policy in policies} == {*tables, "workspaces"}


def test_a_policy_that_shows_more_is_for_no_role_that_answers_people(database: Database) -> None:
    """Permissive policies add up: one for everybody would undo the tenant policy."""
    wider = database.admin(
        """
        select c.relname, p.polname, array(select rolname::text from pg_roles
            where oid = any(p.polroles)) as roles
        from pg_policy p join pg_class c on c.oid = p.polrelid
        where p.polpermissive and p.polname <> 'tenant'
        """
    )
    trusted = {"crm_migrator", "crm_outbox", "crm_resolver", "crm_search"}
    assert wider
    assert [
        policy for policy in wider if not policy["roles"] or set(policy["roles"]) - trusted
    ] == []


def test_every_key_and_index_begins_with_the_workspace(database: Database) -> None:
    indexes = database.admin(
        """
        select i.relname as name, t.relname as table, x.indisunique, a.attname as first
        from pg_index x
        join pg_class i on i.oid = x.indexrelid
        join pg_class t on t.oid = x.indrelid and t.relnamespace = 'public'::regnamespace
        left join pg_attribute a on a.attrelid = t.oid and a.attnum = x.indkey[0]
        where not t.relispartition and exists (select from pg_attribute w
            where w.attrelid = t.oid and w.attname = 'workspace_id')
        """
    )
    across = {i["name"] for i in indexes if i["first"] != "workspace_id"}
    assert across == INDEXES_ACROSS_WORKSPACES.keys()
    assert [i["name"] for i in indexes if i["name"] in across and i["indisunique"]] == []


def test_no_foreign_key_can_cross_workspaces(database: Database) -> None:
    keys = database.admin(
        """
        select t.relname as table, r.relname as target, a.attname as first, b.attname as to_first
        from pg_constraint k
        join pg_class t on t.oid = k.conrelid and t.relnamespace = 'public'::regnamespace
        join pg_class r on r.oid = k.confrelid
        join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
        join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
        where k.contype = 'f' and not t.relispartition and t.relname not like '%%yoyo%%'
        """
    )
    assert len(keys) > 5
    crossing = {
        (key["table"], key["target"])
        for key in keys
        if (key["first"], key["to_first"])
        not in {("workspace_id", "workspace_id"), ("workspace_id", "id")}
        or (key["to_first"] == "id" and key["target"] != "workspaces")
    }
    assert crossing == KEYS_TO_NO_TENANT.keys()


def test_nobody_is_granted_a_partition_or_truncate(database: Database) -> None:
    """A partition read directly is not asked for its parent's policies, and TRUNCATE for none."""
    granted = database.admin(
        """
        select c.relname, g.privilege_type, coalesce(r.rolname, 'public') as grantee
        from pg_class c, aclexplode(c.relacl) g left join pg_roles r on r.oid = g.grantee
        where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace)
            and g.grantee <> c.relowner
            and (c.relispartition or g.privilege_type = 'TRUNCATE' or g.grantee = 0)
        """
    )
    assert granted == []


@pytest.mark.parametrize("role", LOG_IN_ROLES)
def test_a_role_that_signs_in_has_no_power_over_row_level_security(
    database: Database, role: str
) -> None:
    [found] = database.admin(
        """
        select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication
        from pg_roles where rolname = %(role)s
        """,
        role=role,
    )
    assert not any(found.values())
    member_of = _column(
        database,
        """
        select r.rolname::text from pg_auth_members m join pg_roles r on r.oid = m.roleid
        where m.member = (select oid from pg_roles where rolname = %(role)s)
        """,
        role=role,
    )
    assert role == "crm_migrator" or member_of == []
    owned = _column(
        database,
        """
        select pg_describe_object(d.classid, d.objid, d.objsubid) from pg_shdepend d
        where d.deptype = 'o' and d.refobjid = (select oid from pg_roles where rolname = %(role)s)
            and d.dbid = (select oid from pg_database where datname = current_database())
        """,
        role=role,
    )
    mine = [name for name in owned if "yoyo" not in name and "_migrations" not in name]
    assert mine == []


def test_the_owners_cannot_sign_in_and_bypass_nothing(database: Database) -> None:
    roles = database.admin(
        """
        select rolname, rolcanlogin or rolsuper or rolbypassrls as strong from pg_roles
        where rolname in ('crm_owner', 'crm_resolver', 'crm_search', 'crm_purger')
        """
    )
    assert [role["strong"] for role in roles] == [False] * 4


def test_views_ask_as_the_caller_and_there_are_no_materialised_ones(database: Database) -> None:
    views = database.admin(
        """
        select relname, relkind::text, 'security_invoker=true' = any(coalesce(reloptions, '{}'))
            as invoker
        from pg_class where relnamespace in ('public'::regnamespace, 'app'::regnamespace)
            and relkind in ('v', 'm')
        """
    )
    assert [view for view in views if view["relkind"] == "m" or not view["invoker"]] == []


def test_functions_fix_their_search_path_and_public_may_run_none(database: Database) -> None:
    functions = database.admin(
        """
        select p.proname, p.prosecdef, pg_get_userbyid(p.proowner)::text as owner,
            exists (select from unnest(p.proconfig) c where c like 'search_path=%%') as fixed,
            p.proacl is null or exists (select from aclexplode(p.proacl) g where g.grantee = 0)
                as public
        from pg_proc p
        where p.pronamespace in ('public'::regnamespace, 'app'::regnamespace)
            and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
        """
    )
    definers = [function for function in functions if function["prosecdef"]]
    assert len(definers) >= 3
    assert [f["proname"] for f in functions if f["public"]] == []
    assert [f["proname"] for f in functions if not f["fixed"]] == []
    assert {f["owner"] for f in definers} <= {
        "crm_owner",
        "crm_resolver",
        "crm_search",
        "crm_purger",
    }
    of_owner = [f["proname"] for f in definers if f["owner"] == "crm_owner"]
    assert of_owner == ["roll_partitions"], "it creates tables; look-ups belong to crm_resolver"
