"""One mailbox in two workspaces, one mail in two mailboxes: copies that never mix."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infra_cdk.local.google import mailbox as gmail
from infra_cdk.tests.polling import eventually
from infra_cdk.tests.stack import mails
from infra_cdk.tests.stack.books import balance, rows
from infra_cdk.tests.stack.hours import settle
from infra_cdk.tests.stack.team import Team

pytest_plugins = ["infra_cdk.tests.stack.fixtures"]
pytestmark = pytest.mark.stack


def test_each_workspace_has_its_own_copy_and_sees_no_other(
    new_team: Callable[[], Team], address: Callable[[], str]
) -> None:
    ours, theirs, shared = new_team(), new_team(), address()
    posts = [team.connect(shared) for team in (ours, theirs)]
    posts[0].receive(*mails.batch(10))
    settle(ours, theirs)
    balance(ours)
    balance(theirs)
    mine, others = listed(ours), listed(theirs)
    assert len(mine) == len(others) == 10
    assert not mine & others
    for stranger in others:
        assert ours.ask("GET", f"emails/{stranger}").status_code == 404
        assert ours.ask("GET", f"emails/{stranger}/raw").status_code == 404
    assert ours.ask("GET", f"mailboxes/{posts[1].id}/reconciliation").status_code == 404
    # What one of them does with the mailbox is nothing to the other.
    assert ours.change(posts[0], units_per_minute=60, sharing="everything").is_success
    assert theirs.get(f"mailboxes/{posts[1].id}")["units_per_minute"] == 6000
    posts[1].receive(*mails.batch(6))
    settle(theirs)
    balance(theirs)


def test_the_same_mail_in_two_mailboxes_is_two_mails(
    team: Team, address: Callable[[], str]
) -> None:
    first, second = team.connect(address()), team.connect(address())
    both = mails.batch(4)
    first.receive(*both)
    second.receive(*both)
    settle(team)
    balance(team)
    copies = rows(
        team.stack,
        """
        select message_id, count(distinct mailbox_id) as boxes, count(*) as mails from emails
        where workspace_id = %(workspace)s group by message_id
        """,
        workspace=team.workspace_id,
    )
    assert {(row["boxes"], row["mails"]) for row in copies} == {(2, 2)}
    # Deleting one copy is nothing to the other.
    gone = sorted(gmail.list_ids(first.box))[0]
    gmail.delete(first.box, gone)
    assert eventually(lambda: deleted(team) == [gone])
    settle(team)
    balance(team, gone=[gone])


def listed(team: Team) -> set[str]:
    return {email["id"] for email in team.get("emails?limit=100")["items"]}


def deleted(team: Team) -> list[str]:
    found = rows(
        team.stack,
        "select provider_id from emails where workspace_id = %(w)s and gone_at is not null",
        w=team.workspace_id,
    )
    return [row["provider_id"] for row in found]
