"""Contacts in GraphQL."""

from functions.contacts import commands, queries
from functions.contacts.fields import CONTACTS
from functions.contacts.models import Contact, ContactChange, NewContact
from shared.graph import Create, Delete, Graph, Kind, Listed, ToOne, Update

GRAPH = Graph(
    kinds=(Kind("Contact", Contact, needs="contacts.read", find=queries.contacts_by_ids),),
    lists=(
        Listed(
            "contacts",
            "Contact",
            of=CONTACTS,
            find=queries.find_contacts,
            count=queries.count_contacts,
            about="The people the workspace knows.",
        ),
    ),
    links=(
        ToOne(
            "Email",
            "contact",
            "Contact",
            by="sender_email",
            find=queries.contacts_by_emails,
            key="email",
            tells="contacts.email",
            about="The contact that has the sender's address.",
        ),
        ToOne("Task", "contact", "Contact", by="contact_id", about="The contact that it is about."),
    ),
    changes=(
        Create(
            "create_contact",
            "Contact",
            needs="contacts.write",
            given=NewContact,
            run=commands.create_contact,
            about="Creates a contact.",
        ),
        Update(
            "update_contact",
            "Contact",
            needs="contacts.write",
            given=ContactChange,
            run=commands.change_contact,
            about="Changes the fields of a contact that are given; null clears one.",
        ),
        Delete(
            "delete_contact",
            "Contact",
            needs="contacts.delete",
            run=commands.delete_contact,
            about="Deletes a contact.",
        ),
    ),
)
