"""`/health`: public, cheap, and never about a workspace."""

from functions.health import queries
from functions.health.models import Health, NotReady, failing
from shared.http import (
    ANYBODY,
    create_app,
    http_handler,
    needs,
)
from shared.settings import setting

app = create_app("Health")


@app.get("/health/live", openapi_extra=needs(ANYBODY))
async def live() -> Health:
    """This function runs. Depends on nothing."""
    return Health()


@app.get("/health/ready", openapi_extra=needs(ANYBODY))
async def ready() -> Health:
    """The database answers, and the cache where there is one."""
    errors = ()
    if not await queries.database_answers(setting("DATABASE_URL")):
        errors += (failing("database", "does not answer within 2 s"),)
    cache_url = setting("CACHE_URL", "")
    if cache_url and not await queries.cache_answers(cache_url):
        errors += (failing("cache", "does not answer within 2 s"),)
    if errors:
        raise NotReady(errors=errors)
    return Health()


@app.get("/health/startup", openapi_extra=needs(ANYBODY))
async def startup() -> Health:
    """The database has every migration this code needs."""
    missing = await queries.missing_migrations(setting("DATABASE_URL"))
    if missing is None:
        raise NotReady(errors=(failing("database", "does not answer within 2 s"),))
    if missing:
        raise NotReady(errors=(failing("migrations", f"not applied: {', '.join(missing)}"),))
    return Health()


handler = http_handler(app)
