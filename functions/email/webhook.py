"""`POST /webhooks/gmail`: Google tells us that a mailbox changed.

Answered in milliseconds and without a database: verify the token, put the address on
`email-sync`, answer 204. Anything but 2xx makes Pub/Sub slow down for all mailboxes, so only a bad
token (401) and a queue that cannot be reached (503) are errors; nonsense inside a good envelope is
logged and acknowledged.
https://cloud.google.com/pubsub/docs/push
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Mapping
from typing import Any, cast

from functions.email import oidc
from functions.email.models import SyncMailbox, sync_message
from shared.invocation import LambdaContext, Payload, invocation
from shared.log import logger
from shared.queues import send
from shared.settings import setting

_MAX_BODY_BYTES = 64 * 1024


class _Nonsense(ValueError):
    """The body is not a notification of Gmail."""


def _answer(event: Payload, context: LambdaContext) -> dict[str, Any]:
    if event.get("httpMethod") != "POST":
        return _problem(event, 405, "method_not_allowed", "Only POST is served here.")
    try:
        _verify(event)
    except oidc.InvalidToken as error:
        logger.warning("push refused", metadata={"reason": str(error)})
        return _problem(event, 401, "unauthorized", "The token is not one of our push service.")
    except oidc.KeysUnavailable:
        logger.exception("Google's keys cannot be read")
        return _problem(event, 503, "unavailable", "The token cannot be checked now.")
    try:
        address, history_id = _notification(event)
    except _Nonsense as error:
        logger.warning("push ignored", metadata={"reason": str(error)})
        return _acknowledged()
    try:
        _enqueue(address, history_id)
    except Exception:
        logger.exception("push could not be queued")
        return _problem(event, 503, "unavailable", "The notification could not be queued.")
    return _acknowledged()


def _verify(event: Payload) -> None:
    sent = cast("Mapping[str, str]", event.get("headers") or {})
    headers = {name.lower(): value for name, value in sent.items()}
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise oidc.InvalidToken("no bearer token")
    oidc.verify(
        token.strip(),
        jwks_url=setting("GOOGLE_JWKS_URL"),
        audience=setting("PUSH_AUDIENCE"),
        email=setting("PUSH_EMAIL"),
    )


def _notification(event: Payload) -> tuple[str, str]:
    """Address and history id of a push; both spellings of base64 and of numbers occur.

    Raises:
        _Nonsense: the body is something else.
    """
    try:
        envelope = json.loads(_body(event))
        if envelope["subscription"] != setting("PUSH_SUBSCRIPTION"):
            raise _Nonsense("another subscription")
        data = json.loads(_decoded(envelope["message"]["data"]))
        address, history_id = data["emailAddress"], data["historyId"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _Nonsense(f"not a notification: {type(error).__name__}") from error
    if isinstance(history_id, bool) or not isinstance(history_id, int | str):
        raise _Nonsense("no history id")
    if not isinstance(address, str) or not str(history_id).isascii():
        raise _Nonsense("no address")
    return address, str(history_id)[:40]


def _body(event: Payload) -> bytes:
    body = cast("str", event.get("body") or "")
    content = b64decode(body) if event.get("isBase64Encoded") else body.encode()
    if len(content) > _MAX_BODY_BYTES:
        raise _Nonsense("too large")
    return content


def _decoded(data: str) -> bytes:
    padded = data.rstrip("=") + "=" * (-len(data.rstrip("=")) % 4)
    try:
        return urlsafe_b64decode(padded.replace("+", "-").replace("/", "_"))
    except binascii.Error as error:
        raise _Nonsense("data is not base64") from error


def _enqueue(address: str, history_id: str) -> None:
    """One message per address and history id: FIFO drops the copies Pub/Sub sends."""
    try:
        message = SyncMailbox(address=address)
    except ValueError as error:
        logger.warning("push ignored", metadata={"reason": f"no address: {error!r:.100}"})
        return
    send("email-sync", [sync_message(message, history_id)])


def _acknowledged() -> dict[str, Any]:
    return {"statusCode": 204, "headers": {}, "body": "", "isBase64Encoded": False}


def _problem(event: Payload, status: int, code: str, detail: str) -> dict[str, Any]:
    context: Mapping[str, Any] = event.get("requestContext") or {}
    body = {
        "type": "about:blank",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": context.get("requestId"),
    }
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/problem+json"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


handler = invocation(_answer)
