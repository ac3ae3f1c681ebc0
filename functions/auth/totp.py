"""Codes by time: six digits that change every 30 seconds (RFC 6238), and their secret under KMS.

The secret is sealed by KMS itself, since it is short and people have no data key: with the person
in the encryption context, so that a stolen row opens for nobody else. Both calls are for when no
transaction is open.
"""

from __future__ import annotations

import time
from hmac import compare_digest
from uuid import UUID

from pydantic import SecretStr
from pyotp import random_base32
from pyotp.totp import TOTP

from shared.aws import client
from shared.settings import setting

ISSUER = "hasteCRM"
_STEP_S = 30
_EITHER_SIDE = 1
"""How many steps a clock may be off: RFC 6238 §5.2 recommends one."""


def new_secret() -> str:
    """160 random bits in base32, as long as RFC 4226 §4 recommends."""
    return random_base32()


def uri(secret: str, email: str) -> str:
    """What an app reads from a QR code.

    https://github.com/google/google-authenticator/wiki/Key-Uri-Format
    """
    return TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def step_of(secret: str, code: SecretStr) -> int | None:
    """The newest time step, as far as clocks may differ, whose code this is; else None."""
    now = int(time.time()) // _STEP_S
    codes = TOTP(secret)
    found = None
    for step in range(now - _EITHER_SIDE, now + _EITHER_SIDE + 1):
        if compare_digest(codes.generate_otp(step), code.get_secret_value()):
            found = step
    return found


def seal(secret: str, user_id: UUID) -> bytes:
    """The secret as it is stored. Calls KMS."""
    answer = client("kms").encrypt(
        KeyId=setting("KMS_KEY"),
        Plaintext=secret.encode(),
        EncryptionContext=_context(user_id),
    )
    return answer["CiphertextBlob"]


def unseal(sealed: bytes, user_id: UUID) -> str:
    """The secret of what `seal` made for the same person. Calls KMS.

    Raises:
        botocore.exceptions.ClientError: it was made for somebody else, or is damaged.
    """
    answer = client("kms").decrypt(
        KeyId=setting("KMS_KEY"), CiphertextBlob=sealed, EncryptionContext=_context(user_id)
    )
    return answer["Plaintext"].decode()


def _context(user_id: UUID) -> dict[str, str]:
    return {"user_id": str(user_id), "purpose": "totp"}
