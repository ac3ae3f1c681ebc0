"""Every query of the product goes through an index that begins with the workspace.

Row-level security is in force, the workspaces are large, and the statements are the ones the code
sends: a cursor of psycopg's asks for the plan of each just before it runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import events
from events.ai import EmailAnalyzed
from events.contacts import ContactDeleted
from functions.activities import queries as activities
from functions.auth.commands import sessions as auth_commands
from functions.auth.models.external import Identity
from functions.auth.models.sessions import Client
from functions.auth.queries import accounts as auth
from functions.auth.queries import export as auth_export
from functions.auth.queries import external as auth_external
from functions.auth.queries import sessions as auth_sessions
from functions.auth.queries import sso as auth_sso
from functions.auth.store import attempts as auth_attempts
from functions.auth.store import erasure as auth_erasure
from functions.auth.store import external as auth_identities
from functions.auth.store import sessions as auth_store
from functions.automations import queries as automations
from functions.contacts import queries as contacts
from functions.email import queries as email
from functions.email import store as email_store
from functions.gateway import queries as gateway
from functions.gateway.queries import deprecations
from functions.outbox import store as outbox
from functions.realtime import queries as realtime
from functions.webhooks import commands as webhook_commands
from functions.webhooks import queries as webhooks
from functions.webhooks import store as webhook_store
from functions.webhooks.listening import NewDelivery
from functions.webhooks.outcomes import Outcome
from shared.access import EVERYTHING
from shared.cursors import Key
from shared.db import Tx, resolve, system_transaction, transaction
from shared.ids import uuid7
from shared.telling import mailbox_readers
from shared.testing import Database
from template_tests import belonging, erasing
from template_tests.asked import AUDIT, KEYS, ONE_KEY, admit_key
from template_tests.crowd import Crowd
from template_tests.linked import LINKED
from template_tests.listings import FILTERED
from template_tests.recording import Recording, Statement, empty_tables

SMALL = {"users", "workspaces", "memberships", "feed", "sso_connections"}
"""Tables with a row or two for a workspace."""
ACROSS = {"outbox_due", "inbox_seen", "idempotency_keys_created"}
"""Indexes of the jobs that work across workspaces; `test_catalogue` says why each is there."""


@pytest.fixture(scope="module")
def database(crowded: Database) -> Database:
    """A database of these tests' own."""
    return crowded


def complaints(statement: Statement) -> list[str]:
    """What is wrong with a plan: a whole table read, or an index not entered by the workspace."""
    found: list[str] = []
    for node in statement.nodes():
        kind, table = node["Node Type"], node.get("Relation Name")
        if kind == "Seq Scan" and table not in SMALL | empty_tables:
            found.append(f"reads all of {table}")
        if kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan"):
            entered = node.get("Index Cond", "")
            if "workspace_id" not in entered and not _is_allowed(node):
                found.append(f"enters {node['Index Name']} by {entered or 'nothing'}")
    return found


def _is_allowed(node: dict[str, Any]) -> bool:
    name = re.sub(r"_y\d+m\d+", "", node["Index Name"])
    return name in ACROSS or name in {f"{table}_pkey" for table in SMALL}


def sorts(statement: Statement) -> list[str]:
    """Sorts of more than a page: a list that does not come out of its index in order."""
    return [
        f"sorts {node['Plan Rows']} rows by {node['Sort Key']}"
        for node in statement.nodes()
        if node["Node Type"] in ("Sort", "Incremental Sort") and node["Plan Rows"] > 300
    ]


Query = Callable[[Tx, Crowd], object]


def _analyzed(crowd: Crowd) -> EmailAnalyzed:
    sample = Path(events.__path__[0]) / "samples" / "EmailAnalyzed.v1.json"
    said = json.loads(sample.read_text()) | {"workspace_id": str(crowd.workspace)}
    return EmailAnalyzed.model_validate(said)


def deep(tx: Tx, table: str) -> Key:
    """A place in the middle of a list."""
    at = {"emails": "received_at", "threads": "last_at"}.get(table, "created_at")
    query: Any = (
        f"-- the test's own\nselect {at}, id from {table} order by {at} desc offset 5000 limit 1"
    )
    found = tx.one(tuple, query) or tx.one(tuple, query.replace("5000", "100"))
    assert found is not None
    return found


LISTS: dict[str, Query] = {
    **AUDIT,
    **KEYS,
    **belonging.LISTED,
    **erasing.LISTED,
    "operations": lambda tx, _: gateway.list_operations(tx, limit=51),
    "operations, deep": lambda tx, _: gateway.list_operations(
        tx, limit=51, after=deep(tx, "operations")
    ),
    "deprecated uses": lambda tx, _: deprecations.list_deprecated_uses(tx, limit=51),
    "deprecated uses, deep": lambda tx, _: deprecations.list_deprecated_uses(
        tx, limit=51, after=(datetime.now(UTC) - timedelta(days=60), uuid7())
    ),
    "contacts": lambda tx, _: contacts.list_contacts(tx, limit=51),
    "contacts, deep": lambda tx, _: contacts.list_contacts(
        tx, limit=51, after=deep(tx, "contacts")
    ),
    **FILTERED,
    "emails": lambda tx, _: email.list_emails(tx, limit=51),
    "emails, deep": lambda tx, _: email.list_emails(tx, limit=51, after=deep(tx, "emails")),
    "emails of a mailbox": lambda tx, crowd: email.list_emails(
        tx, limit=51, mailbox_id=crowd.mailbox
    ),
    "emails of a small mailbox": lambda tx, _: email.list_emails(
        tx, limit=51, mailbox_id=email.list_mailboxes(tx, limit=9)[-1].id
    ),
    "emails of a mailbox, deep": lambda tx, crowd: email.list_emails(
        tx, limit=51, mailbox_id=crowd.mailbox, after=deep(tx, "emails")
    ),
    "emails of a thread": lambda tx, crowd: email.list_emails(tx, limit=51, thread_id=crowd.thread),
    "emails of a thread, deep": lambda tx, crowd: email.list_emails(
        tx, limit=51, thread_id=crowd.thread, after=deep(tx, "emails")
    ),
    "threads": lambda tx, _: email.list_threads(tx, limit=51),
    "threads, deep": lambda tx, _: email.list_threads(tx, limit=51, after=deep(tx, "threads")),
    "threads of a mailbox": lambda tx, crowd: email.list_threads(
        tx, limit=51, mailbox_id=crowd.mailbox
    ),
    "threads of a mailbox, deep": lambda tx, crowd: email.list_threads(
        tx, limit=51, mailbox_id=crowd.mailbox, after=deep(tx, "threads")
    ),
    "mailboxes": lambda tx, _: email.list_mailboxes(tx, limit=51),
    "mailboxes, deep": lambda tx, _: email.list_mailboxes(
        tx, limit=51, after=deep(tx, "mailboxes")
    ),
    "tasks": lambda tx, _: activities.list_tasks(tx, limit=51),
    "tasks, deep": lambda tx, _: activities.list_tasks(tx, limit=51, after=deep(tx, "tasks")),
    "open tasks": lambda tx, _: activities.list_tasks(tx, limit=51, status="open"),
    "open tasks, deep": lambda tx, _: activities.list_tasks(
        tx, limit=51, status="open", after=deep(tx, "tasks")
    ),
    "tasks of a contact": lambda tx, _: activities.list_tasks(
        tx, limit=51, contact_id=contacts.list_contacts(tx, limit=1)[0].id
    ),
    "tasks of a mail": lambda tx, _: activities.list_tasks(
        tx, limit=51, email_id=email.list_emails(tx, limit=1)[0].id
    ),
    "events": lambda tx, _: gateway.read_feed(tx, limit=200),
    "events, deep": lambda tx, _: gateway.read_feed(tx, limit=200, after=10_000),
    "events of a type": lambda tx, _: gateway.read_feed(
        tx, limit=200, after=10_000, types=["TaskCreated"]
    ),
    "automations": lambda tx, _: automations.list_automations(tx, limit=51),
    "automations, deep": lambda tx, _: automations.list_automations(
        tx, limit=51, after=deep(tx, "automations")
    ),
    "endpoints": lambda tx, _: webhooks.list_endpoints(tx, limit=51),
    "deliveries": lambda tx, crowd: webhooks.list_deliveries(tx, crowd.endpoint, limit=51),
    "deliveries, deep": lambda tx, crowd: webhooks.list_deliveries(
        tx, crowd.endpoint, limit=51, after=deep(tx, "webhook_deliveries")
    ),
    "failed deliveries": lambda tx, crowd: webhooks.list_deliveries(
        tx, webhooks.list_endpoints(tx, limit=9)[-1].id, limit=51, state="failed"
    ),
    "failed deliveries, deep": lambda tx, crowd: webhooks.list_deliveries(
        tx, crowd.endpoint, limit=51, after=deep(tx, "webhook_deliveries"), state="failed"
    ),
    "what is to be replayed": lambda tx, _: webhooks.list_recorded(
        tx, ("ContactCreated",), after_position=5000, limit=1000
    ),
    "runs": lambda tx, crowd: automations.list_runs(tx, crowd.automation, limit=51),
    "runs, deep": lambda tx, crowd: automations.list_runs(
        tx, crowd.automation, limit=51, after=deep(tx, "automation_runs")
    ),
}


OTHERS: dict[str, Query] = {
    **ONE_KEY,
    **LINKED,
    **belonging.ASKED,
    **erasing.ASKED,
    "contact by email": lambda tx, _: contacts.find_by_email(tx, "person40000@example.com"),
    "contact": lambda tx, _: contacts.get_contact(tx, contacts.list_contacts(tx, limit=1)[0].id),
    "email": lambda tx, _: email.get_email(tx, email.list_emails(tx, limit=1)[0].id),
    "raw mail": lambda tx, _: email.get_raw_key(tx, email.list_emails(tx, limit=1)[0].id),
    "mailbox": lambda tx, crowd: email.get_mailbox(tx, crowd.mailbox),
    "what the ledger lacks": lambda tx, crowd: email.not_in_ledger(
        tx, crowd.mailbox, [str(n) for n in range(500)]
    ),
    "states of the ledger": lambda tx, crowd: email.ledger_states(tx, crowd.mailbox),
    "task": lambda tx, _: activities.get_task(tx, activities.list_tasks(tx, limit=1)[0].id),
    "delivery": lambda tx, crowd: webhooks.get_delivery(
        tx, crowd.endpoint, webhooks.list_deliveries(tx, crowd.endpoint, limit=1)[0].id
    ),
    "endpoints that listen": lambda tx, _: webhooks.list_listeners(tx),
    "what a connection missed": lambda tx, crowd: realtime.read_missed(
        tx, 10_000, types=["TaskCreated"], about={"ContactChanged": [crowd.thread]}
    ),
    "sign-ins of connections": lambda tx, crowd: realtime.read_sessions(tx, [crowd.session]),
    "contacts one may read": lambda tx, _: realtime.readable(
        tx, "contacts", [contacts.list_contacts(tx, limit=1)[0].id]
    ),
    "tasks one may read": lambda tx, _: realtime.readable(
        tx, "tasks", [activities.list_tasks(tx, limit=1)[0].id]
    ),
    "who may read mailboxes": lambda tx, crowd: mailbox_readers(tx, [crowd.mailbox]),
}


@pytest.mark.parametrize("name", [*LISTS, *OTHERS])
def test_what_people_read_comes_from_an_index_of_their_workspace(
    recorded: Recording, crowd: Crowd, name: str
) -> None:
    statements = recorded("crm_app")
    with transaction(crowd.workspace, user_id=crowd.user, access=EVERYTHING) as tx:
        (LISTS | OTHERS)[name](tx, crowd)
    statement = statements[-1]
    assert "from" in statement.text or "update" in statement.text
    assert complaints(statement) == [], json.dumps(statement.plan, indent=1)
    if name in LISTS:
        assert sorts(statement) == [], json.dumps(statement.plan, indent=1)


def _take_due(tx: Tx, crowd: Crowd) -> object:
    small = tx.one(
        tuple,
        """
        -- the test's own
        select mailbox_id from mail_ledger where workspace_id = %(workspace_id)s
            and state = 'pending' limit 1
        """,
    )
    assert small is not None
    options: dict[str, Any] = {"most": 10, "again_s": 900, "most_releases": 6}
    assert email_store.take_due(tx, small[0], listed=True, **options) or email_store.take_due(
        tx, small[0], listed=False, **options
    )
    return email_store.take_due(tx, crowd.mailbox, listed=False, **options)


def _mail(tx: Tx, crowd: Crowd) -> tuple[Any, ...]:
    found = tx.one(
        tuple,
        """
        -- the test's own
        select provider_id, email_id from mail_ledger
        where workspace_id = %(workspace_id)s and mailbox_id = %(mailbox_id)s
            and email_id is not null limit 1
        """,
        mailbox_id=crowd.mailbox,
    )
    assert found is not None
    return found


def _send_due(tx: Tx, crowd: Crowd) -> object:
    """A sender's whole visit."""
    holder = uuid7()
    taken = webhook_commands.take(tx, crowd.endpoint, holder)
    assert taken is not None
    assert len(taken[1]) == 25
    webhook_commands.settle(tx, crowd.endpoint, [Outcome(one, "failed") for one in taken[1]])
    return webhook_commands.let_go(tx, crowd.endpoint, holder)


def _record_deliveries(tx: Tx, crowd: Crowd) -> object:
    new = [NewDelivery(crowd.endpoint, uuid7(), "ContactCreated", 1, None, "{}") for _ in range(9)]
    return webhook_store.record(tx, new, again=True)


WORK: dict[str, Query] = {
    **belonging.WORK,
    "automations of an event": lambda tx, crowd: automations.list_rules(tx, _analyzed(crowd)),
    "sending webhooks": _send_due,
    "recording deliveries": _record_deliveries,
    "replaying a delivery": lambda tx, crowd: webhook_store.replay(tx, crowd.endpoint, uuid7()),
    "deleting old deliveries": lambda tx, crowd: webhook_store.expire(
        tx, crowd.endpoint, days=25, limit=100
    ),
    "releasing": _take_due,
    "quota": lambda tx, crowd: email.quota(tx, crowd.mailbox),
    "reopening": lambda tx, crowd: email_store.reopen(
        tx, crowd.mailbox, [str(n) for n in range(50)], in_flight=True
    ),
    "labels": lambda tx, crowd: email_store.relabel(
        tx, crowd.mailbox, _mail(tx, crowd)[0], ["STARRED"], []
    ),
    "deletions": lambda tx, crowd: email_store.mark_gone(tx, crowd.mailbox, [_mail(tx, crowd)[0]]),
    "a failed attempt": lambda tx, crowd: email_store.count_attempt(
        tx, crowd.mailbox, _mail(tx, crowd)[0], "x", longest_wait_s=9
    ),
    "once": lambda tx, _: tx.first_times("automations", [uuid7()]),
}


@pytest.mark.parametrize("name", WORK)
def test_what_workers_do_goes_through_an_index_of_the_workspace(
    recorded: Recording, crowd: Crowd, name: str
) -> None:
    statements = recorded("crm_worker")
    with transaction(crowd.workspace) as tx:
        WORK[name](tx, crowd)
    assert statements
    for statement in statements:
        assert complaints(statement) == [], (statement.text, json.dumps(statement.plan, indent=1))


@pytest.mark.parametrize("name", erasing.ERASING)
def test_a_persons_data_is_found_through_indexes(
    recorded: Recording, crowd: Crowd, name: str
) -> None:
    statements = recorded("crm_eraser")
    with transaction(crowd.workspace) as tx:
        erasing.ERASING[name](tx, crowd)
    assert statements
    for statement in statements:
        assert complaints(statement) == [], (statement.text, json.dumps(statement.plan, indent=1))


def test_a_whole_resync_compares_through_an_index(recorded: Recording, crowd: Crowd) -> None:
    """It reads a mailbox whole, but only that mailbox."""
    listed = [str(n) for n in range(10_000)]
    statements = recorded("crm_worker")
    with transaction(crowd.workspace) as tx:
        assert email.stored_but_not_in(tx, crowd.mailbox, listed)
    (statement,) = statements
    tables = [n for n in statement.nodes() if n.get("Relation Name") == "mail_ledger"]
    assert tables
    assert "Seq Scan" not in {node["Node Type"] for node in tables}


def test_appending_to_the_feed_goes_through_its_key(recorded: Recording, crowd: Crowd) -> None:
    statements = recorded("crm_app")
    with transaction(crowd.workspace) as tx:
        tx.emit(ContactDeleted(**tx.envelope(uuid7()), email=None))
    (statement,) = statements
    assert "event_log" in statement.text
    assert complaints(statement) == [], json.dumps(statement.plan, indent=1)


def test_the_authorizer_finds_a_session_by_its_key(recorded: Recording, crowd: Crowd) -> None:
    statements = recorded("crm_auth")
    with transaction(crowd.workspace, user_id=crowd.user) as tx:
        assert auth.find_session(tx, crowd.session) is not None
    assert complaints(statements[-1]) == [], json.dumps(statements[-1].plan, indent=1)


def test_the_authorizer_finds_a_key_and_notes_its_use(recorded: Recording, crowd: Crowd) -> None:
    statements = recorded("crm_auth")
    with transaction(crowd.workspace) as tx:
        admit_key(tx)
    assert [one for statement in statements for one in complaints(statement)] == []


def _find_token(tx: Tx, crowd: Crowd) -> bytes:
    query = """
        -- the test's own
        select sha256(convert_to(%(session)s || '1', 'UTF8'))
    """
    found = tx.one(bytes, query, session=str(crowd.session))
    assert found is not None
    return found


def _refresh(tx: Tx, crowd: Crowd) -> None:
    used, client = _find_token(tx, crowd), Client(user_agent="test")
    found = auth_store.lock_token(tx, used, client, longest_s=9999)
    assert found is not None
    assert found.alive
    auth_store.use_token(tx, crowd.session, used)
    new = uuid7().bytes * 2
    times = {"idle_s": 999, "longest_s": 9999}
    auth_store.replace_token(tx, crowd.session, used, new, client=client, **times)


_SOMEBODY = Identity(
    issuer="https://idp.example", subject="9999", email=None, email_verified=None, name=None
)
SIGNING_IN: dict[str, Query] = {
    "sessions": lambda tx, crowd: auth_sessions.list_sessions(tx, current=crowd.session, limit=51),
    "sessions, deep": lambda tx, crowd: auth_sessions.list_sessions(
        tx, current=crowd.session, limit=51, after=deep(tx, "sessions")
    ),
    "refreshing": _refresh,
    "ending a session": lambda tx, crowd: auth_commands.end_session(
        tx,
        auth_sessions.list_sessions(tx, current=crowd.session, limit=9)[-1].id,
        crowd.user,
        reason="ended",
    ),
    "deleting a session": lambda tx, _: auth_store.delete_session(tx, uuid7()),
    "where somebody is signed in": lambda tx, crowd: auth_sessions.workspaces_with_sessions(
        tx, crowd.user
    ),
    "single sign-on": lambda tx, _: (auth_sso.find_connection(tx), auth_sso.find_rules(tx)),
    "whom a provider knows": lambda tx, _: auth_external.find_by_sso(tx, _SOMEBODY),
    "a provider's new name": lambda tx, crowd: auth_identities.insert_sso_identity(
        tx, _SOMEBODY, crowd.user
    ),
    "where it is required": lambda tx, crowd: auth_sso.closed_in(tx, crowd.user),
    "guests": lambda tx, _: auth_sessions.guests(tx, after=uuid7(), most=100),
    "what the audit log has of a person": lambda tx, _: auth_export.list_security_events(tx),
    "a person's keys": lambda tx, _: auth_export.list_keys(tx),
    "all sessions of a person": lambda tx, _: auth_export.list_sessions(tx),
    "deleting a person's sessions": lambda tx, _: auth_erasure.delete_sessions(tx, uuid7()),
    "ending a person's keys": lambda tx, _: auth_erasure.end_keys(tx, uuid7()),
    "old attempts": lambda tx, _: auth_attempts.delete_attempts(tx),
}


@pytest.mark.parametrize("name", SIGNING_IN)
def test_signing_in_goes_through_indexes(recorded: Recording, crowd: Crowd, name: str) -> None:
    statements = recorded("crm_auth")
    # The crowd's own user has nearly all sessions there are, which is no person.
    person = uuid7() if name == "all sessions of a person" else crowd.user
    with transaction(crowd.workspace, user_id=person) as tx:
        SIGNING_IN[name](tx, crowd)
    assert statements
    for statement in statements:
        assert complaints(statement) == [], (statement.text, json.dumps(statement.plan, indent=1))
        assert "sessions" not in name or sorts(statement) == []


def test_the_sweeper_takes_what_is_due_from_its_index(recorded: Recording) -> None:
    statements = recorded("crm_outbox")
    with system_transaction("system:outbox") as tx:
        assert len(outbox.claim(tx, limit=10, older_than_s=60)) == 10
        assert outbox.expire_inbox(tx, limit=10) == outbox.expire_answers(tx, limit=10) == 10
    for statement in statements:
        assert complaints(statement) == [], (statement.text, json.dumps(statement.plan, indent=1))


RESOLVERS = {
    "app.resolve_mailbox": ("crm_worker", "'box7@example.com'"),
    "app.resolve_due_mailboxes": ("crm_worker", "500"),
    "app.resolve_quiet_mailboxes": ("crm_worker", "now(), 500"),
    "app.resolve_expiring_watches": ("crm_worker", "now(), 500"),
    "app.resolve_due_endpoints": ("crm_worker", "1000"),
    "app.resolve_due_invitations": ("crm_worker", "now(), 20"),
    "app.resolve_due_privacy_requests": ("crm_eraser", "20"),
    "app.resolve_old_exports": ("crm_eraser", "now() - interval '7 days', 500"),
    "app.resolve_old_deliveries": ("crm_worker", "now() - interval '20 days', 1000"),
    "app.resolve_memberships": ("crm_auth", "gen_random_uuid()"),
    "app.resolve_session_workspaces": ("crm_auth", "gen_random_uuid()"),
    "app.resolve_old_sessions": ("crm_auth", "now(), 1000"),
    "app.resolve_sso_required": ("crm_auth", "gen_random_uuid()"),
    "app.resolve_every_workspace": ("crm_auth", "gen_random_uuid()"),
    "app.resolve_due_purges": ("crm_worker", "20"),
}


@pytest.mark.parametrize("name", RESOLVERS)
def test_look_ups_across_workspaces_are_quick(recorded: Recording, crowd: Crowd, name: str) -> None:
    """Their plans are inside functions; pages read say as much."""
    role, arguments = RESOLVERS[name]
    recorded(role, explain=False)
    query: Any = f"explain (analyze, buffers, format json) select {name}({arguments})"
    ((found,),) = resolve(tuple, query)
    plan = found[0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 60_000, plan


def test_every_resolver_is_looked_at(recorded: Recording) -> None:
    query = """
        select 'app.' || p.proname from pg_proc p
        where p.pronamespace = 'app'::regnamespace and p.proname like 'resolve%%'
    """
    recorded("crm_worker", explain=False)
    assert set(resolve(str, query, nothing=None)) == RESOLVERS.keys()


def test_a_key_is_looked_up_by_the_tables_key(recorded: Recording, crowd: Crowd) -> None:
    """Its plan is inside a function; pages read say as much."""
    recorded("crm_app", explain=False)
    with transaction(crowd.workspace) as tx:
        (pages,) = tx.all(int, "select relpages from pg_class where relname = 'idempotency_keys'")
        _, (found,) = (  # the first one reads the catalogue as well
            tx.all(
                tuple,
                "explain (analyze, buffers, format json)"
                " select free from app.claim_request(sha256('none'))",
            )
            for _ in range(2)
        )
    plan = found[0][0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 20 < pages
