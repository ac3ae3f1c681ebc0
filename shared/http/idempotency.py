"""`Idempotency-Key`: a change that is asked for twice happens once, and is answered alike.

The first attempt's answer is stored in the transaction of its effect, so that both are there or
neither; for 24 hours, further attempts are answered from it. While one attempt has its transaction
open, others are told to come back. An attempt that ends in an error leaves nothing, the answer
included: asking again is harmless, and may go better.

Every route takes part by itself as soon as it takes a transaction (`shared.http.routes`). One that
cannot, says so with `unrepeatable`; a change that does neither is refused at import.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from fastapi import Request, Response

from shared.auth import Caller
from shared.db import Tx
from shared.encryption import DataKey, data_key
from shared.errors import BadRequest, Conflict, FieldError, Unprocessable

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
EXCLUDED = "x-unrepeatable"
_KEY = re.compile(r"[!-~]{1,255}")
_KEPT_HEADERS = ("content-type", "etag", "location")
_IN_SCOPE = "haste.once"
_POINTER = f"/header/{HEADER.lower()}"

Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class InvalidIdempotencyKey(BadRequest):
    """An Idempotency-Key is 1 to 255 visible ASCII characters."""


class Unrepeatable(BadRequest):
    """This operation takes no Idempotency-Key; see `errors`, and send the request without."""


class KeyReused(Unprocessable):
    """This Idempotency-Key came with another query or body; a new request needs a new key."""


class StillRunning(Conflict):
    """A request with this Idempotency-Key is being worked on; repeat it as Retry-After says."""


class Replay(Exception):
    """The request was answered before: `response` is what it was answered."""

    def __init__(self, response: Response) -> None:
        super().__init__("answered before")
        self.response = response


def unrepeatable(why: str) -> dict[str, Any]:
    """For the `openapi_extra` of a change that takes no key: `why` is what callers are told."""
    return {EXCLUDED: why}


def keyed(request: Request, caller: Caller) -> Once | None:
    """What makes a request with a key happen once; None for any other. May call KMS, so it is
    asked before a transaction is open.

    Raises:
        InvalidIdempotencyKey: the key is no such thing.
    """
    once: Once | None = request.scope.get(_IN_SCOPE)
    if once is not None and once.claim is None:
        once.identify(caller)
        once.cipher = data_key(caller.workspace_id)
    return once


@dataclass(frozen=True, slots=True)
class _Claimed:
    free: bool
    response: bytes | None


class Once:
    """One attempt at a request that has a key."""

    claim: bytes | None = None
    """A hash of who asks what under which key."""
    cipher: DataKey
    begin: Callable[[], Tx]
    """Opens the transaction of a route that opens it late."""

    def __init__(self, request: Request, body: bytes) -> None:
        self._key = request.headers[HEADER]
        self._asked = (request.method, request.scope["path"])
        self._body = sha256(request.scope["query_string"] + b"\n" + body).hexdigest()
        self._tx: Tx | None = None

    def identify(self, caller: Caller) -> None:
        """Say who asks: nobody's key is anybody else's."""
        if not _KEY.fullmatch(self._key):
            detail = "expected 1 to 255 visible ASCII characters"
            raise InvalidIdempotencyKey(errors=(FieldError(_POINTER, detail, "invalid_key"),))
        named = [str(caller.workspace_id), caller.actor, *self._asked, self._key]
        self.claim = sha256(json.dumps(named).encode()).digest()

    @property
    def name(self) -> str:
        """The same at every attempt at the request."""
        assert self.claim
        return self.claim.hex()

    def begun(self, tx: Tx) -> None:
        """`tx` is the transaction of the effect: the answer is stored in it."""
        self.look_up(tx)
        self._tx = tx

    def look_up(self, tx: Tx) -> None:
        """Keep other attempts off while `tx` is open, and see whether there is an answer.

        Raises:
            Replay: there is.
            KeyReused: there is one, but to another request.
            StillRunning: another attempt keeps us off.
        """
        query = "select free, response from app.claim_request(%(claim)s)"
        found = tx.one(_Claimed, query, claim=self.claim)
        if found is None or not found.free:
            raise StillRunning(retry_after_s=1)
        if found.response is not None:
            raise Replay(self._opened(found.response))

    def keep(self, response: Response) -> None:
        """Store the answer with its effect; where there is none in the database, by itself."""
        if self._tx is None:
            self.begun(self.begin())
        assert self._tx
        stored = self._tx.run(
            """
            insert into idempotency_keys as k (workspace_id, request, response)
            values (%(workspace_id)s, %(claim)s, %(response)s)
            on conflict (workspace_id, request) do update
            set response = excluded.response, created_at = excluded.created_at
            where k.created_at <= now() - interval '24 hours'
            """,
            claim=self.claim,
            response=self._sealed(response),
        )
        if not stored:
            raise StillRunning(retry_after_s=1)

    def _sealed(self, response: Response) -> bytes:
        kept = {
            "asked": self._body,
            "status": response.status_code,
            "headers": {name: response.headers.get(name) for name in _KEPT_HEADERS},
            "body": bytes(response.body).decode(),
        }
        return self.cipher.seal(json.dumps(kept), column=self._column)

    def _opened(self, sealed: bytes) -> Response:
        kept = json.loads(self.cipher.unseal(sealed, column=self._column))
        if kept["asked"] != self._body:
            detail = "used before, with another query or body"
            raise KeyReused(errors=(FieldError(_POINTER, detail, "key_reused"),))
        headers: Mapping[str, str | None] = kept["headers"] | {REPLAYED: "true"}
        given = {name: value for name, value in headers.items() if value is not None}
        return Response(kept["body"].encode(), kept["status"], given)

    @property
    def _column(self) -> str:
        """With the row in it, so that an answer cannot be moved to another request."""
        return f"idempotency_keys.response/{self.name}"


def happening_once(handle: Handle, why_not: str | None) -> Handle:
    """A route's handler that heeds keys; `why_not` is why the route takes none."""

    async def once(request: Request) -> Response:
        if HEADER not in request.headers:
            return await handle(request)
        if why_not is not None:
            raise Unrepeatable(errors=(FieldError(_POINTER, why_not, "unrepeatable"),))
        attempt = request.scope[_IN_SCOPE] = Once(request, await request.body())
        try:
            response = await handle(request)
            attempt.keep(response)
        except Replay as replay:
            return replay.response
        return response  # the transaction commits after this, before anything is sent

    return once


def documented(options: Mapping[str, Any]) -> dict[str, Any]:
    """A route's options, with the key in what OpenAPI says of it."""
    extra: dict[str, Any] = options.get("openapi_extra") or {}
    given: dict[int | str, Any] = options.get("responses") or {}
    return {
        **options,
        "openapi_extra": extra | {"parameters": [*extra.get("parameters", ()), _PARAMETER]},
        "responses": {409: _CONFLICT, 422: _UNPROCESSABLE} | given,
    }


_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_CONFLICT = {
    "description": "The request contradicts what is stored; or one with the same Idempotency-Key"
    " is being worked on, then with Retry-After.",
    "content": _PROBLEM,
}
_UNPROCESSABLE = {
    "description": "The input is not valid; or the Idempotency-Key came with another one before.",
    "content": _PROBLEM,
}
_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Any text of your choice that names this request, such as a UUID. Sent again"
    " with the same key within 24 hours, the request has no second effect and is answered as it"
    f" was, with `{REPLAYED}: true`. Requests that fail are not remembered.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
