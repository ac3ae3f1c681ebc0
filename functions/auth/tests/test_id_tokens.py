"""What a provider has to prove, and what is done where it lies, or does not answer: a server of the
tests' own is the provider, since no honest one says such things.
"""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from functions.auth.openid import id_tokens, providers
from functions.auth.tests.elsewhere import (
    BEGIN,
    CLIENT_ID,
    CLIENT_SECRET,
    Claims,
    Hostile,
    Visitor,
    basic_pair,
)
from infra_cdk.local.google.testing import SIGN_IN_URI
from shared.testing import Answer, Database

NOW = int(time.time())
Registered = Callable[[str, str, str], None]
SignUp = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def at_this_google(elsewhere: Registered, hostile: Hostile) -> None:
    elsewhere(hostile.url, CLIENT_ID, CLIENT_SECRET)


@pytest.fixture
def sign_in(visitor: Visitor, hostile: Hostile) -> Callable[..., Answer]:
    def through(**fields: Any) -> Answer:
        begun = visitor.begin()
        return visitor.finish(begun, hostile.said(begun), **fields)

    return through


SignIn = Callable[..., Answer]


def _refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.json["code"]) == (status, code)


def _not_proven(answer: Answer, database: Database) -> None:
    _refused(answer, 401, "not_proven")
    assert database.admin("select 1 from external_identities") == []


def test_an_honest_one_lets_in(sign_in: SignIn, hostile: Hostile, database: Database) -> None:
    answer = sign_in()
    assert answer.status == 200, answer.json
    [row] = database.admin("select * from external_identities")
    assert (row["issuer"], row["subject"]) == (hostile.url, "1")
    [person] = database.admin("select * from users where id = %(id)s", id=row["user_id"])
    assert person["name"] == "Ada Lovelace"


def test_what_is_sent_for_the_code(visitor: Visitor, hostile: Hostile) -> None:
    begun = visitor.begin()
    assert begun["authorization_url"].startswith(f"{hostile.url}/authorize?tenant=1&")
    assert visitor.finish(begun, hostile.said(begun)).status == 200
    [(headers, body)] = [(h, b) for path, h, b in hostile.asked if path == "/token"]
    form = dict(part.split("=") for part in body.split("&"))
    assert "client_secret" not in form, "it is in the header, as that is what all have to take"
    assert basic_pair(headers["authorization"]) == (CLIENT_ID, CLIENT_SECRET)
    assert (form["grant_type"], form["code"]) == ("authorization_code", "a-code")
    assert SIGN_IN_URI.endswith(form["redirect_uri"].rpartition("%2F")[2])
    challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode()
    assert f"code_challenge={challenge.rstrip('=')}&" in begun["authorization_url"]


def test_elliptic_curves_do_as_well(sign_in: SignIn, hostile: Hostile) -> None:
    hostile.elliptic()
    assert sign_in().status == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://accounts.google.com"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": []},
        {"aud": None},
        {"aud": [CLIENT_ID, "another"]},
        {"azp": "another"},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"exp": NOW - 120},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": float("inf")},
        {"iat": NOW + 3600},
        {"iat": None},
        {"nbf": NOW + 3600},
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": ["x"]},
        {"nonce": "\ud800"},
        {"sub": None},
        {"sub": ""},
        {"sub": 1},
        {"sub": "a\0b"},
        {"sub": "x" * 256},
    ],
    ids=lambda claims: " ".join(claims),  # without the time of day
)
def test_claims_that_do_not_hold(
    claims: Claims, sign_in: SignIn, hostile: Hostile, database: Database
) -> None:
    hostile.claims = claims
    _not_proven(sign_in(), database)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [CLIENT_ID]},
        {"aud": [CLIENT_ID, "another"], "azp": CLIENT_ID},
        {"azp": CLIENT_ID},
        {"exp": NOW - 5},
        {"iat": NOW + 30},
        {"iat": NOW - 30},
        {"sub": "x" * 255},
        {"name": "\n"},
        {"name": None},
    ],
    ids=lambda claims: " ".join(claims),  # without the time of day
)
def test_claims_that_do(claims: Claims, sign_in: SignIn, hostile: Hostile) -> None:
    hostile.claims = claims | ({"exp": int(time.time()) - 5} if "exp" in claims else {})
    assert sign_in().status == 200


def _part(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _public(hostile: Hostile) -> bytes:
    encoding = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return hostile.key.public_key().public_bytes(*encoding)


def _unsigned(algorithm: str) -> Callable[[Hostile, Claims], str]:
    return lambda _, claims: f"{_part({'alg': algorithm, 'kid': 'k1'})}.{_part(claims)}."


def _by_the_public_key(hostile: Hostile, claims: Claims) -> str:
    """HS256 with what everybody knows: the trick where the token chooses the algorithm."""
    signed = f"{_part({'alg': 'HS256', 'kid': 'k1'})}.{_part(claims)}"
    digest = hmac.new(_public(hostile), signed.encode(), sha256).digest()
    return f"{signed}.{urlsafe_b64encode(digest).decode().rstrip('=')}"


def _by_another_key(hostile: Hostile, claims: Claims) -> str:
    key = rsa.generate_private_key(65537, 2048)
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "k1"})


def _with_its_own_key(hostile: Hostile, claims: Claims) -> str:
    key = rsa.generate_private_key(65537, 2048)
    own = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    header = {"jwk": own, "jku": f"{hostile.url}/evil", "x5u": f"{hostile.url}/evil"}
    return jwt.encode(claims, key, algorithm="RS256", headers=header | {"kid": "k1"})


def _changed(hostile: Hostile, claims: Claims) -> str:
    token = jwt.encode(claims, hostile.key, algorithm="RS256", headers={"kid": "k1"})
    header, _, signature = token.split(".")
    return f"{header}.{_part(claims | {'sub': '2'})}.{signature}"


FORGED: dict[str, Callable[[Hostile, Claims], str]] = {
    "alg none": _unsigned("none"),
    "alg None": _unsigned("None"),
    "alg RS256 without a signature": _unsigned("RS256"),
    "HS256 by the public key": _by_the_public_key,
    "another key of that name": _by_another_key,
    "a key it brings along": _with_its_own_key,
    "another subject": _changed,
    "RS384": lambda h, c: jwt.encode(c, h.key, algorithm="RS384", headers={"kid": "k1"}),
    "PS256": lambda h, c: jwt.encode(c, h.key, algorithm="PS256", headers={"kid": "k1"}),
    "ES256 by a key for RS256": lambda h, c: jwt.encode(
        c, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers={"kid": "k1"}
    ),
    "an unknown key": lambda h, c: jwt.encode(c, h.key, algorithm="RS256", headers={"kid": "k2"}),
    "a kid that is no text": lambda h, c: f"{_part({'alg': 'RS256', 'kid': ['k1']})}.{_part(c)}.eA",
    "nothing": lambda h, c: "",
    "words": lambda h, c: "not.a.token",
    "too long": lambda h, c: jwt.encode(
        c | {"x": "y" * 20_000}, h.key, algorithm="RS256", headers={"kid": "k1"}
    ),
    "a list": lambda h, c: f"{_part({'alg': 'RS256', 'kid': 'k1'})}.{_part([1])}.eA",
}


@pytest.mark.parametrize("how", FORGED)
def test_tokens_that_are_forged(
    how: str, sign_in: SignIn, hostile: Hostile, database: Database
) -> None:
    hostile.token = lambda claims: FORGED[how](hostile, claims)
    _not_proven(sign_in(), database)


# Keys


def test_a_new_key_is_asked_for_once_in_a_while(sign_in: SignIn, hostile: Hostile) -> None:
    assert sign_in().status == 200
    assert hostile.paths().count("/keys") == 1
    assert sign_in().status == 200
    assert hostile.paths().count("/keys") == 0
    hostile.header = {"kid": "forged"}
    for _ in range(3):
        assert sign_in().status == 401
    assert hostile.paths().count("/keys") == 0, "not again within 30 s"
    for known in id_tokens._known.values():  # pyright: ignore[reportPrivateUsage]
        known.not_before = 0.0
    hostile.keys = [{**hostile.jwk(), "kid": "forged"}]
    assert sign_in().status == 200
    assert hostile.paths().count("/keys") == 1


def test_where_there_is_one_key_it_need_not_be_named(sign_in: SignIn, hostile: Hostile) -> None:
    hostile.header = {"kid": None}
    assert sign_in().status == 200
    id_tokens.forget()
    hostile.keys = [hostile.jwk(), {**hostile.jwk(), "kid": "k2"}]
    assert sign_in().status == 401


def _symmetric(hostile: Hostile) -> Claims:
    return {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "k1", "alg": "HS256"}


def _short(hostile: Hostile) -> Claims:
    hostile.key = rsa.generate_private_key(65537, 1024)  # noqa: S505
    return hostile.jwk()


def _for_another_algorithm(hostile: Hostile) -> Claims:
    return {**hostile.jwk(), "alg": "RS512"}


def _for_encryption(hostile: Hostile) -> Claims:
    return {**hostile.jwk(), "use": "enc"}


def _empty(hostile: Hostile) -> Claims:
    return {"kty": "RSA", "kid": "k1"}


def _no_key(hostile: Hostile) -> str:
    return "k1"


@pytest.mark.filterwarnings("ignore:The RSA key is")
@pytest.mark.parametrize(
    "listed",
    [
        _symmetric,
        _short,
        _for_another_algorithm,
        _for_encryption,
        _empty,
        _no_key,
    ],
)
def test_keys_that_sign_nothing(
    listed: Callable[[Hostile], Any], sign_in: SignIn, hostile: Hostile
) -> None:
    hostile.keys = [listed(hostile)]
    _refused(sign_in(), 503, "provider_unavailable")


# Addresses


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email": None},
        {"email": "nobody"},
        {"hd": None},
        {"hd": None, "email": "ada@gmail.com.evil.example"},
        {"hd": None, "email": "gmail.com@evil.example"},
    ],
    ids=lambda claims: " ".join(claims),  # without the time of day
)
def test_addresses_that_google_does_not_vouch_for(
    claims: Claims, sign_in: SignIn, hostile: Hostile, database: Database
) -> None:
    hostile.claims = claims
    _refused(sign_in(), 403, "address_not_vouched_for")
    assert database.admin("select 1 from external_identities") == []


def test_gmails_own_addresses(sign_in: SignIn, hostile: Hostile) -> None:
    hostile.claims = {"hd": None, "email": "Ada.L@GMAIL.com"}
    assert sign_in().status == 200


def test_who_is_known_is_known_by_the_subject_alone(
    sign_in: SignIn, hostile: Hostile, sign_up: SignUp, database: Database
) -> None:
    ada = sign_in().json["user_id"]
    other = sign_up()
    database.admin(
        "update users set email_verified_at = now() where id = %(i)s::uuid", i=other["user_id"]
    )
    hostile.claims = {"email": other["email"]}
    assert sign_in().json["user_id"] == ada
    hostile.claims = {"email_verified": False}
    assert sign_in().json["user_id"] == ada


# A provider that is away, or is none


def _with(document: Claims) -> Callable[[Hostile], None]:
    def change(hostile: Hostile) -> None:
        hostile.document = document

    return change


def _answering(status: int, body: bytes = b"{}", **headers: str) -> Callable[[Hostile], None]:
    def change(hostile: Hostile) -> None:
        hostile.answers["/.well-known/openid-configuration"] = (status, headers, body)

    return change


@pytest.mark.parametrize(
    "change",
    [
        _with({"issuer": "https://accounts.google.com"}),
        _with({"issuer": None}),
        _with({"authorization_endpoint": "javascript:alert(1)"}),
        _with({"authorization_endpoint": "http://accounts.example/"}),
        _with({"token_endpoint": "https://10.0.0.1/token"}),
        _with({"token_endpoint": "http://169.254.169.254/latest/"}),
        _with({"token_endpoint": None}),
        _with({"jwks_uri": "file:///etc/passwd"}),
        _with({"jwks_uri": ["x"]}),
        _answering(404),
        _answering(302, Location="/elsewhere"),
        _answering(200, b"<html>"),
        _answering(200, b"[]"),
        _answering(200, b'{"a":' * 100_000),
        _answering(200, b" " * 300_000),
        _answering(200, b"\xff\xfe\x00"),
    ],
)
def test_where_there_is_no_provider(
    change: Callable[[Hostile], None], visitor: Visitor, hostile: Hostile
) -> None:
    change(hostile)
    answer = visitor.post(BEGIN, {"provider": "google"})
    _refused(answer, 503, "provider_unavailable")
    assert "/elsewhere" not in hostile.paths(), "redirects are not followed"
    _refused(visitor.post(BEGIN, {"provider": "google"}), 503, "provider_unavailable")
    assert hostile.paths() == [], "nor is it asked again at once"


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (400, b'{"error": "invalid_grant"}', (400, "provider_refused")),
        (401, b'{"error": "invalid_client"}', (400, "provider_refused")),
        (500, b"secret details", (503, "provider_unavailable")),
        (302, b"", (503, "provider_unavailable")),
        (200, b"{}", (503, "provider_unavailable")),
        (200, b'{"id_token": 1}', (503, "provider_unavailable")),
        (200, b"x" * 300_000, (503, "provider_unavailable")),
    ],
)
def test_where_it_gives_no_token(
    status: int, body: bytes, wanted: tuple[int, str], sign_in: SignIn, hostile: Hostile
) -> None:
    hostile.answers["/token"] = (status, {"Location": "/elsewhere"}, body)
    answer = sign_in()
    _refused(answer, *wanted)
    assert "secret details" not in answer.body.decode()
    assert "/elsewhere" not in hostile.paths()


def test_keys_that_cannot_be_had(sign_in: SignIn, hostile: Hostile) -> None:
    hostile.answers["/keys"] = (500, {}, b"")
    _refused(sign_in(), 503, "provider_unavailable")


def test_nobody_listens(
    visitor: Visitor, hostile: Hostile, elsewhere: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = visitor.begin()
    said = hostile.said(begun)
    hostile.answers["/token"] = (200, {"Content-Length": "10", "Connection": "close"}, b"")
    _refused(visitor.finish(begun, said), 503, "provider_unavailable")
    elsewhere("http://127.0.0.1:9", CLIENT_ID, CLIENT_SECRET)
    _refused(visitor.post(BEGIN, {"provider": "google"}), 503, "provider_unavailable")


def test_our_own_network_is_not_asked(
    visitor: Visitor, hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HASTE_WEBHOOK_ALLOW")
    providers.forget()
    _refused(visitor.post(BEGIN, {"provider": "google"}), 503, "provider_unavailable")
    assert hostile.asked == []


# Who answered (RFC 9207)


def test_an_answer_by_another_provider_is_refused(
    sign_in: SignIn, hostile: Hostile, database: Database
) -> None:
    assert sign_in(iss=hostile.url).status == 200
    database.admin("delete from external_identities")
    hostile.paths()
    _not_proven(sign_in(iss="https://evil.example"), database)
    assert "/token" not in hostile.paths(), "the code is not shown to anybody"
    hostile.document = {"authorization_response_iss_parameter_supported": True}
    providers.forget()
    _not_proven(sign_in(), database)
    assert sign_in(iss=hostile.url).status == 200
