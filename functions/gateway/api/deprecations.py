"""`/api/v1/deprecations`: who still uses what will go."""

from functions.gateway.models.deprecations import DeprecatedUse
from functions.gateway.queries.deprecations import list_deprecated_uses
from shared.http import (
    DEFAULT_LIMIT,
    CursorParam,
    Limit,
    Page,
    Transaction,
    create_router,
    decode_cursor,
    needs,
    page,
)

routes = create_router()


@routes.get("/api/v1/deprecations", openapi_extra=needs("audit.read"))
async def list_deprecations(
    tx: Transaction, limit: Limit = DEFAULT_LIMIT, cursor: CursorParam = None
) -> Page[DeprecatedUse]:
    """How often which person or key of the workspace used a route that will go, by day, newest
    first. Answers of such a route say so themselves, in `Deprecation` and `Sunset`.
    """
    found = list_deprecated_uses(tx, limit=limit + 1, after=decode_cursor(cursor))
    return page(found, limit, key=lambda use: (use.first_at, use.id))
