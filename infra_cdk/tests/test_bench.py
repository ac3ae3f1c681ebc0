"""`haste bench email`."""

from __future__ import annotations

import json

import pytest

from infra_cdk.tests.demos import empty_home, haste

FIRST_KEYS = [
    "environment",
    "mails",
    "mails_per_minute",
    "cpu_ms_per_mail",
    "visible_p50_ms",
    "visible_p95_ms",
]


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_it_measures_what_it_says() -> None:
    with empty_home() as home:
        done = haste("bench", "email", "--mails", "20", "--json", home=home)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures)[: len(FIRST_KEYS)] == FIRST_KEYS
    assert figures["mails"] == 20
    assert figures["environment"]["cores"] >= 1
    assert 0 < figures["visible_p50_ms"] <= figures["visible_p95_ms"]
    assert figures["mails_per_minute"] > 0
    parts = figures["functions_cpu_ms_per_mail"]
    assert {"email-fetch", "ai-consumers", "automations-consumer", "email-sync"} <= set(parts)
    assert figures["cpu_ms_per_mail"] == pytest.approx(sum(parts.values()), abs=0.1)
    assert {"postgres", "google", "emulate", "ministack", "pollers", "gateway"} <= set(
        figures["beside_cpu_ms_per_mail"]
    )
