"""`GET /api/v1/limits`: what applies to a caller, and what remains."""

from __future__ import annotations

from typing import Any

import pytest

from functions.contacts.api import handler as contacts
from functions.gateway.api.callers import handler
from shared.access import NOTHING
from shared.testing import Call, NewWorkspace

URL = "/api/v1/limits"


@pytest.fixture
def counting(valkey: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that answers, and limits of the test's own."""
    monkeypatch.setenv("HASTE_CACHE_URL", valkey.url)
    limits = "caller-write=2/3600 workspace-read=7/3600 caller-read=5/3600 workspace-write=9/7200"
    monkeypatch.setenv("HASTE_RATE_LIMITS", limits)


def _limits(call: Call, **options: Any) -> dict[str, dict[str, Any]]:
    answer = call(handler, "GET", URL, **options)
    assert answer.status == 200
    return {one.pop("name"): one for one in answer.json["items"]}


@pytest.mark.usefixtures("counting")
def test_it_says_what_applies_and_what_remains(call: Call, new_workspace: NewWorkspace) -> None:
    for _ in range(3):
        call(contacts, "POST", "/api/v1/contacts", {"name": "Ada"})
    assert _limits(call) == {
        "workspace-read": _limit("workspace", "read", 7, 3600, remaining=6),
        "caller-read": _limit("caller", "read", 5, 3600, remaining=4),
        "workspace-write": _limit("workspace", "write", 9, 7200, remaining=7),
        "caller-write": _limit("caller", "write", 2, 3600, remaining=0),
    }
    assert _limits(call)["workspace-read"]["remaining"] == 5, "asking counts, as a read"
    other = _limits(call, workspace=new_workspace())
    assert (other["workspace-read"]["remaining"], other["caller-write"]["remaining"]) == (6, 2)


@pytest.mark.usefixtures("counting")
def test_the_names_are_those_of_the_headers(call: Call) -> None:
    answer = call(handler, "GET", URL)
    for one in answer.json["items"]:
        policy = f'"{one["name"]}";q={one["requests"]};w={one["window_seconds"]}'
        assert (policy in answer.headers["ratelimit-policy"]) == (one["counts"] == "read")


def test_whoever_is_signed_in_may_ask_and_nobody_else(call: Call) -> None:
    assert call(handler, "GET", URL, anonymous=True).status == 401
    assert len(_limits(call, access=NOTHING)) == 4


def test_while_nobody_counts_nobody_knows_what_remains(call: Call) -> None:
    assert {one["remaining"] for one in _limits(call).values()} == {None}


def _limit(of: str, counts: str, requests: int, window_s: int, *, remaining: int) -> Any:
    return {
        "of": of,
        "counts": counts,
        "requests": requests,
        "window_seconds": window_s,
        "remaining": remaining,
    }
