"""The mailboxes API, through its real Lambda handler, against the emulated Google."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from functions.email.api import handler
from functions.email.tests.conftest import ADDRESS, Connect, Mailroom, Queues, Team
from infra_cdk.local.google import mailbox as mail
from infra_cdk.local.google.mailbox import Mailbox
from infra_cdk.local.google.testing import calm, injected, set_faults
from shared.testing import Call, Database, Workspace

if TYPE_CHECKING:
    from infra_cdk.local.google.emulate import Google

pytest_plugins = ["infra_cdk.local.google.fixtures"]

URL = "/api/v1/mailboxes"
MAIL = b"From: Kim <kim@initech.example>\r\nSubject: Hi\r\n\r\nHello\r\n"
Events = Callable[[Workspace], list[dict[str, Any]]]


def test_a_connected_mailbox_is_watched_and_looked_at(
    call: Call,
    box: Mailbox,
    google: Google,
    queues: Queues,
    workspace: Workspace,
    events_of: Events,
) -> None:
    token = google.token(ADDRESS)
    body = {"address": " Ana@ACME.example ", "access_token": token}
    answer = call(handler, "POST", URL, body)
    assert answer.status == 201
    connected = answer.json
    assert answer.headers["location"] == f"{URL}/{connected['id']}"
    assert answer.headers["etag"] == '"1"'
    assert (connected["address"], connected["state"]) == (ADDRESS, "active")
    assert (connected["sharing"], connected["user_id"]) == ("metadata", str(workspace.user_id))
    assert token not in answer.body.decode()
    assert [json.loads(body) for body in queues.sync.take()] == [{"address": ADDRESS}]
    read = call(handler, "GET", f"{URL}/{connected['id']}").json
    assert read["watch_expires_at"] is not None
    assert call(handler, "GET", URL).json["items"] == [read]
    (event,) = events_of(workspace)
    assert event["type"] == "MailboxConnected"
    assert (event["payload"]["address"], event["payload"]["provider"]) == (ADDRESS, "gmail")
    assert event["payload"]["aggregate_id"] == connected["id"]
    assert token not in json.dumps(event)


def test_with_a_key_google_is_asked_once_and_the_answer_stays(
    call: Call,
    box: Mailbox,
    google: Google,
    queues: Queues,
    workspace: Workspace,
    events_of: Events,
    database: Database,
) -> None:
    """Until it has worked, each attempt asks Google anew; afterwards none does, and no token is in
    what is kept.
    """
    token = google.token(ADDRESS)
    body, key = {"address": ADDRESS, "access_token": token}, {"Idempotency-Key": "connect"}
    set_faults(google, {"kind": "status", "path": "profile", "status": 503})
    assert call(handler, "POST", URL, body, headers=key).status == 503
    calm(google)
    first = call(handler, "POST", URL, body, headers=key)
    assert (first.status, first.headers.get("idempotency-replayed")) == (201, None)
    set_faults(google, {"kind": "status", "path": "profile", "status": 503})
    again = call(handler, "POST", URL, body, headers=key)
    assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
    assert (again.body, again.headers["location"]) == (first.body, first.headers["location"])
    assert injected(google) == [0]
    assert len(queues.sync.take()) == 1
    assert [event["type"] for event in events_of(workspace)] == ["MailboxConnected"]
    kept = database.admin(
        "select response from idempotency_keys where workspace_id = %(w)s", w=workspace.id
    )
    assert [token.encode() in row["response"] for row in kept] == [False]


def test_the_token_is_stored_sealed(
    connect: Connect, database: Database, google: Google, box: Mailbox
) -> None:
    connect()
    (row,) = database.admin("select credentials from mailboxes where deleted_at is null")
    assert google.token(ADDRESS).encode() not in row["credentials"]


def test_a_token_google_refuses_connects_nothing(
    call: Call, box: Mailbox, queues: Queues, workspace: Workspace, events_of: Events
) -> None:
    secret = f"ya29.{uuid4()}"
    answer = call(handler, "POST", URL, {"address": ADDRESS, "access_token": secret})
    assert (answer.status, answer.json["code"]) == (422, "access_refused")
    assert answer.json["errors"][0]["pointer"] == "/access_token"
    assert secret not in answer.body.decode()
    assert call(handler, "GET", URL).json["items"] == []
    assert (queues.sync.take(), events_of(workspace)) == ([], [])


def test_a_token_of_another_mailbox_connects_nothing(
    call: Call, box: Mailbox, google: Google, queues: Queues
) -> None:
    body = {"address": "ben@acme.example", "access_token": google.token(ADDRESS)}
    answer = call(handler, "POST", URL, body)
    assert (answer.status, answer.json["code"]) == (422, "another_mailbox")
    assert answer.json["errors"][0]["pointer"] == "/address"
    assert call(handler, "GET", URL).json["items"] == []
    assert queues.sync.take() == []


def test_a_mailbox_is_connected_once_a_workspace(
    call: Call,
    connect: Connect,
    google: Google,
    team: Team,
    new_workspace: Callable[[], Workspace],
    events_of: Events,
) -> None:
    first = connect()
    body = {"address": ADDRESS, "access_token": google.token(ADDRESS)}
    for member in (team.owner, team.other):
        answer = call(handler, "POST", URL, body, workspace=member)
        assert (answer.status, answer.json["code"]) == (409, "address_taken")
        assert answer.json["existing_id"] == first["id"]
    assert len(events_of(team.owner)) == 1
    elsewhere = connect(workspace=new_workspace())
    assert elsewhere["id"] != first["id"]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "status", "status": 503}, 503, "provider_unavailable"),
        ({"kind": "reset"}, 503, "provider_unavailable"),
        ({"kind": "truncate"}, 503, "provider_unavailable"),
        ({"kind": "status", "status": 429, "retry_after": 60}, 429, "too_many_requests"),
        ({"kind": "status", "status": 403, "reason": "domainPolicy"}, 422, "access_refused"),
        ({"kind": "status", "status": 401}, 422, "access_refused"),
    ],
)
def test_google_in_trouble_connects_nothing_and_says_so(
    call: Call, box: Mailbox, google: Google, fault: dict[str, Any], status: int, code: str
) -> None:
    set_faults(google, {"path": "profile", **fault})
    token = google.token(ADDRESS)
    answer = call(handler, "POST", URL, {"address": ADDRESS, "access_token": token})
    assert (answer.status, answer.json["code"]) == (status, code)
    assert token not in answer.body.decode()
    assert call(handler, "GET", URL).json["items"] == []


def test_a_google_that_does_not_listen_connects_nothing(
    call: Call, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASTE_GOOGLE_API_URL", "http://127.0.0.1:9")
    answer = call(handler, "POST", URL, {"address": ADDRESS, "access_token": "x"})
    assert (answer.status, answer.json["code"]) == (503, "provider_unavailable")


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 403}, {"status": 429}])
def test_a_watch_that_fails_is_made_good_by_the_schedule(
    call: Call,
    box: Mailbox,
    google: Google,
    queues: Queues,
    mailroom: Mailroom,
    fault: dict[str, Any],
) -> None:
    """The mailbox is connected by then: an error would make the caller connect it twice."""
    set_faults(google, {"kind": "status", "path": "watch", **fault})
    body = {"address": ADDRESS, "access_token": google.token(ADDRESS)}
    answer = call(handler, "POST", URL, body)
    assert (answer.status, injected(google)) == (201, [1])
    assert len(queues.sync.take()) == 1
    calm(google)
    mailroom.run("watch")
    read = call(handler, "GET", f"{URL}/{answer.json['id']}").json
    assert (read["state"], read["watch_expires_at"] is not None) == ("active", True)


def test_a_queue_that_does_not_answer_is_made_good_by_the_schedule(
    call: Call,
    box: Mailbox,
    google: Google,
    mailroom: Mailroom,
    queues: Queues,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("HASTE_QUEUE_EMAIL_SYNC", queues.sync.url + "-none")
        body = {"address": ADDRESS, "access_token": google.token(ADDRESS)}
        assert call(handler, "POST", URL, body).status == 201
    mailroom.run("poll")
    assert [json.loads(body) for body in queues.sync.take()] == [{"address": ADDRESS}]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"access_token": "x"}, "/address"),
        ({"address": ADDRESS}, "/access_token"),
        ({"address": "nobody", "access_token": "x"}, "/address"),
        ({"address": ADDRESS, "access_token": ""}, "/access_token"),
        ({"address": ADDRESS, "access_token": "x" * 4097}, "/access_token"),
        ({"address": ADDRESS, "access_token": "se\u00a0cret"}, "/access_token"),
        ({"address": ADDRESS, "access_token": "secret\r\nHost: evil"}, "/access_token"),
        ({"address": ADDRESS, "access_token": 7}, "/access_token"),
        ({"address": ADDRESS, "access_token": "x", "sharing": "all"}, "/sharing"),
        ({"address": ADDRESS, "access_token": "x", "state": "active"}, "/state"),
        ({"address": ADDRESS, "access_token": "x", "workspace_id": "y"}, "/workspace_id"),
    ],
)
def test_bad_input_is_named_by_a_pointer_and_repeats_no_secret(
    call: Call, box: Mailbox, body: dict[str, Any], pointer: str
) -> None:
    answer = call(handler, "POST", URL, body)
    assert answer.status == 422, answer.json
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert "secret" not in answer.body.decode()


def test_settings_change_under_the_version_that_was_read(call: Call, connect: Connect) -> None:
    mailbox = connect()
    url = f"{URL}/{mailbox['id']}"
    change = {"sharing": "subject", "units_per_minute": 600}
    answer = call(handler, "PATCH", url, change, headers={"If-Match": '"1"'})
    assert (answer.status, answer.headers["etag"]) == (200, '"2"')
    assert (answer.json["sharing"], answer.json["units_per_minute"]) == ("subject", 600)
    stale = call(handler, "PATCH", url, {"sharing": "everything"}, headers={"If-Match": '"1"'})
    assert (stale.status, stale.json["code"]) == (412, "precondition_failed")
    assert call(handler, "PATCH", url, change).status == 428
    odd = call(handler, "PATCH", url, change, headers={"If-Match": "two"})
    assert (odd.status, odd.json["errors"][0]["pointer"]) == (400, "/header/if-match")
    read = call(handler, "GET", url)
    assert (read.json["sharing"], read.json["state"]) == ("subject", "active")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"sharing": "nothing"}, "/sharing"),
        ({"units_per_minute": 59}, "/units_per_minute"),
        ({"units_per_minute": 1_000_001}, "/units_per_minute"),
        ({"address": "ben@acme.example"}, "/address"),
        ({"access_token": "\u00e9"}, "/access_token"),
    ],
)
def test_a_bad_change_is_refused(
    call: Call, connect: Connect, change: dict[str, Any], pointer: str
) -> None:
    answer = call(handler, "PATCH", f"{URL}/{connect()['id']}", change, headers={"If-Match": "*"})
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, pointer)


def test_a_new_token_connects_a_disconnected_mailbox_again(
    call: Call,
    connect: Connect,
    google: Google,
    queues: Queues,
    database: Database,
    workspace: Workspace,
    events_of: Events,
) -> None:
    mailbox = connect()
    url = f"{URL}/{mailbox['id']}"
    database.admin(
        """
        update mailboxes set state = 'disconnected', state_reason = 'authError'
        where id = %(id)s::uuid
        """,
        id=mailbox["id"],
    )
    refused = call(handler, "POST", f"{url}/sync")
    assert (refused.status, refused.json["code"]) == (409, "not_connected")
    assert call(handler, "GET", f"{url}/reconciliation").json["code"] == "not_connected"
    wrong = {"access_token": google.token("ben@acme.example")}
    answer = call(handler, "PATCH", url, wrong, headers={"If-Match": "*"})
    assert (answer.status, answer.json["code"]) == (422, "another_mailbox")
    answer = call(handler, "PATCH", url, {"access_token": "expired"}, headers={"If-Match": "*"})
    assert (answer.status, answer.json["code"]) == (422, "access_refused")
    assert call(handler, "GET", url).json["state"] == "disconnected"
    good = {"access_token": google.token(ADDRESS)}
    answer = call(handler, "PATCH", url, good, headers={"If-Match": "*"})
    assert (answer.status, answer.json["state"]) == (200, "active")
    assert answer.json["state_reason"] is None
    assert len(queues.sync.take()) == 1
    assert [event["type"] for event in events_of(workspace)] == ["MailboxConnected"] * 2


def test_only_its_owner_changes_a_mailbox(
    call: Call, connect: Connect, google: Google, team: Team
) -> None:
    """Otherwise any member could share it with themselves."""
    mailbox = connect()
    url = f"{URL}/{mailbox['id']}"
    for change in ({"sharing": "everything"}, {"access_token": google.token(ADDRESS)}):
        answer = call(
            handler, "PATCH", url, change, headers={"If-Match": "*"}, workspace=team.other
        )
        assert (answer.status, answer.json["code"]) == (403, "not_your_mailbox")
    read = call(handler, "GET", url, workspace=team.other)
    assert (read.json["sharing"], read.json["version"]) == ("metadata", 1)


def test_a_sync_can_be_asked_for_any_number_of_times(
    call: Call, connect: Connect, queues: Queues
) -> None:
    url = f"{URL}/{connect()['id']}/sync"
    assert [call(handler, "POST", url).status for _ in range(2)] == [202, 202]
    assert len(queues.sync.take()) == 2


def test_the_books_balance_and_say_what_became_of_every_mail(
    call: Call, connect: Connect, mailroom: Mailroom, box: Mailbox, google: Google
) -> None:
    mail.insert_many(box, [MAIL] * 3)
    mail.insert(box, MAIL, labels=["SPAM"])
    mailbox = connect()
    url = f"{URL}/{mailbox['id']}/reconciliation"
    before = call(handler, "GET", url).json
    assert (before["listed"], before["ledger"], before["unaccounted"]) == (4, 0, 4)
    assert len(before["unaccounted_ids"]) == 4
    mailroom.settle()
    late = mail.insert(box, MAIL)
    books = call(handler, "GET", url).json
    assert books == {
        "mailbox_id": mailbox["id"],
        "listed": 5,
        "ledger": 4,
        "states": {"skipped": 1, "stored": 3},
        "reasons": {"spam": 1},
        "unaccounted": 1,
        "unaccounted_ids": [late],
        "open": 0,
    }
    mailroom.sync()
    books = call(handler, "GET", url).json
    assert (books["unaccounted"], books["open"], books["states"]["queued"]) == (0, 1, 1)
    mailroom.fetch()
    mail.delete(box, late)
    mailroom.settle()
    books = call(handler, "GET", url).json
    assert (books["listed"], books["ledger"], books["unaccounted"]) == (4, 5, 0)


@pytest.mark.parametrize(
    ("fault", "status"),
    [({"status": 503}, 503), ({"status": 429, "retry_after": 5}, 429), ({"status": 401}, 422)],
)
def test_books_that_google_will_not_open_are_an_error(
    call: Call, connect: Connect, google: Google, fault: dict[str, Any], status: int
) -> None:
    url = f"{URL}/{connect()['id']}/reconciliation"
    set_faults(google, {"kind": "status", "path": "messages", **fault})
    assert call(handler, "GET", url).status == status


def test_unknown_ids_and_methods_are_problems(call: Call, box: Mailbox) -> None:
    url = f"{URL}/{uuid4()}"
    for method, path, body in (
        ("GET", url, None),
        ("PATCH", url, {"sharing": "subject"}),
        ("POST", f"{url}/sync", None),
        ("GET", f"{url}/reconciliation", None),
    ):
        answer = call(handler, method, path, body, headers={"If-Match": "*"})
        assert (answer.status, answer.json["code"]) == (404, "mailbox_not_found"), path
    assert call(handler, "GET", f"{URL}/7").status == 404
    assert call(handler, "DELETE", url).status == 405
    assert call(handler, "GET", URL, anonymous=True).status == 401
    bad = call(handler, "GET", f"{URL}?cursor=x")
    assert (bad.status, bad.json["code"]) == (400, "invalid_cursor")


def test_pages_of_mailboxes_follow_each_other(
    call: Call, connect: Connect, google: Google, box: Mailbox
) -> None:
    names = ("ana", "ben", "cleo")
    made = [
        connect(address=f"{name}@acme.example", access_token=google.token(f"{name}@acme.example"))
        for name in names
    ]
    first = call(handler, "GET", f"{URL}?limit=2").json
    second = call(handler, "GET", f"{URL}?limit=2&cursor={first['next_cursor']}").json
    seen = [one["id"] for one in first["items"] + second["items"]]
    assert seen == [one["id"] for one in made[::-1]]
    assert second["next_cursor"] is None


def test_another_workspace_sees_and_changes_nothing(
    call: Call, connect: Connect, new_workspace: Callable[[], Workspace], queues: Queues
) -> None:
    mailbox = connect()
    stranger = new_workspace()
    url = f"{URL}/{mailbox['id']}"
    for method, path in (
        ("GET", url),
        ("PATCH", url),
        ("POST", f"{url}/sync"),
        ("GET", f"{url}/reconciliation"),
    ):
        body = {"sharing": "everything"} if method == "PATCH" else None
        answer = call(handler, method, path, body, headers={"If-Match": "*"}, workspace=stranger)
        assert answer.status == 404
        assert ADDRESS not in answer.body.decode()
    assert call(handler, "GET", URL, workspace=stranger).json["items"] == []
    assert queues.sync.take() == []
