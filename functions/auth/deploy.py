"""Runs on every deploy: makes the first signing keys, and publishes those that are not.

The private keys are the truth, and the public ones follow from them. So the private ones are
written first, and what goes wrong in between is made good by the next run: until then a token may
be refused, but there is never a pair that does not match. Two runs at once agree, because a secret
is only replaced as it was read. Nothing is unpublished here: somebody may be rotating keys.
"""

from __future__ import annotations

from contextlib import suppress
from typing import cast

from functions.auth.keys import KeySet, new_private_keys, public_keys
from shared.invocation import LambdaContext, Payload, invocation
from shared.log import logger
from shared.secrets import SecretChanged, replace_secret, stored_secret


def keys_on_deploy(event: Payload, context: LambdaContext) -> dict[str, list[str]]:
    """Make what is missing; the names of the keys that were published. Again, it changes nothing.

    Raises:
        SecretChanged: somebody else is publishing other keys just now.
    """
    published = _publish(_private_keys())
    logger.info("signing keys", metadata={"published": published})
    return {"published": published}


def _private_keys() -> KeySet:
    if not stored_secret("auth-private-keys").get("keys"):
        with suppress(SecretChanged):  # another run made the first one: it stands
            replace_secret("auth-private-keys", new_private_keys())
    return cast("KeySet", stored_secret("auth-private-keys"))


def _publish(private: KeySet) -> list[str]:
    known = stored_secret("auth-public-keys").get("keys", [])
    names = {key["kid"] for key in known}
    missing = [key for key in public_keys(private)["keys"] if key["kid"] not in names]
    if missing:
        replace_secret("auth-public-keys", {"keys": [*missing, *known]})
    return [key["kid"] for key in missing]


handler = invocation(keys_on_deploy)
