"""Creating or changing by email, and whose a contact is."""

from collections.abc import Iterator
from typing import Any

import pytest

from functions.contacts.api import handler
from functions.contacts.tests.scenes import URL, make_contact
from shared.access import Access, access_of
from shared.ids import uuid7
from shared.testing import Answer, Call, Database, EventsOf, NewMember, Workspace
from shared.tests.attempts import Crowd, crowd

MATCH = f"{URL}?match=email"
EMAIL = "ada@engine.example"


def _put(call: Call, **fields: Any) -> Answer:
    return call(handler, "PUT", MATCH, {"name": "Ada Lovelace", "email": EMAIL, **fields})


def test_there_is_none_so_it_is_created_and_then_it_is_changed(
    call: Call, events_of: EventsOf, workspace: Workspace
) -> None:
    made = _put(call, email=" Ada@Engine.example ", phone="+1 202 555 0100", tags=["vip"])
    assert (made.status, made.headers["etag"]) == (201, '"1"')
    assert made.headers["location"] == f"{URL}/{made.json['id']}"
    assert made.json["owner_id"] == str(workspace.user_id)
    changed = _put(call, name="Ada King", phone=None)
    assert (changed.status, changed.headers["etag"]) == (200, '"2"')
    assert "location" not in changed.headers
    expected = made.json | {"name": "Ada King", "phone": None, "version": 2}
    assert changed.json == expected | {"updated_at": changed.json["updated_at"]}
    assert changed.json == call(handler, "GET", f"{URL}/{made.json['id']}").json
    created, change = events_of(workspace)
    assert (created["type"], change["type"]) == ("ContactCreated", "ContactChanged")
    assert change["payload"]["changed"] == ["name", "phone"]
    assert change["payload"]["aggregate_version"] == 2


def test_what_changes_nothing_is_no_change(
    call: Call, events_of: EventsOf, workspace: Workspace
) -> None:
    made = _put(call, tags=["vip"])
    for _ in range(2):
        same = _put(call)
        assert (same.status, same.json, same.headers["etag"]) == (200, made.json, '"1"')
    assert len(events_of(workspace)) == 1


def test_a_deleted_contact_is_not_matched(call: Call) -> None:
    first = _put(call).json["id"]
    assert call(handler, "DELETE", f"{URL}/{first}").status == 204
    again = _put(call)
    assert (again.status, again.json["id"] == first) == (201, False)


@pytest.mark.parametrize(
    ("query", "body", "status", "pointer"),
    [
        ("?match=email", {"name": "Ada"}, 422, "/email"),
        ("?match=email", {"name": "Ada", "email": None}, 422, "/email"),
        ("?match=email", {"name": "Ada", "email": "nobody"}, 422, "/email"),
        ("?match=email", {"email": EMAIL}, 422, "/name"),
        ("?match=email", {"name": "Ada", "email": EMAIL, "id": 7}, 422, "/id"),
        ("?match=phone", {"name": "Ada", "email": EMAIL}, 400, "/query/match"),
        ("?match=", {"name": "Ada", "email": EMAIL}, 400, "/query/match"),
        ("", {"name": "Ada", "email": EMAIL}, 422, "/query/match"),
    ],
)
def test_what_is_wrong_is_pointed_at(
    call: Call, query: str, body: Any, status: int, pointer: str
) -> None:
    refused = call(handler, "PUT", f"{URL}{query}", body)
    assert refused.status == status, refused.json
    assert [one["pointer"] for one in refused.json["errors"]] == [pointer]


@pytest.fixture(scope="module")
def four() -> Iterator[Crowd]:
    with crowd(4) as environments:
        yield environments


def test_however_many_at_once_there_is_one_contact_and_each_has_its_effect(
    call: Call, four: Crowd, workspace: Workspace, events_of: EventsOf, database: Database
) -> None:
    fields = [{"phone": "1"}, {"company": "Engine"}, {"job_title": "CTO"}, {"tags": ["vip"]}]
    for n in range(8):
        email = f"person{n}@example.com"
        asked = [
            four.ask(
                place,
                call,
                "functions.contacts.api.handler",
                "PUT",
                MATCH,
                {"name": "Person", "email": email, **given},
            )
            for place, given in enumerate(fields)
        ]
        answers = [one.result(timeout=60) for one in asked]
        assert sorted(one.status for one in answers) == [200, 200, 200, 201], [
            one.body for one in answers
        ]
        (contact,) = database.admin(
            """
            select phone, company, job_title, tags, version from contacts
            where workspace_id = %(w)s and email = %(email)s
            """,
            w=workspace.id,
            email=email,
        )
        expected: dict[str, Any] = {"version": 4}
        for given in fields:
            expected |= given
        assert contact == expected
        types = [event["type"] for event in events_of(workspace)[-4:]]
        assert types == ["ContactCreated", *["ContactChanged"] * 3]


# Owners


def _patch(call: Call, contact: dict[str, Any], **options: Any) -> Answer:
    owner, headers = options.pop("owner"), {"If-Match": "*"}
    url = f"{URL}/{contact['id']}"
    return call(handler, "PATCH", url, {"owner_id": owner}, headers=headers, **options)


def test_whoever_creates_a_contact_owns_it_unless_they_say_otherwise(
    call: Call,
    workspace: Workspace,
    new_member: NewMember,
    events_of: EventsOf,
) -> None:
    other = str(new_member(workspace).user_id)
    contact = make_contact(call)
    assert contact["owner_id"] == str(workspace.user_id)
    assert make_contact(call, owner_id=None)["owner_id"] is None
    assert make_contact(call, owner_id=other)["owner_id"] == other
    changed = _patch(call, contact, owner=other)
    assert changed.json["owner_id"] == other
    assert events_of(workspace)[-1]["payload"]["changed"] == ["owner_id"]
    assert _patch(call, contact, owner=None).json["owner_id"] is None


def test_an_owner_is_a_member_of_the_workspace(
    call: Call, workspace: Workspace, new_member: NewMember, database: Database, new_workspace: Any
) -> None:
    contact, left = make_contact(call), new_member(workspace)
    database.admin("update memberships set ended_at = now() where user_id = %(u)s", u=left.user_id)
    for stranger in (uuid7(), left.user_id, new_workspace().user_id):
        for refused in (
            call(handler, "POST", URL, {"name": "A", "owner_id": str(stranger)}),
            _patch(call, contact, owner=str(stranger)),
            _put(call, owner_id=str(stranger)),
        ):
            assert (refused.status, refused.json["code"]) == (422, "unknown_owner")
            assert [one["pointer"] for one in refused.json["errors"]] == ["/owner_id"]


@pytest.mark.parametrize("reach", ["own", "team"])
def test_nobody_gives_away_what_they_would_not_see_any_more(
    call: Call, workspace: Workspace, new_member: NewMember, database: Database, reach: str
) -> None:
    mate, stranger = new_member(workspace), new_member(workspace)
    team = uuid7()
    database.admin(
        "insert into teams (workspace_id, id, name) values (%(w)s, %(id)s, 'Sales')",
        w=workspace.id,
        id=team,
    )
    for user in (workspace.user_id, mate.user_id):
        database.admin(
            """
            insert into team_members (workspace_id, team_id, user_id)
            values (%(w)s, %(team)s, %(user)s)
            """,
            w=workspace.id,
            team=team,
            user=user,
        )
    access: Access = access_of(f"contacts.read:{reach} contacts.write")
    contact = make_contact(call)
    for owner in (None, str(stranger.user_id), str(mate.user_id)):
        expected = reach == "team" and owner == str(mate.user_id)
        new = {"name": "A", "email": EMAIL, "owner_id": owner}
        for answer in (
            _patch(call, contact, owner=owner, access=access),
            call(handler, "POST", URL, new, access=access),
        ):
            assert answer.status in (200, 201) if expected else answer.status == 403
            if not expected:
                assert answer.json["errors"][0]["pointer"] == "/owner_id"
    assert call(handler, "POST", URL, {"name": "B"}, access=access).status == 201


def test_a_contact_out_of_reach_is_in_the_way_and_not_shown(
    call: Call, workspace: Workspace, new_member: NewMember
) -> None:
    make_contact(call, email=EMAIL, owner_id=str(new_member(workspace).user_id))
    own = access_of("contacts.read:own contacts.write")
    refused = call(handler, "PUT", MATCH, {"name": "A", "email": EMAIL}, access=own)
    assert (refused.status, refused.json["code"]) == (409, "email_taken")
    assert "existing_id" not in refused.json
