"""`/api/v1/graphql`."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from functions.graphql import persisted
from functions.graphql.answers import OWN_TYPE, Answered, answered, execute, refusal
from functions.graphql.cost import check_cost
from functions.graphql.models import ChangeByGet, Document, GraphAnswer, Question
from functions.graphql.plans import Invalid, Plan, make_plan
from functions.graphql.problems import raised
from shared.auth import Caller
from shared.errors import HasteError
from shared.http import (
    ALONE,
    SIGNED_IN,
    CurrentCaller,
    Transaction,
    create_app,
    for_keys,
    http_handler,
    needs,
)
from shared.log import logger, metrics

app = create_app("GraphQL")
app.add_exception_handler(Answered, answered)

_OWN: dict[str, Any] = {OWN_TYPE: {"schema": {"$ref": "#/components/schemas/GraphAnswer"}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "What was asked for, as far as it could be had.", "content": _OWN},
    400: {
        "description": f"Nothing was executed. Only with `Accept: {OWN_TYPE}`; else this is a 200.",
        "content": _OWN,
    },
}


async def _planned(question: Question, request: Request, caller: CurrentCaller) -> Plan:
    return _plan(question, request, caller)


async def _planned_reading(
    request: Request,
    caller: CurrentCaller,
    query: Annotated[Document | None, Query()] = None,
    variables: Annotated[str | None, Query(description="A JSON object.")] = None,
    operationName: Annotated[str | None, Query(max_length=200)] = None,
    extensions: Annotated[str | None, Query(description="A JSON object.")] = None,
) -> Plan:
    said = {"query": query, "operationName": operationName}
    said |= {"variables": _json(variables), "extensions": _json(extensions)}
    try:
        question = Question.model_validate(said)
    except ValidationError as error:
        raise RequestValidationError(
            [{**one, "loc": ("query", *one["loc"])} for one in error.errors(include_url=False)]
        ) from error
    return _plan(question, request, caller, reading=True)


@app.post(
    "/api/v1/graphql",
    openapi_extra=needs(SIGNED_IN) | for_keys("each field takes its own permission"),
    responses=_ANSWERS,
    dependencies=[ALONE],  # what its mutations were refused is answered with 200
)
async def post_graphql(
    plan: Annotated[Plan, Depends(_planned)], request: Request, tx: Transaction
) -> GraphAnswer:
    """Answers a GraphQL document, or one that was sent before, by its SHA-256.

    The mutations of a document happen together or, where one fails, not at all. What a document
    costs is said in `extensions.cost`: one for each object, as often as pages are large, and ten
    for each field that reads. What costs more than the limit is refused.
    """
    return await execute(request, tx, plan)  # pyright: ignore[reportReturnType] -- its response


@app.get("/api/v1/graphql", openapi_extra=needs(SIGNED_IN), responses=_ANSWERS)
async def get_graphql(
    plan: Annotated[Plan, Depends(_planned_reading)], request: Request, tx: Transaction
) -> GraphAnswer:
    """The same for queries, which then count as reading and not as a change."""
    return await execute(request, tx, plan)  # pyright: ignore[reportReturnType] -- its response


def _json(text: str | None) -> Any:
    """What a parameter says; itself where it is no JSON, which no parameter takes."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return text


def _plan(question: Question, request: Request, caller: Caller, *, reading: bool = False) -> Plan:
    """What is to be done; a document that came with its hash is remembered.

    Raises:
        Answered: the question cannot be answered.
    """
    try:
        text = persisted.document_of(question, caller.workspace_id)
        plan = make_plan(text, question)
        if reading and plan.changes:
            raise ChangeByGet
    except Invalid as error:
        raise refusal(request, error.errors) from error
    except HasteError as error:
        raise refusal(request, [raised(error)]) from error
    try:
        check_cost(plan.bill)
    except HasteError as error:
        raise refusal(request, [raised(error)], plan.bill.extensions) from error
    persisted.keep(question, caller.workspace_id)
    _note(plan)
    return plan


def _note(plan: Plan) -> None:
    """Count what is asked for, and what of it will go: nobody should miss it then."""
    metrics.add_metric(name="GraphQLCost", unit="Count", value=plan.bill.cost.requested)
    if plan.bill.deprecated:
        metrics.add_metric(name="DeprecatedFieldUsed", unit="Count", value=1)
        used = {"fields": sorted(plan.bill.deprecated)}
        logger.info("deprecated fields were asked for", metadata=used)


handler = http_handler(app)
