"""API keys at the authorizer: good ones let in, everything else is exactly "Unauthorized"."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from functions.auth import authorizer, keyring
from functions.auth.api import handler as auth
from functions.auth.keys_api import handler as keys_api
from functions.auth.models.api_keys import KeyText
from functions.contacts.api import handler as contacts
from functions.gateway.api.callers import handler as gateway
from shared.access import access_of
from shared.auth import Caller, caller_of
from shared.db import connection
from shared.ids import uuid7
from shared.testing import Answer, Call, Database, EventsOf, LambdaContext, NewMember, Workspace

ARN = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/api/v1/contacts/7"
GRANTS = ["contacts.read", "contacts.write", "members.read", "-contacts.phone"]
handler: Callable[..., Any] = authorizer.handler


@pytest.fixture(autouse=True)
def _knows_no_key() -> None:
    keyring.forget()


@pytest.fixture
def make(call: Call) -> Callable[..., dict[str, Any]]:
    """Makes a key, then becomes the authorizer."""

    def key(workspace: Workspace | None = None, **fields: Any) -> dict[str, Any]:
        options: dict[str, Any] = {"workspace": workspace} if workspace else {}
        body = {"name": "Export", "grants": GRANTS, **fields}
        answer = call(keys_api, "POST", "/api/v1/keys", body, **options)
        assert answer.status == 201, answer.json
        return answer.json

    return key


@pytest.fixture
def ask(as_role: Callable[[str], None]) -> Callable[..., dict[str, Any]]:
    def asked(text: str, *, source_ip: str = "192.0.2.7") -> dict[str, Any]:
        as_role("crm_auth")
        event = {
            "type": "REQUEST",
            "methodArn": ARN,
            "multiValueHeaders": {"Authorization": [f"Bearer {text}"]},
            "requestContext": {"requestId": "r", "identity": {"sourceIp": source_ip}},
        }
        return handler(event, LambdaContext())

    return asked


Make = Callable[..., dict[str, Any]]
Ask = Callable[..., dict[str, Any]]


def _caller(answer: dict[str, Any]) -> Caller:
    return caller_of({"requestContext": {"authorizer": answer["context"]}})


def _refused(ask: Ask, text: str) -> None:
    with pytest.raises(Exception, match=r"\AUnauthorized\Z"):
        ask(text)


def _later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: now)


def _nowhere(name: str) -> str:
    """The URL of a database that does not answer."""
    return "postgresql://crm_auth@127.0.0.1:1/haste"


def test_a_key_acts_for_its_maker(make: Make, ask: Ask, workspace: Workspace) -> None:
    made = make()
    answer = ask(made["key"])
    [statement] = answer["policyDocument"]["Statement"]
    assert statement["Resource"] == "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/*/*"
    assert all(isinstance(value, str) for value in answer["context"].values())
    caller = _caller(answer)
    assert (caller.workspace_id, caller.user_id) == (workspace.id, workspace.user_id)
    assert (caller.key_id, caller.session_id) == (UUID(made["id"]), None)
    assert caller.actor == f"key:{made['id']}"
    assert caller.access == access_of(" ".join(GRANTS))
    assert caller.rate_limit is None


def test_it_may_do_what_its_makers_role_permits_now(
    make: Make, ask: Ask, database: Database, workspace: Workspace
) -> None:
    key = make()["key"]
    database.admin(
        "update memberships set role = 'viewer' where user_id = %(id)s", id=workspace.user_id
    )
    assert _caller(ask(key)).access == access_of("contacts.read members.read -contacts.phone")
    role = uuid4()
    database.admin(
        """
        insert into roles (workspace_id, id, name, grants)
        values (%(w)s, %(role)s, 'Own', '{contacts.read:own,-contacts.email}')
        """,
        w=workspace.id,
        role=role,
    )
    database.admin(
        "update memberships set role = 'custom', role_id = %(role)s where user_id = %(id)s",
        role=role,
        id=workspace.user_id,
    )
    keyring.forget()
    narrowed = access_of("contacts.read:own -contacts.phone -contacts.email")
    assert _caller(ask(key)).access == narrowed


def test_a_revoked_key_is_refused_within_25_seconds(
    make: Make, ask: Ask, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make()
    assert ask(made["key"])
    assert call(keys_api, "DELETE", f"/api/v1/keys/{made['id']}").status == 204
    _later(monkeypatch, 24)
    assert ask(made["key"])  # API Gateway adds 30 s: below a minute
    _later(monkeypatch, 2)
    _refused(ask, made["key"])


def test_a_key_of_who_is_no_member_any_more_is_refused(
    make: Make, ask: Ask, database: Database, workspace: Workspace, new_member: NewMember
) -> None:
    them = new_member(workspace, "admin")
    key = make(them)["key"]
    assert ask(key)
    database.admin(
        "update memberships set ended_at = now() where user_id = %(id)s", id=them.user_id
    )
    keyring.forget()
    _refused(ask, key)
    database.admin(
        "update memberships set ended_at = null, rejoined_at = now() where user_id = %(id)s",
        id=them.user_id,
    )
    _refused(ask, key)
    assert ask(make(them)["key"]), "but one made since"


def test_a_key_that_expires_is_refused_to_the_second(
    make: Make, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make(expires_at=(datetime.now(UTC) + timedelta(seconds=20)).isoformat())["key"]
    assert ask(key)
    _later(monkeypatch, 21)
    _refused(ask, key)


def test_an_expired_key_is_refused(make: Make, ask: Ask, database: Database) -> None:
    made = make()
    database.admin(
        "update api_keys set expires_at = now() - interval '1 second' where id = %(id)s",
        id=made["id"],
    )
    _refused(ask, made["key"])


def test_every_other_key_is_refused_alike(
    make: Make, ask: Ask, workspace: Workspace, new_workspace: Callable[[], Workspace]
) -> None:
    """Of another secret, another workspace, another key of the same workspace, of none there is."""
    ours, theirs = (KeyText.read(make(of)["key"]) for of in (workspace, new_workspace()))
    second = KeyText.read(make()["key"])
    for wrong in (
        KeyText(ours.workspace_id, ours.id, second.secret),
        KeyText(ours.workspace_id, second.id, ours.secret),
        KeyText(theirs.workspace_id, ours.id, ours.secret),
        KeyText(ours.workspace_id, theirs.id, theirs.secret),
        KeyText(ours.workspace_id, uuid7(), ours.secret),
        KeyText(uuid7(), ours.id, ours.secret),
    ):
        _refused(ask, wrong.text)
    for right in (ours, theirs, second):
        assert ask(right.text)


@pytest.mark.parametrize(
    "text",
    ["haste_", "haste_x", "haste_" + "0" * 32, "haste_\u0000", "haste_é\ud800", "haste_ _", "haste_"
     + "_".join(["0" * 32, "0" * 32, "0" * 49]), "haste_" + "a" * 100_000],
    ids=range(8),
)  # fmt: skip
def test_what_is_no_key_is_refused_without_asking(
    as_role: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Nor does one of a wrong checksum: the database does not answer here."""
    connection.close()
    monkeypatch.setattr(connection, "setting", _nowhere)
    _refused(ask, text)


def test_a_known_key_is_read_every_25_seconds_and_nobody_gets_in_unread(
    make: Make, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make()["key"]
    assert ask(key)
    connection.close()
    monkeypatch.setattr(connection, "setting", _nowhere)
    _later(monkeypatch, 24)
    assert ask(key)
    _later(monkeypatch, 2)
    with pytest.raises(psycopg.OperationalError):
        ask(key)


def test_a_clock_that_was_put_back_does_not_keep_a_key(
    make: Make, ask: Ask, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make()
    assert ask(made["key"])
    call(keys_api, "DELETE", f"/api/v1/keys/{made['id']}")
    _later(monkeypatch, -60)
    _refused(ask, made["key"])


def test_what_is_remembered_does_not_tell_the_key(
    make: Make, ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make()
    assert ask(made["key"])
    _refused(ask, made["key"] + "x")
    secret = made["key"].removeprefix(made["prefix"])[:43]
    printed = capsys.readouterr()
    kept: Any = keyring._known  # pyright: ignore[reportPrivateUsage]
    assert secret not in repr(kept) + printed.out + printed.err


@pytest.fixture
def used(database: Database) -> Callable[[str], tuple[datetime | None, str | None]]:
    def read(key_id: str) -> tuple[datetime | None, str | None]:
        query = "select last_used_at, last_used_from from api_keys where id = %(id)s"
        [row] = database.admin(query, id=key_id)
        return row["last_used_at"], row["last_used_from"]

    return read


def test_the_last_use_is_noted_once_a_minute(
    make: Make, ask: Ask, database: Database, used: Callable[[str], tuple[datetime | None, str]]
) -> None:
    made = make()
    assert used(made["id"]) == (None, None)
    ask(made["key"], source_ip="192.0.2.7")
    first = used(made["id"])
    assert first[1] == "192.0.2.7"
    keyring.forget()
    ask(made["key"], source_ip="198.51.100.9")
    assert used(made["id"]) == first
    database.admin(
        "update api_keys set last_used_at = last_used_at - interval '61 s' where id = %(id)s",
        id=made["id"],
    )
    keyring.forget()
    ask(made["key"], source_ip="198.51.100.9")
    assert used(made["id"])[1] == "198.51.100.9"


def test_a_wrong_secret_is_no_use(make: Make, ask: Ask, used: Callable[[str], Any]) -> None:
    made = KeyText.read(make()["key"])
    other = KeyText(made.workspace_id, made.id, KeyText.new(made.workspace_id, made.id).secret)
    _refused(ask, other.text)
    assert used(str(made.id)) == (None, None)


def test_nobody_waits_for_who_changes_the_key(
    make: Make, ask: Ask, database: Database, used: Callable[[str], Any]
) -> None:
    made = make()
    with psycopg.connect(database.server.url(database=database.name)) as other:
        other.execute("select 1 from api_keys where id = %s for update", (made["id"],))
        other.execute("select set_config('lock_timeout', '1s', false)")
        assert ask(made["key"])
        assert used(made["id"]) == (None, None)


def test_what_a_key_did_is_told_of_the_key(
    make: Make, ask: Ask, call: Call, events_of: EventsOf, workspace: Workspace
) -> None:
    made = make()
    by_key = _as(ask(made["key"]))
    answer = call(by_key(contacts), "POST", "/api/v1/contacts", {"name": "Ada"})
    assert answer.status == 201
    assert events_of(workspace)[-1]["payload"]["actor"] == f"key:{made['id']}"
    refused = call(by_key(contacts), "DELETE", answer.headers["location"])
    assert (refused.status, refused.json["code"]) == (403, "not_permitted")


def _as(answer: dict[str, Any]) -> Callable[[Any], Any]:
    """A handler as whoever the authorizer let in asks it."""

    def by(handler: Any) -> Any:
        def ask(event: dict[str, Any], context: Any) -> Any:
            event["requestContext"]["authorizer"] = answer["context"]
            return handler(event, context)

        return ask

    return by


def test_what_members_change_about_themselves_is_not_for_keys(
    make: Make, ask: Ask, call: Call
) -> None:
    by_key = _as(ask(make()["key"]))
    refused = call(by_key(auth), "DELETE", "/api/v1/sessions", role="crm_auth")
    assert (refused.status, refused.json["code"]) == (403, "not_for_keys")
    assert call(by_key(gateway), "GET", "/api/v1/fields").status == 200


@pytest.fixture
def counting(valkey: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASTE_CACHE_URL", valkey.url)
    monkeypatch.setenv("HASTE_RATE_LIMITS", "caller-read=40/10 caller-write=30/10")


@pytest.mark.usefixtures("counting")
def test_a_key_may_have_a_limit_of_its_own(make: Make, ask: Ask, call: Call) -> None:
    slow, other = (_as(ask(make(rate_limit_per_s=rate)["key"])) for rate in (1, 1000))
    answers: list[Answer] = []
    while not answers or answers[-1].status == 200:
        answers.append(call(slow(contacts), "GET", "/api/v1/contacts"))
        assert '"caller-read";q=10;w=10' in answers[-1].headers["ratelimit-policy"]
    assert answers[-1].status == 429
    assert len(answers) >= 11
    faster = call(other(contacts), "GET", "/api/v1/contacts")
    assert faster.status == 200, "each key has its own"
    assert '"caller-read";q=40;w=10' in faster.headers["ratelimit-policy"], "never more than all"
    assert call(contacts, "GET", "/api/v1/contacts").status == 200, "nor its maker's"
