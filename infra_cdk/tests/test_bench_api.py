"""`haste bench api`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice, repeat
from uuid import UUID, uuid4

import psycopg
import pytest

from infra_cdk.local.commands.apibench import rows
from infra_cdk.local.commands.apibench.history import refresh_tokens
from infra_cdk.local.commands.apibench.measuring import measured
from infra_cdk.local.commands.apibench.people import Known, Sample, Workspace, sampled, settle
from infra_cdk.local.commands.apibench.place import Place, opened
from infra_cdk.local.commands.apibench.rows import ROWS, Row
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.feedbench.workspaces import feeds_with_holes
from infra_cdk.local.gateway_events import Request
from infra_cdk.local.state import State, open_state
from infra_cdk.tests.demos import empty_home, haste
from shared.access import EVERYTHING
from shared.cursors import Key
from shared.feed import position_after
from shared.ids import made_at, uuid7

FIRST_KEYS = ["environment", "contacts", "requests"]
FIRST_KEYS_OF_A_ROW = [
    "name",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "per_s",
    "statements",
    "bytes",
    "calls",
]
STATEMENTS = {
    "list of 50 contacts": 2,
    "get a contact": 2,
    "GraphQL 50, two relations": 4,
    "page of 50 events": 2,
    "create a contact": 4,
    "create, idempotency key": 6,
    "change a contact": 5,
    "sign in": 10,
    "refresh a session": 5,
}
"""Each begins with `begin_request`, and what emits an event ends with the feed and the outbox."""
FEW = 80

BY_NAME = {row.name: row for row in ROWS}


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_it_measures_what_it_says() -> None:
    with empty_home() as home:
        done = haste("bench", "api", "--contacts", "200", "--calls", "50", "--json", home=home)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures)[: len(FIRST_KEYS)] == FIRST_KEYS
    assert figures["contacts"] == 200
    assert figures["environment"]["cores"] >= 1
    requests = {one["name"]: one for one in figures["requests"]}
    assert list(requests) == [row.name for row in ROWS]
    for one in requests.values():
        assert list(one)[: len(FIRST_KEYS_OF_A_ROW)] == FIRST_KEYS_OF_A_ROW
        assert 0 < one["p50_ms"] <= one["p95_ms"] <= one["p99_ms"]
        assert one["per_s"] > 0
    assert {name: one["statements"] for name, one in requests.items()} == STATEMENTS
    assert {one["calls"] for one in requests.values()} == {50}
    assert requests["list of 50 contacts"]["bytes"] > 20 * requests["get a contact"]["bytes"] > 0
    assert "≤ 15" in done.stderr


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with empty_home() as home, opened(State(home, shared_tools=open_state().tools)) as made:
        yield made


@pytest.fixture(scope="module")
def workspace(place: Place) -> Workspace:
    return settle(place.database_url(), FEW)


@pytest.mark.stack
def test_a_call_that_is_refused_is_reported(place: Place, workspace: Workspace) -> None:
    missing = Row("nobody", lambda _: repeat(Request("GET", f"/api/v1/contacts/{uuid4()}")))
    with pytest.raises(CannotDo, match=r"nobody: GET \S+ was answered with 404: .*not_found"):
        measured(place, workspace, missing)


@pytest.mark.stack
def test_an_error_that_graphql_tells_in_a_200_is_reported(
    place: Place, workspace: Workspace
) -> None:
    body = json.dumps({"query": "{ parrots { id } }"}).encode()
    headers = (("content-type", "application/json"),)
    asked = Request("POST", "/api/v1/graphql", headers=headers, body=body)
    with pytest.raises(CannotDo, match=r"parrots: POST \S+ was answered with 200: .*parrots"):
        measured(place, workspace, Row("parrots", lambda _: repeat(asked)))


@pytest.mark.stack
def test_a_row_that_runs_out_of_requests_is_not_measured(
    place: Place, workspace: Workspace
) -> None:
    asked = Request("GET", "/api/v1/contacts")
    with pytest.raises(ValueError, match="short: 2 requests are not 570"):
        measured(place, workspace, Row("short", lambda _: repeat(asked, 2)))


@pytest.mark.stack
def test_an_event_that_was_not_published_is_reported(place: Place, workspace: Workspace) -> None:
    left = {"workspace": workspace.id, "event": uuid7()}
    with psycopg.connect(place.database_url(), autocommit=True) as migrator:
        migrator.execute("insert into outbox values (%(workspace)s, %(event)s)", left)
        with pytest.raises(CannotDo, match="1 events were not published"):
            measured(place, workspace, BY_NAME["get a contact"])
        migrator.execute("delete from outbox where event_id = %(event)s", left)


@pytest.mark.stack
def test_the_workspace_has_its_contacts_and_others_have_as_many(
    place: Place, workspace: Workspace
) -> None:
    with psycopg.connect(place.database_url("crm_app")) as app:
        app.execute("select app.begin_request(%s, null, %s)", [workspace.id, str(EVERYTHING)])
        own = app.execute("select id, created_at from contacts where name > ''").fetchall()
    with psycopg.connect(place.database_url()) as migrator:
        (everybody,) = migrator.execute("select count(*) from contacts").fetchone() or (0,)
    assert (len(own), everybody) == (FEW, 2 * FEW)
    assert all(abs((made_at(id) - at).total_seconds()) < 0.01 for id, at in own)


@pytest.mark.stack
def test_contacts_have_a_history(place: Place, workspace: Workspace) -> None:
    """Each has a task, some of them from a mail, and an event; feeds are without holes."""
    with psycopg.connect(place.database_url("crm_app")) as app:
        given = [workspace.id, workspace.user_id, str(EVERYTHING)]
        app.execute("select app.begin_request(%s, %s, %s)", given)
        tasks = app.execute("select contact_id, email_id from tasks").fetchall()
        mails = app.execute("select id from email_subjects").fetchall()
        told = app.execute("select payload->>'aggregate_id' from event_log").fetchall()
    about = {contact_id for contact_id, _ in tasks}
    assert (len(tasks), len(about), len(told)) == (FEW, FEW, FEW)
    assert {UUID(one) for (one,) in told} == about
    assert {(mail,) for _, mail in tasks if mail} == set(mails)
    assert 0 < len(mails) < FEW / 2
    assert feeds_with_holes(place.database_url()) == 0


@pytest.mark.stack
def test_a_sample_is_from_all_over_the_list(place: Place, workspace: Workspace) -> None:
    sample = sampled(place.database_url(), workspace, page=50)
    assert len(set(sample.contacts)) == FEW
    assert len(sample.places) == FEW - 50
    after = {position_after(workspace.id, cursor) for cursor in sample.feed}
    assert after == set(range(FEW - 50 + 1))


def places(*numbers: int) -> tuple[Key, ...]:
    ids = [uuid7(number) for number in numbers]
    return tuple((made_at(id), id) for id in ids)


def test_fewer_calls_are_fewer_of_each_and_never_more() -> None:
    assert rows.USUAL.at_most(50) == rows.Calls(warm_up=5, timed=50, counted=2)
    assert rows.FEW.at_most(500) == rows.FEW
    assert rows.USUAL.at_most(1) == rows.Calls(1, 1, 1)


def test_one_list_in_five_is_the_first_page() -> None:
    sample = Sample(contacts=(), places=places(1000, 2000, 3000))
    asked = [
        request.query for request in islice(BY_NAME["list of 50 contacts"].requests(sample), 10)
    ]
    assert [n for n, query in enumerate(asked) if query == f"limit={rows.PAGE}"] == [0, 5]
    assert len(set(asked)) == 1 + 3


def test_a_workspace_with_less_than_a_page_is_listed_too() -> None:
    (request,) = islice(BY_NAME["list of 50 contacts"].requests(Sample((), ())), 1, 2)
    assert request.query == f"limit={rows.PAGE}"


def test_a_change_names_the_version_that_the_last_one_made() -> None:
    sample = Sample(contacts=(Known(uuid7(), 1), Known(uuid7(), 3)), places=())
    asked = islice(BY_NAME["change a contact"].requests(sample), 5)
    tags = [value for request in asked for name, value in request.headers if name == "if-match"]
    assert tags == ['"1"', '"3"', '"2"', '"4"', '"3"']


def test_what_is_good_once_is_sent_once() -> None:
    row = BY_NAME["refresh a session"]
    sample = Sample((), (), refresh_tokens=tuple(refresh_tokens(uuid7())))
    sent = [request.body for request in row.requests(sample)]
    assert len(set(sent)) == len(sent) >= row.calls.all
    created = list(islice(BY_NAME["create, idempotency key"].requests(sample), 3))
    keys = {value for one in created for name, value in one.headers if name == "idempotency-key"}
    assert (len(keys), len({one.body for one in created})) == (3, 3)
