"""`/api/v1/tasks`."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from functions.activities import commands, queries
from functions.activities.fields import TASKS
from functions.activities.models import NewTask, Status, Task, TaskChange, TaskEdit
from shared.db import Tx
from shared.filters import Listing, equal
from shared.http import (
    ALONE,
    IfMatch,
    Transaction,
    create_app,
    expected_version,
    http_handler,
    needs,
    set_etag,
    unrepeatable,
)
from shared.http.edits import CHANGE, Edit, Edited
from shared.http.listing import CHANGES_NOTHING, ListParams, ListQuery, answer
from shared.http.pages import CountedPage
from shared.operations import as_operation

app = create_app("Tasks")


@app.post("/api/v1/tasks", status_code=201, openapi_extra=needs("tasks.write"))
async def create_task(new: NewTask, tx: Transaction, response: Response) -> Task:
    """Creates a task. Whoever creates it owns it, unless `owner_id` says otherwise."""
    task = commands.create_task(tx, new)
    response.headers["Location"] = f"/api/v1/tasks/{task.id}"
    set_etag(response, task.version)
    return task


@app.get("/api/v1/tasks", openapi_extra=needs("tasks.read"))
async def list_tasks(
    asked: ListParams,
    tx: Transaction,
    status: Annotated[Status | None, Query(description="Only tasks in this status.")] = None,
    contact_id: Annotated[UUID | None, Query(description="Only this contact's tasks.")] = None,
    email_id: Annotated[UUID | None, Query(description="Only tasks from this mail.")] = None,
) -> CountedPage[Task]:
    """The tasks that the caller sees, newest first unless sorted otherwise, a page at a time."""
    wanted = equal(status=status, contact_id=contact_id, email_id=email_id)
    return _listed(tx, asked.listing(TASKS, tx.access, *wanted))


@app.post("/api/v1/tasks/query", openapi_extra=needs("tasks.read") | unrepeatable(CHANGES_NOTHING))
async def query_tasks(asked: ListQuery, tx: Transaction) -> CountedPage[Task]:
    """The tasks that a filter lets through, a page at a time."""
    return _listed(tx, asked.listing(TASKS, tx.access))


@app.post("/api/v1/tasks/bulk-edit", openapi_extra=needs("tasks.write"), dependencies=[ALONE])
async def edit_tasks(asked: Edit[TaskEdit], tx: Transaction) -> Edited:
    """Changes every task that a filter lets through and that has other values, newest first and up
    to `limit` of them, in one transaction: an operation, which can be undone.
    """
    listing = asked.listing(TASKS, tx.access)

    def edit() -> int:
        return commands.edit_tasks(tx, listing, asked.change, at=CHANGE)

    operation_id, changed = as_operation(tx, "bulk_edit", edit)
    return Edited(operation_id=operation_id, changed=changed, more=changed == asked.limit)


@app.get("/api/v1/tasks/{task_id}", openapi_extra=needs("tasks.read"))
async def get_task(task_id: UUID, tx: Transaction, response: Response) -> Task:
    """One task, with its version as `ETag`."""
    task = queries.get_task(tx, task_id)
    set_etag(response, task.version)
    return task


@app.patch("/api/v1/tasks/{task_id}", openapi_extra=needs("tasks.write"))
async def change_task(
    task_id: UUID,
    change: TaskChange,
    tx: Transaction,
    response: Response,
    if_match: IfMatch = None,
) -> Task:
    """Changes the fields that are given; null clears what may be empty."""
    version = expected_version(if_match)
    task = commands.change_task(tx, task_id, change, version=version)
    set_etag(response, task.version)
    return task


@app.delete("/api/v1/tasks/{task_id}", status_code=204, openapi_extra=needs("tasks.delete"))
async def delete_task(task_id: UUID, tx: Transaction, if_match: IfMatch = None) -> None:
    """Deletes a task. Undoing the operation it was part of restores it."""
    version = expected_version(if_match) if if_match else None
    commands.delete_task(tx, task_id, version=version)


def _listed(tx: Tx, listing: Listing) -> CountedPage[Task]:
    return answer(tx, listing, queries.find_tasks, queries.count_tasks)


handler = http_handler(app)
