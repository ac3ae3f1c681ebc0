"""Signing in by a workspace's own provider.

Whoever runs it can have it say what they like, any address too. So what it says is good in that
workspace and nowhere else: the session cannot go on elsewhere, changes nothing about the person,
and proves no address. By its address somebody is let in who is a member already; an account of
somebody who is none is never touched.
"""

from __future__ import annotations

from secrets import token_urlsafe
from uuid import UUID

from pydantic import SecretStr

from events.auth import IdentityLinked
from functions.auth.commands import sessions
from functions.auth.models.accounts import AccountExists, Membership, Token
from functions.auth.models.external import (
    AddressNotAllowed,
    Identity,
    NoSso,
    NotInvited,
    Party,
)
from functions.auth.models.sessions import Client
from functions.auth.models.sso import SEALED_FOR, Connection, DefaultRole
from functions.auth.passwords import hash_password
from functions.auth.queries import accounts, external, sso
from functions.auth.store import accounts as account_store
from functions.auth.store import external as store
from functions.auth.store import people as people_store
from shared.db import Tx, transaction
from shared.encryption import data_key
from shared.ids import uuid7
from shared.tenancy import join_workspace

_ACTOR = "system:auth"


def connection_of(workspace_id: UUID) -> Connection:
    """How the workspace's members sign in.

    Raises:
        NoSso: there is none, or no such workspace.
    """
    with transaction(workspace_id, actor=_ACTOR) as tx:
        return _connection(tx)


def party_of(workspace_id: UUID) -> Party:
    """Who we are at the workspace's provider. Calls KMS.

    Raises:
        NoSso: it has none any more.
    """
    connection = connection_of(workspace_id)
    secret = data_key(workspace_id).unseal(connection.client_secret, column=SEALED_FOR)
    return Party(
        issuer=connection.issuer, client_id=connection.client_id, client_secret=SecretStr(secret)
    )


def enter(workspace_id: UUID, identity: Identity, client: Client) -> Token:
    """A session in the workspace for whoever its provider says it is: the member it is linked to,
    else the one with the address, else somebody new, where that is wanted.

    Raises:
        NoSso: it was switched off, or it is another provider by now.
        AddressNotAllowed: the provider does not say the address, or not that it is proven, or it is
            none of the workspace's.
        NotInvited: they are no member, and it lets nobody in who is none; or there is an account
            with the address, whose person is to say so themselves, by accepting an invitation.
    """
    with transaction(workspace_id, actor=_ACTOR) as tx:
        connection = _connection(tx, identity.issuer)
        user_id = external.find_by_sso(tx, identity)
    if user_id is None:
        email = _address(identity, connection)
        claimed = external.find_claimed(email)
        user_id = claimed.user_id if claimed else None
        if user_id is None and connection.default_role is not None:
            try:
                return _joined(workspace_id, identity, email, connection.default_role, client)
            except AccountExists:  # just now, most likely by the same person in another tab
                claimed = external.find_claimed(email)
                user_id = claimed.user_id if claimed else None
    if user_id is None:
        raise NotInvited
    return _entered(workspace_id, user_id, identity, client)


def _entered(workspace_id: UUID, user_id: UUID, identity: Identity, client: Client) -> Token:
    """A session for a member."""
    by = sessions.issuer()
    with transaction(workspace_id, user_id=user_id) as tx:
        _connection(tx, identity.issuer)
        here = [
            one for one in accounts.memberships_in(tx, user_id) if one.workspace_id == workspace_id
        ]
        if not here:
            raise NotInvited
        _link(tx, identity, user_id)
        return sessions.open_session(
            tx, user_id, here[0], by=by, method="oidc", client=client, memberships=here
        )


def _joined(
    workspace_id: UUID, identity: Identity, email: str, role: DefaultRole, client: Client
) -> Token:
    """A session for a new person, who is a member from now on. Nobody has proven the address, and
    there is no password until they reset it, which proves it.

    Raises:
        AccountExists: somebody has the address.
    """
    by = sessions.issuer()
    password_hash = hash_password(SecretStr(token_urlsafe(32)))
    user_id = uuid7()
    member = Membership(workspace_id=workspace_id, role=role)
    with transaction(workspace_id, user_id=user_id) as tx:
        _connection(tx, identity.issuer)
        account_store.insert_account(
            tx, user_id=user_id, email=email, name=identity.called, password_hash=password_hash
        )
        join_workspace(tx, user_id, role)
        _link(tx, identity, user_id)
        return sessions.open_session(
            tx, user_id, member, by=by, method="oidc", client=client, memberships=[member]
        )


def _connection(tx: Tx, issuer: str | None = None) -> Connection:
    """The workspace's single sign-on, which is still that of `issuer`."""
    found = sso.find_connection(tx)
    if found is None or issuer not in (None, found.issuer):
        raise NoSso
    return found


def _link(tx: Tx, identity: Identity, user_id: UUID) -> None:
    """Note whose account there it is.

    Raises:
        NotInvited: somebody else's, since just now.
    """
    if store.insert_sso_identity(tx, identity, user_id):
        version = people_store.next_version(tx, user_id)
        tx.emit(IdentityLinked(**tx.envelope(user_id, version), provider="sso"))
    elif external.find_by_sso(tx, identity) != user_id:
        raise NotInvited


def _address(identity: Identity, connection: Connection) -> str:
    """The address that somebody comes with the first time."""
    email = identity.email
    if email is None or identity.email_verified is False:
        raise AddressNotAllowed
    if email.rpartition("@")[2] not in connection.domains:
        raise AddressNotAllowed
    return email
