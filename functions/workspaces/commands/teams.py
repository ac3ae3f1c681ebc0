"""What can be done with teams."""

from __future__ import annotations

from uuid import UUID

from events.workspaces import (
    TeamChanged,
    TeamCreated,
    TeamDeleted,
    TeamMemberAdded,
    TeamMemberRemoved,
)
from functions.workspaces.commands.members import standing_now
from functions.workspaces.models.members import MemberNotFound
from functions.workspaces.models.teams import (
    NewTeam,
    Team,
    TeamChange,
    TeamNameTaken,
    require_to_join,
)
from functions.workspaces.queries import teams as queries
from functions.workspaces.queries.members import find_standing
from functions.workspaces.store import teams as store
from shared.db import Tx
from shared.errors import PreconditionFailed


def create_team(tx: Tx, new: NewTeam) -> Team:
    """Make a team that nobody is in.

    Raises:
        NotPermitted: the caller may not, by now.
        TeamNameTaken: another team has the name.
    """
    standing_now(tx)
    _refuse_taken(tx, new.name)
    team = store.insert_team(tx, new.name)
    if team is None:
        raise TeamNameTaken
    tx.emit(TeamCreated(**tx.envelope(team.id, team.version), name=team.name))
    return team


def change_team(tx: Tx, team_id: UUID, change: TeamChange, *, version: int | None = None) -> Team:
    """Give a team another name; the name it has is no change.

    Raises:
        NotPermitted: the caller may not, by now.
        TeamNotFound: there is no such team.
        PreconditionFailed: it is no longer at `version`.
        TeamNameTaken: another team has the name.
    """
    standing_now(tx)
    current = _at(tx, team_id, version)
    if current.name == change.name:
        return current
    if current.name.lower() != change.name.lower():
        _refuse_taken(tx, change.name)
    team = store.rename_team(tx, team_id, change.name, current.version)
    if team is None:
        raise PreconditionFailed
    tx.emit(TeamChanged(**tx.envelope(team.id, team.version), name=team.name))
    return team


def delete_team(tx: Tx, team_id: UUID, *, version: int | None = None) -> None:
    """Delete a team; those who are in it no longer see each other's records because of it.

    Raises:
        NotPermitted: the caller may not, by now.
        TeamNotFound: there is no such team.
        PreconditionFailed: it is no longer at `version`.
    """
    standing_now(tx)
    current = _at(tx, team_id, version)
    deleted = store.delete_team(tx, team_id, current.version)
    if deleted is None:
        raise PreconditionFailed
    tx.emit(TeamDeleted(**tx.envelope(team_id, deleted), name=current.name))


def add_to_team(tx: Tx, team_id: UUID, member_id: UUID) -> None:
    """Put a member into a team; one who is in it stays.

    Raises:
        NotPermitted: the caller may not, by now.
        MoreThanYours: they do not see the records that those in the team come to see.
        TeamNotFound, MemberNotFound: there is no such team or member.
    """
    mine = standing_now(tx)
    queries.get_team(tx, team_id)
    if find_standing(tx, member_id) is None:
        raise MemberNotFound
    require_to_join(mine.access)
    version = store.add_to_team(tx, team_id, member_id)
    if version is not None:
        tx.emit(TeamMemberAdded(**tx.envelope(team_id, version), user_id=member_id))


def remove_from_team(tx: Tx, team_id: UUID, member_id: UUID) -> None:
    """Take a member out of a team; whoever is not in it is left alone.

    Raises:
        NotPermitted: the caller may not, by now.
        TeamNotFound, MemberNotFound: there is no such team or member.
    """
    standing_now(tx)
    queries.get_team(tx, team_id)
    if find_standing(tx, member_id) is None:
        raise MemberNotFound
    version = store.remove_from_team(tx, team_id, member_id)
    if version is not None:
        tx.emit(TeamMemberRemoved(**tx.envelope(team_id, version), user_id=member_id))


def _at(tx: Tx, team_id: UUID, version: int | None) -> Team:
    team = queries.get_team(tx, team_id)
    if version is not None and team.version != version:
        raise PreconditionFailed
    return team


def _refuse_taken(tx: Tx, name: str) -> None:
    other = queries.find_by_name(tx, name)
    if other is not None:
        raise TeamNameTaken(existing_id=str(other))
