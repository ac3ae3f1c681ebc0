"""Reading people: for themselves, and for what they change."""

from __future__ import annotations

from uuid import UUID

from functions.auth.models.people import DescribedPerson, Person
from shared.db import Tx, resolve


def find_person(user_id: UUID) -> Person | None:
    """A person by id."""
    found = resolve(
        Person,
        """
        select id, email, name, password_hash, email_verified_at is not null as email_verified,
            version
        from users where id = %(id)s and erased_at is null
        """,
        id=user_id,
    )
    return found[0] if found else None


def find_described(user_id: UUID) -> DescribedPerson | None:
    """A person by id, with what second factor there is."""
    found = resolve(
        DescribedPerson,
        """
        select u.id, u.email, u.name,
            u.email_verified_at is not null as email_verified,
            f.confirmed_at is not null as second_factor,
            (select count(*)::int from recovery_codes c where c.user_id = u.id)
                as recovery_codes_left,
            exists (select from external_identities i where i.user_id = u.id) as google
        from users u left join totp_factors f on f.user_id = u.id
        where u.id = %(id)s and u.erased_at is null
        """,
        id=user_id,
    )
    return found[0] if found else None


def has_factor(tx: Tx, user_id: UUID) -> bool:
    """Whether a second factor is on, for a person who is held."""
    query = "select 1 from totp_factors where user_id = %(id)s and confirmed_at is not null"
    return tx.one(int, query, id=user_id) is not None


def has_password(tx: Tx, user_id: UUID, password_hash: str) -> bool:
    """Whether a password is still the person's; if so, it stays that until the transaction ends.

    Verifying a password takes a while, in which it may be reset. What is opened by it must not
    outlive that: either the reset comes first and is seen here, or it waits, and then ends what was
    opened.
    """
    query = """
        select 1 from users where id = %(id)s and password_hash = %(hash)s for share
    """
    return tx.one(int, query, id=user_id, hash=password_hash) is not None
