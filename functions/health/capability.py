"""Health: whether the product runs, for load balancers, monitors and deploys."""

from shared.wiring import Capability, Function, Http

CAPABILITY = Capability(
    "health",
    functions=(
        Function(
            "api",
            "api.handler",
            http=(Http("/health", public=True),),
            needs=frozenset({"database", "cache"}),
            role="crm_app",
        ),
    ),
)
