"""A client of the WebSocket API that does what its README asks: it ignores what is older than what
it knows, keeps a cursor, and comes back with it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack.team import Team


@dataclass
class Live:
    """One connection. `heard` is everything in its order, `versions` what is known of each record:
    the highest version, by topic and id.
    """

    socket: ClientConnection
    heard: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    versions: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    cursor: str | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def say(self, action: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"action": action, **fields}))

    def ask(self, answer: str, action: str, **fields: Any) -> dict[str, Any]:
        """Say something and wait for its answer of this type."""
        ref = f"ref-{len(self.heard)}-{action}"
        self.say(action, ref=ref, **fields)
        found: list[dict[str, Any]] = []

        def answered() -> bool:
            found[:] = [m for m in self.heard if m.get("ref") == ref and m["type"] == answer]
            return bool(found)

        assert eventually(answered), [m for m in self.heard if m.get("ref") == ref]
        return found[0]

    def subscribe(self, *topics: str, after: str | None = None) -> dict[str, Any]:
        """Follow topics; the last answer."""
        if after is None:
            return self.ask("subscribed", "subscribe", topics=topics)
        return self.ask("resume", "subscribe", topics=topics, after=after)

    def told(self, *types: str) -> list[dict[str, Any]]:
        """The events it was told, of all types or of some."""
        events = [m for m in list(self.heard) if m["type"][0].isupper()]
        return [m for m in events if not types or m["type"] in types]

    def listen(self) -> None:
        """Take what comes until the connection ends."""
        try:
            for text in self.socket:
                self.learn(json.loads(text))
        except ConnectionClosed:
            pass
        finally:
            self.ended.set()

    def learn(self, message: dict[str, Any]) -> None:
        for event in [message] if "version" in message else message.get("missed", []):
            key = (event["topic"], event["id"])
            self.versions[key] = max(event["version"], self.versions.get(key, 0))
        self.cursor = message.get("next_cursor", self.cursor)
        self.heard.append(message)


def ticket(team: Team) -> tuple[str, str]:
    """A ticket, and where it is good."""
    answer = team.ask("POST", "realtime/tickets")
    assert answer.status_code == 201, answer.text
    return answer.json()["url"], answer.json()["ticket"]


@contextmanager
def live(team: Team) -> Generator[Live]:
    """An open connection of the team's owner, listening."""
    url, given = ticket(team)
    with connect(f"{url}?ticket={given}") as socket:
        client = Live(socket)
        listener = threading.Thread(target=client.listen)
        listener.start()
        try:
            yield client
        finally:
            socket.close()
            listener.join()
