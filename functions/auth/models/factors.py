"""The second factor: codes by time (RFC 6238), recovery codes, and a sign-in between two factors.

A recovery code is 80 random bits in 16 letters and digits, of which only the SHA-256 is stored: at
so many bits nobody can try them all, so it need not be slow.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Sequence
from hashlib import sha256
from secrets import token_bytes
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from shared.errors import Conflict, NotFound, Unauthorized, Unprocessable

CHALLENGE_LIVES_S = 300
CHALLENGE_ATTEMPTS = 5
_CODES = 10
_LOOK_ALIKE = str.maketrans("018", "OIB")  # base32 has none of the three digits


class InvalidChallenge(Unauthorized):
    """The challenge is not valid, or not any more; sign in again."""


class WrongSecondFactor(Unauthorized):
    """The code is wrong, or was used before."""


class WrongCode(Unprocessable):
    """The code is wrong, or was used before; see `errors`."""


class FactorExists(Conflict):
    """Your second factor is on already; remove it first."""


class FactorNotFound(NotFound):
    """There is no second factor to do this with."""


def _digits(code: SecretStr) -> SecretStr:
    text = "".join(code.get_secret_value().split())
    if not (text.isascii() and text.isdigit() and len(text) == 6):
        raise ValueError("a code is six digits")
    return SecretStr(text)


def _letters(code: SecretStr) -> SecretStr:
    text = "".join(code.get_secret_value().split()).replace("-", "").upper()
    text = text.translate(_LOOK_ALIKE)
    if not (text.isascii() and text.isalnum() and len(text) == 16):
        raise ValueError("a recovery code is sixteen letters and digits")
    return SecretStr(text)


Code = Annotated[SecretStr, Field(max_length=20), AfterValidator(_digits)]
RecoveryCode = Annotated[SecretStr, Field(max_length=40), AfterValidator(_letters)]


class Proof(BaseModel):
    """A code of the app, or one of the recovery codes instead."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Code | None = None
    recovery_code: RecoveryCode | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Proof:
        if (self.code is None) == (self.recovery_code is None):
            raise ValueError("give either code or recovery_code")
        return self


class SecondStep(Proof):
    """What signing in goes on with. `workspace_id` chooses among several workspaces, and `cookie`
    how the refresh token is given, as in the first step.
    """

    challenge: SecretStr = Field(max_length=200)
    workspace_id: UUID | None = None
    cookie: bool = Field(
        default=False,
        description="For browsers: the refresh token comes as a cookie that no script can read.",
    )


class Confirmation(BaseModel):
    """A code of the app that the factor was just added to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Code


class SecondFactorNeeded(BaseModel):
    """The password was right, and a second factor is on: send a code with the challenge."""

    model_config = ConfigDict(frozen=True)

    second_factor: Literal["totp"] = "totp"
    challenge: str
    expires_in: int = Field(default=CHALLENGE_LIVES_S, description="Seconds.")


class NewFactor(BaseModel):
    """What an authenticator app needs to know. It is shown once, and counts when confirmed."""

    model_config = ConfigDict(frozen=True)

    secret: str = Field(description="In base32, for typing it in.")
    uri: str = Field(description="The same as an otpauth:// URI, to be shown as a QR code.")


class RecoveryCodes(BaseModel):
    """Each is good once, instead of a code. They are shown once."""

    model_config = ConfigDict(frozen=True)

    recovery_codes: list[str]

    @classmethod
    def shown(cls, codes: Sequence[SecretStr]) -> RecoveryCodes:
        """In groups of four, so that they can be copied by hand."""
        texts = (code.get_secret_value() for code in codes)
        return cls(
            recovery_codes=["-".join(text[at : at + 4] for at in range(0, 16, 4)) for text in texts]
        )


class Factor(BaseModel):
    """A second factor, as it is stored. `confirmed` is whether it counts."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    sealed: bytes
    confirmed: bool
    last_step: int


class Challenge(BaseModel):
    """A sign-in between its two factors, and the factor that it waits for."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    sealed: bytes


def new_recovery_codes() -> list[SecretStr]:
    """Ten codes that nobody can guess."""
    return [SecretStr(b32encode(token_bytes(10)).decode()) for _ in range(_CODES)]


def recovery_hash(code: SecretStr) -> bytes:
    """What is stored of a recovery code."""
    return sha256(code.get_secret_value().encode()).digest()
