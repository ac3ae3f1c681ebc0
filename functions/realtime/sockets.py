"""The routes of the WebSocket API: connections come, say something, and go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from functions.realtime import messages, posting, presence, registry
from functions.realtime.conversation import Client, answer
from functions.realtime.models import (
    Answer,
    InvalidMessage,
    RegistryDown,
    SessionEnded,
    parse_message,
)
from shared.auth import caller_of
from shared.errors import FieldError, HasteError, Unauthorized
from shared.invocation import LambdaContext, Payload, invocation
from shared.log import about, logger


def connect(client: Client, _: Payload) -> int:
    """Enter the connection: the status of the handshake."""
    try:
        entered = registry.add(
            client.workspace_id, client.connection_id, client.user_id, client.session_id
        )
    except RegistryDown:
        return RegistryDown.status
    return 200 if entered == "added" else 429


def disconnect(client: Client, _: Payload) -> int:
    """Forget the connection. API Gateway may say nothing of an end: then its time runs out."""
    try:
        record = registry.remove(client.workspace_id, client.connection_id)
        if record:
            presence.tell(client.workspace_id, record)
    except (RegistryDown, posting.NotPosted) as error:
        logger.warning("an end was told to nobody", metadata={"error": repr(error)[:200]})
    return 200


def converse(client: Client, event: Payload) -> int:
    """Heed what the client says, and answer it by a post of our own."""
    text = event.get("body") or ""
    try:
        answers = _answers(client, text)
    except SessionEnded:
        posting.close(client.connection_id)
        registry.remove(client.workspace_id, client.connection_id)
        return 200
    if answers:
        posting.post({client.connection_id: [posting.encoded(one) for one in answers]})
    return 200


def _answers(client: Client, text: str) -> list[Answer]:
    try:
        said = parse_message(text)
    except ValidationError as error:
        return [messages.error(InvalidMessage(errors=_wrong(error)))]
    ref = {} if said.ref is None else {"ref": said.ref}
    try:
        return [one | ref for one in answer(client, said)]
    except HasteError as problem:
        return [messages.error(problem) | ref]


def _wrong(error: ValidationError) -> tuple[FieldError, ...]:
    """Where a message is wrong; the action's name, which pydantic puts first, is no place in it."""
    return tuple(
        FieldError("".join(f"/{part}" for part in one["loc"][1:]), one["msg"], one["type"])
        for one in error.errors(include_url=False, include_input=False)
    )


_ROUTES: dict[str, Callable[[Client, Payload], int]] = {
    "$connect": connect,
    "$disconnect": disconnect,
}


def handle(event: Payload, context: LambdaContext) -> dict[str, Any]:
    """Answer one event of the WebSocket API."""
    try:
        client = _client_of(event)
    except Unauthorized as error:
        return {"statusCode": error.status}
    about(workspace_id=client.workspace_id, user_id=client.user_id)
    route = event["requestContext"]["routeKey"]
    return {"statusCode": _ROUTES.get(route, converse)(client, event)}


def _client_of(event: Payload) -> Client:
    caller = caller_of(event)
    if caller.session_id is None:
        raise Unauthorized
    return Client(
        workspace_id=caller.workspace_id,
        user_id=caller.user_id,
        session_id=caller.session_id,
        connection_id=event["requestContext"]["connectionId"],
    )


handler = invocation(handle)
