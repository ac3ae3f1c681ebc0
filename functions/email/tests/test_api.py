"""The mails API, through its real Lambda handler: what is there, and how far who may see it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from events.email import EmailReceived
from functions.ai.consumers import handler as analyse
from functions.email.api import handler
from functions.email.tests.conftest import Connect, Mailroom, Team
from infra_cdk.local.google import mailbox as mail
from infra_cdk.local.google.mailbox import Mailbox
from shared.testing import Answer, Call, Database, Workspace

pytest_plugins = ["infra_cdk.local.google.fixtures"]

URL = "/api/v1/emails"
MAIL = (
    b"From: Kim Lee <kim@initech.example>\r\nTo: ana@acme.example\r\nSubject: Offer for the bridge"
    b"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: text/plain\r\n\r\nHello Ana, could you call me at +1 202 555 0147?\r\nWe love"
    b" it!\r\n\r\n-- \r\nKim Lee\r\nChief Engineer\r\nInitech Inc.\r\n\r\n"
    b"--b\r\nContent-Type: application/pdf\r\n"
    b"Content-Disposition: attachment; filename=acquisition.pdf\r\n\r\nPDF\r\n--b--\r\n"
)
Events = Callable[[Workspace], list[dict[str, Any]]]


@pytest.fixture
def stored(
    connect: Connect,
    mailroom: Mailroom,
    box: Mailbox,
    workspace: Workspace,
    events_of: Events,
) -> dict[str, Any]:
    """Ana's mailbox with one mail, stored and analysed."""
    mailbox = connect()
    mail.insert(box, MAIL)
    mailroom.settle()
    received = [one["payload"] for one in events_of(workspace) if one["type"] == "EmailReceived"]
    event = EmailReceived.model_validate(received[-1])
    assert mailroom.deliver(analyse, event) == []
    return mailbox


def _raw(url: str) -> bytes:
    """Follows a presigned URL, as a browser does."""
    answer = httpx.get(url, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.content


def test_a_list_shows_what_a_person_decides_by(call: Call, stored: dict[str, Any]) -> None:
    page = call(handler, "GET", URL).json
    assert page["next_cursor"] is None
    (email,) = page["items"]
    assert (email["subject"], email["sender_email"]) == (
        "Offer for the bridge",
        "kim@initech.example",
    )
    assert email["snippet"].startswith("Hello Ana, could you call me")
    assert email["mailbox_id"] == stored["id"]
    assert email["reply_needed"] is True
    assert email["sentiment"] in ("positive", "neutral")
    assert "text" not in email


def _found(call: Call, field: str, op: str, value: Any, **options: Any) -> int:
    """How many mails a filter finds, in a body and in a URL."""
    filter_ = {"field": field, "op": op, "value": value}
    asked = {"filter": filter_, "count": "exact"}
    page = call(handler, "POST", f"{URL}/query", asked, **options)
    assert page.status == 200, page.json
    assert page.json["count"] == {"value": len(page.json["items"]), "more": False}
    listed = call(handler, "GET", f"{URL}?query={json.dumps(filter_)}", **options)
    assert listed.json["items"] == page.json["items"]
    return len(page.json["items"])


def test_mails_are_found_by_what_is_known_of_them(
    call: Call, stored: dict[str, Any], team: Team
) -> None:
    tests = (
        ("sender_email", "eq", "kim@initech.example", True),
        ("sender_email", "contains", "@ACME.", False),
        ("direction", "eq", "inbound", True),
        ("kind", "in", ["list", "bounce"], False),
        ("received_at", "gt", "2100-01-01T00:00:00Z", False),
        ("mailbox_id", "eq", stored["id"], True),
        ("reply_needed", "eq", True, True),
        ("sentiment", "eq", "negative", False),
        ("intent", "exists", True, True),
    )
    for field, op, value, found in tests:
        assert _found(call, field, op, value) == found, field
    for field, op, value, found in tests:  # a filter tells no more than the list shows
        read = field in ("reply_needed", "sentiment", "intent")
        seen = _found(call, field, op, value, workspace=team.other)
        assert seen == (found and not read), field
    subject = {"filter": {"field": "subject", "op": "contains", "value": "bridge"}}
    assert call(handler, "POST", f"{URL}/query", subject).status == 400


def test_mails_are_sorted_from_either_end(
    call: Call, stored: dict[str, Any], box: Mailbox, mailroom: Mailroom
) -> None:
    for _ in range(3):
        mail.insert(box, MAIL)
    mailroom.settle()
    newest = [one["id"] for one in call(handler, "GET", f"{URL}?sort=-received_at").json["items"]]
    assert newest == [one["id"] for one in call(handler, "GET", URL).json["items"]]
    sort = [{"field": "received_at", "direction": "asc"}]
    page = call(handler, "POST", f"{URL}/query", {"sort": sort, "limit": 3}).json
    rest = {"sort": sort, "cursor": page["next_cursor"]}
    again = call(handler, "POST", f"{URL}/query", rest).json
    oldest = [one["id"] for one in page["items"] + again["items"]]
    assert oldest == newest[::-1]


def test_a_mail_has_an_etag_and_everything(call: Call, stored: dict[str, Any]) -> None:
    (listed,) = call(handler, "GET", URL).json["items"]
    answer = call(handler, "GET", f"{URL}/{listed['id']}")
    assert answer.headers["etag"] == '"1"'
    email = answer.json
    assert {key: email[key] for key in listed} == listed
    assert "could you call me" in email["text"]
    entities = {(one["kind"], one["value"]) for one in email["entities"]}
    assert ("phone", "+12025550147") in entities
    assert ("person", "Kim Lee") in entities
    for entity in email["entities"]:
        assert entity["quote"]


def test_the_raw_mail_is_the_bytes_that_were_received(
    call: Call, stored: dict[str, Any], box: Mailbox
) -> None:
    (listed,) = call(handler, "GET", URL).json["items"]
    answer = call(handler, "GET", f"{URL}/{listed['id']}/raw")
    assert (answer.status, answer.body) == (303, b"")
    (message_id,) = mail.list_ids(box)
    assert _raw(answer.headers["location"]) == MAIL == mail.raw(box, message_id)


def _share(call: Call, mailbox: dict[str, Any], sharing: str) -> None:
    change = {"sharing": sharing}
    url = f"/api/v1/mailboxes/{mailbox['id']}"
    assert call(handler, "PATCH", url, change, headers={"If-Match": "*"}).status == 200


SUBJECT = {"subject", "snippet"}
EVERYTHING = {"text", "reply", "signature", "sentiment", "intent", "reply_needed"}
SECRETS = {
    "subject": ("Offer for the bridge",),
    "everything": ("could you call", "Chief Engineer", "555 0147", "+1202555", "acquisition.pdf"),
}


@pytest.mark.parametrize("sharing", ["metadata", "subject", "everything"])
def test_another_member_sees_as_much_as_is_shared(
    call: Call, stored: dict[str, Any], team: Team, sharing: str
) -> None:
    _share(call, stored, sharing)
    listing = call(handler, "GET", URL, workspace=team.other)
    (listed,) = listing.json["items"]
    answer = call(handler, "GET", f"{URL}/{listed['id']}", workspace=team.other)
    email = answer.json
    raw = call(handler, "GET", f"{URL}/{listed['id']}/raw", workspace=team.other)
    assert email["sender_email"] == "kim@initech.example"  # always
    assert [one["email"] for one in email["participants"]] == [
        "kim@initech.example",
        "ana@acme.example",
    ]
    assert email["has_attachments"] is True
    sees = {name for name in SUBJECT | EVERYTHING if email[name] is not None}
    expected = {"metadata": set[str](), "subject": SUBJECT, "everything": SUBJECT | EVERYTHING}
    assert sees == expected[sharing]
    assert {name for name in sees if name in listed and listed[name] is None} == set()
    everything = sharing == "everything"
    assert bool(email["entities"]) is bool(email["attachments"]) is everything
    assert raw.status == (303 if everything else 404)
    hidden = [*SECRETS["everything"]] if not everything else []
    hidden += SECRETS["subject"] if sharing == "metadata" else []
    if not everything:
        # A snippet is the beginning of the text, and shared with the subject.
        hidden = [one for one in hidden if sharing == "metadata" or one not in email["snippet"]]
    for text in hidden:
        assert text not in answer.body.decode() + listing.body.decode() + raw.body.decode()


def test_the_owner_sees_everything_whatever_is_shared(call: Call, stored: dict[str, Any]) -> None:
    for sharing in ("metadata", "subject", "everything"):
        _share(call, stored, sharing)
        (listed,) = call(handler, "GET", URL).json["items"]
        email = call(handler, "GET", f"{URL}/{listed['id']}").json
        assert all(email[name] is not None for name in SUBJECT | EVERYTHING)
        assert call(handler, "GET", f"{URL}/{listed['id']}/raw").status == 303


def test_another_workspace_sees_nothing(
    call: Call, stored: dict[str, Any], new_workspace: Callable[[], Workspace]
) -> None:
    stranger = new_workspace()
    (listed,) = call(handler, "GET", URL).json["items"]
    for path in (f"{URL}/{listed['id']}", f"{URL}/{listed['id']}/raw"):
        answer = call(handler, "GET", path, workspace=stranger)
        assert (answer.status, answer.json["code"]) == (404, "email_not_found")
    for path in (URL, f"{URL}?mailbox_id={stored['id']}", "/api/v1/threads"):
        assert call(handler, "GET", path, workspace=stranger).json["items"] == []


@pytest.fixture
def many(connect: Connect, mailroom: Mailroom, box: Mailbox, database: Database) -> dict[str, Any]:
    """A mailbox of nine mails in three threads, all received at the same moment but two."""
    mailbox = connect()
    for n in range(9):
        mail.insert(box, MAIL, thread=f"t-{n % 3}")
    mailroom.settle()
    database.admin(
        """
        update emails set received_at = '2026-01-02T03:04:05.678901Z' where id in (
            select id from emails where mailbox_id = %(id)s::uuid order by id limit 7
        )
        """,
        id=UUID(mailbox["id"]),
    )
    return mailbox


@pytest.mark.parametrize("limit", [1, 2, 4, 9, 200])
@pytest.mark.parametrize("path", [URL, "/api/v1/threads"])
def test_pages_follow_each_other_without_gap_or_repeat(
    call: Call, many: dict[str, Any], path: str, limit: int
) -> None:
    everything = call(handler, "GET", f"{path}?limit=200").json["items"]
    assert len(everything) == (9 if path == URL else 3)
    seen: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = call(handler, "GET", f"{path}?limit={limit}{cursor}").json
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == everything
    newest = "received_at" if path == URL else "last_at"
    assert [one[newest] for one in seen] == sorted((o[newest] for o in seen), reverse=True)


def test_filters_leave_out_the_rest(call: Call, many: dict[str, Any]) -> None:
    threads = call(handler, "GET", f"/api/v1/threads?mailbox_id={many['id']}").json["items"]
    assert [thread["emails"] for thread in threads] == [3, 3, 3]
    for thread in threads:
        found = call(handler, "GET", f"{URL}?thread_id={thread['id']}").json["items"]
        assert {one["thread_id"] for one in found} == {thread["id"]}
        assert len(found) == 3
        both = f"{URL}?thread_id={thread['id']}&mailbox_id={many['id']}"
        assert call(handler, "GET", both).json["items"] == found
    assert len(call(handler, "GET", f"{URL}?mailbox_id={many['id']}").json["items"]) == 9
    for unknown in (f"mailbox_id={uuid4()}", f"thread_id={uuid4()}"):
        assert call(handler, "GET", f"{URL}?{unknown}").json["items"] == []
    assert call(handler, "GET", f"/api/v1/threads?mailbox_id={uuid4()}").json["items"] == []


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ("limit=0", 422, "/query/limit"),
        ("limit=201", 422, "/query/limit"),
        ("limit=x", 422, "/query/limit"),
        ("mailbox_id=x", 422, "/query/mailbox_id"),
        ("cursor=x", 400, "/query/cursor"),
        ("cursor=" + "A" * 2001, 422, "/query/cursor"),
    ],
)
@pytest.mark.parametrize("path", [URL, "/api/v1/threads"])
def test_a_bad_query_is_named_by_a_pointer(
    call: Call, path: str, query: str, status: int, pointer: str
) -> None:
    answer = call(handler, "GET", f"{path}?{query}")
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (status, pointer)


def test_unknown_ids_and_methods_are_problems(call: Call) -> None:
    def code(answer: Answer) -> tuple[int, str]:
        return answer.status, answer.json["code"]

    assert code(call(handler, "GET", f"{URL}/{uuid4()}")) == (404, "email_not_found")
    assert code(call(handler, "GET", f"{URL}/{uuid4()}/raw")) == (404, "email_not_found")
    assert code(call(handler, "GET", f"{URL}/7")) == (404, "not_found")
    assert code(call(handler, "DELETE", f"{URL}/{uuid4()}")) == (405, "method_not_allowed")
    assert code(call(handler, "POST", URL, {})) == (405, "method_not_allowed")
    for path in (URL, f"{URL}/{uuid4()}", f"{URL}/{uuid4()}/raw", "/api/v1/threads"):
        assert code(call(handler, "GET", path, anonymous=True)) == (401, "unauthorized")


def test_other_settings_are_told_and_the_same_are_no_change(
    call: Call, connect: Connect, workspace: Workspace, events_of: Events
) -> None:
    url = f"/api/v1/mailboxes/{connect()['id']}"
    for change, version in (
        ({"sharing": "subject"}, 2),
        ({"sharing": "subject"}, 2),
        ({}, 2),
        ({"units_per_minute": 60}, 3),
    ):
        answer = call(handler, "PATCH", url, change, headers={"If-Match": "*"})
        assert (answer.status, answer.json["version"]) == (200, version), change
    stale = call(handler, "PATCH", url, {}, headers={"If-Match": '"2"'})
    assert stale.status == 412
    told = [one["payload"] for one in events_of(workspace) if one["type"] == "MailboxChanged"]
    assert [
        (one["aggregate_version"], one["sharing"], one["units_per_minute"]) for one in told
    ] == [
        (2, "subject", 6000),
        (3, "subject", 60),
    ]
