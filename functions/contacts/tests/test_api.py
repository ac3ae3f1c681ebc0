"""The contacts API, through its real Lambda handler and a real database."""

from typing import Any
from uuid import uuid4

import pytest

from functions.contacts.api import handler
from functions.contacts.tests.scenes import URL, make_contact
from shared.db import Tx
from shared.testing import Call, EventsOf, NewWorkspace, Workspace, read_all


def test_a_created_contact_can_be_read_again(call: Call) -> None:
    created = make_contact(call, email=" Ada@Example.COM ", tags=["vip", "vip", "new"])
    assert created["email"] == "ada@example.com"
    assert created["tags"] == ["vip", "new"]
    read = call(handler, "GET", f"{URL}/{created['id']}")
    assert read.json == created
    assert read.headers["etag"] == '"1"'


def test_creating_emits_one_event_at_the_next_position(
    call: Call, events_of: EventsOf, workspace: Workspace
) -> None:
    first, second = make_contact(call), make_contact(call)
    events = events_of(workspace)
    assert [event["type"] for event in events] == ["ContactCreated", "ContactCreated"]
    assert [event["payload"]["aggregate_id"] for event in events] == [first["id"], second["id"]]
    assert [event["position"] for event in events] == [1, 2]


def test_a_taken_email_is_a_conflict_that_names_the_other(call: Call) -> None:
    first = make_contact(call, email="ada@example.com")
    answer = call(handler, "POST", URL, {"name": "Other", "email": "ADA@example.com"})
    assert (answer.status, answer.json["code"]) == (409, "email_taken")
    assert answer.json["existing_id"] == first["id"]
    assert answer.headers["content-type"] == "application/problem+json"
    other = make_contact(call, email="other@example.com")
    answer = call(
        handler,
        "PATCH",
        f"{URL}/{other['id']}",
        {"email": "ada@example.com"},
        headers={"If-Match": "*"},
    )
    assert (answer.status, answer.json["existing_id"]) == (409, first["id"])


def test_an_email_is_free_again_once_its_contact_is_deleted(call: Call) -> None:
    first = make_contact(call, email="ada@example.com")
    assert call(handler, "DELETE", f"{URL}/{first['id']}").status == 204
    assert make_contact(call, email="ada@example.com")["id"] != first["id"]
    assert call(handler, "GET", f"{URL}/{first['id']}").status == 404


def test_pages_follow_each_other_without_gap_or_repeat(call: Call) -> None:
    made = [make_contact(call, name=f"Person {n}")["id"] for n in range(7)]
    seen = [item["id"] for item in read_all(call, handler, f"{URL}?limit=3")]
    assert seen == made[::-1]


def test_only_what_changed_is_an_event(
    call: Call, events_of: EventsOf, workspace: Workspace
) -> None:
    contact = make_contact(call, phone="+1 202 555 0100")
    url = f"{URL}/{contact['id']}"
    change = {"name": contact["name"], "job_title": "CTO", "phone": None}
    answer = call(handler, "PATCH", url, change, headers={"If-Match": '"1"'})
    assert (answer.status, answer.headers["etag"]) == (200, '"2"')
    assert (answer.json["job_title"], answer.json["phone"]) == ("CTO", None)
    assert events_of(workspace)[-1]["payload"]["changed"] == ["phone", "job_title"]
    same = call(handler, "PATCH", url, change, headers={"If-Match": '"2"'})
    assert same.json["version"] == 2
    assert len(events_of(workspace)) == 2


def test_a_stale_or_missing_if_match_changes_nothing(call: Call) -> None:
    contact = make_contact(call)
    url = f"{URL}/{contact['id']}"
    stale = call(handler, "PATCH", url, {"name": "New"}, headers={"If-Match": '"7"'})
    assert (stale.status, stale.json["code"]) == (412, "precondition_failed")
    assert call(handler, "PATCH", url, {"name": "New"}).status == 428
    odd = call(handler, "PATCH", url, {"name": "New"}, headers={"If-Match": "seven"})
    assert (odd.status, odd.json["errors"][0]["pointer"]) == (400, "/header/if-match")
    assert call(handler, "DELETE", url, headers={"If-Match": '"7"'}).status == 412
    assert call(handler, "GET", url).json["name"] == "Ada Lovelace"


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"name": "A", "nickname": "x"}, 422, "/nickname"),
        ({"name": ""}, 422, "/name"),
        ({"name": " \u0000 "}, 422, "/name"),
        ({}, 422, "/name"),
        ({"name": 7}, 422, "/name"),
        ({"name": "A", "tags": ["ok", ""]}, 422, "/tags/1"),
        ({"name": "A", "email": "not an address"}, 422, "/email"),
        ({"name": "A" * 201}, 422, "/name"),
        ({"name": "\ud800"}, 422, "/name"),
        (["name"], 422, ""),
        (b'{"name": ', 400, None),
        (b'{"name": "\x00"}', 400, None),
    ],
)
def test_bad_input_is_named_by_a_pointer(
    call: Call, body: Any, status: int, pointer: str | None
) -> None:
    answer = call(handler, "POST", URL, body)
    assert answer.status == status, answer.json
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code", "request_id"} <= answer.json.keys()
    if pointer is not None:
        assert pointer in [error["pointer"] for error in answer.json["errors"]]


@pytest.mark.parametrize("sent_as", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_json_that_is_sent_as_something_else_is_refused_as_that(call: Call, sent_as: str) -> None:
    """As curl's `--data` sends it."""
    answer = call(handler, "POST", URL, b'{"name": "Ada"}', headers={"Content-Type": sent_as})
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")
    assert "application/json" in answer.json["detail"]
    empty = call(handler, "POST", URL, b"", headers={"Content-Type": sent_as})
    assert (empty.status, empty.json["errors"][0]["code"]) == (422, "missing")


def test_a_parameter_there_is_not_is_named(call: Call) -> None:
    """Else the whole list would look like the answer."""
    answer = call(handler, "GET", f"{URL}?limit=2&email=ada@engine.example&limti=3")
    assert (answer.status, answer.json["code"]) == (422, "unprocessable")
    errors = {error["pointer"]: error for error in answer.json["errors"]}
    assert errors.keys() == {"/query/email", "/query/limti"}
    assert "there are count, cursor, limit, query, sort" in errors["/query/limti"]["detail"]
    assert errors["/query/limti"]["code"] == "unknown_parameter"
    one = call(handler, "GET", f"{URL}/{uuid4()}?fields=name")
    assert (one.status, one.json["errors"][0]["pointer"]) == (422, "/query/fields")


@pytest.mark.parametrize("cursor", ["x", "e30=", "%00", "W10="])
def test_a_bad_cursor_is_refused(call: Call, cursor: str) -> None:
    answer = call(handler, "GET", f"{URL}?cursor={cursor}")
    assert (answer.status, answer.json["code"]) == (400, "invalid_cursor")


def test_an_oversized_body_is_refused(call: Call) -> None:
    answer = call(handler, "POST", URL, {"name": "A" * (4 * 1024 * 1024)})
    assert (answer.status, answer.json["code"]) == (413, "too_large")


def test_unknown_paths_methods_and_ids_are_problems(call: Call) -> None:
    assert call(handler, "GET", f"{URL}/{uuid4()}").json["code"] == "contact_not_found"
    assert call(handler, "GET", f"{URL}/7").json["code"] == "not_found"
    assert call(handler, "PATCH", URL).json["code"] == "method_not_allowed"
    assert call(handler, "GET", URL, anonymous=True).status == 401


def test_another_workspace_sees_nothing(call: Call, new_workspace: NewWorkspace) -> None:
    contact = make_contact(call, email="ada@example.com")
    stranger = new_workspace()
    url = f"{URL}/{contact['id']}"
    assert call(handler, "GET", url, workspace=stranger).status == 404
    assert call(handler, "GET", URL, workspace=stranger).json["items"] == []
    change = call(
        handler, "PATCH", url, {"name": "x"}, headers={"If-Match": "*"}, workspace=stranger
    )
    assert change.status == 404
    assert call(handler, "DELETE", url, workspace=stranger).status == 404
    taken = call(
        handler, "POST", URL, {"name": "B", "email": "ada@example.com"}, workspace=stranger
    )
    assert taken.status == 201


def test_a_commit_that_fails_is_not_answered_as_success(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Tx) -> None:
        raise ConnectionError("the commit was lost")

    monkeypatch.setattr(Tx, "_append_events", refuse)
    answer = call(handler, "POST", URL, {"name": "Ada"})
    assert (answer.status, answer.json["code"]) == (500, "haste_error")
    monkeypatch.undo()
    assert "lost" not in answer.body.decode()
