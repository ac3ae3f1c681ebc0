"""One request to a receiver, and what is kept of its answer: the status, and 1 KB of its body."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from shared.outbound.requests import Outside, Refused, error_of, requesting
from shared.outbound.targets import InvalidUrl, rules
from shared.settings import setting

MOST_KEPT = 1024
_OURS = {"User-Agent": "hasteCRM-Webhooks/1", "Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request: a status, or the reason why there is none."""

    status: int | None
    error: str | None
    text: str
    retry_after_s: float | None
    duration_ms: int


def outside() -> Outside:
    """The way out of this deployment."""
    return Outside(rules(), timeout_s=float(setting("WEBHOOK_TIMEOUT_SECONDS", "15")))


def post(way: Outside, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
    """POST `body`. Never raises: whatever goes wrong is a reply."""
    began = time.monotonic()
    status, error, text, retry_after_s = None, None, "", None
    try:
        with requesting(way, "POST", url, _OURS | dict(headers), body) as response:
            status = response.status
            retry_after_s = _retry_after(response.headers)
            text = _beginning(response.iter_stream())
    except InvalidUrl as refused:
        error = f"invalid_url: {refused.errors[0].detail}"
    except Refused as refused:
        error = str(refused)[:100]
    except Exception as failure:
        error = error_of(failure) if status is None else None
    return Reply(status, error, text, retry_after_s, round((time.monotonic() - began) * 1000))


def _beginning(stream: Iterable[bytes]) -> str:
    """The first KB of an answer. That it breaks off later changes nothing: the status is here."""
    kept = b""
    try:
        for chunk in stream:
            kept += chunk
            if len(kept) >= MOST_KEPT:
                break
    except Exception:  # noqa: S110 -- see above
        pass
    return kept[:MOST_KEPT].decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """How long the receiver wants us to wait: RFC 9110 has it as seconds or as a date."""
    value = next((v.decode("latin-1") for n, v in headers if n.lower() == b"retry-after"), "")
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        until = parsedate_to_datetime(value)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
