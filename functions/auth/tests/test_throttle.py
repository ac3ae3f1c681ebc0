"""Attempts at signing in: how many, by whom, and that nobody learns from it who has an account."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from pydantic import SecretStr

from functions.auth import passwords, throttle
from functions.auth.commands import accounts
from functions.auth.tests.conftest import PASSWORD, Asking
from functions.auth.throttle import ALLOWED, Throttled, forgive
from shared import cache
from shared.limits import Policy
from shared.testing import Answer, Call, Database

IN = "/api/v1/auth/sign-in"
PAIR, ACCOUNT, ADDRESS = (policy.quota for policy in ALLOWED["sign-in"])
SignUp = Callable[..., dict[str, Any]]
SignIn = Callable[..., Answer]
WRONG = "wrong"
_FEW = {"pair": 3, "account": 9, "address": 5}
"""So few that none comes back while a test runs."""
HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture(params=["cache", "postgres"])
def counted(
    request: pytest.FixtureRequest,
    shared_cache: None,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """Where attempts are counted: in the cache, or while it does not answer."""
    database.admin("delete from throttles")
    if request.param == "postgres":
        monkeypatch.setenv("HASTE_CACHE_URL", "redis://127.0.0.1:1")
    return request.param


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that a password was verified against: each costs 64 MiB and 0.1 s."""
    found: list[str] = []
    hasher = passwords._HASHER  # pyright: ignore[reportPrivateUsage]

    class Counting:
        def hash(self, password: str) -> str:
            return hasher.hash(password)

        def verify(self, password_hash: str, password: str) -> bool:
            found.append(password_hash)
            return hasher.verify(password_hash, password)

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    return found


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hashing: what is counted is counted before. A password is right by what it says."""

    def is_password(password: SecretStr, known: str | None) -> bool:
        return known is not None and password.get_secret_value() == PASSWORD

    monkeypatch.setattr(accounts, "is_password", is_password)


@pytest.fixture
def sign_in(call: Call, asking: Asking) -> SignIn:
    def attempt(email: str, password: str = WRONG, address: str = HERE) -> Answer:
        body = {"email": email, "password": password}
        ask = asking(address=address)
        return call(ask, "POST", IN, body, anonymous=True, role="crm_auth")

    return attempt


def _email() -> str:
    return f"{uuid4()}@example.com"


def _statuses(answers: list[Answer]) -> list[int]:
    return [answer.status for answer in answers]


def test_one_hash_is_verified_whoever_asks_and_none_once_it_is_too_much(
    sign_up: SignUp, sign_in: SignIn, counted: str, verified: list[str]
) -> None:
    known, unknown = sign_up()["email"], _email()
    for email, password, status in (
        (known, PASSWORD, 200),
        (known, "wrong", 401),
        (unknown, PASSWORD, 401),
    ):
        before = len(verified)
        assert sign_in(email, password).status == status
        assert len(verified) - before == 1
    for email in (known, unknown):
        while sign_in(email).status == 401:
            pass
        before = len(verified)
        assert sign_in(email, PASSWORD).status == 429
        assert len(verified) == before


@pytest.mark.usefixtures("cheap")
def test_too_many_are_answered_alike_for_known_and_unknown_accounts(
    sign_up: SignUp, sign_in: SignIn, counted: str
) -> None:
    refusals: list[Any] = []
    for email in (sign_up()["email"], _email()):
        answers = [sign_in(email) for _ in range(PAIR + 1)]
        assert _statuses(answers) == [401] * PAIR + [429]
        refused = answers[-1]
        assert 0 < int(refused.headers.pop("retry-after")) <= 3600 // PAIR
        refusals.append((refused.headers, refused.json | {"request_id": None}))
    assert refusals[0] == refusals[1]
    assert refusals[0][1]["code"] == "throttled"


def test_signing_up_is_counted_too_good_or_not(
    call: Call, asking: Asking, keys: object, counted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it could be found out of any number of addresses who has an account."""
    few = throttle.Counts(*[Policy(name, most, 3600) for name, most in _FEW.items()])
    monkeypatch.setattr(throttle, "ALLOWED", {**ALLOWED, "sign-up": few})

    def sign_up(email: str, address: str) -> int:
        new = {"email": email, "password": PASSWORD, "name": "Ada", "workspace_name": "Engines"}
        ask, path = asking(address=address), "/api/v1/auth/sign-up"
        return call(ask, "POST", path, new, anonymous=True, role="crm_auth").status

    email = _email()
    assert [sign_up(email, HERE) for _ in range(4)] == [201, 409, 409, 429]
    assert sign_up(email, THERE) == 409
    assert [sign_up(_email(), HERE) for _ in range(3)] == [201, 201, 429]
    assert sign_up(_email(), THERE) == 201


@pytest.mark.usefixtures("cheap")
def test_the_right_password_is_refused_too_but_only_from_that_address(
    sign_up: SignUp, sign_in: SignIn, counted: str
) -> None:
    email = sign_up()["email"]
    while sign_in(email).status == 401:
        pass
    assert sign_in(email, PASSWORD).status == 429
    assert sign_in(f" {email.upper()}", PASSWORD).status == 429, "however it is written"
    assert sign_in(email, PASSWORD, THERE).status == 200


@pytest.mark.usefixtures("cheap")
def test_what_was_right_does_not_count(sign_up: SignUp, sign_in: SignIn, counted: str) -> None:
    email = sign_up()["email"]
    for _ in range(2):
        assert _statuses([sign_in(email) for _ in range(PAIR - 1)]) == [401] * (PAIR - 1)
        assert sign_in(email, PASSWORD).status == 200
    assert _statuses([sign_in(email, PASSWORD) for _ in range(PAIR + 1)]) == [200] * (PAIR + 1)


@pytest.mark.usefixtures("cheap")
def test_an_account_is_tried_from_many_addresses_only_so_often(
    sign_up: SignUp, sign_in: SignIn, counted: str
) -> None:
    email = sign_up()["email"]
    answers = [sign_in(email, address=f"198.51.100.{n}") for n in range(ACCOUNT + 5)]
    assert _statuses(answers) == [401] * ACCOUNT + [429] * 5
    assert sign_in(_email(), address="198.51.100.250").status == 401, "no other account is"
    assert all(0 < int(one.headers["retry-after"]) <= 3600 // ACCOUNT for one in answers[-5:])


@pytest.mark.usefixtures("cheap", "shared_cache")
def test_an_attack_from_many_addresses_does_not_lock_the_owner_out(
    sign_up: SignUp, sign_in: SignIn
) -> None:
    email = sign_up()["email"]
    assert sign_in(email, PASSWORD, HERE).status == 200
    answers = [sign_in(email, address=f"198.51.100.{n}") for n in range(ACCOUNT + 1)]
    assert answers[-1].status == 429
    assert sign_in(email, PASSWORD, HERE).status == 200, "known by an earlier sign-in"
    assert sign_in(email, PASSWORD, THERE).status == 429
    while sign_in(email, address=HERE).status == 401:
        pass
    assert sign_in(email, PASSWORD, HERE).status == 429, "no more often than anybody"


@pytest.mark.usefixtures("cheap")
def test_an_address_tries_many_accounts_only_so_often(
    sign_in: SignIn, keys: Any, counted: str
) -> None:
    answers = [sign_in(_email()) for _ in range(ADDRESS + 2)]
    assert _statuses(answers) == [401] * ADDRESS + [429] * 2
    assert sign_in(_email(), address=THERE).status == 401


@pytest.mark.usefixtures("cheap")
def test_what_is_refused_costs_nothing(sign_up: SignUp, sign_in: SignIn, counted: str) -> None:
    """Whoever goes on trying does not make it worse for others: not for who shares the address,
    and not for the account.
    """
    email = sign_up()["email"]
    for _ in range(ADDRESS):
        sign_in(email)
    assert sign_in(_email()).status == 401
    assert sign_in(email, PASSWORD, THERE).status == 200


def test_many_at_once_are_no_more_than_one_after_another(
    shared_cache: None, as_role: Callable[[str], None]
) -> None:
    as_role("crm_auth")
    account = _email()
    forgive(throttle.throttle("sign-in", account, THERE))

    def attempt(_: int) -> bool:
        try:
            throttle.throttle("sign-in", account, HERE)
        except Throttled:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(PAIR * 3))) == PAIR


def test_nor_where_postgres_counts_them(database: Database) -> None:
    """Each on a connection of its own, as from functions of their own."""
    key = uuid4().bytes * 2

    def attempt(_: int) -> bool:
        with psycopg.connect(database.url("crm_auth"), autocommit=True) as opened:
            query = "select app.take_attempt(%s, interval '1 hour', 10)"
            found = opened.execute(query, [key]).fetchone()
            return found == (0.0,)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(30))) == 10


def test_one_comes_back_after_a_while(
    counted: str, as_role: Callable[[str], None], database: Database
) -> None:
    as_role("crm_auth")
    account = _email()
    attempts = [throttle.throttle("factor", account, HERE) for _ in range(6)]
    with pytest.raises(Throttled) as refused:
        throttle.throttle("factor", account, HERE)
    assert 0 < (refused.value.retry_after_s or 0) <= 600
    if counted == "postgres":
        database.admin("update throttles set used_until = used_until - interval '10 minutes'")
    else:
        connected: Any = cache.connected()
        for key in connected.scan_iter("sys:throttle:*", target_nodes="all"):
            value = int(connected.get(key))
            connected.set(key, value - 600_000_000, keepttl=True)
    throttle.throttle("factor", account, HERE)
    with pytest.raises(Throttled):
        throttle.throttle("factor", account, HERE)
    forgive(attempts[0])
    throttle.throttle("factor", account, HERE)


def test_kinds_are_counted_apart(counted: str, as_role: Callable[[str], None]) -> None:
    as_role("crm_auth")
    account = _email()
    for _ in range(4):
        throttle.throttle("reset", account, HERE)
    with pytest.raises(Throttled):
        throttle.throttle("reset", account, HERE)
    throttle.throttle("verify", account, HERE)


def test_an_ipv6_network_is_one_address(counted: str, as_role: Callable[[str], None]) -> None:
    as_role("crm_auth")
    account = _email()
    for n in range(4):
        throttle.throttle("reset", account, f"2001:db8:0:1::{n}")
    with pytest.raises(Throttled):
        throttle.throttle("reset", account, "2001:db8:0:1:ffff::")
    throttle.throttle("reset", account, "2001:db8:0:2::1")


def test_counts_know_hashes_only_and_end(
    shared_cache: None, as_role: Callable[[str], None]
) -> None:
    as_role("crm_auth")
    account = _email()
    forgive(throttle.throttle("sign-in", account, HERE))
    throttle.throttle("sign-in", account, THERE)
    connected: Any = cache.connected()
    keys = [key.decode() for key in connected.scan_iter("*", target_nodes="all")]
    assert keys
    assert not any(account in key or HERE in key for key in keys)
    assert all(0 < connected.ttl(key) <= 7 * 24 * 3600 for key in keys)


def test_no_header_moves_a_client_to_another_address(
    call: Call, sign_up: SignUp, asking: Asking, counted: str, cheap: None
) -> None:
    email = sign_up()["email"]
    answers = [
        call(
            asking(address=HERE),
            "POST",
            IN,
            {"email": email, "password": "wrong"},
            headers={"X-Forwarded-For": f"198.51.100.{n}", "Forwarded": f"for=198.51.100.{n}"},
            anonymous=True,
            role="crm_auth",
        )
        for n in range(PAIR + 1)
    ]
    assert answers[-1].status == 429
