"""The mail's way when nothing goes wrong."""

from __future__ import annotations

import pytest

from infra_cdk.tests.stack import mails
from infra_cdk.tests.stack.books import balance
from infra_cdk.tests.stack.hours import settle
from infra_cdk.tests.stack.logs import Logs
from infra_cdk.tests.stack.team import Post, Team

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack


def test_every_mail_is_stored_read_and_acted_on_once(team: Team, post: Post, logs: Logs) -> None:
    post.receive(*mails.batch(40))
    settle(team)
    balance(team)
    books = team.get(f"mailboxes/{post.id}/reconciliation")
    assert (books["listed"], books["states"], books["unaccounted"]) == (40, {"stored": 40}, 0)
    assert logs.complaints() == []
