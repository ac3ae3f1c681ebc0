"""The change feed, through its real Lambda handler and a real database."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import psycopg
import pytest

from events.catalogue import all_events
from functions.gateway.api.callers import handler
from functions.gateway.queries import WINDOW
from functions.gateway.tests.scenes import URL, ask, emit, follow, page, sample
from infra_cdk.catalogue import schema_of
from shared.access import access_of
from shared.db import connection
from shared.feed import feed_cursor
from shared.ids import uuid7
from shared.testing import Call, Database, NewWorkspace, Workspace


@pytest.fixture(autouse=True)
def _signed_in(as_role: Callable[[str], None]) -> None:
    """Events are emitted by the test itself, as crm_app."""


def _contacts(workspace: Workspace, count: int) -> list[str]:
    made = (sample("ContactCreated", workspace, name=f"Person {n}") for n in range(count))
    return emit(workspace, *made)


def test_a_new_workspace_has_an_empty_feed_and_a_cursor_to_go_on_with(
    call: Call, workspace: Workspace
) -> None:
    empty = page(call)
    assert (empty["items"], empty["has_more"]) == ([], False)
    assert page(call, empty["next_cursor"]) == empty
    [made] = _contacts(workspace, 1)
    assert [item["id"] for item in page(call, empty["next_cursor"])["items"]] == [made]


def test_events_come_as_they_were_published(
    call: Call, workspace: Workspace, as_role: Callable[[str], None]
) -> None:
    as_role("crm_worker")
    samples = [sample(kind, workspace) for kind in sorted(all_events())]
    emit(workspace, *samples)
    shown = [item for item in follow(call) if item["type"] != "EmailAnalyzed"]
    expected = [event for event in samples if event.type_name() != "EmailAnalyzed"]
    for item, event in zip(shown, expected, strict=True):
        published = event.model_copy(update={"position": item["position"]})
        assert item["data"] == json.loads(published.model_dump_json())
        envelope = {"position", "id", "at", "actor", "aggregate_id", "aggregate_version"}
        assert item["type"] == event.type_name()
        assert {name: item[name] for name in envelope} == {
            name: item["data"][name] for name in envelope
        }
        assert item.keys() == envelope | {"type", "data"}


@pytest.mark.parametrize("limit", [1, 3, 7, 8])
def test_pages_follow_each_other_without_gap_or_repeat(
    call: Call, workspace: Workspace, limit: int
) -> None:
    made = _contacts(workspace, 4) + _contacts(workspace, 3)
    items = follow(call, query=f"limit={limit}")
    assert [item["id"] for item in items] == made
    assert [item["position"] for item in items] == list(range(1, 8))


def test_it_says_whether_there_is_more(call: Call, workspace: Workspace) -> None:
    _contacts(workspace, 3)
    assert page(call, query="limit=2")["has_more"] is True
    assert page(call, query="limit=3")["has_more"] is False
    assert len(page(call)["items"]) == 3


def test_a_page_has_25_events_unless_asked(call: Call, workspace: Workspace) -> None:
    _contacts(workspace, 201)
    assert len(page(call)["items"]) == 25
    assert len(page(call, query="limit=200")["items"]) == 200
    for limit in ("0", "201", "x"):
        answer = ask(call, f"?limit={limit}")
        assert answer.status == 422
        assert [error["pointer"] for error in answer.json["errors"]] == ["/query/limit"]


def test_latest_is_the_cursor_of_now(call: Call, workspace: Workspace) -> None:
    _contacts(workspace, 3)
    now = page(call, "latest")
    assert (now["items"], now["has_more"]) == ([], False)
    made = _contacts(workspace, 2)
    assert [item["id"] for item in page(call, now["next_cursor"])["items"]] == made


def test_it_may_be_filtered_by_type(call: Call, workspace: Workspace) -> None:
    kinds = ["ContactCreated", "TaskCreated", "ContactDeleted", "TaskCreated"]
    emit(workspace, *(sample(kind, workspace) for kind in kinds))
    tasks = page(call, query="types=TaskCreated")
    assert [item["position"] for item in tasks["items"]] == [2, 4]
    both = follow(call, query="types=TaskCreated&types=ContactDeleted&limit=1")
    assert [item["position"] for item in both] == [2, 3, 4]


def test_an_unknown_type_is_named(call: Call) -> None:
    answer = ask(call, "?types=TaskCreated&types=TaskEaten")
    assert (answer.status, answer.json["code"]) == (400, "unknown_event_type")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/query/types/1"]


def test_a_filter_that_fits_little_looks_at_so_many_and_goes_on(
    call: Call, workspace: Workspace, database: Database
) -> None:
    _fill(database, workspace, WINDOW)
    emit(workspace, sample("TaskCreated", workspace))
    nothing = page(call, query="types=TaskCreated")
    assert (nothing["items"], nothing["has_more"]) == ([], True)
    found = page(call, nothing["next_cursor"], "types=TaskCreated")
    assert [item["position"] for item in found["items"]] == [WINDOW + 1]
    assert found["has_more"] is False


def _fill(database: Database, workspace: Workspace, count: int) -> None:
    """Many events, quickly; what is in them does not matter to who looks for others."""
    database.admin(
        """
        with filled as (
            insert into event_log (workspace_id, id, position, type, payload)
            select %(w)s, overlay(gen_random_uuid()::text placing %(now)s from 1)::uuid, n,
                'ContactCreated', '{}'
            from generate_series(1, %(count)s) n
        )
        update feed set position = %(count)s where workspace_id = %(w)s
        """,
        w=workspace.id,
        count=count,
        now=str(uuid7())[:14],
    )


def _cut(cursor: str) -> str:
    return cursor[:-4]


def _unlike(cursor: str) -> str:
    return cursor.swapcase()


def _blank(_: str) -> str:
    return "%20"


def _padded(cursor: str) -> str:
    return f"{cursor}="


@pytest.mark.parametrize("spoil", [_cut, _unlike, _blank, _padded])
def test_what_is_no_cursor_is_refused(call: Call, spoil: Callable[[str], str]) -> None:
    cursor = page(call)["next_cursor"]
    answer = ask(call, f"?after={spoil(cursor)}")
    assert (answer.status, answer.json["code"]) == (400, "invalid_cursor")
    assert [error["pointer"] for error in answer.json["errors"]] == ["/query/after"]


def test_a_position_that_cannot_be_is_refused(call: Call, workspace: Workspace) -> None:
    for position in (2**62, 2**63, 2**64 - 1):
        answer = ask(call, f"?after={feed_cursor(workspace.id, position)}")
        assert (answer.status, answer.json["code"]) == (400, "invalid_cursor")
    assert ask(call, f"?after={feed_cursor(workspace.id, 2**62 - 1)}").status == 410


def test_a_cursor_of_another_workspace_is_refused(
    call: Call, workspace: Workspace, new_workspace: NewWorkspace
) -> None:
    """Its position would mean other events here: some would be missed, or come twice."""
    other = new_workspace()
    _contacts(workspace, 2)
    _contacts(other, 2)
    cursor = page(call, query="limit=1")["next_cursor"]
    assert ask(call, f"?after={cursor}", workspace=other).json["code"] == "invalid_cursor"


def test_another_workspace_sees_nothing(
    call: Call, workspace: Workspace, new_workspace: NewWorkspace
) -> None:
    other = new_workspace()
    _contacts(workspace, 3)
    assert follow(call, workspace=other) == []
    [made] = _contacts(other, 1)
    assert [item["id"] for item in follow(call, workspace=other)] == [made]


@pytest.mark.parametrize("path", [URL, f"{URL}/types"])
def test_nobody_reads_without_a_caller(call: Call, path: str) -> None:
    assert call(handler, "GET", path, anonymous=True).status == 401


def test_a_cursor_ahead_of_the_feed_is_gone(call: Call, workspace: Workspace) -> None:
    """The database was restored to a time before the cursor was given."""
    _contacts(workspace, 2)
    assert ask(call, f"?after={feed_cursor(workspace.id, 2)}").status == 200
    answer = ask(call, f"?after={feed_cursor(workspace.id, 3)}")
    assert (answer.status, answer.json["code"]) == (410, "feed_gone")
    assert "after=latest" in answer.json["detail"]


@pytest.fixture
def long_ago(database: Database) -> Iterator[Callable[[], None]]:
    """A month of 2020 to have events in; what is given archives it."""
    month, next_month = (uuid7(_ms(2020, n)) for n in (1, 2))
    floors = [str(one)[:13] + "-7000-8000-000000000000" for one in (month, next_month)]
    make: Any = f"""
        create table event_log_y2020m01 partition of event_log
        for values from ('{floors[0]}') to ('{floors[1]}');
        alter table event_log_y2020m01 enable row level security, force row level security;
    """
    drop: Any = "drop table if exists event_log_y2020m01"
    database.admin(make)

    def archive() -> None:
        with psycopg.connect(database.url("crm_migrator"), autocommit=True) as migrator:
            migrator.execute("select app.retire_events('2020-02-01T00:00:00Z')")
        database.admin(drop)

    yield archive
    database.admin(drop)


def _ms(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp() * 1000)


def test_what_was_archived_is_gone_and_the_rest_is_there(
    call: Call, workspace: Workspace, long_ago: Callable[[], None]
) -> None:
    old = [sample("ContactCreated", workspace, id=uuid7(_ms(2020, 1) + n)) for n in range(3)]
    emit(workspace, *old)
    kept = _contacts(workspace, 2)
    second, third = (feed_cursor(workspace.id, position) for position in (2, 3))
    assert len(page(call, second)["items"]) == 3
    long_ago()
    answer = ask(call, f"?after={second}")
    assert (answer.status, answer.json["code"]) == (410, "feed_gone")
    assert [item["id"] for item in page(call, third)["items"]] == kept
    assert [item["id"] for item in follow(call)] == kept


def test_an_event_overtaken_at_the_months_end_is_no_hole(
    call: Call, workspace: Workspace, long_ago: Callable[[], None]
) -> None:
    """A slow transaction made its event in January and committed it after one of February."""
    early, late = _contacts(workspace, 2)
    [slow] = emit(workspace, sample("ContactCreated", workspace, id=uuid7(_ms(2020, 1))))
    kept = _contacts(workspace, 1)
    for limit in (1, 200):
        assert ids_of(follow(call, query=f"limit={limit}")) == [early, late, slow, *kept]
    long_ago()
    assert ids_of(follow(call)) == kept
    assert ask(call, f"?after={feed_cursor(workspace.id, 1)}").status == 410


def ids_of(items: list[Any]) -> list[str]:
    return [item["id"] for item in items]


@pytest.mark.parametrize("role", ["crm_app", "crm_worker", "crm_auth"])
def test_nobody_who_writes_the_feed_can_move_its_beginning(
    database: Database, workspace: Workspace, role: str
) -> None:
    with psycopg.connect(database.url(role), autocommit=True) as someone:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            someone.execute("update feed set kept_from = 5")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            someone.execute("select app.retire_events(now())")


def _member(database: Database, workspace: Workspace) -> Workspace:
    """The same workspace as another member is in it, who only reads."""
    person = Workspace(workspace.id, uuid7())
    database.admin(
        """
        with person as (
            insert into users (id, email, name, password_hash)
            values (%(user)s, %(user)s::text || '@example.com', 'Viewer', 'none')
        )
        insert into memberships (workspace_id, user_id, role)
        values (%(workspace)s, %(user)s, 'viewer')
        """,
        user=person.user_id,
        workspace=person.id,
    )
    return person


def _mailbox(database: Database, workspace: Workspace, sharing: str) -> UUID:
    mailbox_id = uuid7()
    database.admin(
        """
        insert into mailboxes (workspace_id, id, user_id, provider, address, sharing, credentials)
        values (%(workspace)s, %(id)s, %(user)s, 'gmail', %(id)s::text || '@example.com',
            %(sharing)s, '')
        """,
        workspace=workspace.id,
        id=mailbox_id,
        user=workspace.user_id,
        sharing=sharing,
    )
    return mailbox_id


ABOUT_MAILS = {"EmailReceived": True, "EmailChanged": True, "EmailAnalyzed": False}
"""Events that name a mailbox: whether all members see them. The others tell what is in the mail."""


def test_of_every_event_that_names_a_mailbox_it_is_decided_who_sees_it() -> None:
    naming = {name for name, event in all_events().items() if "mailbox_id" in event.model_fields}
    assert naming == ABOUT_MAILS.keys(), "see the policy `sharing` of event_log"


@pytest.mark.parametrize("sharing", ["metadata", "subject", "everything"])
def test_a_viewer_learns_of_a_mail_what_its_mailbox_shares(
    call: Call,
    workspace: Workspace,
    database: Database,
    as_role: Callable[[str], None],
    sharing: str,
) -> None:
    mailbox_id = _mailbox(database, workspace, sharing)
    viewer = _member(database, workspace)
    as_role("crm_worker")
    kinds = ["ContactCreated", *ABOUT_MAILS, "MailboxConnected"]
    named = {kind: {"mailbox_id": mailbox_id} if kind in ABOUT_MAILS else {} for kind in kinds}
    emit(workspace, *(sample(kind, workspace, **named[kind]) for kind in kinds))
    assert [item["type"] for item in follow(call)] == kinds
    hidden = {kind for kind, open_to_all in ABOUT_MAILS.items() if not open_to_all}
    expected = [kind for kind in kinds if sharing == "everything" or kind not in hidden]
    for limit in (1, 200):
        shown = follow(call, query=f"limit={limit}", workspace=viewer)
        assert [item["type"] for item in shown] == expected


def test_of_a_mailbox_that_is_not_there_nobody_learns_more(
    call: Call, workspace: Workspace, as_role: Callable[[str], None]
) -> None:
    as_role("crm_worker")
    emit(workspace, sample("EmailAnalyzed", workspace))
    nothing = page(call)
    assert (nothing["items"], nothing["has_more"]) == ([], False)
    assert nothing["next_cursor"] == page(call, "latest")["next_cursor"]


TOLD = {
    "events.read contacts.read tasks.read": {"ContactCreated", "TaskCreated"},
    "events.read contacts.read tasks.read:own": {"ContactCreated"},
    "events.read contacts.read:team members.read": {"MemberJoined"},
    "events.read": set[str](),
}
"""Types of events that are told of, by access."""


@pytest.mark.parametrize("granted", TOLD)
def test_who_reads_not_all_of_a_kind_is_told_nothing_of_it(
    call: Call, workspace: Workspace, granted: str
) -> None:
    kinds = ("ContactCreated", "TaskCreated", "MemberJoined")
    emit(workspace, *(sample(kind, workspace) for kind in kinds))
    access = access_of(granted)
    for query in ("limit=200", "limit=1", "&".join(f"types={kind}" for kind in kinds)):
        told = follow(call, query=query, access=access)
        assert {item["type"] for item in told} == TOLD[granted]
    assert page(call, access=access)["next_cursor"] == page(call)["next_cursor"]


def test_an_event_does_not_tell_fields_that_are_hidden(call: Call, workspace: Workspace) -> None:
    emit(workspace, sample("ContactCreated", workspace, email="ada@example.com", name="Ada"))
    [whole] = follow(call)
    [item] = follow(call, access=access_of("events.read contacts.read -contacts.email"))
    assert whole["data"]["email"] == "ada@example.com"
    assert item == whole | {"data": whole["data"] | {"email": None}}


class _Recorder(psycopg.Cursor[Any]):
    sent: ClassVar[list[str]] = []

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        _Recorder.sent.append(" ".join(str(query).split()))
        return super().execute(query, params, **options)


@pytest.mark.parametrize("query", ["", "?limit=200", "?types=ContactCreated", "?after=latest"])
def test_a_page_takes_one_statement(
    call: Call, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    _contacts(workspace, 30)
    connect = connection.connect

    def recording(url: str, **options: Any) -> Any:
        return connect(url, **options, cursor_factory=_Recorder)

    connection.close()
    monkeypatch.setattr(connection, "connect", recording)
    _Recorder.sent = []
    assert ask(call, query).status == 200
    begin, context, read, commit = _Recorder.sent
    assert (begin, commit) == ("begin", "commit")
    assert context.startswith("select app.begin_request(")
    assert "feed" in read


def test_the_types_are_those_of_the_catalogue(call: Call) -> None:
    answer = ask(call, "/types")
    assert answer.status == 200
    listed = {item["type"]: item for item in answer.json["items"]}
    assert list(listed) == sorted(all_events())
    for name, event in all_events().items():
        item = listed[name]
        assert item.keys() == {"type", "description", "source", "version", "since", "schema"}
        assert (item["source"], item["since"]) == (event.source, event.since)
        committed = json.loads(schema_of(event))
        committed.pop("$schema")
        assert item["schema"] == committed
