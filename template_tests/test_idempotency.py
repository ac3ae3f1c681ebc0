"""Every change the API offers happens once, however often and however much at once it is asked for
with one `Idempotency-Key`; or says why not.

The routes are found in the apps: one that is added tomorrow fails here until its scene is written.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts

from functions.email.tests.conftest import Queue
from functions.gateway.apis import find_apis
from infra_cdk.local.google.emulate import Google
from infra_cdk.registry import queues as declared_queues
from shared.aws import client
from shared.http import create_app
from shared.http.idempotency import EXCLUDED, HEADER
from shared.http.routes import Route
from shared.ids import uuid7
from shared.testing import Answer, Call, Database, NewWorkspace, Workspace
from shared.tests.attempts import Crowd, crowd
from template_tests.surface import Operation, operations
from template_tests.tenants import Tenant, move_in, rows_of

pytest_plugins = ["infra_cdk.local.google.fixtures"]

CHANGES = [one for one in operations() if one.method != "GET"]
UNREPEATABLE = {
    "POST /api/v1/auth/sign-up": "nobody is known yet",
    "POST /api/v1/auth/sign-in": "nobody is known yet",
    "POST /api/v1/auth/refresh": "nobody is known yet",
    "POST /api/v1/auth/sign-out": "nobody is known yet",
    "POST /api/v1/auth/second-factor": "nobody is known yet",
    "POST /api/v1/auth/external": "nobody is known yet",
    "POST /api/v1/auth/external/finish": "nobody is known yet",
    "POST /api/v1/auth/reset-password/request": "nobody is known yet",
    "POST /api/v1/auth/reset-password": "nobody is known yet",
    "POST /api/v1/auth/verify-email/request": "nobody is known yet",
    "POST /api/v1/auth/verify-email": "nobody is known yet",
    "PATCH /api/v1/me": "doing it again changes nothing",
    "DELETE /api/v1/me": "who is erased is answered no more",
    "POST /api/v1/me/password": "doing it again changes nothing",
    "POST /api/v1/me/factors/totp": "the answer holds a secret",
    "POST /api/v1/me/factors/totp/confirm": "the answer holds a secret",
    "POST /api/v1/me/factors/recovery-codes": "the answer holds a secret",
    "DELETE /api/v1/me/factors/totp": "a code is good once",
    "DELETE /api/v1/me/identities/google": "doing it again changes nothing",
    "DELETE /api/v1/sessions": "ending a session again",
    "DELETE /api/v1/sessions/{session_id}": "ending a session again",
    "POST /api/v1/contacts/query": "a query changes nothing",
    "POST /api/v1/emails/query": "a query changes nothing",
    "POST /api/v1/realtime/tickets": "the answer holds a secret",
    "POST /api/v1/tasks/query": "a query changes nothing",
    "POST /api/v1/keys": "the answer holds a secret",
    "PUT /api/v1/sso": "doing it again changes nothing",
    "POST /api/v1/invitations/accept": "accepting again",
    "POST /api/v1/workspaces/current/leave": "who left is answered no more",
    "POST /api/v1/workspaces/current/restore": "a workspace is restored once",
    "POST /api/v1/webhooks": "the answer holds a secret",
    "POST /api/v1/webhooks/{endpoint_id}/rotate-secret": "the answer holds a secret",
}
REPEATABLE = [one for one in CHANGES if one.name not in UNREPEATABLE]
_ADDRESS = "ana@acme.example"
_BESIDES = {"audit_log", "feed", "event_log", "outbox", "idempotency_keys", "workspace_keys"}


@dataclass(frozen=True)
class Scene:
    """A request that succeeds once, and what it leaves: its events, new rows by table, rows that
    are at their second version, messages on queues. A new workspace's rows are its own.
    """

    body: dict[str, Any] | None = None
    version: int | None = None
    events: tuple[str, ...] = ()
    rows: dict[str, int] = field(default_factory=dict)
    second: tuple[str, ...] = ()
    messages: int = 0
    query: str = ""


_ACTION = {"type": "tag_contact", "tag": "vip"}
_AUTOMATION = {"name": "Tag", "event_type": "EmailAnalyzed", "actions": [_ACTION]}
SCENES = {
    "POST /api/v1/contacts": Scene(
        {"name": "Ada"}, events=("ContactCreated",), rows={"contacts": 1}
    ),
    "PUT /api/v1/contacts": Scene(
        {"name": "Ada", "email": _ADDRESS},
        events=("ContactCreated",),
        rows={"contacts": 1},
        query="?match=email",
    ),
    "PATCH /api/v1/contacts/{contact_id}": Scene(
        {"name": "Ada"}, version=1, events=("ContactChanged",), second=("contacts",)
    ),
    "DELETE /api/v1/contacts/{contact_id}": Scene(events=("ContactDeleted",), second=("contacts",)),
    "POST /api/v1/contacts/bulk-edit": Scene(
        {"filter": {"all": []}, "change": {"add_tags": ["vip"]}},
        events=("ContactChanged",),
        rows={"operations": 1, "operation_changes": 1},
        second=("operation_changes", "contacts"),
    ),
    "POST /api/v1/tasks": Scene({"title": "Call"}, events=("TaskCreated",), rows={"tasks": 1}),
    "PATCH /api/v1/tasks/{task_id}": Scene(
        {"title": "Call"}, version=1, events=("TaskChanged",), second=("tasks",)
    ),
    "DELETE /api/v1/tasks/{task_id}": Scene(events=("TaskDeleted",), second=("tasks",)),
    "POST /api/v1/tasks/bulk-edit": Scene(
        {"filter": {"all": []}, "change": {"status": "done"}},
        events=("TaskChanged",),
        rows={"operations": 1, "operation_changes": 1},
        second=("operation_changes", "tasks"),
    ),
    "POST /api/v1/automations": Scene(
        _AUTOMATION, events=("AutomationCreated",), rows={"automations": 1}
    ),
    "PATCH /api/v1/automations/{automation_id}": Scene(
        {"name": "Tag"}, version=1, events=("AutomationChanged",), second=("automations",)
    ),
    "DELETE /api/v1/automations/{automation_id}": Scene(
        events=("AutomationDeleted",), second=("automations",)
    ),
    "POST /api/v1/mailboxes": Scene(
        {"address": _ADDRESS, "access_token": ""},
        events=("MailboxConnected",),
        rows={"mailboxes": 1},
        messages=1,
    ),
    "PATCH /api/v1/mailboxes/{mailbox_id}": Scene(
        {"sharing": "subject"}, version=1, events=("MailboxChanged",), second=("mailboxes",)
    ),
    "POST /api/v1/mailboxes/{mailbox_id}/sync": Scene(messages=1),
    "POST /api/v1/mailboxes/{mailbox_id}/disconnect": Scene(
        events=("MailboxDisconnected",), second=("mailboxes",)
    ),
    "POST /api/v1/batch": Scene(
        {"operations": [{"method": "POST", "path": "/api/v1/contacts", "body": {"name": "Ada"}}]},
        events=("ContactCreated",),
        rows={"contacts": 1, "operations": 1, "operation_changes": 1},
    ),
    "POST /api/v1/operations/{operation_id}/undo": Scene(
        events=("TaskDeleted",),
        rows={"operations": 1, "operation_changes": 1},
        second=("operation_changes", "tasks"),
    ),
    "PATCH /api/v1/keys/{key_id}": Scene(
        {"name": "Ours"}, version=1, events=("ApiKeyChanged",), second=("api_keys",)
    ),
    "DELETE /api/v1/keys/{key_id}": Scene(events=("ApiKeyRevoked",), second=("api_keys",)),
    "DELETE /api/v1/sso": Scene(events=("SsoRemoved",)),
    "POST /api/v1/workspaces": Scene({"name": "Beside"}),
    "PATCH /api/v1/workspaces/current": Scene(
        {"name": "Renamed"}, version=1, events=("WorkspaceChanged",)
    ),
    "DELETE /api/v1/workspaces/current": Scene(
        {"confirm": "its name"}, events=("WorkspaceDeletionRequested",)
    ),
    "PATCH /api/v1/members/{member_id}": Scene(
        {"role": "viewer"}, version=1, events=("MemberChanged",), second=("memberships",)
    ),
    "DELETE /api/v1/members/{member_id}": Scene(events=("MemberLeft",), second=("memberships",)),
    "POST /api/v1/roles": Scene(
        {"name": "Sales", "grants": ["contacts.read:team"]},
        events=("RoleCreated",),
        rows={"roles": 1},
    ),
    "PATCH /api/v1/roles/{role_id}": Scene(
        {"name": "Sales"}, version=1, events=("RoleChanged",), second=("roles",)
    ),
    "DELETE /api/v1/roles/{role_id}": Scene(events=("RoleDeleted",), second=("roles",)),
    "POST /api/v1/teams": Scene({"name": "North"}, events=("TeamCreated",), rows={"teams": 1}),
    "PATCH /api/v1/teams/{team_id}": Scene(
        {"name": "North"}, version=1, events=("TeamChanged",), second=("teams",)
    ),
    "DELETE /api/v1/teams/{team_id}": Scene(events=("TeamDeleted",), second=("teams",)),
    "PUT /api/v1/teams/{team_id}/members/{member_id}": Scene(
        events=("TeamMemberAdded",), rows={"team_members": 1}, second=("teams",)
    ),
    "DELETE /api/v1/teams/{team_id}/members/{member_id}": Scene(),
    "POST /api/v1/invitations": Scene(
        {"email": "grace@example.com", "role": "member"},
        events=("InvitationCreated",),
        rows={"invitations": 1},
    ),
    "POST /api/v1/invitations/{invitation_id}/resend": Scene(
        events=("InvitationRenewed",), second=("invitations",)
    ),
    "DELETE /api/v1/invitations/{invitation_id}": Scene(
        events=("InvitationRevoked",), second=("invitations",)
    ),
    "POST /api/v1/graphql": Scene(
        {"query": 'mutation { createContact(input: {name: "Ada"}) { contact { id } } }'},
        events=("ContactCreated",),
        rows={"contacts": 1},
    ),
    "POST /api/v1/privacy-requests": Scene(
        {"kind": "export", "email": _ADDRESS},
        events=("PersonExportRequested",),
        rows={"privacy_requests": 1},
    ),
    "POST /api/v1/privacy-requests/{request_id}/retry": Scene(
        events=("PersonExportRequested",), second=("privacy_requests",)
    ),
    "PATCH /api/v1/webhooks/{endpoint_id}": Scene(
        {"description": "Ours"},
        version=1,
        events=("WebhookEndpointChanged",),
        second=("webhook_endpoints",),
    ),
    "DELETE /api/v1/webhooks/{endpoint_id}": Scene(
        events=("WebhookEndpointDeleted",), second=("webhook_endpoints",)
    ),
    "POST /api/v1/webhooks/{endpoint_id}/test": Scene(rows={"webhook_deliveries": 1}, messages=1),
    "POST /api/v1/webhooks/{endpoint_id}/deliveries/{delivery_id}/replay": Scene(messages=1),
    "POST /api/v1/webhooks/{endpoint_id}/replay": Scene({"after_position": 0}, messages=1),
}


def test_those_that_take_no_key_are_these_and_say_why() -> None:
    found = {one.name: one.described.get(EXCLUDED, "") for one in CHANGES}
    excluded = {name: why for name, why in found.items() if why}
    assert excluded.keys() == UNREPEATABLE.keys()
    for name, why in UNREPEATABLE.items():
        assert excluded[name].startswith(why)


def test_every_public_change_is_among_them() -> None:
    """Without a workspace there is nowhere to keep an answer."""
    assert {one.name for one in CHANGES if one.public} <= UNREPEATABLE.keys()


def test_every_route_is_one_that_takes_keys() -> None:
    assert [path for api in find_apis() for path in _strangers(api.app)] == []


def _strangers(app: FastAPI) -> list[str | None]:
    """Routes that would take no notice of a key."""
    found = iter_route_contexts(app.routes)
    return [one.path for one in found if not isinstance(one.original_route, Route)]


@pytest.mark.parametrize("operation", REPEATABLE, ids=lambda one: one.name)
def test_the_key_is_documented(operation: Operation) -> None:
    [parameter] = [one for one in operation.parameters("header") if one["name"] == HEADER]
    assert not parameter["required"]
    assert parameter["schema"]["maxLength"] == 255
    for status in ("409", "422"):
        assert HEADER in operation.described["responses"][status]["description"]


def test_nothing_else_is_said_to_take_one() -> None:
    for one in operations():
        if one.name not in {other.name for other in REPEATABLE}:
            assert HEADER not in json.dumps(one.described), one.name


def test_every_one_has_its_scene() -> None:
    assert {one.name for one in REPEATABLE} == SCENES.keys()


@pytest.fixture(scope="module")
def everybody() -> Iterator[Crowd]:
    with crowd(5) as environments:
        yield environments


@pytest.fixture
def settle(database: Database, new_workspace: NewWorkspace) -> Callable[[], Tenant]:
    """Makes a workspace that has something of everything, a working mailbox, no data key yet."""

    def make() -> Tenant:
        tenant = move_in(database, new_workspace)
        for statement in (
            "update mailboxes set state = 'active' where workspace_id = %(w)s",
            "update privacy_requests set state = 'failed' where workspace_id = %(w)s",
            "delete from workspace_keys where workspace_id = %(w)s",
        ):
            database.admin(statement, w=tenant.workspace.id)
        return tenant

    return make


@pytest.fixture
def us(settle: Callable[[], Tenant]) -> Tenant:
    return settle()


@pytest.fixture
def sent(aws: None, google: Google, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many messages were put on any queue. Google is beside them."""
    queues: list[Queue] = []
    for name, queue in declared_queues().items():
        sqs, alone = client("sqs"), uuid4().hex
        if queue.fifo:
            made = sqs.create_queue(QueueName=f"{alone}.fifo", Attributes={"FifoQueue": "true"})
        else:
            made = sqs.create_queue(QueueName=alone)
        queues.append(Queue(made["QueueUrl"]))
        monkeypatch.setenv(f"HASTE_QUEUE_{name.upper().replace('-', '_')}", made["QueueUrl"])
    monkeypatch.setenv("HASTE_GOOGLE_API_URL", google.url)
    monkeypatch.setenv("HASTE_GMAIL_TOPIC", "projects/laptop/topics/gmail")
    return lambda: sum(len(queue.take()) for queue in queues)


@dataclass(frozen=True)
class Left:
    """What there is of a workspace."""

    rows: Counter[str]
    second: Counter[str]
    events: Counter[str]
    workspaces: int


@pytest.fixture
def left(database: Database) -> Callable[[Tenant], Left]:
    def look(tenant: Tenant) -> Left:
        tables = {
            name: [json.loads(r) for r in rows] for name, rows in rows_of(database, tenant).items()
        }
        owned = database.admin(
            "select count(*) as n from memberships where user_id = %(u)s",
            u=tenant.workspace.user_id,
        )
        return Left(
            rows=Counter({t: len(rows) for t, rows in tables.items() if t not in _BESIDES}),
            second=Counter(
                {t: sum(r.get("version") == 2 for r in rows) for t, rows in tables.items()}
            ),
            events=Counter(row["type"] for row in tables["event_log"]),
            workspaces=owned[0]["n"],
        )

    return look


def _entry(operation: Operation) -> str:
    [api] = [api for api in find_apis() if operation.path in api.app.openapi()["paths"]]
    return api.declared.entry


def _request(operation: Operation, us: Tenant, google: Google) -> tuple[Any, ...]:
    """Method, path and body of its scene."""
    scene = SCENES[operation.name]
    ids = {f"{kind}_id": identifier for kind, identifier in us.ids.items()}
    body = scene.body
    if body and "access_token" in body:
        body = {**body, "access_token": google.token(_ADDRESS)}
    if body and "confirm" in body:
        body = {"confirm": us.mark}
    return operation.method, operation.path.format(**ids) + scene.query, body


def _check_answers(answers: list[Answer]) -> Answer:
    """All alike or told to come back; the one that did the work."""
    done = [one for one in answers if one.status != 409]
    assert {one.json["code"] for one in answers if one.status == 409} <= {"still_running"}
    assert {one.status < 300 for one in done} == {True}, [one.body for one in done]
    [first] = [one for one in done if "idempotency-replayed" not in one.headers]
    for one in done:
        _check_same(first, one)
    return first


def _check_same(first: Answer, again: Answer) -> None:
    assert (again.status, again.body) == (first.status, first.body)
    for header in ("etag", "location", "content-type"):
        assert again.headers.get(header) == first.headers.get(header)


@pytest.mark.parametrize("operation", REPEATABLE, ids=lambda one: one.name)
def test_asked_for_five_times_at_once_it_happens_once(
    operation: Operation,
    everybody: Crowd,
    us: Tenant,
    call: Call,
    google: Google,
    sent: Callable[[], int],
    left: Callable[[Tenant], Left],
    database: Database,
) -> None:
    scene = SCENES[operation.name]
    request = _request(operation, us, google)
    headers = {HEADER: "the-same"} | ({"If-Match": f'"{scene.version}"'} if scene.version else {})
    asking = {"headers": headers, "workspace": us.workspace, "role": operation.role}
    before = left(us)
    first = _check_answers(everybody.at_once(call, _entry(operation), *request, **asking))
    again = call(operation.handler, *request, **asking)
    assert again.headers["idempotency-replayed"] == "true"
    _check_same(first, again)
    after = left(us)
    made = 1 if operation.name == "POST /api/v1/workspaces" else 0
    assert after.rows - before.rows == scene.rows
    assert after.second - before.second == Counter(scene.second)
    assert after.events - before.events == Counter(scene.events)
    assert after.workspaces - before.workspaces == made
    assert sent() == scene.messages
    kept = "select 1 from idempotency_keys where workspace_id = %(w)s"
    assert len(database.admin(kept, w=us.workspace.id)) == 2, "this, and that of `move_in`"
    different = (*request[:2], {"other": 1})
    refused = call(operation.handler, *different, **asking)
    assert (refused.status, refused.json["code"]) == (422, "key_reused")


@pytest.mark.parametrize("operation", REPEATABLE, ids=lambda one: one.name)
def test_nobody_is_answered_from_what_another_was(
    operation: Operation,
    us: Tenant,
    call: Call,
    google: Google,
    sent: Callable[[], int],
    settle: Callable[[], Tenant],
) -> None:
    """The same key, path and body by another user, from another workspace, from both."""
    request = _request(operation, us, google)
    asking = {"headers": {HEADER: "the-same", "If-Match": "*"}, "role": operation.role}
    assert call(operation.handler, *request, **asking, workspace=us.workspace).status < 300
    them = settle()
    mine, theirs = us.workspace, them.workspace
    for caller in (theirs, Workspace(mine.id, uuid7()), Workspace(theirs.id, mine.user_id)):
        answer = call(operation.handler, *request, **asking, workspace=caller)
        assert "idempotency-replayed" not in answer.headers
        assert answer.headers.get("content-type") != "application/problem+json" or (
            answer.json["code"] != "key_reused"
        )
        if caller.id == theirs.id:
            said = {str(one) for one in us.ids.values()} | {str(mine.user_id)}
            assert us.seen_in(answer.body.decode(), besides=said) == []


def test_a_route_of_another_kind_is_seen() -> None:
    """The instrument itself."""
    app, routes = create_app("Parrots"), APIRouter()
    routes.post("/parrots")(lambda: None)
    app.include_router(routes)
    assert _strangers(app) == ["/parrots"]
