"""What people do about themselves, and whom it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal
from uuid import UUID

from events.auth import ApiKeyRevoked, EmailVerified, IdentityUnlinked, ProfileChanged
from events.envelope import Event
from functions.auth import session_cache
from functions.auth.commands import sessions
from functions.auth.models.external import NotLinked
from functions.auth.models.people import PersonNotFound, Profile
from functions.auth.models.sessions import Reason
from functions.auth.queries import accounts, people
from functions.auth.queries import sessions as session_queries
from functions.auth.store import api_keys
from functions.auth.store import external as external_store
from functions.auth.store import people as store
from shared.db import Tx, system_transaction

News = Callable[[Tx], Event]
"""Makes an event for the transaction of a workspace."""

Ended = Mapping[UUID, Sequence[UUID]]
"""Sessions that ended, by workspace."""


def tell_everywhere(
    tx: Tx,
    user_id: UUID,
    *events: News,
    ending: Reason | None = None,
    besides: UUID | None = None,
    keys: bool = False,
) -> Ended:
    """Emit events in every workspace of a person's, and end their sessions there for the reason
    `ending`, all but `besides`, and with `keys` their API keys. In one go, since every workspace
    that emits stays locked until the commit, and all transactions lock them in one order.

    For a `system_transaction`. What ended is for `forget_sessions`, after the commit.
    """
    told = {one.workspace_id for one in accounts.memberships_in(tx, user_id)}
    places = told | set(session_queries.workspaces_with_sessions(tx, user_id) if ending else ())
    ended: dict[UUID, Sequence[UUID]] = {}
    for workspace_id in sorted(places):
        with tx.entering(workspace_id) as inside:
            if workspace_id in told:
                for event in events:
                    inside.emit(event(inside))
                if keys:
                    api_keys.hold_member(inside, user_id)
                    for key in api_keys.revoke_all(inside, user_id):
                        envelope = inside.envelope(key.id, key.version)
                        inside.emit(ApiKeyRevoked(**envelope, user_id=user_id, name=key.name))
            if ending:
                found = sessions.end_sessions(inside, user_id, reason=ending, besides=besides)
                ended[workspace_id] = found
    return ended


def forget_sessions(ended: Ended) -> None:
    """Let the authorizers know what ended."""
    for workspace_id, session_ids in ended.items():
        session_cache.end(workspace_id, session_ids)


def describe_oneself(user_id: UUID, *, only_in: UUID | None = None) -> Profile:
    """Who somebody is; `only_in` keeps what a key of that workspace may not know.

    Raises:
        PersonNotFound: there is no such account.
    """
    found = people.find_described(user_id)
    if found is None:
        raise PersonNotFound
    return Profile(
        id=found.id,
        email=found.email,
        name=found.name,
        email_verified=found.email_verified,
        second_factor="totp" if found.second_factor else None,
        identities=["google"] if found.google and only_in is None else [],
        recovery_codes_left=found.recovery_codes_left,
        memberships=[
            one for one in accounts.memberships_of(user_id) if only_in in (None, one.workspace_id)
        ],
    )


def rename_oneself(user_id: UUID, name: str) -> None:
    """Change a person's name, and tell their workspaces."""
    with system_transaction(f"user:{user_id}") as tx:
        version = store.set_name(tx, user_id, name)
        if version is not None:
            tell_everywhere(
                tx,
                user_id,
                lambda inside: ProfileChanged(**inside.envelope(user_id, version), name=name),
            )


def unlink_google(user_id: UUID) -> None:
    """Let no account at Google get a person in any more. By the address it can be linked anew.

    Raises:
        NotLinked: none does.
    """
    with system_transaction(f"user:{user_id}") as tx:
        version = store.next_version(tx, user_id)
        if not external_store.delete_identities(tx, user_id):
            raise NotLinked
        tell_everywhere(tx, user_id, unlinked(user_id, version))


def unlinked(user_id: UUID, version: int) -> News:
    """What is told when an account at Google gets somebody in no more."""
    return lambda inside: IdentityUnlinked(**inside.envelope(user_id, version), provider="google")


def verified(user_id: UUID, version: int, *, by: Literal["link", "password_reset"]) -> News:
    """What is told when a link that was mailed to somebody was used for the first time."""
    return lambda inside: EmailVerified(**inside.envelope(user_id, version), by=by)
