"""Whatever arrives is stored or left out for a reason, and nothing fails over it."""

from __future__ import annotations

import pytest

from infra_cdk.tests.stack.books import balance, ledger
from infra_cdk.tests.stack.hours import settle
from infra_cdk.tests.stack.logs import Logs
from infra_cdk.tests.stack.odd_mails import odd_mails
from infra_cdk.tests.stack.team import Post, Team

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack


def test_odd_mails_are_stored_as_they_are(team: Team, post: Post, logs: Logs) -> None:
    odd = odd_mails()
    names = dict(zip(post.receive(*odd.values()), odd, strict=True))
    settle(team)
    ends = {names[id_]: end for id_, end in ledger(team, post).items()}
    assert {name: end for name, end in ends.items() if end != ("stored", None)} == {}
    balance(team)
    assert logs.complaints() == []
