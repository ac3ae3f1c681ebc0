"""Routes that will go: what their answers and the document say; who still uses them is counted."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from functions.gateway.api.callers import handler as callers
from shared.access import NOTHING
from shared.http import (
    ANYBODY,
    SIGNED_IN,
    CurrentCaller,
    create_app,
    create_router,
    deprecated,
    http_handler,
    needs,
)
from shared.testing import Call, Database, NewWorkspace, Workspace

SINCE, SUNSET = date(2026, 8, 31), date(2027, 2, 28)
PAGE = "https://docs.example.com/moved"

GOING = deprecated(since=SINCE, sunset=SUNSET)

app = create_app("Old")
routes = create_router()


@app.get("/old", openapi_extra=needs(SIGNED_IN) | deprecated(since=SINCE, sunset=SUNSET, link=PAGE))
async def _old(_: CurrentCaller) -> str:
    return "still here"


@routes.get("/older/{number}", openapi_extra=needs(ANYBODY) | GOING)
async def _older(number: int) -> int:
    return number


@app.get("/new", openapi_extra=needs(SIGNED_IN))
async def _new(_: CurrentCaller) -> str:
    return "here"


app.include_router(routes)
handler = http_handler(app)


def test_every_answer_says_since_when_until_when_and_where_to_read_on(call: Call) -> None:
    headers = call(handler, "GET", "/old").headers
    assert headers["deprecation"] == "@1788134400"
    assert headers["sunset"] == "Sun, 28 Feb 2027 00:00:00 GMT"
    assert headers["link"] == f'<{PAGE}>; rel="deprecation"; type="text/html"'
    wrong = call(handler, "GET", "/older/one", anonymous=True)
    assert (wrong.status, wrong.headers["deprecation"]) == (404, "@1788134400")
    assert "link" not in wrong.headers
    new = call(handler, "GET", "/new").headers
    assert {"deprecation", "sunset", "link"}.isdisjoint(new)


def test_each_use_is_counted_by_who_it_was(
    call: Call, workspace: Workspace, new_workspace: NewWorkspace, capsys: Any
) -> None:
    key_id = str(uuid4())

    def by_key(event: dict[str, Any], context: Any) -> Any:
        event["requestContext"]["authorizer"]["key_id"] = key_id
        return handler(event, context)

    call(handler, "GET", "/new")
    capsys.readouterr()
    for asked in (handler, by_key, handler):
        assert call(asked, "GET", "/old", access=NOTHING).status == 200
    call(handler, "GET", "/older/1", anonymous=True)
    call(handler, "GET", "/old", workspace=new_workspace())
    call(handler, "GET", "/new")
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(sum(line.get("DeprecatedRouteUsed", [])) for line in printed) == 5
    found = call(callers, "GET", "/api/v1/deprecations").json["items"]
    assert {(one["route"], one["actor"], one["uses"]) for one in found} == {
        ("GET /old", f"user:{workspace.user_id}", 2),
        ("GET /old", f"key:{key_id}", 1),
    }
    assert {one["sunset"] for one in found} == {"2027-02-28"}


def test_what_cannot_be_counted_is_answered_all_the_same(
    call: Call, workspace: Workspace, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """As in a workspace that takes no changes."""
    database.admin(
        """
        update workspaces set deletion_asked_at = now(), purge_at = now() + interval '7 days',
            deletion_asked_by = %(u)s
        where id = %(w)s
        """,
        w=workspace.id,
        u=workspace.user_id,
    )
    assert call(handler, "GET", "/old").status == 200
    [told] = [one for one in caplog.records if one.getMessage() == "a deprecated route was used"]
    assert vars(told)["metadata"] == {
        "route": "GET /old",
        "workspace_id": str(workspace.id),
        "actor": f"user:{workspace.user_id}",
    }


def test_the_document_says_it(call: Call) -> None:
    paths = app.openapi()["paths"]
    old = paths["/old"]["get"]
    assert old["deprecated"] is True
    assert (old["x-deprecated-since"], old["x-sunset"]) == ("2026-08-31", "2027-02-28")
    assert paths["/older/{number}"]["get"]["deprecated"] is True
    assert "deprecated" not in paths["/new"]["get"]


@pytest.mark.parametrize(
    ("since", "sunset"),
    [
        (date(2026, 8, 31), date(2027, 2, 27)),
        (date(2026, 1, 15), date(2026, 7, 14)),
        (date(2026, 1, 15), date(2025, 7, 15)),
    ],
)
def test_less_than_six_months_notice_is_refused_at_import(since: date, sunset: date) -> None:
    with pytest.raises(ValueError, match="six months"):
        deprecated(since=since, sunset=sunset)


@pytest.mark.parametrize(
    ("since", "sunset"),
    [(date(2026, 6, 30), date(2026, 12, 30)), (date(2023, 8, 31), date(2024, 2, 29))],
)
def test_six_months_are_enough(since: date, sunset: date) -> None:
    assert deprecated(since=since, sunset=sunset)["x-sunset"] == sunset.isoformat()
