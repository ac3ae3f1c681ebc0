"""Errors of GraphQL, each with the members of a problem (RFC 9457) in its `extensions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
)

from functions.graphql.models import InvalidVariables
from shared.access import NotPermitted
from shared.db.refusals import is_policy
from shared.errors import FieldError, HasteError
from shared.log import logger

_OURS = 500
_MOST = 50
"""Errors in one answer; a list may have one for each of its items."""


def told(errors: Sequence[GraphQLError], request_id: str | None) -> list[dict[str, Any]]:
    """The errors, as the answer tells them. What nobody expected is logged and tells nothing."""
    return [_told(error, request_id) for error in errors[:_MOST]]


def is_unexpected(error: GraphQLError) -> bool:
    """Whether it is our fault."""
    return _cause(error).status >= _OURS


def raised(error: HasteError) -> GraphQLError:
    """An error of the whole request."""
    return GraphQLError(error.detail, original_error=error)


def json_pointer(*parts: str | int) -> str:
    """The JSON pointer (RFC 6901) of these keys and indices."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _told(error: GraphQLError, request_id: str | None) -> dict[str, Any]:
    cause = _cause(error)
    if cause.status >= _OURS:
        logger.error("unhandled error in GraphQL", exc_info=error.original_error or error)
    answer: dict[str, Any] = {"message": cause.detail}
    if error.locations:
        answer["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path:
        answer["path"] = error.path
    members: dict[str, Any] = {
        "status": cause.status,
        "code": cause.code,
        "request_id": request_id,
    }
    if cause.errors:
        node = error.nodes[0] if error.nodes else None
        members["errors"] = [_field(one, node) for one in cause.errors]
    if cause.existing_id:
        members["existing_id"] = cause.existing_id
    return answer | {"extensions": members}


def _cause(error: GraphQLError) -> HasteError:
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, HasteError):
        return cause
    if cause is not None and is_policy(cause):
        logger.warning("refused by a policy", metadata={"error": str(cause)[:200]})
        return NotPermitted()
    if cause is None:
        return InvalidVariables(error.message)  # graphql-core's own: a value that does not fit
    return HasteError("Something went wrong on our side; it has been logged.")


def _field(wrong: FieldError, node: object) -> dict[str, str]:
    pointer, detail = wrong.pointer, wrong.detail
    if isinstance(node, FieldNode) and pointer:
        pointer, detail = _in_body(node, pointer.split("/")[1:], detail)
    return {"pointer": pointer, "detail": detail, "code": wrong.code}


def _in_body(node: FieldNode, parts: Sequence[str], detail: str) -> tuple[str, str]:
    """A pointer that begins at a field's arguments, as one into the request's body: into the
    variable that has the value. What the document itself says has no pointer; then the place in
    words.
    """
    value = {one.name.value: one.value for one in node.arguments or ()}.get(parts[0])
    for n, part in enumerate(parts[1:], start=1):
        if isinstance(value, VariableNode):
            return json_pointer("variables", value.name.value, *parts[n:]), detail
        value = _within(value, part)
    if isinstance(value, VariableNode):
        return json_pointer("variables", value.name.value), detail
    return "/query", f"{'.'.join(parts)}: {detail}"


def _within(value: ValueNode | None, part: str) -> ValueNode | None:
    if isinstance(value, ObjectValueNode):
        return {one.name.value: one.value for one in value.fields}.get(part)
    if isinstance(value, ListValueNode) and part.isdigit() and int(part) < len(value.values):
        return value.values[int(part)]
    return None
