"""A process that runs Lambda handlers as one execution environment does: one event at a time.

Reads `{"entry", "event", "environment"}` a line and writes what the handler answered. Tests use
several beside each other, because the handlers of one process share one database connection.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import Any

from shared.testing import LambdaContext


def main() -> None:
    """Answer until the input ends. Logs go to standard error: the answers need a clean channel."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        os.environ.update(asked["environment"])
        module, _, attribute = asked["entry"].rpartition(".")
        handler = getattr(import_module(module), attribute)
        print(json.dumps(handler(asked["event"], LambdaContext())), file=answers, flush=True)


if __name__ == "__main__":
    main()
