"""Reading whose an account elsewhere is."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from functions.auth.models.external import Identity
from shared.db import Tx, resolve

_CLAIMED = """
    select u.id as user_id, u.email_verified_at is not null as verified,
        f.confirmed_at is not null as second_factor
    from users u left join totp_factors f on f.user_id = u.id
    where u.email = %(email)s
"""


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


def has_identity(tx: Tx, user_id: UUID, identity: Identity) -> bool:
    """Whether an account elsewhere still gets the person in; if so, it does until the transaction
    ends: who ends that comes before, and is seen here, or after, and ends what was opened.
    """
    query = """
        select 1 from users where id = %(id)s for share
    """
    tx.one(int, query, id=user_id)
    query = """
        select 1 from external_identities
        where issuer = %(issuer)s and subject = %(subject)s and user_id = %(id)s
    """
    given = {"issuer": identity.issuer, "subject": identity.subject}
    return tx.one(int, query, id=user_id, **given) is not None


def find_claimed(email: str) -> Claimed | None:
    """The account with an address, in its normalised form."""
    found = resolve(Claimed, _CLAIMED, email=email)
    return found[0] if found else None


def find_claimed_in(tx: Tx, email: str) -> Claimed | None:
    """The same, in a transaction that is open."""
    return tx.one(Claimed, _CLAIMED, email=email)


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
