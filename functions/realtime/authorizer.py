"""The Lambda authorizer of the WebSocket API: a ticket in, a policy and its holder out.

API Gateway asks it at `$connect` alone, never caches its answer, and gives what it said with every
later message of the connection, so a message's sender is known without a look-up.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
"""

from __future__ import annotations

from typing import Any

from functions.realtime import commands
from shared.invocation import LambdaContext, invocation
from shared.log import about
from shared.settings import setting


def authorize(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The policy for a connection: it lets the holder of a ticket in that was not used yet, and
    nobody from a page that is not ours, if it is known which are. All else is denied, not an error:
    what API Gateway makes of an error at `$connect` is not written down.
    """
    allowed = setting("SOCKET_ORIGINS", "").split()
    if allowed and _header(event, "origin") not in allowed:
        return _policy(event["methodArn"], "Deny", "stranger", {})
    given: dict[str, str] = event.get("queryStringParameters") or {}
    admitted = commands.use_ticket(given.get("ticket") or "")
    if admitted is None:
        return _policy(event["methodArn"], "Deny", "nobody", {})
    workspace_id, holder = admitted
    about(workspace_id=workspace_id, user_id=holder.user_id)
    told = {
        "workspace_id": str(workspace_id),
        "user_id": str(holder.user_id),
        "session_id": str(holder.session_id),
        "access": holder.access,
    }
    return _policy(event["methodArn"], "Allow", str(holder.user_id), told)


def _header(event: dict[str, Any], name: str) -> str | None:
    """A header's value, however its name is written."""
    headers: dict[str, str] = event.get("headers") or {}
    return next((value for key, value in headers.items() if key.lower() == name), None)


def _policy(arn: str, effect: str, principal: str, told: dict[str, str]) -> dict[str, Any]:
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": arn}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": told,
    }


handler = invocation(authorize)
