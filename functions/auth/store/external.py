"""Writing sign-ins that are under way elsewhere, and whose accounts elsewhere are whose."""

from __future__ import annotations

from uuid import UUID

from functions.auth.models.external import BEGUN_LIVES_S, Begun, Identity
from shared.db import Tx


def insert_begun(tx: Tx, state_hash: bytes, binding_hash: bytes, begun: Begun) -> None:
    """Store a sign-in that was begun."""
    tx.run(
        """
        insert into external_sign_ins (state_hash, binding_hash, provider, issuer, client_id, nonce,
            verifier, wanted, workspace_name, expires_at)
        values (%(state_hash)s, %(binding_hash)s, %(provider)s, %(issuer)s, %(client_id)s,
            %(nonce)s, %(verifier)s, %(wanted)s, %(workspace_name)s,
            now() + make_interval(secs => %(lives_s)s))
        """,
        state_hash=state_hash,
        binding_hash=binding_hash,
        lives_s=BEGUN_LIVES_S,
        **begun.model_dump(),
    )


def take_begun(tx: Tx, state_hash: bytes, binding_hash: bytes) -> Begun | None:
    """Take a sign-in up to finish it, which nobody can twice. None where it is none, is over, or
    was begun by somebody else.
    """
    return tx.one(
        Begun,
        """
        delete from external_sign_ins
        where state_hash = %(state_hash)s and binding_hash = %(binding_hash)s
            and expires_at > now()
        returning provider, issuer, client_id, nonce, verifier, wanted, workspace_name
        """,
        state_hash=state_hash,
        binding_hash=binding_hash,
    )


def delete_old_sign_ins(tx: Tx) -> int:
    """Delete sign-ins that nobody can finish any more."""
    return tx.run("delete from external_sign_ins where expires_at < now()")


def delete_identities(tx: Tx, user_id: UUID) -> int:
    """Let no account elsewhere get a person in, wherever they belong; how many did."""
    return tx.run("delete from external_identities where user_id = %(id)s", id=user_id)


def insert_identity(tx: Tx, identity: Identity, user_id: UUID) -> bool:
    """Note whose account elsewhere it is, wherever the person belongs; whether that is new."""
    stored = tx.run(
        """
        insert into external_identities (issuer, subject, user_id)
        values (%(issuer)s, %(subject)s, %(user_id)s)
        on conflict do nothing
        """,
        issuer=identity.issuer,
        subject=identity.subject,
        user_id=user_id,
    )
    return stored == 1


def insert_sso_identity(tx: Tx, identity: Identity, user_id: UUID) -> bool:
    """The same for the workspace's own provider, and in this workspace alone."""
    stored = tx.run(
        """
        insert into sso_identities (workspace_id, issuer, subject, user_id)
        values (%(workspace_id)s, %(issuer)s, %(subject)s, %(user_id)s)
        on conflict do nothing
        """,
        issuer=identity.issuer,
        subject=identity.subject,
        user_id=user_id,
    )
    return stored == 1
