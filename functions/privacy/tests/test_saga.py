"""An erasure goes on from wherever it was cut short, whoever cuts it, and happens once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest

from functions.privacy import erasing, saga, store
from functions.privacy.api import handler as api
from functions.privacy.models import Lost, Taken
from functions.privacy.tests.conftest import ERIKA, NAME, URL, Desk, grep
from functions.privacy.tests.test_erasure import analyse
from shared.aws import client
from shared.db import transaction
from shared.testing import Call
from shared.tests.attempts import Environment, Killed

if TYPE_CHECKING:
    from collections.abc import Generator

ANA = "ana@acme.example"
CONSUMER = "functions.privacy.consumers.handler"


@contextmanager
def _locked(desk: Desk, contact: dict[str, Any]) -> Generator[psycopg.Connection]:
    """Somebody holds the contact's row, so that whoever erases it waits there."""
    url = desk.database.server.url(database=desk.database.name)
    with psycopg.connect(url) as holder:
        holder.execute("select 1 from contacts where id = %s for update", (contact["id"],))
        yield holder
        holder.rollback()


def _eventually(desk: Desk, request: dict[str, Any], part: str, state: str) -> None:
    """Wait until a part of the request is so far."""
    for _ in range(600):
        if desk.request(request)["steps"].get(part, {}).get("state") == state:
            return
        time.sleep(0.05)
    raise AssertionError(f"{part} is never {state}: {desk.request(request)}")


def test_killed_between_batches_it_goes_on_from_there(desk: Desk) -> None:
    contact = desk.contact()
    desk.task(contact)
    box = desk.mailbox(ANA)
    for _ in range(3):
        desk.mail(box, ERIKA, ANA)
    request = desk.ask("erasure", contact_id=contact["id"]).json
    environment = Environment()
    try:
        with _locked(desk, contact), ThreadPoolExecutor(1) as thread:
            deliver = environment.handler(CONSUMER)
            [event] = [e for e in desk.events() if e.type_name() == "PersonErasureRequested"]
            begun = thread.submit(desk.deliver, deliver, event, role="crm_eraser")
            _eventually(desk, request, "tasks", "done")
            environment.kill()
            with pytest.raises(Killed):
                begun.result(timeout=30)
    finally:
        environment.close()
    row = desk.request(request)
    assert (row["state"], row["steps"]["emails"]["rows"]) == ("running", {"emails": 3})
    assert "contacts" not in row["steps"]
    desk.begin(request)
    desk.tick()
    assert desk.request(request)["claim"] == row["claim"], "the dead one's lease is not over"
    for _ in range(2):
        desk.wait()
        desk.tick()
    done = desk.get(request).json
    assert done["state"] == "done"
    assert done["steps"]["emails"]["rows"] == {"emails": 3}, "counted once"
    assert grep(desk, ERIKA, NAME) == {}
    assert sum(e.type_name() == "PersonErased" for e in desk.events()) == 1


def test_objects_of_a_batch_are_deleted_by_whoever_goes_on(desk: Desk) -> None:
    """Killed after a batch's commit and before S3 was asked: its keys are in the request."""
    box = desk.mailbox(ANA)
    desk.mail(box, ERIKA, ANA)
    [key] = desk.objects()
    request = desk.ask("erasure", email=ERIKA).json
    desk.database.admin(
        """
        with gone as (delete from emails where workspace_id = %(w)s)
        update privacy_requests set objects = jsonb_build_array(%(key)s::text)
        where workspace_id = %(w)s
        """,
        w=desk.workspace.id,
        key=key,
    )
    desk.begin(request)
    assert desk.objects() == {}
    assert desk.request(request)["objects"] == []


def test_delivered_again_and_again_it_happens_once(desk: Desk) -> None:
    contact = desk.contact()
    request = desk.ask("erasure", contact_id=contact["id"]).json
    desk.begin(request, times=3)
    desk.wait()
    desk.begin(request, times=3)
    desk.tick()
    assert desk.get(request).json["state"] == "done"
    kinds = [event.type_name() for event in desk.events()]
    assert (kinds.count("ContactDeleted"), kinds.count("PersonErased")) == (1, 1)


def test_more_than_a_batch_of_mails(desk: Desk) -> None:
    box = desk.mailbox(ANA)
    desk.mail(box, ERIKA, ANA)
    desk.database.admin(
        """
        with made as (
            insert into emails (workspace_id, id, mailbox_id, thread_id, provider_id, direction,
                kind, sender_email, received_at, labels, attachments, defects, size, raw_key,
                backfill)
            select workspace_id, app.uuid7(), mailbox_id, thread_id, gen_random_uuid()::text,
                direction, kind, sender_email, received_at, labels, attachments, defects, size,
                raw_key, backfill
            from emails, generate_series(1, 450) where workspace_id = %(w)s
            returning workspace_id, mailbox_id, id, provider_id
        )
        insert into mail_ledger (workspace_id, mailbox_id, provider_id, state, listed, email_id)
        select workspace_id, mailbox_id, provider_id, 'stored', false, id from made
        """,
        w=desk.workspace.id,
    )
    done = desk.erase(email=ERIKA)
    assert done["steps"]["emails"]["rows"] == {"emails": 451}
    assert grep(desk, ERIKA) == {}
    states = desk.database.admin(
        """
        select state, reason, count(*) as n from mail_ledger where workspace_id = %(w)s
        group by 1, 2
        """,
        w=desk.workspace.id,
    )
    assert [(one["state"], one["reason"], one["n"]) for one in states] == [
        ("skipped", "erased", 451)
    ]


def test_out_of_time_it_gives_up_politely_and_is_taken_up_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = desk.contact()
    monkeypatch.setattr(saga, "BUDGET_S", -1.0)
    request = desk.ask("erasure", contact_id=contact["id"]).json
    for _ in range(12):
        desk.begin(request)
    row = desk.request(request)
    assert (row["state"], row["attempts"], row["claim"]) == ("waiting", 0, None)
    monkeypatch.undo()
    monkeypatch.setenv("HASTE_PRIVACY_AGAIN_SECONDS", "0")
    desk.as_role("crm_eraser")
    for _ in range(2):
        saga.work_on(desk.workspace.id, UUID(request["id"]), saga.deadline())
    assert desk.get(request).json["state"] == "done"


def test_two_who_work_at_once_do_not_both(desk: Desk) -> None:
    """Whoever lost the request writes nothing more."""
    request = desk.ask("erasure", email=ERIKA).json
    desk.as_role("crm_eraser")
    request_id = UUID(request["id"])
    with transaction(desk.workspace.id) as tx:
        first = store.take_request(tx, request_id, uuid4())
        assert store.take_request(tx, request_id, uuid4()) is None
    desk.wait()
    with transaction(desk.workspace.id) as tx:
        second = store.take_request(tx, request_id, uuid4())
    assert isinstance(first, Taken)
    assert isinstance(second, Taken)
    with transaction(desk.workspace.id) as tx:
        store.hold(tx, second)
        with pytest.raises(Lost):
            store.hold(tx, first)


@contextmanager
def _undeletable(desk: Desk) -> Generator[None]:
    """Nobody can delete a task of the workspace."""
    name = f"refuse_{desk.workspace.id.hex}"
    statements: Any = (
        f"""
        create function public.{name}() returns trigger language plpgsql as
            $$ begin raise exception using message = old.title; end $$
        """,
        f"""
        create trigger {name} before delete on tasks for each row
            when (old.workspace_id = '{desk.workspace.id}') execute function public.{name}()
        """,
    )
    for statement in statements:
        desk.database.admin(statement)
    try:
        yield
    finally:
        drop: Any = f"drop function public.{name}() cascade"
        desk.database.admin(drop)


def test_a_part_that_fails_is_tried_again_while_the_others_are_done(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    contact = desk.contact()
    desk.task(contact)
    desk.mail(desk.mailbox(ANA), ERIKA, ANA)
    request = desk.ask("erasure", contact_id=contact["id"]).json
    capsys.readouterr()
    waits: list[float] = []
    with _undeletable(desk):
        for _ in range(8):
            desk.wait()
            desk.begin(request)
            row = desk.request(request)
            waits.append((row["due_at"] - row["updated_at"]).total_seconds())
            shown = desk.get(request).json
            steps = {name: (one["state"], one["error"]) for name, one in shown["steps"].items()}
            if len(waits) == 1:
                assert (shown["state"], shown["attempts"]) == ("waiting", 1)
                assert steps["emails"] == ("done", None)
                assert steps["tasks"] == ("waiting", "tasks: RaiseException")
                assert steps["contacts"] == ("waiting", "contacts: ForeignKeyViolation")
                assert steps["events"] == ("waiting", None), "it comes after the tasks"
    assert waits[:3] == [60, 120, 240]
    failed = desk.get(request).json
    reason = "contacts: ForeignKeyViolation, tasks: RaiseException"
    assert (failed["state"], failed["reason"]) == ("failed", reason)
    assert failed["steps"]["emails"]["state"] == "done"
    assert failed["steps"]["tasks"]["state"] == "failed"
    [told] = [e for e in desk.events() if e.type_name() == "PrivacyRequestFailed"]
    assert getattr(told, "reason", "") == reason
    assert NAME not in capsys.readouterr().out, "what the database said tells of them"
    done = desk.erase(contact_id=contact["id"])
    assert done["id"] != request["id"]
    assert grep(desk, ERIKA, NAME) == {}


def test_a_bucket_that_does_not_answer_holds_up_nothing_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = desk.contact()
    desk.mail(desk.mailbox(ANA), ERIKA, ANA)
    request = desk.ask("erasure", contact_id=contact["id"]).json
    monkeypatch.setenv("HASTE_BUCKET", "haste-nowhere")
    desk.begin(request)
    shown = desk.get(request).json
    assert shown["state"] == "waiting"
    assert shown["steps"].pop("objects")["error"] == "objects: NoSuchBucket"
    assert {one["state"] for one in shown["steps"].values()} == {"done"}
    assert len(desk.objects()) == 1
    monkeypatch.setenv("HASTE_BUCKET", "haste-mail")
    for _ in range(2):
        desk.wait()
        desk.tick()
    assert desk.get(request).json["state"] == "done"
    assert desk.objects() == {}
    assert grep(desk, ERIKA, NAME) == {}


def test_older_versions_of_an_object_go_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = f"versions-{uuid4().hex}"
    s3 = client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    desk.mail(desk.mailbox(ANA), ERIKA, ANA)
    [key] = desk.objects()
    for body in (b"old", b"new"):
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    s3.put_object(Bucket=bucket, Key=f"{key}.beside", Body=b"another's")
    s3.delete_object(Bucket=bucket, Key=key)
    monkeypatch.setenv("HASTE_BUCKET", bucket)
    desk.erase(email=ERIKA)
    left = s3.list_object_versions(Bucket=bucket)
    assert [one.get("Key") for one in left.get("Versions", [])] == [f"{key}.beside"]
    assert left.get("DeleteMarkers", []) == []


def test_an_erasure_that_was_given_up_still_knows_the_name(
    desk: Desk, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its contacts may be gone by then, and what an AI read in others' mails is found by it."""
    contact = desk.contact()
    among = desk.mail(desk.mailbox(ANA), "bob@other.example", ANA, ERIKA)
    analyse(desk, among, "x")
    request = desk.ask("erasure", contact_id=contact["id"]).json
    parts = erasing.find_parts()

    def broken(*_: Any) -> Any:
        raise RuntimeError

    def broken_parts() -> Any:
        return tuple(replace(one, erase=broken) if one.name == "analyses" else one for one in parts)

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "find_parts", broken_parts)
        for _ in range(8):
            desk.wait()
            desk.begin(request)
    assert desk.get(request).json["state"] == "failed"
    assert call(api, "POST", f"{URL}/{request['id']}/retry").status == 202
    for _ in range(4):
        desk.wait()
        desk.tick()
    assert desk.get(request).json["state"] == "done"
    assert grep(desk, ERIKA, NAME) == {}


def test_kills_alone_do_not_end_it_soon(desk: Desk) -> None:
    request = desk.ask("erasure", email=ERIKA).json
    desk.database.admin(
        """
        update privacy_requests set state = 'running', attempts = 20, claim = gen_random_uuid()
        where id = %(id)s::uuid
        """,
        id=request["id"],
    )
    desk.wait()
    desk.tick()
    assert desk.get(request).json["state"] == "waiting", "for its second round"
