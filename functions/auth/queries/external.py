"""Reading whose an account elsewhere is."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from functions.auth.models.external import Identity
from shared.db import Tx, resolve


class Claimed(NamedTuple):
    """An account that has the address somebody comes with."""

    user_id: UUID
    verified: bool
    second_factor: bool


def find_by_identity(identity: Identity) -> UUID | None:
    """The person whose account elsewhere it is."""
    found = resolve(
        UUID,
        """
        select user_id from external_identities
        where issuer = %(issuer)s and subject = %(subject)s
        """,
        issuer=identity.issuer,
        subject=identity.subject,
    )
    return found[0] if found else None


def find_claimed(email: str) -> Claimed | None:
    """The account with an address, in its normalised form."""
    found = resolve(
        Claimed,
        """
        select u.id as user_id, u.email_verified_at is not null as verified,
            f.confirmed_at is not null as second_factor
        from users u left join totp_factors f on f.user_id = u.id
        where u.email = %(email)s
        """,
        email=email,
    )
    return found[0] if found else None


def find_by_sso(tx: Tx, identity: Identity) -> UUID | None:
    """The person whom this workspace's provider knows by that name."""
    return tx.one(
        UUID,
        """
        select user_id from sso_identities
        where workspace_id = %(workspace_id)s and issuer = %(issuer)s and subject = %(subject)s
        """,
        issuer=identity.issuer,
        subject=identity.subject,
    )
