"""Limits in front of real handlers: what every answer says, who shares a budget, what is refused
before anything is done, and that a cache that is down stops nobody.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from functions.contacts.api import handler as contacts
from functions.contacts.tests.scenes import make_contact
from functions.health.api import handler as health
from functions.workspaces.api import handler as workspaces
from infra_cdk.local.state import State, free_port
from infra_cdk.local.valkey import launch
from infra_cdk.tests.probe import eventually
from shared import cache
from shared.db import connection
from shared.testing import Answer, Call, EventsOf, NewWorkspace, Workspace

_NOWHERE = UUID("0190a000-0000-7000-8000-000000000001")


URL = "/api/v1/contacts"
Handler = Callable[..., Any]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has the handlers use the cache at an URL."""
    return lambda url: monkeypatch.setenv("HASTE_CACHE_URL", url)


@pytest.fixture
def counting(valkey: Any, at: Callable[[str], None]) -> Iterator[None]:
    """A cache that answers."""
    at(valkey.url)
    client = cache.connected()
    yield
    client.close()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, counting: None) -> None:
    """Two changes an hour for a caller, and three reads; the workspace has one more of each."""
    limits = "caller-write=2/3600 caller-read=3/3600 workspace-write=3/3600 workspace-read=4/3600"
    monkeypatch.setenv("HASTE_RATE_LIMITS", limits)


def _left(answer: Answer) -> dict[str, int]:
    """What remains under each policy, as the answer's header says."""
    found = re.findall(r'"([a-z-]+)";r=(\d+);t=\d+', answer.headers["ratelimit"])
    assert len(found) == answer.headers["ratelimit"].count(";r=") == 2
    return {name: int(left) for name, left in found}


def _by_key(key_id: UUID) -> Handler:
    """The handler, for requests with an API key of the same person's."""

    def handle(event: dict[str, Any], context: Any) -> Any:
        event["requestContext"]["authorizer"]["key_id"] = str(key_id)
        return contacts(event, context)

    return handle


def _metrics(printed: str) -> set[str]:
    """The metrics in what handlers printed (CloudWatch's embedded metric format)."""
    lines = [json.loads(line) for line in printed.splitlines() if line.startswith('{"_aws"')]
    sets = [one for line in lines for one in line["_aws"]["CloudWatchMetrics"]]
    assert {tuple(one["Dimensions"][0]) for one in sets} <= {("service",), ()}
    return {metric["Name"] for one in sets for metric in one["Metrics"]}


@pytest.mark.usefixtures("counting")
@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", URL, None, 200),
        ("GET", f"{URL}/{_NOWHERE}", None, 404),
        ("GET", f"{URL}/none/such", None, 404),
        ("GET", f"{URL}?limit=0", None, 422),
        ("POST", f"{URL}/query", {}, 200),
        ("POST", URL, {"nmae": "Ada"}, 422),
        ("POST", URL, b"{", 400),
        ("POST", URL, {"name": "Ada"}, 201),
        ("DELETE", URL, None, 405),
        ("POST", URL, b" " * 5_000_000, 413),
    ],
)
def test_every_answer_says_what_is_left(
    call: Call, method: str, path: str, body: Any, status: int
) -> None:
    answer = call(contacts, method, path, body)
    assert answer.status == status
    reads = method == "GET" or path.endswith("/query")
    kind, workspace, own = ("read", 1000, 500) if reads else ("write", 250, 150)
    assert answer.headers["ratelimit-policy"] == (
        f'"workspace-{kind}";q={workspace};w=10, "caller-{kind}";q={own};w=10'
    )
    assert answer.headers["ratelimit"] == (
        f'"workspace-{kind}";r={workspace - 1};t=1, "caller-{kind}";r={own - 1};t=1'
    )


@pytest.mark.usefixtures("counting")
def test_so_does_an_answer_to_a_fault_of_ours(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(event: dict[str, Any], context: Any) -> Any:
        connection.close()
        monkeypatch.setenv("HASTE_DATABASE_URL", "postgresql://crm_app@127.0.0.1:1/none")
        return contacts(event, context)

    answer = call(broken, "GET", URL)
    assert answer.status >= 500
    assert _left(answer) == {"workspace-read": 999, "caller-read": 499}


@pytest.mark.usefixtures("few")
def test_a_request_over_the_limit_is_refused_before_anything_is_done(
    call: Call, workspace: Workspace, events_of: EventsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        assert call(contacts, "POST", URL, {"name": "Ada"}).status == 201

    def without_database(event: dict[str, Any], context: Any) -> Any:
        connection.close()
        monkeypatch.setenv("HASTE_DATABASE_URL", "postgresql://crm_app@127.0.0.1:1/none")
        return contacts(event, context)

    refused = call(without_database, "POST", URL, {"name": "Ada"})
    assert refused.status == 429
    assert refused.headers["content-type"] == "application/problem+json"
    wait_s = int(refused.headers["retry-after"])
    assert 1 <= wait_s <= 1800
    assert refused.headers["ratelimit"].endswith(f'"caller-write";r=0;t={wait_s}')
    assert _left(refused) == {"workspace-write": 1, "caller-write": 0}
    assert refused.json["code"] == "too_many_requests"
    assert refused.json["errors"] == [
        {
            "pointer": "",
            "detail": "caller-write: 2 requests in 3600 seconds",
            "code": "quota_exceeded",
        }
    ]
    assert len(events_of(workspace)) == 2
    assert call(contacts, "GET", URL).status == 200, "reading has a budget of its own"


@pytest.mark.usefixtures("few")
def test_a_replay_counts_too(call: Call) -> None:
    key = {"Idempotency-Key": "one"}
    first = call(contacts, "POST", URL, {"name": "Ada"}, headers=key)
    again = call(contacts, "POST", URL, {"name": "Ada"}, headers=key)
    assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
    assert (_left(first)["caller-write"], _left(again)["caller-write"]) == (1, 0)
    assert call(contacts, "POST", URL, {"name": "Ada"}, headers=key).status == 429


@pytest.mark.usefixtures("few")
def test_keys_and_people_have_budgets_of_their_own_within_the_workspaces(call: Call) -> None:
    first, second = _by_key(uuid4()), _by_key(uuid4())
    found = [call(one, "GET", URL) for one in (contacts, first, second, first, contacts)]
    assert [one.status for one in found] == [200, 200, 200, 200, 429]
    assert [_left(one)["caller-read"] for one in found] == [2, 2, 2, 1, 2]
    assert [_left(one)["workspace-read"] for one in found] == [3, 2, 1, 0, 0]
    assert found[-1].json["errors"][0]["detail"] == "workspace-read: 4 requests in 3600 seconds"


@pytest.mark.usefixtures("few")
def test_all_functions_count_together_and_no_workspace_spends_anothers(
    call: Call, new_workspace: NewWorkspace
) -> None:
    asked = ((contacts, URL), (workspaces, "/api/v1/workspaces/current")) * 2
    assert [call(handler, "GET", path).status for handler, path in asked] == [200, 200, 200, 429]
    assert call(contacts, "GET", URL, workspace=new_workspace()).status == 200


@pytest.mark.usefixtures("few")
def test_who_is_not_signed_in_is_not_counted_here(call: Call) -> None:
    public = call(health, "GET", "/health/live", anonymous=True)
    refused = call(contacts, "GET", URL, anonymous=True)
    assert (public.status, refused.status) == (200, 401)
    assert {"ratelimit", "ratelimit-policy"}.isdisjoint({**public.headers, **refused.headers})


@pytest.mark.usefixtures("counting")
@pytest.mark.parametrize("wrong", ["caller-reads=1/1", "caller-read=1", "caller-read=0/1", "x"])
def test_a_setting_that_cannot_be_read_leaves_the_defaults(
    call: Call, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("HASTE_RATE_LIMITS", f"workspace-read=1/1 {wrong}")
    answer = call(contacts, "GET", URL)
    assert answer.headers["ratelimit-policy"].startswith('"workspace-read";q=1000;w=10')


def test_a_cache_that_is_down_lets_everybody_through_and_is_used_again_later(
    call: Call,
    at: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HASTE_RATE_LIMITS", "caller-read=1/3600")
    monkeypatch.setattr(cache, "_PAUSE_S", 0.2)
    state, port = State(tmp_path), free_port()
    server = launch(state, port=port)
    at(server.url)
    assert [call(contacts, "GET", URL).status for _ in range(2)] == [200, 429]
    server.stop()
    capsys.readouterr()
    for _ in range(3):
        answer = call(contacts, "GET", URL)
        assert answer.status == 200
        assert answer.headers["ratelimit-policy"].endswith('"caller-read";q=1;w=3600')
        assert "ratelimit" not in answer.headers
        assert "RateLimitUnavailable" in _metrics(capsys.readouterr().out)
    again = launch(state, port=port)
    try:
        eventually(lambda: "ratelimit" in call(contacts, "GET", URL).headers)
        assert call(contacts, "GET", URL).status == 429
        assert "RateLimited" in _metrics(capsys.readouterr().out)
    finally:
        cache.connected().close()
        again.stop()


def test_a_cache_that_hangs_is_waited_for_once(
    call: Call, at: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_TIMEOUT_S", 0.2)
    monkeypatch.setattr(cache, "_PAUSE_S", 600.0)
    with _hanging() as (url, asked):
        at(url)
        assert call(contacts, "GET", URL).status == 200
        first = len(asked)
        assert first > 0
        made = make_contact(call)
        assert call(contacts, "GET", f"{URL}/{made['id']}").status == 200
        assert len(asked) == first


@contextmanager
def _hanging() -> Generator[tuple[str, list[int]]]:
    """A server that takes connections and says nothing; its URL, and who came."""
    asked: list[int] = []
    opened: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            while True:
                try:
                    connected, (_, port) = server.accept()
                except OSError:
                    return
                opened.append(connected)
                asked.append(port)

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield f"redis://127.0.0.1:{server.getsockname()[1]}", asked
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for one in opened:
                one.close()
