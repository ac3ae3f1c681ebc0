"""Working on a request: whoever comes first has it, for as long as they get on with it."""

from __future__ import annotations

import time
from uuid import UUID

from functions.privacy import commands, queries
from functions.privacy.erasing import erase_person
from functions.privacy.exporting import export_person
from functions.privacy.models import Lost
from shared.db import transaction
from shared.encryption import data_key
from shared.log import about, logger

ACTOR = "system:privacy"
BUDGET_S = 780.0
"""Of the function's 900: what is left is for the last batch, or for putting an export away."""


def work_on(workspace_id: UUID, request_id: UUID, deadline: float) -> None:
    """Take a request up and go on with it, if it is due. Told to do so again, it does no harm.

    Raises:
        WorkspaceClosing: the workspace is to be deleted, and everything with it.
    """
    about(workspace_id=workspace_id)
    with transaction(workspace_id, actor=ACTOR) as tx:
        if not queries.is_due(tx, request_id):
            return
    key = data_key(workspace_id)
    with transaction(workspace_id, actor=ACTOR) as tx:
        taken = commands.take_up(tx, request_id, key)
    if taken is None:
        return
    try:
        work = export_person if taken[0].kind == "export" else erase_person
        work(workspace_id, *taken, deadline)
    except Lost:
        logger.info("somebody else works on it", metadata={"request": str(request_id)})


def deadline() -> float:
    """When an invocation that begins now is to come to its end."""
    return time.monotonic() + BUDGET_S
