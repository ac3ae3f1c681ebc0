"""Every event that was ever published can still be read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from events.catalogue import all_events
from events.envelope import Event, parse

SAMPLES = Path(__file__).parents[1] / "samples"
KNOWN = all_events()
FILES = sorted(SAMPLES.glob("*.json"))


def sample_of(event: type[Event]) -> dict[str, Any]:
    """The golden sample of an event's current version."""
    path = SAMPLES / f"{event.type_name()}.v{event.version}.json"
    sample: dict[str, Any] = json.loads(path.read_text())
    return sample


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_sample_parses_for_ever(path: Path) -> None:
    name = re.fullmatch(r"(\w+)\.v([1-9]\d*)", path.stem)
    assert name, "samples are <Class>.v<version>.json"
    assert name[1] in KNOWN, "an event class is never removed: someone may still have it queued"
    assert int(name[2]) <= KNOWN[name[1]].version
    assert parse(name[1], path.read_bytes()) is not None


@pytest.mark.parametrize("event", KNOWN.values(), ids=lambda event: event.type_name())
def test_the_current_version_has_a_complete_sample(event: type[Event]) -> None:
    sample = sample_of(event)
    assert set(sample) == set(event.model_fields)
    assert event.model_validate(sample).model_dump(mode="json") == sample


@pytest.mark.parametrize("event", KNOWN.values(), ids=lambda event: event.type_name())
def test_an_older_consumer_ignores_what_a_newer_producer_adds(event: type[Event]) -> None:
    newer = {**sample_of(event), "added_next_year": {"nested": [1, 2]}}
    assert parse(event.type_name(), newer) == event.model_validate(sample_of(event))


def test_a_type_nobody_knows_is_none() -> None:
    assert parse("SomethingOfNextYear", {"id": "1"}) is None


@pytest.mark.parametrize("event", KNOWN.values(), ids=lambda event: event.type_name())
def test_events_are_facts_named_in_the_past_tense(event: type[Event]) -> None:
    assert re.search(r"(ed|Left|Lost|Ran|Sent|Won)$", event.type_name())
    assert event.source
    assert event.__doc__
    assert event.model_config.get("frozen")
    assert event.model_config.get("extra") == "ignore"
