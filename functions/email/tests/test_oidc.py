"""Push tokens: the real one passes, and every forgery we could think of does not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from functions.email import oidc
from functions.email.oidc import InvalidToken, KeysUnavailable, verify

AUDIENCE = "https://crm.example/webhooks/gmail"
EMAIL = "push@project.iam.gserviceaccount.com"
GOOGLE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NEXT_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGERS_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key: rsa.RSAPrivateKey, kid: str) -> dict[str, Any]:
    public: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": kid, "use": "sig", "alg": "RS256"}


@dataclass
class KeyServer:
    """A real HTTP server of a key set; counts how often it was asked."""

    url: str
    keys: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    status: int = 200
    body: bytes | None = None
    cache_control: str = "public, max-age=3600"
    asked: int = 0


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked += 1
            default = json.dumps({"keys": served.keys}).encode()
            body = default if served.body is None else served.body
            self.send_response(served.status)
            self.send_header("content-length", str(len(body)))
            self.send_header("cache-control", served.cache_control)
            self.send_header("location", served.url)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = KeyServer(f"http://127.0.0.1:{server.server_port}/certs", [jwk(GOOGLE_KEY, "one")])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


class Clock:
    """Stands in for `time.time` in the module under test; moves only when told."""

    def __init__(self) -> None:
        self.now = time.time()

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(oidc, "time", clock)
    return clock


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "azp": "113774264463038321964",
        "sub": "113774264463038321964",
        "email": EMAIL,
        "email_verified": True,
        "iat": now,
        "exp": now + 3600,
    }
    moments = {
        name: now + int(value.total_seconds())
        for name, value in changes.items()
        if isinstance(value, timedelta)
    }
    changed = {**good, **changes, **moments}
    return {name: value for name, value in changed.items() if value is not ...}


def signed(
    key: Any = GOOGLE_KEY, kid: str | None = "one", alg: str = "RS256", **changes: Any
) -> str:
    headers = {"kid": kid} if kid is not None else {}
    return jwt.encode(claims(**changes), key, algorithm=alg, headers=headers)


def check(token: str, key_server: KeyServer) -> None:
    verify(token, jwks_url=key_server.url, audience=AUDIENCE, email=EMAIL)


def test_a_token_of_google_passes_with_either_issuer(key_server: KeyServer) -> None:
    check(signed(), key_server)
    check(signed(iss="accounts.google.com"), key_server)


def test_a_token_may_be_used_again_and_the_keys_are_fetched_once(key_server: KeyServer) -> None:
    token = signed()
    for _ in range(5):
        check(token, key_server)
    assert key_server.asked == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://evil.example/webhooks/gmail"},
        {"aud": AUDIENCE + "/"},
        {"aud": AUDIENCE.upper()},
        {"aud": [AUDIENCE]},
        {"aud": [AUDIENCE, "https://evil.example"]},
        {"aud": ""},
        {"aud": ...},
        {"iss": "https://accounts.google.com/"},
        {"iss": "http://accounts.google.com"},
        {"iss": "https://accounts.google.com.evil.example"},
        {"iss": ...},
        {"email": "somebody-else@project.iam.gserviceaccount.com"},
        {"email": EMAIL.upper()},
        {"email": [EMAIL]},
        {"email": ...},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email_verified": ...},
        {"exp": timedelta(seconds=-120)},
        {"exp": ...},
        {"exp": "soon"},
        {"exp": 1e400},
        {"iat": timedelta(seconds=600)},
        {"iat": ...},
        {"nbf": timedelta(seconds=600)},
    ],
    ids=str,
)
def test_a_signed_token_with_a_wrong_claim_is_refused(
    key_server: KeyServer, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidToken):
        check(signed(**changes), key_server)


def test_a_minute_of_clock_difference_is_forgiven(key_server: KeyServer) -> None:
    check(signed(exp=int(time.time()) - 30), key_server)
    check(signed(iat=int(time.time()) + 30), key_server)


def unsigned(header: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims()).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def hmac_signed_with_the_public_key() -> str:
    pem = GOOGLE_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head = unsigned({"alg": "HS256", "kid": "one", "typ": "JWT"}).rpartition(".")[0]
    mac = hmac.new(pem, head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def with_changed_payload() -> str:
    head, payload, signature = signed(aud="https://other.example").split(".")
    fields = json.loads(base64.urlsafe_b64decode(payload + "=="))
    fields["aud"] = AUDIENCE
    forged = base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")
    return f"{head}.{forged}.{signature}"


def with_its_own_key() -> str:
    header = {"kid": "one", "jwk": jwk(STRANGERS_KEY, "one"), "jku": "http://127.0.0.1:1/keys"}
    return jwt.encode(claims(), STRANGERS_KEY, algorithm="RS256", headers=header)


FORGERIES = {
    "empty": "",
    "not a token": "hello",
    "two parts": "a.b",
    "not base64": "*.*.*",
    "not UTF-8": base64.urlsafe_b64encode(b"\xff\xfe{").decode().rstrip("=") + ".e30.AAAA",
    "huge": "a" * 100_000,
    "alg none": unsigned({"alg": "none", "kid": "one"}),
    "alg None with a signature": unsigned({"alg": "None", "kid": "one"}, b"x"),
    "no alg": unsigned({"kid": "one"}),
    "no signature": unsigned({"alg": "RS256", "kid": "one"}),
    "empty signature of zeros": unsigned({"alg": "RS256", "kid": "one"}, bytes(256)),
    "HS256 with the public key as secret": hmac_signed_with_the_public_key(),
    "HS256": signed("s" * 32, alg="HS256"),
    "ES256": signed(ec.generate_private_key(ec.SECP256R1()), alg="ES256"),
    "RS512 by the right key": signed(alg="RS512"),
    "PS256 by the right key": signed(alg="PS256"),
    "a stranger's key under a known id": signed(STRANGERS_KEY),
    "a stranger's key in the header": with_its_own_key(),
    "an unknown key id": signed(STRANGERS_KEY, kid="two"),
    "no key id": signed(kid=None),
    "changed after signing": with_changed_payload(),
    "an unknown critical extension": jwt.encode(
        claims(), GOOGLE_KEY, algorithm="RS256", headers={"kid": "one", "crit": ["x"], "x": 1}
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_token_is_refused(key_server: KeyServer, name: str) -> None:
    with pytest.raises(InvalidToken):
        check(FORGERIES[name], key_server)


def test_a_rotated_key_is_fetched_once(key_server: KeyServer, clock: Clock) -> None:
    check(signed(), key_server)
    key_server.keys.append(jwk(NEXT_KEY, "two"))
    clock.now += 61
    check(signed(NEXT_KEY, kid="two"), key_server)
    check(signed(NEXT_KEY, kid="two"), key_server)
    assert key_server.asked == 2


def test_forged_key_ids_ask_the_key_server_at_most_once_a_minute(
    key_server: KeyServer, clock: Clock
) -> None:
    check(signed(), key_server)
    for minute in range(1, 4):
        clock.now += 61
        for number in range(20):
            with pytest.raises(InvalidToken):
                check(signed(STRANGERS_KEY, kid=f"forged-{minute}-{number}"), key_server)
    assert key_server.asked == 4
    check(signed(), key_server)


def test_keys_are_fetched_again_when_their_time_is_over(
    key_server: KeyServer, clock: Clock
) -> None:
    check(signed(), key_server)
    clock.now += 3599
    check(signed(), key_server)
    assert key_server.asked == 1
    clock.now += 2
    check(signed(), key_server)
    assert key_server.asked == 2


def test_a_withdrawn_key_is_refused_after_the_next_fetch(
    key_server: KeyServer, clock: Clock
) -> None:
    check(signed(), key_server)
    key_server.keys[:] = [jwk(NEXT_KEY, "two")]
    clock.now += 3601
    with pytest.raises(InvalidToken):
        check(signed(), key_server)


def test_known_keys_serve_on_while_the_key_server_is_away_for_a_day(
    key_server: KeyServer, clock: Clock
) -> None:
    check(signed(), key_server)
    key_server.status = 503
    clock.now += 3601
    check(signed(), key_server)
    check(signed(), key_server)
    assert key_server.asked == 2
    clock.now += 86_400
    with pytest.raises(KeysUnavailable):
        check(signed(), key_server)


def test_a_broken_key_server_is_not_asked_by_every_request(
    key_server: KeyServer, clock: Clock
) -> None:
    key_server.status = 500
    for _ in range(10):
        with pytest.raises(KeysUnavailable):
            check(signed(), key_server)
    assert key_server.asked == 1
    key_server.status = 200
    clock.now += 6
    check(signed(), key_server)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": []}',
        b'{"keys": [1]}',
        b'{"keys": [{"kty": "RSA", "kid": "one"}]}',
        b'{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "one"}]}',
        b" " * 300_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_key_set_that_is_none_is_not_trusted(key_server: KeyServer, body: bytes) -> None:
    key_server.body = body
    with pytest.raises(KeysUnavailable):
        check(signed(), key_server)


def test_a_redirect_of_the_key_server_is_not_followed(key_server: KeyServer) -> None:
    key_server.status = 302
    with pytest.raises(KeysUnavailable):
        check(signed(), key_server)
    assert key_server.asked == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/certs", "certs", ""])
def test_keys_come_by_http_only(url: str) -> None:
    with pytest.raises(KeysUnavailable):
        verify(signed(), jwks_url=url, audience=AUDIENCE, email=EMAIL)


def test_a_key_server_that_does_not_listen_is_unavailable() -> None:
    with pytest.raises(KeysUnavailable):
        verify(signed(), jwks_url="http://127.0.0.1:9/certs", audience=AUDIENCE, email=EMAIL)
