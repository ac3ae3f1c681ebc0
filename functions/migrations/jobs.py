"""The schedule that makes next months' partitions before anybody writes into them."""

from functions.migrations import store
from shared.db import system_transaction
from shared.log import logger
from shared.runtime import job_handler


def roll_partitions() -> None:
    """Make the partitions of the next three months where they are missing."""
    with system_transaction("system:migrations") as tx:
        made = store.roll_partitions(tx)
    logger.info("partitions rolled", metadata={"made": made})


handler = job_handler({"roll-partitions": roll_partitions})
