"""Gateway: what is about the whole API and belongs to no capability alone."""

from shared.wiring import Capability, Function, Http

CAPABILITY = Capability(
    "gateway",
    functions=(
        Function(
            "api",
            "api.callers.handler",
            http=(
                Http("/api/v1/audit"),
                Http("/api/v1/deprecations"),
                Http("/api/v1/events"),
                Http("/api/v1/fields"),
                Http("/api/v1/limits"),
            ),
            needs=frozenset({"database", "cache"}),
            role="crm_app",
            env=("RATE_LIMITS",),
            memory=1024,
            snap_start=True,
        ),
        Function(
            "batch",
            "api.batch.handler",
            http=(Http("/api/v1/batch"), Http("/api/v1/operations")),
            needs=frozenset({"database", "bus", "encryption", "cache"}),
            role="crm_app",
            env=("RATE_LIMITS",),
            memory=1024,
        ),
        Function(
            "openapi",
            "api.openapi.handler",
            http=(Http("/api/v1/openapi.json", public=True),),
            memory=1024,
            snap_start=True,
        ),
    ),
)
