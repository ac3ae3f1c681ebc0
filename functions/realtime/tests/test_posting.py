"""Posting to connections: what reaches them, how much at once, and with which signature."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from functions.realtime import posting
from functions.realtime.posting import NotPosted, close, post
from functions.realtime.tests.gateway import Gateway
from shared import aws as clients
from shared import cache

pytestmark = pytest.mark.usefixtures("cached")
ODD = "JJbx+fHf/AM=CKUA="


def test_each_connection_gets_its_messages_in_their_order(gateway: Gateway) -> None:
    names = [ODD, *(f"c{number}=" for number in range(60))]
    gateway.open = set(names)
    sent = {name: [{"for": name, "n": n} for n in range(5)] for name in names}
    bodies = {name: [posting.encoded(one) for one in found] for name, found in sent.items()}
    assert post(bodies) == set()
    assert gateway.sent == sent


def test_connections_that_are_gone_are_named_and_others_served(gateway: Gateway) -> None:
    gateway.open = {"b"}
    assert post({"a": [b"1", b"2"], "b": [b"1"], "c": [b"1"]}) == {"a", "c"}
    assert gateway.sent == {"b": [1]}
    assert len([path for _, path in gateway.asked if path.endswith("/a")]) == 1


def test_what_fails_for_a_moment_is_sent_again(gateway: Gateway) -> None:
    gateway.open = {"a"}
    gateway.failing = {"a": [429, 500]}
    assert post({"a": [b"1"]}) == set()
    assert gateway.sent == {"a": [1]}


@pytest.mark.parametrize("statuses", [[403], [500, 500, 500], [413]])
def test_what_fails_is_an_error_once_the_others_are_served(
    gateway: Gateway, statuses: list[int]
) -> None:
    gateway.open = {"a", "b", "c"}
    gateway.failing = {"a": statuses}
    with pytest.raises(NotPosted, match="1 of 4 connections"):
        post({name: [b"1"] for name in ("gone", "a", "b", "c")})
    assert gateway.sent == {"b": [1], "c": [1]}


def test_a_gateway_that_does_not_answer_is_an_error(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASTE_SOCKETS_ENDPOINT", "http://127.0.0.1:1/stage")
    with pytest.raises(NotPosted, match="MaxRetryError"):
        post({"a": [b"1"]})


def test_a_connection_is_closed_and_one_that_is_gone_is_no_error(gateway: Gateway) -> None:
    gateway.open = {ODD}
    close(ODD)
    close(ODD)
    assert gateway.closed == [ODD]
    gateway.failing = {"b": [403]}
    with pytest.raises(NotPosted):
        close("b")


def test_no_more_is_posted_a_second_than_the_limit(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, drained: None
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    monkeypatch.setenv("HASTE_SOCKET_POSTS_PER_SECOND", "10")
    gateway.open = {"a"}
    post({"a": [b"1"] * 10})
    assert waits == [], "a second's worth is free at once"
    monkeypatch.setattr(posting, "_LONGEST_WAIT_S", 30.0)
    post({"a": [b"1"] * 100})
    post({"a": [b"1"] * 100})
    first, second = waits
    assert 5 < first <= 10
    assert 15 < second <= 20
    monkeypatch.setattr(posting, "_LONGEST_WAIT_S", 5.0)
    with pytest.raises(NotPosted, match="limit"):
        post({"a": [b"1"] * 50})
    assert len(gateway.sent["a"]) == 210


def test_a_crowd_shares_the_limit(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, drained: None
) -> None:
    """1,000 connections: every reservation is of 500 at most, and those gone are found."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    monkeypatch.setenv("HASTE_SOCKET_POSTS_PER_SECOND", "200")
    crowd = [f"c{number}" for number in range(1000)]
    gateway.open = set(crowd[::2])
    assert post({name: [b"1"] for name in crowd}) == set(crowd[1::2])
    assert len(gateway.sent) == 500
    # A second's worth is free; then each 500 wait 2.5 s more, but for time that passed.
    assert 0 < len(waits) <= 2
    assert max(waits) <= 4


def test_without_the_cache_there_is_no_limit(gateway: Gateway, no_cache: None) -> None:
    gateway.open = {"a"}
    assert post({"a": [b"1"]}) == set()


def test_a_request_is_signed_as_boto3_signs_it(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    boto: Any = boto3
    api = boto.client("apigatewaymanagementapi", endpoint_url=gateway.url, region_name="us-east-1")

    def see(request: Any, **_: Any) -> None:
        seen.append(request)

    api.meta.events.register("before-send", see)
    gateway.open = {ODD}
    api.post_to_connection(ConnectionId=ODD, Data=b'{"a": 1}')
    api.close()
    [theirs] = seen
    moment = theirs.headers["X-Amz-Date"].decode()
    at = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: at)
    ours = clients.signed("execute-api", "POST", theirs.url, b'{"a": 1}')
    expected = theirs.headers["Authorization"].decode()
    assert ours["X-Amz-Date"] == moment
    assert _scope(ours["Authorization"]) == _scope(expected)


def _scope(authorization: str) -> list[str]:
    return authorization.replace(",", "").split()


@pytest.fixture
def drained() -> None:
    """Nothing of the limit is used."""
    valkey: Any = cache.connected()
    valkey.delete("sys:posts:all")
