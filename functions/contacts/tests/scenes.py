"""What tests of contacts, and of what belongs to one, make."""

from typing import Any

from functions.contacts.api import handler
from shared.testing import Call

URL = "/api/v1/contacts"


def make_contact(call: Call, **fields: Any) -> dict[str, Any]:
    answer = call(handler, "POST", URL, {"name": "Ada Lovelace", **fields})
    assert answer.status == 201, answer.json
    return answer.json
