"""What a document costs, worked out before anything of it is executed.

Every object that may have to be read counts its weight, one as a rule: as often as the pages that
it is in have items. Every field that reads counts besides for its statement, however many objects
it reads for, since those are read at once; a mutation, for several. What a document asks about the
schema itself is in memory and counts a tenth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    InlineFragmentNode,
    ListValueNode,
    OperationDefinitionNode,
    SchemaMetaFieldDef,
    SelectionSetNode,
    TypeMetaFieldDef,
    ValueNode,
    VariableNode,
    get_named_type,
    value_from_ast_untyped,
)

from functions.graphql.limits import fragments_of
from functions.graphql.models import TooComplex
from functions.graphql.schema import Schema
from shared.errors import FieldError
from shared.http.pages import DEFAULT_LIMIT, MOST_PER_PAGE

LIMIT = 5_000
STATEMENT = 10
_STATEMENTS_OF_A_CHANGE = 6
_SCHEMA_SHARE = 0.1


class Cost(NamedTuple):
    """What is to be read: objects, by weight, and statements."""

    objects: float = 0
    statements: int = 0

    @property
    def requested(self) -> int:
        """It as one number."""
        return round(self.objects) + self.statements * STATEMENT


@dataclass
class Bill:
    """What an operation costs, and which deprecated fields it asks for, as `Contact.phone`."""

    cost: Cost = field(default_factory=Cost)
    deprecated: set[str] = field(default_factory=set[str])

    @property
    def extensions(self) -> dict[str, Any]:
        """It, as the answer says it."""
        return {"cost": {"requested": self.cost.requested, "limit": LIMIT}}


def bill(
    schema: Schema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> Bill:
    """The bill of a valid operation, with these variables."""
    counting = _Counting(schema, document, variables)
    root = schema.graph.get_root_type(operation.operation)
    assert root
    counting.bill.cost = counting.of(operation.selection_set, root)
    return counting.bill


def check_cost(found: Bill) -> None:
    """Refuse an operation that costs too much.

    Raises:
        TooComplex: it does.
    """
    if found.cost.requested > LIMIT:
        detail = f"it costs {found.cost.requested:,}, and may cost {LIMIT:,}: ask for smaller pages"
        raise TooComplex(errors=(FieldError("/query", detail, "too_costly"),))


class _Counting:
    """The counting of one operation: each of its fragments is looked at once."""

    def __init__(
        self, schema: Schema, document: DocumentNode, variables: Mapping[str, Any]
    ) -> None:
        self.bill = Bill()
        self._schema = schema
        self._fragments = fragments_of(document)
        self._variables = variables
        self._known: dict[str, Cost] = {}

    def of(self, selection_set: SelectionSetNode, parent: GraphQLNamedType) -> Cost:
        """What a selection costs for one `parent`."""
        objects, statements = 0.0, 0
        for selection in selection_set.selections or ():
            if isinstance(selection, FieldNode):
                cost = self._of_field(selection, parent)
            elif isinstance(selection, FragmentSpreadNode):
                cost = self._of_fragment(selection.name.value)
            else:
                assert isinstance(selection, InlineFragmentNode)
                condition = selection.type_condition
                named = self._type(condition.name.value) if condition else parent
                cost = self.of(selection.selection_set, named)
            objects, statements = objects + cost.objects, statements + cost.statements
        return Cost(objects, statements)

    def _of_fragment(self, name: str) -> Cost:
        if name not in self._known:
            fragment = self._fragments[name]
            named = self._type(fragment.type_condition.name.value)
            self._known[name] = self.of(fragment.selection_set, named)
        return self._known[name]

    def _of_field(self, node: FieldNode, parent: GraphQLNamedType) -> Cost:
        name = node.name.value
        described = _described(parent, name)
        if described is None:  # __typename
            return Cost()
        if described.deprecation_reason is not None:
            self.bill.deprecated.add(f"{parent.name}.{name}")
        target = _named(described)
        within = self.of(node.selection_set, target) if node.selection_set else Cost()
        objects = self._times(node, name, target) * (self._weight(target) + within.objects)
        return Cost(objects, self._statements(node, name, parent) + within.statements)

    def _statements(self, node: FieldNode, name: str, parent: GraphQLNamedType) -> int:
        if parent.name == "Mutation":
            return _STATEMENTS_OF_A_CHANGE
        if parent.name == "Query" and name == "nodes":
            return min(self._many(node, "ids"), len(self._schema.kinds))
        reads = parent.name == "Query" and not name.startswith("__")
        return int(reads or (parent.name, name) in self._schema.links or name == "totalCount")

    def _times(self, node: FieldNode, name: str, target: GraphQLNamedType) -> float:
        """How many of a field's objects there may be."""
        if target.name.endswith("Connection"):
            return self._page(node)
        if target.name.startswith("__"):
            return _introspected(self._schema).get(name, 1)
        return self._many(node, "ids")

    def _weight(self, target: GraphQLNamedType) -> float:
        if target.name.startswith("__"):
            return _SCHEMA_SHARE
        kind = self._schema.kinds.get(target.name)
        return kind.weight if kind else int(target.name == "Node")

    def _page(self, node: FieldNode) -> int:
        said = (self._argument(node, "first"), self._argument(node, "last"))
        sizes = [one for one in said if isinstance(one, int)]
        return max(1, min(max(sizes, default=DEFAULT_LIMIT), MOST_PER_PAGE))

    def _many(self, node: FieldNode, argument: str) -> int:
        value = self._argument(node, argument)
        many = cast("list[Any]", value) if isinstance(value, list) else [value]
        return min(len(many), MOST_PER_PAGE)

    def _argument(self, node: FieldNode, name: str) -> Any:
        values = (one.value for one in node.arguments or () if one.name.value == name)
        value: ValueNode | None = next(values, None)
        if isinstance(value, VariableNode):
            return self._variables.get(value.name.value)
        if isinstance(value, ListValueNode):
            return list(value.values)
        return None if value is None else value_from_ast_untyped(value)

    def _type(self, name: str) -> GraphQLNamedType:
        return self._schema.graph.type_map[name]


def _named(of: GraphQLField) -> GraphQLNamedType:
    """The type of what a field gives, be it one or many."""
    return cast("Any", get_named_type)(cast("Any", of).type)


def _described(parent: GraphQLNamedType, name: str) -> GraphQLField | None:
    if name == "__schema":
        return SchemaMetaFieldDef
    if name == "__type":
        return TypeMetaFieldDef
    assert isinstance(parent, GraphQLObjectType | GraphQLInterfaceType)
    return parent.fields.get(name)


@lru_cache(maxsize=8)
def _introspected(schema: Schema) -> Mapping[str, float]:
    """How many there are of what a schema tells of itself, on average."""
    types = schema.graph.type_map.values()
    fields = [
        one
        for kind in types
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        for one in kind.fields.values()
    ]
    arguments = sum(len(one.args) for one in fields)
    return {
        "types": len(types),
        "fields": len(fields) / len(types),
        "args": arguments / len(fields),
        "directives": len(schema.graph.directives),
    }
