"""What tasks can be filtered and sorted by."""

from typing import get_args

from functions.activities.models import Status
from shared.filters import ID, INSTANT, TEXT, Column, Object, choice

TASKS = Object(
    "tasks",
    {
        "title": Column(TEXT, "title"),
        "status": Column(choice(*get_args(Status)), "status"),
        # Sorted as if those without a date were due at the end of time.
        "due_at": Column(INSTANT, "due_at", order="coalesce(due_at, 'infinity')"),
        "contact_id": Column(ID, "contact_id"),
        "email_id": Column(ID, "email_id"),
        "owner_id": Column(ID, "owner_id"),
        "created_by": Column(TEXT, "created_by"),
        "created_at": Column(INSTANT, "created_at", order="created_at"),
        "updated_at": Column(INSTANT, "updated_at"),
    },
)
