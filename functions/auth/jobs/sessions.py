"""Sessions and attempts that nobody needs any more are deleted: they say who was where. Those that
failed are told of before.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from functions.auth.commands.failures import tell_failures
from functions.auth.queries.sessions import old_sessions
from functions.auth.store.attempts import delete_attempts
from functions.auth.store.sessions import delete_session
from shared.db import system_transaction, transaction
from shared.log import about, logger
from shared.runtime import job_handler

ACTOR = "system:auth"
_KEPT = timedelta(days=30)
_MOST = 1000
_MOST_TOLD = 100
"""At once: their workspaces write no other event meanwhile."""


def expire() -> None:
    """Delete sessions that have been over for 30 days, and attempts that are forgotten."""
    before = datetime.now(UTC) - _KEPT
    while found := old_sessions(before, most=_MOST):
        deleted = 0
        for workspace_id, session_id in found:
            about(workspace_id=workspace_id)
            try:
                with transaction(workspace_id, actor=ACTOR) as tx:
                    deleted += delete_session(tx, session_id)
            except Exception:
                logger.exception("a session stays", metadata={"session_id": str(session_id)})
        if not deleted:
            break
    with system_transaction(ACTOR) as tx:
        delete_attempts(tx)


def tell() -> None:
    """Tell of attempts that failed."""
    while tell_failures(most=_MOST_TOLD):
        pass


handler = job_handler({"expire-sessions": expire, "tell-failures": tell})
