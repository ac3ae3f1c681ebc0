"""Writing people."""

from __future__ import annotations

from uuid import UUID

from functions.auth.models.accounts import AccountExists
from shared.db import Tx


def insert_account(
    tx: Tx, *, user_id: UUID, email: str, name: str, password_hash: str, verified: bool = False
) -> None:
    """Store a new person; `verified`: their address is proven to be theirs.

    Raises:
        AccountExists: somebody has the address.
    """
    stored = tx.run(
        """
        insert into users (id, email, name, password_hash, email_verified_at)
        values (%(id)s, %(email)s, %(name)s, %(password_hash)s,
            case when %(verified)s then now() end)
        on conflict (email) do nothing
        """,
        id=user_id,
        email=email,
        name=name,
        password_hash=password_hash,
        verified=verified,
    )
    if not stored:
        raise AccountExists
