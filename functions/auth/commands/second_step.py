"""Signing in where a second factor is on: between the password and the code there is a challenge.

It is 256 random bits, stored by their hash, good for five minutes and five attempts, for the one
account, and for one sign-in. Another password or another factor ends it.
"""

from __future__ import annotations

from functions.auth.commands import factors, failures, mails, sessions
from functions.auth.models.accounts import Account, Token, WrongCredentials
from functions.auth.models.factors import (
    Challenge,
    InvalidChallenge,
    SecondFactorNeeded,
    SecondStep,
    WrongSecondFactor,
)
from functions.auth.models.mails import new_token, token_hash
from functions.auth.models.sessions import Client
from functions.auth.queries import accounts, people, sso
from functions.auth.queries import factors as queries
from functions.auth.store import factors as store
from functions.auth.throttle import forgive, throttle
from shared.db import Tx, system_transaction


def challenge(account: Account) -> SecondFactorNeeded:
    """Ask somebody whose password was right for their second factor.

    Raises:
        WrongCredentials: the password has been replaced since it was found right.
        InvalidChallenge: the factor has been removed since.
    """
    token = new_token()
    with system_transaction(mails.ACTOR) as tx:
        if not people.has_password(tx, account.id, account.password_hash):
            raise WrongCredentials
        if not store.insert_challenge(tx, token_hash(token), account.id):
            raise InvalidChallenge
    return SecondFactorNeeded(challenge=token)


def sign_in_with_factor(given: SecondStep, client: Client) -> Token:
    """Finish signing in. The challenge, what was given and the session are one transaction.

    Raises:
        InvalidChallenge: there is no such challenge, or no attempt at it is left.
        WrongSecondFactor: the code is wrong, or was used before.
        NotAMember: the person does not belong to that workspace, or to any. Nothing was used up.
        SsoRequired: it is entered by its single sign-on alone. Nothing was used up.
        Throttled: there were too many attempts at the account.
    """
    challenge_hash = token_hash(given.challenge.get_secret_value())
    found = queries.find_challenge(challenge_hash)
    account = str(found.user_id) if found else challenge_hash.hex()
    attempt = throttle("factor", account, client.address)
    if found is None:
        raise InvalidChallenge
    by = sessions.issuer()
    step = factors.step_of(found.sealed, found.user_id, given)
    with system_transaction(f"user:{found.user_id}") as tx:
        # What is refused is returned, not raised: that there was an attempt has to be committed.
        method = _met(tx, challenge_hash, found, given, step)
        token = _opened(tx, found, given, client, by, method) if method else None
        used_up = method == "recovery_code"
        mail_ids = [mails.want_mail(tx, "recovery_code_used", found.user_id)] if used_up else []
    if token is None:
        failures.note_failure(found.user_id, "second_factor")
        raise WrongSecondFactor
    forgive(attempt)
    mails.ring(mail_ids)
    return token


def _met(
    tx: Tx, challenge_hash: bytes, found: Challenge, given: SecondStep, step: int | None
) -> factors.ProvenBy | None:
    """Count the attempt, and use up what was given and the challenge if it is good."""
    if not store.take_attempt(tx, challenge_hash):
        return None
    method = factors.accept(tx, found.user_id, found.sealed, given, step)
    if method is not None:
        store.delete_challenge(tx, challenge_hash)
    return method


def _opened(
    tx: Tx,
    found: Challenge,
    given: SecondStep,
    client: Client,
    by: sessions.Issuer,
    method: factors.ProvenBy,
) -> Token:
    memberships = accounts.memberships_in(tx, found.user_id)
    closed = sso.closed_in(tx, found.user_id)
    chosen = sessions.choose(memberships, given.workspace_id, closed=closed)
    with tx.entering(chosen.workspace_id) as inside:
        return sessions.open_session(
            inside,
            found.user_id,
            chosen,
            by=by,
            method=method,
            client=client,
            memberships=memberships,
        )
