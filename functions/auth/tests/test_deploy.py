"""Making signing keys on deploy: once, in pairs that match, whatever goes wrong in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import jwt
import pytest
from moto import mock_aws

from functions.auth import deploy
from functions.auth.keys import KeySet, new_private_keys, public_keys
from shared import aws, secrets
from shared.secrets import SecretChanged, replace_secret, secret, stored_secret
from shared.testing import LambdaContext

handler: Callable[..., Any] = deploy.handler


class Secrets:
    """The two secrets as somebody else sees them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ids = {name: f"{name}-{uuid4()}" for name in ("private", "public")}
        for name, identifier in self._ids.items():
            monkeypatch.setenv(f"HASTE_SECRET_AUTH_{name.upper()}_KEYS", identifier)
            aws.client("secretsmanager").create_secret(Name=identifier)

    def read(self, name: str) -> Any:
        answer = aws.client("secretsmanager").get_secret_value(SecretId=self._ids[name])
        return json.loads(answer.get("SecretString") or "{}")

    def write(self, name: str, keys: KeySet) -> None:
        aws.client("secretsmanager").put_secret_value(
            SecretId=self._ids[name], SecretString=json.dumps(keys)
        )

    def versions(self) -> dict[str, int]:
        return {
            name: len(
                aws.client("secretsmanager").list_secret_version_ids(
                    SecretId=identifier, IncludeDeprecated=True
                )["Versions"]
            )
            for name, identifier in self._ids.items()
        }


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Secrets]:
    """Both secrets as they are created on AWS: with nothing in them.

    moto, because it refuses to change a version of a secret, as AWS does.
    """
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    aws.forget_clients()
    secrets.forget()
    with mock_aws():
        yield Secrets(monkeypatch)
    aws.forget_clients()
    secrets.forget()


def _deploy() -> list[str]:
    return handler({}, LambdaContext())["published"]


def test_the_first_deploy_makes_a_pair_that_matches(held: Secrets) -> None:
    published = _deploy()
    private, public = held.read("private"), held.read("public")
    assert public_keys(public) == public_keys(private)
    assert published == [key["kid"] for key in private["keys"]]
    token = jwt.encode({"a": 1}, jwt.PyJWK(private["keys"][0]), "ES256")
    assert jwt.decode(token, jwt.PyJWK(public["keys"][0]), algorithms=["ES256"]) == {"a": 1}


def test_later_deploys_change_nothing_whatever_the_event(held: Secrets) -> None:
    _deploy()
    before = held.read("private"), held.read("public"), held.versions()
    assert _deploy() == []
    assert handler({"RequestType": "Update"}, LambdaContext()) == {"published": []}
    assert (held.read("private"), held.read("public"), held.versions()) == before


def test_a_deploy_that_died_in_between_is_made_good_by_the_next(held: Secrets) -> None:
    private = new_private_keys()
    held.write("private", private)
    assert _deploy() == [private["keys"][0]["kid"]]
    assert (held.read("private"), public_keys(held.read("public"))) == (
        private,
        public_keys(private),
    )


def test_keys_published_ahead_of_a_rotation_stay_published(held: Secrets) -> None:
    _deploy()
    old = held.read("private")
    new = new_private_keys(older=old["keys"])
    held.write("public", public_keys(new))
    assert _deploy() == []
    assert held.read("public") == public_keys(new)
    held.write("private", new)
    assert _deploy() == []
    assert held.read("public") == public_keys(new)


@pytest.mark.parametrize("put", [1, 2], ids=["private", "public"])
def test_two_deploys_at_once_agree_on_one_pair(held: Secrets, put: int) -> None:
    """The second one runs from start to end between what the first one reads and what it writes."""
    puts: list[object] = []
    published: list[str] = []

    def overtake(**call: object) -> None:
        puts.append(call)
        if len(puts) == put:
            published.extend(_deploy())

    events = aws.client("secretsmanager").meta.events
    events.register("before-call.secrets-manager.PutSecretValue", overtake)
    _deploy()
    private = held.read("private")
    assert published == [key["kid"] for key in private["keys"]]
    assert len(private["keys"]) == 1
    assert public_keys(held.read("public")) == public_keys(private)


def test_a_secret_is_replaced_only_as_it_was_read(held: Secrets) -> None:
    assert stored_secret("auth-public-keys") == {}
    seen = dict(secrets._read)  # pyright: ignore[reportPrivateUsage]
    replace_secret("auth-public-keys", {"keys": ["first"]})
    assert secret("auth-public-keys") == {"keys": ["first"]}
    secrets._read.update(seen)  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(SecretChanged, match="auth-public-keys was replaced by somebody else"):
        replace_secret("auth-public-keys", {"keys": ["second"]})
    assert secret("auth-public-keys") == {"keys": ["first"]}
    secrets._read.update(seen)  # pyright: ignore[reportPrivateUsage]
    replace_secret("auth-public-keys", {"keys": ["first"]})
    assert held.read("public") == {"keys": ["first"]}
