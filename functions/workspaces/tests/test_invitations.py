"""Inviting: who may invite whom to what, and how often."""

from __future__ import annotations

from uuid import uuid4

import pytest

from functions.workspaces.models.invitations import MOST_A_DAY
from functions.workspaces.tests.post import Post
from functions.workspaces.tests.scenes import People, places
from shared.access import NOTHING
from shared.testing import EventsOf, NewWorkspace

EMAIL = "grace@example.com"


def test_an_invitation_is_made_shown_and_revoked(
    post: Post, people: People, events_of: EventsOf
) -> None:
    answer = post.invite(" Grace@Example.com ")
    assert (answer.status, answer.headers["etag"]) == (201, '"1"')
    path = f"/invitations/{answer.json['id']}"
    assert answer.headers["location"] == f"/api/v1{path}"
    assert (answer.json["email"], answer.json["role"]) == (EMAIL, "member")
    assert answer.json["invited_by"] == str(people.owner.user_id)
    assert people.ask(people.owner, "GET", path).json == answer.json
    assert people.ask(people.owner, "GET", "/invitations").json["items"] == [answer.json]
    days = people.database.admin(
        "select round(extract(epoch from expires_at - now()) / 86400) as days from invitations"
        " where id = %(id)s",
        id=answer.json["id"],
    )
    assert days == [{"days": 7}]
    assert people.ask(people.owner, "DELETE", path).status == 204
    for method in ("GET", "DELETE"):
        assert people.ask(people.owner, method, path).status == 404
    assert people.ask(people.owner, "GET", "/invitations").json["items"] == []
    made, revoked = events_of(people.workspace)
    assert (made["type"], revoked["type"]) == ("InvitationCreated", "InvitationRevoked")
    assert (made["payload"]["email"], revoked["payload"]["aggregate_version"]) == (EMAIL, 2)


def test_no_token_is_in_an_event_an_answer_or_the_audit_log(post: Post, people: People) -> None:
    answer = post.invite(EMAIL)
    token = post.token(EMAIL)
    secret = token.split(".")[2]
    [said] = people.database.admin(
        """
        select (select string_agg(payload::text, '') from event_log where workspace_id = %(w)s)
            || (select string_agg(l::text, '') from audit_log l where workspace_id = %(w)s)
            || (select string_agg(i::text, '') from invitations i where workspace_id = %(w)s)
            as everything
        """,
        w=people.workspace.id,
    )
    assert EMAIL in said["everything"]
    assert secret not in said["everything"] + answer.body.decode()


def test_who_is_a_member_is_not_invited(
    post: Post, people: People, new_workspace: NewWorkspace
) -> None:
    member, elsewhere = people.join(), new_workspace()
    answer = post.invite(people.address(member))
    assert (answer.status, answer.json["code"]) == (409, "already_member")
    assert answer.json["existing_id"] == str(member.user_id)
    assert post.invite(people.address(elsewhere)).status == 201, "nobody learns who has an account"
    people.ask(people.owner, "DELETE", f"/members/{member.user_id}")
    assert post.invite(people.address(member)).status == 201, "who left may come back"


def test_the_same_again_is_the_same_and_no_second_mail(post: Post, events_of: EventsOf) -> None:
    first = post.invited(EMAIL)
    again = post.invite(EMAIL)
    assert (again.status, again.json) == (200, first)
    other = post.invite(EMAIL, "viewer")
    assert (other.status, other.json["code"]) == (429, "asked_too_soon")
    assert other.headers["retry-after"] == "300"
    assert [one["type"] for one in events_of(post.people.workspace)] == ["InvitationCreated"]


@pytest.mark.parametrize("again", ["invite", "resend"])
def test_after_a_while_it_is_renewed_and_mailed_again(
    post: Post, again: str, events_of: EventsOf
) -> None:
    first = post.invited(EMAIL)
    assert len(post.send()) == 1
    post.let_pass(first["id"], "8 days")
    if again == "invite":
        renewed = post.invite(EMAIL, "viewer")
        assert renewed.json["role"] == "viewer"
    else:
        path = f"/invitations/{first['id']}/resend"
        renewed = post.people.ask(post.people.owner, "POST", path)
        soon = post.people.ask(post.people.owner, "POST", path)
        assert (soon.status, soon.json["code"]) == (429, "asked_too_soon")
    assert (renewed.status, renewed.json["id"]) == (200, first["id"])
    assert renewed.json["expires_at"] > first["expires_at"][:10]
    assert (renewed.json["mail"], renewed.json["version"]) == ("waiting", 2)
    assert len(post.send()) == 2
    types = [one["type"] for one in events_of(post.people.workspace)]
    assert types == ["InvitationCreated", "InvitationRenewed"]


def test_whose_address_is_not_proven_invites_nobody(post: Post, people: People) -> None:
    post.invited(EMAIL)
    people.verify(people.owner, verified=False)
    [open_one] = people.ask(people.owner, "GET", "/invitations").json["items"]
    post.let_pass(open_one["id"], "1 day")
    for answer in (
        post.invite("other@example.com"),
        people.ask(people.owner, "POST", f"/invitations/{open_one['id']}/resend"),
    ):
        assert (answer.status, answer.json["code"]) == (403, "inviter_not_verified")


@pytest.mark.parametrize("body", [{}, {"email": EMAIL}, {"email": "x", "role": "member"}])
def test_what_is_no_invitation_is_refused(people: People, body: dict[str, str]) -> None:
    assert people.ask(people.owner, "POST", "/invitations", body).status == 422


def test_nobody_invites_to_more_than_they_have(post: Post, people: People) -> None:
    admin, manager = people.join("admin"), people.join_as("members.settings", "members.read")
    people.verify(manager)
    for who, role in ((admin, "owner"), (manager, "admin"), (manager, "viewer")):
        answer = post.invite(EMAIL, role, by=who)
        assert (answer.status, answer.json["code"]) == (403, "more_than_yours")
        assert places(answer) == ["/role"]
    role_id = str(people.new_role("members.read"))
    answer = people.ask(manager, "POST", "/invitations", {"email": EMAIL, "role_id": role_id})
    assert answer.status == 201


def test_nor_renews_or_revokes_one_to_more(post: Post, people: People) -> None:
    admin = people.join("admin")
    path = f"/invitations/{post.invited(EMAIL, 'owner')['id']}"
    post.let_pass(path.rpartition("/")[2], "1 day")
    for method, where in (("POST", f"{path}/resend"), ("DELETE", path)):
        answer = people.ask(admin, method, where)
        assert (answer.status, answer.json["code"]) == (403, "more_than_yours")
    assert post.invite(EMAIL, "viewer", by=admin).status == 403


def test_another_workspaces_invitations_are_none_here(
    post: Post, people: People, new_workspace: NewWorkspace
) -> None:
    elsewhere = new_workspace()
    there = People(elsewhere, people.call, people.database, people.new_member)
    there.verify(elsewhere)
    theirs = there.ask(elsewhere, "POST", "/invitations", {"email": EMAIL, "role": "member"})
    assert theirs.status == 201
    for one in (theirs.json["id"], uuid4()):
        for method, below in (("GET", ""), ("DELETE", ""), ("POST", "/resend")):
            answer = people.ask(people.owner, method, f"/invitations/{one}{below}")
            assert (answer.status, answer.json["code"]) == (404, "invitation_not_found")
    assert post.invite(EMAIL).status == 201, "their address is free here"


def test_a_workspace_makes_so_many_a_day(post: Post, people: People) -> None:
    people.database.admin(
        """
        insert into invitations (workspace_id, id, email, role, invited_by, inviter, expires_at,
            revoked_at)
        select %(w)s, gen_random_uuid(), n || '@example.com', 'member', %(u)s, '', now(), now()
        from generate_series(2, %(most)s) n
        """,
        w=people.workspace.id,
        u=people.owner.user_id,
        most=MOST_A_DAY,
    )
    assert post.invite("last@example.com").status == 201
    answer = post.invite("next@example.com")
    assert (answer.status, answer.json["code"]) == (409, "too_many_invitations")
    people.database.admin("update invitations set created_at = now() - interval '25 hours'")
    assert post.invite("next@example.com").status == 201


def test_a_viewer_sees_none(people: People, post: Post) -> None:
    post.invited(EMAIL)
    for access in (people.access(people.join("viewer")), NOTHING):
        answer = people.ask(people.owner, "GET", "/invitations", access=access)
        assert (answer.status, answer.json["code"]) == (403, "not_permitted")
