"""Members: who is shown, whose role may be changed by whom, who stays."""

from __future__ import annotations

from typing import Any, LiteralString
from uuid import UUID, uuid4

import pytest
from psycopg.errors import InsufficientPrivilege

from functions.workspaces.api import handler
from functions.workspaces.tests.scenes import People, places
from shared.access import EVERYTHING, access_of
from shared.db import transaction
from shared.testing import Database, EventsOf, NewWorkspace, Workspace, read_all


def _events(events_of: EventsOf, people: People) -> list[str]:
    return [event["type"] for event in events_of(people.workspace)]


def test_members_are_listed_by_name_who_came_last_first(
    people: People, new_workspace: NewWorkspace
) -> None:
    others = [people.join(role) for role in ("admin", "viewer", "member")]
    gone = people.join()
    assert people.ask(people.owner, "DELETE", f"/members/{gone.user_id}").status == 204
    new_workspace()
    found = read_all(people.call, handler, "/api/v1/members?limit=2")
    everybody = [*reversed(others), people.owner]
    assert [one["id"] for one in found] == [str(one.user_id) for one in everybody]
    assert [one["role"] for one in found] == ["member", "viewer", "admin", "owner"]
    assert [one["email"] for one in found] == [people.address(one) for one in everybody]
    assert {one["name"] for one in found} == {"Member", "Owner"}


def test_who_left_is_still_known_by_name(people: People) -> None:
    gone = people.join()
    people.ask(people.owner, "DELETE", f"/members/{gone.user_id}")
    answer = people.ask(people.owner, "GET", f"/members/{gone.user_id}")
    assert (answer.status, answer.headers["etag"]) == (200, '"2"')
    assert answer.json["name"] == "Member"
    assert answer.json["ended_at"] is not None


def test_a_person_of_another_workspace_is_nobody_here(
    people: People, new_workspace: NewWorkspace
) -> None:
    stranger = new_workspace().user_id
    for member_id in (stranger, uuid4()):
        for method, body in (("GET", None), ("PATCH", {"role": "viewer"}), ("DELETE", None)):
            answer = people.ask(people.owner, method, f"/members/{member_id}", body)
            assert (answer.status, answer.json["code"]) == (404, "member_not_found")


def test_a_role_is_changed_with_its_event(people: People, events_of: EventsOf) -> None:
    member, role_id = people.join(), people.new_role("contacts.read:own")
    path = f"/members/{member.user_id}"
    answer = people.ask(people.owner, "PATCH", path, {"role_id": str(role_id)}, version=1)
    assert (answer.status, answer.headers["etag"]) == (200, '"2"')
    assert (answer.json["role"], answer.json["role_id"]) == ("custom", str(role_id))
    again = people.ask(people.owner, "PATCH", path, {"role_id": str(role_id)})
    assert (again.status, again.json) == (200, answer.json)
    back = people.ask(people.owner, "PATCH", path, {"role": "viewer"})
    assert (back.json["role"], back.json["role_id"], back.json["version"]) == ("viewer", None, 3)
    late = people.ask(people.owner, "PATCH", path, {"role": "admin"}, version=1)
    assert (late.status, people.membership(member)["role"]) == (412, "viewer")
    first, second = events_of(people.workspace)
    assert [first["type"], second["type"]] == ["MemberChanged"] * 2
    assert first["payload"]["aggregate_id"] == str(member.user_id)
    assert first["payload"]["aggregate_version"] == 2
    assert (first["payload"]["role"], first["payload"]["role_id"]) == ("custom", str(role_id))


@pytest.mark.parametrize(
    "body",
    [{}, {"role": None}, {"role": "custom"}, {"role": "king"}, {"role": "viewer", "role_id": "x"}],
)
def test_what_is_no_role_is_refused(people: People, body: dict[str, object]) -> None:
    member = people.join()
    assert people.ask(people.owner, "PATCH", f"/members/{member.user_id}", body).status == 422
    assert people.membership(member)["version"] == 1


def test_a_role_is_the_workspaces_own(people: People, new_workspace: NewWorkspace) -> None:
    member, elsewhere = people.join(), new_workspace()
    theirs, deleted = uuid4(), people.new_role()
    people.database.admin(
        """
        insert into roles (workspace_id, id, name, grants) values (%(w)s, %(r)s, 'x', '{}')
        """,
        w=elsewhere.id,
        r=theirs,
    )
    assert people.ask(people.owner, "DELETE", f"/roles/{deleted}").status == 204
    for role_id in (theirs, deleted, uuid4()):
        answer = people.ask(
            people.owner, "PATCH", f"/members/{member.user_id}", {"role_id": str(role_id)}
        )
        assert (answer.status, places(answer)) == (422, ["/role_id"])


# Nobody gives what they do not have


def _change(people: People, who: Workspace, whom: Workspace, role: str) -> tuple[int, str]:
    answer = people.ask(who, "PATCH", f"/members/{whom.user_id}", {"role": role})
    return answer.status, answer.json.get("code", "")


def test_owners_alone_make_and_unmake_owners(people: People, events_of: EventsOf) -> None:
    admin, member = people.join("admin"), people.join()
    refused = (403, "more_than_yours")
    assert _change(people, admin, member, "owner") == refused
    assert _change(people, admin, admin, "owner") == refused
    assert _change(people, admin, people.owner, "viewer") == refused
    assert people.ask(admin, "DELETE", f"/members/{people.owner.user_id}").status == 403
    assert _events(events_of, people) == []
    assert _change(people, people.owner, member, "owner")[0] == 200
    assert _change(people, member, people.owner, "viewer")[0] == 200


def test_all_grants_there_are_make_no_owner(people: People) -> None:
    """Of a role of the workspace's own that may do everything."""
    almighty, member = people.join_as(*EVERYTHING.grants()), people.join()
    assert _change(people, almighty, member, "owner") == (403, "more_than_yours")
    assert _change(people, almighty, member, "admin")[0] == 200
    assert _change(people, almighty, people.owner, "member") == (403, "more_than_yours")


@pytest.mark.parametrize(
    ("mine", "wanted", "given"),
    [
        ("members.settings contacts.read", "contacts.read:team", True),
        ("members.settings contacts.read:team", "contacts.read", False),
        ("members.settings contacts.read:team", "contacts.read:team contacts.write", False),
        ("members.settings contacts.read", "members.settings contacts.read", True),
        ("members.settings contacts.read -contacts.phone", "contacts.read", False),
        ("members.settings contacts.read -contacts.phone", "contacts.read -contacts.phone", True),
        ("members.settings", "", True),
    ],
)
def test_a_manager_gives_what_they_have_and_no_more(
    people: People, mine: str, wanted: str, given: bool
) -> None:
    manager, member = people.join_as(*mine.split()), people.join_as()
    body = {"role_id": str(people.new_role(*wanted.split()))}
    for whom in (member, manager):
        answer = people.ask(manager, "PATCH", f"/members/{whom.user_id}", body)
        assert answer.status == (200 if given else 403)
        if not given:
            assert (answer.json["code"], places(answer)) == ("more_than_yours", ["/role_id"])


def test_who_may_do_more_is_not_changed_or_removed_by_who_may_do_less(people: People) -> None:
    manager, admin = people.join_as("members.settings", "members.read"), people.join("admin")
    assert _change(people, manager, admin, "viewer") == (403, "more_than_yours")
    assert people.ask(manager, "DELETE", f"/members/{admin.user_id}").status == 403
    assert people.membership(admin)["version"] == 1


def test_a_key_gives_no_more_than_its_grants(people: People) -> None:
    """An owner's key: what counts is what both it and the owner's role permit."""
    member = people.join_as("contacts.read")
    role_id = people.new_role("tasks.read")
    key = access_of("members.settings members.read contacts.read")
    path = f"/members/{member.user_id}"
    refused = people.ask(people.owner, "PATCH", path, {"role_id": str(role_id)}, access=key)
    assert (refused.status, refused.json["code"]) == (403, "more_than_yours")
    refused = people.ask(people.owner, "PATCH", path, {"role": "owner"}, access=key)
    assert refused.status == 403


@pytest.mark.parametrize("taken", ["demoted", "removed"])
def test_what_was_taken_away_does_not_bring_itself_back(people: People, taken: str) -> None:
    """The authorizer is believed for half a minute: whoever was an owner then is none by now."""
    other = people.join("owner")
    if taken == "demoted":
        assert _change(people, people.owner, other, "viewer")[0] == 200
    else:
        people.ask(people.owner, "DELETE", f"/members/{other.user_id}")
    stale = EVERYTHING
    for method, path, body in (
        ("PATCH", f"/members/{other.user_id}", {"role": "owner"}),
        ("DELETE", f"/members/{people.owner.user_id}", None),
        ("POST", "/roles", {"name": "Mine", "grants": ["contacts.read"]}),
        ("POST", "/teams", {"name": "Mine"}),
        ("POST", "/invitations", {"email": "friend@example.com", "role": "owner"}),
    ):
        answer = people.ask(other, method, path, body, access=stale)
        assert (answer.status, answer.json["code"]) == (403, "not_permitted"), path


# Somebody stays the owner


@pytest.mark.parametrize("how", ["demotes", "removes", "leaves"])
def test_the_last_owner_stays(people: People, how: str, events_of: EventsOf) -> None:
    people.join("admin")
    path = f"/members/{people.owner.user_id}"
    method, path, body = {
        "demotes": ("PATCH", path, {"role": "admin"}),
        "removes": ("DELETE", path, None),
        "leaves": ("POST", "/workspaces/current/leave", None),
    }[how]
    answer = people.ask(people.owner, method, path, body)
    assert (answer.status, answer.json["code"]) == (409, "last_owner")
    assert _events(events_of, people) == []
    second = people.join("owner")
    assert people.ask(people.owner, method, path, body).status in (200, 204)
    answer = people.ask(second, "POST", "/workspaces/current/leave")
    assert (answer.status, answer.json["code"]) == (409, "last_owner")


# Leaving


def test_everybody_may_leave_and_is_in_no_team_any_more(
    people: People, events_of: EventsOf, database: Database
) -> None:
    mate, viewer = people.join(), people.join("viewer")
    team = people.ask(people.owner, "POST", "/teams", {"name": "North"}).json["id"]
    for one in (mate, viewer):
        people.ask(people.owner, "PUT", f"/teams/{team}/members/{one.user_id}")
    assert people.ask(viewer, "POST", "/workspaces/current/leave").status == 204
    assert people.membership(viewer)["ended_at"] is not None
    left = database.admin("select user_id from team_members where team_id = %(t)s", t=team)
    assert left == [{"user_id": mate.user_id}]
    last = events_of(people.workspace)[-1]
    assert (last["type"], last["payload"]["actor"]) == ("MemberLeft", f"user:{viewer.user_id}")
    assert last["payload"]["aggregate_id"] == str(viewer.user_id)
    assert people.membership(mate)["ended_at"] is None
    assert people.ask(viewer, "POST", "/workspaces/current/leave").status == 404


_MINE: LiteralString = " where workspace_id = %(workspace_id)s and user_id = %(user)s"


@pytest.mark.parametrize(
    ("change", "of_another"),
    [
        ("update memberships set ended_at = now()", True),
        ("update memberships set role = 'viewer'", True),
        ("update memberships set role = 'owner'", False),
        ("update memberships set role = 'viewer'", False),
    ],
)
def test_past_the_routes_one_ends_ones_own_membership_and_changes_none(
    people: People, change: LiteralString, of_another: bool
) -> None:
    member, other = people.join(), people.join()
    people.ask(member, "GET", "/members")  # as crm_app from here on
    whose: dict[str, Any] = {"user_id": member.user_id, "access": access_of("members.read")}
    whom = (other if of_another else member).user_id
    with (
        pytest.raises(InsufficientPrivilege, match="row-level security"),
        transaction(people.workspace.id, **whose) as tx,
    ):
        tx.run(change + _MINE, user=whom)
    with transaction(people.workspace.id, **whose) as tx:
        ended: LiteralString = "update memberships set ended_at = now()"
        assert tx.run(ended + _MINE, user=member.user_id) == 1


def test_past_the_routes_an_admin_makes_no_owner(people: People) -> None:
    admin, member = people.join("admin"), people.join()
    people.ask(admin, "GET", "/members")
    for change in (
        "update memberships set role = 'owner'",
        "update memberships set role = 'admin'",
    ):
        allowed = "admin" in change
        try:
            with transaction(
                people.workspace.id, user_id=admin.user_id, access=people.access(admin)
            ) as tx:
                assert tx.run(change + _MINE, user=member.user_id) == 1
        except InsufficientPrivilege:
            assert not allowed
        else:
            assert allowed


@pytest.mark.parametrize("granted", ["contacts.read:team", "contacts.read -contacts.phone"])
def test_what_is_everybodys_takes_permission_to_give_away(people: People, granted: str) -> None:
    heir, gone = people.join("owner"), people.join_as()
    manager = people.join_as(
        *granted.split(), "contacts.write", "tasks.read", "tasks.write", "members.settings"
    )
    path = f"/members/{gone.user_id}?reassign_to={heir.user_id}"
    answer = people.ask(manager, "DELETE", path)
    if "team" in granted:
        assert (answer.status, places(answer)) == (403, ["/query/reassign_to"])
    else:
        assert answer.status == 204


def test_an_heir_is_another_member(people: People, new_workspace: NewWorkspace) -> None:
    gone, former = people.join(), people.join()
    people.ask(people.owner, "DELETE", f"/members/{former.user_id}")
    strangers: list[UUID] = [new_workspace().user_id, former.user_id, gone.user_id, uuid4()]
    for stranger in strangers:
        path = f"/members/{gone.user_id}?reassign_to={stranger}"
        answer = people.ask(people.owner, "DELETE", path)
        assert (answer.status, places(answer)) == (422, ["/query/reassign_to"])
    assert people.membership(gone)["ended_at"] is None


def test_strangers_are_turned_away(people: People) -> None:
    for path in ("members", "roles", "teams", "invitations"):
        assert people.call(handler, "GET", f"/api/v1/{path}", anonymous=True).status == 401
