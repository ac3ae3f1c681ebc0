"""Signing up and signing in.

They open their transactions themselves: before one, there is no workspace yet. What takes long or
asks another service (hashing, reading the signing key) happens while none is open.
"""

from __future__ import annotations

from uuid import UUID

from functions.auth import tokens
from functions.auth.keys import Jwk
from functions.auth.models.accounts import (
    Membership,
    NotAMember,
    SignIn,
    SignUp,
    Token,
    WrongCredentials,
)
from functions.auth.passwords import hash_password, is_password
from functions.auth.queries import accounts as queries
from functions.auth.store import accounts as store
from shared.db import transaction
from shared.ids import uuid7
from shared.tenancy import open_workspace


def sign_up(new: SignUp) -> Token:
    """Create a person, and a workspace that they own.

    Raises:
        AccountExists: the address is taken. It costs as much to find out.
    """
    key = tokens.signing_key()
    lifetime_s = tokens.lifetime_s()
    password_hash = hash_password(new.password)
    user_id = uuid7()
    owner = Membership(workspace_id=uuid7(), role="owner")
    with transaction(owner.workspace_id, user_id=user_id) as tx:
        store.insert_account(
            tx, user_id=user_id, email=new.email, name=new.name, password_hash=password_hash
        )
        open_workspace(tx, new.workspace_name, user_id)
        session_id = store.insert_session(tx, user_id, lifetime_s=lifetime_s)
    return _token(user_id, owner, [owner], session_id, key, lifetime_s)


def sign_in(given: SignIn) -> Token:
    """A token for the workspace named, or for the first one the person joined.

    Raises:
        WrongCredentials: there is no such account, or the password is wrong; nobody can tell which.
        NotAMember: the person does not belong to that workspace, or to any.
    """
    account = queries.find_account(given.email)
    known = is_password(given.password, account.password_hash if account else None)
    if account is None or not known:
        raise WrongCredentials
    key = tokens.signing_key()
    lifetime_s = tokens.lifetime_s()
    memberships = queries.memberships_of(account.id)
    chosen = _choose(memberships, given.workspace_id)
    with transaction(chosen.workspace_id, user_id=account.id) as tx:
        session_id = store.insert_session(tx, account.id, lifetime_s=lifetime_s)
    return _token(account.id, chosen, memberships, session_id, key, lifetime_s)


def _choose(memberships: list[Membership], workspace_id: UUID | None) -> Membership:
    for membership in memberships:
        if workspace_id in (None, membership.workspace_id):
            return membership
    raise NotAMember


def _token(
    user_id: UUID,
    chosen: Membership,
    memberships: list[Membership],
    session_id: UUID,
    key: Jwk,
    lifetime_s: int,
) -> Token:
    claims = tokens.Claims(user_id, chosen.workspace_id, session_id, chosen.role)
    return Token(
        access_token=tokens.sign(claims, key, lifetime_s=lifetime_s),
        expires_in=lifetime_s,
        workspace_id=chosen.workspace_id,
        user_id=user_id,
        role=chosen.role,
        memberships=memberships,
    )
