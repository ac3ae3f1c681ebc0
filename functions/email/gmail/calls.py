"""Gmail's API, as much of it as reading a mailbox needs.

Each function is one call; it returns what Gmail said or raises an error of `gmail_errors`, and none
retries or sleeps. Source: Gmail API reference and its discovery document, revision 20261005.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from functions.email.gmail.errors import (
    BadRequest,
    GmailError,
    HistoryExpired,
    MessageGone,
    TooLarge,
    Unavailable,
    error_of,
)
from functions.email.gmail.resources import (
    HistoryPage,
    MessagePage,
    Profile,
    RawMessage,
    Watch,
)

MAX_RAW_BYTES = 50_000_000
# base64 makes four bytes of three; the rest of an answer is small.
_MAX_ANSWER_BYTES = MAX_RAW_BYTES * 4 // 3 + 65_536
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)

_Params = Sequence[tuple[str, str]]
_ModelT = TypeVar("_ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Gmail:
    """One mailbox: where its API is and the OAuth access token for it."""

    base_url: str
    access_token: str = field(repr=False)


def profile(gmail: Gmail) -> Profile:
    return _call(gmail, "GET", "profile", Profile)


def watch(gmail: Gmail, topic: str, labels: Sequence[str] = ()) -> Watch:
    """Ask Gmail to notify `topic` for seven days; again before they end. No labels: everything."""
    body: dict[str, object] = {"topicName": topic}
    if labels:
        body |= {"labelIds": list(labels), "labelFilterBehavior": "include"}
    return _call(gmail, "POST", "watch", Watch, body=body)


def stop(gmail: Gmail) -> None:
    """End the notifications for this mailbox, whoever asked for them."""
    _request(gmail, "POST", "stop")


def list_messages(
    gmail: Gmail,
    query: str | None = None,
    page_token: str | None = None,
    *,
    max_results: int = 500,
    include_spam_trash: bool = False,
) -> MessagePage:
    """Ids, newest first. Go on while there is a `next_page_token`, also after an empty page."""
    params = [
        ("maxResults", str(max_results)),
        ("includeSpamTrash", "true" if include_spam_trash else "false"),
        ("fields", "messages(id,threadId),nextPageToken"),
    ]
    if query:
        params.append(("q", query))
    if page_token:
        params.append(("pageToken", page_token))
    return _call(gmail, "GET", "messages", MessagePage, params)


def history(
    gmail: Gmail, start_history_id: str, page_token: str | None = None, *, max_results: int = 500
) -> HistoryPage:
    """What changed after `start_history_id`; the same start with every further page's token.

    Raises HistoryExpired.
    """
    change = "message(id,threadId,labelIds)"
    params = [
        ("startHistoryId", start_history_id),
        ("maxResults", str(max_results)),
        (
            "fields",
            f"history(messagesAdded/{change},messagesDeleted/{change},"
            f"labelsAdded({change},labelIds),labelsRemoved({change},labelIds)),"
            "historyId,nextPageToken",
        ),
    ]
    if page_token:
        params.append(("pageToken", page_token))
    return _call(gmail, "GET", "history", HistoryPage, params, missing=HistoryExpired)


def get_raw(gmail: Gmail, message_id: str) -> RawMessage:
    """The message as its sender's server sent it, byte for byte. Raises MessageGone, TooLarge."""
    params = [
        ("format", "raw"),
        ("fields", "id,threadId,labelIds,historyId,internalDate,sizeEstimate,raw"),
    ]
    path = f"messages/{quote(message_id, safe='')}"
    return _call(gmail, "GET", path, RawMessage, params, missing=MessageGone)


@cache
def _client() -> httpx.Client:
    """Opened at the first call and kept: a new TLS connection costs more than most calls."""
    return httpx.Client()


def _call(
    gmail: Gmail,
    method: str,
    path: str,
    model: type[_ModelT],
    params: _Params = (),
    *,
    body: dict[str, object] | None = None,
    missing: type[GmailError] = BadRequest,
) -> _ModelT:
    content = _request(gmail, method, path, params, body=body, missing=missing)
    try:
        return model.model_validate_json(content)
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_context=False)[0]["msg"]
        raise Unavailable(f"Gmail's answer to {path} is not as documented: {first}") from None


def _request(
    gmail: Gmail,
    method: str,
    path: str,
    params: _Params = (),
    *,
    body: dict[str, object] | None = None,
    missing: type[GmailError] = BadRequest,
) -> bytearray:
    """The body of a good answer; `missing` is what 404 means for this call."""
    url = f"{gmail.base_url}/gmail/v1/users/me/{path}"
    headers = {"Authorization": f"Bearer {gmail.access_token}"}
    try:
        with _client().stream(
            method, url, params=list(params), headers=headers, json=body, timeout=_TIMEOUT
        ) as response:
            content = _read(response)
    except httpx.HTTPError as problem:
        raise Unavailable(
            f"Gmail could not be asked: {type(problem).__name__}: {problem}"
        ) from None
    if not response.is_success:
        raise error_of(response, content, missing)
    return content


def _read(response: httpx.Response) -> bytearray:
    """The body, as long as it is not longer than any message may be."""
    content = bytearray()
    for piece in response.iter_bytes():
        content += piece
        if len(content) > _MAX_ANSWER_BYTES:
            raise TooLarge(f"Gmail's answer is over {_MAX_ANSWER_BYTES} bytes")
    return content
