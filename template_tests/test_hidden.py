"""A field that is hidden from somebody is in no answer of any route, and written by none.

The routes are found in the apps, so one that is added tomorrow is tried tomorrow.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, LiteralString

import pytest
from psycopg import sql

from shared.access import EVERYTHING, HIDEABLE, Access
from shared.testing import Answer, Call, Database, Workspace
from template_tests.surface import Operation, operations
from template_tests.tenants import Tenant, move_in
from template_tests.test_idempotency import SCENES
from template_tests.test_tenancy import outside

__all__ = ["outside"]

PRIVATE = [one for one in operations() if not one.public]
HIDDEN = frozenset(f"{thing}.{name}" for thing, names in HIDEABLE.items() for name in names)
_HIDING = Access(EVERYTHING.reach, HIDDEN)


@dataclass(frozen=True)
class Marked:
    """A workspace in whose records every field that can be hidden holds a text of its own."""

    tenant: Tenant
    texts: dict[str, str]

    def seen_in(self, answer: Answer) -> set[str]:
        """The fields whose texts are in an answer."""
        said = answer.body.decode() + json.dumps(answer.headers)
        return {name for name, text in self.texts.items() if text in said}


@pytest.fixture
def marked(database: Database, new_workspace: Callable[[], Workspace]) -> Marked:
    tenant = move_in(database, new_workspace)
    texts = {name: f"hidden{n}x{tenant.mark[-8:]}" for n, name in enumerate(sorted(HIDDEN))}
    texts["contacts.email"] += "@example.com"
    for name, text in texts.items():
        table, column = name.split(".")
        change: Any = sql.SQL("update {} set {} = %(text)s where workspace_id = %(w)s").format(
            sql.Identifier(table), sql.Identifier(column)
        )
        database.admin(change, text=text, w=tenant.workspace.id)
    told: tuple[LiteralString, ...] = (
        """
        update event_log set payload = payload || jsonb_build_object('email', %(email)s::text)
        where workspace_id = %(w)s
        """,
        """
        update webhook_deliveries d set body = jsonb_build_object('type', e.type, 'data', e.payload)
        from event_log e where d.workspace_id = %(w)s and e.workspace_id = %(w)s
        """,
    )
    for statement in told:
        database.admin(statement, email=texts["contacts.email"], w=tenant.workspace.id)
    return Marked(tenant, texts)


def _ask(call: Call, one: Operation, marked: Marked, access: Access, body: Any) -> Answer:
    ids = {f"{kind}_id": found for kind, found in marked.tenant.ids.items()}
    scene = SCENES.get(one.name)
    return call(
        one.handler,
        one.method,
        one.path.format(**ids) + (scene.query if scene else ""),
        body,
        headers={"If-Match": "*"},
        workspace=marked.tenant.workspace,
        role=one.role,
        access=access,
    )


def _body(one: Operation) -> Any:
    scene = SCENES.get(one.name)
    return (scene.body if scene else None) or ({} if one.body else None)


@pytest.mark.parametrize("operation", PRIVATE, ids=lambda one: one.name)
def test_what_is_hidden_is_in_no_answer(
    operation: Operation, marked: Marked, call: Call, outside: None
) -> None:
    answer = _ask(call, operation, marked, _HIDING, _body(operation))
    assert answer.status < 500 or answer.status == 503, answer.body
    assert marked.seen_in(answer) == set()


def test_the_texts_are_there_to_be_seen(marked: Marked, call: Call, outside: None) -> None:
    """The instrument itself: whoever may see everything meets each of them somewhere."""
    met: set[str] = set()
    for one in PRIVATE:
        if one.method == "GET":
            met |= marked.seen_in(_ask(call, one, marked, EVERYTHING, None))
    assert met == HIDDEN


def _writing() -> Iterator[tuple[Operation, str, str]]:
    """Every route whose body has a field that can be hidden, with that field."""
    for one in PRIVATE:
        thing = one.path.split("/")[3]
        schema = one.body or {}
        named = schema.get("$ref", "").rpartition("/")[2]
        fields = one.schemas.get(named, schema).get("properties", {})
        for name in sorted(HIDEABLE.get(thing, frozenset()) & fields.keys()):
            yield one, thing, name


@pytest.mark.parametrize(
    ("operation", "thing", "name"),
    [pytest.param(*each, id=f"{each[0].name} {each[2]}") for each in _writing()],
)
@pytest.mark.parametrize("value", ["ada@example.com", None])
def test_what_is_hidden_is_not_written(
    operation: Operation, thing: str, name: str, value: str | None, marked: Marked, call: Call
) -> None:
    access = Access(EVERYTHING.reach, frozenset({f"{thing}.{name}"}))
    body = {**(_body(operation) or {}), name: value}
    answer = _ask(call, operation, marked, access, body)
    assert (answer.status, answer.json["code"]) == (403, "not_permitted"), answer.body
    [error] = answer.json["errors"]
    assert error["pointer"] in (f"/{name}", "/query/match")


def test_there_are_such_routes() -> None:
    found = {(one.name, name) for one, _, name in _writing()}
    assert ("POST /api/v1/contacts", "phone") in found
    assert ("PATCH /api/v1/tasks/{task_id}", "notes") in found
    assert len(found) >= 14
