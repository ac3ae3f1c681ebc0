"""Gmail's part of the proxy: what `emulate` lacks, and a record of what it was given."""

import base64
import binascii
import json
import re
import time
from dataclasses import replace
from typing import Any

from infra_cdk.local.google import store, upload
from infra_cdk.local.google.answers import Answer, error, json_answer
from infra_cdk.local.google.upstream import FUTURE_HISTORY_ID, Proxy, Request, ask, send

WATCH_LIFE_MS = 7 * 24 * 3600 * 1000
_RESOURCE = re.compile(r"/gmail/v1/users/[^/]+/(?P<rest>.+)")
# Stands in for a message the emulator refuses; must say the same as in seed.mjs.
_PLACEHOLDER = b"MIME-Version: 1.0\r\n\r\n"
_CHANGING = ("messages", "drafts", "threads", "labels")


def resource(path: str) -> str | None:
    """What follows `/gmail/v1/users/{userId}/`, of uploads too."""
    found = _RESOURCE.fullmatch(path.removeprefix("/upload"))
    return found["rest"] if found else None


async def answer(proxy: Proxy, request: Request, rest: str, mailbox: str) -> Answer:
    match (request.method, rest):
        case ("GET", "profile"):
            return await _profile(proxy, mailbox)
        case ("GET", "history"):
            return await _history(proxy, request, mailbox)
        case ("POST", "watch"):
            return await _watch(proxy, request, mailbox)
        case ("POST", "stop"):
            return await _stop(proxy, request, mailbox)
        case ("GET", _):
            return await _read(proxy, request, rest, mailbox)
        case _:
            return await _change(proxy, request, rest, mailbox)


async def current_history(proxy: Proxy, mailbox: str) -> str:
    """The mailbox's history id now; raises httpx.HTTPError."""
    found = await ask(
        proxy, mailbox, "GET", "history", f"?maxResults=1&startHistoryId={FUTURE_HISTORY_ID}"
    )
    return str(max(int(found["historyId"]), store.floor(proxy.db, mailbox)))


async def _profile(proxy: Proxy, mailbox: str) -> Answer:
    count = "?maxResults=1&includeSpamTrash=true"
    messages = await ask(proxy, mailbox, "GET", "messages", count)
    threads = await ask(proxy, mailbox, "GET", "threads", count)
    return json_answer(
        {
            "emailAddress": mailbox,
            "messagesTotal": messages["resultSizeEstimate"],
            "threadsTotal": threads["resultSizeEstimate"],
            "historyId": await current_history(proxy, mailbox),
        }
    )


async def _history(proxy: Proxy, request: Request, mailbox: str) -> Answer:
    start = request.params().get("startHistoryId", [""])[0]
    if not start.isdecimal():
        return error(400, "invalidArgument", "Missing or invalid startHistoryId")
    if await _expired(proxy, mailbox, request.target, int(start)):
        return error(404)
    answer = await send(proxy, "GET", request.target, mailbox=mailbox)
    floor = store.floor(proxy.db, mailbox)
    if answer.status != 200 or not floor:
        return answer
    page = json.loads(answer.body)
    # After a restart an emptied mailbox would go back to 0; ids never go back.
    page["historyId"] = str(max(int(page["historyId"]), floor))
    return json_answer(page)


async def _expired(proxy: Proxy, mailbox: str, target: str, start: int) -> bool:
    floor = store.floor(proxy.db, mailbox)
    if start >= floor and not proxy.faults.may_expire(mailbox):
        return False
    current = int(await current_history(proxy, mailbox))
    return start < min(floor, current) or proxy.faults.expires(mailbox, target, start, current)


async def _watch(proxy: Proxy, request: Request, mailbox: str) -> Answer:
    topic = request.json().get("topicName", "")
    live = store.live_watches(proxy.db).get(mailbox)
    if live and live.topic != topic:
        return error(
            400,
            "failedPrecondition",
            "Only one user push notification client allowed per developer (call /stop then try"
            " again)",
        )
    answer = await _pass(proxy, request, mailbox)  # checks topic and labels
    if answer.status != 200:
        return answer
    watch = store.Watch(mailbox, topic, int(time.time() * 1000) + WATCH_LIFE_MS)
    store.keep_watch(proxy.db, watch)
    if proxy.notifier:
        proxy.notifier.changed(mailbox)
    history_id = await current_history(proxy, mailbox)
    return json_answer({"historyId": history_id, "expiration": str(watch.expiration_ms)})


async def _stop(proxy: Proxy, request: Request, mailbox: str) -> Answer:
    store.drop_watch(proxy.db, mailbox)
    answer = await _pass(proxy, request, mailbox)
    return replace(answer, status=204, body=b"") if answer.status == 200 else answer


async def _read(proxy: Proxy, request: Request, rest: str, mailbox: str) -> Answer:
    answer = await send(proxy, "GET", request.target, mailbox=mailbox)
    message_id = rest.removeprefix("messages/")
    wants_raw = request.params().get("format") == ["raw"]
    if answer.status == 200 and wants_raw and message_id in proxy.refused:
        message = json.loads(answer.body)
        raw = store.raw(proxy.db, message_id)
        message |= {"raw": base64.urlsafe_b64encode(raw).decode(), "sizeEstimate": len(raw)}
        return json_answer(message)
    return answer


async def _change(proxy: Proxy, request: Request, rest: str, mailbox: str) -> Answer:
    if request.path.startswith("/upload/"):
        try:
            body = upload.to_json(
                request.headers.get("content-type", ""),
                request.body,
                draft=rest.startswith("drafts"),
            )
        except ValueError as problem:
            return error(400, "badRequest", str(problem))
        headers = {**request.headers, "content-type": "application/json"}
        path = request.path.removeprefix("/upload")
        request = replace(request, path=path, body=body, headers=headers)
    sent = request.json()
    if sent and rest == "messages" and request.params().get("internalDateSource") != ["dateHeader"]:
        # An inserted message is from now unless its Date is asked for; the emulator takes its Date.
        # https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/insert
        sent |= {"internalDate": str(time.time_ns() // 1_000_000)}
        request = replace(request, body=json.dumps(sent).encode())
    answer = await _pass(proxy, request, mailbox)
    refused = False
    if answer.status == 400 and rest in ("messages", "messages/import"):
        refused = _decoded(sent.get("raw")) is not None
        if refused:
            body = json.dumps(sent | {"raw": base64.urlsafe_b64encode(_PLACEHOLDER).decode()})
            answer = await _pass(proxy, replace(request, body=body.encode()), mailbox)
    if answer.status < 300 and rest.startswith(_CHANGING):
        _record(proxy, request.method, rest, mailbox, sent, answer, refused)
        if proxy.notifier:
            proxy.notifier.changed(mailbox)
    return answer


async def _pass(proxy: Proxy, request: Request, mailbox: str) -> Answer:
    return await send(
        proxy,
        request.method,
        request.target,
        mailbox=mailbox,
        body=request.body,
        content_type=request.headers.get("content-type", "application/json"),
    )


def _decoded(raw: Any) -> bytes | None:
    """base64url or base64, padded or not; None when it is neither."""
    if not isinstance(raw, str):
        return None
    text = raw.translate({ord("+"): "-", ord("/"): "_"}).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None


def _record(
    proxy: Proxy,
    method: str,
    rest: str,
    mailbox: str,
    sent: dict[str, Any],
    answer: Answer,
    refused: bool,
) -> None:
    """Writes a change the emulator made to the store, whatever it was."""
    kind, _, item = rest.partition("/")
    if kind == "labels":
        return _record_label(proxy, method, mailbox, item, answer)
    if method == "DELETE":
        column = {"messages": "id", "threads": "thread_id", "drafts": "draft_id"}[kind]
        return store.drop_messages(proxy.db, column, [item])  # pyright: ignore[reportArgumentType]
    if rest == "messages/batchDelete":
        return store.drop_messages(proxy.db, "id", sent.get("ids", []))
    if rest == "messages/batchModify":
        add, remove = sent.get("addLabelIds", []), sent.get("removeLabelIds", [])
        return store.change_labels(proxy.db, sent.get("ids", []), add, remove)
    got = json.loads(answer.body)
    raw = _decoded(sent.get("message", sent).get("raw"))
    for message in [got.get("message", got)] if kind != "threads" else got.get("messages", []):
        if raw is None:
            store.set_labels(proxy.db, message["id"], message["labelIds"])
            continue
        stored = store.StoredMessage(
            message["id"],
            message["threadId"],
            tuple(message["labelIds"]),
            message["internalDate"],
        )
        draft_id = got["id"] if "message" in got else None
        store.keep_message(proxy.db, mailbox, stored, raw, refused=refused, draft_id=draft_id)
        if refused:
            proxy.refused.add(message["id"])
    return None


def _record_label(proxy: Proxy, method: str, mailbox: str, item: str, answer: Answer) -> None:
    if method == "DELETE":
        return store.drop_label(proxy.db, mailbox, item)
    label = json.loads(answer.body)
    return store.keep_label(proxy.db, mailbox, label["id"], label["name"])
