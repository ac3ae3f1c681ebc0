"""Gateway: what is about the whole API and belongs to no capability alone."""

from shared.wiring import Capability, Function, Http

CAPABILITY = Capability(
    "gateway",
    functions=(
        Function(
            "api",
            "api.events.handler",
            http=(Http("/api/v1/events"),),
            needs=frozenset({"database"}),
            role="crm_app",
            memory=1024,
            snap_start=True,
        ),
        Function(
            "openapi",
            "api.openapi.handler",
            http=(Http("/api/v1/openapi.json", public=True),),
            memory=1024,
        ),
    ),
)
