"""Gmail's push notifications as Pub/Sub delivers them: signed, and at least once.

Sources: Gmail API guide "Push notifications"; Pub/Sub "Push subscriptions" and "Authentication for
push subscriptions" (OIDC token, RS256, one hour, reused until it nears its end).
"""

import asyncio
import base64
import contextlib
import hashlib
import itertools
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt import encode
from jwt.algorithms import RSAAlgorithm

from infra_cdk.local.google.faults import Faults
from infra_cdk.local.google.settings import Subscription

ISSUER = "https://accounts.google.com"
TOKEN_LIFE = 3600
SECONDS_BETWEEN = 1.0
ACKED = frozenset({102, 200, 201, 202, 204})
ACK_DEADLINE = 10.0
ATTEMPTS = 40
FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0
# How long a held-back notification waits for a later one to overtake it.
REORDER_WAIT = 3.0


@dataclass(slots=True)
class Signer:
    """The key that stands for Google's; kept on disk so that cached key sets stay good."""

    key: rsa.RSAPrivateKey
    kid: str
    cached: tuple[float, str] = (0.0, "")

    def jwk(self) -> dict[str, Any]:
        public = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return {
            "kty": "RSA",
            "n": public["n"],
            "e": public["e"],
            "kid": self.kid,
            "use": "sig",
            "alg": "RS256",
        }

    def token(self, subscription: Subscription, now: float) -> str:
        made_at, token = self.cached
        if now - made_at > TOKEN_LIFE * 0.8:
            claims = {
                "iss": ISSUER,
                "aud": subscription.audience,
                "azp": "100000000000000000001",
                "sub": "100000000000000000001",
                "email": subscription.service_account,
                "email_verified": True,
                "iat": int(now),
                "exp": int(now) + TOKEN_LIFE,
            }
            token = encode(claims, self.key, algorithm="RS256", headers={"kid": self.kid})
            self.cached = (now, token)
        return token


def load_signer(path: Path) -> Signer:
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"{path} is not an RSA key. Delete it; a new one is made at the start.")
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(pem)
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return Signer(key, hashlib.sha256(der).hexdigest()[:40])


def envelope(mailbox: str, history_id: str | int, message_id: str, subscription: str) -> bytes:
    data = json.dumps({"emailAddress": mailbox, "historyId": history_id})
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = {
        "data": base64.b64encode(data.encode()).decode(),
        "messageId": message_id,
        "message_id": message_id,
        "publishTime": at,
        "publish_time": at,
    }
    return json.dumps({"message": message, "subscription": subscription}).encode()


@dataclass(slots=True)
class Notifier:
    """Announces changes: coalesced to one a second a mailbox, and the last state always."""

    subscription: Subscription
    signer: Signer
    faults: Faults
    current_history: Callable[[str], Awaitable[str]]
    is_watched: Callable[[str], bool]
    client: httpx.AsyncClient
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("sent", "acked", "refused", "dropped", "given_up"), 0
        )
    )
    changed_mailboxes: set[str] = field(default_factory=set)
    announcers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    deliveries: set[asyncio.Task[None]] = field(default_factory=set)
    overtaken: dict[str, asyncio.Event] = field(default_factory=dict)
    message_ids: Iterator[int] = field(
        default_factory=lambda: itertools.count(time.time_ns() // 1000)
    )

    def changed(self, mailbox: str) -> None:
        """To be called after every change; returns at once."""
        if not self.is_watched(mailbox):
            return
        self.changed_mailboxes.add(mailbox)
        if mailbox not in self.announcers:
            self.announcers[mailbox] = asyncio.create_task(self._announce(mailbox))

    async def _announce(self, mailbox: str) -> None:
        try:
            while mailbox in self.changed_mailboxes:
                self.changed_mailboxes.discard(mailbox)
                try:
                    history_id = await self.current_history(mailbox)
                except httpx.HTTPError:
                    self.changed_mailboxes.add(mailbox)
                else:
                    self._publish(mailbox, history_id)
                await asyncio.sleep(SECONDS_BETWEEN)
        finally:
            del self.announcers[mailbox]

    def _publish(self, mailbox: str, history_id: str) -> None:
        faults = self.faults.for_push(mailbox)
        if "push_drop" in faults:
            self.counts["dropped"] += 1
            return
        body = envelope(
            mailbox,
            int(history_id) if "push_number" in faults else history_id,
            str(next(self.message_ids)),
            self.subscription.name,
        )
        waiting = self.overtaken.pop(mailbox, None)
        hold = None
        if "push_reorder" in faults and waiting is None:
            hold = self.overtaken[mailbox] = asyncio.Event()
        for _ in range(2 if "push_duplicate" in faults else 1):
            task = asyncio.create_task(self._deliver(body, hold, waiting))
            self.deliveries.add(task)
            task.add_done_callback(self.deliveries.discard)

    async def _deliver(
        self, body: bytes, hold: asyncio.Event | None, waiting: asyncio.Event | None
    ) -> None:
        if hold is not None:
            # If nothing comes later, the last state must still be announced.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(hold.wait(), REORDER_WAIT)
        try:
            await self._deliver_until_acked(body)
        finally:
            if waiting is not None:
                waiting.set()

    async def _deliver_until_acked(self, body: bytes) -> None:
        wait = FIRST_WAIT
        for _ in range(ATTEMPTS):
            self.counts["sent"] += 1
            if await self._post(body) in ACKED:
                self.counts["acked"] += 1
                return
            self.counts["refused"] += 1
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
        self.counts["given_up"] += 1

    async def _post(self, body: bytes) -> int:
        """The status of one delivery, 0 when nobody answered."""
        headers = {
            "Authorization": f"Bearer {self.signer.token(self.subscription, time.time())}",
            "Content-Type": "application/json",
            "User-Agent": "CloudPubSub-Google",
        }
        try:
            answer = await self.client.post(
                self.subscription.endpoint, content=body, headers=headers, timeout=ACK_DEADLINE
            )
        except httpx.HTTPError:
            return 0
        return answer.status_code

    async def close(self) -> None:
        tasks = [*self.announcers.values(), *self.deliveries]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
