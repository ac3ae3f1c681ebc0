"""What the tests of signing in share: keys in Secrets Manager, and an account."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from functions.auth import authorizer
from functions.auth.api import handler
from functions.auth.keys import KeySet, new_private_keys, public_keys
from shared import secrets
from shared.aws import client
from shared.testing import Call

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
        self.private = new_private_keys(older=self.private["keys"])
        for identifier, keys in (
            (self.private_id, self.private),
            (self.public_id, public_keys(self.private)),
        ):
            client("secretsmanager").put_secret_value(
                SecretId=identifier, SecretString=json.dumps(keys)
            )


@pytest.fixture
def keys(aws: None, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Fresh signing keys, and functions that remember none."""
    secrets.forget()
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
