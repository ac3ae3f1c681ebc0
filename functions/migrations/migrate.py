"""Runs on every deploy, before the new code takes requests: a plain handler, invoked directly.

The event is whatever the deployer sends, and means nothing. It answers `{"applied": [...]}`, the
names in order; where a migration fails it raises, and the deploy stops with the old code serving.
"""

from __future__ import annotations

from shared.db.migrate import bootstrap_as, migrate
from shared.invocation import LambdaContext, Payload, invocation
from shared.log import logger
from shared.secrets import secret
from shared.settings import setting


def migrate_on_deploy(event: Payload, context: LambdaContext) -> dict[str, list[str]]:
    """Make the roles, then apply what is missing. Running it again changes nothing.

    Of the administrator's secret, which RDS rotates, only user and password count: the rest may be
    missing. https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-secrets-manager.html
    """
    url = setting("DATABASE_URL")
    administrator = secret("database-admin", max_age_s=0)
    bootstrap_as(administrator["username"], administrator["password"], url)
    applied = migrate(url)
    logger.info("migrated", metadata={"applied": applied})
    return {"applied": applied}


handler = invocation(migrate_on_deploy)
