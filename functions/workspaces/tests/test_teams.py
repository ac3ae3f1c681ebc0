"""Teams, and what being in one shows."""

from __future__ import annotations

from uuid import uuid4

import pytest

from functions.contacts.api import handler as contacts
from functions.workspaces.tests.scenes import People
from shared.testing import EventsOf, NewWorkspace


def _team(people: People, name: str = "North") -> str:
    made = people.ask(people.owner, "POST", "/teams", {"name": name})
    assert made.status == 201, made.json
    return f"/teams/{made.json['id']}"


def test_a_team_is_made_renamed_and_deleted(people: People, events_of: EventsOf) -> None:
    path = _team(people)
    assert people.ask(people.owner, "GET", path).json["name"] == "North"
    renamed = people.ask(people.owner, "PATCH", path, {"name": "NORTH"}, version=1)
    assert (renamed.status, renamed.json["name"], renamed.json["version"]) == (200, "NORTH", 2)
    assert people.ask(people.owner, "PATCH", path, {"name": "NORTH"}).json["version"] == 2
    assert people.ask(people.owner, "PATCH", path, {"name": "x"}, version=1).status == 412
    assert [one["name"] for one in people.ask(people.owner, "GET", "/teams").json["items"]] == [
        "NORTH"
    ]
    assert people.ask(people.owner, "DELETE", path, version=2).status == 204
    assert people.ask(people.owner, "GET", path).status == 404
    assert people.ask(people.owner, "GET", "/teams").json["items"] == []
    types = [(one["type"], one["payload"]["aggregate_version"]) for one in events_of(people.owner)]
    assert types == [("TeamCreated", 1), ("TeamChanged", 2), ("TeamDeleted", 3)]


def test_members_come_and_go_once(people: People, events_of: EventsOf) -> None:
    path, member = _team(people), people.join()
    place = f"{path}/members/{member.user_id}"
    for _ in range(2):
        assert people.ask(people.owner, "PUT", place).status == 204
    listed = people.ask(people.owner, "GET", f"{path}/members").json["items"]
    assert [(one["id"], one["name"]) for one in listed] == [(str(member.user_id), "Member")]
    for _ in range(2):
        assert people.ask(people.owner, "DELETE", place).status == 204
    assert people.ask(people.owner, "GET", f"{path}/members").json["items"] == []
    types = [(one["type"], one["payload"]["aggregate_version"]) for one in events_of(people.owner)]
    assert types == [("TeamCreated", 1), ("TeamMemberAdded", 2), ("TeamMemberRemoved", 3)]
    assert people.ask(people.owner, "GET", path).json["version"] == 3


def test_a_team_shows_its_members_records_and_its_end_hides_them(people: People) -> None:
    seller, mate = people.join_as("contacts.read:team", "contacts.write"), people.join()
    path = _team(people)
    people.ask(mate, "POST", "/contacts", {"name": "Ada"}, to=contacts)

    def seen() -> int:
        return len(people.ask(seller, "GET", "/contacts", to=contacts).json["items"])

    assert seen() == 0
    for one in (seller, mate):
        people.ask(people.owner, "PUT", f"{path}/members/{one.user_id}")
    assert seen() == 1
    people.ask(people.owner, "DELETE", path)
    assert seen() == 0


def test_who_sees_less_than_everything_puts_nobody_into_a_team(people: People) -> None:
    """Else they would see what those own whom they put into one of their own."""
    mine = ("members.settings", "members.read", "contacts.read:team", "tasks.read")
    manager, owner_of_much = people.join_as(*mine), people.join()
    path = _team(people)
    for whom in (manager, owner_of_much):
        answer = people.ask(manager, "PUT", f"{path}/members/{whom.user_id}")
        assert (answer.status, answer.json["code"]) == (403, "more_than_yours")
        assert people.ask(people.owner, "PUT", f"{path}/members/{whom.user_id}").status == 204
        assert people.ask(manager, "DELETE", f"{path}/members/{whom.user_id}").status == 204


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_whoever_is_no_member_is_in_no_team(
    people: People, method: str, new_workspace: NewWorkspace
) -> None:
    path, former = _team(people), people.join()
    people.ask(people.owner, "DELETE", f"/members/{former.user_id}")
    for stranger in (new_workspace().user_id, former.user_id, uuid4()):
        answer = people.ask(people.owner, method, f"{path}/members/{stranger}")
        assert (answer.status, answer.json["code"]) == (404, "member_not_found")


def test_another_workspaces_teams_are_none_here(
    people: People, new_workspace: NewWorkspace
) -> None:
    elsewhere = People(new_workspace(), people.call, people.database, people.new_member)
    theirs = _team(elsewhere)
    member = people.join()
    for path in (theirs, f"/teams/{uuid4()}"):
        for method, below, body in (
            ("GET", "", None),
            ("PATCH", "", {"name": "x"}),
            ("DELETE", "", None),
            ("GET", "/members", None),
            ("PUT", f"/members/{member.user_id}", None),
            ("DELETE", f"/members/{member.user_id}", None),
        ):
            answer = people.ask(people.owner, method, path + below, body)
            assert (answer.status, answer.json["code"]) == (404, "team_not_found")


def test_a_name_is_taken_once(people: People) -> None:
    path, other = _team(people), _team(people, "South")
    for method, where in (("POST", "/teams"), ("PATCH", other)):
        answer = people.ask(people.owner, method, where, {"name": "north"})
        assert (answer.status, answer.json["code"]) == (409, "team_name_taken")
        assert path.endswith(answer.json["existing_id"])
