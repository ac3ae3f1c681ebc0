"""`/api/v1/contacts`."""

from uuid import UUID

from fastapi import Response

from functions.contacts import commands, queries
from functions.contacts.models import Contact, ContactChange, NewContact
from shared.http import (
    DEFAULT_LIMIT,
    CursorParam,
    IfMatch,
    Limit,
    Page,
    Transaction,
    create_app,
    decode_cursor,
    expected_version,
    http_handler,
    page,
    set_etag,
)

app = create_app("Contacts")


@app.post("/api/v1/contacts", status_code=201)
async def create_contact(new: NewContact, tx: Transaction, response: Response) -> Contact:
    contact = commands.create_contact(tx, new)
    response.headers["Location"] = f"/api/v1/contacts/{contact.id}"
    set_etag(response, contact.version)
    return contact


@app.get("/api/v1/contacts")
async def list_contacts(
    tx: Transaction, limit: Limit = DEFAULT_LIMIT, cursor: CursorParam = None
) -> Page[Contact]:
    found = queries.list_contacts(tx, limit=limit + 1, after=decode_cursor(cursor))
    return page(found, limit, key=lambda contact: (contact.created_at, contact.id))


@app.get("/api/v1/contacts/{contact_id}")
async def get_contact(contact_id: UUID, tx: Transaction, response: Response) -> Contact:
    contact = queries.get_contact(tx, contact_id)
    set_etag(response, contact.version)
    return contact


@app.patch("/api/v1/contacts/{contact_id}")
async def change_contact(
    contact_id: UUID,
    change: ContactChange,
    tx: Transaction,
    response: Response,
    if_match: IfMatch = None,
) -> Contact:
    version = expected_version(if_match)
    contact = commands.change_contact(tx, contact_id, change, version=version)
    set_etag(response, contact.version)
    return contact


@app.delete("/api/v1/contacts/{contact_id}", status_code=204)
async def delete_contact(contact_id: UUID, tx: Transaction, if_match: IfMatch = None) -> None:
    version = expected_version(if_match) if if_match else None
    commands.delete_contact(tx, contact_id, version=version)


handler = http_handler(app)
