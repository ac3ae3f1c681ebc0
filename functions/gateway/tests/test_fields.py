"""`GET /api/v1/fields`: the one catalogue of what can be filtered."""

from __future__ import annotations

from functions.gateway.api.callers import handler
from functions.gateway.apis import find_apis
from functions.gateway.objects import find_objects
from shared.access import NOTHING, PERMISSIONS, access_of
from shared.testing import Call

URL = "/api/v1/fields"


def test_it_names_objects_fields_operators_and_choices(call: Call) -> None:
    items = {one["name"]: one["fields"] for one in call(handler, "GET", URL).json["items"]}
    assert {"contacts", "tasks"} <= items.keys()
    tasks = {one["name"]: one for one in items["tasks"]}
    assert tasks["status"] == {
        "name": "status",
        "kind": "choice",
        "operators": ["eq", "ne", "in", "not_in", "exists"],
        "choices": ["open", "done"],
        "sortable": False,
    }
    assert tasks["due_at"]["sortable"]


def test_it_names_what_the_asker_may_see_alone(call: Call) -> None:
    access = access_of("contacts.read:own -contacts.email -contacts.phone")
    (contacts,) = call(handler, "GET", URL, access=access).json["items"]
    names = {one["name"] for one in contacts["fields"]}
    assert "company" in names
    assert not {"email", "phone"} & names
    assert call(handler, "GET", URL, access=NOTHING).json == {"items": []}
    assert call(handler, "GET", URL, anonymous=True).status == 401


def test_every_object_has_its_permission_and_its_list() -> None:
    documents = [api.app.openapi() for api in find_apis()]
    paths = {path: methods for one in documents for path, methods in one["paths"].items()}
    for name, of in find_objects().items():
        assert "read" in PERMISSIONS[name]
        assert of.newest.field in of.sortable(frozenset())
        (listed,) = paths[f"/api/v1/{name}"]["get"]["responses"]["200"]["content"].values()
        (queried,) = paths[f"/api/v1/{name}/query"]["post"]["responses"]["200"]["content"].values()
        assert listed["schema"] == queried["schema"]
