"""Erasing an account: a person asks for it once, and it goes on by itself until it is done.

The first transaction is the one that counts: from its commit on there is no such account, its
address is free, and the workspaces it owned with others are left. Then all others are left, so that
nobody gets in anywhere, and then each forgets who they were, so much in a transaction, noted in it;
so it may end anywhere and be gone on with. What they made in a workspace stays, without a name: it
is the workspace's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from events.auth import AccountErasureRequested, ApiKeyRevoked
from functions.auth import session_cache
from functions.auth.commands import factors, passwords
from functions.auth.commands.sessions import end_sessions
from functions.auth.models.erasure import (
    EraseAccount,
    Erasure,
    LastOwnerOfSome,
    Leaving,
    NotProven,
    Owned,
)
from functions.auth.models.factors import Factor, FactorNotFound, WrongCode
from functions.auth.models.passwords import WrongPassword
from functions.auth.models.people import PersonNotFound
from functions.auth.models.sessions import Client
from functions.auth.queries import accounts, people
from functions.auth.queries import erasure as queries
from functions.auth.queries import factors as factor_queries
from functions.auth.queries import sessions as session_queries
from functions.auth.store import erasure as store
from functions.auth.throttle import forget_account, forgive, throttle
from shared.auth import Caller
from shared.db import Tx, system_transaction, transaction
from shared.errors import FieldError
from shared.log import logger, metrics
from shared.origin import NOWHERE, coming_from
from shared.tenancy import close_workspace, end_membership, has_another_owner, hold_members

AT_ONCE_S = 10.0
"""For how long whoever asks waits for what could also happen later."""
AGAIN_S = 3600
"""How long a workspace that failed waits for another round."""
MOST_ACTS = 5000
"""Rows of an audit log that are redacted in one transaction, far within a statement's time."""
_NOWHERE = UUID(int=0)


def erase_account(caller: Caller, session_id: UUID, given: EraseAccount, client: Client) -> None:
    """Erase the caller's account.

    Raises:
        NotProven: nothing was given, and the session is not a fresh one by an account elsewhere.
        NotBySso: by a workspace's provider alone nobody erases what other workspaces know them by.
        WrongPassword, WrongCode, FactorNotFound: what was given is not right.
        LastOwnerOfSome: some workspaces have no other owner. Nothing was changed.
        PersonNotFound: it is erased.
        Throttled: too many attempts.
    """
    if given.password is not None:
        person = passwords.check_password(caller.user_id, given.password, client, at="/password")
        _leave(caller.user_id, password_hash=person.password_hash)
    elif given.proof is not None:
        _leave_by_code(caller.user_id, given, client)
    else:
        _require_fresh(caller, session_id)
        _leave(caller.user_id)
    try:
        erase(caller.user_id, until=time.monotonic() + AT_ONCE_S)
    except Exception:  # the job goes on
        logger.exception("an account is not all erased yet")


def erase(user_id: UUID, *, until: float) -> bool:
    """Go on with an erasure until all is done or it is so late by `time.monotonic`; whether all is
    done. Nothing happens where somebody else is at it.
    """
    while time.monotonic() < until:
        turn = _step(user_id)
        if turn is None:
            return False
        if turn.ended:
            session_cache.end(turn.place, turn.ended)
        if turn.last:
            forget_account(turn.email, str(user_id))
            if _finished(user_id):
                return True
    return False


def _require_fresh(caller: Caller, session_id: UUID) -> None:
    with transaction(caller.workspace_id, user_id=caller.user_id) as tx:
        found = queries.find_sign_in(tx, session_id)
    if found is None or not found.proves:
        raise NotProven
    if caller.by_sso:
        with system_transaction(caller.actor) as tx:
            places = queries.every_workspace(tx, caller.user_id)
        if places != [caller.workspace_id]:
            caller.require_own_sign_in()


def _leave_by_code(user_id: UUID, given: EraseAccount, client: Client) -> None:
    factor = factor_queries.find_factor(user_id)
    if factor is None or not factor.confirmed:
        raise FactorNotFound
    attempt = throttle("factor", str(user_id), client.address)
    proof = given.proof
    assert proof is not None
    _leave(user_id, by=(factor, given, factors.step_of(factor.sealed, user_id, proof)))
    forgive(attempt)


def _leave(
    user_id: UUID,
    *,
    password_hash: str | None = None,
    by: tuple[Factor, EraseAccount, int | None] | None = None,
) -> None:
    """The transaction that counts. What proved who asks has to be good in it, too."""
    with system_transaction(f"user:{user_id}") as tx:
        person = store.lock_person(tx, user_id)
        if person is None:
            raise PersonNotFound
        if password_hash is not None and not people.has_password(tx, user_id, password_hash):
            changed = FieldError("/password", "it has just changed", "wrong_password")
            raise WrongPassword(errors=(changed,))
        if by is not None:
            _use_up(tx, *by)
        _leave_owned(tx, person)
        store.empty_person(tx, person)


def _use_up(tx: Tx, factor: Factor, given: EraseAccount, step: int | None) -> None:
    assert given.proof is not None
    if factors.accept(tx, factor.user_id, factor.sealed, given.proof, step) is None:
        at = "/code" if given.code else "/recovery_code"
        raise WrongCode(errors=(FieldError(at, "wrong, or used before", "wrong_code"),))


def _leave_owned(tx: Tx, person: Leaving) -> None:
    """Leave the workspaces that the person owns, all or none: while another owner is there, who can
    leave no less before this is committed.
    """
    owned = [one for one in accounts.memberships_in(tx, person.id) if one.role == "owner"]
    alone: list[Owned] = []
    for workspace_id in sorted(one.workspace_id for one in owned):
        with tx.entering(workspace_id) as inside:
            hold_members(inside)
            if not inside.closing and not has_another_owner(inside, person.id):
                alone.append(queries.describe_here(inside))
            else:
                _end(inside, person.id, person.version)
    if alone:
        raise LastOwnerOfSome(alone)


def _end(inside: Tx, user_id: UUID, version: int) -> None:
    if end_membership(inside, user_id):
        inside.emit(AccountErasureRequested(**inside.envelope(user_id, version)))


class _Turn(NamedTuple):
    """What was done in one transaction: the sessions that ended in a workspace, or the last."""

    email: str
    place: UUID = _NOWHERE
    ended: Sequence[UUID] = ()
    last: bool = False


def _step(user_id: UUID) -> _Turn | None:
    """Go on in the next workspace; None if there is nothing to do now. It comes from nowhere, so
    that nothing more is written of where the person is. What fails in a workspace is left for
    another round: it holds up no other.
    """
    with coming_from(NOWHERE), system_transaction(f"user:{user_id}") as tx:
        found = store.take_erasure(tx, user_id)
        if found is None:
            return None
        left = queries.every_workspace(tx, user_id, after=found.done_until)
        if not left:
            if found.stage == "redacting":
                return _Turn(found.email, last=True)
            store.begin_stage(tx, user_id, "redacting")
            return _Turn(found.email)
        try:
            with tx.entering(left[0]) as inside:
                ended = _leave_here(inside, found) if found.stage == "leaving" else ()
                more = _redact_here(inside, found) if found.stage == "redacting" else None
        except Exception:
            metrics.add_metric(name="AccountErasureFailed", unit="Count", value=1)
            logger.exception("a workspace still tells of an account")
            store.note_done(tx, user_id, left[0], failed=True)
            return _Turn(found.email)
        if more is not None:
            store.note_redacted(tx, user_id, more)
        else:
            store.note_done(tx, user_id, left[0])
        return _Turn(found.email, left[0], ended)


def _leave_here(inside: Tx, found: Erasure) -> Sequence[UUID]:
    """Let a person leave one workspace, and nobody get in as them; the sessions that ended."""
    hold_members(inside)
    # Made at the same moment as they left: there is nobody who could ever enter it.
    if queries.is_owner(inside, found.user_id) and not has_another_owner(inside, found.user_id):
        close_workspace(inside, found.user_id, grace_s=0)
    _end(inside, found.user_id, found.version)
    ended = end_sessions(inside, found.user_id, reason="membership_ended")
    for key in store.end_keys(inside, found.user_id):
        envelope = inside.envelope(key.id, key.version)
        inside.emit(ApiKeyRevoked(**envelope, user_id=found.user_id, name=key.name))
    store.delete_sessions(inside, found.user_id)
    return ended


def _redact_here(inside: Tx, found: Erasure) -> UUID | None:
    """Take a person out of what a workspace tells, so much at a time; how far that went, None where
    nothing is left.
    """
    if found.redacted_until is None:
        store.redact_person(inside, found.user_id, found.email)
    return store.redact_acts(inside, found.user_id, after=found.redacted_until, most=MOST_ACTS)


def _finished(user_id: UUID) -> bool:
    """Whether nothing has come in between: an access token outlives its session by a moment."""
    with coming_from(NOWHERE), system_transaction(f"user:{user_id}") as tx:
        found = store.take_erasure(tx, user_id)
        if found is None:
            return False
        if found.failed:
            store.begin_again(tx, user_id, wait_s=AGAIN_S)
            return False
        if accounts.memberships_in(tx, user_id) or session_queries.workspaces_with_sessions(
            tx, user_id
        ):
            store.begin_again(tx, user_id, wait_s=0)
            return False
        store.forget_person(tx, user_id)
        store.finish_erasure(tx, user_id)
        return True
