"""How batches reach reactions: together where possible, each message accountable for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from events.contacts import ContactCreated
from shared.db import Tx
from shared.ids import uuid7
from shared.runtime import Consumer, Discard, Messages, OrderedMessages, job_handler
from shared.testing import Database, LambdaContext, Workspace

Deliver = Callable[..., list[str]]


class Note(BaseModel):
    """A message for these tests."""

    group: str
    text: str


def _created(workspace: Workspace, name: str = "Ada") -> ContactCreated:
    return ContactCreated(workspace_id=workspace.id, aggregate_id=uuid7(), email=None, name=name)


def _recording(reject: str = "") -> tuple[Consumer, list[tuple[UUID, str]]]:
    """A consumer whose effect is a row in the inbox and a line here, and that fails on a name."""
    consumer = Consumer(f"test-{uuid7()}")
    seen: list[tuple[UUID, str]] = []

    @consumer.on(ContactCreated)
    def react(tx: Tx, event: ContactCreated) -> None:  # pyright: ignore[reportUnusedFunction]
        if event.name == reject:
            raise ValueError("no")
        tx.emit(_created_again(event))
        seen.append((tx.workspace_id, event.name))

    return consumer, seen


def _created_again(event: ContactCreated) -> ContactCreated:
    return event.model_copy(update={"id": uuid7()})


def _feed(database: Database, workspace: Workspace) -> list[str]:
    rows = database.admin(
        "select payload->>'name' as name from event_log where workspace_id = %(id)s "
        "order by position",
        id=workspace.id,
    )
    return [row["name"] for row in rows]


def test_events_of_one_workspace_share_a_transaction(
    deliver: Deliver, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shared.runtime as module

    consumer, seen = _recording()
    opened: list[UUID] = []
    real = module.transaction

    def counted(workspace_id: UUID, **options: Any) -> Any:
        opened.append(workspace_id)
        return real(workspace_id, **options)

    monkeypatch.setattr(module, "transaction", counted)
    assert deliver(consumer.handler, *[_created(workspace, str(n)) for n in range(5)]) == []
    assert [name for _, name in seen] == ["0", "1", "2", "3", "4"]
    assert opened == [workspace.id]


def test_only_the_guilty_message_fails_and_the_others_take_effect_once(
    deliver: Deliver, workspace: Workspace, database: Database
) -> None:
    consumer, _ = _recording(reject="bad")
    names = ("one", "bad", "two")
    assert deliver(consumer.handler, *[_created(workspace, name) for name in names]) == ["1"]
    assert _feed(database, workspace) == ["one", "two"]


def test_workspaces_are_kept_apart(
    deliver: Deliver, new_workspace: Callable[[], Workspace], database: Database
) -> None:
    consumer, _ = _recording(reject="bad")
    first, second = new_workspace(), new_workspace()
    failed = deliver(
        consumer.handler, _created(first, "a"), _created(second, "bad"), _created(first, "b")
    )
    assert failed == ["1"]
    assert (_feed(database, first), _feed(database, second)) == (["a", "b"], [])


def test_a_second_delivery_changes_nothing(
    deliver: Deliver, workspace: Workspace, database: Database
) -> None:
    consumer, _ = _recording()
    event = _created(workspace)
    assert deliver(consumer.handler, event, event) == []
    assert deliver(consumer.handler, event, receives=2) == []
    assert _feed(database, workspace) == ["Ada"]


def test_what_cannot_be_read_fails_alone_and_the_unknown_is_discarded(
    deliver: Deliver, workspace: Workspace
) -> None:
    consumer, seen = _recording()
    unknown = {"detail-type": "MoonLanded", "detail": {"workspace_id": str(workspace.id)}}
    failed = deliver(consumer.handler, "{", unknown, _created(workspace), '{"detail-type": 1}')
    assert failed == ["0", "3"]
    assert len(seen) == 1


def test_a_vendor_reaction_gets_a_workspaces_events_together(
    deliver: Deliver, new_workspace: Callable[[], Workspace]
) -> None:
    consumer = Consumer("vendor")
    batches: list[list[str]] = []

    @consumer.on_vendor(ContactCreated)
    def react(events: Sequence[ContactCreated]) -> None:  # pyright: ignore[reportUnusedFunction]
        batches.append([event.name for event in events])

    first, second = new_workspace(), new_workspace()
    events = [_created(first, "a"), _created(second, "b"), _created(first, "c")]
    assert deliver(consumer.handler, *events) == []
    assert batches == [["a", "c"], ["b"]]
    assert consumer.listens == {"ContactCreated"}


def test_messages_go_together_by_key_and_one_by_one_after_a_failure(deliver: Deliver) -> None:
    batches: list[list[str]] = []

    def work(notes: Sequence[Note]) -> None:
        batches.append([note.text for note in notes])
        if any(note.text == "bad" for note in notes):
            raise ValueError("no")
        if any(note.text == "stale" for note in notes):
            raise Discard("nothing to do")

    handler = Messages(Note, work, together=lambda note: note.group).handler
    notes = [("a", "1"), ("a", "bad"), ("b", "2"), ("b", "stale")]
    failed = deliver(handler, *[Note(group=group, text=text) for group, text in notes])
    assert failed == ["1"]
    assert batches == [["1", "bad"], ["1"], ["bad"], ["2", "stale"], ["2"], ["stale"]]


def test_messages_that_come_again_are_handled_alone_and_from_the_other_end_each_time(
    deliver: Deliver,
) -> None:
    seen: list[list[str]] = []

    def work(notes: Sequence[Note]) -> None:
        seen.append([note.text for note in notes])

    handler = Messages(Note, work, together=lambda note: note.group).handler
    notes = [Note(group="a", text=str(number)) for number in range(3)]
    for receives in (1, 2, 3):
        assert deliver(handler, *notes, receives=receives) == []
    assert seen == [["0", "1", "2"], ["0"], ["1"], ["2"], ["2"], ["1"], ["0"]]


def test_an_ordered_queue_does_nothing_of_a_group_after_a_failure(deliver: Deliver) -> None:
    done: list[str] = []

    def work(note: Note) -> None:
        if note.text == "bad":
            raise ValueError("no")
        done.append(note.text)

    handler = OrderedMessages(Note, work).handler
    notes = [Note(group="a", text=text) for text in ("1", "bad", "2")]
    assert deliver(handler, *notes) == ["1", "2"]
    assert done == ["1"]


def test_an_ordered_batch_that_fails_whole_is_reported_not_raised(deliver: Deliver) -> None:
    def work(note: Note) -> None:
        raise ValueError(note.text)

    handler = OrderedMessages(Note, work).handler
    assert deliver(handler, Note(group="a", text="1"), Note(group="b", text="2")) == ["0", "1"]


def test_a_schedule_runs_its_job_and_no_other() -> None:
    ran: list[str] = []
    handler = job_handler({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")})
    context: Any = LambdaContext()
    handler({"detail": {"job": "b"}}, context)
    assert ran == ["b"]
    with pytest.raises(KeyError):
        handler({"detail": {"job": "c"}}, context)
