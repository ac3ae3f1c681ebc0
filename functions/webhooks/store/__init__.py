"""Writing endpoints and deliveries."""

from functions.webhooks.store.deliveries import (
    claim,
    expire,
    give_up_unreadable,
    record,
    replay,
    settle,
)
from functions.webhooks.store.endpoints import (
    delete,
    disable_of,
    insert,
    rotate,
    update,
)
from functions.webhooks.store.senders import (
    disable,
    hold,
    note_failure,
    note_success,
    plan_wake,
    release,
    rest,
    spend,
)

__all__ = [
    "claim",
    "delete",
    "disable",
    "disable_of",
    "expire",
    "give_up_unreadable",
    "hold",
    "insert",
    "note_failure",
    "note_success",
    "plan_wake",
    "record",
    "release",
    "replay",
    "rest",
    "rotate",
    "settle",
    "spend",
    "update",
]
