"""Automations: what a workspace wants done whenever something happens."""

from shared.wiring import Capability, Function, Http, Queue

CAPABILITY = Capability(
    "automations",
    functions=(
        Function(
            "api",
            "api.handler",
            http=(Http("/api/v1/automations"),),
            needs=frozenset({"database", "cache", "bus", "encryption"}),
            role="crm_app",
            env=("RATE_LIMITS",),
            memory=1024,
            snap_start=True,
        ),
        Function(
            "consumer",
            "consumers.handler",
            queue=Queue(
                "automations",
                listens=(
                    "EmailReceived",
                    "EmailAnalyzed",
                    "ContactCreated",
                    "ContactChanged",
                    "TaskCreated",
                    "TaskChanged",
                ),
            ),
            needs=frozenset({"database", "bus"}),
            role="crm_worker",
        ),
    ),
)
