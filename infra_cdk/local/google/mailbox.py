"""Mail into and out of a laptop's mailboxes, for the demo, the benchmarks and tests.

Everything goes through the proxy, so that notifications follow.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from infra_cdk.local.google.settings import access_token

ARRIVED = ("INBOX", "UNREAD")


@dataclass(frozen=True)
class Mailbox:
    """One address at the proxy. Use as a context manager, or `close` it; safe across threads."""

    url: str
    address: str
    client: httpx.Client = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        client = httpx.Client(
            base_url=f"{self.url}/gmail/v1/users/me/",
            headers={"Authorization": f"Bearer {access_token(self.address)}"},
            timeout=60,
            trust_env=False,
        )
        object.__setattr__(self, "client", client)

    def __enter__(self) -> Mailbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.client.close()


def insert(
    mailbox: Mailbox, raw: bytes, *, thread: str | None = None, labels: Sequence[str] = ARRIVED
) -> str:
    """Let a mail arrive, byte for byte; returns its Gmail id."""
    body: dict[str, Any] = {
        "raw": base64.urlsafe_b64encode(raw).decode(),
        "labelIds": list(labels),
    }
    if thread:
        body["threadId"] = thread
    return _call(mailbox, "POST", "messages", json=body).json()["id"]


def insert_many(
    mailbox: Mailbox, mails: Iterable[bytes], *, at_once: int = 4, labels: Sequence[str] = ARRIVED
) -> list[str]:
    """Let many mails arrive, `at_once` in parallel; ids in the order of `mails`."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(partial(insert, mailbox, labels=labels), mails))


def list_ids(mailbox: Mailbox, *, query: str | None = None) -> set[str]:
    """Every message id, spam and trash included."""
    return set(_pages(mailbox, query))


def _pages(mailbox: Mailbox, query: str | None) -> Iterator[str]:
    params: dict[str, str] = {"maxResults": "500", "includeSpamTrash": "true"}
    if query:
        params["q"] = query
    while True:
        page = _call(mailbox, "GET", "messages", params=params).json()
        yield from (message["id"] for message in page.get("messages", []))
        if "nextPageToken" not in page:
            return
        params["pageToken"] = page["nextPageToken"]


def raw(mailbox: Mailbox, message_id: str) -> bytes:
    message = _call(mailbox, "GET", f"messages/{message_id}", params={"format": "raw"}).json()
    text: str = message["raw"]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def labels(mailbox: Mailbox, message_id: str) -> set[str]:
    answer = _call(mailbox, "GET", f"messages/{message_id}", params={"format": "minimal"})
    return set(answer.json()["labelIds"])


def modify(
    mailbox: Mailbox, message_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> None:
    change = {"addLabelIds": list(add), "removeLabelIds": list(remove)}
    _call(mailbox, "POST", f"messages/{message_id}/modify", json=change)


def trash(mailbox: Mailbox, message_id: str) -> None:
    _call(mailbox, "POST", f"messages/{message_id}/trash")


def delete(mailbox: Mailbox, message_id: str) -> None:
    """Gone for ever, not to the trash."""
    _call(mailbox, "DELETE", f"messages/{message_id}")


def _call(mailbox: Mailbox, method: str, path: str, **options: Any) -> httpx.Response:
    return mailbox.client.request(method, path, **options).raise_for_status()
