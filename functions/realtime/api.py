"""`/api/v1/realtime`: tickets for the WebSocket API, and what can be followed there."""

from fastapi import Response

from functions.realtime import commands, topics
from functions.realtime.models import Ticket, Topics
from shared.http import (
    SIGNED_IN,
    CurrentCaller,
    create_app,
    http_handler,
    needs,
    unrepeatable,
)

app = create_app("Realtime")

_SECRET = unrepeatable("the answer holds a secret, which counts once")


@app.post("/api/v1/realtime/tickets", status_code=201, openapi_extra=needs(SIGNED_IN) | _SECRET)
async def create_ticket(caller: CurrentCaller, response: Response) -> Ticket:
    """A ticket that opens one WebSocket connection, once, within a minute: connect to
    `<url>?ticket=<ticket>`. The functions' README says what is said there.
    """
    response.headers["Cache-Control"] = "no-store"
    return commands.issue_ticket(caller)


@app.get("/api/v1/realtime/topics", openapi_extra=needs(SIGNED_IN))
async def list_topics(caller: CurrentCaller) -> Topics:
    """What can be followed: each topic as a whole, or for one record as `<topic>:<id>`."""
    return Topics(items=topics.described(caller.access))


handler = http_handler(app)
