"""What a caller may do, in Python and in the database alike."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.activities.api import handler as tasks
from functions.contacts.api import handler as contacts
from shared import db
from shared.access import (
    ALL,
    EVERYTHING,
    HIDEABLE,
    NOTHING,
    OWNED,
    ROLES,
    Access,
    InvalidGrants,
    NotPermitted,
    access_of,
    checked,
    needs,
)
from shared.db.connection import connect
from shared.ids import uuid7
from shared.testing import Call, Database, NewMember, Workspace

_OWNED = [f"{thing}.read" for thing in sorted(OWNED)]
_HIDDEN = sorted(f"-{thing}.{name}" for thing, names in HIDEABLE.items() for name in names)
_GRANTS = st.sampled_from(
    [*ALL, *(f"{one}:{far}" for one in _OWNED for far in ("own", "team", "all")), *_HIDDEN]
)
ACCESSES = st.lists(_GRANTS, max_size=12).map(lambda grants: access_of(" ".join(grants)))


@given(access=ACCESSES)
def test_what_is_written_down_reads_the_same(access: Access) -> None:
    assert access_of(str(access)) == access
    assert checked(access.grants(), at="/grants") == access


@given(one=ACCESSES, other=ACCESSES)
def test_together_they_permit_what_both_do(one: Access, other: Access) -> None:
    both = one.within(other)
    assert both == other.within(one)
    for permission in ALL:
        assert both.may(permission) is (one.may(permission) and other.may(permission))
    assert both.hidden == one.hidden | other.hidden
    assert one.within(EVERYTHING).reach == one.reach
    assert one.within(NOTHING).reach == {}


def test_the_narrower_reach_counts() -> None:
    wide, narrow = access_of("contacts.read"), access_of("contacts.read:own")
    team = access_of("contacts.read:team")
    assert str(wide.within(team)) == "contacts.read:team"
    assert str(team.within(narrow)) == "contacts.read:own"


_NO_GRANTS = """
contacts|contacts.read:mine|contacts.write:own|emails.read:own|-contacts.name|-contacts|
contacts.read contacts.write|*|members.read:team|-tasks.title|
"""


@pytest.mark.parametrize("grant", _NO_GRANTS.replace("\n", "").split("|"))
def test_what_is_no_grant_is_refused_with_its_place(grant: str) -> None:
    with pytest.raises(InvalidGrants) as refused:
        checked(["contacts.read", grant], at="/grants")
    assert [error.pointer for error in refused.value.errors] == ["/grants/1"]


def test_what_is_no_grant_any_more_grants_nothing() -> None:
    assert access_of("parrots.read contacts.teach contacts.read:far") == NOTHING


def test_a_requirement_names_what_is_missing() -> None:
    ROLES["viewer"].require("contacts.read")
    with pytest.raises(NotPermitted) as refused:
        ROLES["viewer"].require("contacts.write")
    assert "contacts.write" in refused.value.errors[0].detail


def test_a_route_cannot_need_what_does_not_exist() -> None:
    with pytest.raises(ValueError, match=r"parrots\.read"):
        needs("parrots.read")


def test_roles_are_each_within_the_next() -> None:
    order = ["viewer", "member", "admin", "owner"]
    for lesser, greater in pairwise(order):
        assert ROLES[lesser].within(ROLES[greater]) == ROLES[lesser]
        assert ROLES[lesser] != ROLES[greater]


@given(access=ACCESSES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_database_reads_the_same_in_it(access: Access, database: Database) -> None:
    with connect(database.url("crm_app")) as opened:
        opened.execute("begin")
        opened.execute("select app.begin_request(%s, null, %s)", (uuid4(), str(access)))
        for permission in ALL:
            found = opened.execute("select app.may(%s)", (permission,)).fetchone()
            assert found == (access.reach.get(permission) == "all",), permission
        for thing in OWNED:
            found = opened.execute("select app.reach(%s)", (thing,)).fetchone()
            assert found == (access.reach.get(f"{thing}.read"),), thing
        opened.execute("rollback")


def test_without_a_word_of_access_the_database_permits_nothing(database: Database) -> None:
    with connect(database.url("crm_app")) as opened:
        assert opened.execute("select app.may('contacts.read')").fetchone() == (None,)
        opened.execute("begin")
        opened.execute("select app.begin_request(%s, null)", (uuid4(),))
        assert opened.execute("select app.may('contacts.read')").fetchone() == (False,)
        assert opened.execute("select app.reach('contacts')").fetchone() == (None,)
        opened.execute("rollback")


_MAKE: dict[str, LiteralString] = {
    "contacts": """
        insert into contacts (workspace_id, id, name, owner_id)
        values (%(w)s, %(id)s, 'A', %(owner)s)
    """,
    "tasks": """
        insert into tasks (workspace_id, id, title, created_by, owner_id)
        values (%(w)s, %(id)s, 'A', 'system', %(owner)s)
    """,
}
_LEFT: dict[str, LiteralString] = {
    "contacts": "select id from contacts where deleted_at is null and workspace_id = %(w)s",
    "tasks": "select id from tasks where deleted_at is null and workspace_id = %(w)s",
}


class Owners:
    """Four people: the caller, who is in a team with the second, and the third in no team of
    theirs; and nobody. Each owns a contact and a task.
    """

    def __init__(self, database: Database, workspace: Workspace, new_member: NewMember) -> None:
        self.caller = workspace
        self.mate, self.stranger = new_member(workspace), new_member(workspace)
        self.owned: dict[str, dict[str, UUID]] = {"contacts": {}, "tasks": {}}
        team, other = uuid7(), uuid7()
        for one, people in ((team, (self.caller, self.mate)), (other, (self.stranger,))):
            database.admin(
                "insert into teams (workspace_id, id, name) values (%(w)s, %(t)s, %(n)s)",
                w=workspace.id, t=one, n=str(one),
            )  # fmt: skip
            for person in people:
                database.admin(
                    "insert into team_members (workspace_id, team_id, user_id)"
                    " values (%(w)s, %(t)s, %(u)s)",
                    w=workspace.id, t=one, u=person.user_id,
                )  # fmt: skip
        owners = {"own": self.caller, "team": self.mate, "stranger": self.stranger, "nobody": None}
        for name, owner in owners.items():
            for table, statement in _MAKE.items():
                made = self.owned[table][name] = uuid7()
                person = owner.user_id if owner else None
                database.admin(statement, w=workspace.id, id=made, owner=person)


@pytest.fixture
def owners(database: Database, workspace: Workspace, new_member: NewMember) -> Owners:
    return Owners(database, workspace, new_member)


@pytest.mark.parametrize("thing", ["contacts", "tasks"])
@pytest.mark.parametrize(
    ("grant", "seen"),
    [
        ("{}.read:own", {"own"}),
        ("{}.read:team", {"own", "team"}),
        ("{}.read", {"own", "team", "stranger", "nobody"}),
    ],
)
def test_reading_and_writing_reach_as_far_as_granted(
    call: Call, owners: Owners, database: Database, thing: str, grant: str, seen: set[str]
) -> None:
    handler = {"contacts": contacts, "tasks": tasks}[thing]
    granted = grant.format(thing)
    access = access_of(f"{granted} {thing}.write {thing}.delete")
    found = call(handler, "GET", f"/api/v1/{thing}", access=access).json["items"]
    ids = {name: str(one) for name, one in owners.owned[thing].items()}
    assert {one["id"] for one in found} == {ids[name] for name in seen}
    field = "name" if thing == "contacts" else "title"
    for name, one in ids.items():
        url, headers = f"/api/v1/{thing}/{one}", {"If-Match": "*"}
        read = call(handler, "GET", url, access=access)
        changed = call(handler, "PATCH", url, {field: "B"}, headers=headers, access=access)
        deleted = call(handler, "DELETE", url, access=access)
        expected = (200, 200, 204) if name in seen else (404, 404, 404)
        assert (read.status, changed.status, deleted.status) == expected, name
    left = database.admin(_LEFT[thing], w=owners.caller.id)
    assert {str(row["id"]) for row in left} == {ids[name] for name in ids.keys() - seen}


def test_what_no_route_checks_the_database_refuses(
    call: Call, owners: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A route that forgets to ask, as every other way in might."""

    def forget(self: Access, permission: str) -> None:
        return None

    monkeypatch.setattr(Access, "require", forget)
    reading = access_of("contacts.read")
    url = f"/api/v1/contacts/{owners.owned['contacts']['own']}"
    made = call(contacts, "POST", "/api/v1/contacts", {"name": "B"}, access=reading)
    assert (made.status, made.json["code"]) == (403, "not_permitted")
    changed = call(contacts, "PATCH", url, {"name": "B"}, headers={"If-Match": "*"}, access=reading)
    assert (changed.status, changed.json["code"]) == (403, "not_permitted")
    writing = access_of("contacts.read contacts.write")
    assert call(contacts, "DELETE", url, access=writing).status == 403
    assert call(contacts, "GET", url, access=NOTHING).status == 404


def test_a_grant_that_is_missing_in_the_database_is_no_word_to_the_caller(
    as_role: Callable[[str], None], workspace: Workspace
) -> None:
    """It is our own fault, so it is a 500 and not a 403."""
    as_role("crm_outbox")
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"),
        db.transaction(workspace.id, access=EVERYTHING) as tx,
    ):
        tx.run("select 1 from contacts")
