"""Signing in by a workspace's own provider: an emulator is Okta; and what that is no good for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from pyotp.totp import TOTP

from functions.auth import authorizer, sso_api
from functions.auth.api import handler
from functions.auth.tests.conftest import PASSWORD
from functions.auth.tests.elsewhere import BEGIN, FINISH, Hostile, Okta, Visitor, consent
from functions.auth.tests.test_passwords import caller_of
from functions.workspaces import acceptance_api
from functions.workspaces import api as workspaces_api
from shared.testing import (
    Answer,
    Call,
    Database,
    EventsOf,
    LambdaContext,
    NewWorkspace,
    Workspace,
)
from shared.tests.attempts import Crowd, crowd

ADA = "ada@corp.example"
REFRESH, IN, ME = "/api/v1/auth/refresh", "/api/v1/auth/sign-in", "/api/v1/me"
SignUp = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Place:
    """A workspace with single sign-on, and who comes to it."""

    workspace: Workspace
    visitor: Visitor
    database: Database
    provider: dict[str, Any]

    def configure(self, **fields: Any) -> None:
        """Change its settings, as its owner, who has a confirmed address at their domain."""
        self.database.admin(
            """
            update users set email_verified_at = now(), email = id || '@corp.example'
            where id = %(u)s
            """,
            u=self.workspace.user_id,
        )
        answer = self.visitor.call(
            sso_api.handler,
            "PUT",
            "/api/v1/sso",
            self.provider | fields,
            headers={"If-Match": "*"},
            workspace=self.workspace,
        )
        assert answer.status == 200, answer.json

    def sign_in(self, person: str = ADA) -> Answer:
        return self.visitor.sign_in(person, "sso", workspace_id=str(self.workspace.id))

    def joined(self, token: dict[str, Any], role: str = "member") -> None:
        """Make somebody a member."""
        self.database.admin(
            """
            insert into memberships (workspace_id, user_id, role)
            values (%(w)s, %(u)s::uuid, %(role)s)
            """,
            w=self.workspace.id,
            u=token["user_id"],
            role=role,
        )


@pytest.fixture
def place(visitor: Visitor, workspace: Workspace, database: Database, okta: Okta) -> Place:
    """At Okta's."""
    made = Place(workspace, visitor, database, okta.settings)
    made.configure()
    return made


@pytest.fixture
def trap(visitor: Visitor, workspace: Workspace, database: Database, hostile: Hostile) -> Place:
    """At a provider whose owner has it say whatever they like."""
    made = Place(workspace, visitor, database, hostile.settings)
    made.configure(default_role="member")
    return made


def _said(trap: Place, hostile: Hostile, **claims: Any) -> Answer:
    """A sign-in of which the provider says that."""
    hostile.claims = claims
    begun = trap.visitor.begin("sso", workspace_id=str(trap.workspace.id))
    return trap.visitor.finish(begun, hostile.said(begun))


def _refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.json["code"]) == (status, code), answer.json


def _refresh(call: Call, token: dict[str, Any], **fields: Any) -> Answer:
    body = {"refresh_token": token["refresh_token"], **fields}
    return call(handler, "POST", REFRESH, body, anonymous=True, role="crm_auth")


def _password(call: Call, email: str, **fields: Any) -> Answer:
    body = {"email": email, "password": PASSWORD, **fields}
    return call(handler, "POST", IN, body, anonymous=True, role="crm_auth")


def _verified(database: Database, token: dict[str, Any]) -> bool:
    query = "select email_verified_at from users where id = %(u)s::uuid"
    [row] = database.admin(query, u=token["user_id"])
    return row["email_verified_at"] is not None


# Who gets in


def test_a_member_gets_in_and_is_known_from_then_on(
    place: Place, sign_up: SignUp, call: Call, database: Database, events_of: EventsOf
) -> None:
    ada = sign_up(email=ADA)
    place.joined(ada)
    answer = place.sign_in()
    assert answer.status == 200, answer.json
    token = answer.json
    assert (token["user_id"], token["role"]) == (ada["user_id"], "member")
    assert token["memberships"] == [{"workspace_id": str(place.workspace.id), "role": "member"}]
    assert not _verified(database, ada), "it proves no address"
    database.admin(
        "update users set email = 'renamed@x.example' where id = %(u)s::uuid", u=ada["user_id"]
    )
    assert place.sign_in().json["user_id"] == ada["user_id"], "known by the subject"
    kinds = [one["type"] for one in events_of(place.workspace)]
    assert (kinds.count("IdentityLinked"), kinds.count("SessionOpened")) == (1, 2)
    following = _refresh(call, token)
    assert following.status == 200
    assert following.json["memberships"] == token["memberships"]


def test_who_is_new_gets_in_where_that_is_wanted(
    place: Place, database: Database, events_of: EventsOf, call: Call
) -> None:
    _refused(place.sign_in(), 403, "not_invited")
    assert database.admin("select 1 from users where email = %(e)s", e=ADA) == []
    place.configure(default_role="viewer")
    token = place.sign_in().json
    assert token["role"] == "viewer"
    assert not _verified(database, token)
    [joined] = [
        one["payload"] for one in events_of(place.workspace) if one["type"] == "MemberJoined"
    ]
    assert (joined["aggregate_id"], joined["role"], joined["invited_by"]) == (
        token["user_id"],
        "viewer",
        None,
    )
    _refused(_password(call, ADA), 401, "wrong_credentials")
    assert place.sign_in().json["user_id"] == token["user_id"]


def test_an_account_that_is_no_members_is_not_touched(
    place: Place, sign_up: SignUp, database: Database
) -> None:
    """Else whoever runs a provider had a session of anybody's."""
    sign_up(email=ADA)
    place.configure(default_role="member")
    _refused(place.sign_in(), 403, "not_invited")
    mine = "select 1 from sso_identities where workspace_id = %(w)s"
    assert database.admin(mine, w=place.workspace.id) == []


def test_who_was_removed_stays_out(place: Place, database: Database) -> None:
    place.configure(default_role="member")
    token = place.sign_in().json
    database.admin(
        """
        update memberships set ended_at = now()
        where workspace_id = %(w)s and user_id = %(u)s::uuid
        """,
        w=place.workspace.id,
        u=token["user_id"],
    )
    _refused(place.sign_in(), 403, "not_invited")


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "ada@other.example"},
        {"email": "ada@sub.corp.example"},
        {"email": "ada@corp.example.evil.example"},
        {"email": None},
        {"email": "corp.example"},
        {"email": ADA, "email_verified": False},
        {"email": ADA, "email_verified": "false"},
    ],
    ids=str,
)
def test_addresses_that_it_is_not_for(
    trap: Place, hostile: Hostile, claims: dict[str, Any], database: Database
) -> None:
    _refused(_said(trap, hostile, **claims), 403, "address_not_allowed")
    assert database.admin("select 1 from users where email = %(e)s", e=ADA) == []


def test_a_provider_that_says_nothing_of_verifying(trap: Place, hostile: Hostile) -> None:
    assert _said(trap, hostile, email=ADA, email_verified=None).status == 200


def test_forged_tokens_are_refused_here_too(trap: Place, hostile: Hostile) -> None:
    _refused(_said(trap, hostile, email=ADA, nonce="another"), 401, "not_proven")
    _refused(_said(trap, hostile, email=ADA, aud="another"), 401, "not_proven")


@pytest.fixture(scope="module")
def everybody() -> Iterator[Crowd]:
    with crowd(4) as environments:
        yield environments


def test_four_first_sign_ins_at_once_make_one_member(
    place: Place, everybody: Crowd, call: Call, database: Database
) -> None:
    place.configure(default_role="member")
    bodies: list[dict[str, str]] = []
    for _ in range(4):
        begun = place.visitor.begin("sso", workspace_id=str(place.workspace.id))
        said = consent(begun["authorization_url"], ADA)
        bodies.append({"binding": begun["binding"], **said})
    entry = "functions.auth.external_api.handler"
    asked = [
        everybody.ask(n, call, entry, "POST", FINISH, body, anonymous=True, role="crm_auth")
        for n, body in enumerate(bodies)
    ]
    answers = [one.result(timeout=60) for one in asked]
    assert [one.status for one in answers] == [200] * 4, [one.json for one in answers]
    assert len({one.json["user_id"] for one in answers}) == 1
    assert len(database.admin("select 1 from users where email = %(e)s", e=ADA)) == 1


# No other workspace


@pytest.fixture
def victim(trap: Place, sign_up: SignUp, database: Database, hostile: Hostile) -> dict[str, Any]:
    """Somebody with a workspace of their own, who is a member of the trap as well; and the session
    that the trap's owner has had made for themselves.
    """
    person = sign_up(email=ADA)
    database.admin(
        "update users set email_verified_at = now() where id = %(u)s::uuid", u=person["user_id"]
    )
    trap.joined(person)
    token = _said(trap, hostile, email=ADA).json
    assert token["user_id"] == person["user_id"]
    return token | {"own": person["workspace_id"], "refresh_token_of_own": person["refresh_token"]}


def test_it_does_not_go_on_in_another_workspace(
    trap: Place, victim: dict[str, Any], call: Call, database: Database
) -> None:
    answer = _refresh(call, victim, workspace_id=victim["own"])
    _refused(answer, 403, "good_here_alone")
    opened = "select 1 from sessions where workspace_id = %(w)s::uuid and method = 'oidc'"
    assert database.admin(opened, w=victim["own"]) == []
    assert victim["own"] not in _refresh(call, victim).body.decode(), "it was not used up, either"


def _as_admitted(
    token: dict[str, Any], run: Callable[..., Any], role: str, as_role: Callable[[str], None]
) -> Callable[..., Any]:
    """A handler behind the real authorizer."""

    def handle(event: dict[str, Any], context: Any) -> Any:
        as_role("crm_auth")
        arn = "arn:aws:execute-api:r:1:a/s/GET/x"
        sent = {"Authorization": f"Bearer {token['access_token']}"}
        check: Callable[..., Any] = authorizer.handler
        policy = check({"methodArn": arn, "headers": sent}, LambdaContext())
        event["requestContext"]["authorizer"] = policy["context"]
        as_role(role)
        return run(event, context)

    return handle


CHANGES: list[tuple[str, str, Any]] = [
    ("PATCH", ME, {"name": "Eve"}),
    ("POST", f"{ME}/password", {"current": PASSWORD, "new": "another horse entirely"}),
    ("POST", f"{ME}/factors/totp", {"password": PASSWORD}),
    ("POST", f"{ME}/factors/totp/confirm", {"code": "123456"}),
    ("POST", f"{ME}/factors/recovery-codes", {"code": "123456"}),
    ("DELETE", f"{ME}/factors/totp", {"code": "123456"}),
]


@pytest.mark.parametrize(("method", "url", "body"), CHANGES)
def test_it_changes_nothing_about_the_person(
    method: str, url: str, body: Any, victim: dict[str, Any], call: Call, as_role: Any
) -> None:
    by = _as_admitted(victim, handler, "crm_auth", as_role)
    _refused(call(by, method, url, body, role="crm_auth"), 403, "not_by_sso")


def test_it_reaches_no_workspace_beside(
    victim: dict[str, Any], call: Call, as_role: Any, database: Database
) -> None:
    def ask(run: Any, url: str, body: Any, role: str) -> Answer:
        return call(_as_admitted(victim, run, role, as_role), "POST", url, body, role=role)

    made = ask(workspaces_api.handler, "/api/v1/workspaces", {"name": "Mine"}, "crm_app")
    _refused(made, 403, "not_by_sso")
    accepted = {"token": "x" * 80}
    url = "/api/v1/invitations/accept"
    _refused(ask(acceptance_api.handler, url, accepted, "crm_auth"), 403, "not_by_sso")


def test_it_does_not_tell_where_else_somebody_belongs(
    victim: dict[str, Any], call: Call, as_role: Any
) -> None:
    by = _as_admitted(victim, handler, "crm_auth", as_role)
    profile = call(by, "GET", ME, role="crm_auth")
    assert profile.status == 200
    assert victim["own"] not in profile.body.decode()
    assert victim["own"] not in str(victim["memberships"])


def test_a_sign_in_with_a_password_does_all_that(
    victim: dict[str, Any], call: Call, as_role: Any
) -> None:
    """The instrument: the same person, by their own sign-in."""
    token = _password(call, ADA, workspace_id=victim["workspace_id"]).json
    by = _as_admitted(token, handler, "crm_auth", as_role)
    assert call(by, "PATCH", ME, {"name": "Ada"}, role="crm_auth").status == 200
    assert victim["own"] in call(by, "GET", ME, role="crm_auth").body.decode()


def test_another_workspaces_provider_is_another_one(
    trap: Place,
    hostile: Hostile,
    new_workspace: NewWorkspace,
    sign_up: SignUp,
) -> None:
    """The same issuer and the same subject are good where they were seen."""
    assert _said(trap, hostile, email=ADA, sub="7").status == 200
    beside = Place(new_workspace(), trap.visitor, trap.database, hostile.settings)
    beside.configure()
    _refused(_said(beside, hostile, email=ADA, sub="7"), 403, "not_invited")


def test_a_sign_in_is_finished_at_the_workspace_it_was_begun_for(
    trap: Place, hostile: Hostile, okta: Okta, new_workspace: NewWorkspace
) -> None:
    """Its provider may be another one since (RFC 9700 §4.4)."""
    begun = trap.visitor.begin("sso", workspace_id=str(trap.workspace.id))
    said = hostile.said(begun)
    Place(trap.workspace, trap.visitor, trap.database, okta.settings).configure()
    hostile.paths()
    _refused(trap.visitor.finish(begun, said), 400, "invalid_sign_in")
    assert hostile.asked == []


# Where there is none


def test_no_workspace_and_one_without_it_are_answered_alike(
    place: Place, new_workspace: NewWorkspace
) -> None:
    place.configure(enabled=False)
    answers = [
        place.visitor.post(BEGIN, {"provider": "sso", "workspace_id": str(one)})
        for one in (place.workspace.id, new_workspace().id, uuid4())
    ]
    for one in answers:
        _refused(one, 404, "no_sso")
    assert len({one.json["detail"] for one in answers}) == 1


def test_switched_off_while_somebody_is_there(place: Place) -> None:
    place.configure(default_role="member")
    begun = place.visitor.begin("sso", workspace_id=str(place.workspace.id))
    said = consent(begun["authorization_url"], ADA)
    place.configure(enabled=False)
    _refused(place.visitor.finish(begun, said), 404, "no_sso")


@pytest.mark.parametrize("how", ["off", "off and on", "another client", "removed"])
def test_its_sessions_end_with_it(place: Place, call: Call, how: str) -> None:
    place.configure(default_role="member")
    token = place.sign_in().json
    match how:
        case "removed":
            gone = call(sso_api.handler, "DELETE", "/api/v1/sso", workspace=place.workspace)
            assert gone.status == 204
        case "another client":
            place.configure(client_id="another")
        case _:
            place.configure(enabled=False)
    if how == "off and on":
        place.configure()
    _refused(_refresh(call, token), 401, "invalid_refresh_token")


def test_they_do_not_end_with_other_changes(place: Place, call: Call) -> None:
    place.configure(default_role="member")
    token = place.sign_in().json
    place.configure(required=True, domains=["other.example"])
    assert _refresh(call, token).status == 200


# Where it is the only way in


@pytest.fixture
def member(place: Place, sign_up: SignUp, database: Database) -> dict[str, Any]:
    """Ada, by her password: a member of the place, and the owner of another workspace."""
    person = sign_up(email=ADA)
    place.joined(person)
    return person


def test_passwords_do_not_get_members_in(
    place: Place, member: dict[str, Any], call: Call, verified: list[str]
) -> None:
    here = {"workspace_id": str(place.workspace.id)}
    token = _password(call, ADA, **here).json
    place.configure(required=True)
    verified.clear()
    _refused(_password(call, ADA, **here), 403, "sso_required")
    wrong = {"email": ADA, "password": "wrong", **here}
    answer = call(handler, "POST", IN, wrong, anonymous=True, role="crm_auth")
    _refused(answer, 401, "wrong_credentials")
    assert len(verified) == 2, "each costs the same"
    _refused(_refresh(call, token), 401, "invalid_refresh_token")
    moved = _refresh(call, member, **here)
    _refused(moved, 403, "sso_required")
    assert _refresh(call, member).status == 200, "it was not used up"
    assert place.sign_in().status == 200


def test_who_names_no_workspace_enters_one_that_is_open(
    place: Place, member: dict[str, Any], call: Call, database: Database
) -> None:
    database.admin(
        """
        update memberships set created_at = created_at - interval '1 day'
        where workspace_id = %(w)s
        """,
        w=place.workspace.id,
    )
    assert _password(call, ADA).json["workspace_id"] == str(place.workspace.id)
    place.configure(required=True)
    assert _password(call, ADA).json["workspace_id"] == member["workspace_id"]
    database.admin(
        "update memberships set ended_at = now() where workspace_id = %(w)s::uuid",
        w=member["workspace_id"],
    )
    _refused(_password(call, ADA), 403, "sso_required")


def test_nor_do_they_with_a_second_factor(
    place: Place, member: dict[str, Any], call: Call, database: Database
) -> None:
    def own(url: str, body: Any) -> Answer:
        at = caller_of(member)
        return call(handler, "POST", f"{ME}/factors/totp{url}", body, workspace=at, role="crm_auth")

    database.admin(
        "update users set email_verified_at = now() where id = %(u)s::uuid", u=member["user_id"]
    )
    app = TOTP(own("", {"password": PASSWORD}).json["secret"])
    codes = own("/confirm", {"code": app.now()}).json["recovery_codes"]
    place.configure(required=True)
    given = {"challenge": _password(call, ADA).json["challenge"], "recovery_code": codes[0]}
    step = "/api/v1/auth/second-factor"
    for workspace_id, status in ((str(place.workspace.id), 403), (member["workspace_id"], 200)):
        body = given | {"workspace_id": workspace_id}
        answer = call(handler, "POST", step, body, anonymous=True, role="crm_auth")
        assert answer.status == status, answer.json


def test_owners_get_in_where_the_provider_fails(place: Place, sign_up: SignUp, call: Call) -> None:
    owner = sign_up(email=ADA)
    place.joined(owner, "owner")
    place.configure(required=True)
    token = _password(call, ADA, workspace_id=str(place.workspace.id))
    assert token.status == 200
    assert _refresh(call, token.json).status == 200


def test_required_and_switched_off_is_not_required(
    place: Place, member: dict[str, Any], call: Call
) -> None:
    place.configure(required=True, enabled=False)
    assert _password(call, ADA, workspace_id=str(place.workspace.id)).status == 200


def test_google_does_not_get_members_in_either(
    place: Place,
    member: dict[str, Any],
    hostile: Hostile,
    elsewhere: Callable[[str, str, str], None],
    database: Database,
) -> None:
    database.admin(
        "update users set email_verified_at = now(), email = %(e)s where id = %(u)s::uuid",
        e=ADA,
        u=member["user_id"],
    )
    elsewhere(hostile.url, str(place.provider["client_id"]), "x")
    hostile.claims = {"email": ADA}
    place.configure(required=True)
    for workspace_id, status in ((str(place.workspace.id), 403), (None, 200)):
        begun = place.visitor.begin(workspace_id=workspace_id)
        answer = place.visitor.finish(begun, hostile.said(begun))
        assert answer.status == status, answer.json


# What is stored of it


def test_a_provider_that_is_down(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.configure(default_role="member")
    begun = place.visitor.begin("sso", workspace_id=str(place.workspace.id))
    said = consent(begun["authorization_url"], ADA)
    monkeypatch.setenv("HASTE_WEBHOOK_ALLOW", "10.0.0.0/8")
    _refused(place.visitor.finish(begun, said), 503, "provider_unavailable")
    monkeypatch.setenv("HASTE_WEBHOOK_ALLOW", "127.0.0.0/8")
    assert place.sign_in().status == 200
