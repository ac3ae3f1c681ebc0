"""Reading single sign-on: for those who set it up, and for signing in by it."""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from functions.auth.models.sso import Connection, SsoNotFound, SsoRules, StoredSso
from shared.db import Tx, resolve

_SHOWN: LiteralString = """
    id, issuer, client_id, domains, default_role, required, enabled, version, created_at, updated_at
"""


def get_sso(tx: Tx) -> StoredSso:
    """The workspace's single sign-on.

    Raises:
        SsoNotFound: there is none.
    """
    found = find_sso(tx)
    if found is None:
        raise SsoNotFound
    return found


def is_confirmed(tx: Tx) -> bool:
    """Whether the caller's own address is."""
    query = "select verified from app.name_members(array[%(user_id)s::uuid])"
    return tx.one(bool, query, user_id=tx.user_id) is True


def proven_domains(tx: Tx) -> set[str]:
    """The domains at which an owner or administrator has an address that is confirmed."""
    return set(
        tx.all(
            str,
            """
            select distinct split_part(email, '@', 2)
            from app.name_members(array(
                select user_id from memberships
                where workspace_id = %(workspace_id)s and role in ('owner', 'admin')
                    and ended_at is null))
            where verified
            """,
        )
    )


def find_sso(tx: Tx) -> StoredSso | None:
    """The workspace's single sign-on, if it has one."""
    query: LiteralString = "select " + _SHOWN
    rest: LiteralString = " from sso_connections where workspace_id = %(workspace_id)s"
    return tx.one(StoredSso, query + rest)


def find_connection(tx: Tx) -> Connection | None:
    """What it takes to sign in by it, if it is on."""
    return tx.one(
        Connection,
        """
        select issuer, client_id, client_secret, domains, default_role from sso_connections
        where workspace_id = %(workspace_id)s and enabled
        """,
    )


def find_rules(tx: Tx) -> SsoRules | None:
    """What it says of sessions."""
    return tx.one(
        SsoRules,
        """
        select required, enabled, sessions_from from sso_connections
        where workspace_id = %(workspace_id)s
        """,
    )


def closed_to(user_id: UUID) -> set[UUID]:
    """The workspaces of a person's that they enter by single sign-on alone."""
    return set(
        resolve(
            UUID, "select workspace_id from app.resolve_sso_required(%(user_id)s)", user_id=user_id
        )
    )


def closed_in(tx: Tx, user_id: UUID) -> set[UUID]:
    """The same, in a transaction that is open."""
    return set(
        tx.all(
            UUID, "select workspace_id from app.resolve_sso_required(%(user_id)s)", user_id=user_id
        )
    )
