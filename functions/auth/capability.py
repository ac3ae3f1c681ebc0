"""Auth: who somebody is, and whether a request's token is good."""

from shared.wiring import Capability, Function, Http

CAPABILITY = Capability(
    "auth",
    functions=(
        Function(
            "api",
            "api.handler",
            http=(Http("/api/v1/auth", public=True),),
            needs=frozenset({"database", "bus"}),
            role="crm_auth",
            secrets=("auth-private-keys",),
            env=("ACCESS_TOKEN_SECONDS",),
            memory=1024,
            snap_start=True,
        ),
        Function(
            "authorizer",
            "authorizer.handler",
            authorizer=True,
            needs=frozenset({"database"}),
            role="crm_auth",
            secrets=("auth-public-keys",),
            timeout=10,
            snap_start=True,
        ),
        Function(
            "keys",
            "deploy.handler",
            writes_secrets=("auth-private-keys", "auth-public-keys"),
            timeout=60,
            on_deploy=True,
        ),
    ),
)
