"""An export: what is in it, and how long it is there."""

from __future__ import annotations

import io
import json
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from functions.privacy import exporting
from functions.privacy.tests.conftest import ERIKA, NAME, Desk, grep
from shared.access import access_of
from shared.aws import client
from shared.testing import BUCKET, NewWorkspace

ANA, BOB = "ana@acme.example", "bob@other.example"


def _export(desk: Desk, **person: Any) -> dict[str, Any]:
    request = desk.ask("export", **(person or {"email": ERIKA})).json
    desk.begin(request)
    done: dict[str, Any] = desk.get(request).json
    return done


def _opened(desk: Desk, request: dict[str, Any]) -> dict[str, bytes]:
    """What is in the file that the API leads to."""
    answer = desk.get(request, "/download")
    assert answer.status == 303, answer.json
    file = httpx.get(answer.headers["location"], trust_env=False).raise_for_status().content
    assert len(file) == request["size"]
    with ZipFile(io.BytesIO(file)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def _lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


def test_everything_about_them_and_nothing_about_others(
    desk: Desk, new_workspace: NewWorkspace
) -> None:
    other = new_workspace()
    desk.contact(within=other, name="Elsewhere")
    contact = desk.contact(tags=["vip"])
    task = desk.task(contact, notes="Ask about the mill")
    desk.task(None, title="Buy milk")
    desk.contact(name="Bob", email=BOB)
    box = desk.mailbox(ANA)
    mails = {
        "from": desk.mail(box, ERIKA, ANA, text="Grüße", raw=b"From: Erika\r\n\r\nraw\xff"),
        "among": desk.mail(box, BOB, ANA, ERIKA, text="All of you"),
        "others": desk.mail(box, BOB, ANA, text="Not of her"),
    }
    done = _export(desk)
    assert (done["state"], done["steps"]["emails"]["rows"]) == ("done", {"emails.ndjson": 2})
    found = _opened(desk, done)
    assert {name for name in found if not name.startswith("mails/")} == {
        "README.txt", "analyses.ndjson", "contact.json", "disclosures.ndjson", "emails.ndjson",
        "history.ndjson", "requests.ndjson", "tasks.ndjson",
    }  # fmt: skip
    [shown] = json.loads(found["contact.json"])
    assert {name: shown[name] for name in ("id", "name", "email", "tags")} == {
        "id": contact["id"], "name": NAME, "email": ERIKA, "tags": ["vip"]
    }  # fmt: skip
    [one] = _lines(found["tasks.ndjson"])
    assert (one["id"], one["notes"]) == (task["id"], "Ask about the mill")
    written = {one["id"]: one["text"] for one in _lines(found["emails.ndjson"])}
    assert written == {str(mails["from"]): "Grüße", str(mails["among"]): "All of you"}
    assert found[f"mails/{mails['from']}.eml"] == b"From: Erika\r\n\r\nraw\xff"
    assert f"mails/{mails['others']}.eml" not in found
    assert [one["action"] for one in _lines(found["history.ndjson"])] == ["created"]
    assert "emails.ndjson: 2 records" in found["README.txt"].decode()
    whole = b"".join(found.values()).decode(errors="replace")
    for word in ("Buy milk", "Not of her", "Elsewhere"):
        assert word not in whole
    [told] = [e for e in desk.events() if e.type_name() == "PersonExported"]
    assert getattr(told, "size", None) == done["size"]


def test_blind_copies_are_not_told_of(desk: Desk) -> None:
    email = desk.mail(desk.mailbox(ANA), ANA, ERIKA, BOB)
    desk.database.admin(
        "update email_participants set role = 'bcc' where email_id = %(id)s and email = %(bob)s",
        id=email,
        bob=BOB,
    )
    found = _opened(desk, _export(desk))
    [one] = _lines(found["emails.ndjson"])
    assert {person["email"] for person in one["participants"]} == {ANA, ERIKA}
    assert not any(name.endswith(".eml") for name in found)


def test_who_may_not_export_downloads_nothing(desk: Desk) -> None:
    done = _export(desk)
    for grants in ("contacts.export", "workspace.settings"):
        assert desk.get(done, "/download", access=access_of(grants)).status == 403


def test_after_seven_days_it_is_gone(desk: Desk) -> None:
    desk.contact()
    done = _export(desk)
    assert desk.get(done, "/download").status == 303
    _age(desk, "6 days 23 hours")
    desk.tick("expire-exports")
    assert desk.get(done, "/download").status == 303
    _age(desk, "1 hour 1 second")
    answer = desk.get(done, "/download")
    assert (answer.status, answer.json["code"]) == (404, "export_not_there")
    assert len(desk.objects()) == 1
    desk.tick("expire-exports")
    assert desk.objects() == {}
    assert desk.get(done).json["email"] is None
    assert "privacy_requests" not in grep(desk, ERIKA)


def _age(desk: Desk, time: str) -> None:
    desk.database.admin(
        """
        update privacy_requests set finished_at = finished_at - %(time)s::interval
        where workspace_id = %(w)s
        """,
        time=time,
        w=desk.workspace.id,
    )


def test_one_that_is_too_large_says_so_and_leaves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "LARGEST", 100_000)
    box = desk.mailbox(ANA)
    noise = client("s3")
    email = desk.mail(box, ERIKA, ANA)
    [key] = desk.objects()
    noise.put_object(Bucket=BUCKET, Key=key, Body=bytes(range(256)) * 4096)
    assert _export(desk)["state"] == "done", "what repeats itself is small in there"
    import os

    noise.put_object(Bucket=BUCKET, Key=key, Body=os.urandom(200_000))
    failed = _export(desk)
    assert (failed["state"], failed["reason"]) == ("failed", "too_large")
    assert len([one for one in desk.objects() if one.endswith(".zip")]) == 1, "the first one's"
    assert desk.get(failed, "/download").status == 404
    assert email


def test_one_that_fails_is_made_anew_and_given_up_in_the_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.mail(desk.mailbox(ANA), ERIKA, ANA)
    [key] = desk.objects()
    body = desk.objects()[key]
    client("s3").delete_object(Bucket=BUCKET, Key=key)
    waiting = _export(desk)
    assert (waiting["state"], waiting["steps"]["export"]["error"]) == ("waiting", "NoSuchKey")
    client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
    desk.wait()
    desk.tick()
    assert desk.get(waiting).json["state"] == "done"
    client("s3").delete_object(Bucket=BUCKET, Key=key)
    failed = desk.ask("export", email=ERIKA).json
    for _ in range(8):
        desk.wait()
        desk.begin(failed)
    shown = desk.get(failed).json
    assert (shown["state"], shown["reason"]) == ("failed", "NoSuchKey")
    assert f"exports/{failed['id']}.zip" not in "".join(desk.objects())


@pytest.mark.parametrize("then", ["ends", "fails"])
def test_who_has_lost_it_leaves_the_winners_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    request = desk.ask("export", email=ERIKA).json
    making = exporting._make  # pyright: ignore[reportPrivateUsage]

    def slowly(*given: Any) -> Any:
        """Somebody else makes it meanwhile."""
        made = making(*given)
        monkeypatch.setattr(exporting, "_make", making)
        desk.wait()
        desk.tick()
        assert desk.get(request).json["state"] == "done"
        desk.as_role("crm_eraser")
        if then == "fails":
            raise ConnectionError
        return made

    monkeypatch.setattr(exporting, "_make", slowly)
    desk.begin(request)
    assert desk.get(request).json["state"] == "done"
    assert f"exports/{request['id']}.zip" in "".join(desk.objects())


def test_delivered_again_it_is_made_once(desk: Desk) -> None:
    request = desk.ask("export", email=ERIKA).json
    desk.begin(request, times=3)
    assert [e.type_name() for e in desk.events()].count("PersonExported") == 1


def test_an_erasure_ends_an_export_that_is_being_made(desk: Desk) -> None:
    contact = desk.contact()
    waiting = desk.ask("export", contact_id=contact["id"]).json
    desk.erase(contact_id=contact["id"])
    shown = desk.get(waiting).json
    assert (shown["state"], shown["reason"], shown["email"]) == ("failed", "erased", None)
    desk.begin(waiting)
    assert desk.objects() == {}
    assert grep(desk, ERIKA, NAME) == {}
