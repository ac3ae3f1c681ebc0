"""What the tests of signing in share: keys in Secrets Manager, and an account."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any, Protocol
from uuid import uuid4

import pytest
from argon2 import PasswordHasher

from functions.auth import authorizer, external_api, passwords
from functions.auth.api import handler
from functions.auth.keys import KeySet, new_private_keys, public_keys
from functions.auth.openid import id_tokens, providers
from functions.auth.tests.elsewhere import Hostile, Okta, Visitor, lying, start_okta, stop_okta
from functions.auth.tests.postman import MailServer, Postman, serve
from functions.email.tests.conftest import Queue
from infra_cdk.local.google.testing import CONSOLE_URL, SIGN_IN_URI
from infra_cdk.local.state import State, free_port
from shared import cache, secrets
from shared.aws import client
from shared.encryption import forget_keys
from shared.testing import Call, Database

PASSWORD = "correct horse battery"


class Keys:
    """The two secrets on the emulator, to be changed under the functions' feet."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.private: KeySet = new_private_keys()
        for name in ("private", "public"):
            identifier = f"auth-{name}-{uuid4()}"
            monkeypatch.setenv(f"HASTE_SECRET_AUTH_{name.upper()}_KEYS", identifier)
            keys = self.private if name == "private" else public_keys(self.private)
            client("secretsmanager").create_secret(Name=identifier, SecretString=json.dumps(keys))
            setattr(self, f"{name}_id", identifier)

    private_id: str
    public_id: str

    def rotate(self) -> None:
        """Put a new key in front of the old one, in both secrets."""
        self._put(new_private_keys(older=self.private["keys"]))

    def withdraw_older(self) -> None:
        """Leave the newest key alone, in both secrets."""
        self._put({"keys": self.private["keys"][:1]})

    def put_private(self, text: str) -> None:
        """Put a text into the private secret alone."""
        client("secretsmanager").put_secret_value(SecretId=self.private_id, SecretString=text)

    def _put(self, private: KeySet) -> None:
        self.private = private
        for identifier, keys in (
            (self.private_id, self.private),
            (self.public_id, public_keys(self.private)),
        ):
            client("secretsmanager").put_secret_value(
                SecretId=identifier, SecretString=json.dumps(keys)
            )


@pytest.fixture
def full_price() -> None:
    """Hashes at their price in this test."""


@pytest.fixture(autouse=True)
def _cheap_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of accounts are made here: 0.1 s of every core for each would be a minute."""
    if "full_price" not in request.fixturenames:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        monkeypatch.setattr(passwords, "_HASHER", cheap)


@pytest.fixture
def shared_cache(valkey: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that knows nothing yet: neither sessions nor attempts."""
    monkeypatch.setenv("HASTE_CACHE_URL", valkey.url)
    connected: Any = cache.connected()
    connected.flushall(target_nodes="all")


@pytest.fixture
def keys(aws: None, shared_cache: None, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Fresh signing keys, and functions that remember none."""
    secrets.forget()
    queue = client("sqs").create_queue(QueueName=f"auth-mail-{uuid4()}")
    monkeypatch.setenv("HASTE_QUEUE_AUTH_MAIL", queue["QueueUrl"])
    authorizer._sessions.clear()  # pyright: ignore[reportPrivateUsage] -- a cold start
    return Keys(monkeypatch)


@pytest.fixture
def sign_up(call: Call, keys: Keys) -> Callable[..., dict[str, Any]]:
    """Sign somebody new up; the answer."""

    def new(**fields: Any) -> dict[str, Any]:
        body = {
            "email": f"{uuid4()}@example.com",
            "password": PASSWORD,
            "name": "Ada",
            "workspace_name": "Engines",
            **fields,
        }
        answer = call(
            handler, "POST", "/api/v1/auth/sign-up", body, anonymous=True, role="crm_auth"
        )
        assert answer.status == 201, answer.json
        return answer.json | {"email": body["email"]}

    return new


class Asking(Protocol):
    """What `asking` is."""

    def __call__(self, *, address: str = ..., agent: str = ...) -> Callable[..., Any]: ...


@pytest.fixture
def asking() -> Asking:
    """The handler as a client at some address asks it, with some user agent."""

    def by(*, address: str = "127.0.0.1", agent: str = "pytest") -> Callable[..., Any]:
        def ask(event: dict[str, Any], context: Any) -> Any:
            event["requestContext"]["identity"] = {"sourceIp": address, "userAgent": agent}
            answer: Callable[..., Any] = handler
            return answer(event, context)

        return ask

    return by


@pytest.fixture
def postman(
    keys: Keys, as_role: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Postman]:
    """The queue of mails, its consumer, and a mail server."""
    server, port = MailServer(), free_port()
    identifier = f"smtp-{uuid4()}"
    client("secretsmanager").create_secret(Name=identifier, SecretString="{}")
    for name, value in (
        ("SECRET_SMTP", identifier),
        ("SMTP_URL", f"smtp://127.0.0.1:{port}"),
        ("MAIL_FROM", "hasteCRM <no-reply@haste.example>"),
        ("CONSOLE_URL", "https://crm.example/"),
    ):
        monkeypatch.setenv(f"HASTE_{name}", value)
    running = serve(server, port)
    yield Postman(server, Queue(os.environ["HASTE_QUEUE_AUTH_MAIL"]), as_role)
    running.stop()


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
def elsewhere(
    keys: Keys, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str, str], None]:
    """Sign-in by accounts elsewhere, nobody of which is known here: sets where Google is, and who
    we are there.
    """
    for forget in (providers.forget, id_tokens.forget, forget_keys):
        forget()
    monkeypatch.setenv("HASTE_WEBHOOK_ALLOW", "127.0.0.0/8")
    monkeypatch.setenv("HASTE_CONSOLE_URL", CONSOLE_URL)
    database.admin("delete from external_identities")
    database.admin("update users set email = id || '@gone.example'")

    def put(issuer: str, client_id: str, client_secret: str) -> None:
        secrets.forget()
        providers.forget()
        known = {"client_id": client_id, "client_secret": client_secret} if client_id else {}
        identifier = f"google-oauth-{uuid4()}"
        client("secretsmanager").create_secret(Name=identifier, SecretString=json.dumps(known))
        monkeypatch.setenv("HASTE_SECRET_GOOGLE_OAUTH", identifier)
        monkeypatch.setenv("HASTE_GOOGLE_ISSUER", issuer)

    return put


@pytest.fixture
def visitor(call: Call, elsewhere: object) -> Visitor:
    """Somebody with a browser."""
    return Visitor(call, external_api.handler)


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    """A provider that says whatever it likes."""
    with lying() as provider:
        yield provider


@pytest.fixture(scope="session")
def okta(service_state: State) -> Iterator[Okta]:
    """The emulator in the part of Okta."""
    running = start_okta(service_state, SIGN_IN_URI)
    yield running
    stop_okta(running)
