"""`/api/v1/batch` and `/api/v1/operations`: several changes together, and undoing them together."""

from uuid import UUID

from fastapi import Request

from functions.gateway import commands, queries
from functions.gateway.batching import answered, failure
from functions.gateway.models.operations import Batch, BatchDone, Operation, Result, Undone
from shared.http import (
    DEFAULT_LIMIT,
    SIGNED_IN,
    CursorParam,
    Limit,
    Page,
    Transaction,
    create_app,
    decode_cursor,
    for_keys,
    http_handler,
    needs,
    page,
)
from shared.operations import begin_operation

app = create_app("Batches and operations")
app.description = "Several changes in one request and one transaction, and undoing them."

_ASKS_AGAIN = for_keys("each change takes its own permission")


@app.post("/api/v1/batch", openapi_extra=needs(SIGNED_IN) | _ASKS_AGAIN)
async def change_several(batch: Batch, tx: Transaction, request: Request) -> BatchDone:
    """Makes the changes in their order, each as if it were sent alone: with its permission, checks
    and events. They commit together. What is refused is left out, unless the batch is `atomic`.
    With an Idempotency-Key the whole batch happens once.
    """
    operation_id = begin_operation(tx, "batch")
    results: list[Result] = []
    for place, change in enumerate(batch.operations):
        at = f"/operations/{place}"
        result = await answered(tx, request.scope, change, at=at)
        if batch.atomic and result.status >= 400:
            raise failure(result, at=at)
        results.append(result)
    return BatchDone(operation_id=operation_id, results=results)


@app.get("/api/v1/operations", openapi_extra=needs("workspace.read"))
async def list_operations(
    tx: Transaction, limit: Limit = DEFAULT_LIMIT, cursor: CursorParam = None
) -> Page[Operation]:
    """Batches, bulk edits and what was undone, newest first, for 30 days."""
    found = queries.list_operations(tx, limit=limit + 1, after=decode_cursor(cursor))
    return page(found, limit, key=lambda operation: (operation.created_at, operation.id))


@app.get("/api/v1/operations/{operation_id}", openapi_extra=needs("workspace.read"))
async def get_operation(operation_id: UUID, tx: Transaction) -> Operation:
    """One operation, and which one undid it."""
    return queries.get_operation(tx, operation_id)


@app.post("/api/v1/operations/{operation_id}/undo", openapi_extra=needs(SIGNED_IN) | _ASKS_AGAIN)
async def undo_operation(operation_id: UUID, tx: Transaction) -> Undone:
    """Restores every record as it was before the operation; or, where one was changed since or
    cannot be restored, says which and changes nothing. It takes the permissions of its changes.
    """
    return commands.undo_operation(tx, operation_id)


handler = http_handler(app)
