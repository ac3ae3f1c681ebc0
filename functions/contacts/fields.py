"""What contacts can be filtered and sorted by."""

from shared.filters import ID, INSTANT, TEXT, TEXTS, Column, Object

CONTACTS = Object(
    "contacts",
    {
        "name": Column(TEXT, "name", order="name"),
        "email": Column(TEXT, "email"),
        "phone": Column(TEXT, "phone"),
        "company": Column(TEXT, "company"),
        "job_title": Column(TEXT, "job_title"),
        "tags": Column(TEXTS, "tags"),
        "owner_id": Column(ID, "owner_id"),
        "created_at": Column(INSTANT, "created_at", order="created_at"),
        "updated_at": Column(INSTANT, "updated_at", order="updated_at"),
    },
)
