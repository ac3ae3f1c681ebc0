"""Telling of attempts to sign in that failed.

Whoever tries is to learn nothing of whether there is such an account, not by the time it takes
either. So the attempt itself writes the same row for everybody, and a job tells the workspaces of
those whose account it was.
"""

from __future__ import annotations

from uuid import UUID

from events.auth import SignInFailed
from functions.auth.models.failures import Failure, Step
from functions.auth.queries.accounts import memberships_in
from functions.auth.store import failures as store
from shared.db import system_transaction
from shared.origin import Origin, coming_from

ACTOR = "system:auth"


def note_failure(user_id: UUID | None, step: Step) -> None:
    """Write down an attempt that failed; `user_id` is None where nobody has such an account."""
    with system_transaction(ACTOR) as tx:
        store.insert_failure(tx, user_id, step)


def tell_failures(*, most: int) -> int:
    """Tell of up to `most` attempts; how many there were."""
    with system_transaction(ACTOR) as tx:
        failures = store.take_failures(tx, most=most)
        known = [(one.user_id, one) for one in failures if one.user_id is not None]
        places = {user_id: memberships_in(tx, user_id) for user_id, _ in known}
        told = [
            (place.workspace_id, user_id, failure)
            for user_id, failure in known
            for place in places[user_id]
        ]
        for workspace_id, user_id, failure in sorted(told, key=lambda one: one[0]):
            with coming_from(_origin(failure)), tx.entering(workspace_id) as inside:
                envelope = inside.envelope(user_id)
                tried_at, step = failure.tried_at, failure.step
                inside.emit(SignInFailed(**envelope, step=step, tried_at=tried_at))
    return len(failures)


def _origin(failure: Failure) -> Origin:
    return Origin(failure.source_ip, failure.user_agent, failure.request_id)
