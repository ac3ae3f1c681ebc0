"""What a client says, and what it is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from functions.realtime import messages, presence, queries, registry, topics
from functions.realtime.models import (
    Answer,
    Leave,
    Ping,
    Resumed,
    Said,
    Subscribe,
    TopicNotPermitted,
    Unsubscribe,
    View,
)
from functions.realtime.sessions import current_access
from functions.realtime.topics import Topic, events_by_topic
from shared.access import Access
from shared.db import transaction
from shared.errors import FieldError
from shared.feed import feed_cursor, position_after


@dataclass(frozen=True, slots=True)
class Client:
    """A connection, and who is at its other end."""

    workspace_id: UUID
    user_id: UUID
    session_id: UUID
    connection_id: str


def answer(client: Client, said: Said) -> list[Answer]:
    """The answers to a message.

    Raises:
        HasteError: it cannot be heeded; the client is told why.
        SessionEnded: the client's sign-in is over.
        NotPosted: others were not told who looks at a record.
    """
    return _HEED[type(said)](client, said)


def _subscribe(client: Client, said: Subscribe) -> list[Answer]:
    """Entered first, and the feed read afterwards: what commits in between is told twice."""
    access = current_access(client.workspace_id, client.session_id)
    wanted = topics.parse_topics(said.topics, access)
    after = None if said.after is None else _position(client, said.after)
    _require_readable(client, access, wanted)
    names = [str(topic) for topic in wanted]
    followed = registry.subscribe(client.workspace_id, client.connection_id, names)
    if followed is None:
        _enter(client)
        followed = registry.subscribe(client.workspace_id, client.connection_id, names) or ()
    if after is None:
        with transaction(client.workspace_id, user_id=client.user_id, access=access) as tx:
            head = queries.read_head(tx)
        return [messages.subscribed(followed, feed_cursor(client.workspace_id, head))]
    found = _missed(client, access, wanted, after)
    cursor = feed_cursor(client.workspace_id, found.head)
    return [
        messages.subscribed(followed, cursor),
        messages.resumed(client.workspace_id, found),
    ]


def _unsubscribe(client: Client, said: Unsubscribe) -> list[Answer]:
    left = registry.unsubscribe(client.workspace_id, client.connection_id, said.topics)
    return [messages.unsubscribed(left or ())]


def _ping(client: Client, said: Ping) -> list[Answer]:
    """Of the cache alone, unless the client wants to know what it has missed, or is not known."""
    followed = registry.touch(client.workspace_id, client.connection_id)
    if followed is None:
        current_access(client.workspace_id, client.session_id)
        _enter(client)
    answers = [messages.pong(followed or ())]
    if said.after is not None and followed:
        access = current_access(client.workspace_id, client.session_id)
        wanted = _still_permitted(followed, access)
        found = _missed(client, access, wanted, _position(client, said.after))
        answers.append(messages.resumed(client.workspace_id, found))
    return answers


def _view(client: Client, said: View) -> list[Answer]:
    access = current_access(client.workspace_id, client.session_id)
    record = f"{said.type}:{said.id}"
    _require_readable(client, access, topics.parse_topics([record], access, at="/type"))
    return _look(client, record)


def _leave(client: Client, _: Leave) -> list[Answer]:
    return _look(client, "")


def _look(client: Client, record: str) -> list[Answer]:
    """Look at a record, or at none; who looks at it or looked at the last one is told."""
    before = registry.view(client.workspace_id, client.connection_id, record)
    if before is None:
        current_access(client.workspace_id, client.session_id)
        _enter(client)
        registry.view(client.workspace_id, client.connection_id, record)
    for one in {record, before or ""} - {""}:
        presence.tell(client.workspace_id, one)
    return []


_HEED = cast(
    "dict[type[Said], Callable[[Client, Any], list[Answer]]]",
    {
        Subscribe: _subscribe,
        Unsubscribe: _unsubscribe,
        Ping: _ping,
        View: _view,
        Leave: _leave,
    },
)


def _enter(client: Client) -> None:
    """Enter a connection that the cache has forgotten. However many its member has: it is open."""
    registry.add(
        client.workspace_id, client.connection_id, client.user_id, client.session_id, most=None
    )


def _require_readable(client: Client, access: Access, wanted: Iterable[Topic]) -> None:
    """Refuse records that only some may read, and the client may not.

    Raises:
        TopicNotPermitted: there are such.
    """
    hidden = _hidden(client, access, wanted)
    if hidden:
        raise TopicNotPermitted(
            errors=tuple(
                FieldError("/topics", f"you may not read {one}", "permission")
                for one in sorted(map(str, hidden))
            )
        )


def _hidden(client: Client, access: Access, wanted: Iterable[Topic]) -> set[Topic]:
    """Topics of records that the client may not read."""
    narrow = topics.narrowed(wanted, access)
    if not narrow:
        return set()
    with transaction(client.workspace_id, user_id=client.user_id, access=access) as tx:
        seen = {thing: queries.readable(tx, thing, found) for thing, found in narrow.items()}
    return {
        topic
        for thing, found in narrow.items()
        for record, topic in found.items()
        if record not in seen[thing]
    }


def _still_permitted(followed: Iterable[str], access: Access) -> list[Topic]:
    """Those of a connection's topics that its member may still follow."""
    permitted: list[Topic] = []
    for name in followed:
        try:
            permitted += topics.parse_topics([name], access)
        except (topics.UnknownTopic, TopicNotPermitted):
            continue
    return permitted


def _missed(client: Client, access: Access, wanted: list[Topic], after: int) -> Resumed:
    """What happened on topics since a position, as far as the client may be told."""
    hidden = _hidden(client, access, wanted)
    types: set[str] = set()
    about: dict[str, set[UUID]] = {}
    for topic in wanted:
        for kind in events_by_topic()[topic.name]:
            reach = access.reach.get(kind.permission)
            if topic.record is None and reach == "all":
                types.add(kind.type_name())
            elif topic.record and reach and topic not in hidden:
                about.setdefault(kind.type_name(), set()).add(topic.record)
    with transaction(client.workspace_id, user_id=client.user_id, access=access) as tx:
        return queries.read_missed(tx, after, types=types, about=about)


def _position(client: Client, cursor: str) -> int:
    return position_after(client.workspace_id, cursor, at="/after")
