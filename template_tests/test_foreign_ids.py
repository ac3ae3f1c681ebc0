"""Every place that takes an id is given another workspace's, one place at a time.

The places are found in the apps and in the graph: in paths, queries and bodies, in arguments and
inputs. All else of the request is ours and good, so that nothing but the id can be its end; and
theirs must do exactly what an id does that never existed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from graphql import GraphQLInputObjectType, get_named_type, is_list_type, is_required_argument

from functions.graphql.api import handler as graphql
from functions.graphql.ids import encode_id
from functions.graphql.schema import whole_schema
from functions.graphql.tests.scenes import URL
from shared.access import needs
from shared.errors import NotFound
from shared.http import create_app, http_handler
from shared.testing import Answer, Call, Database
from template_tests.surface import Operation
from template_tests.tenants import Tenant, rows_of
from template_tests.test_idempotency import SCENES
from template_tests.test_tenancy import PRIVATE, outside, them, us

__all__ = ["outside", "them", "us"]

_LOGS = {"audit_log", "event_log", "feed", "idempotency_keys", "outbox"}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Place:
    """Where a request takes an id: `where` is path, query or body, `keys` lead there in a body."""

    operation: Operation
    where: str
    keys: tuple[str | int, ...]

    def __str__(self) -> str:
        return f"{self.operation.name} {self.where} {'.'.join(map(str, self.keys))}"


def _places() -> Iterator[Place]:
    for one in PRIVATE:
        for where in ("path", "query"):
            for parameter in one.parameters(where):
                if where == "path" or _takes_id(parameter["schema"]):
                    yield Place(one, where, (parameter["name"],))
        if one.body:
            for keys in _within(one.body, one.schemas):
                yield Place(one, "body", keys)


def _within(schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[tuple[str | int, ...]]:
    """The ways to what takes an id in a body."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _within(one, schemas)
    if _takes_id(schema):
        yield ()
    if "items" in schema:
        yield from ((0, *rest) for rest in _within(schema["items"], schemas))
    for name, one in schema.get("properties", {}).items():
        yield from ((name, *rest) for rest in dict.fromkeys(_within(one, schemas)))


def _takes_id(schema: dict[str, Any]) -> bool:
    several = schema.get("anyOf", [schema])
    return any(one.get("format") == "uuid" for one in several)


PLACES = list({str(one): one for one in _places()}.values())


def test_places_are_found() -> None:
    """Among them one of each sort, and every id in a path."""
    found = {str(one) for one in PLACES}
    assert {
        "GET /api/v1/contacts/{contact_id} path contact_id",
        "GET /api/v1/tasks query contact_id",
        "POST /api/v1/tasks body contact_id",
        "POST /api/v1/tasks body owner_id",
    } <= found
    in_paths = {name for one in PRIVATE for name in re.findall(r"{(\w+_id)}", one.path)}
    assert {str(one.keys[0]) for one in PLACES if one.where == "path"} == in_paths


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_their_id_does_what_one_does_that_never_was(
    place: Place, us: Tenant, them: Tenant, call: Call, outside: None, database: Database
) -> None:
    before, ours = rows_of(database, them), _lasting(database, us)
    name = str(place.keys[-1] if isinstance(place.keys[-1], str) else place.keys[-2])
    kind = name.removesuffix("s").removesuffix("_id")
    tried = [them.ids[kind]] if kind in them.ids else [them.workspace.user_id, *them.ids.values()]
    for identifier in tried:
        _compare(call, place, us, them, identifier)
    assert rows_of(database, them) == before
    if place.where == "path":
        assert _lasting(database, us) == ours
        assert _ask(call, place, us, us.ids[kind]).status != 404, "nothing but the id was wrong"


def _compare(call: Call, place: Place, us: Tenant, them: Tenant, identifier: UUID) -> None:
    nowhere = uuid4()
    answer = _ask(call, place, us, nowhere)
    other = _ask(call, place, us, identifier)
    assert answer.status < 500, answer.body
    assert place.where != "path" or answer.status in (403, 404), answer.body
    assert _plain(other, identifier) == _plain(answer, nowhere)
    assert them.seen_in(other.body.decode(), besides={str(identifier)}) == []


def test_a_route_that_shows_theirs_is_seen(
    us: Tenant, them: Tenant, call: Call, database: Database
) -> None:
    app = create_app("Parrots")

    @app.get("/parrots/{contact_id}", openapi_extra=needs("contacts.read"))
    async def say(contact_id: UUID) -> dict[str, Any]:
        """Past row-level security."""
        found = database.admin("select name from contacts where id = %(id)s", id=contact_id)
        if not found:
            raise NotFound
        return found[0]

    app.get("/parrots", openapi_extra=needs("contacts.read"))(say)
    shown = app.openapi()["paths"]["/parrots/{contact_id}"]["get"]
    leak = Operation("GET", "/parrots/{contact_id}", http_handler(app), "crm_app", False, shown, {})
    theirs = them.ids["contact"]
    with pytest.raises(AssertionError, match="200"):
        _compare(call, Place(leak, "path", ("contact_id",)), us, them, theirs)
    asked = Place(replace(leak, path="/parrots"), "query", ("contact_id",))
    with pytest.raises(AssertionError, match="200"):
        _compare(call, asked, us, them, theirs)


def _ask(call: Call, place: Place, us: Tenant, identifier: UUID) -> Answer:
    """The operation's scene with ids of ours, and this one in its place."""
    operation, scene = place.operation, SCENES.get(place.operation.name)
    ids: dict[str, Any] = {f"{kind}_id": one for kind, one in (us.ids | us.other_ids).items()}
    body: Any = deepcopy(scene.body) if scene and scene.body else ({} if operation.body else None)
    query = scene.query if scene else ""
    match place.where:
        case "path":
            ids[str(place.keys[0])] = identifier
        case "query":
            query = f"{query}&" if query else "?"
            query += f"{place.keys[0]}={identifier}"
        case _:
            _put(body, place.keys, str(identifier))
    return call(
        operation.handler,
        operation.method,
        operation.path.format(**ids) + query,
        body,
        workspace=us.workspace,
        role=operation.role,
        headers={"If-Match": "*"},
    )


def _put(body: Any, keys: tuple[str | int, ...], value: str) -> None:
    """Put a value into a body, with what leads there."""
    for key, following in pairwise(keys):
        deeper: Any = [] if following == 0 else {}
        if isinstance(key, int):
            body[:] = body or [deeper]
            body = body[0]
        else:
            if not isinstance(body.get(key), type(deeper)):
                body[key] = deeper
            body = body[key]
    if isinstance(keys[-1], int):
        body[:] = [value]
    else:
        body[keys[-1]] = value


def _plain(answer: Answer, said: UUID | str) -> tuple[int, str]:
    """An answer without what differs between any two: ids that were made for it, and times."""
    text = answer.body.decode().replace(str(said), "<said>")
    text = _UUID.sub("<made>", text)
    return answer.status, re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)", "<time>", text)


def _lasting(database: Database, tenant: Tenant) -> dict[str, list[str]]:
    return {name: rows for name, rows in rows_of(database, tenant).items() if name not in _LOGS}


# The graph

SCHEMA = whole_schema()
_INPUTS: dict[str, dict[str, Any]] = {
    "NewContact": {"name": "Ada"},
    "ContactChange": {"name": "Ada"},
    "NewTask": {"title": "Call"},
    "TaskChange": {"title": "Call"},
    "WorkspaceChange": {"name": "Engines"},
    "MemberChange": {"role": "owner"},
}
_IN_PLACE = {"roleId"}
"""What is said in place of the rest."""


def _named(kind: Any) -> Any:
    return cast("Any", get_named_type)(kind)


def _inputs() -> Iterator[tuple[str, str, str | None]]:
    """Root type, field and argument; with the input's field where that is what takes the id."""
    for root in ("Query", "Mutation"):
        described: Any = SCHEMA.graph.type_map[root]
        for field, one in described.fields.items():
            for argument, given in one.args.items():
                kind = _named(given.type)
                if kind.name == "ID":
                    yield root, f"{field}.{argument}", None
                if isinstance(kind, GraphQLInputObjectType):
                    for name, inner in cast("Any", kind).fields.items():
                        if _named(inner.type).name == "ID":
                            yield root, f"{field}.{argument}", name


@pytest.mark.parametrize(("root", "place", "inner"), list(_inputs()))
def test_in_the_graph_too(
    us: Tenant,
    them: Tenant,
    call: Call,
    outside: None,
    database: Database,
    root: str,
    place: str,
    inner: str | None,
) -> None:
    before, ours = rows_of(database, them), _lasting(database, us)
    for kind in SCHEMA.kinds:
        theirs = them.ids.get(kind.lower(), them.workspace.id)
        asked = [encode_id(kind, one) for one in (uuid4(), theirs)]
        nothing, other = (_ask_graph(call, us, root, place, inner, one) for one in asked)
        assert nothing.status == 200
        assert nothing.json.get("errors") or not any(_nodes(nothing.json["data"]))
        assert _plain(other, asked[1]) == _plain(nothing, asked[0])
        assert them.seen_in(other.body.decode(), besides={str(theirs)}) == []
    assert rows_of(database, them) == before
    assert _lasting(database, us) == ours
    ids = us.ids | {"workspace": us.workspace.id}
    own = [encode_id(kind, ids[kind.lower()]) for kind in SCHEMA.kinds if kind.lower() in ids]
    own += [str(ids["role"])]  # no kind of the graph, and taken by it
    answers = [_ask_graph(call, us, root, place, inner, one).json for one in own]
    assert [one for one in answers if "errors" not in one], "nothing but the id was wrong"


def _nodes(data: dict[str, Any]) -> Iterator[Any]:
    for value in data.values():
        yield from value if isinstance(value, list) else [value]


def _ask_graph(
    call: Call, us: Tenant, root: str, place: str, inner: str | None, identifier: str
) -> Answer:
    """A field with what it needs, of ours, and this id in its place."""
    field, _, wanted = place.partition(".")
    described: Any = cast("Any", SCHEMA.graph.type_map[root]).fields[field]
    declared, given, values = [], [], {}
    for name, one in described.args.items():
        if name != wanted and not is_required_argument(one):
            continue
        declared.append(f"${name}: {one.type}")
        given.append(f"{name}: ${name}")
        kind = _named(one.type).name
        if name == wanted and inner is None:
            values[name] = [identifier] if is_list_type(_inner(one.type)) else identifier
        elif kind == "ID":
            about = re.sub("^(update|delete|remove)", "", field)
            values[name] = encode_id(about, us.ids[about.lower()])
        elif name == wanted:
            values[name] = ({} if inner in _IN_PLACE else _INPUTS[kind]) | {str(inner): identifier}
        else:
            values[name] = _INPUTS.get(kind, 1)
    operation = "query" if root == "Query" else "mutation"
    query = f"{operation}({', '.join(declared)}) {{ {field}({', '.join(given)}) {{ __typename }} }}"
    return call(graphql, "POST", URL, {"query": query, "variables": values}, workspace=us.workspace)


def _inner(kind: Any) -> Any:
    """A type without its `!`."""
    return getattr(kind, "of_type", kind) if str(kind).endswith("!") else kind
