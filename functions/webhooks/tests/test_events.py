"""The queue `webhooks`: which events are recorded for which endpoints, once each."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

import events
from events.ai import EmailAnalyzed
from events.auth import EmailVerified
from events.catalogue import all_events
from events.envelope import Event
from functions.webhooks.capability import CAPABILITY
from functions.webhooks.consumers.events import consumer, handler
from functions.webhooks.tests.conftest import Hooks
from functions.webhooks.tests.receiver import Receiver
from functions.webhooks.tests.test_api import created
from shared import telling
from shared.ids import uuid7
from shared.testing import Database, NewWorkspace, Workspace
from shared.wiring import EVERY_EVENT

HOOK = "https://hooks.example.com/haste"
SAMPLES = Path(events.__path__[0]) / "samples"


def sample(kind: type[Event], workspace: Workspace, **fields: object) -> Event:
    """The golden sample of an event, as one of this workspace that happens now."""
    text = (SAMPLES / f"{kind.type_name()}.v{kind.version}.json").read_text()
    now = {"id": uuid7(), "workspace_id": workspace.id, "at": datetime.now(UTC)}
    return kind.model_validate(json.loads(text) | now | fields)


def test_every_event_there_is_is_listened_to() -> None:
    """A type that is added to `events/` is told without a word here."""
    [queue] = [f.queue for f in CAPABILITY.functions if f.queue and f.queue.name == "webhooks"]
    assert queue.listens == EVERY_EVENT
    assert queue.hears(all_events()) == tuple(sorted(all_events()))
    assert consumer.listens == set(all_events())


@pytest.mark.parametrize("kind", all_events().values(), ids=lambda kind: kind.type_name())
def test_an_event_is_sent_as_the_feed_shows_it(
    hooks: Hooks, receiver: Receiver, workspace: Workspace, database: Database, kind: type[Event]
) -> None:
    endpoint = hooks.create(receiver, event_types=[kind.type_name()])
    event = sample(kind, workspace)
    if mailbox_id := telling.mailbox_of(event):
        mailbox(database, workspace, mailbox_id, "everything")
    hooks.happen(event)
    assert hooks.woken() == [endpoint["id"]]
    hooks.send(endpoint)
    [request] = receiver.received
    published = json.loads(event.model_dump_json())
    common = {"position", "id", "at", "actor", "aggregate_id", "aggregate_version"}
    assert request.json == {
        "type": kind.type_name(),
        "timestamp": published["at"],
        **{name: published[name] for name in common},
        "data": published,
    }
    assert request.id == published["id"]
    assert request.is_signed_with(endpoint["secret"])


def test_only_the_types_an_endpoint_asked_for(hooks: Hooks, workspace: Workspace) -> None:
    every = hooks.create(HOOK)
    some = hooks.create(HOOK, event_types=["TaskCreated"])
    off = hooks.create(HOOK, enabled=False)
    hooks.happen(
        *[sample(all_events()[name], workspace) for name in ("TaskCreated", "TaskDeleted")]
    )
    assert {one["event_type"] for one in hooks.deliveries(every)} == {"TaskCreated", "TaskDeleted"}
    assert [one["event_type"] for one in hooks.deliveries(some)] == ["TaskCreated"]
    assert hooks.deliveries(off) == []


def test_an_event_that_comes_again_is_recorded_once(hooks: Hooks, workspace: Workspace) -> None:
    first, second = hooks.create(HOOK), hooks.create(HOOK)
    event = created(workspace)
    hooks.happen(event, event)
    hooks.happen(event)
    assert len(hooks.deliveries(first)) == len(hooks.deliveries(second)) == 1


@pytest.mark.parametrize(("by", "enabled"), [("password_reset", False), ("link", True)])
def test_who_confirms_by_a_reset_is_not_listened_to_by_who_signed_up(
    hooks: Hooks, workspace: Workspace, by: str, enabled: bool
) -> None:
    """Whoever signed up with another's address could have left an endpoint that goes on telling."""
    endpoint = hooks.create(HOOK)
    proven = sample(EmailVerified, workspace, aggregate_id=workspace.user_id, by=by)
    hooks.happen(sample(EmailVerified, workspace, by=by))
    assert hooks.ask("GET", f"/{endpoint['id']}").json["enabled"], "that was somebody else"
    hooks.happen(proven)
    found = hooks.ask("GET", f"/{endpoint['id']}").json
    assert found["enabled"] is enabled
    assert found["disabled_reason"] == (None if enabled else "unconfirmed")
    told = {one["event_id"] for one in hooks.deliveries(endpoint)}
    assert (str(proven.id) in told) is enabled

    for wanted in (False, True):
        answer = hooks.ask(
            "PATCH", f"/{endpoint['id']}", {"enabled": wanted}, headers={"If-Match": "*"}
        )
        assert answer.status == 200
    hooks.happen(proven)
    assert hooks.ask("GET", f"/{endpoint['id']}").json["enabled"], "the owner wants it so"


def test_what_was_deleted_after_30_days_does_not_come_back(
    hooks: Hooks, workspace: Workspace, database: Database
) -> None:
    endpoint = hooks.create(HOOK)
    event = created(workspace)
    hooks.happen(event)
    database.admin("delete from webhook_deliveries where workspace_id = %(id)s", id=workspace.id)
    hooks.happen(event)
    assert hooks.deliveries(endpoint) == []


def test_events_of_before_an_endpoint_are_not_sent_to_it(
    hooks: Hooks, workspace: Workspace
) -> None:
    endpoint = hooks.create(HOOK)
    now = datetime.now(UTC)
    old = created(workspace).model_copy(update={"at": now - timedelta(minutes=2)})
    recent = created(workspace).model_copy(update={"at": now - timedelta(seconds=30)})
    hooks.happen(old, recent)
    assert hooks.delivery(endpoint)["event_id"] == str(recent.id)


def test_a_workspace_without_endpoints_leaves_no_trace(
    hooks: Hooks, workspace: Workspace, database: Database
) -> None:
    hooks.happen(created(workspace))
    assert hooks.woken() == []
    for query in (
        "select 1 from inbox where workspace_id = %(id)s",
        "select 1 from webhook_deliveries where workspace_id = %(id)s",
    ):
        assert database.admin(query, id=workspace.id) == []


def test_the_events_of_two_workspaces_in_one_batch_stay_apart(
    hooks: Hooks, workspace: Workspace, new_workspace: NewWorkspace
) -> None:
    other = new_workspace()
    ours = hooks.create(HOOK)
    theirs = hooks.ask("POST", "", {"url": HOOK}, workspace=other).json
    event, *others = created(workspace), created(other), created(other)
    hooks.happen(others[0], event, others[1])
    assert hooks.delivery(ours)["event_id"] == str(event.id)
    seen = hooks.ask("GET", f"/{theirs['id']}/deliveries", workspace=other).json["items"]
    assert {one["event_id"] for one in seen} == {str(one.id) for one in others}


def test_a_queue_that_takes_nothing_only_delays(
    hooks: Hooks, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = hooks.create(HOOK)
    monkeypatch.setenv("HASTE_QUEUE_WEBHOOK_SENDS", hooks.queue + "-gone")
    hooks.happen(created(workspace))
    monkeypatch.setenv("HASTE_QUEUE_WEBHOOK_SENDS", hooks.queue)
    assert hooks.woken() == []
    hooks.tick("dispatch")
    assert hooks.woken() == [endpoint["id"]]


def test_what_is_no_event_fails_alone(hooks: Hooks, workspace: Workspace) -> None:
    endpoint = hooks.create(HOOK)
    broken = {"detail-type": "ContactCreated", "detail": {"id": "x"}}
    assert hooks.deliver(handler, "no JSON", created(workspace), broken) == ["0", "2"]
    assert len(hooks.deliveries(endpoint)) == 1


# Mails that not every member may read


def mailbox(database: Database, owner: Workspace, mailbox_id: UUID, sharing: str) -> None:
    database.admin(
        """
        insert into mailboxes (workspace_id, id, user_id, provider, address, sharing, credentials)
        values (%(workspace)s, %(id)s, %(user)s, 'gmail', %(address)s, %(sharing)s, '')
        """,
        workspace=owner.id,
        id=mailbox_id,
        user=owner.user_id,
        address=f"{mailbox_id}@example.com",
        sharing=sharing,
    )


@pytest.fixture
def colleague(workspace: Workspace, new_workspace: NewWorkspace, database: Database) -> Workspace:
    """Another administrator of the workspace."""
    user_id = new_workspace().user_id
    database.admin(
        """
        insert into memberships (workspace_id, user_id, role)
        values (%(workspace)s, %(user)s, 'admin')
        """,
        workspace=workspace.id,
        user=user_id,
    )
    return Workspace(workspace.id, user_id)


@pytest.mark.parametrize(
    ("sharing", "shared"), [("metadata", False), ("subject", False), ("everything", True)]
)
def test_an_analysis_goes_to_whom_may_read_the_mail(
    hooks: Hooks, workspace: Workspace, database: Database, colleague: Workspace, sharing: str,
    shared: bool,
) -> None:  # fmt: skip
    mine = hooks.create(HOOK)
    theirs = hooks.ask("POST", "", {"url": HOOK}, workspace=colleague).json
    mailbox_id = uuid7()
    mailbox(database, workspace, mailbox_id, sharing)
    event = sample(EmailAnalyzed, workspace, mailbox_id=mailbox_id)
    hooks.happen(event)
    delivery = hooks.delivery(mine)
    assert [one["event_id"] for one in hooks.deliveries(theirs)] == [str(event.id)] * shared
    # Nor does the log show it to others.
    path = f"/{mine['id']}/deliveries"
    seen = hooks.ask("GET", path, workspace=colleague).json["items"]
    assert [one["id"] for one in seen] == [delivery["id"]] * shared
    one = hooks.ask("GET", f"{path}/{delivery['id']}", workspace=colleague)
    assert one.status == (200 if shared else 404)


def test_who_gives_an_endpoint_another_url_gets_what_they_may_read(
    hooks: Hooks, workspace: Workspace, database: Database, colleague: Workspace
) -> None:
    endpoint = hooks.create(HOOK)
    body, anyway = {"url": "https://elsewhere.example.com/"}, {"If-Match": "*"}
    path = f"/{endpoint['id']}"
    changed = hooks.ask("PATCH", path, body, headers=anyway, workspace=colleague)
    assert changed.json["user_id"] == str(colleague.user_id)
    mailbox_id = uuid7()
    mailbox(database, workspace, mailbox_id, "metadata")
    hooks.happen(sample(EmailAnalyzed, workspace, mailbox_id=mailbox_id))
    assert hooks.deliveries(endpoint) == []


def test_an_analysis_of_an_unknown_mailbox_goes_nowhere(hooks: Hooks, workspace: Workspace) -> None:
    endpoint = hooks.create(HOOK)
    hooks.happen(sample(EmailAnalyzed, workspace, mailbox_id=uuid4()))
    assert hooks.deliveries(endpoint) == []


def test_webhooks_and_feed_hide_the_same_events(database: Database, workspace: Workspace) -> None:
    [policy] = database.admin(
        """
        select pg_get_expr(polqual, polrelid) as condition from pg_policy
        where polname = 'sharing' and polrelid = 'event_log'::regclass
        """
    )
    open_to_all = {
        name
        for name, kind in all_events().items()
        if "mailbox_id" in kind.model_fields and telling.mailbox_of(sample(kind, workspace)) is None
    }
    named = {name for name in all_events() if f"'{name}'" in policy["condition"]}
    assert named == open_to_all


def test_a_hundred_events_cost_as_many_statements_as_one(
    hooks: Hooks, workspace: Workspace, statements: list[str]
) -> None:
    hooks.create(HOOK)
    statements.clear()
    hooks.happen(created(workspace))
    one = len(statements)
    statements.clear()
    hooks.happen(*[created(workspace) for _ in range(100)])
    assert len(statements) == one == 7, "begin, begin_request, look, erased, mark, record, commit"
