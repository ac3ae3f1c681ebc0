"""Recording what is to be sent: events as they happen, tests, and what is to be sent again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from events.envelope import Event, parse
from functions.webhooks import queries, store
from functions.webhooks.listening import Listener, NewDelivery
from functions.webhooks.models import Delivery, Endpoint, EndpointDisabled, Replay, Replayed
from functions.webhooks.payloads import TEST, body_of, body_of_test
from shared.db import Tx
from shared.ids import uuid7
from shared.privacy import as_kept
from shared.telling import mailbox_of, mailbox_readers, told_types

CONSUMER = "webhooks"
"""What the inbox knows us by."""
_REPLAYED_AT_ONCE = 1000


def send_test(tx: Tx, endpoint_id: UUID) -> Delivery:
    """Record a test message for an endpoint.

    Raises:
        EndpointNotFound: there is no such endpoint.
        EndpointDisabled: nothing is sent to it.
    """
    _enabled(tx, endpoint_id)
    test_id = uuid7()
    body = body_of_test(test_id, datetime.now(UTC), tx.actor, endpoint_id)
    test = NewDelivery(endpoint_id, test_id, TEST, None, None, body)
    store.record(tx, [test], again=False)
    return _shown(tx, endpoint_id, test.id)


def replay_delivery(tx: Tx, endpoint_id: UUID, delivery_id: UUID) -> Delivery:
    """Make a delivery due once more, whatever became of it.

    Raises:
        EndpointNotFound, DeliveryNotFound: there is no such thing.
        EndpointDisabled: nothing is sent to it.
    """
    _enabled(tx, endpoint_id)
    store.replay(tx, endpoint_id, delivery_id)
    return _shown(tx, endpoint_id, delivery_id)


def replay_events(tx: Tx, endpoint_id: UUID, asked: Replay) -> Replayed:
    """Make the next events of the feed due at an endpoint, also those that it never got; of types
    that the caller may read, too, or an endpoint of somebody with more rights would tell them.

    Raises:
        EndpointNotFound: there is no such endpoint.
        EndpointDisabled: nothing is sent to it.
    """
    _enabled(tx, endpoint_id)
    listener = queries.find_listener(tx, endpoint_id)
    if listener is None:
        raise EndpointDisabled
    found = queries.list_recorded(
        tx,
        listener.event_types,
        after_position=asked.after_position,
        limit=_REPLAYED_AT_ONCE,
    )
    events: list[Event] = []
    for one in found:
        if one.payload is not None:
            event = parse(one.type, one.payload | {"position": one.position})
            events += [event] if event is not None else []
    told = told_types(tx.access)
    shown = [event for event in events if told is None or event.type_name() in told]
    pairs = _readable(tx, [(listener, event) for event in shown])
    recorded = store.record(tx, [_delivery(*pair) for pair in pairs], again=True)
    return Replayed(
        replayed=len(recorded),
        position=found[-1].position if found else asked.after_position,
        more=len(found) == _REPLAYED_AT_ONCE,
    )


def record_events(tx: Tx, events: Sequence[Event]) -> set[UUID]:
    """Record what is to be sent about events; the endpoints that get something.

    Workspaces without endpoints are many: they cost one look, and leave no mark in the inbox.
    """
    listeners = queries.list_listeners(tx)
    wanted = [
        event
        for event in {event.id: event for event in events}.values()
        if any(_is_for(listener, event) for listener in listeners)
    ]
    if not wanted:
        return set()
    pairs = [
        (listener, event)
        for event in as_kept(tx, wanted)
        for listener in listeners
        if _is_for(listener, event)
    ]
    pairs = _readable(tx, pairs)
    if not pairs:
        return set()
    unseen = tx.first_times(CONSUMER, [event.id for _, event in pairs])
    new = [_delivery(*pair) for pair in pairs if pair[1].id in unseen]
    return set(store.record(tx, new, again=False))


def _enabled(tx: Tx, endpoint_id: UUID) -> Endpoint:
    endpoint = queries.get_endpoint(tx, endpoint_id)
    if not endpoint.enabled:
        raise EndpointDisabled
    return endpoint


def _shown(tx: Tx, endpoint_id: UUID, delivery_id: UUID) -> Delivery:
    found = queries.get_delivery(tx, endpoint_id, delivery_id)
    return Delivery.model_validate(found.model_dump())


def _is_for(listener: Listener, event: Event) -> bool:
    return listener.wants(event) and listener.was_there(event)


def _readable(tx: Tx, pairs: list[tuple[Listener, Event]]) -> list[tuple[Listener, Event]]:
    """Those whose endpoint may read the event."""
    mailboxes = {mailbox_of(event) for _, event in pairs} - {None}
    readers = mailbox_readers(tx, [one for one in mailboxes if one]) if mailboxes else {}
    return [pair for pair in pairs if pair[0].may_read(pair[1], readers)]


def _delivery(listener: Listener, event: Event) -> NewDelivery:
    return NewDelivery(
        listener.id,
        event.id,
        event.type_name(),
        event.position,
        mailbox_of(event),
        body_of(event, listener.access),
    )
