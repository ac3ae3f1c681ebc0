"""Reading requests, and who they are about."""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString
from uuid import UUID

from functions.privacy.models import (
    KEPT_DAYS,
    Asked,
    ExportNotThere,
    PrivacyRequest,
    RequestNotFound,
    RequestRef,
)
from shared.cursors import Key
from shared.db import Tx, resolve

_ALL: LiteralString = """
    select id, kind, contact_id, address as email, state, reason, round, steps,
        export_size as size, requested_by, attempts, version, created_at, updated_at, finished_at
    from privacy_requests where workspace_id = %(workspace_id)s
"""


def get_request(tx: Tx, request_id: UUID) -> PrivacyRequest:
    """The request with this id.

    Raises:
        RequestNotFound: this workspace has none.
    """
    found = tx.one(PrivacyRequest, _ALL + " and id = %(id)s", id=request_id)
    if found is None:
        raise RequestNotFound
    return found


def list_requests(tx: Tx, *, limit: int, after: Key | None = None) -> list[PrivacyRequest]:
    """Requests newest first, from after `after`: up to `limit` of them."""
    at, last_id = after or (None, None)
    return tx.all(
        PrivacyRequest,
        _ALL
        + """
            and (created_at, id) < (
                coalesce(%(at)s::timestamptz, 'infinity'),
                coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            )
        order by created_at desc, id desc
        limit %(limit)s
        """,
        at=at,
        last_id=last_id,
        limit=limit,
    )


def is_due(tx: Tx, request_id: UUID) -> bool:
    """Whether there is something to be done about a request now."""
    found = tx.one(
        int,
        """
        select 1 from privacy_requests
        where workspace_id = %(workspace_id)s and id = %(id)s
            and state in ('waiting', 'running') and due_at <= now()
        """,
        id=request_id,
    )
    return found is not None


def export_key(tx: Tx, request_id: UUID) -> str:
    """Where an export that can be downloaded is in the bucket.

    Raises:
        ExportNotThere: there is none.
    """
    key = tx.one(
        str,
        """
        select export_key from privacy_requests
        where workspace_id = %(workspace_id)s and id = %(id)s and state = 'done'
            and export_key is not null and finished_at > now() - make_interval(days => %(days)s)
        """,
        id=request_id,
        days=KEPT_DAYS,
    )
    if key is None:
        raise ExportNotThere
    return key


def find_contact(tx: Tx, contact_id: UUID) -> Asked | None:
    """The contact, deleted or not, if the caller sees it."""
    return tx.one(
        Asked,
        "select email from contacts where workspace_id = %(workspace_id)s and id = %(id)s",
        id=contact_id,
    )


def is_own(tx: Tx, address: str) -> bool:
    """Whether an address is a mailbox's of the workspace."""
    found = tx.one(
        int,
        """
        select 1 from mailboxes
        where workspace_id = %(workspace_id)s and address = %(address)s limit 1
        """,
        address=address,
    )
    return found is not None


def is_member(tx: Tx, address: str) -> bool:
    """Whether an address is a member's; no, for whoever may not see members."""
    query = "select user_id from app.find_member(%(address)s) as user_id"
    return tx.one(UUID, query, address=address) is not None


def contacts_of(tx: Tx, contact_id: UUID | None, address: str | None) -> list[UUID]:
    """The contacts that a request is about, deleted or not."""
    return tx.all(
        UUID,
        """
        select id from contacts where workspace_id = %(workspace_id)s and id = %(id)s
        union
        select id from contacts
        where workspace_id = %(workspace_id)s and email = %(address)s and deleted_at is null
        union
        select id from contacts
        where workspace_id = %(workspace_id)s and email = %(address)s and deleted_at is not null
        order by 1
        """,
        id=contact_id,
        address=address,
    )


def names_of(tx: Tx, contact_ids: list[UUID], address: str | None) -> list[str]:
    """What they are called: as contacts, and beside their address in mails; at most 100 names."""
    return tx.all(
        str,
        """
        select name from contacts where workspace_id = %(workspace_id)s and id = any(%(ids)s)
        union
        select name from email_participants
        where workspace_id = %(workspace_id)s and email = %(address)s and name <> ''
        limit 100
        """,
        ids=contact_ids,
        address=address,
    )


def due_requests(*, most: int) -> list[RequestRef]:
    """Requests that are due, in whichever workspace, the one that waits longest first."""
    return resolve(
        RequestRef,
        """
        select workspace_id, request_id from app.resolve_due_privacy_requests(%(most)s)
        """,
        most=most,
    )


def old_exports(before: datetime, *, most: int) -> list[RequestRef]:
    """Requests whose export was made before then and is still there."""
    return resolve(
        RequestRef,
        "select workspace_id, request_id from app.resolve_old_exports(%(before)s, %(most)s)",
        before=before,
        most=most,
    )
