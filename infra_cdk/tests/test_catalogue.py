"""What is generated from the event classes is current, and says what the declarations say."""

from __future__ import annotations

from pathlib import Path

import pytest

from events.catalogue import all_events
from infra_cdk import catalogue
from infra_cdk.registry import declared


def test_schemas_and_catalogue_are_current() -> None:
    assert catalogue.stale(catalogue.generated()) == [], "run python -m infra_cdk.catalogue"


def test_every_schema_is_an_event_s() -> None:
    names = {path.name.partition(".")[0] for path in (catalogue.FOLDER / "schemas").iterdir()}
    assert names == set(all_events())


def test_the_catalogue_says_who_listens() -> None:
    listening = catalogue.listeners(declared())
    assert "ai (`ai-processing`)" in listening["EmailReceived"]
    rows = (catalogue.FOLDER / "README.md").read_text().splitlines()
    [row] = [row for row in rows if row.startswith("| [EmailReceived]")]
    assert "ai (`ai-processing`)" in row
    assert "| email |" in row


def test_a_changed_file_is_reported_and_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    assert catalogue.main([]) == 0
    assert catalogue.main(["--check"]) == 0
    (tmp_path / "README.md").write_text("by hand")
    (tmp_path / "schemas/EmailReceived.v1.json").unlink()
    assert catalogue.main(["--check"]) == 1
    assert "README.md" in capsys.readouterr().err
    assert catalogue.main([]) == 0
    assert catalogue.main(["--check"]) == 0
