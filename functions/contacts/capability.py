"""Contacts: the people a workspace knows."""

from shared.wiring import Capability, Function, Http

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
    ),
)
