"""Our Gmail client against the emulator, and every way Gmail says no."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from functions.email import gmail
from functions.email.gmail import Gmail, calls
from functions.email.gmail.errors import (
    BadRequest,
    Forbidden,
    GmailError,
    HistoryExpired,
    MessageGone,
    Throttled,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from functions.email.gmail.resources import Changes, HistoryPage, RawMessage, fold
from infra_cdk.local.google import mailbox as mail
from infra_cdk.local.google.mailbox import Mailbox
from infra_cdk.local.google.testing import calm, injected, set_faults

if TYPE_CHECKING:
    from infra_cdk.local.google.emulate import Google

pytest_plugins = ["infra_cdk.local.google.fixtures"]

TOPIC = "projects/laptop/topics/gmail"
MAIL = b"From: Kim <kim@initech.example>\r\nSubject: Hello\r\n\r\nHello \xe9\x00 there\r\n"


@pytest.fixture
def box(google: Google) -> Iterator[Mailbox]:
    """Dan's mailbox, as the world sees it."""
    with Mailbox(google.url, "dan@acme.example") as box:
        yield box
        calm(google)
        for message_id in mail.list_ids(box):
            mail.delete(box, message_id)


@pytest.fixture
def dan(google: Google, box: Mailbox) -> Gmail:
    """Dan's mailbox, as our client sees it."""
    return Gmail(google.url, google.token(box.address))


def test_a_mail_is_read_byte_for_byte(dan: Gmail, box: Mailbox) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    message_id = mail.insert(box, MAIL, thread="thread-1")
    message = gmail.get_raw(dan, message_id)
    assert message.raw == MAIL
    assert (message.id, message.thread_id) == (message_id, "thread-1")
    assert message.label_ids == {"INBOX", "UNREAD"}
    assert message.history_id.isdecimal()
    assert message.size > 0
    assert datetime.fromtimestamp(message.internal_date / 1000, UTC) > before


def test_an_empty_mail_is_read_too(dan: Gmail, box: Mailbox) -> None:
    assert gmail.get_raw(dan, mail.insert(box, b"")).raw == b""


def test_the_profile_is_where_a_listing_starts(dan: Gmail, box: Mailbox) -> None:
    start = gmail.profile(dan)
    assert start.email_address == box.address
    message_id = mail.insert(box, MAIL)
    assert gmail.profile(dan).messages_total == start.messages_total + 1
    window = fold([gmail.history(dan, start.history_id)])
    assert [ref.id for ref in window.added] == [message_id]


def test_listing_follows_every_page(dan: Gmail, box: Mailbox) -> None:
    ids = set(mail.insert_many(box, [MAIL] * 7))
    mail.trash(box, trashed := mail.insert(box, MAIL))
    found: list[str] = []
    token: str | None = None
    while True:
        page = gmail.list_messages(dan, None, token, max_results=3)
        found += [ref.id for ref in page.messages]
        token = page.next_page_token
        if token is None:
            break
    assert len(found) == 7
    assert set(found) == ids
    everything = gmail.list_messages(dan, include_spam_trash=True).messages
    assert {ref.id for ref in everything} == ids | {trashed}


def test_listing_takes_a_query(dan: Gmail, box: Mailbox) -> None:
    mail.insert(box, MAIL)
    other = mail.insert(box, MAIL.replace(b"Hello", b"Invoice & more?"))
    found = gmail.list_messages(dan, "subject:Invoice")
    assert [ref.id for ref in found.messages] == [other]
    assert gmail.list_messages(dan, "from:nobody@nowhere.example").messages == ()


def window(dan: Gmail, start: str, size: int = 500) -> tuple[Changes, int]:
    pages = [gmail.history(dan, start, max_results=size)]
    while pages[-1].next_page_token is not None:
        pages.append(gmail.history(dan, start, pages[-1].next_page_token, max_results=size))
    return fold(pages), len(pages)


def test_history_comes_down_to_what_is_left_to_do(dan: Gmail, box: Mailbox) -> None:
    old = mail.insert(box, MAIL)
    doomed = mail.insert(box, MAIL)
    start = gmail.profile(dan).history_id
    new = mail.insert(box, MAIL)
    mail.modify(box, new, add=["STARRED"])
    draft = mail.insert(box, MAIL, labels=["DRAFT"])
    mail.delete(box, draft)
    mail.modify(box, old, add=["STARRED", "IMPORTANT"], remove=["UNREAD"])
    mail.modify(box, old, remove=["STARRED"])
    mail.trash(box, old)
    mail.modify(box, doomed, add=["STARRED"])
    mail.delete(box, doomed)
    for size in (500, 2):
        changes, pages = window(dan, start, size)
        assert [ref.id for ref in changes.added] == [new]
        assert set(changes.deleted) == {draft, doomed}
        relabelled = {change.message.id: change for change in changes.relabelled}
        assert relabelled.keys() == {new, old}  # windows overlap: a new mail may be stored already
        assert relabelled[new].added == {"STARRED"}
        assert relabelled[old].added == {"IMPORTANT", "TRASH"}
        assert relabelled[old].removed == {"UNREAD", "STARRED", "INBOX"}
        assert (pages > 1) == (size == 2)


def test_a_quiet_mailbox_has_an_empty_history(dan: Gmail, box: Mailbox) -> None:
    mail.insert(box, MAIL)
    newest = gmail.profile(dan).history_id
    page = gmail.history(dan, newest)
    assert (page.history, page.history_id, page.next_page_token) == ((), newest, None)


def test_watching_lasts_seven_days_and_ends_with_stop(dan: Gmail) -> None:
    watch = gmail.watch(dan, TOPIC, ["INBOX"])
    left = watch.expiration - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    assert watch.history_id.isdecimal()
    assert gmail.watch(dan, TOPIC).expiration >= watch.expiration
    with pytest.raises(BadRequest) as refused:
        gmail.watch(dan, "projects/laptop/topics/other")
    assert refused.value.reason == "failedPrecondition"
    gmail.stop(dan)
    gmail.watch(dan, "projects/laptop/topics/other")
    gmail.stop(dan)


def test_the_token_is_not_shown(dan: Gmail) -> None:
    assert dan.access_token not in repr(dan)


def test_an_unknown_token_is_unauthorized(google: Google) -> None:
    with pytest.raises(Unauthorized):
        gmail.profile(Gmail(google.url, "stolen"))


def test_404_means_what_was_asked_for(google: Google, dan: Gmail, box: Mailbox) -> None:
    start = gmail.profile(dan).history_id
    message_id = mail.insert(box, MAIL)
    with pytest.raises(MessageGone):
        gmail.get_raw(dan, "nosuchmessage")
    with pytest.raises(MessageGone):
        gmail.get_raw(dan, "../profile?x=#")
    set_faults(google, {"kind": "expired_history"})
    with pytest.raises(HistoryExpired):
        gmail.history(dan, start)
    assert gmail.get_raw(dan, message_id).raw == MAIL
    set_faults(google, {"kind": "status", "status": 404, "path": "/profile"})
    with pytest.raises(BadRequest):
        gmail.profile(dan)


@pytest.mark.parametrize("start", ["", "x", "12.5"])
def test_a_cursor_that_is_no_number_is_a_bad_request(dan: Gmail, start: str) -> None:
    with pytest.raises(BadRequest):
        gmail.history(dan, start)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (429, None),
        (429, "anything"),
        (403, "rateLimitExceeded"),
        (403, "userRateLimitExceeded"),
        (403, "quotaExceeded"),
        (403, "dailyLimitExceeded"),
    ],
)
@pytest.mark.parametrize("said", ["seconds", "date", "message"])
def test_throttling_says_until_when(
    google: Google, dan: Gmail, status: int, reason: str | None, said: str
) -> None:
    set_faults(
        google,
        {
            "kind": "status",
            "status": status,
            "reason": reason,
            "retry_after": 900,
            "retry_as": said,
        },
    )
    with pytest.raises(Throttled) as throttled:
        gmail.profile(dan)
    assert abs(throttled.value.until - datetime.now(UTC) - timedelta(minutes=15)) < timedelta(
        seconds=30
    )


def test_throttling_without_a_time_lasts_a_minute(google: Google, dan: Gmail) -> None:
    set_faults(google, {"kind": "status", "status": 429})
    with pytest.raises(Throttled) as throttled:
        gmail.profile(dan)
    assert abs(throttled.value.until - datetime.now(UTC) - timedelta(minutes=1)) < timedelta(
        seconds=30
    )
    assert throttled.value.reason == "rateLimitExceeded"


def test_the_quota_throttles_our_client(google: Google, dan: Gmail, box: Mailbox) -> None:
    import httpx

    message_id = mail.insert(box, MAIL)
    httpx.put(f"{google.url}/_quota", json={"units_per_minute": 40}, trust_env=False)
    gmail.get_raw(dan, message_id)
    gmail.get_raw(dan, message_id)
    with pytest.raises(Throttled) as throttled:
        gmail.get_raw(dan, message_id)
    assert throttled.value.until > datetime.now(UTC)


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({"kind": "status", "status": 401}, Unauthorized),
        ({"kind": "status", "status": 403}, Forbidden),
        ({"kind": "status", "status": 403, "reason": "domainPolicy"}, Forbidden),
        ({"kind": "status", "status": 403, "reason": "accessNotConfigured"}, Forbidden),
        ({"kind": "status", "status": 400}, BadRequest),
        ({"kind": "status", "status": 410}, BadRequest),
        ({"kind": "status", "status": 408}, Unavailable),
        ({"kind": "status", "status": 500}, Unavailable),
        ({"kind": "status", "status": 502}, Unavailable),
        ({"kind": "status", "status": 503}, Unavailable),
        ({"kind": "truncate"}, Unavailable),
        ({"kind": "reset"}, Unavailable),
    ],
    ids=str,
)
def test_each_failure_is_its_own_error(
    google: Google, dan: Gmail, box: Mailbox, rule: dict[str, Any], error: type[GmailError]
) -> None:
    message_id = mail.insert(box, MAIL)
    set_faults(google, rule)
    for call in (
        lambda: gmail.get_raw(dan, message_id),
        lambda: gmail.profile(dan),
        lambda: gmail.history(dan, "1"),
        lambda: gmail.list_messages(dan),
    ):
        with pytest.raises(error) as raised:
            call()
        assert type(raised.value) is error
    assert injected(google) == [4]


def test_a_gmail_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        gmail.profile(Gmail("http://127.0.0.1:9", "token"))


def test_a_slow_gmail_is_unavailable(
    google: Google, dan: Gmail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "_TIMEOUT", 0.1)
    set_faults(google, {"kind": "latency", "seconds": 1})
    with pytest.raises(Unavailable):
        gmail.profile(dan)


@dataclass
class Scripted:
    """A server that answers whatever it is told: what no emulator would say."""

    url: str
    body: bytes = b"{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(script.status)
            for name, value in {**script.headers, "content-length": str(len(script.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(script.body)
            except (BrokenPipeError, ConnectionResetError):  # the client has had enough
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script = Scripted(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield script
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"<html>",
        b'{"emailAddress": "a@b.example", "messagesTotal": 1, "threadsTotal": 1}',
        b'{"emailAddress":"a@b.example","messagesTotal":1,"threadsTotal":1,"historyId":1.5}',
        b'{"emailAddress":"a@b.example","messagesTotal":1,"threadsTotal":1,"historyId":1e30}',
        b'{"emailAddress":"a@b.example","messagesTotal":1,"threadsTotal":1,"historyId":"1e3"}',
        b'{"emailAddress":"a@b.example","messagesTotal":1,"threadsTotal":1,"historyId":true}',
    ],
)
def test_an_answer_that_is_not_gmails_is_unavailable(scripted: Scripted, body: bytes) -> None:
    scripted.body = body
    with pytest.raises(Unavailable):
        gmail.profile(Gmail(scripted.url, "token"))


@pytest.mark.parametrize(
    "history_id", ["123456789012345678901234567890", "0", "18446744073709551616"]
)
@pytest.mark.parametrize("quoted", [True, False])
def test_history_ids_are_kept_to_the_last_digit(
    scripted: Scripted, history_id: str, quoted: bool
) -> None:
    value = f'"{history_id}"' if quoted else history_id
    scripted.body = f'{{"history": [], "historyId": {value}}}'.encode()
    assert gmail.history(Gmail(scripted.url, "token"), "1").history_id == history_id


def test_a_message_beyond_the_limit_is_refused_while_it_arrives(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "_MAX_ANSWER_BYTES", 100_000)
    scripted.body = b" " * 100_001
    with pytest.raises(TooLarge):
        gmail.get_raw(Gmail(scripted.url, "token"), "m1")
    scripted.body = b" " * 100_000
    with pytest.raises(Unavailable):
        gmail.get_raw(Gmail(scripted.url, "token"), "m1")


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"Retry-After": "120"}, "", 120),
        ({"Retry-After": " 120 "}, "", 120),
        ({"Retry-After": "0"}, "", 60),
        ({"Retry-After": "-5"}, "", 60),
        ({"Retry-After": "soon"}, "", 60),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, "", 60),
        ({"Retry-After": "999999999"}, "", 86_400),
        ({}, "Retry after 2015-10-21T07:28:00.000Z", 60),
        ({}, "Retry after 9999-12-31T23:59:59Z", 86_400),
        ({}, "Retry after 2026-99-99T99:99:99Z", 60),
        ({}, "", 60),
    ],
)
def test_a_senseless_time_to_come_back_is_not_believed(
    scripted: Scripted, headers: dict[str, str], message: str, seconds: int
) -> None:
    scripted.status, scripted.headers = 429, headers
    scripted.body = json.dumps({"error": {"message": message}}).encode()
    with pytest.raises(Throttled) as throttled:
        gmail.profile(Gmail(scripted.url, "token"))
    waits = throttled.value.until - datetime.now(UTC)
    assert timedelta(seconds=seconds - 30) < waits <= timedelta(seconds=seconds)


def test_the_newer_form_of_errors_is_understood(scripted: Scripted) -> None:
    scripted.status = 403
    detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "quotaExceeded"}
    scripted.body = json.dumps({"error": {"code": 403, "details": [detail]}}).encode()
    with pytest.raises(Throttled):
        gmail.profile(Gmail(scripted.url, "token"))


@pytest.mark.parametrize("body", [b"<html>busy</html>", b"", b"[]", b'{"error": "invalid"}'])
def test_an_error_page_is_still_an_error(scripted: Scripted, body: bytes) -> None:
    scripted.status, scripted.body = 403, body
    with pytest.raises(Forbidden):
        gmail.profile(Gmail(scripted.url, "token"))


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("encode", [base64.urlsafe_b64encode, base64.b64encode])
@pytest.mark.parametrize("raw", [b"", b"a", b"ab", b"abc", b"\xfb\xff\xfe" * 5, bytes(range(256))])
def test_raw_is_decoded_in_every_alphabet(padded: bool, encode: Any, raw: bytes) -> None:
    text = encode(raw).decode()
    assert message(text if padded else text.rstrip("=")).raw == raw


@pytest.mark.parametrize("text", ["a", "äöü", "ab cd", "ab\ncd", "a=b", "ab*d", 7, None])
def test_what_is_not_base64_is_refused(text: Any) -> None:
    with pytest.raises(ValidationError):
        message(text)


def message(raw: Any) -> RawMessage:
    fields = {"id": "m", "threadId": "t", "historyId": "1", "internalDate": "1", "sizeEstimate": 1}
    return RawMessage.model_validate({**fields, "raw": raw})


def test_history_without_labels_is_understood() -> None:
    """Gmail promises only id and threadId there."""
    added = {"messagesAdded": [{"message": {"id": "m1", "threadId": "t1"}}]}
    page = HistoryPage.model_validate({"history": [added, {"id": "7"}], "historyId": "9"})
    changes = fold([page])
    assert [(ref.id, ref.thread_id, ref.label_ids) for ref in changes.added] == [("m1", "t1", None)]
