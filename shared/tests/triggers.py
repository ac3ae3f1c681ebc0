"""Events of Lambda's triggers, for calling handlers as AWS does."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from events.envelope import Event


def rest_event(
    method: str, path: str, body: Any, headers: dict[str, str], authorizer: dict[str, str]
) -> dict[str, Any]:
    """A request, as API Gateway's REST API hands it over."""
    path, _, query = path.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    multi: dict[str, list[str]] = {}
    for name, _, value in pairs:
        multi.setdefault(name, []).append(value)
    sent = {"Host": "localhost", **headers}
    text = None
    if body is not None:
        sent.setdefault("Content-Type", "application/json")
        text = body.decode("latin-1") if isinstance(body, bytes) else json.dumps(body)
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": {n: v[-1] for n, v in multi.items()} or None,
        "multiValueQueryStringParameters": multi or None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "requestId": str(uuid4()),
            "stage": "test",
            "path": path,
            "httpMethod": method,
            "identity": {"sourceIp": "127.0.0.1", "userAgent": "pytest"},
            **({"authorizer": authorizer} if authorizer else {}),
        },
        "body": text,
        "isBase64Encoded": False,
    }


def sqs_record(number: int, message: Any, receives: int) -> dict[str, Any]:
    """A message, as SQS hands it over: an event as EventBridge puts it there, or a body."""
    if isinstance(message, Event):
        detail = message.model_dump(mode="json")
        envelope = {"version": "0", "id": str(uuid4()), "detail-type": message.type_name()}
        text = json.dumps({**envelope, "source": f"haste.{message.source}", "detail": detail})
    elif isinstance(message, BaseModel):
        text = message.model_dump_json()
    else:
        text = message if isinstance(message, str) else json.dumps(message)
    return {
        "messageId": str(number),
        "receiptHandle": f"handle-{number}",
        "body": text,
        "attributes": {"ApproximateReceiveCount": str(receives), "MessageGroupId": "group"},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:test",
        "awsRegion": "us-east-1",
    }
