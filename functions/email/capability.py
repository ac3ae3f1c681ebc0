"""E-mail: mailboxes, and every mail in them."""

from shared.wiring import Capability, Function, Http, Queue, Schedule

CAPABILITY = Capability(
    "email",
    functions=(
        Function(
            "api",
            "api.handler",
            http=(Http("/api/v1/mailboxes"), Http("/api/v1/emails"), Http("/api/v1/threads")),
            needs=frozenset({"database", "cache", "bus", "bucket", "encryption", "egress"}),
            role="crm_app",
            sends=("email-sync",),
            env=("GOOGLE_API_URL", "GMAIL_TOPIC", "RATE_LIMITS"),
            memory=1024,
            snap_start=True,
        ),
        Function(
            "webhook",
            "webhook.handler",
            http=(Http("/webhooks/gmail", public=True),),
            sends=("email-sync",),
            env=("GOOGLE_JWKS_URL", "PUSH_AUDIENCE", "PUSH_EMAIL", "PUSH_SUBSCRIPTION"),
            memory=1024,
            timeout=10,
        ),
        Function(
            "sync",
            "consumers.sync.handler",
            queue=Queue("email-sync", fifo=True, batch=10, concurrency=50),
            needs=frozenset({"database", "bus", "encryption", "egress"}),
            role="crm_worker",
            sends=("email-fetch",),
            env=("GOOGLE_API_URL", "MAIL_RELEASE_AGAIN_SECONDS"),
            timeout=120,
        ),
        Function(
            "fetch",
            "consumers.fetch.handler",
            queue=Queue("email-fetch", batch=10, concurrency=50),
            needs=frozenset({"database", "bus", "bucket", "encryption", "egress"}),
            role="crm_worker",
            env=("GOOGLE_API_URL",),
            memory=1024,
            timeout=120,
        ),
        Function(
            "leavers",
            "consumers.leavers.handler",
            queue=Queue("email-leavers", listens=("AccountErasureRequested", "MemberLeft")),
            needs=frozenset({"database", "bus"}),
            role="crm_worker",
        ),
        Function(
            "jobs",
            "jobs.handler",
            schedules=(
                Schedule("release", "rate(1 minute)"),
                Schedule("poll", "rate(1 minute)"),
                Schedule("watch", "rate(6 hours)"),
            ),
            needs=frozenset({"database", "bus", "encryption", "egress"}),
            role="crm_worker",
            sends=("email-sync", "email-fetch"),
            env=(
                "GOOGLE_API_URL",
                "GMAIL_TOPIC",
                "MAIL_RELEASE_AGAIN_SECONDS",
                "MAIL_QUIET_SECONDS",
            ),
            timeout=60,
        ),
    ),
)
