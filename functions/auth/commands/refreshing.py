"""Refreshing: a refresh token is good once, and gives the next one.

One that comes again was copied, whoever of the two came first: its session ends (RFC 9700
§4.14.2). Unless it is the one just used and the client looks the same, as when two tabs of a
browser wake at once: the second is told to go on with what the first one got. It gets no token, so
a thief gains nothing by it.
https://www.rfc-editor.org/rfc/rfc9700#section-4.14
"""

from __future__ import annotations

from uuid import UUID

from functions.auth import session_cache
from functions.auth.commands import sessions
from functions.auth.commands.sessions import Issuer
from functions.auth.models.accounts import Token
from functions.auth.models.sessions import (
    AlreadyRefreshed,
    Client,
    InvalidRefreshToken,
    Presented,
    Reason,
    RefreshToken,
)
from functions.auth.models.sso import GoodHereAlone, may_go_on
from functions.auth.queries import accounts as queries
from functions.auth.queries import sso
from functions.auth.store import sessions as store
from shared.db import Tx, system_transaction, transaction
from shared.log import logger


def refresh(given: str, client: Client, *, workspace_id: UUID | None = None) -> Token:
    """The tokens that follow on a refresh token: of the same session, or of one in another
    workspace of the person's, for which this one ends.

    Raises:
        InvalidRefreshToken: it is not one, or its session is over; or it was used before, and with
            that its session is over.
        AlreadyRefreshed: it was used a moment ago by the same client.
        NotAMember: the person does not belong to the other workspace. Nothing was changed.
        SsoRequired: that is entered by its single sign-on alone. Nothing was changed.
        GoodHereAlone: this session is by single sign-on. Nothing was changed.
    """
    token = RefreshToken.read(given)
    by = sessions.issuer()
    if workspace_id is None or workspace_id == token.workspace_id:
        found, following = _gone_on(token, client, by)
    else:
        found, following = _moved(token, workspace_id, client, by)
    if following is not None:
        return following
    if found is not None and found.raced:
        raise AlreadyRefreshed(retry_after_s=1)
    if found is not None and found.copied:
        session_cache.end(token.workspace_id, [found.session_id])
        about = {"session_id": str(found.session_id)}
        logger.warning("a refresh token came twice", metadata=about)
    raise InvalidRefreshToken


def sign_out(given: str) -> None:
    """End the session of a refresh token, used or not; nothing where it is over or is none."""
    try:
        token = RefreshToken.read(given)
    except InvalidRefreshToken:
        return
    with transaction(token.workspace_id) as tx:
        found = store.lock_token(tx, token.hash, Client(), longest_s=0)
        if found is not None:
            _end(tx, found, "signed_out")
    if found is not None:
        session_cache.end(token.workspace_id, [found.session_id])


_Outcome = tuple[Presented | None, Token | None]
"""The token that was presented, if there is such a one, and what follows on it, if it was good.

What is refused is returned and not raised: where a session ended, that has to be committed.
"""


def _gone_on(token: RefreshToken, client: Client, by: Issuer) -> _Outcome:
    """Refresh in the same session."""
    with transaction(token.workspace_id) as tx:
        found = _presented(tx, token, client, by)
        if found is None or not found.good:
            return found, None
        memberships = queries.memberships_in(tx, found.user_id)
        here = [one for one in memberships if one.workspace_id == tx.workspace_id]
        rules = sso.find_rules(tx)
        if not here or not may_go_on(rules, found.method, here[0].role, found.signed_in_at):
            return found, None
        following = RefreshToken.new(tx.workspace_id)
        expires_at = store.replace_token(
            tx,
            found.session_id,
            token.hash,
            following.hash,
            client=client,
            idle_s=by.idle_s,
            longest_s=by.longest_s,
        )
        return found, by.token(
            found.session_id,
            found.user_id,
            here[0],
            following,
            expires_at=expires_at,
            memberships=here if found.method == "oidc" else memberships,
        )


def _moved(token: RefreshToken, workspace_id: UUID, client: Client, by: Issuer) -> _Outcome:
    """End the session, and open one in the other workspace by the same sign-in, in one transaction:
    whoever ends all of a person's sessions meets either the one or the other.
    """
    following: Token | None = None
    with system_transaction("system:auth") as tx:
        with tx.entering(token.workspace_id) as inside:
            store.hold_person(inside, token.hash)
            found = _presented(inside, token, client, by)
        if found is None or not found.good:
            return found, None
        if found.method == "oidc":
            raise GoodHereAlone
        memberships = queries.memberships_in(tx, found.user_id)
        closed = sso.closed_in(tx, found.user_id)
        there = sessions.choose(memberships, workspace_id, closed=closed)
        for place in sorted((token.workspace_id, workspace_id)):
            with tx.entering(place) as inside:
                if place == token.workspace_id:
                    store.use_token(inside, found.session_id, token.hash)
                    _end(inside, found, "switched")
                    continue
                with inside.acting_as(f"user:{found.user_id}"):
                    following = sessions.open_session(
                        inside,
                        found.user_id,
                        there,
                        by=by,
                        method=found.method,
                        client=client,
                        memberships=memberships,
                        signed_in_at=found.signed_in_at,
                    )
    session_cache.end(token.workspace_id, [found.session_id])
    return found, following


def _presented(tx: Tx, token: RefreshToken, client: Client, by: Issuer) -> Presented | None:
    """The token and its session, locked; the session ends if the token was used before."""
    found = store.lock_token(tx, token.hash, client, longest_s=by.longest_s)
    if found is not None and found.copied:
        _end(tx, found, "reused")
    return found


def _end(tx: Tx, found: Presented, reason: Reason) -> None:
    with tx.acting_as(f"user:{found.user_id}"):
        sessions.end_session(tx, found.session_id, found.user_id, reason=reason)
