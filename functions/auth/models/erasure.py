"""What erasing one's account takes, and why it is refused."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, model_validator

from functions.auth.models.accounts import Password
from functions.auth.models.factors import Code, Proof, RecoveryCode
from functions.auth.models.sessions import Method
from shared.errors import Conflict, FieldError, Unprocessable

Stage = Literal["leaving", "redacting"]
FRESH_S = 600
"""How long after signing in elsewhere nothing else has to be proved."""
_ELSEWHERE: frozenset[Method] = frozenset({"google", "oidc"})


class LastOwnerOfSome(Conflict):
    """You are the last owner of a workspace: delete it, or make somebody else an owner; see
    `errors`.
    """

    def __init__(self, owned: Iterable[Owned]) -> None:
        super().__init__(
            errors=tuple(
                FieldError("", f"{one.name} ({one.workspace_id})", "last_owner") for one in owned
            )
        )


class NotProven(Unprocessable):
    """Give your password, or a code of your second factor; or sign in by Google or single sign-on
    again and repeat this within ten minutes.
    """


class EraseAccount(BaseModel):
    """Your password, a code of the app or a recovery code; nothing where you have just signed in by
    an account elsewhere.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    password: Password | None = None
    code: Code | None = None
    recovery_code: RecoveryCode | None = None

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        given = [one for one in (self.password, self.code, self.recovery_code) if one is not None]
        if len(given) > 1:
            raise ValueError("give one of password, code and recovery_code")
        return self

    @property
    def proof(self) -> Proof | None:
        """What was given of the second factor."""
        if self.code is None and self.recovery_code is None:
            return None
        return Proof(code=self.code, recovery_code=self.recovery_code)


class Owned(BaseModel):
    """A workspace that nobody else owns."""

    model_config = ConfigDict(frozen=True)

    workspace_id: UUID
    name: str


class SignedInBy(BaseModel):
    """How the session that asks was opened; `fresh`: within the last ten minutes."""

    model_config = ConfigDict(frozen=True)

    method: Method
    fresh: bool

    @property
    def proves(self) -> bool:
        """Whether that is proof enough: of those who have no password."""
        return self.fresh and self.method in _ELSEWHERE


class Leaving(BaseModel):
    """A person whose account is to be erased, locked. `version` is that of events about them."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    email: str
    version: int


class Erasure(BaseModel):
    """An erasure under way, locked: what the address was; the last workspace that is done in this
    stage, and how far the audit log of the next one is; how many failed.
    """

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    email: str
    version: int
    stage: Stage
    done_until: UUID | None
    redacted_until: UUID | None
    failed: int
    requested_at: datetime


class EndedKey(BaseModel):
    """An API key that ends with its maker's account."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    version: int
