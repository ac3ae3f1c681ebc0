"""`/api/v1/limits`: how often one may ask."""

from functions.gateway.models import Limit, Limits
from shared.http import SIGNED_IN, CurrentCaller, create_router, needs
from shared.http.limits import standing

routes = create_router()


@routes.get("/api/v1/limits", openapi_extra=needs(SIGNED_IN))
async def list_limits(caller: CurrentCaller) -> Limits:
    """The limits that apply to you, and what remains of each now, after this request.

    Every answer says the same of the limits it counts against, in its headers `RateLimit-Policy`
    and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11). A request over a limit is answered
    429 with `Retry-After`, and counts against none.
    """
    return Limits(
        items=[
            Limit(
                name=one.policy.name,
                of=one.of,
                counts=one.action,
                requests=one.policy.quota,
                window_seconds=one.policy.window_s,
                remaining=one.remaining,
            )
            for one in standing(caller)
        ]
    )
