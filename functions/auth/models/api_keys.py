"""What an API key is: a program's way in, on behalf of the member who made it.

Its text is `haste_<workspace>_<key>_<secret><checksum>`. The two ids let row-level security find
its row without a look-up across workspaces; the secret is 256 random bits in base62; the checksum,
CRC-32 of all that is before it, lets who scans for leaked secrets tell a key from what looks like
one, as GitHub's tokens do.
https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/

Only the SHA-256 of the secret is stored. A slow hash is for passwords, which can be guessed; here
it would only make every request slow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from secrets import randbits
from typing import Annotated
from uuid import UUID
from zlib import crc32

from pydantic import BaseModel, ConfigDict, Field, SecretStr, computed_field

from shared.access import Access, checked
from shared.errors import Conflict, FieldError, NotFound, Unauthorized, Unprocessable
from shared.values import Instant, Name

MOST_KEYS = 50
"""Keys of one member that are not revoked."""
PREFIX = "haste_"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_DIGITS, _CHECK_DIGITS = 43, 6
_TEXT = re.compile(r"haste_([0-9a-f]{32})_([0-9a-f]{32})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")


class InvalidKey(Exception):
    """The text has not the form of a key."""


class KeyNotFound(NotFound):
    """There is no API key with this id, or it is not yours to see."""


class KeyRevoked(Conflict):
    """The API key has been revoked; that is for good."""


class TooManyKeys(Conflict):
    """You have 50 API keys, which is the most a member may have; revoke one first."""


class SignInOver(Unauthorized):
    """Your session has ended: sign in again."""


class GrantsExceeded(Unprocessable):
    """A key cannot permit more than its maker may do; see `errors`."""


class AlreadyExpired(Unprocessable):
    """A key has to expire in the future."""


@dataclass(frozen=True, slots=True)
class KeyText:
    """A key as it is sent. Its `repr` does not tell the secret."""

    workspace_id: UUID
    id: UUID
    secret: SecretStr

    @classmethod
    def new(cls, workspace_id: UUID, key_id: UUID) -> KeyText:
        """One that nobody can guess."""
        return cls(workspace_id, key_id, SecretStr(_base62(randbits(256), _SECRET_DIGITS)))

    @classmethod
    def read(cls, text: str) -> KeyText:
        """The key that a text is.

        Raises:
            InvalidKey: it has not the form of one, or its checksum is another.
        """
        found = _TEXT.fullmatch(text)
        if found is None or _checksum(text[:-_CHECK_DIGITS]) != found[4]:
            raise InvalidKey
        return cls(UUID(found[1]), UUID(found[2]), SecretStr(found[3]))

    @property
    def text(self) -> str:
        """As it is handed out."""
        said = shown(self.workspace_id, self.id) + self.secret.get_secret_value()
        return said + _checksum(said)

    @property
    def hash(self) -> bytes:
        """As it is stored."""
        return sha256(self.secret.get_secret_value().encode()).digest()


def shown(workspace_id: UUID, key_id: UUID) -> str:
    """What of a key's text is no secret: where it begins."""
    return f"{PREFIX}{workspace_id.hex}_{key_id.hex}_"


Grants = Annotated[
    tuple[Annotated[str, Field(max_length=100)], ...],
    Field(
        max_length=100,
        description="What the key may do: permissions such as `contacts.read`, `contacts.read:own`"
        " or `contacts.read:team`, and hidden fields as `-contacts.phone`. At any time it may do"
        " what both these and its maker's role permit.",
        examples=[["contacts.read", "contacts.write"]],
    ),
]
RateLimit = Annotated[
    int | None,
    Field(
        ge=1,
        le=1000,
        description="At most so many reads and so many changes a second, ten seconds' worth at"
        " once. Null: as many as any caller. Never more than those.",
    ),
]


class NewKey(BaseModel):
    """An API key to make."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    grants: Grants
    expires_at: Instant | None = Field(default=None, description="Null: it does not.")
    rate_limit_per_s: RateLimit = None


class KeyChange(BaseModel):
    """What can be changed of a key. What it may do cannot: make another one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name


class Key(BaseModel):
    """An API key. `last_used_at` and `last_used_from` are at most a minute or two behind."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    workspace_id: UUID = Field(exclude=True)
    user_id: UUID = Field(description="Who made it, and on whose behalf it acts.")
    name: str
    grants: tuple[str, ...]
    rate_limit_per_s: int | None
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_from: str | None
    revoked_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime

    @computed_field(description="What its text begins with, to tell keys apart.")
    @property
    def prefix(self) -> str:
        return shown(self.workspace_id, self.id)


class KeyWithSecret(Key):
    """An API key, and its text to be sent as `Authorization: Bearer <key>`: shown this once."""

    key: str


class StoredKey(BaseModel):
    """A key that is neither revoked nor expired and whose maker still is a member, as the
    authorizer needs it; `role` and `role_grants` are its maker's now.
    """

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    hash: bytes
    grants: list[str]
    rate_limit_per_s: int | None
    expires_at: datetime | None
    role: str
    role_grants: list[str] | None
    unused: bool = Field(description="Whether its last use was noted over a minute ago.")


def checked_grants(grants: tuple[str, ...], maker: Access) -> Access:
    """What a key is to permit, its maker's hidden fields included.

    Raises:
        InvalidGrants: there is no such grant.
        GrantsExceeded: it is more than its maker may do, or nothing at all.
    """
    wanted = checked(grants, at="/grants")
    if not wanted.reach:
        nothing = FieldError("/grants", "permit something", "too_short")
        raise GrantsExceeded("A key has to permit something.", errors=(nothing,))
    allowed = wanted.within(maker)
    errors = tuple(
        FieldError(f"/grants/{place}", "this is more than you may yourself", "permission")
        for place, grant in enumerate(grants)
        if not grant.startswith("-") and _exceeds(grant, allowed)
    )
    if errors:
        raise GrantsExceeded(errors=errors)
    return allowed


def require_future(expires_at: datetime | None) -> None:
    """Refuse a key that is over before it begins.

    Raises:
        AlreadyExpired: it is.
    """
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise AlreadyExpired(errors=(FieldError("/expires_at", "this is past", "past"),))


def _exceeds(grant: str, allowed: Access) -> bool:
    permission, _, reach = grant.partition(":")
    return allowed.reach.get(permission) != (reach or "all")


def _checksum(text: str) -> str:
    return _base62(crc32(text.encode()), _CHECK_DIGITS)


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text
