"""A revoked session is over within 25 s for every authorizer, whatever the cache does meanwhile.

The authorizers here are processes of their own, which share nothing but Valkey and Postgres.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from functions.auth import session_cache
from functions.auth.api import handler
from functions.auth.models.accounts import Session
from shared import cache
from shared.testing import Call, Database, Workspace

SignUp = Callable[..., dict[str, Any]]
DOWN = {"HASTE_CACHE_URL": "redis://127.0.0.1:1"}
NO_DATABASE = {"HASTE_DATABASE_URL": "postgresql://crm_auth@127.0.0.1:1/haste"}
BEGAN = time.time()
"""When it is by every authorizer's clock, until it is told to be later."""
IN, REFUSED, FAILED = "in", "Unauthorized", "OperationalError"

_AUTHORIZER = """
import json, sys, time
from functions.auth import authorizer
from shared.testing import LambdaContext
token, began = sys.argv[1], float(sys.argv[2])
ahead = 0.0
time.time = lambda: began + ahead
event = {"methodArn": "arn:aws:execute-api:r:1:a/s/GET/x", "headers": {"Authorization": token}}
for line in sys.stdin:
    ahead = float(line)
    try:
        authorizer.handler(event, LambdaContext())
        said = "in"
    except Exception as error:
        said = str(error) if isinstance(error, authorizer.Refused) else type(error).__name__
    print(json.dumps({"said": said}), flush=True)
"""


class Authorizer:
    """An execution environment of the authorizer, asked about one token."""

    def __init__(self, token: dict[str, Any], settings: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _AUTHORIZER, f"Bearer {token['access_token']}", str(BEGAN)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **settings},
            text=True,
        )

    def says(self, *, after_s: float = 0) -> str:
        """Its answer, so long after the beginning by its clock."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{after_s}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if '"said"' in line:
                return json.loads(line)["said"]
        raise AssertionError("the authorizer died")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            pipe.close()


NewAuthorizer = Callable[..., Authorizer]


@pytest.fixture
def authorizer(as_role: Callable[[str], None]) -> Iterator[NewAuthorizer]:
    """Starts authorizers with settings other than ours."""
    started: list[Authorizer] = []

    def start(token: dict[str, Any], settings: dict[str, str] | None = None) -> Authorizer:
        as_role("crm_auth")
        started.append(Authorizer(token, settings or {}))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def sign_out(call: Call) -> Callable[[dict[str, Any]], None]:
    def end(token: dict[str, Any]) -> None:
        body = {"refresh_token": token["refresh_token"]}
        url = "/api/v1/auth/sign-out"
        answer = call(handler, "POST", url, body, anonymous=True, role="crm_auth")
        assert answer.status == 204

    return end


SignOut = Callable[[dict[str, Any]], None]


def test_another_that_has_not_seen_it_refuses_at_once_without_asking_postgres(
    sign_up: SignUp, authorizer: NewAuthorizer, sign_out: SignOut
) -> None:
    token = sign_up()
    first = authorizer(token)
    assert first.says() == IN
    sign_out(token)
    assert authorizer(token, NO_DATABASE).says() == REFUSED
    assert first.says(after_s=26) == REFUSED


def test_one_shared_is_taken_over_without_postgres_but_not_for_longer(
    sign_up: SignUp, authorizer: NewAuthorizer
) -> None:
    token = sign_up()
    assert authorizer(token).says() == IN
    second = authorizer(token, NO_DATABASE)
    assert second.says(after_s=20) == IN
    assert second.says(after_s=24) == IN
    assert second.says(after_s=26) == FAILED, "it counts from when Postgres was read"
    assert authorizer(token, NO_DATABASE).says(after_s=26) == FAILED


def test_a_cache_that_missed_the_end_delays_it_25_seconds_and_no_more(
    sign_up: SignUp,
    authorizer: NewAuthorizer,
    sign_out: SignOut,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever ends the session does not reach the cache, the authorizers do."""
    token = sign_up()
    first = authorizer(token)
    assert first.says() == IN
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv(*next(iter(DOWN.items())))
        sign_out(token)
    second = authorizer(token)
    for one in (first, second):
        assert one.says(after_s=20) == IN
        assert one.says(after_s=26) == REFUSED
    assert authorizer(token).says(after_s=26) == REFUSED


def test_without_a_cache_it_is_the_same(
    sign_up: SignUp, authorizer: NewAuthorizer, sign_out: SignOut
) -> None:
    token = sign_up()
    first = authorizer(token, DOWN)
    assert first.says() == IN
    sign_out(token)
    assert first.says(after_s=24) == IN
    assert first.says(after_s=26) == REFUSED
    assert authorizer(token, DOWN).says() == REFUSED


def test_without_either_nobody_gets_in(sign_up: SignUp, authorizer: NewAuthorizer) -> None:
    assert authorizer(sign_up(), DOWN | NO_DATABASE).says() == FAILED


def test_a_session_ended_by_reuse_or_from_another_is_over_at_once_too(
    call: Call, sign_up: SignUp, authorizer: NewAuthorizer, asking: Any
) -> None:
    reused, ended = sign_up(), sign_up()
    for agent in ("pytest", "somebody"):
        body = {"refresh_token": reused["refresh_token"]}
        url = "/api/v1/auth/refresh"
        call(asking(agent=agent), "POST", url, body, anonymous=True, role="crm_auth")
    claims = jwt.decode(ended["access_token"], options={"verify_signature": False})
    caller = Workspace(UUID(claims["ws"]), UUID(claims["sub"]), UUID(claims["sid"]))
    url = f"/api/v1/sessions/{caller.session_id}"
    assert call(handler, "DELETE", url, workspace=caller, role="crm_auth").status == 204
    for token in (reused, ended):
        assert authorizer(token, NO_DATABASE).says() == REFUSED


def _session(**change: Any) -> Session:
    given = {
        "user_id": uuid4(),
        "method": "password",
        "role": "owner",
        "expires_at": "2099-01-01T00:00:00Z",
    }
    return Session.model_validate(given | change)


@pytest.mark.usefixtures("shared_cache")
@pytest.mark.parametrize("ahead_s", [-26, 2, 3600])
def test_what_is_too_old_or_from_the_future_is_not_believed(
    ahead_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, session = uuid4(), uuid4()
    now = 1_800_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    session_cache.keep(place, session, _session(), read_at=now + ahead_s)
    assert session_cache.find(place, session) is None
    session_cache.keep(place, session, _session(), read_at=now - 24)
    assert session_cache.find(place, session) is not None


@pytest.mark.usefixtures("shared_cache")
def test_what_another_release_wrote_is_not_taken_for_a_session() -> None:
    place, session = uuid4(), uuid4()
    for value in (b"", b"{}", b'{"read_at": 1e99, "session": null}', b"\xff"):
        cache.put(place, "session", session.hex, value, ttl_s=9)
        assert session_cache.find(place, session) is None


@pytest.mark.usefixtures("shared_cache")
def test_how_long_it_is_kept() -> None:
    place, alive, over = uuid4(), uuid4(), uuid4()
    session_cache.keep(place, alive, _session(), read_at=0)
    session_cache.end(place, [over])
    connected: Any = cache.connected()
    assert 0 < connected.ttl(f"crm:{place}:session:{alive.hex}") <= 25
    assert 86_300 < connected.ttl(f"crm:{place}:session:{over.hex}") <= 86_400
    known = session_cache.find(place, over)
    assert known is not None
    assert known.session is None


def test_a_member_who_left_is_out_and_may_come_back(
    sign_up: SignUp, authorizer: NewAuthorizer, database: Database
) -> None:
    """That ends no session, so nothing says for a day that it is over."""
    token = sign_up()
    left = "update memberships set ended_at = now() where user_id = %(u)s"
    database.admin(left, u=token["user_id"])
    one = authorizer(token)
    assert one.says() == REFUSED
    database.admin(
        "update memberships set ended_at = null where user_id = %(u)s", u=token["user_id"]
    )
    assert one.says() == IN
