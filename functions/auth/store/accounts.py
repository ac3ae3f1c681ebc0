"""Writing people."""

from __future__ import annotations

from uuid import UUID

from functions.auth.models.accounts import AccountExists
from shared.db import Tx


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
