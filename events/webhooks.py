"""Events of outgoing webhooks."""

from typing import ClassVar, Literal

from events.envelope import Event

# The whole URL of an endpoint may hold a password of its owner's, so events name its host alone.


class WebhookEndpointCreated(Event):
    """An endpoint was created; `event_types` is null for all. `aggregate_id` is the endpoint."""

    source: ClassVar[str] = "webhooks"
    permission: ClassVar[str] = "webhooks.settings"
    host: str
    enabled: bool
    event_types: tuple[str, ...] | None


class WebhookEndpointChanged(Event):
    """Fields of an endpoint changed, or its secret; `changed` names them."""

    source: ClassVar[str] = "webhooks"
    permission: ClassVar[str] = "webhooks.settings"
    host: str
    enabled: bool
    changed: tuple[str, ...]


class WebhookEndpointDeleted(Event):
    """An endpoint was deleted."""

    source: ClassVar[str] = "webhooks"
    permission: ClassVar[str] = "webhooks.settings"
    host: str


class WebhookEndpointDisabled(Event):
    """Nothing is sent to an endpoint any more: it said that it is gone, failed for too long, or was
    made by somebody who had not confirmed the address that another has confirmed since.
    """

    source: ClassVar[str] = "webhooks"
    permission: ClassVar[str] = "webhooks.settings"
    host: str
    reason: Literal["gone", "failing", "unconfirmed"]
