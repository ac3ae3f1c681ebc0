"""Processes die at random while mails stream in, and in the end every account balances."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from infra_cdk.tests.stack import mails
from infra_cdk.tests.stack.books import balance
from infra_cdk.tests.stack.hours import settle
from infra_cdk.tests.stack.kills import Killer
from infra_cdk.tests.stack.start import hurry_queues
from infra_cdk.tests.stack.team import Team

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack

SERVICES = (  # by the way mail takes
    "gateway",
    "pollers",
    "postgres",
    "ministack",
    "google",
    "emulate",
    "valkey",
)
FUNCTIONS = ("email-sync", "email-fetch", "ai-consumers", "automations-consumer", "email-jobs")
ROUNDS = 8


@pytest.mark.parametrize("seed", [20261122])
def test_anything_dies_at_any_time(
    team: Team, address: Callable[[], str], killer: Killer, seed: int
) -> None:
    chance = random.Random(seed)
    posts = [team.connect(address()) for _ in range(2)]
    for _ in range(ROUNDS):
        for name in ("google", "emulate"):  # the world's mail needs a mailbox to come to
            killer.revived(name)
        for post in posts:
            post.receive(*mails.batch(chance.randrange(2, 8)))
        time.sleep(chance.uniform(0, 1.5))
        for victim in chance.sample(SERVICES + FUNCTIONS, 2):
            kill(killer, victim)
    for name in SERVICES:
        killer.revived(name)
    hurry_queues(team.stack)
    settle(team, within_s=150)
    balance(team)


def kill(killer: Killer, victim: str) -> None:
    """Kill a service unless it has died too often of late, or a function if it runs."""
    if victim in SERVICES:
        if killer.spares(victim):
            killer.revived(victim)
            killer.service(victim)
    else:
        killer.strike(victim)
