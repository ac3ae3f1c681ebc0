"""Realtime: what happens in a workspace, told to whoever is looking, over WebSockets."""

from shared.wiring import EVERY_EVENT, Capability, Function, Http, Queue

CAPABILITY = Capability(
    "realtime",
    functions=(
        Function(
            "api",
            "api.handler",
            http=(Http("/api/v1/realtime"),),
            needs=frozenset({"database", "cache", "socket_url"}),
            role="crm_app",
            env=("RATE_LIMITS",),
            memory=1024,
            snap_start=True,
        ),
        Function(
            "authorizer",
            "authorizer.handler",
            socket_authorizer=True,
            needs=frozenset({"database", "cache"}),
            role="crm_app",
            env=("SOCKET_ORIGINS",),
            timeout=10,
            snap_start=True,
        ),
        Function(
            "sockets",
            "sockets.handler",
            sockets=("$connect", "$default", "$disconnect"),
            needs=frozenset({"database", "cache", "sockets", "egress"}),
            role="crm_app",
            env=("SOCKET_POSTS_PER_SECOND",),
            memory=1024,
        ),
        Function(
            "events",
            "consumers.handler",
            queue=Queue(
                "realtime",
                listens=EVERY_EVENT,
            ),
            needs=frozenset({"database", "cache", "sockets", "egress"}),
            # Not crm_worker: whether somebody may see a record is asked in their name.
            role="crm_app",
            env=("SOCKET_POSTS_PER_SECOND",),
            memory=1024,
        ),
    ),
)
