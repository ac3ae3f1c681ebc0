"""Auth: who somebody is, and whether a request's token is good."""

from shared.wiring import Capability, Function, Http, Queue, Schedule

CAPABILITY = Capability(
    "auth",
    functions=(
        Function(
            "api",
            "api.handler",
            http=(
                Http("/api/v1/auth", public=True),
                Http("/api/v1/me"),
                Http("/api/v1/sessions"),
            ),
            needs=frozenset({"database", "bus", "cache", "people_encryption"}),
            role="crm_auth",
            sends=("auth-mail",),
            secrets=("auth-private-keys", "auth-public-keys"),
            env=(
                "ACCESS_TOKEN_SECONDS",
                "RATE_LIMITS",
                "SESSION_IDLE_SECONDS",
                "SESSION_LONGEST_SECONDS",
            ),
            memory=1024,
            snap_start=True,
        ),
        Function(
            "api-keys",
            "keys_api.handler",
            http=(Http("/api/v1/keys"),),
            needs=frozenset({"database", "cache", "bus", "encryption"}),
            role="crm_app",
            env=("RATE_LIMITS",),
        ),
        Function(
            "authorizer",
            "authorizer.handler",
            authorizer=True,
            needs=frozenset({"database", "cache"}),
            role="crm_auth",
            secrets=("auth-public-keys",),
            timeout=10,
            snap_start=True,
        ),
        Function(
            "keys",
            "deploy.handler",
            writes_secrets=("auth-private-keys", "auth-public-keys"),
            timeout=60,
            on_deploy=True,
        ),
        Function(
            "key-jobs",
            "jobs.keys.handler",
            schedules=(Schedule("turn-keys", "rate(1 day)"),),
            writes_secrets=("auth-private-keys", "auth-public-keys"),
            env=("ACCESS_TOKEN_SECONDS", "SIGNING_KEY_SECONDS"),
            timeout=60,
        ),
        Function(
            "jobs",
            "jobs.sessions.handler",
            schedules=(
                Schedule("expire-sessions", "rate(1 day)"),
                Schedule("tell-failures", "rate(1 minute)"),
            ),
            needs=frozenset({"database", "bus"}),
            role="crm_auth",
            timeout=300,
        ),
        Function(
            "mail",
            "consumers.mails.handler",
            # A slow server holds up one mail.
            queue=Queue("auth-mail", batch=1, concurrency=5),
            needs=frozenset({"database", "egress"}),
            role="crm_auth",
            secrets=("smtp",),
            env=("CONSOLE_URL", "MAIL_FROM", "SMTP_URL"),
            timeout=60,
        ),
        Function(
            "members",
            "consumers.members.handler",
            queue=Queue("auth-members", listens=("MemberLeft",)),
            needs=frozenset({"database", "cache", "bus"}),
            role="crm_auth",
        ),
        Function(
            "mail-jobs",
            "jobs.mails.handler",
            schedules=(
                Schedule("release-mails", "rate(1 minute)"),
                Schedule("expire-mails", "rate(1 day)"),
            ),
            needs=frozenset({"database"}),
            role="crm_auth",
            sends=("auth-mail",),
            timeout=60,
        ),
    ),
)
