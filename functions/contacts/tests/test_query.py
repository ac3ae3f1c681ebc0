"""Contacts by filter: what is found, in which order, and what is refused."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from functions.contacts.api import handler
from functions.contacts.tests.scenes import URL, make_contact
from shared.access import access_of
from shared.http.listing import MOST_COUNTED
from shared.ids import uuid7
from shared.testing import Answer, Call, Database, NewMember, NewWorkspace, Workspace

QUERY = f"{URL}/query"
LATER = "2200-01-01T00:00:00Z"


def _test(field: str, op: str, value: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def _ask(call: Call, filter_: Any = None, **asked: Any) -> Answer:
    body = {name: value for name, value in asked.items() if name in ("sort", "limit", "cursor")}
    body |= {"count": asked["count"]} if "count" in asked else {}
    body |= {} if filter_ is None else {"filter": filter_}
    options = {name: value for name, value in asked.items() if name not in body}
    return call(handler, "POST", QUERY, body, **options)


def _names(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.json
    return [item["name"] for item in answer.json["items"]]


@pytest.fixture
def people(call: Call) -> list[dict[str, Any]]:
    return [
        make_contact(call, name="Ada Lovelace", email="ada@engine.example", tags=["vip"]),
        make_contact(call, name="grace hopper", company="Navy", tags=["vip", "new"]),
        make_contact(call, name="Alan Turing", company="Park", job_title="50%_off"),
    ]


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ({"all": []}, ["Alan Turing", "grace hopper", "Ada Lovelace"]),
        ({"any": []}, []),
        (_test("tags", "contains", "vip"), ["grace hopper", "Ada Lovelace"]),
        (_test("name", "starts_with", "GRACE"), ["grace hopper"]),
        (_test("job_title", "contains", "0%_O"), ["Alan Turing"]),
        (_test("job_title", "contains", "%"), ["Alan Turing"]),
        (_test("email", "exists", False), ["Alan Turing", "grace hopper"]),
        (_test("company", "ne", "Park"), ["grace hopper", "Ada Lovelace"]),
        (_test("created_at", "gt", LATER), []),
        (
            {
                "any": [
                    _test("email", "in", ["ada@engine.example"]),
                    {"not": _test("company", "exists", True)},
                    _test("company", "eq", "Navy"),
                ]
            },
            ["grace hopper", "Ada Lovelace"],
        ),
    ],
)
def test_a_filter_finds_the_same_in_a_body_as_in_a_url(
    call: Call, people: list[Any], filter_: Any, found: list[str]
) -> None:
    assert _names(_ask(call, filter_)) == found
    assert _names(call(handler, "GET", f"{URL}?query={json.dumps(filter_)}")) == found


def test_what_is_found_is_the_contact_as_anywhere(call: Call, people: list[Any]) -> None:
    assert _ask(call).json == {"items": people[::-1], "next_cursor": None, "count": None}


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("field", ["name", "created_at", "updated_at"])
def test_pages_of_every_order_follow_each_other(call: Call, field: str, direction: str) -> None:
    made = [make_contact(call, name=f"Person {n * 7 % 9}") for n in range(9)]
    expected = sorted(made, key=lambda one: (one[field], one["id"]), reverse=direction == "desc")
    sort = [{"field": field, "direction": direction}]
    seen: list[Any] = []
    page = _ask(call, sort=sort, limit=2).json
    while page["next_cursor"]:
        assert len(page["items"]) == 2
        seen += page["items"]
        page = _ask(call, sort=sort, limit=2, cursor=page["next_cursor"]).json
    assert [*seen, *page["items"]] == expected
    sign = "-" if direction == "desc" else ""
    listed = call(handler, "GET", f"{URL}?sort={sign}{field}")
    assert listed.json["items"] == expected


def test_a_list_goes_on_where_it_was_whatever_is_added_meanwhile(call: Call) -> None:
    for name in ("B", "D", "F", "H"):
        make_contact(call, name=name)
    sort = [{"field": "name"}]
    first = _ask(call, sort=sort, limit=2)
    for name in ("A", "C", "D", "E", "I"):
        make_contact(call, name=name)
    rest = _ask(call, sort=sort, limit=200, cursor=first.json["next_cursor"])
    assert _names(first) + _names(rest) == ["B", "D", "D", "E", "F", "H", "I"]


def test_a_cursor_is_good_for_its_own_list_alone(call: Call) -> None:
    for n in range(3):
        make_contact(call, name=f"Person {n}", tags=["vip"])
    by_name = [{"field": "name"}]
    vip = _test("tags", "contains", "vip")
    cursor = _ask(call, vip, sort=by_name, limit=1).json["next_cursor"]
    assert _ask(call, vip, sort=by_name, cursor=cursor, limit=9, count="exact").status == 200
    plain = _ask(call, limit=1).json["next_cursor"]
    others: list[tuple[Any, dict[str, Any]]] = [
        (None, {"cursor": cursor}),
        (vip, {"cursor": cursor}),
        (None, {"cursor": cursor, "sort": by_name}),
        (vip, {"cursor": cursor, "sort": [{"field": "name", "direction": "desc"}]}),
        ({"not": vip}, {"cursor": cursor, "sort": by_name}),
        (vip, {"cursor": plain, "sort": by_name}),
        (None, {"cursor": plain, "sort": [{"field": "updated_at", "direction": "desc"}]}),
    ]
    for filter_, asked in others:
        refused = _ask(call, filter_, **asked)
        assert (refused.status, refused.json["code"]) == (400, "invalid_cursor")
        assert refused.json["errors"][0]["pointer"] == "/cursor"
    refused = call(handler, "GET", f"{URL}?sort=name&cursor={plain}")
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (400, "/query/cursor")
    listed = call(handler, "GET", f"{URL}?cursor={plain}")
    assert len(listed.json["items"]) == 2, "newest first is one list, asked for either way"


_ID = uuid7().hex


@pytest.mark.parametrize("cursor", ["", "x", "e30=", "AAAA", "W1tb" * 400])
def test_what_is_no_cursor_is_refused(call: Call, cursor: str) -> None:
    for sort in ([], [{"field": "name"}]):
        refused = _ask(call, sort=sort, cursor=cursor)
        assert (refused.status, refused.json["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("field", ["name", "created_at"])
@pytest.mark.parametrize(
    "named",
    [
        ["\0", _ID],
        ["\ud800", _ID],
        [7, _ID],
        [["A"], _ID],
        ["0001-01-01T00:00:00+23:59", "no id"],
        ["A", 7],
        ["A"],
        [],
        {"A": _ID},
    ],
)
def test_a_forged_cursor_is_refused(call: Call, named: Any, field: str) -> None:
    """Even if it is bound to the right list: it is no secret, and checked as any input."""
    sort = [{"field": field, "direction": "asc"}]
    make_contact(call, name="A")
    make_contact(call, name="B")
    given = _ask(call, sort=sort, limit=1).json["next_cursor"]
    *_, scope = json.loads(urlsafe_b64decode(given))
    for bound in (named, [*named, scope]):
        cursor = urlsafe_b64encode(json.dumps(bound).encode()).decode()
        refused = _ask(call, sort=sort, cursor=cursor)
        assert (refused.status, refused.json["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"filter": {"all": [_test("shoe_size", "eq", 7)]}}, 400, "/filter/all/0/field"),
        ({"filter": _test("name", "regex", "x")}, 400, "/filter/op"),
        ({"filter": _test("name", "eq", 7)}, 400, "/filter/value"),
        ({"filter": _test("name", "eq", "\0")}, 400, "/filter/value"),
        ({"filter": _test("owner_id", "eq", "me")}, 400, "/filter/value"),
        ({"filter": {}}, 400, "/filter"),
        ({"filter": None}, 422, "/filter"),
        ({"filter": []}, 422, "/filter"),
        ({"sort": [{"field": "company"}]}, 400, "/sort/0/field"),
        ({"sort": [{"field": "id; drop table contacts"}]}, 400, "/sort/0/field"),
        ({"sort": [{"field": "name", "direction": "up"}]}, 422, "/sort/0/direction"),
        ({"sort": [{"field": "name"}, {"field": "created_at"}]}, 422, "/sort"),
        ({"limit": 0}, 422, "/limit"),
        ({"limit": 201}, 422, "/limit"),
        ({"count": True}, 422, "/count"),
        ({"cursor": "x" * 2001}, 422, "/cursor"),
        ({"filters": {}}, 422, "/filters"),
    ],
)
def test_what_is_wrong_is_pointed_at(call: Call, body: Any, status: int, pointer: str) -> None:
    refused = call(handler, "POST", QUERY, body)
    assert refused.status == status, refused.json
    assert {one["pointer"] for one in refused.json["errors"]} == {pointer}


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("query=x", "/query/query"),
        ("query=" + "[" * 3000, "/query/query"),
        ("query=" + json.dumps({"any": [_test("x", "eq", 1)]}), "/query/query/any/0/field"),
        ("sort=company", "/query/sort"),
        ("sort=--name", "/query/sort"),
        ("sort=", "/query/sort"),
    ],
)
def test_what_is_wrong_in_a_url_is_pointed_at(call: Call, query: str, pointer: str) -> None:
    refused = call(handler, "GET", f"{URL}?{query}")
    assert refused.status == 400, refused.json
    assert [one["pointer"] for one in refused.json["errors"]] == [pointer]


def test_they_are_counted_when_asked_for_and_up_to_a_bound(
    call: Call, workspace: Workspace, database: Database, people: list[Any]
) -> None:
    vip = _test("tags", "contains", "vip")
    assert _ask(call, vip, count="exact", limit=1).json["count"] == {"value": 2, "more": False}
    listed = call(handler, "GET", f"{URL}?count=exact&limit=1")
    assert listed.json["count"] == {"value": 3, "more": False}
    assert _ask(call, vip, count=None).json["count"] is None
    database.admin(
        """
        insert into contacts (workspace_id, id, name)
        select %(w)s, gen_random_uuid(), 'Many' from generate_series(1, %(n)s)
        """,
        w=workspace.id,
        n=MOST_COUNTED - 3,
    )
    assert _ask(call, count="exact").json["count"] == {"value": MOST_COUNTED, "more": False}
    make_contact(call)
    assert _ask(call, count="exact").json["count"] == {"value": MOST_COUNTED, "more": True}


def test_a_hidden_field_can_not_be_found_out(call: Call, people: list[Any]) -> None:
    """Or a filter would tell it, letter by letter."""
    email = _test("email", "starts_with", "a")
    assert _names(_ask(call, email)) == ["Ada Lovelace"]
    blind = access_of("contacts.read contacts.write -contacts.email")
    refused = _ask(call, {"not": email}, access=blind)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (400, "/filter/not/field")
    assert "email" not in refused.json["errors"][0]["detail"]
    refused = call(handler, "GET", f"{URL}?query={json.dumps(email)}", access=blind)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (400, "/query/query/field")
    new = {"name": "A", "email": "ada@engine.example"}
    refused = call(handler, "PUT", f"{URL}?match=email", new, access=blind)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (403, "/query/match")


def test_a_query_shows_no_more_than_may_be_read(
    call: Call, workspace: Workspace, new_member: NewMember, new_workspace: NewWorkspace
) -> None:
    member = new_member(workspace)
    make_contact(call, name="Mine")
    make_contact(call, name="Theirs", owner_id=str(member.user_id))
    assert _names(_ask(call)) == ["Theirs", "Mine"]
    own = access_of("contacts.read:own")
    anybody = _test("name", "exists", True)
    assert _names(_ask(call, anybody, access=own)) == ["Mine"]
    counted = _ask(call, anybody, access=own, count="exact", workspace=member)
    assert (_names(counted), counted.json["count"]["value"]) == (["Theirs"], 1)
    assert _names(_ask(call, anybody, workspace=new_workspace())) == []
    assert _ask(call, access=access_of("tasks.read")).status == 403
    assert call(handler, "POST", QUERY, {}, anonymous=True).status == 401


def test_a_query_is_no_change(call: Call) -> None:
    refused = _ask(call, headers={"Idempotency-Key": "one"})
    assert (refused.status, refused.json["code"]) == (400, "unrepeatable")
