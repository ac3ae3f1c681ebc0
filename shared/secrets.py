"""Secrets from Secrets Manager: JSON objects, read at first use and kept for five minutes."""

from __future__ import annotations

import json
import time
from typing import Any

from shared.aws import client
from shared.settings import secret_id

_KEPT_S = 300.0

_read: dict[str, tuple[float, dict[str, Any]]] = {}


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
    at, kept = _read.get(identifier, (0.0, None))
    if kept is not None and time.monotonic() - at < max_age_s:
        return kept
    answer = client("secretsmanager").get_secret_value(SecretId=identifier)
    found: dict[str, Any] = json.loads(answer["SecretString"])
    _read[identifier] = (time.monotonic(), found)
    return found


def forget() -> None:
    """Read every secret anew at its next use."""
    _read.clear()
