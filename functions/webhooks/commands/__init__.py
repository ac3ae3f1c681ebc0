"""What can be done with webhook endpoints, and what is sent to them."""

from functions.webhooks.commands.disabling import disable_unconfirmed
from functions.webhooks.commands.endpoints import (
    SEALED_FOR,
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    rotate_secret,
)
from functions.webhooks.commands.recording import (
    CONSUMER,
    record_events,
    replay_delivery,
    replay_events,
    send_test,
)
from functions.webhooks.commands.sending import let_go, settle, take

__all__ = [
    "CONSUMER",
    "SEALED_FOR",
    "change_endpoint",
    "create_endpoint",
    "delete_endpoint",
    "disable_unconfirmed",
    "let_go",
    "record_events",
    "replay_delivery",
    "replay_events",
    "rotate_secret",
    "send_test",
    "settle",
    "take",
]
