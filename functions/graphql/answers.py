"""Answers: what the execution of a plan gives, and how HTTP tells it.

https://graphql.github.io/graphql-over-http/draft/
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request, Response
from graphql import GraphQLError

from functions.graphql.models import AnswerTooLarge
from functions.graphql.plans import Plan
from functions.graphql.problems import is_unexpected, raised, told
from functions.graphql.reading import Reading
from functions.graphql.schema import whole_schema
from shared.db import Tx
from shared.http.problems import request_id

PLAIN_TYPE = "application/json"
OWN_TYPE = "application/graphql-response+json"
_MOST_BYTES = 5_000_000
"""Lambda answers with 6 MB at most, its envelope included."""


class Answered(Exception):
    """The request is answered, and nothing of what it did is to stay."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered")
        self.response = response


async def answered(_: Request, error: Exception) -> Response:
    """For `app.add_exception_handler`."""
    assert isinstance(error, Answered)
    return error.response


async def execute(request: Request, tx: Tx, plan: Plan) -> Response:
    """The answer of a plan.

    Raises:
        Answered: something of a mutation failed, so nothing of it is to stay; or it was our fault.
    """
    result = await whole_schema().execute(
        None,
        variable_values=plan.variables,
        context_value=Reading(tx),
        operation_name=plan.operation.name.value if plan.operation.name else None,
        operation_extensions={"document": plan.document},
    )
    errors: Sequence[GraphQLError] = result.errors or ()
    undone = plan.changes and bool(errors)
    data = {"data": None if undone else result.data}
    response = _response(request, data, errors, plan.bill.extensions)
    if len(response.body) > _MOST_BYTES:
        undone, errors = plan.changes, (raised(AnswerTooLarge()),)
        response = _response(request, {"data": None}, errors, plan.bill.extensions)
    if undone or any(map(is_unexpected, errors)):
        raise Answered(response)
    return response


def refusal(
    request: Request,
    errors: Sequence[GraphQLError],
    extensions: Mapping[str, Any] | None = None,
) -> Answered:
    """What is answered where nothing was executed."""
    return Answered(_response(request, {}, errors, extensions or {}))


def _response(
    request: Request,
    data: Mapping[str, Any],
    errors: Sequence[GraphQLError],
    extensions: Mapping[str, Any],
) -> Response:
    body = dict(data)
    if errors:
        body["errors"] = told(errors, request_id(request))
    if extensions:
        body["extensions"] = extensions
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    own = OWN_TYPE in request.headers.get("accept", "")
    return Response(
        text.encode(errors="replace"),  # a surrogate that somebody sent is no character
        400 if own and "data" not in body else 200,
        media_type=OWN_TYPE if own else PLAIN_TYPE,
    )
