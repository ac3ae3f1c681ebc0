"""The runners' own log lines: one JSON object each, with the keys the functions' lines have."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime


def log_json(service: str) -> None:
    """Write what this process logs as JSON lines, named after `service`."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines(service))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class _JsonLines(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "level": record.levelname,
            "message": record.getMessage(),
            "location": f"{record.name}:{record.lineno}",
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "service": self._service,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
