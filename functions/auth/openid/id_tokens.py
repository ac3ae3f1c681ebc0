"""What an identity token proves (OpenID Connect Core §3.1.3.7), and the keys that sign them.

The algorithm is ours to choose, never the token's (RFC 8725 §3.1): RS256 or ES256, by a key that
the provider publishes for it. Keys are believed for ten minutes, and asked for once more where a
token names one that is not known, every 30 seconds at most: forged names are no way to have us ask.
"""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import jwt
from pydantic import TypeAdapter, ValidationError

from functions.auth.models.external import Identity, NotProven, ProviderUnavailable
from functions.auth.openid.providers import Provider, json_object, outside
from shared.log import logger
from shared.outbound.requests import NoAnswer, fetch
from shared.values import EmailAddress, Name

_ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}
_LEEWAY_S = 60
_LONGEST = 16 * 1024
_MOST = 256 * 1024
_LEAST_RSA_BITS = 2048
_KEPT_S = 600.0
_KEPT = 256
_AGAIN_S, _AGAIN_AFTER_FAILURE_S = 30.0, 5.0
_REQUIRED = ["iss", "sub", "aud", "exp", "iat", "nonce"]

_EMAIL: TypeAdapter[str] = TypeAdapter(EmailAddress)
_NAME: TypeAdapter[str] = TypeAdapter(Name)


@dataclass(slots=True)
class _Keys:
    """A provider's keys by name, since when, and from when on it may be asked again."""

    by_id: dict[str, jwt.PyJWK] = field(default_factory=dict[str, jwt.PyJWK])
    at: float = float("-inf")
    not_before: float = float("-inf")

    @property
    def fresh(self) -> bool:
        """Whether they can still be believed."""
        return time.monotonic() - self.at < _KEPT_S


_known: OrderedDict[tuple[str, str], _Keys] = OrderedDict()
"""By issuer and address: nobody's forged tokens keep another one's keys from being asked for."""


def identity_of(provider: Provider, client_id: str, token: str, nonce: str) -> Identity:
    """Who somebody is, by a token that the provider made for us and for this sign-in.

    Raises:
        NotProven: it is not such a token, whatever is wrong with it.
        ProviderUnavailable: the provider's keys cannot be had.
    """
    try:
        if len(token) > _LONGEST:
            raise NotProven
        claims: dict[str, Any] = jwt.decode(
            token,
            _key_of(provider, jwt.get_unverified_header(token)),
            algorithms=list(_ALGORITHMS.values()),
            audience=client_id,
            issuer=provider.issuer,
            leeway=_LEEWAY_S,
            options={"require": _REQUIRED},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
        logger.warning("an identity token proves nothing", metadata={"why": type(error).__name__})
        raise NotProven from error
    if not (_is_for(client_id, claims) and _is_same(nonce, claims["nonce"])):
        raise NotProven
    return _identity(provider.issuer, claims)


def forget() -> None:
    """Know no keys, as after a cold start."""
    _known.clear()


def _is_for(client_id: str, claims: Mapping[str, Any]) -> bool:
    """Whether we are the party that it was made for, where it is for several."""
    several = isinstance(claims["aud"], list) and len(cast("list[Any]", claims["aud"])) > 1
    party = claims.get("azp")
    return party == client_id or (party is None and not several)


def _is_same(nonce: str, said: object) -> bool:
    return isinstance(said, str) and hmac.compare_digest(
        nonce.encode(), said.encode(errors="replace")
    )


def _identity(issuer: str, claims: Mapping[str, Any]) -> Identity:
    subject = claims["sub"]
    if not (0 < len(subject) <= 255 and subject.isprintable()):
        raise NotProven
    verified = claims.get("email_verified")
    return Identity(
        issuer=issuer,
        subject=subject,
        email=_read(_EMAIL, claims.get("email")),
        email_verified=verified if verified is None else verified is True,
        name=_read(_NAME, claims.get("name")),
        hosted=isinstance(claims.get("hd"), str),
    )


def _read(kind: TypeAdapter[str], value: object) -> str | None:
    try:
        return kind.validate_python(value)
    except ValidationError:
        return None


def _key_of(provider: Provider, header: Mapping[str, Any]) -> jwt.PyJWK:
    """The key a token names; where it names none, the only one there is."""
    name, algorithm = header.get("kid"), header.get("alg")
    place = (provider.issuer, provider.jwks_uri)
    known = _known.setdefault(place, _Keys())
    _known.move_to_end(place)
    while len(_known) > _KEPT:
        _known.popitem(last=False)
    found = _find(known, name)
    if found is None and time.monotonic() >= known.not_before:
        _ask(provider, known)
        found = _find(known, name)
    if not known.fresh:
        raise ProviderUnavailable(retry_after_s=round(_AGAIN_AFTER_FAILURE_S))
    if found is None or found.algorithm_name != algorithm:
        raise NotProven
    return found


def _find(known: _Keys, name: object) -> jwt.PyJWK | None:
    if not known.fresh:
        return None
    if name is None and len(known.by_id) == 1:
        return next(iter(known.by_id.values()))
    return known.by_id.get(name) if isinstance(name, str) else None


def _ask(provider: Provider, known: _Keys) -> None:
    """Have the keys as they are now."""
    try:
        answer = fetch(outside(), provider.jwks_uri, most=_MOST)
        found = _keys_in(json_object(answer.body)) if answer.status == 200 else {}
    except NoAnswer:
        found = {}
    now = time.monotonic()
    known.not_before = now + (_AGAIN_S if found else _AGAIN_AFTER_FAILURE_S)
    if found:
        known.by_id, known.at = found, now
    else:
        logger.warning("a provider's keys cannot be had")


def _keys_in(said: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    """The keys that may sign: none that is symmetric, which would let anybody choose the secret."""
    listed = said.get("keys")
    found: dict[str, jwt.PyJWK] = {}
    for one in cast("list[Any]", listed) if isinstance(listed, list) else []:
        key = _key(cast("dict[str, Any]", one)) if isinstance(one, dict) else None
        if key is not None:
            found[key.key_id or ""] = key
    return found


def _key(said: dict[str, Any]) -> jwt.PyJWK | None:
    algorithm = _ALGORITHMS.get(str(said.get("kty")))
    if algorithm is None or said.get("use", "sig") != "sig":
        return None
    if said.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK({name: said[name] for name in said if name != "d"}, algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    short = algorithm == "RS256" and key.key.key_size < _LEAST_RSA_BITS
    return None if short else key
