"""Workspaces: the place a team's data lives in."""

from shared.wiring import Capability, Function, Http

CAPABILITY = Capability(
    "workspaces",
    functions=(
        Function(
            "api",
            "api.handler",
            http=(Http("/api/v1/workspaces"),),
            needs=frozenset({"database", "bus", "encryption"}),
            role="crm_app",
        ),
    ),
)
