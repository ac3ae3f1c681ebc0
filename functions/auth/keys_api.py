"""`/api/v1/keys`: a member's API keys, or everybody's for those who may.

A function of its own, as crm_app: so the database holds callers to their permissions, and what
answers them cannot read what keys are made of.
"""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Response

from functions.auth.commands import api_keys as commands
from functions.auth.models.api_keys import (
    Key,
    KeyChange,
    KeyWithSecret,
    NewKey,
)
from functions.auth.queries import api_keys as queries
from shared.http import (
    DEFAULT_LIMIT,
    CurrentCaller,
    CursorParam,
    IfMatch,
    Limit,
    Page,
    Transaction,
    create_app,
    decode_cursor,
    expected_version,
    http_handler,
    needs,
    page,
    set_etag,
    unrepeatable,
)

app = create_app("API keys")
app.description = (
    "Ways in for programs. A key acts on behalf of the member who made it, and may do what both its"
    " grants and that member's role permit. It is sent as `Authorization: Bearer <key>`."
)

_WRITE = needs("keys.write")
_SHOWN_ONCE = unrepeatable("the answer holds a secret, which is shown once and not kept")

Whose = Annotated[
    Literal["own", "everybody"],
    Query(description="`everybody` takes the permission keys.settings."),
]
Revoked = Annotated[bool, Query(description="Only those that are revoked, in place of the others.")]


@app.post("/api/v1/keys", status_code=201, openapi_extra=_WRITE | _SHOWN_ONCE)
async def create_key(
    new: NewKey, caller: CurrentCaller, tx: Transaction, response: Response
) -> KeyWithSecret:
    """Make an API key. The `key` of the answer is not shown again, to nobody."""
    caller.require_person()
    made = commands.make_key(tx, new, caller)
    response.headers["Location"] = f"/api/v1/keys/{made.id}"
    response.headers["Cache-Control"] = "no-store"
    set_etag(response, made.version)
    return made


@app.get("/api/v1/keys", openapi_extra=_WRITE)
async def list_keys(
    caller: CurrentCaller,
    tx: Transaction,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
    whose: Whose = "own",
    revoked: Revoked = False,
) -> Page[Key]:
    """The API keys that the caller may see, newest first, never with the key itself."""
    if whose == "everybody":
        caller.access.require("keys.settings")
    found = queries.list_keys(
        tx,
        user_id=caller.user_id if whose == "own" else None,
        revoked=revoked,
        limit=limit + 1,
        after=decode_cursor(cursor),
    )
    return page(found, limit, key=lambda key: (key.created_at, key.id))


@app.get("/api/v1/keys/{key_id}", openapi_extra=_WRITE)
async def get_key(key_id: UUID, tx: Transaction, response: Response) -> Key:
    """One of your own keys, or of anybody's with the permission keys.settings."""
    key = queries.get_key(tx, key_id)
    set_etag(response, key.version)
    return key


@app.patch("/api/v1/keys/{key_id}", openapi_extra=_WRITE)
async def change_key(
    key_id: UUID, change: KeyChange, tx: Transaction, response: Response, if_match: IfMatch = None
) -> Key:
    """Changes the fields that are given. A key never permits more than its member may."""
    version = expected_version(if_match)
    key = commands.rename_key(tx, key_id, change.name, version=version)
    set_etag(response, key.version)
    return key


@app.delete("/api/v1/keys/{key_id}", status_code=204, openapi_extra=_WRITE)
async def revoke_key(key_id: UUID, tx: Transaction) -> None:
    """Revoke a key, for good: within a minute nobody gets in by it any more."""
    commands.revoke_key(tx, key_id)


handler = http_handler(app)
