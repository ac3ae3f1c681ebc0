"""Writing people and sessions."""

from __future__ import annotations

from uuid import UUID

from functions.auth.models.accounts import AccountExists
from shared.db import Tx
from shared.ids import uuid7


def insert_account(tx: Tx, *, user_id: UUID, email: str, name: str, password_hash: str) -> None:
    """Store a new person.

    Raises:
        AccountExists: somebody has the address.
    """
    stored = tx.run(
        """
        insert into users (id, email, name, password_hash)
        values (%(id)s, %(email)s, %(name)s, %(password_hash)s)
        on conflict (email) do nothing
        """,
        id=user_id,
        email=email,
        name=name,
        password_hash=password_hash,
    )
    if not stored:
        raise AccountExists


def insert_session(tx: Tx, user_id: UUID, *, lifetime_s: int) -> UUID:
    """Store a sign-in that ends with the token it gives; its id."""
    session_id = uuid7()
    tx.run(
        """
        insert into sessions (workspace_id, id, user_id, expires_at)
        values (%(workspace_id)s, %(id)s, %(user_id)s,
            now() + make_interval(secs => %(lifetime_s)s))
        """,
        id=session_id,
        user_id=user_id,
        lifetime_s=lifetime_s,
    )
    return session_id
