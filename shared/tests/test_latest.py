"""`/api/latest/...` is `/api/v1/...`: the same routes, permissions and keys."""

from __future__ import annotations

from functions.contacts.api import handler
from functions.contacts.tests.scenes import make_contact
from shared.access import ROLES
from shared.testing import Call, EventsOf, Workspace
from shared.wiring import Http

LATEST, V1 = "/api/latest/contacts", "/api/v1/contacts"


def test_both_names_answer_alike(call: Call) -> None:
    made = make_contact(call)
    for path in ("", f"/{made['id']}", "?limit=1", "/none"):
        latest, v1 = (call(handler, "GET", f"{name}{path}") for name in (LATEST, V1))
        assert latest.status == v1.status
        assert latest.headers.get("etag") == v1.headers.get("etag")
        if latest.status == 200:
            assert latest.body == v1.body


def test_permissions_hold_under_both(call: Call) -> None:
    viewer = ROLES["viewer"]
    assert call(handler, "GET", LATEST, access=viewer).status == 200
    assert call(handler, "POST", LATEST, {"name": "Ada"}, access=viewer).status == 403
    assert call(handler, "GET", LATEST, anonymous=True).status == 401


def test_a_key_is_the_same_under_both(
    call: Call, workspace: Workspace, events_of: EventsOf
) -> None:
    key = {"Idempotency-Key": "one"}
    first = call(handler, "POST", LATEST, {"name": "Ada"}, headers=key)
    again = call(handler, "POST", V1, {"name": "Ada"}, headers=key)
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert again.headers["idempotency-replayed"] == "true"
    assert first.headers["location"] == f"{V1}/{first.json['id']}"
    assert len(events_of(workspace)) == 1


def test_only_the_newest_version_has_the_other_name() -> None:
    assert Http(V1).prefixes == (V1, LATEST)
    for other in ("/api/v2/contacts", "/webhooks/gmail", "/health", "/"):
        assert Http(other).prefixes == (other,)
