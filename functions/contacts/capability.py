"""Contacts: the people a workspace knows."""

from shared.wiring import Capability, Function, Http, Queue

CAPABILITY = Capability(
    "contacts",
    functions=(
        Function(
            "api",
            "api.handler",
            http=(Http("/api/v1/contacts"),),
            needs=frozenset({"database", "cache", "bus", "encryption"}),
            role="crm_app",
            env=("RATE_LIMITS",),
            memory=1024,
            snap_start=True,
        ),
        Function(
            "owners",
            "consumers.handler",
            # One who owned many takes a while.
            queue=Queue("contacts-owners", listens=("MemberLeft",), batch=1, concurrency=2),
            needs=frozenset({"database", "bus"}),
            role="crm_worker",
            timeout=300,
        ),
    ),
)
