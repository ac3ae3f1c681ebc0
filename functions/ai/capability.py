"""AI: what is understood of a mail."""

from shared.wiring import Capability, Function, Queue

CAPABILITY = Capability(
    "ai",
    functions=(
        Function(
            "consumers",
            "consumers.handler",
            queue=Queue("ai-processing", listens=("EmailReceived",), concurrency=50),
            needs=frozenset({"database", "bus"}),
            role="crm_worker",
            layers=("core", "ai"),
            memory=1769,
            timeout=120,
        ),
    ),
)
