"""Several at once, in processes of their own: somebody always stays the owner."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from functions.workspaces.tests.post import Post
from functions.workspaces.tests.scenes import URL, People
from shared.access import EVERYTHING
from shared.testing import Answer, Workspace
from shared.tests.attempts import Crowd, crowd

API = "functions.workspaces.api.handler"
ACCEPTANCE = "functions.workspaces.acceptance_api.handler"


@pytest.fixture(scope="module")
def several() -> Iterator[Crowd]:
    with crowd(4) as environments:
        yield environments


def _at_once(
    several: Crowd, people: People, *asked: tuple[Workspace, str, str, object]
) -> list[Answer]:
    """Each of them asks in a process of their own."""
    answers = [
        several.ask(
            n, people.call, API, method, f"{URL}{path}", body,
            headers={"If-Match": "*"}, workspace=who, access=EVERYTHING,
        )
        for n, (who, method, path, body) in enumerate(asked)
    ]  # fmt: skip
    return [answer.result(timeout=60) for answer in answers]


def _owners(people: People) -> int:
    rows = people.database.admin(
        """
        select 1 from memberships
        where workspace_id = %(w)s and role = 'owner' and ended_at is null
        """,
        w=people.workspace.id,
    )
    return len(rows)


@pytest.mark.parametrize("how", ["demote", "remove", "leave", "demote themselves"])
def test_of_owners_who_all_go_at_once_one_stays(several: Crowd, people: People, how: str) -> None:
    owners = [people.owner, *(people.join("owner") for _ in range(3))]
    for _ in range(3):
        people.database.admin(
            """
            update memberships set role = 'owner', ended_at = null where workspace_id = %(w)s
            """,
            w=people.workspace.id,
        )
        asked: list[tuple[Workspace, str, str, object]] = []
        for one, next_one in zip(owners, [*owners[1:], owners[0]], strict=True):
            asked.append(
                {
                    "demote": (one, "PATCH", f"/members/{next_one.user_id}", {"role": "viewer"}),
                    "remove": (one, "DELETE", f"/members/{next_one.user_id}", None),
                    "leave": (one, "POST", "/workspaces/current/leave", None),
                    "demote themselves": (
                        one, "PATCH", f"/members/{one.user_id}", {"role": "viewer"},
                    ),
                }[how]
            )  # fmt: skip
        answers = _at_once(several, people, *asked)
        assert _owners(people) >= 1
        assert {one.status for one in answers} <= {200, 204, 403, 404, 409}
        if how in ("leave", "demote themselves"):
            codes = [one.json["code"] for one in answers if one.status == 409]
            assert codes == ["last_owner"]
            assert _owners(people) == 1


def test_a_role_is_not_deleted_while_it_is_given(several: Crowd, people: People) -> None:
    for _ in range(5):
        role_id, member = people.new_role("contacts.read"), people.join()
        given, deleted = _at_once(
            several,
            people,
            (people.owner, "PATCH", f"/members/{member.user_id}", {"role_id": str(role_id)}),
            (people.owner, "DELETE", f"/roles/{role_id}", None),
        )
        assert (given.status, deleted.status) in {(200, 409), (422, 204)}


def test_one_invitation_is_made_and_accepted_once(
    several: Crowd, people: People, post: Post
) -> None:
    email = f"{uuid4()}@example.com"
    body = {"email": email, "role": "viewer"}
    answers = _at_once(several, people, *[(people.owner, "POST", "/invitations", body)] * 4)
    assert sorted(one.status for one in answers) == [200, 200, 200, 201]
    assert len({one.json["id"] for one in answers}) == 1
    newcomer, token = post.newcomer(email), post.token(email)
    with crowd(4) as others:  # whose connections are of another role
        accepted = others.at_once(
            people.call,
            ACCEPTANCE,
            "POST",
            f"{URL}/invitations/accept",
            {"token": token},
            workspace=newcomer,
            role="crm_auth",
        )
    assert [one.status for one in accepted] == [200] * 4
    joined = people.database.admin(
        "select 1 from event_log where workspace_id = %(w)s and type = 'MemberJoined'",
        w=people.workspace.id,
    )
    assert len(joined) == 1


def test_who_is_removed_while_they_remove_brings_nobody_along(
    several: Crowd, people: People
) -> None:
    """Two admins remove each other: one is in time, the other is nobody by then."""
    for _ in range(3):
        one, other = people.join("admin"), people.join("admin")
        answers = _at_once(
            several,
            people,
            (one, "DELETE", f"/members/{other.user_id}", None),
            (other, "DELETE", f"/members/{one.user_id}", None),
        )
        assert sorted(answer.status for answer in answers) == [204, 403]
