"""The schema: the graphs of all capabilities put together, and what each of its fields takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.extensions import SchemaExtension
from strawberry.tools import create_type
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.execution import ExecutionContext
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from functions.graphql.changes import change
from functions.graphql.graphs import find_graphs
from functions.graphql.resolvers import (
    by_id,
    listed,
    node_type,
    nodes,
    permission_of,
    single,
    to_many,
    to_one,
)
from functions.graphql.types import Types, definition_of, said_of
from shared.access import HIDEABLE
from shared.graph import Graph, Kind, ToMany

SDL = Path(__file__).with_name("schema.graphql")


class Validated(SchemaExtension):
    """Takes the document that is parsed and validated already, from the operation's extensions."""

    def on_operation(self) -> Iterator[None]:
        said = self.execution_context.operation_extensions or {}
        self.execution_context.graphql_document = said["document"]
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = []
        yield


class Schema(strawberry.Schema):
    """A schema that knows its kinds. It leaves it to its caller to tell of errors: Strawberry would
    log what is in them.
    """

    def __init__(
        self, graphs: Sequence[Graph], kinds: Mapping[str, Kind], parts: Set[str], **options: Any
    ) -> None:
        self.kinds = kinds
        self.parts = parts
        links = (one for graph in graphs for one in graph.links)
        self.links = frozenset((one.on, to_camel_case(one.name)) for one in links)
        super().__init__(**options, extensions=[Validated])  # pyright: ignore[reportUnknownMemberType] -- untyped
        self.graph: GraphQLSchema = self._schema  # pyright: ignore[reportUnknownMemberType] -- untyped

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        pass


class Guarded(NamedTuple):
    """A field of a type and the permission it takes; None: none but that of what led to it."""

    type: str
    field: str
    permission: str | None


@cache
def whole_schema() -> Schema:
    """The schema of everything there is, made at the first use."""
    return make_schema(find_graphs())


def make_schema(graphs: Sequence[Graph]) -> Schema:
    """The schema of these graphs.

    Raises:
        TypeError: they do not fit together, or a field could be read without a permission.
    """
    types = Types()
    kinds = _by_name(one for graph in graphs for one in graph.kinds)
    if unmasked := [one.name for one in kinds.values() if not _can_be_masked(one)]:
        raise TypeError(f"models that do not say whose fields may be hidden: {unmasked}")
    made = {name: _type_of(kind, types) for name, kind in kinds.items()}
    for link in (one for graph in graphs for one in graph.links):
        if link.on not in kinds or link.kind not in kinds:
            raise TypeError(f"{link.on}.{link.name} needs the types {link.on} and {link.kind}")
        kind, target = kinds[link.kind], made[link.kind]
        many = isinstance(link, ToMany)
        field = to_many(link, kind, target) if many else to_one(link, kind, target)
        _add_once(made[link.on], field)
    queries = create_type("Query", _queries(graphs, kinds, made))
    changes = [one for graph in graphs for one in graph.changes]
    mutations = [change(one, kinds[one.kind], made[one.kind], types) for one in changes]
    schema = Schema(
        graphs,
        kinds,
        types.parts,
        query=queries,
        mutation=create_type("Mutation", mutations) if mutations else None,
        types=list(made.values()),
    )
    if open_fields := [one for one in guarded(schema) if _is_open(one, schema)]:
        raise TypeError(f"without a permission: {open_fields}")
    return schema


def guarded(schema: Schema) -> list[Guarded]:
    """Every field of every type, and the permission it takes."""
    found: list[Guarded] = []
    for name, one in sorted(schema.schema_converter.type_map.items()):
        definition = one.definition
        if not isinstance(definition, StrawberryObjectDefinition) or definition.is_input:
            continue
        kind = schema.kinds.get(name)
        for field in definition.fields:
            takes = permission_of(field) or (kind.needs if kind else None)
            found.append(Guarded(name, _shown_name(field), takes))
    return found


def _is_open(one: Guarded, schema: Schema) -> bool:
    """Whether a field takes nothing, and is not a part of what takes something."""
    if one.permission is not None:
        return False
    within = ("Connection", "Edge", "Payload", "PageInfo")
    return not (one.type in schema.parts or one.type == "Node" or one.type.endswith(within))


def _can_be_masked(kind: Kind) -> bool:
    thing = kind.needs.partition(".")[0]
    return thing not in HIDEABLE or getattr(kind.model, "thing", None) == thing


def _by_name(kinds: Iterable[Kind]) -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for kind in kinds:
        if kind.name in found:
            raise TypeError(f"there are two types {kind.name}")
        found[kind.name] = kind
    return found


def _type_of(kind: Kind, types: Types) -> type:
    """A kind's type, without what other capabilities add. The model's `id` is its `uuid`."""
    fields = types.of_kind(kind)
    if kind.find is None:
        return create_type(kind.name, fields, description=said_of(kind.model))
    for field in fields:
        if field.python_name == "id":
            field.graphql_name, field.description = "uuid", "As in URLs, filters and events."
    return node_type(kind, fields, said_of(kind.model))


def _queries(
    graphs: Sequence[Graph], kinds: Mapping[str, Kind], made: Mapping[str, type]
) -> list[StrawberryField]:
    """The fields of the query: any node, one of each kind, all of each kind, and what is single."""
    found = nodes({name: kind for name, kind in kinds.items() if kind.find})
    for graph in graphs:
        singles = {one.kind for one in graph.singles}
        for kind in graph.kinds:
            if kind.find and kind.name not in singles:
                found.append(by_id(kind, made[kind.name]))
        found += [single(one, kinds[one.kind], made[one.kind]) for one in graph.singles]
        found += [listed(one, kinds[one.kind], made[one.kind]) for one in graph.lists]
    return found


def _add_once(made: type, field: StrawberryField) -> None:
    definition = definition_of(made)
    if _shown_name(field) in map(_shown_name, definition.fields):
        raise TypeError(f"{definition.name}.{_shown_name(field)} is there twice")
    definition.fields.append(field)


def _shown_name(field: StrawberryField) -> str:
    return field.graphql_name or to_camel_case(field.python_name)


def write(path: Path = SDL) -> None:
    """Write the schema down, for whoever makes clients of it."""
    path.write_text(whole_schema().as_str() + "\n")


if __name__ == "__main__":
    write()
