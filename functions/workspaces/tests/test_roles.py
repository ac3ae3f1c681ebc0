"""Roles of a workspace's own."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.workspaces.tests.scenes import People, places
from shared.access import ALL, EVERYTHING, HIDEABLE, OWNED, ROLES, Access, access_of
from shared.testing import EventsOf, NewWorkspace

_GRANTS = st.sampled_from(
    [
        *ALL,
        *(f"{thing}.read:{far}" for thing in sorted(OWNED) for far in ("own", "team", "all")),
        *(f"-{thing}.{name}" for thing, names in HIDEABLE.items() for name in names),
    ]
)
_LISTS = st.lists(_GRANTS, max_size=8)


def test_a_role_is_made_shown_changed_and_deleted(people: People, events_of: EventsOf) -> None:
    new = {"name": " Sales ", "grants": ["contacts.write", "contacts.read:all", "-contacts.phone"]}
    made = people.ask(people.owner, "POST", "/roles", new)
    assert (made.status, made.headers["etag"]) == (201, '"1"')
    path = f"/roles/{made.json['id']}"
    assert made.headers["location"] == f"/api/v1{path}"
    grants = ["contacts.read", "contacts.write", "-contacts.phone"]
    assert (made.json["name"], made.json["grants"]) == ("Sales", grants)
    assert people.ask(people.owner, "GET", path).json == made.json
    change = {"grants": ["contacts.read:own"], "name": "SALES"}
    changed = people.ask(people.owner, "PATCH", path, change, version=1)
    assert (changed.status, changed.json["grants"]) == (200, ["contacts.read:own"])
    again = people.ask(people.owner, "PATCH", path, change)
    assert again.json == changed.json, "the same is no change"
    assert people.ask(people.owner, "PATCH", path, {"name": "x"}, version=1).status == 412
    assert people.ask(people.owner, "DELETE", path, version=2).status == 204
    assert people.ask(people.owner, "GET", path).status == 404
    types = [(one["type"], one["payload"]["aggregate_version"]) for one in events_of(people.owner)]
    assert types == [("RoleCreated", 1), ("RoleChanged", 2), ("RoleDeleted", 3)]


def test_those_every_workspace_has_are_listed_with_what_they_permit(people: People) -> None:
    role = people.new_role("tasks.read")
    found = people.ask(people.join("viewer"), "GET", "/roles").json
    assert [one["id"] for one in found["items"]] == [str(role)]
    assert {one["role"]: one["grants"] for one in found["builtin"]} == {
        name: list(access.grants()) for name, access in ROLES.items()
    }


def test_what_is_no_grant_is_pointed_at(people: People) -> None:
    new = {"name": "x", "grants": ["contacts.read", "contacts.teach", "emails.read:own"]}
    answer = people.ask(people.owner, "POST", "/roles", new)
    assert (answer.status, places(answer)) == (422, ["/grants/1", "/grants/2"])


def test_a_name_is_taken_once_in_whichever_case(
    people: People, new_workspace: NewWorkspace
) -> None:
    first = people.ask(people.owner, "POST", "/roles", {"name": "Sales", "grants": []})
    other = people.ask(people.owner, "POST", "/roles", {"name": "Other", "grants": []})
    for method, path in (("POST", "/roles"), ("PATCH", f"/roles/{other.json['id']}")):
        answer = people.ask(people.owner, method, path, {"name": "SALES", "grants": []})
        assert (answer.status, answer.json["existing_id"]) == (409, first.json["id"])
        answer = people.ask(people.owner, method, path, {"name": "Owner", "grants": []})
        assert (answer.status, answer.json["code"]) == (409, "role_name_taken")
    elsewhere = new_workspace()
    here = People(elsewhere, people.call, people.database, people.new_member)
    new: dict[str, Any] = {"name": "Sales", "grants": []}
    assert here.ask(elsewhere, "POST", "/roles", new).status == 201
    people.ask(people.owner, "DELETE", f"/roles/{first.json['id']}")
    assert people.ask(people.owner, "POST", "/roles", new).status == 201, "it is free again"


def test_a_role_somebody_has_or_is_invited_to_stays(people: People) -> None:
    role_id = str(people.new_role("contacts.read"))
    member = people.join()
    path = f"/members/{member.user_id}"
    people.ask(people.owner, "PATCH", path, {"role_id": role_id})
    invited = {"email": "grace@example.com", "role_id": role_id}
    invitation = people.ask(people.owner, "POST", "/invitations", invited).json["id"]
    for give_up in (("DELETE", path), ("DELETE", f"/invitations/{invitation}")):
        answer = people.ask(people.owner, "DELETE", f"/roles/{role_id}")
        assert (answer.status, answer.json["code"]) == (409, "role_in_use")
        assert people.ask(people.owner, *give_up).status == 204
    assert people.ask(people.owner, "DELETE", f"/roles/{role_id}").status == 204


def test_another_workspaces_roles_are_none_here(
    people: People, new_workspace: NewWorkspace
) -> None:
    elsewhere = People(new_workspace(), people.call, people.database, people.new_member)
    theirs = elsewhere.new_role("contacts.read")
    for role_id in (theirs, uuid4()):
        for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
            answer = people.ask(people.owner, method, f"/roles/{role_id}", body)
            assert (answer.status, answer.json["code"]) == (404, "role_not_found")


# Nobody makes more of a role than they have


def test_what_is_too_much_is_pointed_at(people: People) -> None:
    maker = people.join_as("members.settings", "contacts.read:team", "-contacts.phone")
    new = {"name": "x", "grants": ["contacts.read:all", "members.settings", "tasks.read"]}
    answer = people.ask(maker, "POST", "/roles", new)
    assert (answer.status, answer.json["code"]) == (403, "more_than_yours")
    assert places(answer) == ["/grants/0", "/grants/2", "/grants"]
    assert "-contacts.phone" in answer.json["errors"][2]["detail"]


def test_a_role_that_permits_more_is_neither_changed_nor_deleted(people: People) -> None:
    maker = people.join_as("members.settings", "members.read")
    role_id = people.new_role("contacts.read")
    asked: list[tuple[str, Any]] = [
        ("PATCH", {"name": "x"}), ("PATCH", {"grants": []}), ("DELETE", None),
    ]  # fmt: skip
    for method, body in asked:
        answer = people.ask(maker, method, f"/roles/{role_id}", body)
        assert (answer.status, answer.json["code"]) == (403, "more_than_yours")


def test_nobody_adds_to_the_role_they_have(people: People) -> None:
    maker = people.join_as("members.settings", "members.read")
    own = people.membership(maker)["role_id"]
    answer = people.ask(maker, "PATCH", f"/roles/{own}", {"grants": ["contacts.read"]})
    assert answer.status == 403
    less = people.ask(maker, "PATCH", f"/roles/{own}", {"grants": ["members.settings"]})
    assert less.status == 200
    assert str(people.access(maker)) == "members.settings"


@given(mine=_LISTS, wanted=_LISTS, key=_LISTS | st.just([*EVERYTHING.grants()]))
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_somebody_has_what_they_make_is_within_it(
    mine: list[str], wanted: list[str], key: list[str], people: People
) -> None:
    """By their role and by what they came with, which may be a key's or older than the role."""
    who = people.join_as("members.settings", *mine)
    came_with = access_of(" ".join(["members.settings", *key]))
    new = {"name": str(uuid4()), "grants": wanted}
    answer = people.ask(who, "POST", "/roles", new, access=came_with)
    have = people.access(who).within(came_with)
    if answer.status == 201:
        made = access_of(" ".join(answer.json["grants"]))
        assert _shows_no_more(made, have)
    else:
        assert answer.status == 403
        assert not _shows_no_more(access_of(" ".join(wanted)), have)


def _shows_no_more(one: Access, other: Access) -> bool:
    """Said in another way than the product does: everything it permits, the other permits, and
    what the other hides of it, it hides.
    """
    far = ["own", "team", "all"]
    within = all(
        permission in other.reach and far.index(reach) <= far.index(other.reach[permission])
        for permission, reach in one.reach.items()
    )
    hides = all(
        field in one.hidden or not any(p.startswith(field.split(".")[0] + ".") for p in one.reach)
        for field in other.hidden
    )
    return within and hides
