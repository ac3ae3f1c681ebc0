"""GraphQL: everything that capabilities show in their `graph.py`, as one graph."""

from shared.wiring import Capability, Function, Http

CAPABILITY = Capability(
    "graphql",
    functions=(
        Function(
            "api",
            "api.handler",
            http=(Http("/api/v1/graphql"),),
            needs=frozenset({"database", "cache", "bus", "encryption"}),
            role="crm_app",
            env=("RATE_LIMITS",),
            memory=1769,
            snap_start=True,
        ),
    ),
)
