"""Migrations: the schema, brought up to date on every deploy, and the months to come."""

from shared.wiring import Capability, Function, Schedule

CAPABILITY = Capability(
    "migrations",
    functions=(
        Function(
            "migrate",
            "migrate.handler",
            needs=frozenset({"database"}),
            role="crm_migrator",
            secrets=("database-admin",),
            timeout=840,  # whoever invokes it on deploy waits for 900
            on_deploy=True,
        ),
        Function(
            "jobs",
            "jobs.handler",
            schedules=(Schedule("roll-partitions", "rate(1 day)"),),
            needs=frozenset({"database"}),
            role="crm_worker",
        ),
    ),
)
