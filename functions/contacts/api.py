"""`/api/v1/contacts`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response

from functions.contacts import commands, queries
from functions.contacts.fields import CONTACTS
from functions.contacts.models import (
    Contact,
    ContactChange,
    ContactEdit,
    NewContact,
    UnknownMatch,
)
from shared.access import NotPermitted
from shared.db import Tx
from shared.errors import FieldError
from shared.filters import Listing
from shared.http import (
    ALONE,
    IfMatch,
    Transaction,
    create_app,
    expected_version,
    http_handler,
    needs,
    set_etag,
    unrepeatable,
)
from shared.http.edits import CHANGE, Edit, Edited
from shared.http.listing import CHANGES_NOTHING, ListParams, ListQuery, answer
from shared.http.pages import CountedPage
from shared.operations import as_operation

app = create_app("Contacts")

Match = Annotated[
    str, Query(description="What a contact is found by.", json_schema_extra={"enum": ["email"]})
]
_CREATED: dict[int | str, dict[str, Any]] = {201: {"model": Contact, "description": "Created."}}


@app.post("/api/v1/contacts", status_code=201, openapi_extra=needs("contacts.write"))
async def create_contact(new: NewContact, tx: Transaction, response: Response) -> Contact:
    """Creates a contact. Whoever creates it owns it, unless `owner_id` says otherwise."""
    contact = commands.create_contact(tx, new)
    response.headers["Location"] = f"/api/v1/contacts/{contact.id}"
    set_etag(response, contact.version)
    return contact


@app.put("/api/v1/contacts", openapi_extra=needs("contacts.write"), responses=_CREATED)
async def upsert_contact(
    new: NewContact, match: Match, tx: Transaction, response: Response
) -> Contact:
    """Changes the contact that has this email, only what is given; creates it if there is none."""
    if match != "email":
        raise UnknownMatch(errors=(FieldError("/query/match", "expected email", "unknown"),))
    if match in tx.access.hidden_of("contacts"):  # or it could be tried out whose contact there is
        hidden = FieldError("/query/match", "this field is hidden from you", "permission")
        raise NotPermitted(errors=(hidden,))
    contact, created = commands.upsert_contact(tx, new)
    if created:
        response.status_code = 201
        response.headers["Location"] = f"/api/v1/contacts/{contact.id}"
    set_etag(response, contact.version)
    return contact


@app.get("/api/v1/contacts", openapi_extra=needs("contacts.read"))
async def list_contacts(asked: ListParams, tx: Transaction) -> CountedPage[Contact]:
    """The contacts that the caller sees, newest first unless sorted otherwise, a page at a time."""
    return _listed(tx, asked.listing(CONTACTS, tx.access))


@app.post(
    "/api/v1/contacts/query", openapi_extra=needs("contacts.read") | unrepeatable(CHANGES_NOTHING)
)
async def query_contacts(asked: ListQuery, tx: Transaction) -> CountedPage[Contact]:
    """The contacts that a filter lets through, a page at a time."""
    return _listed(tx, asked.listing(CONTACTS, tx.access))


@app.post("/api/v1/contacts/bulk-edit", openapi_extra=needs("contacts.write"), dependencies=[ALONE])
async def edit_contacts(asked: Edit[ContactEdit], tx: Transaction) -> Edited:
    """Changes every contact that a filter lets through and that has other values, newest first and
    up to `limit` of them, in one transaction: an operation, which can be undone.
    """
    listing = asked.listing(CONTACTS, tx.access)

    def edit() -> int:
        return commands.edit_contacts(tx, listing, asked.change, at=CHANGE)

    operation_id, changed = as_operation(tx, "bulk_edit", edit)
    return Edited(operation_id=operation_id, changed=changed, more=changed == asked.limit)


@app.get("/api/v1/contacts/{contact_id}", openapi_extra=needs("contacts.read"))
async def get_contact(contact_id: UUID, tx: Transaction, response: Response) -> Contact:
    """One contact, with its version as `ETag`."""
    contact = queries.get_contact(tx, contact_id)
    set_etag(response, contact.version)
    return contact


@app.patch("/api/v1/contacts/{contact_id}", openapi_extra=needs("contacts.write"))
async def change_contact(
    contact_id: UUID,
    change: ContactChange,
    tx: Transaction,
    response: Response,
    if_match: IfMatch = None,
) -> Contact:
    """Changes the fields that are given; null clears what may be empty."""
    version = expected_version(if_match)
    contact = commands.change_contact(tx, contact_id, change, version=version)
    set_etag(response, contact.version)
    return contact


@app.delete(
    "/api/v1/contacts/{contact_id}", status_code=204, openapi_extra=needs("contacts.delete")
)
async def delete_contact(contact_id: UUID, tx: Transaction, if_match: IfMatch = None) -> None:
    """Deletes a contact. Its tasks and mails stay."""
    version = expected_version(if_match) if if_match else None
    commands.delete_contact(tx, contact_id, version=version)


def _listed(tx: Tx, listing: Listing) -> CountedPage[Contact]:
    return answer(tx, listing, queries.find_contacts, queries.count_contacts)


handler = http_handler(app)
