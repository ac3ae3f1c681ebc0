"""Making and turning the signing keys, in the two secrets that hold them.

The public secret is read before the private one and written after it. So whatever is public and not
private any more has had its time, and what is private and not public yet is published by the next
run. A secret is only replaced as it was read: of two runs at once, one is refused.

Where a key may be known to somebody, empty `auth-private-keys` (`{}`) and turn the keys: a new one
signs at once, the others are gone from both, and within a minute no access token of theirs is good.
Refresh tokens are, and get others.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

from functions.auth import tokens
from functions.auth.keys import Jwk, KeySet, first_keys, published, turned
from shared.log import logger
from shared.secrets import SecretChanged, replace_secret, stored_secret
from shared.settings import setting

_MONTH_S = 30 * 24 * 3600


def make_keys(now: int) -> list[str]:
    """Make the first key if there is none, and publish what is not; the names of what was.

    Nothing is unpublished: a deploy may come in between the steps of anybody else.

    Raises:
        SecretChanged: somebody else is publishing other keys just now.
    """
    public = _keys(stored_secret("auth-public-keys"))
    missing = _missing(_private_keys(now), public, now)
    if missing:
        try:
            _publish({"keys": [*missing, *public["keys"]]})
        except SecretChanged:
            if _missing({"keys": missing}, _keys(stored_secret("auth-public-keys")), now):
                raise
            return []  # another run published them: it is done
    return [key["kid"] for key in missing]


def turn_keys(now: int) -> None:
    """Take whichever step is due: make, publish, sign with, or drop a key. Once a day is enough.

    Raises:
        SecretChanged: somebody else is turning them just now.
    """
    public = _keys(stored_secret("auth-public-keys"))
    private = _private_keys(now)
    every_s = int(setting("SIGNING_KEY_SECONDS", str(_MONTH_S)))
    wanted = turned(private, public, now, every_s=every_s, token_s=tokens.lifetime_s())
    if wanted != private:
        _keep(wanted)
    known = published(wanted, public, now)
    if known != public:
        _publish(known)


def _missing(private: KeySet, public: KeySet, now: int) -> list[Jwk]:
    names = {key["kid"] for key in public["keys"]}
    return [key for key in published(private, public, now)["keys"] if key["kid"] not in names]


def _private_keys(now: int) -> KeySet:
    """The private keys, made where there are none."""
    if not _keys(stored_secret("auth-private-keys"))["keys"]:
        with suppress(SecretChanged):  # another run made the first one: it stands
            _keep(first_keys(now))
    return _keys(stored_secret("auth-private-keys"))


def _keys(stored: dict[str, Any]) -> KeySet:
    return cast("KeySet", {"keys": [], **stored})


def _keep(keys: KeySet) -> None:
    replace_secret("auth-private-keys", dict(keys))
    logger.info("private keys", metadata={"keys": [key["kid"] for key in keys["keys"]]})


def _publish(keys: KeySet) -> None:
    replace_secret("auth-public-keys", dict(keys))
    logger.info("public keys", metadata={"keys": [key["kid"] for key in keys["keys"]]})
