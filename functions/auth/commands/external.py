"""Signing in by an account elsewhere: the authorization code flow with PKCE, state and nonce.

The providers are asked while no transaction is open. What was begun is taken up once, before the
provider is asked for anything; whatever fails from then on, one begins again.
https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth
https://www.rfc-editor.org/rfc/rfc9700
"""

from __future__ import annotations

from pydantic import SecretStr

from functions.auth.commands import google, sso_sign_in
from functions.auth.models.accounts import Token
from functions.auth.models.external import (
    BEGUN_LIVES_S,
    BeginSignIn,
    Begun,
    BegunSignIn,
    Declined,
    FinishSignIn,
    InvalidSignIn,
    NotProven,
    Party,
    ProviderRefused,
)
from functions.auth.models.mails import new_token, token_hash
from functions.auth.models.sessions import Client
from functions.auth.openid.id_tokens import identity_of
from functions.auth.openid.providers import Provider, authorization_url, exchange, provider_of
from functions.auth.openid.returning import redirect_uri
from functions.auth.store import external as store
from functions.auth.throttle import Attempt, forgive, throttle
from shared.db import system_transaction

ACTOR = "system:auth"
_DECLINED = {"access_denied", "consent_required", "interaction_required", "login_required"}


def begin(given: BeginSignIn, client: Client) -> BegunSignIn:
    """Where to send the browser, and what shows afterwards that it is the same one.

    Raises:
        GoogleNotSetUp, NoSso: there is no such way in.
        ProviderUnavailable: it does not answer.
        Throttled: too many were begun from this address.
    """
    _throttled(client)
    issuer, client_id = _registered(given)
    provider = provider_of(issuer)
    state, binding = new_token(), new_token()
    begun = Begun(
        provider=given.provider,
        issuer=issuer,
        client_id=client_id,
        nonce=new_token(),
        verifier=new_token(),
        wanted=given.workspace_id,
        workspace_name=given.workspace_name,
    )
    url = authorization_url(
        provider,
        client_id,
        redirect_uri(),
        state=state,
        nonce=begun.nonce,
        verifier=begun.verifier,
    )
    with system_transaction(ACTOR) as tx:
        store.insert_begun(tx, token_hash(state), token_hash(binding), begun)
    return BegunSignIn(authorization_url=url, binding=binding, expires_in=BEGUN_LIVES_S)


def finish(given: FinishSignIn, binding: SecretStr, client: Client) -> Token:
    """A session for whoever the provider says it is.

    Raises:
        InvalidSignIn: it was not begun here, by this browser, or not lately; or it was finished.
        Declined, ProviderRefused: the provider sent an error, or does not take the code.
        NotProven: what the provider says does not hold.
        ProviderUnavailable: it does not answer.
        HasteError: the person may not come in by it; see `google.enter`, `sso_sign_in.enter`.
    """
    attempt = _throttled(client)
    state_hash = token_hash(given.state.get_secret_value())
    with system_transaction(ACTOR) as tx:
        begun = store.take_begun(tx, state_hash, token_hash(binding.get_secret_value()))
    if begun is None:
        raise InvalidSignIn
    if given.code is None:
        raise Declined if given.error in _DECLINED else ProviderRefused
    party = _party(begun)
    provider = provider_of(begun.issuer)
    _check_issuer(provider, given.iss)
    token = exchange(provider, party, given.code.get_secret_value(), begun.verifier, redirect_uri())
    identity = identity_of(provider, begun.client_id, token, begun.nonce)
    forgive(attempt)
    if begun.wanted is not None and begun.provider == "sso":
        return sso_sign_in.enter(begun.wanted, identity, client)
    return google.enter(identity, begun, client)


def _registered(given: BeginSignIn) -> tuple[str, str]:
    """Where to go, and who we are there."""
    if given.provider == "google" or given.workspace_id is None:
        party = google.party()
        return party.issuer, party.client_id
    connection = sso_sign_in.connection_of(given.workspace_id)
    return connection.issuer, connection.client_id


def _party(begun: Begun) -> Party:
    """Who we are where it was begun: the provider may have been replaced meanwhile.

    Raises:
        InvalidSignIn: it has been.
    """
    if begun.provider == "google" or begun.wanted is None:
        party = google.party()
    else:
        party = sso_sign_in.party_of(begun.wanted)
    if (party.issuer, party.client_id) != (begun.issuer, begun.client_id):
        raise InvalidSignIn
    return party


def _check_issuer(provider: Provider, said: str | None) -> None:
    """Whoever answered is whom we asked, as far as that is said (RFC 9207)."""
    if said is None and not provider.says_issuer:
        return
    if said != provider.issuer:
        raise NotProven


def _throttled(client: Client) -> Attempt:
    return throttle("external", client.address or "", client.address)
