"""The second factor: turned on, off, and with new recovery codes.

KMS opens the secret while no transaction is open; whether a code is good is said by the database,
which uses up its time step.
"""

from __future__ import annotations

from typing import Literal, NamedTuple
from uuid import UUID

from events.auth import SecondFactorChanged
from functions.auth import totp
from functions.auth.commands import mails, passwords, people
from functions.auth.models.factors import (
    Confirmation,
    Factor,
    FactorExists,
    FactorNotFound,
    NewFactor,
    Proof,
    RecoveryCodes,
    WrongCode,
    new_recovery_codes,
    recovery_hash,
)
from functions.auth.models.mails import Notice
from functions.auth.models.passwords import ProvePassword
from functions.auth.models.people import EmailNotVerified
from functions.auth.models.sessions import Client
from functions.auth.queries import factors as queries
from functions.auth.store import factors as store
from functions.auth.store import people as person_store
from functions.auth.throttle import Attempt, forgive, throttle
from shared.db import Tx, system_transaction
from shared.errors import FieldError

ProvenBy = Literal["totp", "recovery_code"]
Change = Literal["added", "removed", "recovery_codes"]
_NOTICES: dict[Change, Notice] = {
    "added": "factor_added",
    "removed": "factor_removed",
    "recovery_codes": "recovery_codes_made",
}


class Told(NamedTuple):
    """What is to be said once a change is committed."""

    mail_id: UUID
    ended: people.Ended


def start_factor(user_id: UUID, given: ProvePassword, client: Client) -> NewFactor:
    """Make a secret for a second factor, which counts once `confirm_factor` was given a code.

    Raises:
        WrongPassword: it is not; whoever found an open session must not lock its person out.
        EmailNotVerified: whoever has the mails of the address could not get rid of the factor.
        FactorExists: one is on already.
    """
    person = passwords.check_password(user_id, given.password, client, at="/password")
    if not person.email_verified:
        raise EmailNotVerified
    secret = totp.new_secret()
    sealed = totp.seal(secret, user_id)
    with system_transaction(f"user:{user_id}") as tx:
        if not store.put_factor(tx, user_id, sealed):
            raise FactorExists
    return NewFactor(secret=secret, uri=totp.uri(secret, person.email))


def confirm_factor(
    user_id: UUID, given: Confirmation, client: Client, *, session_id: UUID
) -> RecoveryCodes:
    """Turn the factor on, by a code that shows that the app has the secret. All sessions end but
    the one that asks, since they were opened without it.

    Raises:
        FactorNotFound: none was started.
        FactorExists: it is on already.
        WrongCode: the code is none of the secret's.
    """
    factor = queries.find_factor(user_id)
    if factor is None:
        raise FactorNotFound
    if factor.confirmed:
        raise FactorExists
    attempt = throttle("factor", str(user_id), client.address)
    step = totp.step_of(totp.unseal(factor.sealed, user_id), given.code)
    codes = new_recovery_codes()
    with system_transaction(f"user:{user_id}") as tx:
        if step is None or not store.confirm_factor(tx, user_id, factor.sealed, step):
            raise WrongCode(errors=(_wrong("/code"),))
        store.replace_recovery_codes(tx, user_id, [recovery_hash(code) for code in codes])
        told = _tell(tx, user_id, "added", besides=session_id)
    _after(told, attempt)
    return RecoveryCodes.shown(codes)


def remove_factor(user_id: UUID, given: Proof, client: Client, *, session_id: UUID) -> None:
    """Turn the factor off, by itself or by a recovery code. All other sessions end.

    Raises:
        FactorNotFound: none is on.
        WrongCode: the code is wrong, or was used before.
    """
    factor = _confirmed(user_id)
    attempt = throttle("factor", str(user_id), client.address)
    step = step_of(factor.sealed, user_id, given)
    with system_transaction(f"user:{user_id}") as tx:
        store.delete_challenges(tx, user_id)  # first, as signing in locks them first
        _require(tx, factor, given, step)
        store.delete_factor(tx, user_id)
        told = _tell(tx, user_id, "removed", besides=session_id)
    _after(told, attempt)


def renew_recovery_codes(user_id: UUID, given: Proof, client: Client) -> RecoveryCodes:
    """Make new recovery codes in the place of those there are.

    Raises:
        FactorNotFound: no factor is on.
        WrongCode: the code is wrong, or was used before.
    """
    factor = _confirmed(user_id)
    attempt = throttle("factor", str(user_id), client.address)
    step = step_of(factor.sealed, user_id, given)
    codes = new_recovery_codes()
    with system_transaction(f"user:{user_id}") as tx:
        _require(tx, factor, given, step)
        store.replace_recovery_codes(tx, user_id, [recovery_hash(code) for code in codes])
        told = _tell(tx, user_id, "recovery_codes")
    _after(told, attempt)
    return RecoveryCodes.shown(codes)


def step_of(sealed: bytes, user_id: UUID, given: Proof) -> int | None:
    """The time step of the code that was given, if one was. Asks KMS."""
    return totp.step_of(totp.unseal(sealed, user_id), given.code) if given.code else None


def accept(tx: Tx, user_id: UUID, sealed: bytes, given: Proof, step: int | None) -> ProvenBy | None:
    """Use up what was given, if it is good: a code's time step, or a recovery code. None where it
    is not, or was used before.
    """
    if given.recovery_code is not None:
        good = store.use_recovery_code(tx, user_id, recovery_hash(given.recovery_code))
        return "recovery_code" if good else None
    good = step is not None and store.accept_step(tx, user_id, sealed, step)
    return "totp" if good else None


def _require(tx: Tx, factor: Factor, given: Proof, step: int | None) -> None:
    if accept(tx, factor.user_id, factor.sealed, given, step) is None:
        raise WrongCode(errors=(_wrong("/code" if given.code else "/recovery_code"),))


def _confirmed(user_id: UUID) -> Factor:
    factor = queries.find_factor(user_id)
    if factor is None or not factor.confirmed:
        raise FactorNotFound
    return factor


def _tell(tx: Tx, user_id: UUID, change: Change, *, besides: UUID | None = None) -> Told:
    """Tell the person by mail and their workspaces by an event; end other sessions than `besides`,
    where one is named.
    """
    version = person_store.next_version(tx, user_id)
    mail_id = mails.want_mail(tx, _NOTICES[change], user_id)
    ended = people.tell_everywhere(
        tx,
        user_id,
        lambda inside: SecondFactorChanged(
            **inside.envelope(user_id, version), factor="totp", change=change
        ),
        ending="factor_changed" if besides else None,
        besides=besides,
    )
    return Told(mail_id, ended)


def _after(told: Told, attempt: Attempt) -> None:
    people.forget_sessions(told.ended)
    mails.ring([told.mail_id])
    forgive(attempt)


def _wrong(pointer: str) -> FieldError:
    return FieldError(pointer, "wrong, or used before", "wrong_code")
