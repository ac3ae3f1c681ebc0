"""Telling a person all that is held about their account."""

from __future__ import annotations

from uuid import UUID

from functions.auth.models.export import AccountExport, ExportedMembership
from functions.auth.models.people import PersonNotFound
from functions.auth.queries import export as queries
from functions.auth.queries.erasure import every_workspace
from shared.db import system_transaction, transaction


def export_account(user_id: UUID, *, only_in: UUID | None = None) -> AccountExport:
    """All of it, workspace by workspace, each as it is at that moment; `only_in` keeps back what
    whoever signed in by that workspace's provider may not know.

    Raises:
        PersonNotFound: there is no such account.
    """
    everywhere = only_in is None
    with system_transaction(f"user:{user_id}") as tx:
        profile = queries.find_profile(tx, user_id)
        if profile is None:
            raise PersonNotFound
        places = every_workspace(tx, user_id)
        told = AccountExport(
            profile=profile,
            second_factor=queries.find_factor(tx, user_id) if everywhere else None,
            identities=queries.list_identities(tx, user_id) if everywhere else [],
            mails=queries.list_mails(tx, user_id) if everywhere else [],
            memberships=[],
        )
    found = [_of(place, user_id) for place in places if only_in in (None, place)]
    return told.model_copy(update={"memberships": [one for one in found if one is not None]})


def _of(workspace_id: UUID, user_id: UUID) -> ExportedMembership | None:
    with transaction(workspace_id, user_id=user_id) as tx:
        joined = queries.find_joined(tx)
        if joined is None:  # it was deleted for good in between
            return None
        return ExportedMembership(
            workspace_id=workspace_id,
            **joined.model_dump(),
            sessions=queries.list_sessions(tx),
            api_keys=queries.list_keys(tx),
            identities=queries.list_sso_identities(tx),
            security_events=queries.list_security_events(tx),
        )
