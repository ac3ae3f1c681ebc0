"""Webhooks: a workspace's events, sent to its own servers."""

from shared.wiring import EVERY_EVENT, Capability, Function, Http, Queue, Schedule

CAPABILITY = Capability(
    "webhooks",
    functions=(
        Function(
            "api",
            "api.handler",
            http=(Http("/api/v1/webhooks"),),
            needs=frozenset({"database", "cache", "bus", "encryption"}),
            role="crm_app",
            sends=("webhook-sends",),
            env=("RATE_LIMITS", "WEBHOOK_ALLOW", "WEBHOOK_PORTS"),
            memory=1024,
            snap_start=True,
        ),
        Function(
            "events",
            "consumers.events.handler",
            queue=Queue(
                "webhooks",
                listens=EVERY_EVENT,
            ),
            needs=frozenset({"database", "bus"}),
            role="crm_worker",
            sends=("webhook-sends",),
        ),
        Function(
            "sends",
            "consumers.sends.handler",
            # One endpoint a message: a receiver that hangs holds up nobody else's.
            queue=Queue("webhook-sends", batch=1, concurrency=20),
            needs=frozenset({"database", "bus", "encryption", "egress"}),
            role="crm_worker",
            sends=("webhook-sends",),
            env=("WEBHOOK_ALLOW", "WEBHOOK_PORTS", "WEBHOOK_TIMEOUT_SECONDS"),
            timeout=120,
        ),
        Function(
            "jobs",
            "jobs.handler",
            schedules=(Schedule("dispatch", "rate(1 minute)"), Schedule("expire", "rate(1 day)")),
            needs=frozenset({"database"}),
            role="crm_worker",
            sends=("webhook-sends",),
            timeout=60,
        ),
    ),
)
