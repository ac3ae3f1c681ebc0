"""Reading second factors, and the sign-ins that wait for them."""

from __future__ import annotations

from uuid import UUID

from functions.auth.models.factors import CHALLENGE_ATTEMPTS, Challenge, Factor
from shared.db import resolve


def find_factor(user_id: UUID) -> Factor | None:
    """A person's second factor, confirmed or not."""
    found = resolve(
        Factor,
        """
        select user_id, sealed, confirmed_at is not null as confirmed, last_step
        from totp_factors where user_id = %(user_id)s
        """,
        user_id=user_id,
    )
    return found[0] if found else None


def find_challenge(challenge_hash: bytes) -> Challenge | None:
    """A sign-in that waits for its second factor, if there are attempts left."""
    found = resolve(
        Challenge,
        """
        select c.user_id, f.sealed
        from challenges c join totp_factors f on f.user_id = c.user_id
        where c.hash = %(hash)s and c.expires_at > now() and c.attempts < %(most)s
            and f.confirmed_at is not null
        """,
        hash=challenge_hash,
        most=CHALLENGE_ATTEMPTS,
    )
    return found[0] if found else None
