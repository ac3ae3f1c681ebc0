"""`/_haste/`: what the `haste` command asks of a running gateway or pollers process.

Open to this machine alone, and, but for the health check, to whoever knows this run's token, which
no web page can know.
"""

from __future__ import annotations

import hmac
import json
import os

from infra_cdk.local.fleet import Fleet
from infra_cdk.local.gateway_events import Request
from infra_cdk.local.gateway_responses import Response, problem
from infra_cdk.local.loopback import is_ours
from infra_cdk.local.slot import Result

PREFIX = "/_haste/"
TOKEN_HEADER = "x-haste-token"  # noqa: S105 -- the header's name, not its value


async def admin(request: Request, fleet: Fleet, token: str) -> Response:
    """Answer a request below `/_haste/`."""
    headers = dict(request.headers)
    if not is_ours(request):
        return problem(403, "forbidden", "This is for the machine itself.", "")
    action = (request.method, request.path.removeprefix(PREFIX))
    if action == ("GET", "health"):
        return _json({"status": "ok", "pid": os.getpid()})
    if not hmac.compare_digest(headers.get(TOKEN_HEADER, "").encode(), token.encode()):
        return problem(403, "forbidden", f"Send the token of stack.json as {TOKEN_HEADER}.", "")
    if action == ("GET", "functions"):
        return _json(fleet.describe())
    method, _, name = action[1].partition("/")
    if (request.method, method) == ("POST", "invoke") and name:
        return await _invoke(fleet, name, request.body)
    return problem(404, "not_found", f"There is no {request.method} {request.path}.", "")


async def _invoke(fleet: Fleet, name: str, body: bytes) -> Response:
    try:
        event = json.loads(body)
    except ValueError:
        return problem(400, "bad_request", "The event is not JSON.", "")
    try:
        result = await fleet.invoke(name, event)
    except LookupError as error:
        return problem(404, "not_found", str(error), "")
    return _json(described(result))


def described(result: Result) -> dict[str, object]:
    """A result as JSON for people: the payload decoded where that is possible."""
    try:
        payload = result.json() if result.error is None else None
    except ValueError:
        payload = result.payload.decode(errors="replace")
    return {
        "request_id": result.request_id,
        "payload": payload,
        "error": result.error,
        "timed_out": result.timed_out,
        "cold": result.cold,
    }


def _json(content: object) -> Response:
    return Response(200, (("Content-Type", "application/json"),), json.dumps(content).encode())
