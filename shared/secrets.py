"""Secrets from Secrets Manager: JSON objects, read at first use and kept for five minutes."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, uuid5

from shared.aws import client
from shared.settings import secret_id

_KEPT_S = 300.0


class SecretChanged(RuntimeError):
    """Somebody else replaced the secret first."""


class _Read(NamedTuple):
    at: float
    version: str
    value: dict[str, Any]


_read: dict[str, _Read] = {}


def secret(name: str, *, max_age_s: float = _KEPT_S) -> dict[str, Any]:
    """The secret a function declares in `secrets`, read no longer than `max_age_s` ago.

    Who meets something newer than the secret, such as a token by a key it does not hold, asks again
    with a smaller age: small enough to see a rotation, not so small that a stranger's requests
    become calls to Secrets Manager.

    Raises:
        MissingSetting: the function does not declare it.
        botocore.exceptions.ClientError: there is no such secret, or we may not read it.
    """
    identifier = secret_id(name)
    kept = _read.get(identifier)
    if kept is None or time.monotonic() - kept.at >= max_age_s:
        answer = client("secretsmanager").get_secret_value(SecretId=identifier)
        value: dict[str, Any] = json.loads(answer["SecretString"] or "{}")
        kept = _read[identifier] = _Read(time.monotonic(), answer["VersionId"], value)
    return kept.value


def stored_secret(name: str, *, max_age_s: float = 0) -> dict[str, Any]:
    """What the secret holds now, or held `max_age_s` ago: `{}` where it was made and nothing was
    put into it yet.

    Raises:
        MissingSetting: the function does not declare it.
        botocore.exceptions.ClientError: we may not read it.
    """
    try:
        return secret(name, max_age_s=max_age_s)
    except client("secretsmanager").exceptions.ResourceNotFoundException:
        _read[secret_id(name)] = _Read(time.monotonic(), "", {})
        return {}


def replace_secret(name: str, value: dict[str, Any]) -> None:
    """Put `value` in the place of what was read last; declared in `writes_secrets`.

    Each version is replaced by us once: the id of the new one follows from that of the old one, and
    no version ever changes. Of two functions that saw the same one, the second is refused, unless
    it brings the same value.
    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html

    Raises:
        SecretChanged: it is no longer what was read. Read it again.
    """
    identifier = secret_id(name)
    if identifier not in _read:
        stored_secret(name)
    seen = _read.pop(identifier)
    manager = client("secretsmanager")
    try:
        manager.put_secret_value(
            SecretId=identifier,
            SecretString=json.dumps(value),
            ClientRequestToken=str(uuid5(NAMESPACE_OID, seen.version or identifier)),
        )
    except manager.exceptions.ResourceExistsException as error:
        raise SecretChanged(f"{name} was replaced by somebody else meanwhile") from error


def forget() -> None:
    """Read every secret anew at its next use."""
    _read.clear()
