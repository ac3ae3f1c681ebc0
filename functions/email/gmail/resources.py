"""What Gmail answers, typed, and what a window of its history comes down to.

History ids are decimal strings without bound, never numbers: they exceed what a float can hold.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import (
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)
from pydantic.alias_generators import to_camel


def _history_id(value: object) -> object:
    """An integer becomes its digits; a float stays one and is refused."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _decode_base64(value: object) -> object:
    """base64url or base64, with or without padding, as bytes. Raises ValueError."""
    if not isinstance(value, str):
        return value
    text = value.rstrip("=")
    try:
        return base64.b64decode(
            text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4),
            altchars=b"-_",
            validate=True,
        )
    except binascii.Error as problem:
        raise ValueError("not base64") from problem


HistoryId = Annotated[
    str, BeforeValidator(_history_id), StringConstraints(strict=True, pattern=r"^[0-9]+$")
]


class _Resource(BaseModel):
    model_config = ConfigDict(
        frozen=True, alias_generator=AliasGenerator(validation_alias=to_camel)
    )


class Profile(_Resource):
    email_address: str
    messages_total: int
    threads_total: int
    history_id: HistoryId


class Watch(_Resource):
    """`expiration`: when Gmail stops notifying."""

    history_id: HistoryId
    expiration: datetime  # pydantic reads epoch milliseconds


class MessageRef(_Resource):
    """A message as lists and history name it; `label_ids` is None where Gmail left them out."""

    id: str
    thread_id: str
    label_ids: frozenset[str] | None = None


class MessagePage(_Resource):
    messages: tuple[MessageRef, ...] = ()
    next_page_token: str | None = None


class RawMessage(_Resource):
    """A whole message. `internal_date` is epoch milliseconds, `size` an estimate."""

    id: str
    thread_id: str
    label_ids: frozenset[str] = frozenset()
    history_id: HistoryId
    internal_date: int
    size: int = Field(validation_alias="sizeEstimate")
    raw: Annotated[bytes, BeforeValidator(_decode_base64)]


class _OfMessage(_Resource):
    message: MessageRef


class _LabelsOfMessage(_OfMessage):
    label_ids: frozenset[str]


class _Record(_Resource):
    messages_added: tuple[_OfMessage, ...] = ()
    messages_deleted: tuple[_OfMessage, ...] = ()
    labels_added: tuple[_LabelsOfMessage, ...] = ()
    labels_removed: tuple[_LabelsOfMessage, ...] = ()


class HistoryPage(_Resource):
    """`history_id` is the mailbox's newest at the time of the answer, not the last of the page."""

    history: tuple[_Record, ...] = ()
    history_id: HistoryId
    next_page_token: str | None = None


@dataclass(frozen=True, slots=True)
class LabelChange:
    """What a message's labels gained and lost in a window, net."""

    message: MessageRef
    added: frozenset[str]
    removed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of each message in a window of history; a message may be new and relabelled."""

    added: tuple[MessageRef, ...]
    deleted: tuple[str, ...]
    relabelled: tuple[LabelChange, ...]


def fold(pages: Iterable[HistoryPage]) -> Changes:
    """The net effect of a window's pages, in order.

    Deleted wins over added: an autosaved draft is both, and there is nothing left to fetch. Label
    changes of an added message are kept: windows overlap, so it may have been stored before them.
    """
    added: dict[str, MessageRef] = {}
    deleted: dict[str, None] = {}
    relabelled: dict[str, LabelChange] = {}
    for record in (record for page in pages for record in page.history):
        for item in record.messages_added:
            added[item.message.id] = item.message
        for item in record.messages_deleted:
            deleted[item.message.id] = None
        for item in record.labels_added:
            _relabel(relabelled, item.message, item.label_ids, frozenset())
        for item in record.labels_removed:
            _relabel(relabelled, item.message, frozenset(), item.label_ids)
    return Changes(
        tuple(ref for ref in added.values() if ref.id not in deleted),
        tuple(deleted),
        tuple(change for message_id, change in relabelled.items() if message_id not in deleted),
    )


def _relabel(
    changes: dict[str, LabelChange],
    message: MessageRef,
    added: frozenset[str],
    removed: frozenset[str],
) -> None:
    before = changes.get(message.id, LabelChange(message, frozenset(), frozenset()))
    changes[message.id] = LabelChange(
        message, (before.added - removed) | added, (before.removed - added) | removed
    )
