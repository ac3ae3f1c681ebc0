"""The audit log: what is written to it by itself, and that nobody rewrites it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from shared.access import EVERYTHING, NOTHING, access_of
from shared.db import Tx, transaction
from shared.db.connection import connect
from shared.ids import uuid7
from shared.origin import Origin, coming_from
from shared.testing import Database, Workspace

NOT_AUDITED = {
    "audit_log": "is it",
    "automation_runs": "a log of its own, written once",
    "deprecated_uses": "a log of its own, by day",
    "email_analyses": "what the AI found, written once beside the mail",
    "email_bodies": "mails are kept as they came, byte for byte",
    "email_entities": "what the AI found, written once beside the mail",
    "email_participants": "of a mail, which is kept as it came",
    "email_subjects": "of a mail, which is kept as it came",
    "emails": "kept as they came; the ledger accounts for each",
    "event_log": "a log of its own, written once",
    "feed": "a counter",
    "idempotency_keys": "answers that are kept for a day",
    "inbox": "marks of what was seen",
    "mail_ledger": "a log of its own: every mail's state",
    "operation_changes": "a log of its own: what there was before an operation",
    "operations": "a log of its own: what was done together",
    "outbox": "events on their way",
    "privacy_erased": "ids of what was erased, written once",
    "refresh_tokens": "of a session, which tells by its events",
    "sessions": "events tell of them: SessionOpened, SessionRevoked",
    "socket_tickets": "good for a minute, once",
    "sso_identities": "events tell of them: IdentityLinked",
    "threads": "follow from their mails",
    "webhook_deliveries": "a log of its own: every attempt",
    "workspace_keys": "nothing but a secret, written once",
}
NOT_WATCHED: dict[str, dict[str, str]] = {
    "invitations": {
        "token_hashes": "secrets",
        "mail_state": "how far its mail is",
        "mail_attempts": "how far its mail is",
        "mail_due_at": "how far its mail is",
        "mail_asked_at": "how far its mail is",
    },
    "api_keys": {
        "hash": "a secret, written once",
        "last_used_at": "where and when it was used is no change of it",
        "last_used_from": "where and when it was used is no change of it",
    },
    "mailboxes": {
        "history_cursor": "how far it was read",
        "synced_at": "how far it was read",
        "watch_expires_at": "renewed by the clock",
        "throttled_until": "what the provider said last",
        "units": "a bucket that fills and empties",
        "backfill_units": "a bucket that fills and empties",
        "units_at": "a bucket that fills and empties",
    },
    "privacy_requests": {
        "address": "whoever it was is to be forgotten",
        "fingerprint": "of the address",
        "contact_ids": "found by the saga",
        "names": "whoever it was is to be forgotten",
        "reason": "how far it is; `state` is told",
        "round": "how far it is",
        "steps": "how far it is",
        "objects": "how far it is",
        "export_key": "follows from the id",
        "export_size": "an event tells: PersonExported",
        "due_at": "when somebody goes on",
        "attempts": "how far it is",
        "claim": "who works on it now",
        "finished_at": "follows from `state`",
    },
    "sso_connections": {
        "sessions_from": "follows from the change of `issuer` or `enabled`",
    },
    "webhook_endpoints": {
        "previous_secret": "moves there from `secret`",
        "previous_secret_until": "follows from the change of `secret`",
        "failing_since": "deliveries tell",
        "resting_until": "what the receiver asked for last",
        "busy_by": "who sends now",
        "busy_until": "who sends now",
        "wake_at": "who sends next",
        "tokens": "a bucket that fills and empties",
        "tokens_at": "a bucket that fills and empties",
    },
    "workspaces": {
        "deletion_asked_at": "the row of `purge_at` has the time",
        "purge_stage": "how far deleting is",
        "purge_counts": "how far deleting is",
        "purge_busy_until": "who deletes now",
    },
}
EVERYWHERE = {"workspace_id", "id", "version", "created_at", "updated_at", "deleted_at"}
ROLES = ("crm_app", "crm_worker", "crm_auth", "crm_outbox")
"""Those that sign in to work, but crm_eraser, who takes out of it what was erased. crm_migrator
applies migrations as the owner, so it may do anything; no function of ours but that of a deploy
signs in as it.
"""


@pytest.fixture
def watched(database: Database) -> dict[str, tuple[set[str], set[str], str]]:
    """Of every audited table the columns that are told, those that are not, and the object's id."""
    rows = database.admin(
        """
        select c.relname as table, t.tgargs as arguments
        from pg_trigger t join pg_class c on c.oid = t.tgrelid
        where t.tgname = 'audit' and t.tgenabled = 'O'
        """
    )
    found: dict[str, tuple[set[str], set[str], str]] = {}
    for row in rows:
        object_id, told, hidden, _ = row["arguments"].decode().split("\0")
        found[row["table"]] = set(told.split(",")), set(hidden.split(",")) - {""}, object_id
    return found


def _columns(database: Database) -> dict[str, dict[str, str]]:
    rows = database.admin(
        """
        select c.relname as table, a.attname as column, a.atttypid::regtype::text as type
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
            and not a.attisdropped and a.attgenerated = ''
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and not c.relispartition and (c.relname = 'workspaces' or exists (
                select from pg_attribute w where w.attrelid = c.oid and w.attname = 'workspace_id'))
        """
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["table"], {})[row["column"]] = row["type"]
    return found


def test_every_table_of_tenants_is_audited_or_says_why_not(
    database: Database, watched: dict[str, Any]
) -> None:
    """Whoever adds a table calls `app.audited` in its migration, or says here why not."""
    assert _columns(database).keys() - watched.keys() == NOT_AUDITED.keys()
    assert watched.keys() & NOT_AUDITED.keys() == set()


def test_every_column_of_theirs_is_told_or_says_why_not(
    database: Database, watched: dict[str, tuple[set[str], set[str], str]]
) -> None:
    columns = _columns(database)
    for table, (told, hidden, object_id) in watched.items():
        unnamed = columns[table].keys() - told - hidden - EVERYWHERE - {object_id}
        assert unnamed == NOT_WATCHED.get(table, {}).keys(), table
        assert told | hidden <= columns[table].keys(), table


def test_nothing_that_is_encrypted_or_a_hash_is_told(
    database: Database, watched: dict[str, tuple[set[str], set[str], str]]
) -> None:
    columns = _columns(database)
    told = {(table, one) for table, (told, _, _) in watched.items() for one in told}
    assert [one for one in told if columns[one[0]][one[1]] == "bytea"] == []


@pytest.fixture
def log_of(database: Database) -> Callable[..., list[dict[str, Any]]]:
    """A workspace's audit log in order, of one kind of object."""

    def read(workspace: Workspace, kind: str = "contacts") -> list[dict[str, Any]]:
        return database.admin(
            """
            select actor, action, object_id, before, after, source_ip, user_agent, request_id
            from audit_log where workspace_id = %(w)s and object_type = %(kind)s order by id
            """,
            w=workspace.id,
            kind=kind,
        )

    return read


Log = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def contact(as_role: object, workspace: Workspace) -> UUID:
    """A contact that the owner has made."""
    contact_id = uuid7()
    with _ours(workspace) as tx:
        _add(tx, contact_id)
    return contact_id


def _ours(workspace: Workspace) -> Any:
    return transaction(workspace.id, user_id=workspace.user_id, access=EVERYTHING)


def _add(tx: Tx, contact_id: UUID) -> None:
    tx.run(
        """
        insert into contacts (workspace_id, id, name, email, tags)
        values (%(workspace_id)s, %(id)s, 'Ada', 'ada@example.com', '{vip}')
        """,
        id=contact_id,
    )


def _change(tx: Tx, contact_id: UUID, assignments: LiteralString) -> None:
    query = "update contacts set " + assignments + " where workspace_id = %(workspace_id)s"  # noqa: S608
    tx.run(query + " and id = %(id)s", id=contact_id)


def _fail_to_change(tx: Tx, contact_id: UUID) -> None:
    with tx.acting_as("automation:failing"):
        _change(tx, contact_id, "name = 'Bea'")
    tx.run("update contacts set name = name where false")  # so the database is told who again
    raise ZeroDivisionError


def test_what_changed_is_written_as_it_was_and_is(
    contact: UUID, workspace: Workspace, log_of: Log
) -> None:
    for change in (
        "name = 'Ada L.', email = 'ada@example.com', phone = '1', tags = '{}', version = 2",
        "version = 3, updated_at = now()",
        "name = 'Ada L.', version = 4",
        "phone = null",
        "deleted_at = now()",
        "deleted_at = now()",
        "deleted_at = null, name = 'Ada'",
    ):
        with _ours(workspace) as tx:
            _change(tx, contact, change)
    whole: dict[str, Any] = {"name": "Ada L.", "email": "ada@example.com", "tags": []}
    assert [(one["action"], one["before"], one["after"]) for one in log_of(workspace)] == [
        ("created", None, {"name": "Ada", "email": "ada@example.com", "tags": ["vip"]}),
        (
            "changed",
            {"name": "Ada", "phone": None, "tags": ["vip"]},
            {"name": "Ada L.", "phone": "1", "tags": []},
        ),
        ("changed", {"phone": "1"}, {"phone": None}),
        ("deleted", whole, None),
        ("restored", None, whole | {"name": "Ada"}),
    ]
    assert {one["object_id"] for one in log_of(workspace)} == {contact}


def test_what_is_undone_was_never_written(contact: UUID, workspace: Workspace, log_of: Log) -> None:
    with pytest.raises(ZeroDivisionError), _ours(workspace) as tx:
        _fail_to_change(tx, contact)
    with _ours(workspace) as tx:
        with pytest.raises(ZeroDivisionError), tx.savepoint():
            _fail_to_change(tx, contact)
        _change(tx, contact, "name = 'Cleo'")
    assert [one["after"]["name"] for one in log_of(workspace)] == ["Ada", "Cleo"]


def test_what_machines_note_all_the_time_writes_nothing(
    as_role: Any, workspace: Workspace, database: Database, log_of: Log
) -> None:
    mailbox = uuid7()
    database.admin(
        """
        insert into mailboxes (workspace_id, id, user_id, provider, address, credentials)
        values (%(w)s, %(id)s, %(user)s, 'gmail', 'a@example.com', 'sealed')
        """,
        w=workspace.id,
        id=mailbox,
        user=workspace.user_id,
    )
    as_role("crm_worker")
    with transaction(workspace.id) as tx:
        tx.run(
            "update mailboxes set units = 1, history_cursor = 7, synced_at = now(), state = state"
        )
    assert [one["action"] for one in log_of(workspace, "mailboxes")] == ["created"]
    with transaction(workspace.id, actor="system:email") as tx:
        tx.run("update mailboxes set credentials = 'other', state = 'disconnected'")
    made, last = log_of(workspace, "mailboxes")
    assert "credentials" not in made["after"]
    assert last["before"] == {"state": "active", "credentials": "***"}
    assert last["after"] == {"state": "disconnected", "credentials": "***"}
    assert last["actor"] == "system:email"


def test_rows_that_are_deleted_for_good_and_keys_of_several_columns(
    as_role: object, workspace: Workspace, log_of: Log
) -> None:
    team = uuid7()
    person = {"user_id": str(workspace.user_id)}
    with _ours(workspace) as tx:
        tx.run(
            "insert into teams (workspace_id, id, name) values (%(workspace_id)s, %(id)s, 'A')",
            id=team,
        )
        tx.run(
            """
            insert into team_members (workspace_id, team_id, user_id)
            values (%(workspace_id)s, %(id)s, %(user)s)
            """,
            id=team,
            user=workspace.user_id,
        )
        tx.run("delete from team_members where workspace_id = %(workspace_id)s")
    added, removed = log_of(workspace, "team_members")
    assert (added["object_id"], added["before"], added["after"]) == (team, None, person)
    assert (removed["action"], removed["before"], removed["after"]) == ("deleted", person, None)
    [joined] = log_of(workspace, "memberships")
    assert (joined["object_id"], joined["after"]) == (workspace.user_id, {"role": "owner"})
    [opened] = log_of(workspace, "workspaces")
    assert (opened["object_id"], opened["after"]) == (workspace.id, {"name": "Test"})


def test_it_says_who_and_from_where(contact: UUID, workspace: Workspace, log_of: Log) -> None:
    """Also in the middle of a transaction, and after a part of it was undone."""
    agent = 'Mozilla/5.0 "quoted" \\ é'
    with coming_from(Origin("192.0.2.1", agent, "req-1")), _ours(workspace) as tx:
        _change(tx, contact, "name = 'a'")
        with tx.acting_as("automation:1"):
            _change(tx, contact, "name = 'b'")
        with pytest.raises(ZeroDivisionError), tx.savepoint():
            _fail_to_change(tx, contact)
        _change(tx, contact, "name = 'd'")
        with tx.acting_as("automation:2"):
            _change(tx, contact, "name = 'e'")
    with transaction(workspace.id, actor="system:x", access=EVERYTHING) as tx:
        _change(tx, contact, "name = 'f'")
    me = f"user:{workspace.user_id}"
    log = log_of(workspace)
    assert [(one["after"]["name"], one["actor"]) for one in log] == [
        ("Ada", me), ("a", me), ("b", "automation:1"), ("d", me), ("e", "automation:2"),
        ("f", "system:x"),
    ]  # fmt: skip
    for one in log[1:-1]:
        seen = one["source_ip"], one["user_agent"], one["request_id"]
        assert seen == ("192.0.2.1", agent, "req-1")
    for one in (log[0], log[-1]):
        assert (one["source_ip"], one["user_agent"], one["request_id"]) == (None, None, None)


def test_a_new_workspace_and_its_owner_are_in_its_own_log(
    as_role: object, workspace: Workspace, log_of: Log
) -> None:
    with _ours(workspace) as tx, tx.opening(uuid7()) as inside:
        inside.run("insert into workspaces (id, name) values (%(workspace_id)s, 'New')")
        opened = Workspace(inside.workspace_id, workspace.user_id)
    [made] = log_of(opened, "workspaces")
    assert (made["actor"], made["after"]) == (f"user:{workspace.user_id}", {"name": "New"})


def test_who_changes_the_database_itself_is_seen(
    contact: UUID, workspace: Workspace, database: Database, log_of: Log
) -> None:
    database.admin("update contacts set name = 'Mallory' where id = %(id)s", id=contact)
    last = log_of(workspace)[-1]
    assert (last["actor"], last["after"]) == ("database:postgres", {"name": "Mallory"})


def test_two_hundred_changes_at_once_are_two_hundred_entries_in_order(
    as_role: object, workspace: Workspace, log_of: Log
) -> None:
    ids = [uuid7() for _ in range(200)]
    with _ours(workspace) as tx:
        for one in ids:
            tx.run(
                """
                insert into contacts (workspace_id, id, name)
                values (%(workspace_id)s, %(id)s, 'Ada')
                """,
                id=one,
            )
        tx.run("update contacts set name = 'Bea' where workspace_id = %(workspace_id)s")
    log = log_of(workspace)
    assert [one["object_id"] for one in log[:200]] == ids
    assert [one["action"] for one in log[200:]] == ["changed"] * 200


# Nobody rewrites it


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "update audit_log set actor = 'nobody'",
        "update audit_log set before = null, after = null",
        "delete from audit_log",
        "truncate audit_log",
        "alter table audit_log disable trigger all",
        "alter table contacts disable trigger audit",
        "drop trigger audit on contacts",
        "drop table audit_log",
        "set local session_replication_role = replica",
    ],
)
def test_no_role_that_signs_in_changes_or_deletes_or_stops_it(
    role: str, statement: LiteralString, contact: UUID, workspace: Workspace, database: Database
) -> None:
    with connect(database.url(role)) as connection:
        connection.execute("begin")
        given = (workspace.id, workspace.user_id, str(EVERYTHING))
        connection.execute("select app.begin_request(%s, %s, %s)", given)
        with pytest.raises(InsufficientPrivilege):
            connection.execute(statement)
        connection.execute("rollback")


def test_nobody_was_given_more_than_reading_and_adding(database: Database) -> None:
    granted = database.admin(
        """
        select g.grantee::regrole::text as role, array_agg(g.privilege_type::text) as may
        from pg_class c, aclexplode(c.relacl) g
        where c.relname = 'audit_log' and g.grantee <> c.relowner group by 1
        """
    )
    assert {one["role"]: sorted(one["may"]) for one in granted} == {
        "crm_app": ["INSERT", "SELECT"],
        "crm_auth": ["INSERT", "SELECT"],
        "crm_eraser": ["INSERT", "SELECT"],
        "crm_migrator": ["INSERT", "SELECT"],
        "crm_purger": ["DELETE", "SELECT"],
        "crm_worker": ["INSERT"],
    }


def _read(database: Database, role: str, workspace: Workspace, access: object) -> int:
    with connect(database.url(role)) as connection:
        connection.execute("begin")
        given = (workspace.id, workspace.user_id, str(access))
        connection.execute("select app.begin_request(%s, %s, %s)", given)
        found = connection.execute("select count(*) from audit_log").fetchone()
        connection.execute("rollback")
    return (found or (0,))[0]


def test_who_may_reads_it_and_nobody_else(
    contact: UUID, workspace: Workspace, database: Database, new_workspace: Any
) -> None:
    assert _read(database, "crm_app", workspace, access_of("audit.read")) == 3
    assert _read(database, "crm_app", workspace, NOTHING) == 0
    other = new_workspace()
    assert _read(database, "crm_app", other, EVERYTHING) == 2, "its own making"
    for role in ("crm_worker", "crm_outbox"):
        with pytest.raises(InsufficientPrivilege):
            _read(database, role, workspace, EVERYTHING)


def test_for_whoever_wants_their_own_there_is_nothing_else(
    contact: UUID, workspace: Workspace, database: Database
) -> None:
    """crm_auth exports accounts."""
    assert _read(database, "crm_auth", workspace, NOTHING) == 2, "a membership, a contact"
    assert _read(database, "crm_auth", Workspace(workspace.id, uuid7()), EVERYTHING) == 0


@pytest.mark.parametrize("role", ["crm_app", "crm_worker", "crm_auth"])
def test_nobody_writes_into_anothers(
    role: str, workspace: Workspace, database: Database, new_workspace: Any
) -> None:
    query = """
        insert into audit_log (workspace_id, id, at, actor, action, object_type, object_id)
        values (%s, app.uuid7(), now(), 'x', 'x', 'x', app.uuid7())
    """
    with connect(database.url(role)) as connection:
        connection.execute("begin")
        connection.execute("select app.begin_request(%s, null)", (workspace.id,))
        connection.execute(query, (workspace.id,))
        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            connection.execute(query, (new_workspace().id,))
        connection.execute("rollback")


# What an erasure takes out of it


def test_what_it_tells_of_a_person_can_be_taken_out(
    contact: UUID, workspace: Workspace, database: Database, log_of: Log, new_workspace: Any
) -> None:
    other = uuid7()
    with coming_from(Origin("192.0.2.1", "agent", "r")), _ours(workspace) as tx:
        _change(tx, contact, "name = 'Bea', phone = '1'")
        tx.run(
            """
            insert into contacts (workspace_id, id, name) values (%(workspace_id)s, %(id)s, 'Cleo')
            """,
            id=other,
        )
    with psycopg.connect(database.server.url(database=database.name)) as admin:
        admin.execute("set local role crm_owner")
        for place, person in ((new_workspace(), contact), (workspace, contact)):
            admin.execute("select app.begin_request(%s, null)", (place.id,))
            admin.execute("select app.redact_audit(%s)", (person,))
        admin.execute("select app.redact_audit(%s)", (workspace.user_id,))
    made, changed, beside = log_of(workspace)
    assert (made["before"], made["after"]) == (None, {"name": None, "email": None, "tags": None})
    assert changed["before"] == changed["after"] == {"name": None, "phone": None}
    assert beside["after"] == {"name": "Cleo", "tags": []}
    assert {one["source_ip"] for one in (made, changed, beside)} == {None}
    assert {one["user_agent"] for one in (made, changed, beside)} == {None}
    assert changed["request_id"] == "r"
    assert changed["actor"] == f"user:{workspace.user_id}"


@pytest.mark.parametrize("role", ROLES)
def test_no_role_that_signs_in_takes_anything_out(role: str, database: Database) -> None:
    with (
        connect(database.url(role)) as connection,
        pytest.raises(InsufficientPrivilege, match="redact_audit"),
    ):
        connection.execute("select app.redact_audit(%s)", (uuid4(),))


# Ids


def test_the_databases_uuids_are_version_7_and_in_order(database: Database) -> None:
    before = time.time_ns() // 1_000_000
    rows = database.admin("select app.uuid7() as id from generate_series(1, 1000)")
    after = time.time_ns() // 1_000_000
    ids = [row["id"] for row in rows]
    assert ids == sorted(ids)
    assert len(set(ids)) == 1000
    for one in ids:
        assert (one.version, one.variant) == (7, "specified in RFC 4122")
        assert before <= one.int >> 80 <= after
