"""Making, listing, renaming and revoking API keys."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zlib import crc32

import pytest
from psycopg.errors import InsufficientPrivilege

from functions.auth.keys_api import handler
from functions.auth.models.api_keys import MOST_KEYS, InvalidKey, KeyText, NewKey
from functions.auth.store import api_keys as store
from shared.access import ROLES, Access, access_of
from shared.ids import uuid7
from shared.testing import (
    Answer,
    Call,
    Database,
    EventsOf,
    NewMember,
    NewWorkspace,
    Workspace,
    read_all,
)

URL = "/api/v1/keys"
NEW: dict[str, Any] = {"name": "Nightly export", "grants": ["contacts.read"]}
MEMBER = ROLES["member"]


def _make(call: Call, **fields: Any) -> dict[str, Any]:
    options = {name: fields.pop(name) for name in ("workspace", "access") if name in fields}
    answer = call(handler, "POST", URL, NEW | fields, **options)
    assert answer.status == 201, answer.json
    return answer.json


def _code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


def test_a_key_is_shown_once(call: Call, workspace: Workspace, database: Database) -> None:
    answer = call(handler, "POST", URL, NEW)
    made = answer.json
    assert re.fullmatch(r"haste_[0-9a-f]{32}_[0-9a-f]{32}_[0-9A-Za-z]{49}", made["key"])
    assert made["key"].startswith(made["prefix"])
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["etag"] == '"1"'
    shown = call(handler, "GET", answer.headers["location"])
    assert shown.json == {name: value for name, value in made.items() if name != "key"}
    assert shown.json["user_id"] == str(workspace.user_id)
    assert shown.json["grants"] == ["contacts.read"]
    assert shown.headers["etag"] == '"1"'
    secret = made["key"].removeprefix(made["prefix"])[:43]
    [row] = database.admin(
        "select to_jsonb(k)::text as row from api_keys k where id = %(id)s", id=made["id"]
    )
    assert secret not in row["row"]


def test_what_events_and_the_audit_log_tell_holds_no_secret(
    call: Call, workspace: Workspace, events_of: EventsOf, database: Database
) -> None:
    made = _make(call, expires_at="2100-01-01T00:00:00Z", rate_limit_per_s=5)
    url = f"{URL}/{made['id']}"
    assert call(handler, "PATCH", url, {"name": "Weekly"}, headers={"If-Match": "*"}).status == 200
    assert call(handler, "DELETE", url).status == 204
    told = events_of(workspace)
    assert [one["type"] for one in told] == ["ApiKeyCreated", "ApiKeyChanged", "ApiKeyRevoked"]
    assert [one["payload"]["aggregate_version"] for one in told] == [1, 2, 3]
    assert [one["payload"]["name"] for one in told] == ["Nightly export", "Weekly", "Weekly"]
    assert told[0]["payload"]["grants"] == ["contacts.read"]
    rows = database.admin(
        "select to_jsonb(a)::text as row from audit_log a where object_id = %(id)s", id=made["id"]
    )
    assert len(rows) == 3
    digest = KeyText.read(made["key"]).hash.hex()
    said = repr(told) + repr(rows)
    assert made["key"].removeprefix(made["prefix"])[:20] not in said
    assert digest not in said


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"grants": []}, "/grants"),
        ({"grants": ["-contacts.phone"]}, "/grants"),
        ({"grants": ["contacts.read", "parrots.read"]}, "/grants/1"),
        ({"grants": ["contacts.read:mine"]}, "/grants/0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-23:59"}, "/expires_at"),
        ({"expires_at": "2100-01-01T00:00:00"}, "/expires_at"),
        ({"rate_limit_per_s": 0}, "/rate_limit_per_s"),
        ({"rate_limit_per_s": 1001}, "/rate_limit_per_s"),
        ({"hash": "x"}, "/hash"),
    ],
)
def test_what_makes_no_key_is_said(call: Call, fields: dict[str, Any], pointer: str) -> None:
    answer = call(handler, "POST", URL, NEW | fields)
    assert answer.status == 422
    assert [one["pointer"] for one in answer.json["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("maker", "grants", "wrong"),
    [
        ("contacts.read keys.write", ["contacts.read", "contacts.write"], ["/grants/1"]),
        ("contacts.read:own keys.write", ["contacts.read"], ["/grants/0"]),
        ("contacts.read:own keys.write", ["contacts.read:team"], ["/grants/0"]),
        ("contacts.read:team keys.write", ["contacts.read:own"], []),
        ("contacts.read keys.write", ["contacts.read:team", "-contacts.phone"], []),
    ],
)
def test_a_key_permits_no_more_than_its_maker_may(
    call: Call, maker: str, grants: list[str], wrong: list[str]
) -> None:
    answer = call(handler, "POST", URL, NEW | {"grants": grants}, access=access_of(maker))
    if wrong:
        assert _code(answer) == (422, "grants_exceeded")
        assert [one["pointer"] for one in answer.json["errors"]] == wrong
    else:
        assert answer.json["grants"] == grants


def test_what_is_hidden_from_its_maker_is_hidden_from_the_key(call: Call) -> None:
    access = access_of("contacts.read keys.write -contacts.phone")
    assert _make(call, access=access)["grants"] == ["contacts.read", "-contacts.phone"]


def test_members_see_and_change_their_own_alone(
    call: Call, workspace: Workspace, new_member: NewMember
) -> None:
    mine, them = _make(call), new_member(workspace)
    as_them: dict[str, Any] = {"workspace": them, "access": MEMBER}
    theirs = _make(call, **as_them)
    assert [one["id"] for one in read_all(call, handler, f"{URL}?limit=1")] == [mine["id"]]
    listed = call(handler, "GET", URL, **as_them).json["items"]
    assert [one["id"] for one in listed] == [theirs["id"]]
    everybody = call(handler, "GET", f"{URL}?whose=everybody", **as_them)
    assert _code(everybody) == (403, "not_permitted")
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        url = f"{URL}/{mine['id']}"
        answer = call(handler, method, url, body, headers={"If-Match": "*"}, **as_them)
        assert _code(answer) == (404, "key_not_found")
    assert call(handler, "GET", f"{URL}/{mine['id']}").json["version"] == 1


def test_who_may_sees_and_revokes_everybodys(
    call: Call, workspace: Workspace, new_member: NewMember, new_workspace: NewWorkspace
) -> None:
    theirs = _make(call, workspace=new_member(workspace), access=MEMBER)
    _make(call, workspace=new_workspace())
    mine = _make(call)
    listed = read_all(call, handler, f"{URL}?limit=1&whose=everybody")
    assert [one["id"] for one in listed] == [mine["id"], theirs["id"]]
    assert call(handler, "DELETE", f"{URL}/{theirs['id']}").status == 204
    assert [one["id"] for one in read_all(call, handler, f"{URL}?limit=9&whose=everybody")] == [
        mine["id"]
    ]
    revoked = read_all(call, handler, f"{URL}?limit=9&whose=everybody&revoked=true")
    assert [one["id"] for one in revoked] == [theirs["id"]]


def test_revoking_is_for_good(call: Call, workspace: Workspace, events_of: EventsOf) -> None:
    url = f"{URL}/{_make(call)['id']}"
    assert [call(handler, "DELETE", url).status for _ in range(2)] == [204, 204]
    assert [one["type"] for one in events_of(workspace)] == ["ApiKeyCreated", "ApiKeyRevoked"]
    assert call(handler, "GET", url).json["revoked_at"] is not None
    renamed = call(handler, "PATCH", url, {"name": "x"}, headers={"If-Match": "*"})
    assert _code(renamed) == (409, "key_revoked")
    assert call(handler, "DELETE", f"{URL}/{uuid4()}").status == 404


def test_a_name_is_changed_from_what_was_read(call: Call) -> None:
    url = f"{URL}/{_make(call)['id']}"
    assert call(handler, "PATCH", url, {"name": "x"}).status == 428
    first = call(handler, "PATCH", url, {"name": "x"}, headers={"If-Match": '"1"'})
    assert (first.json["name"], first.headers["etag"]) == ("x", '"2"')
    again = call(handler, "PATCH", url, {"name": "y"}, headers={"If-Match": '"1"'})
    assert again.status == 412
    same = call(handler, "PATCH", url, {"name": "x"}, headers={"If-Match": '"2"'})
    assert same.headers["etag"] == '"2"'
    more = call(handler, "PATCH", url, {"grants": ["keys.settings"]}, headers={"If-Match": "*"})
    assert more.status == 422


def test_a_member_has_so_many_keys(call: Call, workspace: Workspace, database: Database) -> None:
    made = _make(call)
    database.admin(
        """
        insert into api_keys (workspace_id, id, user_id, name, hash, grants)
        select workspace_id, gen_random_uuid(), user_id, name, hash, grants
        from api_keys, generate_series(2, %(most)s) where id = %(id)s
        """,
        most=MOST_KEYS,
        id=made["id"],
    )
    assert _code(call(handler, "POST", URL, NEW)) == (409, "too_many_keys")
    call(handler, "DELETE", f"{URL}/{made['id']}")
    _make(call)


def test_a_key_makes_no_key(call: Call, workspace: Workspace, database: Database) -> None:
    def by_key(event: dict[str, Any], context: Any) -> Any:
        event["requestContext"]["authorizer"]["key_id"] = str(uuid4())
        del event["requestContext"]["authorizer"]["session_id"]
        return handler(event, context)

    assert _code(call(by_key, "POST", URL, NEW)) == (403, "not_for_keys")
    assert database.admin("select 1 from api_keys where workspace_id = %(w)s", w=workspace.id) == []
    url = f"{URL}/{_make(call)['id']}"
    assert call(by_key, "DELETE", url).status == 204, "but it may end one, itself as well"


def test_the_database_lets_no_key_make_one_either(tx: Any, workspace: Workspace) -> None:
    new, access = NewKey(name="x", grants=("contacts.read",)), Access({"contacts.read": "all"})
    with (
        pytest.raises(InsufficientPrivilege, match="row-level security"),
        tx.savepoint(),
        tx.acting_as(f"key:{uuid4()}"),
    ):
        store.insert_key(tx, uuid7(), new, access, bytes(32), most=1)
    assert store.insert_key(tx, uuid7(), new, access, bytes(32), most=1)


@pytest.mark.parametrize(
    "statement",
    [
        "select hash from api_keys",
        "update api_keys set hash = sha256('mine')",
        "update api_keys set grants = '{keys.settings}'",
        "update api_keys set user_id = user_id",
        "update api_keys set expires_at = null",
        "delete from api_keys",
    ],
)
def test_what_answers_people_reads_no_hash_and_widens_no_key(tx: Any, statement: Any) -> None:
    with pytest.raises(InsufficientPrivilege, match="permission denied"), tx.savepoint():
        tx.run(statement)


def test_the_text_of_a_key_is_what_it_was_made_of() -> None:
    made = KeyText.new(uuid7(), uuid7())
    assert KeyText.read(made.text) == made
    assert made.secret.get_secret_value() not in repr(made)
    assert len(made.hash) == 32
    assert KeyText.new(made.workspace_id, made.id).hash != made.hash


def test_a_text_with_any_other_character_is_none() -> None:
    text = KeyText.new(uuid7(), uuid7()).text
    for place, character in enumerate(text):
        other = text[:place] + ("b" if character == "a" else "a") + text[place + 1 :]
        with pytest.raises(InvalidKey):
            KeyText.read(other)
    for wrong in (text + "a", text[:-1], text.upper(), f" {text}", text + "\n", "", "haste_"):
        with pytest.raises(InvalidKey):
            KeyText.read(wrong)


def test_the_checksum_is_what_scanners_compute() -> None:
    """CRC-32 of what is before it, in base62 of 0-9A-Za-z, six digits."""
    text = KeyText.new(uuid7(), uuid7()).text
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number = 0
    for digit in text[-6:]:
        number = number * 62 + digits.index(digit)
    assert number == crc32(text[:-6].encode())


def test_a_key_may_expire(call: Call) -> None:
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = _make(call, expires_at=later)
    assert datetime.fromisoformat(made["expires_at"]) == datetime.fromisoformat(later)
