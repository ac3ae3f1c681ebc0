"""Writing second factors, recovery codes, and sign-ins between two factors."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from functions.auth.models.factors import CHALLENGE_ATTEMPTS, CHALLENGE_LIVES_S
from shared.db import Tx


def put_factor(tx: Tx, user_id: UUID, sealed: bytes) -> bool:
    """Store a factor that is not confirmed, in the place of another such one; whether that was
    possible: one that is confirmed stays.
    """
    return bool(
        tx.run(
            """
            insert into totp_factors as f (user_id, sealed) values (%(user_id)s, %(sealed)s)
            on conflict (user_id) do update
            set sealed = excluded.sealed, created_at = now()
            where f.confirmed_at is null
            """,
            user_id=user_id,
            sealed=sealed,
        )
    )


def confirm_factor(tx: Tx, user_id: UUID, sealed: bytes, step: int) -> bool:
    """Let a factor count, by a code of that step; whether it still was that one and waiting."""
    return bool(
        tx.run(
            """
            update totp_factors set confirmed_at = now(), last_step = %(step)s
            where user_id = %(user_id)s and sealed = %(sealed)s and confirmed_at is null
            """,
            user_id=user_id,
            sealed=sealed,
            step=step,
        )
    )


def accept_step(tx: Tx, user_id: UUID, sealed: bytes, step: int) -> bool:
    """Use up a time step of a factor and all before it; whether it was not used up yet."""
    return bool(
        tx.run(
            """
            update totp_factors set last_step = %(step)s
            where user_id = %(user_id)s and sealed = %(sealed)s and confirmed_at is not null
                and last_step < %(step)s
            """,
            user_id=user_id,
            sealed=sealed,
            step=step,
        )
    )


def delete_factor(tx: Tx, user_id: UUID) -> None:
    """Delete a person's factor, with its recovery codes and the sign-ins that wait for it."""
    tx.run("delete from totp_factors where user_id = %(user_id)s", user_id=user_id)


def replace_recovery_codes(tx: Tx, user_id: UUID, hashes: Sequence[bytes]) -> None:
    """Store recovery codes in the place of those there are."""
    tx.run("delete from recovery_codes where user_id = %(user_id)s", user_id=user_id)
    tx.run(
        """
        insert into recovery_codes (user_id, hash)
        select %(user_id)s, hash from unnest(%(hashes)s::bytea[]) as hash
        """,
        user_id=user_id,
        hashes=list(hashes),
    )


def use_recovery_code(tx: Tx, user_id: UUID, code_hash: bytes) -> bool:
    """Use up a recovery code; whether it was one."""
    return bool(
        tx.run(
            "delete from recovery_codes where user_id = %(user_id)s and hash = %(hash)s",
            user_id=user_id,
            hash=code_hash,
        )
    )


def insert_challenge(tx: Tx, challenge_hash: bytes, user_id: UUID) -> bool:
    """Store a sign-in that waits for its second factor; whether there still is one."""
    return bool(
        tx.run(
            """
            insert into challenges (hash, user_id, expires_at)
            select %(hash)s, user_id, now() + make_interval(secs => %(lives_s)s)
            from totp_factors where user_id = %(user_id)s and confirmed_at is not null
            """,
            hash=challenge_hash,
            user_id=user_id,
            lives_s=CHALLENGE_LIVES_S,
        )
    )


def take_attempt(tx: Tx, challenge_hash: bytes) -> bool:
    """Count an attempt at a challenge, which is then locked; whether there was one left."""
    return bool(
        tx.run(
            """
            update challenges set attempts = attempts + 1
            where hash = %(hash)s and expires_at > now() and attempts < %(most)s
            """,
            hash=challenge_hash,
            most=CHALLENGE_ATTEMPTS,
        )
    )


def delete_challenge(tx: Tx, challenge_hash: bytes) -> None:
    """Let a challenge that was met be met no more."""
    tx.run("delete from challenges where hash = %(hash)s", hash=challenge_hash)


def delete_challenges(tx: Tx, user_id: UUID) -> None:
    """Let all of a person's sign-ins begin anew: their password is another."""
    tx.run("delete from challenges where user_id = %(user_id)s", user_id=user_id)


def delete_old_challenges(tx: Tx) -> int:
    """Delete challenges that are over."""
    return tx.run("delete from challenges where expires_at < now() - interval '1 day'")
