"""`Idempotency-Key` through a real handler: what is answered again, what is asked anew, what is
refused. At once and with crashes in between: `test_idempotency_at_once.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString, cast

import psycopg
import pytest

from functions.auth.api import handler as auth
from functions.contacts.api import handler
from functions.contacts.tests.scenes import make_contact
from shared import encryption
from shared.access import needs
from shared.db import Tx
from shared.http import (
    LateTransaction,
    RequestName,
    Transaction,
    create_app,
    http_handler,
    unrepeatable,
)
from shared.testing import (
    Answer,
    Call,
    Database,
    EventsOf,
    NewMember,
    NewWorkspace,
    Workspace,
)

URL = "/api/v1/contacts"
_TAUGHT = needs("contacts.write")
KEY = {"Idempotency-Key": "4f6d3f1e-first"}


@pytest.fixture(autouse=True)
def _cold_start() -> None:
    encryption.forget_keys()


Kept = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def kept(database: Database, workspace: Workspace) -> Kept:
    """The answers stored for the workspace."""

    def read() -> list[dict[str, Any]]:
        return database.admin(
            "select request, response, created_at from idempotency_keys where workspace_id = %(w)s",
            w=workspace.id,
        )

    return read


@pytest.fixture
def names(call: Call) -> Callable[[], list[str]]:
    """The names of the workspace's contacts, oldest first."""
    return lambda: [one["name"] for one in call(handler, "GET", URL).json["items"]][::-1]


Names = Callable[[], list[str]]


def _create(call: Call, key: str | None = None, **fields: Any) -> Answer:
    headers = {"Idempotency-Key": key} if key is not None else KEY
    return call(handler, "POST", URL, {"name": "Ada", **fields}, headers=headers)


def _same(first: Answer, again: Answer) -> None:
    """The second answer repeats the first, and says so."""
    assert (again.status, again.body) == (first.status, first.body)
    for header in ("etag", "location", "content-type"):
        assert again.headers.get(header) == first.headers.get(header)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"


def test_a_repeated_request_is_answered_as_it_was_and_done_once(
    call: Call, names: Names, workspace: Workspace, events_of: EventsOf, kept: Kept
) -> None:
    first = _create(call, email="ada@example.com", phone="+12025550147", tags=["Zürich", "日本"])
    assert (first.status, first.headers["etag"]) == (201, '"1"')
    for _ in range(3):
        _same(
            first,
            _create(call, email="ada@example.com", phone="+12025550147", tags=["Zürich", "日本"]),
        )
    assert names() == ["Ada"]
    assert [event["type"] for event in events_of(workspace)] == ["ContactCreated"]
    [row] = kept()
    assert b"ada@example" not in row["response"]


def test_it_is_answered_as_it_was_though_the_record_has_changed_since(
    call: Call, names: Names
) -> None:
    first = _create(call)
    url = first.headers["location"]
    changed = call(handler, "PATCH", url, {"name": "Bea"}, headers={"If-Match": '"1"'})
    assert changed.status == 200
    _same(first, _create(call))
    assert names() == ["Bea"]


def test_a_change_and_a_deletion_are_repeated_too(
    call: Call, workspace: Workspace, events_of: EventsOf
) -> None:
    url = f"{URL}/{make_contact(call)['id']}"
    change = {"headers": {**KEY, "If-Match": '"1"'}}
    first = call(handler, "PATCH", url, {"name": "Bea"}, **change)
    assert (first.status, first.headers["etag"]) == (200, '"2"')
    _same(first, call(handler, "PATCH", url, {"name": "Bea"}, **change))
    newer = {"headers": {**KEY, "If-Match": '"2"'}}
    _same(first, call(handler, "PATCH", url, {"name": "Bea"}, **newer))
    gone = call(handler, "DELETE", url, headers=KEY)
    assert (gone.status, gone.body) == (204, b"")
    _same(gone, call(handler, "DELETE", url, headers=KEY))
    assert call(handler, "DELETE", url).status == 404
    types = [event["type"] for event in events_of(workspace)]
    assert types == ["ContactCreated", "ContactChanged", "ContactDeleted"]


def test_the_same_key_with_another_body_is_refused(call: Call, names: Names) -> None:
    _create(call)
    for url, body in (
        (URL, {"name": "Bea"}),
        (URL, {}),
        (URL, None),
    ):
        answer = call(handler, "POST", url, body, headers=KEY)
        assert (answer.status, answer.json["code"]) == (422, "key_reused")
        assert answer.json["errors"][0]["pointer"] == "/header/idempotency-key"
    assert names() == ["Ada"]


def test_the_same_key_with_another_query_is_refused(call: Call, names: Names) -> None:
    body = {"name": "Ada", "email": "ada@engine.example"}
    for query, status in (("match=email", 201), ("match=email&match=email", 422)):
        answer = call(handler, "PUT", f"{URL}?{query}", body, headers=KEY)
        assert answer.status == status
    assert answer.json["code"] == "key_reused"
    assert names() == ["Ada"]


def test_the_same_key_means_another_request_elsewhere(
    call: Call,
    names: Names,
    workspace: Workspace,
    new_workspace: NewWorkspace,
    new_member: NewMember,
) -> None:
    """In another workspace, by another user, to another route, with another method."""
    first = _create(call)
    for caller in (new_workspace(), new_member(workspace)):
        answer = call(handler, "POST", URL, {"name": "Ada"}, headers=KEY, workspace=caller)
        assert answer.status == 201
        assert answer.json["id"] != first.json["id"]
    assert names() == ["Ada", "Ada"]
    url = first.headers["location"]
    other = f"{URL}/{make_contact(call, name='Bea')['id']}"
    for method, path in (("DELETE", url), ("DELETE", other)):
        assert call(handler, method, path, {"name": "Ada"}, headers=KEY).status == 204


def test_another_session_of_the_same_person_is_the_same_caller(
    call: Call, workspace: Workspace
) -> None:
    again = Workspace(workspace.id, workspace.user_id)
    assert again.session_id != workspace.session_id
    _same(_create(call), call(handler, "POST", URL, {"name": "Ada"}, headers=KEY, workspace=again))


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "k\u00e9y", "tab\t", "a, b", "\x7f"])
def test_a_key_that_is_no_key_is_refused(call: Call, key: str, names: Names) -> None:
    answer = _create(call, key)
    assert (answer.status, answer.json["code"]) == (400, "invalid_idempotency_key")
    assert answer.json["errors"][0]["pointer"] == "/header/idempotency-key"
    assert names() == []


@pytest.mark.parametrize("key", ["k", "x" * 255, "".join(map(chr, range(33, 127))), '"8e03978e"'])
def test_any_visible_ascii_is_a_key(call: Call, key: str) -> None:
    _same(_create(call, key), _create(call, key))


def test_strangers_are_turned_away_before_their_key_is_looked_at(call: Call) -> None:
    for key in ("good", "no good"):
        answer = call(
            handler, "POST", URL, {"name": "A"}, headers={"Idempotency-Key": key}, anonymous=True
        )
        assert answer.status == 401


def test_reading_takes_no_notice_of_a_key(call: Call, kept: Kept) -> None:
    headers = {"Idempotency-Key": "no key at all"}
    assert call(handler, "GET", URL, headers=headers).status == 200
    assert kept() == []


def test_without_a_key_nothing_is_kept_and_no_key_service_asked(
    call: Call, kept: Kept, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HASTE_KMS_KEY")
    assert [make_contact(call)["version"] for _ in range(2)] == [1, 1]
    assert kept() == []
    assert _create(call).status == 500, "with a key, the answer could not be kept"
    assert names() == ["Ada Lovelace"] * 2


def test_requests_that_fail_are_not_remembered(call: Call, kept: Kept, names: Names) -> None:
    """Their transaction is rolled back: asking again is harmless, and may go better."""
    assert _create(call, name="").status == 422
    assert call(handler, "POST", URL, b"{", headers=KEY).status == 400
    taken = make_contact(call, email="ada@example.com")
    refused = _create(call, email="ada@example.com")
    assert (refused.status, refused.json["existing_id"]) == (409, taken["id"])
    url = f"{URL}/{taken['id']}"
    stale = call(handler, "PATCH", url, {"name": "B"}, headers={**KEY, "If-Match": '"7"'})
    assert stale.status == 412
    assert call(handler, "DELETE", f"{URL}/7", headers=KEY).status == 404
    assert kept() == []
    assert call(handler, "DELETE", url).status == 204
    first = _create(call, email="ada@example.com")
    assert first.status == 201
    _same(first, _create(call, email="ada@example.com"))
    assert names() == ["Ada"]


def test_a_commit_that_fails_keeps_neither_effect_nor_answer(
    call: Call, kept: Kept, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Tx) -> None:
        raise ConnectionError("the commit was lost")

    with monkeypatch.context() as broken:
        broken.setattr(Tx, "_append_events", refuse)
        assert _create(call).status == 500
    assert (kept(), names()) == ([], [])
    assert _create(call).status == 201
    assert names() == ["Ada"]


def test_an_answer_lives_a_day(
    call: Call, database: Database, workspace: Workspace, kept: Kept, names: Names
) -> None:
    def age(hours: str) -> None:
        database.admin(
            "update idempotency_keys set created_at = now() - %(age)s::interval"
            " where workspace_id = %(w)s",
            age=hours,
            w=workspace.id,
        )

    first = _create(call)
    age("23:59:00")
    _same(first, _create(call))
    age("24:00:01")
    second = call(handler, "POST", URL, {"name": "Bea"}, headers=KEY)
    assert (second.status, second.headers.get("idempotency-replayed")) == (201, None)
    _same(second, call(handler, "POST", URL, {"name": "Bea"}, headers=KEY))
    assert (names(), len(kept())) == (["Ada", "Bea"], 1)


@pytest.mark.parametrize(
    "damage",
    [
        "set_byte(response, length(response) - 1, get_byte(response, length(response) - 1) # 1)",
        "set_byte(response, 0, 9)",
        "substr(response, 1, 20)",
        "''::bytea",
    ],
)
def test_a_damaged_answer_is_no_answer_and_nothing_is_done_again(
    call: Call, database: Database, workspace: Workspace, names: Names, damage: str
) -> None:
    _create(call)
    change = "update idempotency_keys set response = damaged where workspace_id = %(w)s"
    database.admin(cast("LiteralString", change.replace("damaged", damage)), w=workspace.id)
    answer = _create(call)
    assert (answer.status, answer.json["code"]) == (500, "haste_error")
    assert names() == ["Ada"]


def test_an_answer_moved_to_another_request_is_no_answer(
    call: Call, database: Database, workspace: Workspace, kept: Kept
) -> None:
    _create(call, "one")
    [one] = kept()
    _create(call, "two", phone="+12025550147")
    database.admin(
        "update idempotency_keys set response = %(theirs)s"
        " where workspace_id = %(w)s and request <> %(one)s",
        theirs=one["response"],
        one=one["request"],
        w=workspace.id,
    )
    assert _create(call, "two", phone="+12025550147").status == 500
    assert _create(call, "one").status == 201


@pytest.fixture
def held(database: Database, workspace: Workspace, kept: Kept) -> Iterator[Callable[[], None]]:
    """Hold the workspace's one request as another attempt at it would; what lets it go."""
    with psycopg.connect(database.url("crm_app")) as other:
        other.execute("select app.begin_request(%s, null)", (workspace.id,))

        def hold() -> None:
            [row] = kept()
            other.execute("select app.claim_request(%s)", (row["request"],))

        yield hold


def test_an_attempt_beside_another_is_told_to_come_back(
    call: Call, held: Callable[[], None], names: Names
) -> None:
    _create(call)
    held()
    answer = _create(call)
    assert (answer.status, answer.json["code"]) == (409, "still_running")
    assert answer.headers["retry-after"] == "1"
    assert _create(call, "another").status == 201
    assert names() == ["Ada", "Ada"]


_WAITING_CLAIM = """
    with waited as materialized (select pg_advisory_xact_lock(42) as turn)
    select c.free, c.response
    from waited, lateral app.claim_request(case when turn is null then null else %s end) c
"""


def test_an_answer_committed_a_moment_before_the_lock_is_got_is_seen(
    database: Database, workspace: Workspace
) -> None:
    """Though the statement that asks for it began before that: it waits for its turn meanwhile."""
    request = bytes(range(32))
    with (
        psycopg.connect(database.url("crm_app")) as one,
        psycopg.connect(database.url("crm_app")) as two,
        ThreadPoolExecutor(1) as beside,
    ):
        for connection in (one, two):
            connection.execute("select app.begin_request(%s, null)", (workspace.id,))
        claim = "select free, response from app.claim_request(%s)"
        assert one.execute(claim, (request,)).fetchone() == (True, None)
        assert two.execute(claim, (request,)).fetchone() == (False, None)
        one.execute("select pg_advisory_xact_lock(42)")
        asked = beside.submit(two.execute, _WAITING_CLAIM, (request,))
        waiting = (
            "select 1 from pg_locks where locktype = 'advisory' and objid = 42 and not granted"
        )
        while not database.admin(waiting):
            assert not asked.done()
        one.execute(
            "insert into idempotency_keys (workspace_id, request, response) values (%s, %s, %s)",
            (workspace.id, request, b"answer"),
        )
        one.commit()
        assert asked.result(timeout=60).fetchone() == (True, b"answer")


def test_what_has_nobody_or_holds_a_secret_takes_no_key(call: Call) -> None:
    sign_in = {"email": "ada@example.com", "password": "correct horse battery"}
    for path in ("sign-in", "sign-up"):
        answer = call(auth, "POST", f"/api/v1/auth/{path}", sign_in, headers=KEY, role="crm_auth")
        assert (answer.status, answer.json["code"]) == (400, "unrepeatable")
        assert "nobody is known" in answer.json["errors"][0]["detail"]


def test_a_change_outside_a_transaction_is_refused_where_it_is_written() -> None:
    app = create_app("Parrots")

    async def say() -> None: ...

    for method in (app.post, app.put, app.patch, app.delete):
        with pytest.raises(TypeError, match="take a transaction, or say why"):
            method("/parrots", openapi_extra=_TAUGHT)(say)
        method(
            "/parrots", openapi_extra=_TAUGHT | unrepeatable("parrots repeat everything anyway")
        )(say)


def _vendor_app(said: list[str], refusals: list[str]) -> Callable[..., Any]:
    """An app whose routes speak to a parrot: one before its transaction, one without any."""
    app = create_app("Parrots")

    def speak(word: str) -> None:
        if refusals:
            raise ConnectionError(refusals.pop())
        said.append(word)

    @app.post("/api/v1/parrots", openapi_extra=_TAUGHT)
    async def teach(begin: LateTransaction) -> dict[str, str]:
        speak("before")
        begin().run(
            "insert into contacts (workspace_id, id, name)"
            " values (%(workspace_id)s, gen_random_uuid(), 'Polly')"
        )
        return {"taught": "Polly"}

    @app.post("/api/v1/parrots/ask", status_code=202, openapi_extra=_TAUGHT)
    async def ask(_begin: LateTransaction, name: RequestName) -> None:
        speak(name)

    @app.post("/api/v1/parrots/name", status_code=202, openapi_extra=_TAUGHT)
    async def name(_tx: Transaction, name: RequestName) -> str:
        return name

    return http_handler(app)


def test_who_was_answered_before_the_vendor_is_asked_asks_it_no_more(
    call: Call, names: Names
) -> None:
    said: list[str] = []
    refusals = ["the parrot sleeps"]
    parrots = _vendor_app(said, refusals)
    assert call(parrots, "POST", "/api/v1/parrots", headers=KEY).status == 500
    assert names() == []
    first = call(parrots, "POST", "/api/v1/parrots", headers=KEY)
    refusals.append("the parrot is asked no more")
    _same(first, call(parrots, "POST", "/api/v1/parrots", headers=KEY))
    assert (said, names()) == (["before"], ["Polly"])
    refusals.clear()
    assert call(parrots, "POST", "/api/v1/parrots").status == 200
    assert names() == ["Polly", "Polly"]


def test_an_effect_at_the_vendor_alone_is_answered_from_the_store_too(
    call: Call, kept: Kept
) -> None:
    said: list[str] = []
    parrots = _vendor_app(said, [])
    url = "/api/v1/parrots/ask"
    first = call(parrots, "POST", url, headers=KEY)
    _same(first, call(parrots, "POST", url, headers=KEY))
    assert (len(said), len(kept())) == (1, 1)
    for _ in range(2):
        assert call(parrots, "POST", url).status == 202
    assert len(set(said)) == 3, "each request without a key is one of its own"


def test_every_attempt_with_a_key_has_the_same_name(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "/api/v1/parrots/name"
    parrots = _vendor_app([], [])

    def lose(self: Tx) -> None:
        raise ConnectionError("lost")

    with monkeypatch.context() as broken:
        broken.setattr(Tx, "_append_events", lose)
        assert call(parrots, "POST", url, headers=KEY).status == 500
    said = [call(parrots, "POST", url, headers=KEY).json for _ in range(2)]
    assert said[0] == said[1]
    assert call(parrots, "POST", url).json != said[0]
