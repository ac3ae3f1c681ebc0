"""Outbox: publishes the events that were committed but not published at once."""

from shared.wiring import Capability, Function, Schedule

CAPABILITY = Capability(
    "outbox",
    functions=(
        Function(
            "jobs",
            "jobs.handler",
            schedules=(
                Schedule("sweep", "rate(1 minute)"),
                Schedule("expire-inbox", "rate(1 day)"),
            ),
            needs=frozenset({"database", "bus"}),
            role="crm_outbox",
            env=("OUTBOX_AGE_SECONDS",),
            timeout=120,
        ),
    ),
)
