"""Runs on every deploy, before the new code takes requests: a plain handler, invoked directly.

It answers `{"applied": [...]}`, the names in order; where a migration fails it raises, and the
deploy stops with the old code still serving.
"""

from __future__ import annotations

from shared.db.migrate import migrate
from shared.invocation import LambdaContext, Payload, invocation
from shared.log import logger
from shared.settings import setting


def migrate_on_deploy(event: Payload, context: LambdaContext) -> dict[str, list[str]]:
    """Apply what is missing. Running it again applies nothing."""
    applied = migrate(setting("DATABASE_URL"))
    logger.info("migrated", metadata={"applied": applied})
    return {"applied": applied}


handler = invocation(migrate_on_deploy)
