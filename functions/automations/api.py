"""`/api/v1/automations`."""

from uuid import UUID

from fastapi import Response

from functions.automations import commands, queries
from functions.automations.models import Automation, AutomationChange, NewAutomation, StoredRun
from shared.http import (
    DEFAULT_LIMIT,
    CurrentCaller,
    CursorParam,
    IfMatch,
    Limit,
    Page,
    Transaction,
    create_app,
    decode_cursor,
    expected_version,
    http_handler,
    needs,
    page,
    set_etag,
)

app = create_app("Automations")


@app.post("/api/v1/automations", status_code=201, openapi_extra=needs("automations.write"))
async def create_automation(
    new: NewAutomation, caller: CurrentCaller, tx: Transaction, response: Response
) -> Automation:
    """Creates an automation. It acts for the member who creates it, with what they may read and do
    at the time; so keys, which may be revoked, create and change none.
    """
    caller.require_person()
    automation = commands.create_automation(tx, new)
    response.headers["Location"] = f"/api/v1/automations/{automation.id}"
    set_etag(response, automation.version)
    return automation


@app.get("/api/v1/automations", openapi_extra=needs("automations.read"))
async def list_automations(
    tx: Transaction, limit: Limit = DEFAULT_LIMIT, cursor: CursorParam = None
) -> Page[Automation]:
    """Automations, newest first."""
    found = queries.list_automations(tx, limit=limit + 1, after=decode_cursor(cursor))
    return page(found, limit, key=lambda automation: (automation.created_at, automation.id))


@app.get("/api/v1/automations/{automation_id}", openapi_extra=needs("automations.read"))
async def get_automation(automation_id: UUID, tx: Transaction, response: Response) -> Automation:
    """One automation, with its version as `ETag`."""
    automation = queries.get_automation(tx, automation_id)
    set_etag(response, automation.version)
    return automation


@app.patch("/api/v1/automations/{automation_id}", openapi_extra=needs("automations.write"))
async def change_automation(
    automation_id: UUID,
    change: AutomationChange,
    caller: CurrentCaller,
    tx: Transaction,
    response: Response,
    if_match: IfMatch = None,
) -> Automation:
    """Changes an automation. It acts from now on for the member who changes what it does: its
    `event_type`, `conditions` or `actions`.
    """
    caller.require_person()
    version = expected_version(if_match)
    automation = commands.change_automation(tx, automation_id, change, version=version)
    set_etag(response, automation.version)
    return automation


@app.delete(
    "/api/v1/automations/{automation_id}",
    status_code=204,
    openapi_extra=needs("automations.delete"),
)
async def delete_automation(automation_id: UUID, tx: Transaction, if_match: IfMatch = None) -> None:
    """Deletes an automation; what it has done stays."""
    version = expected_version(if_match) if if_match else None
    commands.delete_automation(tx, automation_id, version=version)


@app.get("/api/v1/automations/{automation_id}/runs", openapi_extra=needs("automations.read"))
async def list_runs(
    automation_id: UUID,
    tx: Transaction,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> Page[StoredRun]:
    """What an automation did about which event, newest first."""
    found = queries.list_runs(tx, automation_id, limit=limit + 1, after=decode_cursor(cursor))
    return page(found, limit, key=lambda run: (run.created_at, run.id))


handler = http_handler(app)
