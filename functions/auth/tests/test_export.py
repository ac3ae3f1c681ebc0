"""What a person is handed out of their account: all of it, no secret, nothing of others."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from functions.auth.api import handler
from functions.auth.keys_api import handler as keys_api
from functions.auth.tests.conftest import PASSWORD, Asking
from functions.auth.tests.test_erasure import ME, SignUp, by_sso, caller_of, guest, token
from functions.auth.tests.test_factors import Person, me, newcomer, person
from functions.workspaces.api import handler as workspaces
from shared.testing import Answer, Call, Database, Workspace

__all__ = ["guest", "me", "newcomer", "person", "token"]


def export(call: Call, token: dict[str, Any], *, by: Any = handler) -> Answer:
    return call(by, "GET", f"{ME}/export", workspace=caller_of(token), role="crm_auth")


def test_all_of_it_is_handed_out(
    call: Call, token: dict[str, Any], guest: Workspace, asking: Asking, database: Database
) -> None:
    call(
        asking(address="198.51.100.7", agent="Difference/1.0"),
        "POST", "/api/v1/auth/sign-in", {"email": token["email"], "password": PASSWORD},
        anonymous=True, role="crm_auth",
    )  # fmt: skip
    made = call(
        keys_api, "POST", "/api/v1/keys", {"name": "Nightly", "grants": ["contacts.read"]},
        workspace=caller_of(token),
    )  # fmt: skip
    database.admin(
        "insert into external_identities (issuer, subject, user_id)"
        " values ('https://accounts.google.com', %(s)s, %(u)s)",
        s=f"sub-{token['user_id']}",
        u=token["user_id"],
    )
    answer = export(call, token)
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json
    assert told["profile"]["email"] == token["email"]
    assert told["profile"]["name"].startswith("Ada ")
    assert [one["purpose"] for one in told["mails"]] == ["verify_email"]
    assert [one["issuer"] for one in told["identities"]] == ["https://accounts.google.com"]
    places = {one["workspace_id"]: one for one in told["memberships"]}
    assert places.keys() == {token["workspace_id"], str(guest.id)}
    here = places[token["workspace_id"]]
    assert (here["role"], here["workspace_name"]) == ("owner", "Engines")
    assert "Difference/1.0" in [one["user_agent"] for one in here["sessions"]]
    assert [one["name"] for one in here["api_keys"]] == ["Nightly"]
    assert {"SessionOpened", "created"} <= {one["action"] for one in here["security_events"]}
    secrets = (made.json["key"], token["refresh_token"], token["access_token"], "argon2")
    assert [one for one in secrets if one in answer.body.decode()] == []
    hashes = database.admin("select encode(hash, 'hex') as h from refresh_tokens")
    assert [one["h"] for one in hashes if one["h"] in answer.body.decode()] == []


def test_a_second_factor_is_told_of_by_its_dates(call: Call, person: Person) -> None:
    told = export(call, person.token).json["second_factor"]
    assert told["recovery_codes_left"] == 10
    assert told.keys() == {"created_at", "confirmed_at", "recovery_codes_left"}


def test_nothing_of_others_is_in_it(
    call: Call, token: dict[str, Any], sign_up: SignUp, database: Database
) -> None:
    """Not even of who is in the same workspace."""
    other = sign_up(name="Grace Hopper")
    database.admin(
        "insert into memberships (workspace_id, user_id, role) values (%(w)s, %(u)s, 'owner')",
        w=token["workspace_id"],
        u=other["user_id"],
    )
    as_other = Workspace(UUID(token["workspace_id"]), UUID(other["user_id"]))
    call(
        keys_api, "POST", "/api/v1/keys", {"name": "Hers", "grants": ["contacts.read"]},
        workspace=as_other,
    )  # fmt: skip
    text = json.dumps(export(call, token).json)
    for mark in (other["user_id"], other["email"], "Hers", other["workspace_id"]):
        assert mark not in text


def test_by_single_sign_on_it_is_of_one_workspace(
    call: Call, token: dict[str, Any], guest: Workspace
) -> None:
    assert export(call, token).json["mails"]
    told = export(call, token, by=by_sso).json
    assert (told["second_factor"], told["identities"], told["mails"]) == (None, [], [])
    assert [one["workspace_id"] for one in told["memberships"]] == [token["workspace_id"]]


def test_a_workspace_that_is_to_be_deleted_is_in_it(
    call: Call, sign_up: SignUp, database: Database
) -> None:
    token = sign_up(workspace_name="Engines")
    call(
        workspaces, "DELETE", "/api/v1/workspaces/current?confirm=Engines",
        workspace=caller_of(token),
    )  # fmt: skip
    told = export(call, token).json
    assert [one["workspace_id"] for one in told["memberships"]] == [token["workspace_id"]]
