"""Signing keys in their turns: whenever a run comes, dies or meets another, tokens stay good."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from functions.auth import authorizer
from functions.auth.api import handler as api
from functions.auth.commands.keys import make_keys, turn_keys
from functions.auth.jobs.keys import handler as _jobs
from functions.auth.keys import KeySet, new_private_keys, public_keys, signing_key_of
from functions.auth.tests.conftest import Keys
from functions.auth.tests.test_deploy import Secrets
from shared import aws, secrets
from shared.secrets import SecretChanged
from shared.testing import Call, LambdaContext

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
TOKEN_S = 900
jobs: Callable[..., Any] = _jobs
JWKS = "/api/v1/auth/jwks.json"
SignUp = Callable[..., dict[str, Any]]


@contextmanager
def secrets_manager(monkeypatch: pytest.MonkeyPatch) -> Generator[Secrets]:
    """Both secrets as AWS makes them, empty. moto refuses to change a version, as AWS does."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("HASTE_ACCESS_TOKEN_SECONDS", str(TOKEN_S))
    aws.forget_clients()
    secrets.forget()
    with mock_aws():
        yield Secrets(monkeypatch)
    aws.forget_clients()
    secrets.forget()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Any:
    with secrets_manager(monkeypatch) as made:
        yield made


def _names(keys: KeySet) -> list[str]:
    return [key["kid"] for key in keys["keys"]]


def test_a_key_waits_signs_and_goes(held: Secrets) -> None:
    now = 1_800_000_000
    turn_keys(now)
    [first] = _names(held.read("private"))
    assert _names(held.read("public")) == [first]

    turn_keys(now + 29 * DAY)
    assert _names(held.read("private")) == [first], "it is not old yet"
    turn_keys(now + 30 * DAY)
    second, _ = _names(held.read("private"))
    assert _names(held.read("public")) == [second, first], "published"
    assert signing_key_of(held.read("private"))["kid"] == first, "and not used yet"
    turn_keys(now + 30 * DAY + 30 * MINUTE)
    assert signing_key_of(held.read("private"))["kid"] == first

    turn_keys(now + 31 * DAY)
    assert signing_key_of(held.read("private"))["kid"] == second
    assert _names(held.read("public")) == [second, first], "the old one's tokens are still out"
    turn_keys(now + 31 * DAY + 10 * MINUTE)
    assert _names(held.read("public")) == [second, first]
    turn_keys(now + 32 * DAY)
    assert _names(held.read("private")) == _names(held.read("public")) == [second]
    before = held.versions()
    turn_keys(now + 33 * DAY)
    assert held.versions() == before, "most days change nothing"


def test_keys_of_an_earlier_release_are_taken_along(held: Secrets) -> None:
    """They do not say when they were made, so they count as old, and nothing is lost."""
    private = new_private_keys(older=new_private_keys()["keys"])
    held.write("private", private)
    held.write("public", public_keys(private))
    now = 1_800_000_000
    old = _names(private)
    turn_keys(now)
    new, *others = _names(held.read("private"))
    assert others == old
    assert signing_key_of(held.read("private"))["kid"] == old[0]
    turn_keys(now + DAY)
    assert signing_key_of(held.read("private"))["kid"] == new
    turn_keys(now + 2 * DAY)
    assert _names(held.read("public")) == [new]


def test_keys_that_were_emptied_are_replaced_at_once(held: Secrets) -> None:
    now = 1_800_000_000
    for at in (0, 30 * DAY, 31 * DAY):
        turn_keys(now + at)
    old = set(_names(held.read("private")))
    assert len(old) == 2
    held.write("private", {})
    turn_keys(now + 31 * DAY)
    [new] = _names(held.read("private"))
    assert new not in old
    assert _names(held.read("public")) == [new]
    assert signing_key_of(held.read("private"))["kid"] == new


def test_what_is_published_says_nothing_private(held: Secrets) -> None:
    turn_keys(1_800_000_000)
    [key] = held.read("public")["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use", "iat"}


@dataclass
class World:
    """The two secrets over time, what signed when, and what verifiers may have read."""

    held: Secrets
    now: int = 1_800_000_000
    signed: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    was: list[tuple[int, KeySet, KeySet]] = field(default_factory=list[tuple[int, KeySet, KeySet]])

    def note(self) -> None:
        """Remember how both are now, sign with all that may sign, verify all that is out."""
        private, public = self.held.read("private"), self.held.read("public")
        self.was.append((self.now, private, public))
        for keys in self._since(60, 1):
            key = signing_key_of(keys)
            self.signed.append((key["kid"], self.now + TOKEN_S))
        for keys in self._since(25, 2):
            missing = {kid for kid, until in self.signed if until > self.now} - set(_names(keys))
            assert not missing, "a token that is good is refused"

    def _since(self, seconds: int, place: int) -> list[KeySet]:
        """Every state that somebody may know who reads once in so many seconds: those that were
        there until a later one came within that time.
        """
        ends = [at for at, _, _ in self.was[1:]]
        ends.append(self.now + 1)
        states = [(one[1], one[2]) for one in self.was]
        return [
            state[place - 1]
            for state, end in zip(states, ends, strict=True)
            if end > self.now - seconds
        ]


class Died(Exception):
    """The run ended before it was done."""


@contextmanager
def at_call(number: int | None, happens: Callable[[], None]) -> Generator[None]:
    """Let something happen just before the n-th call to Secrets Manager in the block."""
    calls: list[object] = []

    def count(**call: object) -> None:
        calls.append(call)
        if len(calls) == number:
            happens()

    events = aws.client("secretsmanager").meta.events
    names = [f"before-call.secrets-manager.{one}" for one in ("GetSecretValue", "PutSecretValue")]
    for name in names:
        events.register(name, count)
    try:
        yield
    finally:
        for name in names:
            events.unregister(name, count)


def _die() -> None:
    raise Died


def _overtake(world: World) -> None:
    """Another function runs from start to end; what this one has read stays what it has read."""
    ours = dict(secrets._read)  # pyright: ignore[reportPrivateUsage]
    turn_keys(world.now)
    secrets._read.clear()  # pyright: ignore[reportPrivateUsage]
    secrets._read.update(ours)  # pyright: ignore[reportPrivateUsage]


_step = st.tuples(
    st.sampled_from([5, 30, 10 * MINUTE, 10 * MINUTE, HOUR, DAY]),
    st.sampled_from(["run", "run", "die", "overtake", "deploy"]),
    st.integers(1, 5),
)
_steps = st.lists(  # months, of which the first days matter
    st.lists(_step, max_size=8).map(lambda later: [(30 * DAY, "run", 1), *later]), max_size=3
).map(lambda months: [step for month in months for step in month])


@given(steps=_steps)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_token_is_refused_before_its_time_whatever_happens(
    monkeypatch: pytest.MonkeyPatch, steps: list[tuple[int, str, int]]
) -> None:
    with secrets_manager(monkeypatch) as held:
        world = World(held)
        make_keys(world.now)
        world.note()
        for wait_s, what, number in steps:
            world.now += wait_s
            happens = {"die": _die, "overtake": lambda: _overtake(world)}.get(what)
            with (
                suppress(Died, SecretChanged),
                at_call(number if happens else None, happens or _die),
            ):
                make_keys(world.now) if what == "deploy" else turn_keys(world.now)
            world.note()
        for _ in range(4):  # whatever was left undone is gone on from
            world.now += DAY
            turn_keys(world.now)
            world.note()
        private, public = held.read("private"), held.read("public")
        assert _names(private) == _names(public)
        assert len(private["keys"]) <= 2


def _ask(token: dict[str, Any]) -> Any:
    ask: Callable[..., Any] = authorizer.handler
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    arn = "arn:aws:execute-api:r:1:a/s/GET/x"
    return ask({"methodArn": arn, "headers": headers}, LambdaContext())


def test_whose_token_was_withdrawn_refreshes_it(
    call: Call, sign_up: SignUp, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = sign_up()
    assert _ask(token)
    keys.put_private("{}")
    jobs({"detail": {"job": "turn-keys"}}, LambdaContext())
    later = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with pytest.raises(authorizer.Refused):
        _ask(token)
    body = {"refresh_token": token["refresh_token"]}
    url = "/api/v1/auth/refresh"
    answer = call(api, "POST", url, body, anonymous=True, role="crm_auth")
    assert answer.status == 200
    assert _ask(answer.json)


def test_the_job_turns_them(held: Secrets) -> None:
    jobs({"detail": {"job": "turn-keys"}}, LambdaContext())
    assert len(held.read("public")["keys"]) == 1


def test_anybody_may_verify_with_what_is_published(call: Call, sign_up: SignUp) -> None:
    token = sign_up()
    answer = call(api, "GET", JWKS, anonymous=True, role="crm_auth")
    assert answer.headers["cache-control"] == "public, max-age=300"
    published = jwt.PyJWKSet.from_dict(answer.json)
    kid = jwt.get_unverified_header(token["access_token"])["kid"]
    claims = jwt.decode(
        token["access_token"], published[kid], algorithms=["ES256"], audience="hastecrm-api"
    )
    assert claims["sub"] == token["user_id"]
    assert all("d" not in key for key in answer.json["keys"])
