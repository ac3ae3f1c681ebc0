"""Reading people, memberships and sessions."""

from __future__ import annotations

from uuid import UUID

from functions.auth.models.accounts import Account, Membership, Session
from shared.db import Tx, resolve


def find_account(email: str) -> Account | None:
    """The person with this address, in its normalised form."""
    found = resolve(
        Account,
        """
        select u.id, u.password_hash, f.confirmed_at is not null as second_factor
        from users u left join totp_factors f on f.user_id = u.id
        where u.email = %(email)s
        """,
        email=email,
    )
    return found[0] if found else None


def memberships_of(user_id: UUID) -> list[Membership]:
    """The workspaces a person belongs to, oldest membership first."""
    return resolve(
        Membership,
        "select workspace_id, role from app.resolve_memberships(%(user_id)s)",
        user_id=user_id,
    )


def memberships_in(tx: Tx, user_id: UUID) -> list[Membership]:
    """The same, in a transaction that is open."""
    return tx.all(
        Membership,
        "select workspace_id, role from app.resolve_memberships(%(user_id)s)",
        user_id=user_id,
    )


def find_session(tx: Tx, session_id: UUID) -> Session | None:
    """The sign-in, if it is neither revoked nor over and the person has been a member all the time:
    who comes back signs in anew. In a workspace that is to be deleted owners alone have one.
    """
    return tx.one(
        Session,
        """
        select s.user_id, s.method, m.role, r.grants, s.expires_at
        from sessions s
        join memberships m on m.workspace_id = s.workspace_id and m.user_id = s.user_id
            and m.ended_at is null and (m.rejoined_at is null or m.rejoined_at <= s.created_at)
        left join roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
        where s.workspace_id = %(workspace_id)s and s.id = %(id)s
            and s.revoked_at is null and s.expires_at > now()
            and (m.role = 'owner' or not app.is_closing(s.workspace_id))
        """,
        id=session_id,
    )
