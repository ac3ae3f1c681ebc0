"""`/api/v1/tasks`."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from functions.activities import commands, queries
from functions.activities.models import NewTask, Status, Task, TaskChange
from shared.http import (
    DEFAULT_LIMIT,
    CursorParam,
    IfMatch,
    Limit,
    Page,
    Transaction,
    create_app,
    decode_cursor,
    expected_version,
    http_handler,
    page,
    set_etag,
)

app = create_app("Tasks")


@app.post("/api/v1/tasks", status_code=201)
async def create_task(new: NewTask, tx: Transaction, response: Response) -> Task:
    task = commands.create_task(tx, new)
    response.headers["Location"] = f"/api/v1/tasks/{task.id}"
    set_etag(response, task.version)
    return task


@app.get("/api/v1/tasks")
async def list_tasks(
    tx: Transaction,
    status: Annotated[Status | None, Query(description="Only tasks in this status.")] = None,
    contact_id: Annotated[UUID | None, Query(description="Only this contact's tasks.")] = None,
    email_id: Annotated[UUID | None, Query(description="Only tasks from this mail.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> Page[Task]:
    found = queries.list_tasks(
        tx,
        limit=limit + 1,
        after=decode_cursor(cursor),
        status=status,
        contact_id=contact_id,
        email_id=email_id,
    )
    return page(found, limit, key=lambda task: (task.created_at, task.id))


@app.get("/api/v1/tasks/{task_id}")
async def get_task(task_id: UUID, tx: Transaction, response: Response) -> Task:
    task = queries.get_task(tx, task_id)
    set_etag(response, task.version)
    return task


@app.patch("/api/v1/tasks/{task_id}")
async def change_task(
    task_id: UUID,
    change: TaskChange,
    tx: Transaction,
    response: Response,
    if_match: IfMatch = None,
) -> Task:
    version = expected_version(if_match)
    task = commands.change_task(tx, task_id, change, version=version)
    set_etag(response, task.version)
    return task


@app.delete("/api/v1/tasks/{task_id}", status_code=204)
async def delete_task(task_id: UUID, tx: Transaction, if_match: IfMatch = None) -> None:
    version = expected_version(if_match) if if_match else None
    commands.delete_task(tx, task_id, version=version)


handler = http_handler(app)
