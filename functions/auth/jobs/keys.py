"""The signing keys take their turns."""

from __future__ import annotations

import time

from functions.auth.commands.keys import turn_keys
from shared.runtime import job_handler


def turn() -> None:
    """Take the step that is due, if one is."""
    turn_keys(int(time.time()))


handler = job_handler({"turn-keys": turn})
