"""Workspaces: the place a team's data lives in, who belongs to it, and what they may do."""

from shared.wiring import Capability, Function, Http, Queue, Schedule

CAPABILITY = Capability(
    "workspaces",
    functions=(
        Function(
            "api",
            "api.handler",
            http=(
                Http("/api/v1/invitations"),
                Http("/api/v1/members"),
                Http("/api/v1/roles"),
                Http("/api/v1/teams"),
                Http("/api/v1/workspaces"),
            ),
            needs=frozenset({"database", "cache", "bus", "encryption"}),
            role="crm_app",
            env=("RATE_LIMITS", "WORKSPACE_GRACE_SECONDS"),
        ),
        Function(
            "acceptance",
            "acceptance_api.handler",
            http=(Http("/api/v1/invitations/accept"),),
            needs=frozenset({"database", "cache", "bus"}),
            role="crm_auth",
            env=("RATE_LIMITS",),
        ),
        Function(
            "mail",
            "consumers.handler",
            # A slow server holds up few others.
            queue=Queue(
                "workspaces-mail",
                listens=("InvitationCreated", "InvitationRenewed"),
                batch=5,
                concurrency=5,
            ),
            needs=frozenset({"database", "egress"}),
            role="crm_worker",
            secrets=("smtp",),
            env=("CONSOLE_URL", "MAIL_FROM", "SMTP_URL"),
            timeout=120,
        ),
        Function(
            "mail-jobs",
            "jobs.mails.handler",
            schedules=(Schedule("mail-invitations", "rate(1 minute)"),),
            needs=frozenset({"database", "egress"}),
            role="crm_worker",
            secrets=("smtp",),
            env=("CONSOLE_URL", "MAIL_FROM", "SMTP_URL"),
            timeout=300,
        ),
        Function(
            "purge-jobs",
            "jobs.purges.handler",
            schedules=(Schedule("purge-workspaces", "rate(1 minute)"),),
            needs=frozenset({"database", "bucket_deletion"}),
            role="crm_worker",
            timeout=300,
        ),
    ),
)
