"""Where an invocation's event came from, as its transactions say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.invocation import invocation
from shared.origin import NOWHERE, Origin, coming_from, current, origin_of
from shared.testing import LambdaContext


def _event(**identity: Any) -> dict[str, Any]:
    return {"requestContext": {"requestId": "r", "identity": identity}}


def test_a_request_came_from_where_the_gateway_says() -> None:
    event = _event(sourceIp="192.0.2.1", userAgent="curl/8") | {
        "headers": {"X-Forwarded-For": "198.51.100.9", "User-Agent": "other"}
    }
    assert origin_of(event) == Origin("192.0.2.1", "curl/8", "r")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("somewhere", None),
        (7, None),
        (None, None),
    ],
)
def test_an_address_is_one_in_its_one_spelling(given: Any, kept: str | None) -> None:
    assert origin_of(_event(sourceIp=given)).source_ip == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [("a\0b", "ab"), ("x" * 5000, "x" * 300), ("\ud800é", "?é"), ("", None), (7, None)],
)
def test_a_user_agent_is_short_and_fit_to_store(given: Any, kept: str | None) -> None:
    assert origin_of(_event(userAgent=given)).user_agent == kept


@pytest.mark.parametrize(
    "event", [{}, {"Records": []}, {"requestContext": None}, {"requestContext": {"identity": None}}]
)
def test_what_is_no_request_came_from_nowhere(event: dict[str, Any]) -> None:
    assert origin_of(event) == NOWHERE
    assert str(NOWHERE) == ""


def test_it_is_said_as_json_of_what_is_known() -> None:
    assert json.loads(str(Origin("192.0.2.1", 'a"b', None))) == {"ip": "192.0.2.1", "agent": 'a"b'}


def test_it_holds_for_one_invocation() -> None:
    seen: list[Origin] = []

    def handle(event: dict[str, Any], context: Any) -> None:
        seen.append(current())
        if event.get("fails"):
            raise ZeroDivisionError

    handler = invocation(handle)
    context: Any = LambdaContext()
    handler(_event(sourceIp="192.0.2.1"), context)
    with pytest.raises(ZeroDivisionError):
        handler(_event(sourceIp="192.0.2.2") | {"fails": True}, context)
    handler({"Records": []}, context)
    assert [one.source_ip for one in seen] == ["192.0.2.1", "192.0.2.2", None]
    assert current() == NOWHERE


def test_a_block_may_say_another() -> None:
    with coming_from(Origin(request_id="a")):
        with coming_from(Origin(request_id="b")):
            assert current().request_id == "b"
        assert current().request_id == "a"
