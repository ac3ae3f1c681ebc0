"""`haste demo`, run as a person runs it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra_cdk.local.commands.mailrun.letters import SAMPLES
from infra_cdk.local.state import CHECKOUT, free_port
from infra_cdk.tests.demos import Demo, demo, empty_home, haste, interrupt, started
from infra_cdk.tests.polling import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

KEYS = [
    "mails",
    "states",
    "unaccounted",
    "duplicates",
    "raw_identical",
    "analyzed",
    "automation_runs",
    "tasks_created",
    "visible_p95_ms",
    "mails_per_minute",
    "cpu_ms_per_mail",
    "faults_injected",
    "api",
    "token",
    "workspace",
]


def corpus(name: str) -> Path:
    folder = Path(os.environ.get("HASTE_CORPORA", CHECKOUT.parent / "shared" / "corpora")) / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there; set HASTE_CORPORA to the folder of real mail")
    return folder


def assert_all_accounted_for(shown: Demo, mails: int) -> None:
    figures = shown.figures
    stored = figures["states"].get("stored", 0)
    assert figures["mails"] == sum(figures["states"].values()) == mails
    assert set(figures["states"]) <= {"stored", "skipped", "gone", "failed"}
    assert (figures["unaccounted"], figures["duplicates"]) == (0, 0)
    assert figures["raw_identical"] is True
    assert stored >= 0.99 * mails
    assert figures["analyzed"] == stored
    assert len(shown.every("emails")) == stored
    assert len(shown.every("tasks")) == figures["tasks_created"]


@pytest.fixture(scope="module")
def shown() -> Iterator[Demo]:
    """The demo on the shipped samples, staying up."""
    with demo() as running:
        yield running


def test_every_sample_is_stored_understood_and_acted_on(shown: Demo) -> None:
    assert_all_accounted_for(shown, len(list(SAMPLES.glob("*.eml"))))
    assert list(shown.figures) == KEYS
    assert shown.figures["automation_runs"] > shown.figures["tasks_created"] > 0
    assert shown.figures["faults_injected"] == 0
    assert (
        min(shown.figures[key] for key in KEYS if key.startswith(("visible", "mails", "cpu"))) > 0
    )


def test_nothing_went_wrong_in_any_log(shown: Demo) -> None:
    assert shown.trouble() == []


def test_what_it_says_can_be_checked_from_outside(shown: Demo) -> None:
    mails = shown.every("emails")
    assert {mail["sender_email"] for mail in mails} >= {"gareth.pryce@birchwoodmedical.example"}
    assert any(mail["direction"] == "outbound" for mail in mails)
    books = [
        shown.get(f"mailboxes/{mailbox['id']}/reconciliation")
        for mailbox in shown.every("mailboxes")
    ]
    assert sum(book["listed"] for book in books) == shown.figures["mails"]
    assert {(book["unaccounted"], book["open"]) for book in books} == {(0, 0)}


def test_a_mails_bytes_are_those_of_its_file(shown: Demo) -> None:
    samples = {path.read_bytes() for path in SAMPLES.glob("*.eml")}
    newest = shown.every("emails")[0]
    answer = httpx.get(
        f"{shown.figures['api']}/api/v1/emails/{newest['id']}/raw",
        headers={"Authorization": f"Bearer {shown.figures['token']}"},
        follow_redirects=True,
        trust_env=False,
    )
    assert answer.content in samples


def test_other_commands_reach_the_running_demo(shown: Demo) -> None:
    counted = haste("db", "select count(*) as mails from emails", home=shown.home)
    assert counted.returncode == 0, counted.stderr
    assert int(counted.stdout.split()[1]) >= shown.figures["mails"]
    as_nobody = haste("db", "--role", "crm_app", "select * from emails", home=shown.home)
    assert "(0 rows)" in as_nobody.stdout
    assert haste("tick", "email-jobs", "release", home=shown.home).returncode == 0
    asked = haste("invoke", "outbox-jobs", "--event", "-", home=shown.home, stdin='{"detail": {}}')
    assert asked.returncode == 1
    assert "Traceback" not in asked.stderr


def test_a_message_that_cannot_be_handled_is_found_and_put_back(shown: Demo) -> None:
    assert haste("send", "ai-processing", "{}", home=shown.home).returncode == 0
    unknown = haste("send", "no-such-queue", "{}", home=shown.home)
    assert unknown.returncode == 1
    assert "ai-processing" in unknown.stderr
    listed = haste("dlq", home=shown.home)
    assert "email-fetch: 0" in listed.stdout
    assert "0 put back" in haste("dlq", "email-fetch", "--redrive", home=shown.home).stdout


def test_a_second_one_beside_it_says_what_to_do(shown: Demo) -> None:
    second = haste("demo", home=shown.home)
    assert second.returncode == 1
    assert "stop it first" in second.stderr
    assert "Traceback" not in second.stderr


def test_ctrl_c_while_it_starts_leaves_no_process() -> None:
    with empty_home() as home, started("demo", home=home) as process:
        state = home / "demo" / "run" / "state.json"
        assert eventually(lambda: state.exists() and "postgres" in state.read_text())
        assert interrupt(process) == 130
        assert not state.exists()


def test_it_ends_when_asked_to(tmp_path: Path) -> None:
    """With `--exit`; and a folder inside the folder counts, and an mbox's first line does not."""
    nested = tmp_path / "inner"
    nested.mkdir()
    mail = b"From: Kim <kim@initech.example>\r\nSubject: Price?\r\n\r\nWhat does it cost?\r\n"
    (nested / "one.txt").write_bytes(b"From kim@initech.example Tue Jul  1 10:52:37 2003\n" + mail)
    (nested / "ignored.json").write_text("{}")
    (tmp_path / "two.eml").write_bytes(b"")
    with empty_home() as home:
        options = ("--json", "--exit", "--mail", str(tmp_path), "--port", str(free_port()))
        done = haste("demo", *options, home=home)
        assert done.returncode == 0, done.stderr
        figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["mails"] == sum(figures["states"].values()) == 2
    assert figures["raw_identical"] is True


def test_what_gmail_gets_wrong_loses_nothing_and_does_nothing_twice(shown: Demo) -> None:
    with demo("--faults") as faulty:
        assert_all_accounted_for(faulty, shown.figures["mails"])
        assert faulty.figures["faults_injected"] > 20
        for same in ("automation_runs", "tasks_created"):
            assert faulty.figures[same] == shown.figures[same]


@pytest.mark.corpora
@pytest.mark.parametrize(("name", "mails"), [("raw", 582), ("mime", 54)])
def test_of_real_mail_nothing_is_lost(name: str, mails: int) -> None:
    with demo("--mail", str(corpus(name))) as running:
        assert_all_accounted_for(running, mails)
        assert running.trouble() == []
