"""How soon clients hear of what happens, over the whole way and from the fan-out on."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from events.contacts import ContactChanged
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.mailrun.run import percentile
from infra_cdk.local.commands.socketbench.crowd import Crowd, Place, gather, invoke, request
from infra_cdk.local.stack import Stack

_WARM_UP = 5
_SECONDS_APART = 0.1


@dataclass(frozen=True, slots=True)
class Told:
    """How long it took until a message was there. Others read these keys: they are never changed,
    only added to. `whole` are times until the last client of a workspace had it.
    """

    events: int
    messages: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    whole_p95_ms: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured."""

    connections: int
    workspaces: int
    opened_per_s: float
    committed_to_client: Told
    fan_out_to_client: Told
    at_once: Told
    messages_per_s: float


async def measured(stack: Stack, places: Sequence[Place], each: int, events: int) -> Figures:
    """Open the connections, and tell them of events.

    Raises:
        CannotDo: a connection or an event was lost.
    """
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        began = time.perf_counter()
        crowd = await gather(stack, client, places, each)
        opened = time.perf_counter() - began
        listeners = [asyncio.create_task(crowd.listen(one)) for one in crowd.sockets]
        try:
            while crowd.listening < len(crowd.sockets):
                _raise_failed(listeners)
                await asyncio.sleep(0.01)
            figures = await _tell(stack, client, crowd, places, each, events)
            _raise_failed(listeners)
        finally:
            for listener in listeners:
                listener.cancel()
            await asyncio.gather(*(one.close() for one in crowd.sockets))
    committed, received, at_once, per_s = figures
    return Figures(
        connections=len(crowd.sockets),
        workspaces=len(places),
        opened_per_s=round(len(crowd.sockets) / opened, 1),
        committed_to_client=committed,
        fan_out_to_client=received,
        at_once=at_once,
        messages_per_s=per_s,
    )


async def _tell(
    stack: Stack,
    client: httpx.AsyncClient,
    crowd: Crowd,
    places: Sequence[Place],
    each: int,
    events: int,
) -> tuple[Told, Told, Told, float]:
    turns = [places[n % len(places)] for n in range(events + _WARM_UP)]
    ids = [await _create(stack, client, place) for place in turns]
    await crowd.until_heard(ids, each)
    committed = [(one, _seconds(crowd.at[one])) for one in ids[_WARM_UP:]]
    received: list[tuple[str, float]] = []
    for place in turns:
        event = _event(place)
        received.append((str(event.aggregate_id), time.time()))
        await _fan_out(stack, client, [event])
        await crowd.until_heard([received[-1][0]], each)
    flood = [_event(place) for place in places]
    began = time.time()
    await _fan_out(stack, client, flood)
    names = [str(one.aggregate_id) for one in flood]
    await crowd.until_heard(names, each)
    last = max(came for one in names for came in crowd.heard[one])
    return (
        _told(crowd, committed),
        _told(crowd, received[_WARM_UP:]),
        _told(crowd, [(one, began) for one in names]),
        round(len(names) * each / (last - began), 1),
    )


async def _create(stack: Stack, client: httpx.AsyncClient, place: Place) -> str:
    """Create a contact, all the way: the API's function commits and publishes."""
    event = request(place, "POST", "/api/v1/contacts", {"name": "Ada Lovelace"})
    began = time.monotonic()
    answer = await invoke(client, stack, "gateway", "contacts-api", event)
    if answer["statusCode"] != 201:
        raise CannotDo(f"A contact was refused: {answer['body']}")
    await asyncio.sleep(max(0.0, _SECONDS_APART - (time.monotonic() - began)))
    return json.loads(answer["body"])["id"]


def _event(place: Place) -> ContactChanged:
    """An event that did not happen: only telling it is measured."""
    fields: dict[str, Any] = {
        "workspace_id": place.workspace.id,
        "actor": "system:bench",
        "aggregate_id": uuid4(),
        "position": 1,
        "email": None,
        "name": "Ada Lovelace",
        "changed": ("name",),
    }
    return ContactChanged.model_validate(fields)


async def _fan_out(
    stack: Stack, client: httpx.AsyncClient, events: Sequence[ContactChanged]
) -> None:
    """Hand events to the fan-out as its queue would, in batches of ten."""
    for start in range(0, len(events), 10):
        records = [_record(one) for one in events[start : start + 10]]
        answer = await invoke(client, stack, "pollers", "realtime-events", {"Records": records})
        if answer["batchItemFailures"]:
            raise CannotDo(f"The fan-out failed: {answer}")


def _record(event: ContactChanged) -> dict[str, Any]:
    body = {"detail-type": event.type_name(), "detail": event.model_dump(mode="json")}
    return {
        "messageId": str(uuid4()),
        "receiptHandle": "bench",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:realtime",
        "awsRegion": "us-east-1",
    }


def _told(crowd: Crowd, begun: Sequence[tuple[str, float]]) -> Told:
    waits = [came - since for one, since in begun for came in crowd.heard[one]]
    whole = [max(crowd.heard[one]) - since for one, since in begun]

    def ms(values: Sequence[float], percent: float) -> float:
        return round(percentile(values, percent) * 1000, 1)

    return Told(
        events=len(begun),
        messages=len(waits),
        p50_ms=ms(waits, 50),
        p95_ms=ms(waits, 95),
        p99_ms=ms(waits, 99),
        whole_p95_ms=ms(whole, 95),
    )


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).astimezone(UTC).timestamp()


def _raise_failed(listeners: Sequence[asyncio.Task[None]]) -> None:
    """Raise what ended a listener, before it was told to."""
    for one in listeners:
        if one.done() and not one.cancelled():
            one.result()
            raise CannotDo("A connection was closed.")
