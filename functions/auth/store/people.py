"""Writing what people change about themselves. Each change gives the version of its event."""

from __future__ import annotations

from uuid import UUID

from shared.db import Tx


def set_password(tx: Tx, user_id: UUID, password_hash: str) -> int:
    """Store a password; the version."""
    version = tx.one(
        int,
        """
        update users set password_hash = %(hash)s, version = version + 1, updated_at = now()
        where id = %(id)s
        returning version
        """,
        id=user_id,
        hash=password_hash,
    )
    assert version is not None
    return version


def verify_email(tx: Tx, user_id: UUID) -> int | None:
    """Note that the person's mails reach them; the version. None where that was known."""
    return tx.one(
        int,
        """
        update users set email_verified_at = now(), version = version + 1, updated_at = now()
        where id = %(id)s and email_verified_at is null
        returning version
        """,
        id=user_id,
    )


def set_name(tx: Tx, user_id: UUID, name: str) -> int | None:
    """Store a name; the version. None where that is the name."""
    return tx.one(
        int,
        """
        update users set name = %(name)s, version = version + 1, updated_at = now()
        where id = %(id)s and name <> %(name)s and erased_at is null
        returning version
        """,
        id=user_id,
        name=name,
    )


def next_version(tx: Tx, user_id: UUID) -> int:
    """The version of an event about a person whose own row stays as it is."""
    version = tx.one(
        int,
        """
        update users set version = version + 1, updated_at = now() where id = %(id)s
        returning version
        """,
        id=user_id,
    )
    assert version is not None
    return version
