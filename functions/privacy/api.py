"""`/api/v1/privacy-requests`: what people ask for about their data, and what became of it."""

from __future__ import annotations

from uuid import UUID

from fastapi import Response
from fastapi.responses import RedirectResponse

from functions.privacy import commands, queries
from functions.privacy.models import NewPrivacyRequest, PrivacyRequest
from shared.aws import client
from shared.http import (
    DEFAULT_LIMIT,
    CurrentCaller,
    CursorParam,
    Limit,
    Page,
    Transaction,
    create_app,
    decode_cursor,
    http_handler,
    needs,
    page,
    set_etag,
    transaction_of,
)
from shared.settings import setting

app = create_app("Privacy requests")

_URL_LIFE_S = 300


@app.post("/api/v1/privacy-requests", status_code=202, openapi_extra=needs("workspace.settings"))
async def create_request(
    new: NewPrivacyRequest, tx: Transaction, response: Response
) -> PrivacyRequest:
    """Asks for an export of a person's data, which takes `contacts.export` besides, or for its
    erasure, which takes `contacts.delete`. It is done in the background.
    """
    request = commands.create_request(tx, new)
    response.headers["Location"] = f"/api/v1/privacy-requests/{request.id}"
    set_etag(response, request.version)
    return request


@app.get("/api/v1/privacy-requests", openapi_extra=needs("workspace.settings"))
async def list_requests(
    tx: Transaction, limit: Limit = DEFAULT_LIMIT, cursor: CursorParam = None
) -> Page[PrivacyRequest]:
    """Exports and erasures, newest first."""
    found = queries.list_requests(tx, limit=limit + 1, after=decode_cursor(cursor))
    return page(found, limit, key=lambda request: (request.created_at, request.id))


@app.get("/api/v1/privacy-requests/{request_id}", openapi_extra=needs("workspace.settings"))
async def get_request(request_id: UUID, tx: Transaction, response: Response) -> PrivacyRequest:
    """One request: its steps and how far it is."""
    request = queries.get_request(tx, request_id)
    set_etag(response, request.version)
    return request


@app.post(
    "/api/v1/privacy-requests/{request_id}/retry",
    status_code=202,
    openapi_extra=needs("workspace.settings"),
)
async def retry_request(request_id: UUID, tx: Transaction, response: Response) -> PrivacyRequest:
    """Has a request that was given up tried again, from where it was. It takes what asking for it
    takes.
    """
    request = commands.retry_request(tx, request_id)
    set_etag(response, request.version)
    return request


@app.get(
    "/api/v1/privacy-requests/{request_id}/download",
    status_code=303,
    response_class=RedirectResponse,
    openapi_extra=needs("workspace.settings"),
)
async def download_export(request_id: UUID, caller: CurrentCaller) -> str:
    """Redirects to the export, for seven days; takes `contacts.export` besides. The URL is good for
    five minutes.
    """
    caller.access.require("contacts.export")
    with transaction_of(caller) as tx:
        key = queries.export_key(tx, request_id)
    return client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": setting("BUCKET"), "Key": key}, ExpiresIn=_URL_LIFE_S
    )


handler = http_handler(app)
