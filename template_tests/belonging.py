"""What is asked of members, roles, teams and invitations, for looking at query plans."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from functions.activities import store as activities
from functions.contacts import store as contacts
from functions.workspaces.models.invitations import Invitation
from functions.workspaces.models.members import Standing
from functions.workspaces.queries import invitations, members, roles, teams
from functions.workspaces.store import invitations as invitation_store
from functions.workspaces.store import members as member_store
from functions.workspaces.store import teams as team_store
from shared import tenancy
from shared.access import EVERYTHING
from shared.db import Tx
from shared.ids import uuid7
from template_tests.crowd import Crowd

Query = Callable[[Tx, Crowd], object]

_DEEP = (datetime.now(UTC) - timedelta(hours=9), uuid7())
_VIEWER = Standing("viewer", None, EVERYTHING)


def _member(tx: Tx) -> UUID:
    return members.list_members(tx, limit=9)[-1].id


def _team(tx: Tx) -> UUID:
    """The oldest team: everybody is in it."""
    return teams.list_teams(tx, limit=2000)[-1].id


def _invitation(tx: Tx) -> Invitation:
    """Not the newest, which others look at."""
    return invitations.list_invitations(tx, limit=9)[-1]


LISTED: dict[str, Query] = {
    "members": lambda tx, _: members.list_members(tx, limit=51),
    "members, deep": lambda tx, _: members.list_members(tx, limit=51, after=_DEEP),
    "members of a team": lambda tx, _: members.list_team(tx, _team(tx), limit=51),
    "members of a team, deep": lambda tx, _: members.list_team(
        tx, _team(tx), limit=51, after=_DEEP
    ),
    "roles": lambda tx, _: roles.list_roles(tx, limit=51),
    "roles, deep": lambda tx, _: roles.list_roles(tx, limit=51, after=_DEEP),
    "teams": lambda tx, _: teams.list_teams(tx, limit=51),
    "teams, deep": lambda tx, _: teams.list_teams(tx, limit=51, after=_DEEP),
    "invitations": lambda tx, _: invitations.list_invitations(tx, limit=51),
    "invitations, deep": lambda tx, _: invitations.list_invitations(tx, limit=51, after=_DEEP),
}

ASKED: dict[str, Query] = {
    "member": lambda tx, _: members.get_member(tx, _member(tx)),
    "what a member may do": lambda tx, _: members.find_standing(tx, _member(tx)),
    "another owner": lambda tx, crowd: tenancy.has_another_owner(tx, crowd.user),
    "a member's new role": lambda tx, _: member_store.set_role(tx, _member(tx), "viewer", None),
    "a member's end": lambda tx, _: tenancy.end_membership(tx, _member(tx)),
    "role": lambda tx, _: roles.get_role(tx, roles.list_roles(tx, limit=1)[0].id),
    "role by name": lambda tx, _: roles.find_by_name(tx, "role 7"),
    "whether a role is in use": lambda tx, _: roles.is_in_use(
        tx, roles.list_roles(tx, limit=1)[0].id
    ),
    "team": lambda tx, _: teams.get_team(tx, _team(tx)),
    "team by name": lambda tx, _: teams.find_by_name(tx, "team 7"),
    "into a team": lambda tx, _: team_store.add_to_team(
        tx, teams.list_teams(tx, limit=1)[0].id, _member(tx)
    ),
    "out of a team": lambda tx, _: team_store.remove_from_team(tx, _team(tx), _member(tx)),
    "a team's end": lambda tx, _: team_store.delete_team(tx, _team(tx), 1),
    "open invitation": lambda tx, _: invitations.find_open(tx, "invited3000@example.com"),
    "invitation": lambda tx, _: invitations.get_invitation(tx, _invitation(tx).id),
    "how many invitations": lambda tx, _: invitations.count_made(tx),
    "a renewed invitation": lambda tx, _: invitation_store.renew_invitation(
        tx, _invitation(tx).id, _VIEWER, inviter=""
    ),
    "a revoked invitation": lambda tx, _: invitation_store.revoke_invitation(
        tx, _invitation(tx).id
    ),
}

WORK: dict[str, Query] = {
    "passing contacts on": lambda tx, crowd: contacts.pass_on(tx, crowd.user, crowd.user, most=200),
    "passing tasks on": lambda tx, crowd: activities.pass_on(tx, crowd.user, crowd.user, most=200),
    "taking up an invitation's mail": lambda tx, _: invitation_store.take_mail(
        tx, uuid7(), bytes(32)
    ),
}
