"""What somebody owned who left passes to whom they, or who removed them, named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from events.envelope import Event, parse
from functions.activities import consumers as of_tasks
from functions.activities.api import handler as tasks
from functions.contacts import consumers as of_contacts
from functions.contacts.api import handler as contacts
from functions.workspaces.tests.scenes import People
from shared import owners
from shared.testing import Deliver, EventsOf, Workspace


@pytest.fixture
def left(people: People, monkeypatch: pytest.MonkeyPatch) -> tuple[Workspace, Workspace]:
    """Somebody with five contacts and five tasks, who has left, and their heir."""
    monkeypatch.setattr("functions.contacts.commands.PASSED_ON_AT_ONCE", 2)
    monkeypatch.setattr("functions.activities.commands.PASSED_ON_AT_ONCE", 2)
    gone, heir = people.join(), people.join()
    for n in range(5):
        people.ask(gone, "POST", "/contacts", {"name": f"Ada {n}"}, to=contacts)
        people.ask(gone, "POST", "/tasks", {"title": f"Call {n}"}, to=tasks)
    people.ask(people.owner, "POST", "/contacts", {"name": "Mine"}, to=contacts)
    path = f"/members/{gone.user_id}?reassign_to={heir.user_id}"
    assert people.ask(people.owner, "DELETE", path).status == 204
    return gone, heir


def _told(people: People) -> Event:
    [row] = people.database.admin(
        "select payload from event_log where workspace_id = %(w)s and type = 'MemberLeft'",
        w=people.workspace.id,
    )
    event = parse("MemberLeft", row["payload"])
    assert event
    return event


def _owned(people: People, by: Workspace) -> dict[str, int]:
    [found] = people.database.admin(
        """
        select (select count(*) from contacts where owner_id = %(u)s) as contacts,
            (select count(*) from tasks where owner_id = %(u)s) as tasks
        """,
        u=by.user_id,
    )
    return found


def test_everything_passes_on_with_an_event_each(
    people: People, left: tuple[Workspace, Workspace], deliver: Deliver, events_of: EventsOf
) -> None:
    gone, heir = left
    event = _told(people)
    for consumer in (of_contacts, of_tasks):
        for _ in range(2):
            assert deliver(consumer.handler, event) == []
    assert _owned(people, gone) == {"contacts": 0, "tasks": 0}
    assert _owned(people, heir) == {"contacts": 5, "tasks": 5}
    assert _owned(people, people.owner) == {"contacts": 1, "tasks": 0}
    changed = [one for one in events_of(people.workspace) if one["type"].endswith("Changed")]
    assert [one["type"] for one in changed] == ["ContactChanged"] * 5 + ["TaskChanged"] * 5
    for one in changed:
        assert one["payload"]["changed"] == ["owner_id"]
        assert one["payload"]["aggregate_version"] == 2
        assert one["payload"]["actor"] == f"user:{people.owner.user_id}"


def test_cut_short_it_goes_on_where_it_was(
    people: People,
    left: tuple[Workspace, Workspace],
    deliver: Deliver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone, heir = left
    real: Callable[..., bool] = of_contacts.pass_on_contacts
    rounds: list[int] = []

    def once(*given: Any) -> bool:
        rounds.append(1)
        if len(rounds) == 2:
            raise RuntimeError("cut short")
        return real(*given)

    with monkeypatch.context() as patched:
        patched.setattr(of_contacts, "pass_on_contacts", once)
        assert deliver(of_contacts.handler, _told(people)) == ["0"]
    assert _owned(people, heir)["contacts"] == 2
    assert deliver(of_contacts.handler, _told(people)) == []
    assert _owned(people, gone)["contacts"] == 0


@pytest.mark.parametrize("who", ["the one who left", "the heir"])
def test_what_is_not_so_any_more_is_not_done(
    people: People, left: tuple[Workspace, Workspace], deliver: Deliver, who: str
) -> None:
    """Who came back keeps what is theirs, and nothing passes to who has left as well."""
    gone, heir = left
    ended, user = ("null", gone) if who == "the one who left" else ("now()", heir)
    people.database.admin(
        f"update memberships set ended_at = {ended} where user_id = %(u)s",  # noqa: S608 -- literals  # pyright: ignore[reportArgumentType]
        u=user.user_id,
    )
    for consumer in (of_contacts, of_tasks):
        assert deliver(consumer.handler, _told(people)) == []
    assert _owned(people, gone) == {"contacts": 5, "tasks": 5}


def test_without_an_heir_it_stays(people: People, deliver: Deliver) -> None:
    gone = people.join()
    people.ask(gone, "POST", "/contacts", {"name": "Ada"}, to=contacts)
    assert people.ask(gone, "POST", "/workspaces/current/leave").status == 204
    assert deliver(of_contacts.handler, _told(people)) == []
    assert _owned(people, gone)["contacts"] == 1


def test_so_many_at_once_fit_into_a_transaction() -> None:
    assert 1 <= owners.PASSED_ON_AT_ONCE <= 500
