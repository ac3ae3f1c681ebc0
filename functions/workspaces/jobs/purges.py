"""Workspaces whose time to be restored is over are deleted for good."""

from __future__ import annotations

import time

from functions.workspaces.purging import purge
from functions.workspaces.queries.deletion import due_purges
from shared.log import about, logger, metrics
from shared.runtime import job_handler

_MOST = 20
_BUDGET_S = 240.0
"""The function has five minutes; what is left goes on a minute later."""


def purge_due() -> None:
    """Delete what is due, one after another; one that fails is left for the next turn and holds up
    no other.
    """
    until = time.monotonic() + _BUDGET_S
    for workspace_id in due_purges(most=_MOST):
        about(workspace_id=workspace_id)
        try:
            purge(workspace_id, until=until)
        except Exception:
            metrics.add_metric(name="WorkspacePurgeFailed", unit="Count", value=1)
            logger.exception("a workspace is not deleted yet")


handler = job_handler({"purge-workspaces": purge_due})
