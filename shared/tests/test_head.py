"""HEAD: what GET would say, without its body."""

from __future__ import annotations

from functions.contacts.api import handler
from functions.contacts.tests.scenes import make_contact
from shared.access import ROLES
from shared.testing import Call, NewWorkspace


def test_it_says_what_get_says_without_the_body(call: Call) -> None:
    made = make_contact(call)
    for path in ("", f"/{made['id']}", "?limit=1", "?limti=1", "/none"):
        for root in ("/api/v1/contacts", "/api/latest/contacts"):
            head, get = (call(handler, method, f"{root}{path}") for method in ("HEAD", "GET"))
            assert (head.status, head.body) == (get.status, b"")
            assert head.headers.get("etag") == get.headers.get("etag")
            assert head.headers["content-type"] == get.headers["content-type"]
            assert head.headers["content-length"] == get.headers["content-length"]
            assert head.headers["ratelimit-policy"] == get.headers["ratelimit-policy"]


def test_it_is_as_guarded(call: Call, new_workspace: NewWorkspace) -> None:
    made = make_contact(call)
    url = f"/api/v1/contacts/{made['id']}"
    assert call(handler, "HEAD", url, anonymous=True).status == 401
    assert call(handler, "HEAD", url, workspace=new_workspace()).status == 404
    assert call(handler, "HEAD", url, access=ROLES["viewer"]).status == 200
    assert call(handler, "HEAD", "/api/v1/contacts/query").status == 404
