"""Password hashes: argon2id with the second recommended parameters of RFC 9106 §4."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY
from pydantic import SecretStr

_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)

# The hash of a password nobody knows. It is verified where there is no account, so that an answer
# takes as long whether or not somebody has one.
NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$9zsGtcKq6aV2j5piZ2Py+A"
    "$FuUoWKc1CXcb1UD7SAbBk0qCSqlPKGaffFcvxwX8SbM"
)


def hash_password(password: SecretStr) -> str:
    """The hash to store: parameters, salt and digest in one string. Costs 64 MiB for 0.1 s."""
    return _HASHER.hash(password.get_secret_value())


def is_password(password: SecretStr, password_hash: str | None) -> bool:
    """Whether it is the password; never for no account, and as slow then."""
    try:
        _HASHER.verify(password_hash or NOBODY, password.get_secret_value())
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None
