"""Writing of accounts that are erased. What tells of a person in the tables of others is taken out
by functions of the database (`app.redact_person`, `app.redact_acts`, `app.forget_person`), who may
do so for those alone who asked for it.
"""

from __future__ import annotations

from uuid import UUID

from functions.auth.models.erasure import EndedKey, Erasure, Leaving, Stage
from shared.db import Tx


def lock_person(tx: Tx, user_id: UUID) -> Leaving | None:
    """A person, for whom nothing else changes until the transaction ends; None where they are
    erased.
    """
    return tx.one(
        Leaving,
        """
        select id, email, version + 1 as version from users
        where id = %(id)s and erased_at is null for update
        """,
        id=user_id,
    )


def empty_person(tx: Tx, person: Leaving) -> None:
    """Leave nothing of a person but their id: nobody signs in by it, and the address is free."""
    tx.run(
        """
        insert into account_erasures (user_id, email) values (%(id)s, %(email)s)
        """,
        id=person.id,
        email=person.email,
    )
    tx.run(
        """
        update users set email = 'erased-' || id || '@invalid', name = 'Former member',
            password_hash = 'none', email_verified_at = null, erased_at = now(),
            version = %(version)s, updated_at = now()
        where id = %(id)s
        """,
        id=person.id,
        version=person.version,
    )
    forget_person(tx, person.id)


def forget_person(tx: Tx, user_id: UUID) -> None:
    """Delete what is a person's own and belongs to no workspace: factors, mails, identities."""
    tx.run("select app.forget_person(%(id)s)", id=user_id)


def take_erasure(tx: Tx, user_id: UUID) -> Erasure | None:
    """An erasure to go on with; None where it is done, or somebody else is at it."""
    return tx.one(
        Erasure,
        """
        select e.user_id, e.email, e.stage, e.done_until, e.redacted_until, e.failed,
            e.requested_at, u.version
        from account_erasures e join users u on u.id = e.user_id
        where e.user_id = %(id)s and e.finished_at is null and e.due_at <= now()
        for update of e skip locked
        """,
        id=user_id,
    )


def begin_stage(tx: Tx, user_id: UUID, stage: Stage) -> None:
    """Begin with the first workspace."""
    tx.run(
        """
        update account_erasures set stage = %(stage)s, done_until = null, redacted_until = null
        where user_id = %(id)s
        """,
        id=user_id,
        stage=stage,
    )


def begin_again(tx: Tx, user_id: UUID, *, wait_s: int) -> None:
    """Begin another round in `wait_s` seconds."""
    tx.run(
        """
        update account_erasures set stage = 'leaving', done_until = null, redacted_until = null,
            failed = 0, due_at = now() + make_interval(secs => %(wait_s)s)
        where user_id = %(id)s
        """,
        id=user_id,
        wait_s=wait_s,
    )


def note_done(tx: Tx, user_id: UUID, workspace_id: UUID, *, failed: bool = False) -> None:
    """Note the last workspace that is done in this stage, or that it failed."""
    tx.run(
        """
        update account_erasures set done_until = %(done)s, redacted_until = null,
            failed = failed + %(failed)s
        where user_id = %(id)s
        """,
        id=user_id,
        done=workspace_id,
        failed=int(failed),
    )


def note_redacted(tx: Tx, user_id: UUID, until: UUID) -> None:
    """Note how far the audit log of the workspace that is next is redacted."""
    tx.run(
        "update account_erasures set redacted_until = %(until)s where user_id = %(id)s",
        id=user_id,
        until=until,
    )


def finish_erasure(tx: Tx, user_id: UUID) -> None:
    """Note that all of it is done, and forget what the address was."""
    tx.run(
        "update account_erasures set email = null, finished_at = now() where user_id = %(id)s",
        id=user_id,
    )


def end_keys(tx: Tx, user_id: UUID) -> list[EndedKey]:
    """Revoke a person's keys in this workspace and forget from where they were used; those that
    were not revoked before.
    """
    tx.run(
        """
        update api_keys set last_used_from = null
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s
        """,
        user_id=user_id,
    )
    return tx.all(
        EndedKey,
        """
        update api_keys set revoked_at = now(), version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s and revoked_at is null
        returning id, name, version
        """,
        user_id=user_id,
    )


def delete_sessions(tx: Tx, user_id: UUID) -> int:
    """Delete all sessions of a person in this workspace, with their tokens."""
    return tx.run(
        "delete from sessions where workspace_id = %(workspace_id)s and user_id = %(user_id)s",
        user_id=user_id,
    )


def redact_person(tx: Tx, user_id: UUID, address: str) -> None:
    """Take a person out of what this workspace tells, but its audit log: feed, invitations,
    mailboxes.
    """
    tx.run("select app.redact_person(%(id)s, %(address)s)", id=user_id, address=address)


def redact_acts(tx: Tx, user_id: UUID, *, after: UUID | None, most: int) -> UUID | None:
    """Take a person out of up to `most` rows of this workspace's audit log, from after `after`; the
    last one's id, None where there are no more.
    """
    query = "select app.redact_acts(%(id)s, %(after)s, %(most)s)"
    return tx.one(UUID, query, id=user_id, after=after, most=most)
