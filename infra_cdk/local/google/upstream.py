"""One request on its way through the proxy, and how it reaches the emulator."""

import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote

import httpx

from infra_cdk.local.google.answers import Answer, error
from infra_cdk.local.google.faults import Faults
from infra_cdk.local.google.push import Notifier, Signer
from infra_cdk.local.google.quota import Quota
from infra_cdk.local.google.settings import UPSTREAM_TOKENS

# No history id of the emulator is as large, so asking from here returns nothing but the current id.
FUTURE_HISTORY_ID = "9" * 24

_PASSED_ON = frozenset({"content-type", "location", "set-cookie", "cache-control"})


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    def params(self) -> dict[str, list[str]]:
        return parse_qs(self.query)

    def json(self) -> dict[str, Any]:
        """The body as an object; empty when it is not one."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(slots=True)
class Proxy:
    """What the proxy holds while it runs."""

    db: sqlite3.Connection
    client: httpx.AsyncClient
    signer: Signer
    faults: Faults
    quota: Quota
    mailboxes: frozenset[str]
    refused: set[str]  # ids of messages whose bytes only the store has
    notifier: Notifier | None = None
    forwarded: Counter[str] = field(default_factory=Counter)
    turn: Iterator[int] = field(default_factory=itertools.count)


def upstream_token(proxy: Proxy, mailbox: str) -> str:
    return f"upstream-{next(proxy.turn) % UPSTREAM_TOKENS}-{mailbox}"


async def send(
    proxy: Proxy,
    method: str,
    target: str,
    *,
    mailbox: str | None = None,
    token: str | None = None,
    body: bytes = b"",
    content_type: str = "application/json",
) -> Answer:
    """Asks the emulator, as a mailbox or with a token as it came; 503 when it does not answer."""
    headers = {"content-type": content_type} if body else {}
    if mailbox in proxy.mailboxes:
        token = upstream_token(proxy, mailbox)
    if token:
        headers["authorization"] = f"Bearer {token}"
    proxy.forwarded[mailbox or ""] += 1
    try:
        got = await proxy.client.request(method, target, content=body, headers=headers)
    except httpx.HTTPError as failure:
        return error(503, message=f"The emulator does not answer: {type(failure).__name__}.")
    kept = {name: value for name, value in got.headers.items() if name in _PASSED_ON}
    return Answer(got.status_code, got.content, kept)


async def ask(proxy: Proxy, mailbox: str, method: str, path: str, query: str = "") -> Any:
    """Like `send`, for the proxy's own questions about a mailbox; raises httpx.HTTPError."""
    target = f"/gmail/v1/users/{quote(mailbox)}/{path}{query}"
    answer = await send(proxy, method, target, mailbox=mailbox)
    if answer.status != 200:
        raise httpx.HTTPError(f"the emulator answered {answer.status} to {path}")
    return json.loads(answer.body)
