"""Where a provider is (OpenID Connect Discovery), and where it is asked (RFC 6749, RFC 7636).

What providers answer is for us to judge, never for a caller to read: it is in no answer and in no
log line. What they say of themselves is believed for ten minutes, and where one does not answer,
it is not asked again for some seconds: whoever likes may begin a sign-in there.
https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from __future__ import annotations

import json
import time
from base64 import b64encode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast
from urllib.parse import quote_plus, urlencode, urlsplit

from functions.auth.models.external import Party, ProviderRefused, ProviderUnavailable
from shared.log import logger
from shared.outbound.requests import Fetched, NoAnswer, Outside, fetch
from shared.outbound.targets import InvalidUrl, checked, rules

_TIMEOUT_S = 5.0
_MOST = 256 * 1024
_KEPT_S = 600.0
_KEPT = 256
_PAUSE_S = 5.0
_SCOPES = "openid email profile"
_WELL_KNOWN = "/.well-known/openid-configuration"


class Unusable(Exception):
    """What is found at an issuer's URL is no provider for us; the message says why."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What a provider says of itself. `by_form`: it takes the client's secret in the form;
    `says_issuer`: it puts its name on the callback (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    by_form: bool
    says_issuer: bool


_known: OrderedDict[str, tuple[float, Provider | str]] = OrderedDict()
"""By issuer: since when, and the provider, or why there is none."""


def outside() -> Outside:
    """The way out to providers: what webhooks may reach, in less time."""
    return Outside(rules(), timeout_s=_TIMEOUT_S)


def provider_of(issuer: str) -> Provider:
    """The provider with that issuer.

    Raises:
        ProviderUnavailable: there is none that could be used now.
    """
    at, found = _known.get(issuer, (0.0, ""))
    kept_s = _PAUSE_S if isinstance(found, str) else _KEPT_S
    if not found or time.monotonic() - at >= kept_s:
        try:
            found = discover(issuer)
        except Unusable as error:
            found = str(error)
        _known[issuer] = (time.monotonic(), found)
        _known.move_to_end(issuer)
        while len(_known) > _KEPT:
            _known.popitem(last=False)
    if isinstance(found, str):
        logger.warning("an identity provider cannot be used", metadata={"why": found})
        raise ProviderUnavailable(retry_after_s=round(_PAUSE_S))
    return found


def discover(issuer: str) -> Provider:
    """Ask a provider what it is.

    Raises:
        Unusable: nobody answers, or not as a provider of that name does.
    """
    try:
        answer = fetch(outside(), issuer.rstrip("/") + _WELL_KNOWN, most=_MOST)
    except NoAnswer as error:
        raise Unusable(str(error)) from error
    if answer.status != 200:
        raise Unusable(f"{_WELL_KNOWN} answers {answer.status}")
    said = json_object(answer.body)
    if said.get("issuer") != issuer:
        raise Unusable(f"{_WELL_KNOWN} does not name this issuer")
    methods = said.get("token_endpoint_auth_methods_supported")
    return Provider(
        issuer=issuer,
        authorization_endpoint=_endpoint(said, "authorization_endpoint"),
        token_endpoint=_endpoint(said, "token_endpoint"),
        jwks_uri=_endpoint(said, "jwks_uri"),
        by_form=isinstance(methods, list) and "client_secret_post" in methods,
        says_issuer=said.get("authorization_response_iss_parameter_supported") is True,
    )


def forget() -> None:
    """Know no provider, as after a cold start."""
    _known.clear()


def authorization_url(
    provider: Provider, client_id: str, redirect_uri: str, *, state: str, nonce: str, verifier: str
) -> str:
    """Where the browser goes."""
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": _SCOPES,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    joint = "&" if urlsplit(provider.authorization_endpoint).query else "?"
    return f"{provider.authorization_endpoint}{joint}{urlencode(asked)}"


def exchange(provider: Provider, party: Party, code: str, verifier: str, redirect_uri: str) -> str:
    """The identity token for a code, not verified yet.

    Raises:
        ProviderRefused: the provider does not take the code, or us.
        ProviderUnavailable: it does not answer, or not with a token.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if provider.by_form:
        secret = party.client_secret.get_secret_value()
        form |= {"client_id": party.client_id, "client_secret": secret}
    else:
        headers["Authorization"] = _basic(party)
    answer = _posted(provider.token_endpoint, headers, form)
    if answer.status in (400, 401, 403):
        logger.warning("a provider refused a code", metadata={"status": answer.status})
        raise ProviderRefused
    token = json_object(answer.body).get("id_token") if answer.status == 200 else None
    if not isinstance(token, str):
        logger.warning("a provider gave no token", metadata={"status": answer.status})
        raise ProviderUnavailable
    return token


def _posted(url: str, headers: Mapping[str, str], form: Mapping[str, str]) -> Fetched:
    body = urlencode(form).encode()
    try:
        return fetch(outside(), url, method="POST", headers=headers, body=body, most=_MOST)
    except NoAnswer as error:
        logger.warning("a provider does not answer", metadata={"why": str(error)})
        raise ProviderUnavailable from error


def _basic(party: Party) -> str:
    """Both are encoded for a form first (RFC 6749 §2.3.1)."""
    secret = party.client_secret.get_secret_value()
    pair = f"{quote_plus(party.client_id)}:{quote_plus(secret)}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def json_object(body: bytes) -> dict[str, Any]:
    """The object that a body is; empty where it is none."""
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _endpoint(said: Mapping[str, Any], name: str) -> str:
    """A URL of the document. Browsers are sent to one of them, so it is not any text either."""
    url = said.get(name)
    try:
        return checked(url if isinstance(url, str) else "", rules()).url
    except InvalidUrl as error:
        raise Unusable(f"its {name}: {error.errors[0].detail}") from error
