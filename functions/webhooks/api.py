"""`/api/v1/webhooks`: for those who may change the workspace's settings of them.

URLs and answers of receivers may hold secrets, so that goes for reading, too.
"""

from typing import Annotated
from uuid import UUID

from fastapi import BackgroundTasks, Query, Response

from functions.webhooks import commands, queries
from functions.webhooks.models import (
    Delivery,
    DeliveryWithBody,
    Endpoint,
    EndpointChange,
    EndpointWithSecret,
    NewEndpoint,
    Replay,
    Replayed,
    State,
)
from functions.webhooks.payloads import TEST, Payload, body_as_seen_with
from functions.webhooks.signatures import new_secret
from functions.webhooks.waking import wake
from shared.encryption import DataKey, data_key
from shared.errors import Unavailable
from shared.http import (
    DEFAULT_LIMIT,
    CurrentCaller,
    CursorParam,
    IfMatch,
    LateTransaction,
    Limit,
    Page,
    Transaction,
    create_app,
    create_router,
    decode_cursor,
    expected_version,
    http_handler,
    needs,
    page,
    set_etag,
    transaction_of,
    unrepeatable,
)
from shared.log import logger
from shared.telling import told_types

SECRET_ROUTES = (
    ("POST", "/api/v1/webhooks"),
    ("POST", "/api/v1/webhooks/{endpoint_id}/rotate-secret"),
)
"""Their answers hold a secret that is shown once, so they take no Idempotency-Key."""
_SETTINGS = needs("webhooks.settings")
_SHOWN_ONCE = unrepeatable("the answer holds a secret, which is shown once and not kept")


class NoKeyService(Unavailable):
    """Secrets cannot be sealed now, because the key service does not answer; try again."""


routes = create_router()


@routes.post("/api/v1/webhooks", status_code=201, openapi_extra=_SETTINGS | _SHOWN_ONCE)
async def create_endpoint(
    new: NewEndpoint, caller: CurrentCaller, begin: LateTransaction, response: Response
) -> EndpointWithSecret:
    """Create an endpoint. The secret of the answer is not shown again. It is sent what the member
    who creates it may read, so keys create none.
    """
    caller.require_person()
    secret = new_secret()
    sealed = _key(caller.workspace_id).seal(secret, column=commands.SEALED_FOR)
    endpoint = commands.create_endpoint(begin(), new, sealed)
    response.headers["Location"] = f"/api/v1/webhooks/{endpoint.id}"
    return _with_secret(endpoint, secret, response)


@routes.get("/api/v1/webhooks", openapi_extra=_SETTINGS)
async def list_endpoints(
    tx: Transaction, limit: Limit = DEFAULT_LIMIT, cursor: CursorParam = None
) -> Page[Endpoint]:
    """Where events are sent to, newest first."""
    found = queries.list_endpoints(tx, limit=limit + 1, after=decode_cursor(cursor))
    return page(found, limit, key=lambda endpoint: (endpoint.created_at, endpoint.id))


@routes.get("/api/v1/webhooks/{endpoint_id}", openapi_extra=_SETTINGS)
async def get_endpoint(endpoint_id: UUID, tx: Transaction, response: Response) -> Endpoint:
    """One endpoint, with its version as `ETag`; never with its secret."""
    endpoint = queries.get_endpoint(tx, endpoint_id)
    set_etag(response, endpoint.version)
    return endpoint


@routes.patch("/api/v1/webhooks/{endpoint_id}", openapi_extra=_SETTINGS)
async def change_endpoint(
    endpoint_id: UUID,
    change: EndpointChange,
    caller: CurrentCaller,
    tx: Transaction,
    response: Response,
    after: BackgroundTasks,
    if_match: IfMatch = None,
) -> Endpoint:
    """Change the fields that are given. Whoever changes the URL or the types of events makes the
    endpoint theirs: it is sent what they may read.
    """
    caller.require_person()
    version = expected_version(if_match)
    endpoint = commands.change_endpoint(tx, endpoint_id, change, version=version)
    if change.enabled:  # what has waited is sent
        after.add_task(wake, tx.workspace_id, [endpoint_id])
    set_etag(response, endpoint.version)
    return endpoint


@routes.delete("/api/v1/webhooks/{endpoint_id}", status_code=204, openapi_extra=_SETTINGS)
async def delete_endpoint(endpoint_id: UUID, tx: Transaction, if_match: IfMatch = None) -> None:
    """Deletes an endpoint, with what is still to be sent to it."""
    version = expected_version(if_match) if if_match else None
    commands.delete_endpoint(tx, endpoint_id, version=version)


@routes.post(
    "/api/v1/webhooks/{endpoint_id}/rotate-secret",
    openapi_extra=_SETTINGS | _SHOWN_ONCE,
)
async def rotate_secret(
    endpoint_id: UUID, caller: CurrentCaller, begin: LateTransaction, response: Response
) -> EndpointWithSecret:
    """Give the endpoint a new secret. For 24 hours requests are signed with the old one as well."""
    caller.require_person()
    with transaction_of(caller) as tx:
        queries.get_endpoint(tx, endpoint_id)
    secret = new_secret()
    sealed = _key(caller.workspace_id).seal(secret, column=commands.SEALED_FOR)
    return _with_secret(commands.rotate_secret(begin(), endpoint_id, sealed), secret, response)


@routes.post("/api/v1/webhooks/{endpoint_id}/test", status_code=202, openapi_extra=_SETTINGS)
async def send_test(endpoint_id: UUID, tx: Transaction, after: BackgroundTasks) -> Delivery:
    """Send a test message; the endpoint's deliveries tell how it went."""
    delivery = commands.send_test(tx, endpoint_id)
    after.add_task(wake, tx.workspace_id, [endpoint_id])
    return delivery


@routes.get("/api/v1/webhooks/{endpoint_id}/deliveries", openapi_extra=_SETTINGS)
async def list_deliveries(
    endpoint_id: UUID,
    tx: Transaction,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
) -> Page[Delivery]:
    """What was sent to an endpoint, newest first: every attempt of 30 days and how it went."""
    after = decode_cursor(cursor)
    found = queries.list_deliveries(tx, endpoint_id, limit=limit + 1, after=after, state=state)
    return page(found, limit, key=lambda delivery: (delivery.created_at, delivery.id))


@routes.get(
    "/api/v1/webhooks/{endpoint_id}/deliveries/{delivery_id}",
    openapi_extra=_SETTINGS,
)
async def get_delivery(endpoint_id: UUID, delivery_id: UUID, tx: Transaction) -> DeliveryWithBody:
    """A delivery with its body, which is null where the caller may not read such events."""
    found = queries.get_delivery(tx, endpoint_id, delivery_id)
    told = told_types(tx.access)
    shown = told is None or found.event_type in (*told, TEST)
    body = body_as_seen_with(tx.access, found.body) if shown and found.body else None
    return found.model_copy(update={"body": body})


@routes.post(
    "/api/v1/webhooks/{endpoint_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    openapi_extra=_SETTINGS,
)
async def replay_delivery(
    endpoint_id: UUID, delivery_id: UUID, tx: Transaction, after: BackgroundTasks
) -> Delivery:
    """Send it again, whatever became of it, as it was: same `webhook-id`, same body."""
    delivery = commands.replay_delivery(tx, endpoint_id, delivery_id)
    after.add_task(wake, tx.workspace_id, [endpoint_id])
    return delivery


@routes.post(
    "/api/v1/webhooks/{endpoint_id}/replay",
    status_code=202,
    openapi_extra=_SETTINGS,
)
async def replay_events(
    endpoint_id: UUID,
    asked: Replay,
    caller: CurrentCaller,
    tx: Transaction,
    after: BackgroundTasks,
) -> Replayed:
    """Send the next thousand events of the feed again, those of the endpoint's types; also those
    that happened before it was created, or while it was disabled. Only what both the endpoint's
    member and the caller may read.
    """
    caller.require_person()
    replayed = commands.replay_events(tx, endpoint_id, asked)
    after.add_task(wake, tx.workspace_id, [endpoint_id])
    return replayed


app = create_app("Webhooks")
app.include_router(routes)


@app.webhooks.post("event", status_code=204)
async def receive_event(payload: Payload) -> None:
    """What endpoints get, signed as Standard Webhooks has it: headers `webhook-id`,
    `webhook-timestamp` and `webhook-signature`. Any 2xx within 15 s is a success; 410 disables the
    endpoint; everything else is tried again, ten times in three days.
    """


def _key(workspace_id: UUID) -> DataKey:
    try:
        return data_key(workspace_id)
    except Exception as error:
        logger.exception("no data key")
        raise NoKeyService from error


def _with_secret(endpoint: Endpoint, secret: str, response: Response) -> EndpointWithSecret:
    set_etag(response, endpoint.version)
    response.headers["Cache-Control"] = "no-store"
    return EndpointWithSecret(**endpoint.model_dump(), secret=secret)


handler = http_handler(app)
