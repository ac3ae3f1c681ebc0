"""Requests through the API: who may ask, about whom, and what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.privacy.api import handler as api
from functions.privacy.tests.conftest import ERIKA, URL, Desk
from shared.access import EVERYTHING, ROLES, Access, access_of
from shared.ids import uuid7
from shared.testing import Call, NewMember, NewWorkspace, read_all
from shared.tests.attempts import Crowd, crowd


def _ask(call: Call, kind: str, access: Access, **person: Any) -> Any:
    return call(api, "POST", URL, {"kind": kind, **(person or {"email": ERIKA})}, access=access)


@pytest.mark.parametrize(
    ("kind", "needed"), [("export", "contacts.export"), ("erasure", "contacts.delete")]
)
def test_it_takes_two_permissions(call: Call, kind: str, needed: str) -> None:
    for missing in ("workspace.settings", needed):
        rest = [grant for grant in EVERYTHING.grants() if grant != missing]
        answer = _ask(call, kind, access_of(" ".join(rest)))
        assert (answer.status, answer.json["code"]) == (403, "not_permitted")
        assert missing in answer.json["errors"][0]["detail"]
    seeing = "contacts.read members.read"
    assert _ask(call, kind, access_of(f"workspace.settings {needed} {seeing}")).status == 202
    for role in ("member", "viewer"):
        assert _ask(call, kind, ROLES[role]).status == 403


def test_the_database_asks_for_them_too(
    call: Call, monkeypatch: pytest.MonkeyPatch, desk: Desk
) -> None:
    monkeypatch.setattr(Access, "require", lambda self, permission: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    for grants in ("workspace.settings contacts.export", "contacts.delete"):
        assert _ask(call, "erasure", access_of(grants)).status >= 400
    assert _ask(call, "export", access_of("workspace.settings contacts.delete")).status >= 400
    rows = desk.database.admin(
        "select 1 from privacy_requests where workspace_id = %(w)s", w=desk.workspace.id
    )
    assert rows == []


def test_a_request_is_shown_with_what_was_done(desk: Desk, call: Call) -> None:
    contact = desk.contact()
    answer = desk.ask("erasure", contact_id=contact["id"])
    assert answer.status == 202
    made = answer.json
    assert answer.headers["location"] == f"{URL}/{made['id']}"
    assert (made["state"], made["email"], made["steps"]) == ("waiting", ERIKA, {})
    assert made["requested_by"] == f"user:{desk.workspace.user_id}"
    assert desk.get(made).json == made
    listed = read_all(call, api, f"{URL}?limit=1")
    assert listed == [made]
    export = desk.ask("export", contact_id=contact["id"]).json
    assert [one["id"] for one in read_all(call, api, f"{URL}?limit=1")] == [
        export["id"],
        made["id"],
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "export"},
        {"kind": "export", "email": ERIKA, "contact_id": str(uuid7())},
        {"kind": "forget", "email": ERIKA},
        {"kind": "export", "email": "Erika"},
        {"kind": "export", "contact_id": "7"},
        {"kind": "export", "email": ERIKA, "name": "Erika"},
    ],
)
def test_what_is_no_request_is_said(call: Call, body: dict[str, Any]) -> None:
    answer = call(api, "POST", URL, body)
    assert (answer.status, answer.json["code"]) == (422, "unprocessable")
    assert answer.json["errors"]


def test_of_another_workspace_there_is_nothing(
    desk: Desk, call: Call, new_workspace: NewWorkspace
) -> None:
    other = new_workspace()
    theirs = desk.contact(within=other)
    request = desk.ask("export", within=other, email=ERIKA).json
    for kind in ("export", "erasure"):
        answer = desk.ask(kind, contact_id=theirs["id"])
        assert (answer.status, answer.json["code"]) == (404, "person_not_found")
    for path in ("", "/download"):
        answer = desk.get(request, path)
        assert answer.status == 404, path
    assert call(api, "GET", URL).json["items"] == []


@pytest.mark.parametrize("kind", ["export", "erasure"])
@pytest.mark.parametrize("less", ["own", "team", "hidden", "no members"])
def test_whoever_sees_less_than_all_asks_for_nothing(
    desk: Desk, call: Call, kind: str, less: str
) -> None:
    """What is handed out or erased is everybody's, with every field."""
    contact = desk.contact()
    grants = str(EVERYTHING)
    if less == "hidden":
        grants += " -contacts.phone"
    elif less == "no members":
        grants = grants.replace("members.read", "")
    else:
        grants = grants.replace("contacts.read", f"contacts.read:{less}")
    for person in ({"email": ERIKA}, {"contact_id": contact["id"]}):
        refused = _ask(call, kind, access_of(grants), **person)
        assert (refused.status, refused.json["code"]) == (403, "not_permitted")


def test_whoever_sees_no_addresses_is_shown_none(desk: Desk, call: Call) -> None:
    made = desk.ask("export", email=ERIKA).json
    access = access_of(f"{EVERYTHING} -contacts.email")
    assert desk.get(made, access=access).json["email"] is None


def test_one_that_was_given_up_is_tried_again(desk: Desk, call: Call) -> None:
    desk.contact()
    request = desk.ask("erasure", email=ERIKA).json
    url = f"{URL}/{request['id']}/retry"
    early = call(api, "POST", url)
    assert (early.status, early.json["code"]) == (409, "not_given_up")
    desk.database.admin(
        """
        update privacy_requests set state = 'failed', reason = 'interrupted', finished_at = now(),
            attempts = 9
        where id = %(id)s::uuid
        """,
        id=request["id"],
    )
    refused = call(api, "POST", url, access=access_of("workspace.settings contacts.export"))
    assert refused.status == 403
    again = call(api, "POST", url)
    assert (again.status, again.json["state"], again.json["reason"]) == (202, "waiting", None)
    asked = [one for one in desk.events() if one.type_name() == "PersonErasureRequested"]
    assert [one.aggregate_version for one in asked] == [1, 2]
    desk.begin(request)
    for _ in range(2):
        desk.wait()
        desk.tick()
    assert desk.get(request).json["state"] == "done"
    assert call(api, "POST", url).status == 409


def test_one_that_is_asked_for_again_meanwhile_is_not_tried_again(desk: Desk, call: Call) -> None:
    given_up = desk.ask("export", email=ERIKA).json
    desk.database.admin(
        "update privacy_requests set state = 'failed', finished_at = now() where id = %(id)s::uuid",
        id=given_up["id"],
    )
    assert desk.ask("export", email=ERIKA).status == 202
    refused = call(api, "POST", f"{URL}/{given_up['id']}/retry")
    assert (refused.status, refused.json["code"]) == (409, "already_asked")


@pytest.mark.parametrize("whose", ["a mailbox's", "a member's"])
def test_ones_own_people_are_not_erased(
    desk: Desk, call: Call, whose: str, new_member: NewMember
) -> None:
    address = "ana@acme.example"
    if whose == "a mailbox's":
        desk.mailbox(address)
    else:
        address = f"{new_member(desk.workspace).user_id}@example.com"
    contact = desk.contact(email=address)
    for name, value in (("email", address), ("contact_id", contact["id"])):
        answer = call(api, "POST", URL, {"kind": "erasure", name: value})
        assert (answer.status, answer.json["code"]) == (422, "one_of_yours")
    assert desk.ask("export", email=address).status == 202


def test_a_mailbox_that_is_connected_meanwhile_is_not_erased(desk: Desk) -> None:
    request = desk.ask("erasure", email="ana@acme.example").json
    desk.mailbox("ana@acme.example")
    desk.begin(request)
    shown = desk.get(request).json
    assert (shown["state"], shown["reason"]) == ("failed", "one_of_yours")


@pytest.fixture(scope="module")
def several() -> Iterator[Crowd]:
    with crowd(4) as environments:
        yield environments


def test_of_many_who_ask_at_once_one_is_heard(several: Crowd, desk: Desk, call: Call) -> None:
    contact = desk.contact()
    body = {"kind": "erasure", "contact_id": contact["id"]}
    entry = "functions.privacy.api.handler"
    answers = several.at_once(call, entry, "POST", URL, body)
    [made] = [answer.json for answer in answers if answer.status == 202]
    for answer in answers:
        if answer.status != 202:
            assert (answer.status, answer.json["code"]) == (409, "already_asked")
            assert answer.json["existing_id"] == made["id"]
    by_address = desk.ask("erasure", email=ERIKA)
    assert by_address.json["existing_id"] == made["id"], "the same person"
    assert desk.ask("export", email=ERIKA).status == 202, "another kind"


def test_events_name_nobody(desk: Desk) -> None:
    contact = desk.contact()
    desk.begin(desk.ask("export", contact_id=contact["id"]).json)
    desk.erase(contact_id=contact["id"])
    told = [e.model_dump_json() for e in desk.events() if e.source == "privacy"]
    assert len(told) == 4
    assert not any("mustermann" in text.lower() for text in told)
