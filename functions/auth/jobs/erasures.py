"""Erasures of accounts that are not done yet: whoever asked for them did not wait, or could not."""

from __future__ import annotations

import time

from functions.auth.commands.erasure import erase
from functions.auth.queries.erasure import open_erasures
from shared.log import about, logger, metrics
from shared.runtime import job_handler

_MOST = 100
_BUDGET_S = 240.0
"""The function has five minutes; what is left goes on a minute later."""


def erase_accounts() -> None:
    """Go on with each; one that fails is left for the next turn and holds up no other."""
    until = time.monotonic() + _BUDGET_S
    for user_id in open_erasures(most=_MOST):
        about(user_id=user_id)
        try:
            erase(user_id, until=until)
        except Exception:
            metrics.add_metric(name="AccountErasureFailed", unit="Count", value=1)
            logger.exception("an account is not all erased yet")


handler = job_handler({"erase-accounts": erase_accounts})
