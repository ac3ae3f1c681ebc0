"""A workspace's single sign-on: its provider, whom that lets in, and what sessions by it may do."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from functions.auth.models.sessions import Method
from shared.errors import Forbidden, NotFound, Unprocessable
from shared.values import domain_name

DefaultRole = Literal["admin", "member", "viewer"]
SEALED_FOR = "sso_connections.client_secret"
"""The context the client's secret is sealed for."""


class SsoNotFound(NotFound):
    """This workspace has no single sign-on."""


class NotConfirmed(Forbidden):
    """Confirm your own e-mail address first, or reset your password: a provider set up by who made
    an account with somebody else's address would let them in for good.
    """


class DomainNotYours(Unprocessable):
    """Who comes the first time gets an account with what address the provider says. That takes a
    domain of yours: one that an owner or administrator has a confirmed address at, and not one
    that a mail provider gives to everybody. See `errors`.
    """


class InvalidIssuer(Unprocessable):
    """There is no OpenID provider that could be used; see `errors`."""


class SecretNeeded(Unprocessable):
    """The provider or the client is another one, so its secret has to be given; see `errors`."""


class SsoRequired(Forbidden):
    """This workspace is entered by its single sign-on alone."""


class GoodHereAlone(Forbidden):
    """You signed in by the single sign-on of one workspace, which is good in no other: sign in
    there.
    """


def _issuer(url: str) -> str:
    parts = urlsplit(url)
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("an issuer has no query and no fragment")
    return url


def _some_once_each(domains: tuple[str, ...]) -> tuple[str, ...]:
    # Not min_length: pydantic counts valid items for it, and so reports every bad one twice.
    if not domains:
        raise ValueError("name a domain")
    return tuple(sorted(set(domains)))


Issuer = Annotated[
    str,
    Field(
        max_length=2048,
        description="The provider's issuer URL, exactly as it spells it.",
        examples=["https://id.acme.example"],
    ),
    AfterValidator(_issuer),
]
Domain = Annotated[str, Field(max_length=253), AfterValidator(domain_name)]
Domains = Annotated[
    tuple[Domain, ...],
    Field(
        max_length=50,
        json_schema_extra={"minItems": 1},
        description="Whose e-mail address has another domain is not let in the first time.",
        examples=[["acme.example"]],
    ),
    AfterValidator(_some_once_each),
]


class SsoSettings(BaseModel):
    """A provider, and whom it lets in. `default_role` is for those who come the first time, whose
    domains have to be yours; null: only who is a member already gets in. `required`: all but
    owners get in by it alone.

    `client_secret` is never shown. Left out, it stays, as long as `issuer` and `client_id` do.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: Issuer
    client_id: str = Field(min_length=1, max_length=500)
    client_secret: SecretStr | None = Field(default=None, min_length=1, max_length=2000)
    domains: Domains
    default_role: DefaultRole | None = None
    required: bool = False
    enabled: bool = True


class StoredSso(BaseModel):
    """A workspace's single sign-on as it is stored, without its secret."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    issuer: str
    client_id: str
    domains: tuple[str, ...]
    default_role: DefaultRole | None
    required: bool
    enabled: bool
    version: int
    created_at: datetime
    updated_at: datetime


class Sso(StoredSso):
    """A workspace's single sign-on. `redirect_uri` is what its provider has to know."""

    redirect_uri: str


class Connection(BaseModel):
    """What it takes to sign somebody in by it."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    client_id: str
    client_secret: bytes = Field(repr=False)
    domains: tuple[str, ...]
    default_role: DefaultRole | None


class SsoRules(BaseModel):
    """What it says of sessions."""

    model_config = ConfigDict(frozen=True)

    required: bool
    enabled: bool
    sessions_from: datetime


def may_go_on(rules: SsoRules | None, method: Method, role: str, signed_in_at: datetime) -> bool:
    """Whether a session of the workspace may be refreshed: one by its single sign-on as long as
    that is what it was, any other one unless that is required. Owners can do without it.
    """
    if method == "oidc":
        return rules is not None and rules.enabled and signed_in_at >= rules.sessions_from
    return rules is None or not (rules.enabled and rules.required) or role == "owner"
