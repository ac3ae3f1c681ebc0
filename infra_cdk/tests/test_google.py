"""The laptop's Google: the real emulator behind our proxy."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from functions.email.oidc import InvalidToken, verify
from infra_cdk.local.google import mailbox as mail
from infra_cdk.local.google.answers import parse_fields, select
from infra_cdk.local.google.emulate import launch, start_emulate, start_proxy
from infra_cdk.local.google.faults import Fault, Faults
from infra_cdk.local.google.mailbox import Mailbox
from infra_cdk.local.google.quota import Quota, cost
from infra_cdk.local.google.settings import Subscription
from infra_cdk.local.google.testing import (
    AUDIENCE,
    CLIENT_ID,
    CLIENT_SECRET,
    PUSH_EMAIL,
    REDIRECT_URI,
    SUBSCRIPTION,
    Webhook,
    calm,
    eventually,
    injected,
    set_faults,
)
from infra_cdk.local.processes import stop

if TYPE_CHECKING:
    from infra_cdk.local.google.emulate import Google
    from infra_cdk.local.state import State

pytest_plugins = ["infra_cdk.local.google.fixtures"]

TOPIC = "projects/laptop/topics/gmail"
MAIL = b"From: Kim <kim@initech.example>\r\nSubject: Hello\r\n\r\nHello there\r\n"


def opened(google: Google, address: str) -> Iterator[Mailbox]:
    with Mailbox(google.url, address) as box:
        yield box
        calm(google)
        box.client.post("stop")
        for message_id in mail.list_ids(box):
            mail.delete(box, message_id)


@pytest.fixture
def ana(google: Google) -> Iterator[Mailbox]:
    yield from opened(google, "ana@acme.example")


@pytest.fixture
def ben(google: Google) -> Iterator[Mailbox]:
    yield from opened(google, "ben@acme.example")


def history_of(box: Mailbox, start: str) -> httpx.Response:
    return box.client.get("history", params={"startHistoryId": start})


def history_id(box: Mailbox) -> str:
    return box.client.get("profile").raise_for_status().json()["historyId"]


def watch(box: Mailbox) -> dict[str, Any]:
    return box.client.post("watch", json={"topicName": TOPIC}).raise_for_status().json()


@pytest.mark.parametrize(
    "raw",
    [
        MAIL,
        b"",
        b"\r\n",
        b"\n",
        b"\x00",
        b"Subject: nul\x00 here\r\n\r\nbody\x00\x00\r\n",
        b"Subject: 8-bit \xe9\xff\r\n\r\n" + bytes(range(256)),
        b"no header at all, \xf0\x28\x8c\x28",
        b"Content-Type: text/plain; charset=klingon\r\n\r\n\xff",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 3000,
        b"Date: Thu, 99 Foo 99999 99:99:99 +9999\r\n\r\n.\r\n",
        MAIL.replace(b"\r\n", b"\n"),
        MAIL.replace(b"\r\n", b"\r"),
    ],
    ids=lambda raw: repr(raw[:30]),
)
def test_every_mail_comes_back_byte_for_byte(ana: Mailbox, raw: bytes) -> None:
    assert mail.raw(ana, mail.insert(ana, raw)) == raw


def test_twenty_megabytes_come_back_byte_for_byte(ana: Mailbox) -> None:
    raw = MAIL + bytes(range(256)) * (20_000_000 // 256)
    assert mail.raw(ana, mail.insert(ana, raw)) == raw


def test_a_mail_is_from_when_it_arrived_whatever_its_date_says(ana: Mailbox) -> None:
    before = time.time_ns() // 1_000_000
    old = mail.insert(ana, b"Date: Tue, 1 Jul 2003 10:52:37 +0200\r\n" + MAIL)
    got = ana.client.get(f"messages/{old}", params={"format": "minimal"}).json()
    assert before <= int(got["internalDate"]) <= time.time_ns() // 1_000_000


@pytest.mark.corpora
def test_real_mail_comes_back_byte_for_byte(ana: Mailbox) -> None:
    files = sorted(corpora().rglob("*.eml"))[:200]
    if not files:
        pytest.skip("no .eml files in HASTE_CORPORA")
    raws = [file.read_bytes() for file in files]
    ids = mail.insert_many(ana, raws)
    assert [mail.raw(ana, message_id) for message_id in ids] == raws


def corpora() -> Path:
    checkout = Path(__file__).resolve().parents[2]
    folder = checkout / os.environ.get("HASTE_CORPORA", "../shared/corpora")
    if not folder.is_dir():
        pytest.skip(f"no corpora at {folder}; set HASTE_CORPORA")
    return folder


@pytest.mark.parametrize("kind", ["media", "multipart"])
def test_an_upload_is_kept_byte_for_byte(ana: Mailbox, kind: str) -> None:
    raw = MAIL + b"\xff\x00\r\n--outer--\r\n"
    url = str(ana.client.base_url.copy_with(path="/upload/gmail/v1/users/me/messages"))
    if kind == "media":
        content, content_type = raw, "message/rfc822"
    else:
        content_type = "multipart/related; boundary=haste"
        content = (
            b"--haste\r\nContent-Type: application/json\r\n\r\n"
            b'{"threadId": "thread-7", "labelIds": ["INBOX"]}'
            b"\r\n--haste\r\nContent-Type: message/rfc822\r\n\r\n" + raw + b"\r\n--haste--\r\n"
        )
    answer = ana.client.post(
        url, params={"uploadType": kind}, content=content, headers={"Content-Type": content_type}
    )
    message = answer.raise_for_status().json()
    assert mail.raw(ana, message["id"]) == raw
    if kind == "multipart":
        assert (message["threadId"], message["labelIds"]) == ("thread-7", ["INBOX"])


def test_what_gmail_would_not_hold_is_refused_still(ana: Mailbox) -> None:
    for body in ({}, {"raw": "not base64 !"}, {"raw": "", "labelIds": ["NO_SUCH_LABEL"]}):
        answer = ana.client.post("messages", json=body)
        assert answer.status_code == (400 if body.get("raw") != "not base64 !" else 200)
    assert "NO_SUCH_LABEL" in answer.text


def test_the_profile_counts_and_names_the_newest_change(ana: Mailbox) -> None:
    before = ana.client.get("profile").json()
    mail.insert(ana, MAIL)
    after = ana.client.get("profile").json()
    assert after["emailAddress"] == "ana@acme.example"
    assert after["messagesTotal"] == before["messagesTotal"] + 1
    assert after["threadsTotal"] == before["threadsTotal"] + 1
    assert int(after["historyId"]) > int(before["historyId"])
    assert history_of(ana, after["historyId"]).json()["history"] == []


@pytest.mark.parametrize("token", ["x", "upstream-0-ana@acme.example", "Bearer", "test_token"])
def test_an_unknown_token_is_401_in_googles_words(google: Google, token: str) -> None:
    answer = httpx.get(
        f"{google.url}/gmail/v1/users/me/profile",
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )
    assert answer.status_code == 401
    assert answer.json()["error"]["errors"][0]["reason"] == "authError"


def test_another_mailbox_is_closed_to_a_good_token(ana: Mailbox, ben: Mailbox) -> None:
    theirs = mail.insert(ben, MAIL)
    assert ana.client.get(f"messages/{theirs}").status_code == 404
    url = str(ana.client.base_url.copy_with(path="/gmail/v1/users/ben@acme.example/messages"))
    assert ana.client.get(url).status_code == 404


def consent(google: Google) -> dict[str, Any]:
    """The authorization code flow, as a person would go through it."""
    form = {
        "email": "cleo@acme.example",
        "redirect_uri": REDIRECT_URI,
        "scope": "openid email https://www.googleapis.com/auth/gmail.modify",
        "client_id": CLIENT_ID,
    }
    page = httpx.post(f"{google.url}/o/oauth2/v2/auth/callback", data=form, trust_env=False)
    code = parse_qs(urlsplit(page.headers["location"]).query)["code"][0]
    return exchange(google, {"grant_type": "authorization_code", "code": code}).json()


def exchange(google: Google, form: dict[str, str]) -> httpx.Response:
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "redirect_uri": REDIRECT_URI}
    return httpx.post(f"{google.url}/oauth2/token", data=client | form, trust_env=False)


def userinfo(google: Google, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{google.url}/oauth2/v3/userinfo", headers=headers, trust_env=False)


def test_consent_gives_tokens_that_work_until_they_are_revoked(google: Google) -> None:
    granted = consent(google)
    assert userinfo(google, granted["access_token"]).json()["email"] == "cleo@acme.example"
    keys = jwt.PyJWKSet.from_dict(httpx.get(google.jwks_url, trust_env=False).json())
    key_id = jwt.get_unverified_header(granted["id_token"])["kid"]
    claims = jwt.decode(granted["id_token"], keys[key_id], ["RS256"], audience=CLIENT_ID)
    assert claims["email"] == "cleo@acme.example"

    refresh = {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}
    renewed = exchange(google, refresh).json()["access_token"]
    assert userinfo(google, renewed).status_code == 200
    httpx.post(f"{google.url}/oauth2/revoke", data={"token": renewed}, trust_env=False)
    assert userinfo(google, renewed).status_code == 401
    assert userinfo(google, granted["access_token"]).status_code == 401
    assert exchange(google, refresh).json()["error"] == "invalid_grant"


def test_only_the_fields_asked_for_are_answered(ana: Mailbox) -> None:
    message_id = mail.insert(ana, MAIL)
    fields = {"format": "raw", "fields": "id,raw"}
    assert set(ana.client.get(f"messages/{message_id}", params=fields).json()) == {"id", "raw"}
    broken = ana.client.get("messages", params={"fields": "messages(id"})
    assert broken.status_code == 400


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("a", {"a": {"b": 1, "c": 2}}),
        ("a/b", {"a": {"b": 1}}),
        ("a(b),d/e", {"a": {"b": 1}, "d": [{"e": 1}, {"e": 2}]}),
        ("d(e,f/g),x", {"d": [{"e": 1}, {"e": 2, "f": {"g": 3}}]}),
        ("*", {"a": {"b": 1, "c": 2}, "d": [{"e": 1, "h": 0}, {"e": 2, "f": {"g": 3}}]}),
    ],
)
def test_a_field_mask_selects_as_google_documents_it(fields: str, expected: Any) -> None:
    value = {"a": {"b": 1, "c": 2}, "d": [{"e": 1, "h": 0}, {"e": 2, "f": {"g": 3}}]}
    assert select(value, parse_fields(fields)) == expected


def test_a_change_is_pushed_with_a_token_that_our_webhook_accepts(
    google: Google, ana: Mailbox, webhook: Webhook
) -> None:
    watched = watch(ana)
    assert int(watched["expiration"]) > (time.time() + 6.9 * 86400) * 1000
    eventually(lambda: len(webhook.notices(ana.address)) > 0)
    mail.insert(ana, MAIL)
    newest = history_id(ana)
    eventually(lambda: webhook.notices(ana.address)[-1]["historyId"] == newest)

    authorization, body = webhook.received[-1]
    token = authorization.removeprefix("Bearer ")
    verify(token, jwks_url=google.jwks_url, audience=AUDIENCE, email=PUSH_EMAIL)
    with pytest.raises(InvalidToken):
        verify(token, jwks_url=google.jwks_url, audience="https://other", email=PUSH_EMAIL)
    message = body["message"]
    assert body["subscription"] == SUBSCRIPTION
    assert message["messageId"] == message["message_id"]
    assert message["publishTime"] == message["publish_time"]
    assert json.loads(base64.b64decode(message["data"])).keys() == {"emailAddress", "historyId"}


def test_a_burst_is_coalesced_and_its_end_announced(ana: Mailbox, webhook: Webhook) -> None:
    watch(ana)
    eventually(lambda: len(webhook.notices(ana.address)) > 0)
    webhook.received.clear()
    started = time.monotonic()
    mail.insert_many(ana, [MAIL] * 60)
    newest = history_id(ana)
    eventually(lambda: newest in [notice["historyId"] for notice in webhook.notices(ana.address)])
    seconds = time.monotonic() - started
    assert len(webhook.notices(ana.address)) <= seconds + 2


def test_every_kind_of_change_is_announced(ana: Mailbox, webhook: Webhook) -> None:
    message_id = mail.insert(ana, MAIL)
    watch(ana)
    changes = [
        lambda: mail.modify(ana, message_id, remove=["UNREAD"]),
        lambda: mail.trash(ana, message_id),
        lambda: mail.delete(ana, message_id),
    ]
    for change in changes:
        change()
        newest = history_id(ana)
        eventually(
            lambda newest=newest: (
                newest in [notice["historyId"] for notice in webhook.notices(ana.address)]
            )
        )


def test_nothing_is_announced_without_watch_or_after_stop(
    ana: Mailbox, ben: Mailbox, webhook: Webhook
) -> None:
    watch(ana)
    ana.client.post("stop").raise_for_status()
    webhook.received.clear()
    mail.insert(ana, MAIL)
    watch(ben)
    eventually(lambda: len(webhook.notices(ben.address)) > 0)
    assert webhook.notices(ana.address) == []


def test_a_second_topic_is_refused_until_stop(ana: Mailbox) -> None:
    watch(ana)
    watch(ana)
    other = ana.client.post("watch", json={"topicName": "projects/laptop/topics/other"})
    assert other.status_code == 400
    assert other.json()["error"]["errors"][0]["reason"] == "failedPrecondition"
    ana.client.post("stop").raise_for_status()
    ana.client.post("watch", json={"topicName": "projects/laptop/topics/other"}).raise_for_status()


def test_a_push_is_repeated_until_it_is_acknowledged(ana: Mailbox, webhook: Webhook) -> None:
    webhook.received.clear()
    webhook.answers[:] = [500, 403, 503]
    watch(ana)
    refused = 3

    def settled() -> bool:
        """Every message was taken once; one of an earlier test may still have been on its way."""
        ids = {body["message"]["messageId"] for _, body in webhook.received}
        return len(webhook.received) == refused + len(ids) and not webhook.answers

    eventually(settled)
    assert len(webhook.received) > refused


def test_pushes_are_lost_doubled_swapped_and_numbered_on_demand(
    google: Google, ana: Mailbox, webhook: Webhook
) -> None:
    def announced() -> list[Any]:
        return [notice["historyId"] for notice in webhook.notices(ana.address)]

    webhook.received.clear()
    set_faults(google, {"kind": "push_drop", "count": 1})
    watch(ana)
    eventually(lambda: injected(google) == [1])
    assert announced() == []

    set_faults(google, {"kind": "push_duplicate", "count": 1})
    mail.insert(ana, MAIL)
    eventually(lambda: len(announced()) == 2)
    assert announced()[0] == announced()[1]

    set_faults(google, {"kind": "push_reorder", "count": 1})
    mail.insert(ana, MAIL)
    first = history_id(ana)
    eventually(lambda: injected(google)[2] == 1)
    mail.insert(ana, MAIL)
    second = history_id(ana)
    eventually(lambda: len(announced()) == 4)
    assert announced()[2:] == [second, first]

    set_faults(google, {"kind": "push_number", "count": 1})
    mail.insert(ana, MAIL)
    eventually(lambda: len(announced()) == 5)
    assert announced()[4] == int(history_id(ana))


def test_history_expires_below_a_floor_but_never_at_the_current_id(
    google: Google, ana: Mailbox
) -> None:
    old = history_id(ana)
    mail.insert(ana, MAIL)
    current = history_id(ana)
    set_faults(google, {"kind": "expired_history", "mailbox": ana.address})
    assert history_of(ana, old).status_code == 404
    assert history_of(ana, current).status_code == 200
    assert injected(google) == [1]


@pytest.mark.parametrize("status", [429, 403])
@pytest.mark.parametrize("said", ["seconds", "date", "message"])
def test_throttling_says_when_to_come_back(
    google: Google, ana: Mailbox, status: int, said: str
) -> None:
    rule = {
        "kind": "status",
        "status": status,
        "reason": "userRateLimitExceeded",
        "retry_after": 900,
        "retry_as": said,
    }
    set_faults(google, rule)
    answer = ana.client.get("profile")
    assert answer.status_code == status
    assert answer.json()["error"]["errors"][0]["reason"] == "userRateLimitExceeded"
    assert ("retry-after" in answer.headers) == (said != "message")
    assert ("Retry after 20" in answer.json()["error"]["message"]) == (said == "message")


def test_a_fault_meets_only_what_it_names(google: Google, ana: Mailbox, ben: Mailbox) -> None:
    message_id = mail.insert(ana, MAIL)
    rule = {
        "kind": "status",
        "status": 500,
        "method": "GET",
        "path": r"/messages/[^/?]+\?.*format=raw",
        "mailbox": ana.address,
        "skip": 1,
        "count": 2,
    }
    set_faults(google, rule)
    statuses = [
        ana.client.get(f"messages/{message_id}", params={"format": "raw"}).status_code
        for _ in range(4)
    ]
    assert statuses == [200, 500, 500, 200]
    assert ana.client.get("messages").status_code == 200
    assert ben.client.get("profile").status_code == 200
    assert injected(google) == [2]


def test_connections_break_on_demand_and_the_change_may_have_happened(
    google: Google, ana: Mailbox
) -> None:
    set_faults(google, {"kind": "reset", "count": 1}, {"kind": "truncate", "count": 1})
    with pytest.raises(httpx.ReadError):
        mail.insert(ana, MAIL)
    assert injected(google) == [1, 0]
    with pytest.raises(httpx.RemoteProtocolError):
        mail.insert(ana, MAIL)
    assert len(mail.list_ids(ana)) == 1
    assert injected(google) == [1, 1]


def test_faults_are_the_same_for_the_same_seed() -> None:
    def pattern(seed: int) -> list[bool]:
        faults = Faults()
        faults.add([Fault(kind="status", probability=0.3)], seed)
        return [bool(faults.for_request("GET", "/x", "")) for _ in range(200)]

    assert pattern(7) == pattern(7) != pattern(8)
    assert 30 < sum(pattern(7)) < 90


def test_an_unknown_kind_of_fault_is_refused(google: Google) -> None:
    body = {"rules": [{"kind": "earthquake"}]}
    answer = httpx.post(f"{google.url}/_faults", json=body, trust_env=False)
    assert answer.status_code == 400


def test_the_quota_stops_a_mailbox_that_asks_too_much(
    google: Google, ana: Mailbox, ben: Mailbox
) -> None:
    message_id = mail.insert(ana, MAIL)
    limit = {"units_per_minute": 60}
    httpx.put(f"{google.url}/_quota", json=limit, trust_env=False).raise_for_status()
    statuses = [ana.client.get(f"messages/{message_id}").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert ben.client.get("profile").status_code == 200
    mail.insert(ana, MAIL)  # mail that arrives is nobody's call


def test_the_quota_is_a_bucket_that_refills() -> None:
    quota = Quota(units_per_minute=6000)
    assert [quota.seconds_to_wait("a", 20, 0.0) for _ in range(300)] == [0.0] * 300
    assert quota.seconds_to_wait("a", 20, 0.0) == pytest.approx(0.2)
    assert quota.seconds_to_wait("b", 20, 0.0) == 0.0
    assert quota.seconds_to_wait("a", 20, 0.2) == 0.0
    assert quota.seconds_to_wait("a", 20, 0.2) > 0
    assert quota.seconds_to_wait("a", 6000, 60.3) == 0.0


@pytest.mark.parametrize(
    ("method", "path", "units"),
    [
        ("GET", "messages", 5),
        ("GET", "messages/18f", 20),
        ("GET", "history", 2),
        ("GET", "threads/18f", 40),
        ("POST", "messages/send", 100),
        ("POST", "drafts/send", 100),
        ("GET", "messages/18f/attachments/a", 5),
    ],
)
def test_calls_cost_what_gmail_charges(method: str, path: str, units: int) -> None:
    assert cost(method, path) == units


def test_the_emulators_limit_per_token_is_spread_thin(google: Google, ana: Mailbox) -> None:
    """5,000 requests an hour per token are built into it."""

    def left() -> int:
        answer = httpx.get(
            f"http://127.0.0.1:{google.emulate_port}/gmail/v1/users/me/labels",
            headers={"Authorization": f"Bearer upstream-0-{ana.address}"},
            trust_env=False,
        )
        return int(answer.headers["x-ratelimit-remaining"])

    before = left()
    for _ in range(130):
        ana.client.get("labels").raise_for_status()
    assert before - left() <= 4


def test_mail_tokens_and_watches_survive_the_end_of_either_process(
    service_state: State, webhook: Webhook
) -> None:
    from infra_cdk.local.google.settings import OAuthClient
    from infra_cdk.local.state import State as Folder

    state = Folder(service_state.root / "restart", shared_tools=service_state.tools)
    folder = state.data / "google"
    push = Subscription(webhook.url, AUDIENCE, PUSH_EMAIL, SUBSCRIPTION)
    client = OAuthClient(CLIENT_ID, CLIENT_SECRET, (REDIRECT_URI,))
    address = "cleo@acme.example"
    google = launch(state, mailboxes=[address], push=push, oauth_clients=[client])
    emulate, proxy = google.emulate, google.proxy
    try:
        with Mailbox(google.url, address) as box:
            granted = consent(google)
            label = box.client.post("labels", json={"name": "Hot leads"}).json()["id"]
            kept = mail.insert(box, MAIL, thread="thread-1", labels=["INBOX", label])
            empty, gone = mail.insert(box, b""), mail.insert(box, MAIL)
            mail.delete(box, gone)
            mail.modify(box, empty, add=["STARRED"], remove=["UNREAD"])
            draft = box.client.post(
                "drafts", json={"message": {"raw": base64.urlsafe_b64encode(MAIL).decode()}}
            ).json()["message"]["id"]
            watch(box)
            cursor = history_id(box)

            emulate.popen.kill()
            stop(emulate)
            assert box.client.get("profile").status_code == 503
            emulate = start_emulate(state, folder, google.emulate_port, google.url, [client])
            assert mail.list_ids(box) == {kept, empty, draft}
            assert mail.raw(box, kept) == MAIL
            assert mail.raw(box, empty) == b""
            assert mail.labels(box, kept) == {"INBOX", label}
            assert mail.labels(box, empty) == {"INBOX", "STARRED"}
            assert box.client.get(f"messages/{kept}").json()["threadId"] == "thread-1"
            names = {item["name"] for item in box.client.get("labels").json()["labels"]}
            assert "Hot leads" in names
            assert history_of(box, cursor).status_code == 404
            cursor = history_id(box)
            refresh = {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}
            renewed = exchange(google, refresh).json()["access_token"]
            assert userinfo(google, renewed).json()["email"] == address

            proxy.popen.kill()
            stop(proxy)
            webhook.received.clear()
            proxy = start_proxy(state, folder, google.emulate_port, google.port, push)
            eventually(lambda: webhook.notices(address)[-1:] != [])
            token = webhook.received[-1][0].removeprefix("Bearer ")
            verify(token, jwks_url=google.jwks_url, audience=AUDIENCE, email=PUSH_EMAIL)
            assert history_of(box, cursor).status_code == 200
            assert mail.raw(box, empty) == b""
            assert userinfo(google, renewed).status_code == 200
    finally:
        stop(proxy)
        stop(emulate)
