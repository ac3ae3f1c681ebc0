"""Writing requests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from functions.privacy.models import (
    AlreadyAsked,
    Kind,
    Lost,
    PrivacyRequest,
    Step,
    Taken,
)
from shared.db import Tx
from shared.ids import uuid7

LEASE_S = 180
"""For how long whoever works on a request has it, after each batch."""
_SHOWN: LiteralString = """
    id, kind, contact_id, address as email, state, reason, round, steps, export_size as size,
    requested_by, attempts, version, created_at, updated_at, finished_at
"""


class _Row(NamedTuple):
    id: UUID
    kind: Kind
    contact_id: UUID | None
    contact_ids: list[UUID]
    address: str | None
    names: list[str]
    round: int
    steps: dict[str, Any]
    objects: list[str]
    attempts: int


def insert_request(
    tx: Tx, kind: Kind, contact_id: UUID | None, address: str | None
) -> PrivacyRequest:
    """Store a new request.

    Raises:
        AlreadyAsked: one of this kind is open for the person; `existing_id` names it.
    """
    query: LiteralString = """
        insert into privacy_requests (workspace_id, id, kind, contact_id, address, requested_by)
        values (%(workspace_id)s, %(id)s, %(kind)s, %(contact_id)s, %(address)s, %(requested_by)s)
        on conflict (workspace_id, kind, coalesce(address, contact_id::text))
            where state in ('waiting', 'running') do nothing
        returning
    """
    made = tx.one(
        PrivacyRequest,
        query + _SHOWN,
        id=uuid7(),
        kind=kind,
        contact_id=contact_id,
        address=address,
        requested_by=tx.actor,
    )
    if made is None:
        raise AlreadyAsked(existing_id=_open(tx, kind, contact_id, address))
    return made


def _open(tx: Tx, kind: Kind, contact_id: UUID | None, address: str | None) -> str | None:
    return tx.one(
        str,
        """
        select id::text from privacy_requests
        where workspace_id = %(workspace_id)s and kind = %(kind)s
            and coalesce(address, contact_id::text) = %(subject)s
            and state in ('waiting', 'running')
        """,
        kind=kind,
        subject=address or str(contact_id),
    )


def take_request(tx: Tx, request_id: UUID, claim: UUID) -> Taken | None:
    """Take a request up; None if it is not due: it is done, or somebody works on it."""
    row = tx.one(
        _Row,
        """
        update privacy_requests
        set state = 'running', claim = %(claim)s, attempts = attempts + 1,
            due_at = now() + make_interval(secs => %(lease_s)s), updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s
            and state in ('waiting', 'running') and due_at <= now()
        returning id, kind, contact_id, contact_ids, address, names, round, steps, objects,
            attempts
        """,
        id=request_id,
        claim=claim,
        lease_s=LEASE_S,
    )
    if row is None:
        return None
    steps = {name: Step.model_validate(step) for name, step in row.steps.items()}
    person = tuple(row.contact_ids), row.address, tuple(row.names)
    rest = row.round, steps, tuple(row.objects), row.attempts
    return Taken(row.id, claim, row.kind, row.contact_id, *person, *rest)


def set_person(
    tx: Tx,
    taken: Taken,
    contact_ids: Sequence[UUID],
    names: Sequence[str],
    fingerprint: bytes | None,
) -> None:
    """Write down whom it is about, before anything of theirs is gone; by the fingerprint of their
    address, mails that come in from now on are told apart.
    """
    _update(
        tx,
        taken,
        "contact_ids = %(contact_ids)s, names = %(names)s, fingerprint = %(fingerprint)s",
        contact_ids=list(contact_ids),
        names=list(names),
        fingerprint=fingerprint,
    )


def retry_request(tx: Tx, request_id: UUID) -> PrivacyRequest | None:
    """Have a request that was given up tried again, from where it was; None if it was not, or if
    whom it is about was erased.

    Raises:
        AlreadyAsked: another one is open for the person. The transaction can then only roll back.
    """
    query: LiteralString = """
        update privacy_requests
        set state = 'waiting', reason = null, round = 1, attempts = 0, due_at = now(),
            finished_at = null, version = version + 1, updated_at = now()
        where workspace_id = %(workspace_id)s and id = %(id)s and state = 'failed'
            and reason is distinct from 'erased'
        returning
    """
    try:
        return tx.one(PrivacyRequest, query + _SHOWN, id=request_id)
    except UniqueViolation as error:
        raise AlreadyAsked from error


def is_given_up(tx: Tx, request_id: UUID) -> bool:
    """Whether there will be no export, whoever works on it."""
    query = """
        select export_key is null from privacy_requests
        where workspace_id = %(workspace_id)s and id = %(id)s
    """
    return tx.one(bool, query, id=request_id) is not False


def hold(tx: Tx, taken: Taken) -> None:
    """Go on with a request, for as long again, and keep its row to the end of the transaction.

    Raises:
        Lost: it is somebody else's by now.
    """
    _update(tx, taken, "due_at = now() + make_interval(secs => %(lease_s)s)", lease_s=LEASE_S)


def write_steps(
    tx: Tx, taken: Taken, steps: Mapping[str, Step], objects: Sequence[str] = ()
) -> None:
    """Write down how far it is, and objects that are to be deleted besides those that are."""
    _update(
        tx,
        taken,
        "steps = %(steps)s, objects = objects || %(objects)s",
        steps=_steps(steps),
        objects=Jsonb(list(objects)),
    )


def forget_objects(tx: Tx, taken: Taken, keys: Sequence[str]) -> None:
    """These are deleted."""
    _update(tx, taken, "objects = objects - %(keys)s::text[]", keys=list(keys))


def set_export_key(tx: Tx, taken: Taken, key: str | None) -> None:
    """Write down where the export will be, before it is; or that it is gone."""
    _update(tx, taken, "export_key = %(key)s", key=key)


def put_off(tx: Tx, taken: Taken, steps: Mapping[str, Step], *, wait_s: float, fresh: bool) -> None:
    """Let go of a request that is not done; `fresh`: it got on, so that no attempt counts."""
    _update(
        tx,
        taken,
        """
        state = 'waiting', claim = null, steps = %(steps)s,
        attempts = case when %(fresh)s then 0 else attempts end,
        due_at = now() + make_interval(secs => %(wait_s)s)
        """,
        steps=_steps(steps),
        wait_s=wait_s,
        fresh=fresh,
    )


def next_round(tx: Tx, taken: Taken, steps: Mapping[str, Step], *, wait_s: float) -> None:
    """Have everything gone through once more."""
    _update(
        tx,
        taken,
        """
        state = 'waiting', claim = null, steps = %(steps)s, attempts = 0, round = round + 1,
        due_at = now() + make_interval(secs => %(wait_s)s)
        """,
        steps=_steps(steps),
        wait_s=wait_s,
    )


def finish_erasure(tx: Tx, taken: Taken, steps: Mapping[str, Step]) -> int:
    """It is done; the address goes, its fingerprint stays. Its new version."""
    return _update(
        tx,
        taken,
        """
        state = 'done', claim = null, finished_at = now(), steps = %(steps)s, address = null,
        names = '{}', version = version + 1
        """,
        steps=_steps(steps),
    )


def finish_export(tx: Tx, taken: Taken, steps: Mapping[str, Step], size: int) -> int:
    """It is done; its new version."""
    return _update(
        tx,
        taken,
        """
        state = 'done', claim = null, finished_at = now(), steps = %(steps)s, names = '{}',
        export_size = %(size)s, version = version + 1
        """,
        steps=_steps(steps),
        size=size,
    )


def fail_request(tx: Tx, taken: Taken, steps: Mapping[str, Step], reason: str) -> int:
    """It is given up; its new version. An erasure that is tried again needs the names: where they
    were found may be gone by now.
    """
    return _update(
        tx,
        taken,
        """
        state = 'failed', claim = null, finished_at = now(), steps = %(steps)s,
        names = case kind when 'erasure' then names else '{}' end,
        fingerprint = null, reason = %(reason)s, version = version + 1
        """,
        steps=_steps(steps),
        reason=reason,
    )


def expire_export(tx: Tx, request_id: UUID) -> str | None:
    """An export that was kept for long enough: forget it and whose it was; where it is."""
    return tx.one(
        str,
        """
        with was as (
            select id, export_key from privacy_requests
            where workspace_id = %(workspace_id)s and id = %(id)s for update
        )
        update privacy_requests r
        set export_key = null, address = null, updated_at = now(), version = r.version + 1
        from was where r.workspace_id = %(workspace_id)s and r.id = was.id
        returning was.export_key
        """,
        id=request_id,
    )


def _update(tx: Tx, taken: Taken, change: LiteralString, **values: Any) -> int:
    """Change the request if it is still whoever took it up who does; its version.

    Raises:
        Lost: it is not.
    """
    begin: LiteralString = "update privacy_requests set updated_at = now(), "
    end: LiteralString = """
        where workspace_id = %(workspace_id)s and id = %(id)s and claim = %(claim)s
            and state = 'running'
        returning version::int
    """
    version = tx.one(int, begin + change + end, id=taken.id, claim=taken.claim, **values)
    if version is None:
        raise Lost
    return version


def _steps(steps: Mapping[str, Step]) -> Jsonb:
    return Jsonb(json.loads(json.dumps({name: step.stored() for name, step in steps.items()})))
