"""The authorizer: good tokens get a policy, everything else exactly "Unauthorized"."""

import hmac
import json
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jwt
import psycopg
import pytest

from functions.auth import authorizer
from functions.auth.api import handler as auth_api
from functions.auth.keys import new_private_keys
from functions.auth.tests.conftest import PASSWORD, Keys
from shared import cache, secrets
from shared.access import ROLES
from shared.auth import caller_of
from shared.db import connection
from shared.log import logger
from shared.testing import Call, Database, LambdaContext

ARN = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/api/v1/contacts/7"
SignUp = Callable[..., dict[str, Any]]
handler: Callable[..., Any] = authorizer.handler


def _ask(token: str, *, header: str = "Authorization", scheme: str = "Bearer") -> dict[str, Any]:
    values = {header: [f"{scheme} {token}"]}
    event = {
        "type": "REQUEST",
        "methodArn": ARN,
        "headers": {name: value[-1] for name, value in values.items()},
        "multiValueHeaders": values,
    }
    return handler(event, LambdaContext())


def _refused(token: str, **options: str) -> None:
    with pytest.raises(Exception, match=r"\AUnauthorized\Z"):
        _ask(token, **options)


def _claims(token: dict[str, Any]) -> dict[str, Any]:
    return jwt.decode(token["access_token"], options={"verify_signature": False})


def _signed(claims: dict[str, Any], key: dict[str, Any], **header: Any) -> str:
    return jwt.encode(claims, jwt.PyJWK(key), "ES256", headers={"kid": key["kid"], **header})


@pytest.mark.parametrize("header", ["Authorization", "authorization", "AUTHORIZATION"])
def test_a_good_token_opens_the_whole_stage(sign_up: SignUp, header: str) -> None:
    token = sign_up()
    answer = _ask(token["access_token"], header=header, scheme="bearer")
    [statement] = answer["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/*/*"
    assert all(isinstance(value, str) for value in answer["context"].values())
    caller = caller_of({"requestContext": {"authorizer": answer["context"]}})
    assert (str(caller.workspace_id), str(caller.user_id)) == (
        token["workspace_id"],
        token["user_id"],
    )
    assert caller.access == ROLES["owner"]
    assert answer["principalId"] == token["user_id"]


def test_headers_without_their_multiple_values_do_too(sign_up: SignUp) -> None:
    event = {
        "methodArn": ARN,
        "headers": {"authorization": f"Bearer {sign_up()['access_token']}"},
        "multiValueHeaders": None,
    }
    assert handler(event, LambdaContext())["policyDocument"]


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"Authorization": [""]},
        {"Authorization": ["Bearer"]},
        {"Authorization": ["Bearer x"]},
        {"Authorization": ["Bearer a.b.c"]},
        {"Authorization": ["Bearer \u0000.\ud800.é"]},
        {"Authorization": ["Basic YTpi"]},
        {"Authorization": ["Bearer a.b.c", "Bearer a.b.c"]},
    ],
)
def test_no_token_or_none_of_ours_is_refused(
    keys: Keys, headers: dict[str, list[str]] | None
) -> None:
    event = {"methodArn": ARN, "headers": None, "multiValueHeaders": headers}
    with pytest.raises(Exception, match=r"\AUnauthorized\Z"):
        handler(event, LambdaContext())


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "somebody"},
        {"aud": "hastecrm-console"},
        {"aud": ["hastecrm-api"]},
        {"exp": int(time.time()) - 60},
        {"exp": "soon"},
        {"iat": int(time.time()) + 3600},
        {"sub": "ada"},
        {"sub": 7},
        {"ws": None},
        {"ws": 7},
        {"sid": "x"},
        *(
            {name: ...}
            for name in ("iss", "aud", "sub", "ws", "sid", "role", "scope", "iat", "exp", "jti")
        ),
    ],
    ids=",".join,
)
def test_a_wrong_or_missing_claim_is_refused_though_signed_by_us(
    sign_up: SignUp, keys: Keys, change: dict[str, Any]
) -> None:
    claims = _claims(sign_up()) | change
    claims = {name: value for name, value in claims.items() if value is not ...}
    _refused(_signed_raw(claims, keys.private["keys"][0]))


def _signed_raw(claims: dict[str, Any], key: dict[str, Any]) -> str:
    """A token of any claims: `jwt.encode` itself refuses some of them."""
    header = {"alg": "ES256", "kid": key["kid"], "typ": "JWT"}
    return jwt.PyJWS().encode(
        json.dumps(claims).encode(), jwt.PyJWK(key), algorithm="ES256", headers=header
    )


def test_claims_put_back_as_they_were_are_let_in(sign_up: SignUp, keys: Keys) -> None:
    """The control of the test above: its signing is not what is refused."""
    assert _ask(_signed_raw(_claims(sign_up()), keys.private["keys"][0]))


def test_another_algorithm_key_or_signature_is_refused(sign_up: SignUp, keys: Keys) -> None:
    token = sign_up()
    claims, ours = _claims(token), keys.private["keys"][0]
    stranger = new_private_keys()["keys"][0]
    _refused(_signed(claims, stranger))
    _refused(_signed(claims, stranger, kid=ours["kid"]))
    _refused(_with_header(claims, {"alg": "none", "kid": ours["kid"]}, lambda _: b""))
    known = json.dumps({name: value for name, value in ours.items() if name != "d"}).encode()
    _refused(
        _with_header(
            claims,
            {"alg": "HS256", "kid": ours["kid"]},
            lambda text: hmac.digest(known, text, "sha256"),
        )
    )
    head, body, signature = token["access_token"].split(".")
    forged = _encoded(json.dumps(claims | {"role": "admin"}).encode()).decode()
    _refused(f"{head}.{forged}.{signature}")
    _refused(f"{head}.{body}.")
    _refused(f"{head}.{body}.{'A' * len(signature)}")


def _with_header(
    claims: dict[str, Any], header: dict[str, str], sign: Callable[[bytes], bytes]
) -> str:
    """A token that chooses its own algorithm (RFC 8725 §2.1)."""
    signed = b".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
    return b".".join([signed, _encoded(sign(signed))]).decode()


def _encoded(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")


def test_a_revoked_session_is_refused_once_it_is_read_again(
    sign_up: SignUp, database: Database
) -> None:
    token = sign_up()
    assert _ask(token["access_token"])
    database.admin(
        "update sessions set revoked_at = now() where id = %(id)s", id=_claims(token)["sid"]
    )
    assert _ask(token["access_token"])  # remembered, for 25 s at most
    _forget()
    _refused(token["access_token"])


def test_a_session_that_is_over_or_was_never_stored_is_refused(
    sign_up: SignUp, keys: Keys, database: Database
) -> None:
    token = sign_up()
    claims = _claims(token)
    _refused(_signed(claims | {"sid": str(uuid4())}, keys.private["keys"][0]))
    _refused(_signed(claims | {"sub": str(uuid4())}, keys.private["keys"][0]))
    other = sign_up()
    _refused(_signed(claims | {"ws": other["workspace_id"]}, keys.private["keys"][0]))
    database.admin("update sessions set expires_at = now() where id = %(id)s", id=claims["sid"])
    _forget()
    _refused(token["access_token"])


def test_a_remembered_session_ends_when_its_time_is_up(
    sign_up: SignUp, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = sign_up()
    database.admin(
        "update sessions set expires_at = now() + interval '10 s' where id = %(id)s",
        id=_claims(token)["sid"],
    )
    assert _ask(token["access_token"])
    late = time.time() + 11
    monkeypatch.setattr(time, "time", lambda: late)
    _refused(token["access_token"])


def test_the_role_is_the_one_the_person_has_now(sign_up: SignUp, database: Database) -> None:
    token = sign_up()
    database.admin(
        "update memberships set role = 'viewer' where user_id = %(id)s", id=token["user_id"]
    )
    assert _ask(token["access_token"])["context"]["access"] == str(ROLES["viewer"])


def test_nobody_gets_in_while_the_session_cannot_be_read(
    sign_up: SignUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = sign_up()
    connection.close()
    monkeypatch.setenv("HASTE_DATABASE_URL", "postgresql://crm_auth@127.0.0.1:1/haste")
    with pytest.raises(psycopg.OperationalError):
        _ask(token["access_token"])


def test_a_key_that_is_made_or_withdrawn_is_known_within_25_seconds(
    call: Call, sign_up: SignUp, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sign_up()
    assert _ask(made["access_token"])
    keys.rotate()
    reads = [read.at for read in secrets._read.values()]  # pyright: ignore[reportPrivateUsage]
    later = max(reads) + 61
    monkeypatch.setattr(time, "monotonic", lambda: later)  # the signer has forgotten the old key
    body = {"email": made["email"], "password": PASSWORD}
    answer = call(auth_api, "POST", "/api/v1/auth/sign-in", body, anonymous=True, role="crm_auth")
    kid = jwt.get_unverified_header(answer.json["access_token"])["kid"]
    assert kid == keys.private["keys"][0]["kid"]
    assert _ask(answer.json["access_token"])
    assert _ask(made["access_token"])  # signed by the older key, which is still published
    keys.withdraw_older()
    assert _ask(made["access_token"])
    monkeypatch.setattr(time, "monotonic", lambda: later + 26)
    _refused(made["access_token"])
    assert _ask(answer.json["access_token"])


def test_unknown_keys_do_not_make_us_read_the_secret_each_time(
    keys: Keys, sign_up: SignUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims, stranger = _claims(sign_up()), new_private_keys()["keys"][0]
    _refused(_signed(claims, stranger))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(secrets, "client", _unreachable)
    _refused(_signed(claims, stranger))


def test_known_keys_are_read_every_25_seconds(
    sign_up: SignUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = sign_up()["access_token"]
    assert _ask(token)
    reads = [read.at for read in secrets._read.values()]  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(secrets, "client", _unreachable)
    monkeypatch.setattr(time, "monotonic", lambda: min(reads) + 24)
    assert _ask(token)
    monkeypatch.setattr(time, "monotonic", lambda: max(reads) + 26)
    with pytest.raises(AssertionError, match="was called"):
        _ask(token)


def _unreachable(service: str) -> Any:
    raise AssertionError(f"{service} was called")


def test_a_refusal_logs_no_token(
    sign_up: SignUp, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    token = sign_up()["access_token"]
    logger.info("listening", metadata={"token": "seen"})
    assert _ask(token)
    _refused(token + "x")
    printed = capsys.readouterr()
    said = [printed.out, printed.err, *(str(vars(record)) for record in caplog.records)]
    assert "seen" in "".join(said), "the logger is heard"
    assert token not in "".join(said)


def test_it_starts_without_the_web_framework() -> None:
    program = (
        "import sys, functions.auth.authorizer;"
        "print([m for m in ('fastapi', 'starlette', 'boto3', 'argon2') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def _forget() -> None:
    authorizer._sessions.clear()  # pyright: ignore[reportPrivateUsage]
    connected: Any = cache.connected()
    connected.flushall(target_nodes="all")
