"""The SMTP catcher as it runs: real SMTP in, the page and JSON out."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra_cdk.local.catcher import launch
from infra_cdk.local.catcher.mails import Mails
from infra_cdk.local.processes import Process, stop, wait_until_ready
from infra_cdk.local.state import State, free_port

HOSTILE = """
<html><head><base href="http://evil.example/"><meta http-equiv="refresh" content="0;url=http://x">
<script>alert(1)</script><link rel="stylesheet" href="http://evil.example/x.css"></head>
<body onload="alert(2)" style="background:url(http://evil.example/b.png)">
<img src="http://evil.example/pixel.png" onerror="alert(3)">
<a href="javascript:alert(4)">click</a><iframe src="http://evil.example"></iframe>
<form action="http://evil.example"><input name="q"></form>
'></iframe><script>alert(5)</script><p>Hello &amp; goodbye</p></body></html>
"""


@dataclass
class Catcher:
    """A running catcher, and how to talk to it."""

    state: State
    port: int
    smtp_port: int
    process: Process

    def start(self) -> None:
        self.process = launch.start(self.state, port=self.port, smtp_port=self.smtp_port)
        wait_until_ready(self.process, lambda: launch.is_ready(self.port))

    def send(self, message: EmailMessage | bytes, to: tuple[str, ...] = ("bo@b.example",)) -> None:
        raw = message if isinstance(message, bytes) else message.as_bytes(policy=SMTP)
        with smtplib.SMTP("127.0.0.1", self.smtp_port) as client:
            client.sendmail("ana@a.example", to, raw)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers)

    def post(self, path: str, **headers: str) -> httpx.Response:
        return httpx.post(f"http://127.0.0.1:{self.port}{path}", headers=headers)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.get("/messages.json").json()


@pytest.fixture
def catcher(tmp_path: Path) -> Iterator[Catcher]:
    state, port, smtp_port = State(tmp_path), free_port(), free_port()
    running = Catcher(state, port, smtp_port, launch.start(state, port=port, smtp_port=smtp_port))
    wait_until_ready(running.process, lambda: launch.is_ready(port))
    yield running
    stop(running.process)


def _message(subject: str = "Grüße", html: str | None = None) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = (
        "Ana <ana@a.example>",
        "b@b.example",
        subject,
    )
    message.set_content("Hello <Bo>,\n\nsee you.\n")
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message


def test_a_mail_that_is_sent_is_seen(catcher: Catcher) -> None:
    catcher.send(_message(), to=("bo@b.example", "blind@b.example"))
    (caught,) = catcher.messages
    assert caught["sender"] == "ana@a.example"
    assert caught["recipients"] == ["bo@b.example", "blind@b.example"]
    assert caught["subject"] == "Grüße"
    listed = catcher.get("/").text
    for shown in (
        "Grüße",
        "ana@a.example",
        "blind@b.example",
        f"smtp://127.0.0.1:{catcher.smtp_port}",
    ):
        assert shown in listed
    page = catcher.get(f"/messages/{caught['id']}").text
    assert "Hello &lt;Bo&gt;," in page
    assert "From: Ana &lt;ana@a.example&gt;" in page
    assert "<iframe" not in page


def test_the_download_is_what_was_sent_byte_for_byte(catcher: Catcher) -> None:
    raw = b"Subject: x\r\n\r\n.a line with a dot\r\n\xff\x00 no text\r\n"
    catcher.send(raw)
    (caught,) = catcher.messages
    download = catcher.get(f"/messages/{caught['id']}.eml")
    assert download.content == raw
    assert download.headers["content-type"] == "message/rfc822"
    assert download.headers["content-disposition"].startswith("attachment")
    assert caught["size"] == len(raw)


def test_hostile_html_is_inert(catcher: Catcher) -> None:
    catcher.send(_message("</title><script>alert(0)</script>", HOSTILE))
    (caught,) = catcher.messages
    answer = catcher.get(f"/messages/{caught['id']}")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert "script-src" not in policy
    frame = re.search(r"<iframe sandbox='([^']*)'[^>]* srcdoc='([^']*)'></iframe>", answer.text)
    assert frame is not None
    assert "allow-scripts" not in frame[1]
    assert "allow-same-origin" not in frame[1]
    document = unescape(frame[2])
    assert "<p>Hello &amp; goodbye</p>" in document
    forbidden = r"<script|<iframe|<form|<link|<meta|<base href|javascript:|\son\w+=|url\(|\ssrc="
    assert re.findall(forbidden, document) == []
    around = answer.text.replace(frame[0], "")
    assert re.findall(r"<(?:script|img|link|object|embed)|\son\w+=", around) == []
    assert "<script" not in catcher.get("/").text


def test_mails_outlive_the_process(catcher: Catcher) -> None:
    catcher.send(_message("first"))
    catcher.send(_message("second"))
    before = catcher.messages
    assert [one["subject"] for one in before] == ["second", "first"]
    stop(catcher.process)
    catcher.start()
    assert catcher.messages == before
    assert catcher.get(f"/messages/{before[0]['id']}").is_success


def test_the_clear_button_clears(catcher: Catcher) -> None:
    catcher.send(_message())
    assert '<form method="post" action="/clear">' in catcher.get("/").text
    own = f"http://127.0.0.1:{catcher.port}"
    assert catcher.post("/clear", origin=own).status_code == 303
    assert catcher.messages == []
    assert list((catcher.state.data / "mail").iterdir()) == []


def test_other_sites_pages_get_nothing_and_clear_nothing(catcher: Catcher) -> None:
    catcher.send(_message())
    for path in ("/", "/messages.json", f"/messages/{catcher.messages[0]['id']}.eml"):
        assert catcher.get(path, host=f"rebound.example:{catcher.port}").status_code == 403
        assert catcher.get(path, host=f"localhost:{catcher.port}").is_success
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        assert catcher.post("/clear", origin=origin).status_code == 403
    assert len(catcher.messages) == 1


def test_any_password_is_good(catcher: Catcher) -> None:
    with smtplib.SMTP("127.0.0.1", catcher.smtp_port) as client:
        client.login("whoever", "whatever")
        client.send_message(_message("from " + "ü" * 10), "ana@ä.example", ["bo@ö.example"])
    assert catcher.messages[0]["recipients"] == ["bo@ö.example"]


def test_a_mail_over_40_megabytes_is_refused(catcher: Catcher) -> None:
    with smtplib.SMTP("127.0.0.1", catcher.smtp_port) as client:
        client.ehlo()
        assert client.esmtp_features["size"] == "40000000"
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            client.sendmail(
                "ana@a.example", "bo@b.example", b"Subject: x\r\n\r\n" + b"x\r\n" * 13_400_000
            )
        assert refused.value.smtp_code == 552
    assert catcher.messages == []


def test_what_is_not_there_is_404(catcher: Catcher) -> None:
    for path in ("/messages/1", "/messages/..%2f..%2fsecrets.json", "/messages/1.eml", "/nowhere"):
        assert catcher.get(path).status_code == 404


def test_the_oldest_give_way_to_new_ones(tmp_path: Path) -> None:
    mails = Mails(tmp_path, most=3, most_bytes=100)
    for number in range(5):
        mails.add("a@a.example", ["b@b.example"], b"Subject: %d\r\n\r\n" % number)
    assert [one.subject for one in mails.newest()] == ["4", "3", "2"]
    assert len(list(tmp_path.iterdir())) == 6
    mails.add("a@a.example", ["b@b.example"], b"Subject: 5\r\n\r\n".ljust(80))
    assert [one.subject for one in mails.newest()] == ["5", "4"]
    mails.add("a@a.example", ["b@b.example"], bytes(200))
    assert mails.newest() == []
    assert list(tmp_path.iterdir()) == []


def test_half_a_mail_left_by_a_crash_is_thrown_away(tmp_path: Path) -> None:
    mails = Mails(tmp_path)
    kept = mails.add("a@a.example", [], b"Subject: kept\r\n\r\n")
    (tmp_path / "9999999999999999999.eml").write_bytes(b"half")
    assert Mails(tmp_path).newest() == [kept]
    assert len(list(tmp_path.iterdir())) == 2
