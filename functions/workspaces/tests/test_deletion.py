"""Deleting a workspace and restoring it, as its people ask for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from functions.gateway.api.callers import handler as gateway
from functions.workspaces.api import handler
from functions.workspaces.tests.scenes import People, places
from shared.access import EVERYTHING, access_of
from shared.db import transaction
from shared.db.refusals import Denied
from shared.tenancy import close_workspace
from shared.testing import Database, EventsOf, NewWorkspace, Workspace

URL = "/workspaces/current"
OWNER_WITHOUT = access_of(str(EVERYTHING).replace(" workspace.delete", ""))


def _delete(people: People, who: Workspace | None = None, name: str = "Test") -> Any:
    answer = people.ask(who or people.owner, "DELETE", URL, {"confirm": name})
    return answer


def _due(people: People) -> None:
    """The grace is over."""
    people.database.admin(
        "update workspaces set purge_at = now() where id = %(w)s", w=people.workspace.id
    )


@pytest.mark.parametrize("in_query", [True, False])
def test_it_is_gone_in_a_week(people: People, events_of: EventsOf, in_query: bool) -> None:
    if in_query:
        answer = people.ask(people.owner, "DELETE", f"{URL}?confirm=Test")
    else:
        answer = _delete(people)
    assert answer.status == 202
    asked = datetime.fromisoformat(answer.json["at"])
    assert datetime.fromisoformat(answer.json["purge_at"]) - asked == timedelta(days=7)
    assert answer.json["requested_by"] == str(people.owner.user_id)
    shown = people.ask(people.owner, "GET", URL).json
    assert shown["deletion"] == answer.json
    assert (shown["name"], shown["version"]) == ("Test", 2)
    [event] = events_of(people.workspace)
    assert event["type"] == "WorkspaceDeletionRequested"
    assert event["payload"]["aggregate_version"] == 2
    told = datetime.fromisoformat(event["payload"]["purge_at"])
    assert told == datetime.fromisoformat(answer.json["purge_at"])


def test_how_long_it_can_be_restored_is_a_setting(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASTE_WORKSPACE_GRACE_SECONDS", "60")
    answer = _delete(people).json
    stays = datetime.fromisoformat(answer["purge_at"]) - datetime.fromisoformat(answer["at"])
    assert stays == timedelta(minutes=1)


def test_until_then_nothing_is_said_of_it(people: People) -> None:
    assert people.ask(people.owner, "GET", URL).json["deletion"] is None


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        (URL, {"confirm": "test"}, "/confirm"),
        (URL, {"confirm": "Test "}, "/confirm"),
        (URL, {}, "/confirm"),
        (URL, None, "/query/confirm"),
        (f"{URL}?confirm=Tes", None, "/query/confirm"),
        (f"{URL}?confirm=Test", {"confirm": "other"}, "/confirm"),
    ],
)
def test_its_exact_name_has_to_be_said(
    people: People, path: str, body: Any, pointer: str, events_of: EventsOf
) -> None:
    answer = people.ask(people.owner, "DELETE", path, body)
    assert (answer.status, places(answer)) == (422, [pointer])
    assert people.ask(people.owner, "GET", URL).json["deletion"] is None
    assert events_of(people.workspace) == []


@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
def test_owners_alone_delete_and_restore(people: People, role: str) -> None:
    member = people.join(role)
    for method, path in (("DELETE", f"{URL}?confirm=Test"), ("POST", f"{URL}/restore")):
        answer = people.ask(member, method, path)
        assert (answer.status, answer.json["code"]) == (403, "not_permitted")
    assert people.ask(people.owner, "GET", URL).json["deletion"] is None


def test_a_key_does_neither(people: People) -> None:
    """None is good in a workspace that is closing, and none closes its own."""

    answer: Callable[..., Any] = handler

    def by_a_key(event: Any, context: object) -> Any:
        event["requestContext"]["authorizer"] |= {"key_id": str(uuid4()), "session_id": ""}
        return answer(event, context)

    for method, path in (("DELETE", f"{URL}?confirm=Test"), ("POST", f"{URL}/restore")):
        found = people.ask(people.owner, method, path, to=by_a_key)
        assert (found.status, found.json["code"]) == (403, "not_for_keys")


def test_where_the_route_did_not_ask_the_database_does(
    people: People, database: Database, as_role: Callable[[str], None]
) -> None:
    """Whoever may change a workspace's settings may not have it deleted."""
    as_role("crm_app")
    owner = people.owner
    with (
        pytest.raises(Denied),
        transaction(owner.id, user_id=owner.user_id, access=OWNER_WITHOUT) as tx,
    ):
        close_workspace(tx, owner.user_id, grace_s=60)
    assert people.ask(owner, "GET", URL).json["deletion"] is None


def test_asked_for_twice_it_is_closing_already(people: People, events_of: EventsOf) -> None:
    first = _delete(people).json
    again = _delete(people)
    assert (again.status, again.json["code"]) == (409, "workspace_closing")
    assert people.ask(people.owner, "GET", URL).json["deletion"] == first
    assert len(events_of(people.workspace)) == 1


def test_an_owner_restores_it(people: People, events_of: EventsOf) -> None:
    other = people.join("owner")
    _delete(people)
    answer = people.ask(other, "POST", f"{URL}/restore")
    assert (answer.status, answer.headers["etag"]) == (200, '"3"')
    assert (answer.json["deletion"], answer.json["name"]) == (None, "Test")
    assert [one["type"] for one in events_of(people.workspace)] == [
        "WorkspaceDeletionRequested",
        "WorkspaceRestored",
    ]
    renamed = people.ask(people.owner, "PATCH", URL, {"name": "Still there"}, version=3)
    assert renamed.status == 200
    again = people.ask(other, "POST", f"{URL}/restore")
    assert (again.status, again.json["code"]) == (409, "not_closing")


def test_too_late_is_too_late(people: People) -> None:
    _delete(people)
    _due(people)
    answer = people.ask(people.owner, "POST", f"{URL}/restore")
    assert (answer.status, answer.json["code"]) == (409, "too_late")


def test_what_somebody_begins_to_delete_is_not_restored(people: People, database: Database) -> None:
    """Whoever restores may have waited for whoever deletes."""
    _delete(people)
    database.admin(
        "update workspaces set purge_stage = 'objects' where id = %(w)s", w=people.workspace.id
    )
    answer = people.ask(people.owner, "POST", f"{URL}/restore")
    assert (answer.status, answer.json["code"]) == (409, "too_late")


def test_it_says_nothing_of_other_workspaces(
    people: People, new_workspace: NewWorkspace, events_of: EventsOf
) -> None:
    other = new_workspace()
    _delete(people)
    shown = people.call(handler, "GET", f"/api/v1{URL}", workspace=other)
    assert shown.json["deletion"] is None
    renamed = people.call(
        handler, "PATCH", f"/api/v1{URL}", {"name": "Ours"}, headers={"If-Match": "*"},
        workspace=other,
    )  # fmt: skip
    assert renamed.status == 200
    assert [one["type"] for one in events_of(other)] == ["WorkspaceChanged"]


def test_the_audit_log_tells_of_it(people: People) -> None:
    _delete(people)
    answer = people.ask(people.owner, "GET", "/audit?object_type=workspaces", to=gateway)
    assert answer.status == 200, answer.json
    changed = answer.json["items"][0]
    assert changed["action"] == "changed"
    assert changed["after"]["deletion_asked_by"] == str(people.owner.user_id)


def test_events_of_its_last_day_are_published_again(people: People, database: Database) -> None:
    """Their consumers could write nothing down."""
    people.ask(people.owner, "PATCH", URL, {"name": "Test"}, version=1)
    made = people.ask(people.owner, "POST", "/teams", {"name": "North"})
    assert made.status == 201
    _delete(people)
    for hours, position in ((20, -1), (30, -2)):
        database.admin(
            """
            insert into event_log (workspace_id, id, position, type, payload)
            values (%(w)s, app.uuid7_floor(now() - make_interval(hours => %(h)s)), %(p)s,
                'Of' || %(h)s, '{}')
            """,
            w=people.workspace.id,
            h=hours,
            p=position,
        )
    database.admin("delete from outbox where workspace_id = %(w)s", w=people.workspace.id)
    people.ask(people.owner, "POST", f"{URL}/restore")
    waiting = database.admin(
        """
        select l.type from outbox o
        join event_log l on l.workspace_id = o.workspace_id and l.id = o.event_id
        where o.workspace_id = %(w)s order by l.position
        """,
        w=people.workspace.id,
    )
    assert [one["type"] for one in waiting] == ["Of20", "TeamCreated", "WorkspaceDeletionRequested"]
