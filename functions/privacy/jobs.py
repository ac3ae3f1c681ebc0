"""What happens to requests by the clock: those that are due are gone on with, old exports go."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from functions.privacy import queries, store
from functions.privacy.models import KEPT_DAYS
from functions.privacy.objects import delete_objects, key_of
from functions.privacy.saga import ACTOR, deadline, work_on
from shared.db import transaction
from shared.errors import WorkspaceClosing
from shared.log import about, logger
from shared.runtime import job_handler

_MOST = 20
_MOST_EXPORTS = 500


def resume() -> None:
    """Go on with requests that are due: whatever a lost message, a kill or a wait has left."""
    until = deadline()
    for workspace_id, request_id in queries.due_requests(most=_MOST):
        if time.monotonic() > until:
            return
        try:
            work_on(workspace_id, request_id, until)
        except WorkspaceClosing:
            continue
        except Exception as error:
            logger.error("a request waits", metadata={"error": type(error).__name__})


def expire() -> None:
    """Delete exports of over seven days ago, and forget whose they were."""
    before = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
    for workspace_id, request_id in queries.old_exports(before, most=_MOST_EXPORTS):
        about(workspace_id=workspace_id)
        try:
            delete_objects([key_of(workspace_id, request_id)])
            with transaction(workspace_id, actor=ACTOR) as tx:
                store.expire_export(tx, request_id)
        except Exception as error:
            logger.error("an export stays", metadata={"error": type(error).__name__})


handler = job_handler({"resume-requests": resume, "expire-exports": expire})
