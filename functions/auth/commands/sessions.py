"""Opening and ending sessions.

A session is opened in the transaction of whatever proved who somebody is: `open_session`, with an
`Issuer` made before the transaction, since the signing key may have to be fetched. Who has no
transaction calls `enter`.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from events.auth import SessionOpened, SessionRevoked
from functions.auth import tokens
from functions.auth.keys import Jwk
from functions.auth.models.accounts import Membership, NotAMember, Token, WrongCredentials
from functions.auth.models.external import Identity, NotProven
from functions.auth.models.sessions import (
    Client,
    Ended,
    Method,
    Reason,
    RefreshToken,
)
from functions.auth.models.sso import SsoRequired
from functions.auth.queries import accounts, external, people, sso
from functions.auth.store import sessions as store
from shared.db import Tx, transaction
from shared.ids import uuid7
from shared.settings import setting


@dataclass(frozen=True, slots=True)
class Issuer:
    """What it takes to give tokens: the signing key, and for how many seconds they are good.

    A session ends `idle_s` after it was last refreshed, and `longest_s` after its person signed in.
    """

    key: Jwk
    access_s: int
    idle_s: int
    longest_s: int

    def token(
        self,
        session_id: UUID,
        user_id: UUID,
        membership: Membership,
        refresh: RefreshToken,
        *,
        expires_at: datetime,
        memberships: Sequence[Membership],
    ) -> Token:
        """The answer to somebody who signed in or refreshed. No access token outlives its session;
        the authorizer sees to that.
        """
        claims = tokens.Claims(user_id, membership.workspace_id, session_id, membership.role)
        left = (expires_at - datetime.now(UTC)).total_seconds()
        return Token(
            access_token=tokens.sign(claims, self.key, lifetime_s=self.access_s),
            expires_in=self.access_s,
            refresh_token=refresh.text,
            refresh_expires_in=max(round(left), 1),
            workspace_id=membership.workspace_id,
            user_id=user_id,
            role=membership.role,
            memberships=list(memberships),
        )


def issuer() -> Issuer:
    """The issuer of this moment. May call Secrets Manager, so ask for it before a transaction."""
    return Issuer(
        key=tokens.signing_key(),
        access_s=tokens.lifetime_s(),
        idle_s=int(setting("SESSION_IDLE_SECONDS", str(30 * 24 * 3600))),
        longest_s=int(setting("SESSION_LONGEST_SECONDS", str(90 * 24 * 3600))),
    )


def open_session(
    tx: Tx,
    user_id: UUID,
    membership: Membership,
    *,
    by: Issuer,
    method: Method,
    client: Client,
    memberships: Sequence[Membership],
    signed_in_at: datetime | None = None,
) -> Token:
    """Open a session in the transaction's workspace, which is the membership's; its tokens.

    `memberships` are all of the person's, for the answer. `signed_in_at` is when the person proved
    who they are, where that was for another session.
    """
    session_id, refresh = uuid7(), RefreshToken.new(tx.workspace_id)
    expires_at = store.insert_session(
        tx,
        session_id,
        user_id,
        refresh.hash,
        method=method,
        client=client,
        signed_in_at=signed_in_at,
        idle_s=by.idle_s,
        longest_s=by.longest_s,
    )
    tx.emit(SessionOpened(**tx.envelope(session_id), user_id=user_id, method=method))
    return by.token(
        session_id, user_id, membership, refresh, expires_at=expires_at, memberships=memberships
    )


def enter(
    user_id: UUID,
    *,
    workspace_id: UUID | None,
    method: Method,
    client: Client,
    password_hash: str | None = None,
    identity: Identity | None = None,
) -> Token:
    """Open a session for somebody who has proved who they are, in the workspace named or the first
    one they joined. Opens its own transaction. `password_hash` is what proved it by a password,
    `identity` by an account elsewhere.

    Raises:
        NotAMember: the person does not belong to that workspace, or to any.
        SsoRequired: it is entered by its single sign-on alone.
        WrongCredentials: the password has been replaced since it was found right, or no longer is
            enough.
        NotProven: the account elsewhere gets them in no more.
    """
    by = issuer()
    memberships = accounts.memberships_of(user_id)
    chosen = choose(memberships, workspace_id, closed=sso.closed_to(user_id))
    with transaction(chosen.workspace_id, user_id=user_id) as tx:
        if password_hash is not None and not people.has_password(tx, user_id, password_hash):
            raise WrongCredentials
        if method == "password" and people.has_factor(tx, user_id):
            raise WrongCredentials
        if identity is not None and not external.has_identity(tx, user_id, identity):
            raise NotProven
        return open_session(
            tx,
            user_id,
            chosen,
            by=by,
            method=method,
            client=client,
            memberships=memberships,
        )


def choose(
    memberships: Sequence[Membership], workspace_id: UUID | None, *, closed: Container[UUID]
) -> Membership:
    """The membership in that workspace, or the first one that is not in `closed`: those that are
    entered by single sign-on alone.

    Raises:
        NotAMember: there is none.
        SsoRequired: it is closed, or all are.
    """
    fitting = [one for one in memberships if workspace_id in (None, one.workspace_id)]
    if not fitting:
        raise NotAMember
    for membership in fitting:
        if membership.workspace_id not in closed:
            return membership
    raise SsoRequired


def end_session(tx: Tx, session_id: UUID, user_id: UUID, *, reason: Reason) -> bool:
    """End one of a person's sessions in the transaction's workspace; whether there was one with
    this id that was not over.
    """
    ended = store.revoke_session(tx, session_id, user_id, reason)
    _tell(tx, [ended] if ended else [], reason)
    return ended is not None


def end_sessions(
    tx: Tx, user_id: UUID, *, reason: Reason, besides: UUID | None = None
) -> list[UUID]:
    """End a person's sessions in the transaction's workspace, all but one where `besides` names it;
    the ids of those that ended.
    """
    ended = store.revoke_sessions(tx, user_id, reason, besides=besides)
    _tell(tx, ended, reason)
    return [one.id for one in ended]


def _tell(tx: Tx, ended: Sequence[Ended], reason: Reason) -> None:
    for one in ended:
        envelope = tx.envelope(one.id, one.version)
        tx.emit(SessionRevoked(**envelope, user_id=one.user_id, reason=reason))
