"""Mails and threads."""

from __future__ import annotations

from uuid import UUID

from fastapi import Response
from fastapi.responses import RedirectResponse

from functions.email import queries
from functions.email.fields import EMAILS
from functions.email.models import Email, EmailSummary, Thread
from shared.aws import client
from shared.db import Tx
from shared.filters import Listing, equal
from shared.http import (
    DEFAULT_LIMIT,
    CurrentCaller,
    CursorParam,
    Limit,
    Page,
    Transaction,
    create_router,
    decode_cursor,
    needs,
    page,
    set_etag,
    transaction_of,
    unrepeatable,
)
from shared.http.listing import CHANGES_NOTHING, ListParams, ListQuery, answer
from shared.http.pages import CountedPage
from shared.settings import setting

routes = create_router()

_URL_LIFE_S = 300


@routes.get("/api/v1/emails", openapi_extra=needs("emails.read"))
async def list_emails(
    asked: ListParams,
    tx: Transaction,
    mailbox_id: UUID | None = None,
    thread_id: UUID | None = None,
) -> CountedPage[EmailSummary]:
    """Mails as their mailboxes are shared, newest first unless sorted otherwise."""
    wanted = equal(mailbox_id=mailbox_id, thread_id=thread_id)
    return _listed(tx, asked.listing(EMAILS, tx.access, *wanted))


@routes.post(
    "/api/v1/emails/query", openapi_extra=needs("emails.read") | unrepeatable(CHANGES_NOTHING)
)
async def query_emails(asked: ListQuery, tx: Transaction) -> CountedPage[EmailSummary]:
    """The mails that a filter lets through, a page at a time."""
    return _listed(tx, asked.listing(EMAILS, tx.access))


def _listed(tx: Tx, listing: Listing) -> CountedPage[EmailSummary]:
    return answer(tx, listing, queries.find_emails, queries.count_emails)


@routes.get("/api/v1/emails/{email_id}", openapi_extra=needs("emails.read"))
async def get_email(email_id: UUID, tx: Transaction, response: Response) -> Email:
    """One mail with its text, attachments and what was read from it, as far as it is shared."""
    email = queries.get_email(tx, email_id)
    set_etag(response, email.version)
    return email


@routes.get(
    "/api/v1/emails/{email_id}/raw",
    status_code=303,
    response_class=RedirectResponse,
    openapi_extra=needs("emails.read"),
)
async def get_raw(email_id: UUID, caller: CurrentCaller) -> str:
    """Redirects to the mail's bytes as they were received; the URL is good for five minutes."""
    with transaction_of(caller) as tx:
        key = queries.get_raw_key(tx, email_id)
    return client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": setting("BUCKET"), "Key": key}, ExpiresIn=_URL_LIFE_S
    )


@routes.get("/api/v1/threads", openapi_extra=needs("emails.read"))
async def list_threads(
    tx: Transaction,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
    mailbox_id: UUID | None = None,
) -> Page[Thread]:
    """Conversations, the one with the newest mail first."""
    found = queries.list_threads(
        tx, limit=limit + 1, after=decode_cursor(cursor), mailbox_id=mailbox_id
    )
    return page(found, limit, key=lambda thread: (thread.last_at, thread.id))
