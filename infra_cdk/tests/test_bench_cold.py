"""`haste bench cold`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra_cdk.local.commands.coldbench.imports import Import, heaviest
from infra_cdk.local.commands.coldbench.measuring import budget_ms
from infra_cdk.registry import declared
from infra_cdk.tests.demos import empty_home, haste
from infra_cdk.tests.probe import declare
from layers.tests.trees import needs_uv
from shared.wiring import Declared, Function, Http, Queue

FIRST_KEYS = ["environment", "runs", "interpreter_ms", "functions"]
FIRST_KEYS_OF_A_FUNCTION = [
    "name",
    "import_ms",
    "first_request_ms",
    "memory_mb",
    "heaviest",
    "budget_ms",
    "unzipped_bytes",
]
TOLD = """\
import time: self [us] | cumulative | imported package
import time:       400 |        400 |   encodings.aliases
import time:      1600 |       2000 | encodings
a line of the function's own
import time:     12345 |      12345 |     pydantic._internal
import time:      5050 |      17395 |   pydantic
import time:       600 |      17995 | functions.contacts.api
"""


@needs_uv
@pytest.mark.stack
@pytest.mark.timeout(600)
def test_it_measures_what_it_says() -> None:
    chosen = ("--function", "contacts-api", "--function", "email-sync")
    with empty_home() as home:
        done = haste("bench", "cold", "--runs", "1", *chosen, "--json", home=home)
        assert done.returncode == 0, done.stderr
        assert list((home / "bench" / "run").glob("unpacked-*")) == []
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures)[: len(FIRST_KEYS)] == FIRST_KEYS
    assert figures["environment"]["cores"] >= 1
    assert figures["runs"] == 1
    assert [one["name"] for one in figures["functions"]] == ["contacts-api", "email-sync"]
    for one in figures["functions"]:
        assert list(one)[: len(FIRST_KEYS_OF_A_FUNCTION)] == FIRST_KEYS_OF_A_FUNCTION
        assert 0 < figures["interpreter_ms"] < one["import_ms"] < one["first_request_ms"]
        assert 0 < one["import_cpu_ms"] < one["first_request_cpu_ms"]
        assert 10 < one["memory_mb"] < 1000
        assert one["unzipped_bytes"] > 10_000_000
        assert len(one["heaviest"]) == len(one["packages"]) == 5
        assert one["heaviest"] == sorted(one["heaviest"], key=lambda found: -found["ms"])
        assert one["name"] in done.stderr
    assert [one["budget_ms"] for one in figures["functions"]] == [1200, None]
    assert "≤ 1200" in done.stderr


def test_a_function_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = haste("bench", "cold", "--function", "contacts-apo", home=tmp_path)
    assert done.returncode == 1
    assert "no function contacts-apo; there are:" in done.stderr
    assert "contacts-api" in done.stderr


def test_imports_are_added_up_by_package() -> None:
    found = heaviest(TOLD, most=2)
    assert found.heaviest == (Import("pydantic._internal", 12.3), Import("pydantic", 5.0))
    assert found.packages == (Import("pydantic", 17.4), Import("standard library", 2.0))


def test_who_asks_over_http_is_promised_something() -> None:
    def budget(*prefixes: str) -> float | None:
        http = tuple(Http(prefix) for prefix in prefixes)
        [one] = declare(Function("api", "api.handler", http=http, queue=Queue("probe")))
        return budget_ms(one)

    assert budget("/api/v1/contacts") == 1200
    assert budget("/webhooks/gmail") == 500
    assert budget("/api/v1/graphql") == 1600
    assert budget() is None


@pytest.mark.parametrize("one", declared(), ids=lambda one: one.name)
def test_every_budget_is_one_of_the_design(one: Declared) -> None:
    expected = {1200, 1600, 500} if one.function.http else {None}
    assert budget_ms(one) in expected
