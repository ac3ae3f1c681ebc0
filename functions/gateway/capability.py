"""Gateway: what is about the whole API and belongs to no capability alone."""

from shared.wiring import Capability, Function, Http

CAPABILITY = Capability(
    "gateway",
    functions=(
        Function(
            "openapi",
            "api.handler",
            http=(Http("/api/v1/openapi.json", public=True),),
            memory=1024,
        ),
    ),
)
