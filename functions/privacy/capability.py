"""Privacy: what a workspace has about a person, handed out or erased when they ask for it."""

from shared.wiring import Capability, Function, Http, Need, Queue, Schedule

_WORKS: frozenset[Need] = frozenset({"database", "bus", "bucket", "bucket_deletion", "encryption"})

CAPABILITY = Capability(
    "privacy",
    functions=(
        Function(
            "api",
            "api.handler",
            http=(Http("/api/v1/privacy-requests"),),
            needs=frozenset({"database", "cache", "bus", "bucket", "encryption"}),
            role="crm_app",
            env=("RATE_LIMITS",),
        ),
        Function(
            "requests",
            "consumers.handler",
            # One at a time, and as long as Lambda lets it: an export is made in one go.
            queue=Queue(
                "privacy-requests",
                listens=("PersonErasureRequested", "PersonExportRequested"),
                batch=1,
                concurrency=2,
            ),
            needs=_WORKS,
            role="crm_eraser",
            env=("PRIVACY_AGAIN_SECONDS",),
            memory=1024,
            timeout=900,
        ),
        Function(
            "jobs",
            "jobs.handler",
            schedules=(
                Schedule("resume-requests", "rate(1 minute)"),
                Schedule("expire-exports", "rate(1 hour)"),
            ),
            needs=_WORKS,
            role="crm_eraser",
            env=("PRIVACY_AGAIN_SECONDS",),
            memory=1024,
            timeout=900,
        ),
    ),
)
