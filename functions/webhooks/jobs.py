"""What happens to deliveries by the clock: what is due is sent, what is old is deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from functions.webhooks import store
from functions.webhooks.models import EndpointRef, due_message
from shared.db import resolve, transaction
from shared.log import about, logger
from shared.queues import send
from shared.runtime import job_handler

ACTOR = "system:webhooks"
_MOST = 1000
_KEPT_DAYS = 30
_PORTION = 5_000


def dispatch() -> None:
    """Send for a sender for every endpoint with something due: retries whose time has come, and
    whatever a lost message or a crash has left behind.
    """
    due = resolve(
        EndpointRef,
        "select workspace_id, endpoint_id from app.resolve_due_endpoints(%(most)s)",
        most=_MOST,
    )
    send("webhook-sends", [due_message(*found) for found in due])


def expire() -> None:
    """Delete deliveries of over 30 days ago, in portions that hold no lock for long."""
    before = datetime.now(UTC) - timedelta(days=_KEPT_DAYS)
    old = resolve(
        EndpointRef,
        """
        select workspace_id, endpoint_id
        from app.resolve_old_deliveries(%(before)s, %(most)s)
        """,
        before=before,
        most=_MOST,
    )
    for workspace_id, endpoint_id in old:
        about(workspace_id=workspace_id)
        try:
            _expire(workspace_id, endpoint_id)
        except Exception:
            logger.exception("old deliveries stay", metadata={"endpoint_id": str(endpoint_id)})


def _expire(workspace_id: UUID, endpoint_id: UUID) -> None:
    deleted = _PORTION
    while deleted == _PORTION:
        with transaction(workspace_id, actor=ACTOR) as tx:
            deleted = store.expire(tx, endpoint_id, days=_KEPT_DAYS, limit=_PORTION)


handler = job_handler({"dispatch": dispatch, "expire": expire})
