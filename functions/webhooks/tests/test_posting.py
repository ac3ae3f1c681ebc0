"""Requests to servers that do what they like, on real sockets."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_network

import pytest

from functions.webhooks.posting import MOST_KEPT, Reply, post
from functions.webhooks.tests.certificates import serving, trusting
from functions.webhooks.tests.receiver import Answer, receiving, speaking
from shared.outbound.requests import Outside, certificates
from shared.outbound.targets import Rules

LOOPBACK = Rules(networks=(ip_network("127.0.0.0/8"),))
WAY = Outside(LOOPBACK, timeout_s=10)
HURRIED = replace(WAY, timeout_s=0.3)
OK = b"HTTP/1.1 200 OK\r\n"


def _post(way: Outside, url: str, body: bytes = b"{}") -> Reply:
    return post(way, url, {"webhook-id": "1"}, body)


def _at(port: int) -> str:
    return f"http://127.0.0.1:{port}/hook"


class Resolver:
    """Answers with one list of addresses after the other, and counts how often it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0)


def _named(resolve: Callable[[str, int], Sequence[str]], port: int, **options: object) -> Outside:
    """A way on which `hooks.example.com` is a name like others, at a receiver's port."""
    rules = replace(LOOPBACK, ports=frozenset({port}))
    return replace(WAY, rules=rules, resolve=resolve, certificates=trusting, **options)  # pyright: ignore[reportArgumentType]


def test_the_body_arrives_byte_for_byte() -> None:
    body = '{"name":"Ünïcödé \\u0000"}'.encode()
    with receiving() as receiver:
        receiver.answer(200, b"thanks")
        reply = _post(WAY, receiver.url + "?a=b", body)
    assert (reply.status, reply.error, reply.text) == (200, None, "thanks")
    [request] = receiver.received
    assert (request.method, request.path, request.body) == ("POST", "/hook?a=b", body)
    assert request.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "user-agent": "hasteCRM-Webhooks/1",
        "connection": "close",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "webhook-id": "1",
    }


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    with receiving() as elsewhere, receiving() as receiver:
        receiver.answer(status, Location=elsewhere.url)
        assert _post(WAY, receiver.url).status == status
        assert elsewhere.received == []


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy, receiving() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert _post(WAY, receiver.url).status == 204
        assert proxy.received == []


def test_of_a_long_answer_one_kilobyte_is_kept() -> None:
    with receiving() as receiver:
        receiver.answer(200, "é".encode() * 5_000_000)
        reply = _post(WAY, receiver.url)
    assert (reply.status, reply.text) == (200, "é" * (MOST_KEPT // 2))


def test_an_answer_without_end_is_not_read() -> None:
    lines = [OK + b"Transfer-Encoding: chunked\r\n\r\n", *[b"3e8\r\n" + b"x" * 1000 + b"\r\n"] * 9]
    waiting = threading.Event()
    with speaking(lines, then_wait=waiting) as port:
        reply = _post(WAY, _at(port))
        waiting.set()
    assert (reply.status, reply.text) == (200, "x" * MOST_KEPT)


def test_what_no_database_stores_is_replaced() -> None:
    with receiving() as receiver:
        receiver.answer(500, b"a\x00b\xff\xfe")
        assert _post(WAY, receiver.url).text == "a\ufffdb\ufffd\ufffd"


def test_a_compressed_answer_is_not_unpacked() -> None:
    with receiving() as receiver:
        receiver.answer(200, b"\x1f\x8b\x08", Content_Encoding="gzip")
        assert _post(WAY, receiver.url).text == "\x1f\ufffd\x08"


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([], "protocol: Server disconnected without sending a response."),
        ([b"HTTP/1.1 200"], "protocol: Server disconnected without sending a response."),
        ([b"SSH-2.0-OpenSSH_9.9\r\n\r\n"], "protocol: illegal status line"),
        ([OK, *[b"X: " + b"x" * 60_000 + b"\r\n"] * 3], "protocol: Receive buffer too long"),
        ([OK, *[f"X{n}: x\r\n".encode() for n in range(30_000)]], "protocol: "),
    ],
    ids=["nothing", "half", "not HTTP", "a long header", "many headers"],
)
def test_answers_that_are_none(lines: list[bytes], error: str) -> None:
    with speaking(lines) as port:
        reply = _post(WAY, _at(port))
    assert reply.status is None
    assert (reply.error or "").startswith((error, "connection_closed")), reply


def test_nobody_listens() -> None:
    with speaking([]) as port:
        pass
    assert (_post(WAY, _at(port)).status, _post(WAY, _at(port)).error) == (
        None,
        "connection_refused",
    )


@pytest.mark.parametrize("lines", [[], [b"HTTP/1.1 "]], ids=["silent", "begins"])
def test_the_time_is_up(lines: list[bytes]) -> None:
    waiting = threading.Event()
    with speaking(lines, then_wait=waiting) as port:
        reply = _post(HURRIED, _at(port))
        waiting.set()
    assert (reply.status, reply.error) == (None, "timeout")


def test_the_deadline_is_for_all_of_it() -> None:
    """A byte now and then keeps nobody waiting."""
    stop = threading.Event()

    def drip() -> Sequence[bytes]:
        class Dripping(Sequence[bytes]):
            def __len__(self) -> int:
                return 200

            def __getitem__(self, place: object) -> bytes:  # pyright: ignore[reportIncompatibleMethodOverride]
                if not isinstance(place, int) or place >= 200 or stop.wait(0.05):
                    raise IndexError
                return b"H"

        return Dripping()

    with speaking(drip()) as port:
        reply = _post(HURRIED, _at(port))
        stop.set()
    assert (reply.status, reply.error) == (None, "timeout")


def test_a_status_counts_even_if_the_rest_does_not_come() -> None:
    waiting = threading.Event()
    with speaking([OK + b"Content-Length: 100\r\n\r\n", b"begun"], then_wait=waiting) as port:
        reply = _post(HURRIED, _at(port))
        waiting.set()
    assert (reply.status, reply.error, reply.text) == (200, None, "begun")


def test_interim_answers_are_passed_over() -> None:
    with speaking([b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3 + OK + b"\r\n"]) as port:
        assert _post(WAY, _at(port)).status == 200


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120.0), ("0", 0.0), ("1e9", None), ("soon", None), ("-5", None), ("", None)],
)
def test_retry_after_in_seconds(value: str, seconds: float | None) -> None:
    with receiving() as receiver:
        receiver.answer(503, Retry_After=value)
        assert _post(WAY, receiver.url).retry_after_s == seconds


def test_retry_after_as_a_date() -> None:
    with receiving() as receiver:
        in_an_hour = datetime.now(UTC) + timedelta(hours=1)
        receiver.answer(503, Retry_After=format_datetime(in_an_hour, usegmt=True))
        assert 3500 < (_post(WAY, receiver.url).retry_after_s or 0) <= 3600
        receiver.answer(503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")
        assert _post(WAY, receiver.url).retry_after_s == 0


# Names and addresses


def test_a_name_that_leads_inside_is_not_called() -> None:
    with receiving() as receiver:
        for addresses in (["10.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["::1"], ["::ffff:127.0.0.1"]):
            way = _named(Resolver(addresses), receiver.port)
            reply = _post(way, f"https://hooks.example.com:{receiver.port}/")
            assert (reply.status, reply.error) == (None, "address_not_public")
        assert receiver.received == []


def test_the_real_resolver_finds_the_loopback_and_it_is_refused() -> None:
    strict = Outside(Rules(hosts=frozenset({"localhost"})), timeout_s=5)
    with receiving() as receiver:
        reply = _post(strict, f"http://localhost:{receiver.port}/")
        assert (reply.error, receiver.received) == ("address_not_public", [])


def test_a_name_that_nobody_knows() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    for resolve in (unknown, Resolver([])):
        way = _named(resolve, 443)
        assert _post(way, "https://hooks.example.com/").error == "unknown_host"


def test_a_url_that_is_no_longer_allowed() -> None:
    assert _post(WAY, "http://hooks.example.com/").error == "invalid_url: expected https://"


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """A name that answers otherwise a second time is not asked a second time."""
    resolver = Resolver(["127.0.0.1"], ["10.0.0.1"])
    with receiving(serving("hooks.example.com")) as receiver:
        way = _named(resolver, receiver.port)
        url = f"https://hooks.example.com:{receiver.port}/"
        assert _post(way, url).status == 204
        assert resolver.asked == ["hooks.example.com"]
        assert _post(way, url).error == "address_not_public"
        assert len(receiver.received) == 1


def test_the_next_address_is_tried_where_one_is_dead() -> None:
    with receiving(serving("hooks.example.com")) as receiver:
        way = _named(Resolver(["127.0.0.2", "127.0.0.1"]), receiver.port)
        assert _post(way, f"https://hooks.example.com:{receiver.port}/").status == 204


# TLS


def test_name_and_certificate_are_the_hosts_and_not_the_addresses() -> None:
    with receiving(serving("hooks.example.com")) as receiver:
        way = _named(Resolver(["127.0.0.1"]), receiver.port)
        assert _post(way, f"https://hooks.example.com:{receiver.port}/").status == 204
        assert receiver.sni == ["hooks.example.com"]
        assert receiver.received[0].headers["host"] == f"hooks.example.com:{receiver.port}"


@pytest.mark.parametrize(
    ("server", "client"),
    [
        (lambda: serving("other.example.com"), trusting),
        (lambda: serving("hooks.example.com", expired=True), trusting),
        (lambda: serving("hooks.example.com"), certificates),
    ],
    ids=["of another host", "expired", "of nobody known"],
)
def test_a_certificate_that_does_not_count(
    server: Callable[[], ssl.SSLContext],
    client: Callable[[], ssl.SSLContext],
) -> None:
    with receiving(server()) as receiver:
        way = replace(_named(Resolver(["127.0.0.1"]), receiver.port), certificates=client)
        reply = _post(way, f"https://hooks.example.com:{receiver.port}/")
        assert (reply.status, reply.error) == (None, "tls: CERTIFICATE_VERIFY_FAILED")
        assert receiver.received == []


def test_a_server_without_tls() -> None:
    with receiving() as receiver:
        way = _named(Resolver(["127.0.0.1"]), receiver.port)
        reply = _post(way, f"https://hooks.example.com:{receiver.port}/")
        assert (reply.error or "").startswith("tls: ")
        assert receiver.received == []


def test_answers_do_not_cross() -> None:
    """Many at once, on one way, each on a connection of its own."""
    with receiving() as receiver:
        receiver.behave = lambda request: Answer(200, body=request.body)
        replies: dict[int, Reply] = {}

        def one(number: int) -> None:
            replies[number] = _post(WAY, receiver.url, str(number).encode())

        threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {number: reply.text for number, reply in replies.items()} == {
        number: str(number) for number in range(20)
    }
