"""What is to be done for a question, made out before a transaction is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import graphql
from graphql import (
    DocumentNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    get_variable_values,
)

from functions.graphql.cost import Bill, bill
from functions.graphql.documents import pick_operation, prepare
from functions.graphql.models import InvalidVariables, Question
from functions.graphql.problems import json_pointer
from functions.graphql.schema import Schema, whole_schema
from shared.errors import FieldError

_core: Any = graphql
"""Half of the types of what is used here are unknown to a type checker."""
MOST_VALUES = 10_000
_MOST_ERRORS = 20
_LONGEST_DETAIL = 300
"""Some errors repeat the value."""


class Invalid(Exception):
    """The document cannot be executed, for these reasons."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__("invalid document")
        self.errors = errors


class _Enough(Exception):
    """There are as many errors as are told."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An operation that can be executed, its variables as they came, and what it costs."""

    document: DocumentNode
    operation: OperationDefinitionNode
    variables: dict[str, Any]
    bill: Bill

    @property
    def changes(self) -> bool:
        """Whether it is a mutation."""
        return self.operation.operation is OperationType.MUTATION


def make_plan(text: str, question: Question) -> Plan:
    """The plan for a question whose document is `text`.

    Raises:
        Invalid: the document is not valid, or too large.
        InvalidDocument: the operation that is asked for is not in it.
        InvalidVariables: they do not fit.
    """
    prepared = prepare(text)
    if prepared.document is None:
        raise Invalid(prepared.errors)
    schema, given = whole_schema(), question.variables or {}
    operation = pick_operation(prepared.document, question.operationName)
    variables = _variables(schema, operation, given)
    found = bill(schema, prepared.document, operation, variables)
    return Plan(prepared.document, operation, given, found)


def _variables(
    schema: Schema, operation: OperationDefinitionNode, given: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The variables as the operation has them, its defaults among them."""
    if _has_many_values(given):
        detail = f"expected {MOST_VALUES:,} values at most, those in lists and objects included"
        raise InvalidVariables(errors=(FieldError("/variables", detail, "too_many_values"),))
    try:
        wrong = _misfits(schema, operation, given)
        if not wrong:
            found = get_variable_values(
                schema.graph, operation.variable_definitions or (), dict(given), _MOST_ERRORS
            )
            if not isinstance(found, list):
                return found.coerced
            wrong = [FieldError("/variables", error.message, "misfit") for error in found]
    except RecursionError:
        wrong = [FieldError("/variables", "nested too deeply", "too_deep")]
    raise InvalidVariables(errors=tuple(wrong))


def _has_many_values(given: Mapping[str, Any]) -> bool:
    """Whether there are more values than anybody needs; each is looked at several times."""
    waiting: list[Any] = [given]
    count = 0
    while waiting and count <= MOST_VALUES:
        one = waiting.pop()
        count += 1
        if isinstance(one, dict):
            waiting += cast("dict[str, Any]", one).values()
        elif isinstance(one, list):
            waiting += cast("list[Any]", one)[:MOST_VALUES]
    return count > MOST_VALUES


def _misfits(
    schema: Schema, operation: OperationDefinitionNode, given: Mapping[str, Any]
) -> list[FieldError]:
    """What of the values does not fit the variables' types, and where in the body."""
    wrong: list[FieldError] = []

    def note(name: str, error: GraphQLError, path: Sequence[str | int]) -> None:
        at = json_pointer("variables", name, *path)
        wrong.append(FieldError(at, error.message[:_LONGEST_DETAIL], "misfit"))
        if len(wrong) == _MOST_ERRORS:
            raise _Enough

    try:
        for definition in operation.variable_definitions or ():
            name = definition.variable.name.value
            kind = _core.type_from_ast(schema.graph, definition.type)
            if name in given:
                _core.validate_input_value(given[name], kind, partial(note, name), True)
            elif _core.is_non_null_type(kind) and definition.default_value is None:
                note(name, GraphQLError("expected a value"), ())
    except _Enough:
        pass
    return wrong
