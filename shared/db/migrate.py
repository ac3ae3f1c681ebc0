"""Applies the schema: `bootstrap.sql` as the administrator, then the numbered migrations.

Migrations are plain SQL run by yoyo (https://ollycope.com/software/yoyo/latest/), each in its own
transaction, once, in the order of their names.
"""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from yoyo import get_backend, read_migrations  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType] -- yoyo has no types

from shared.db.address import resolved, signed_in_as
from shared.db.releases import MIGRATIONS

_BOOTSTRAP = Path(__file__).with_name("bootstrap.sql")


def bootstrap(admin_url: str, passwords: dict[str, str]) -> None:
    """Make the roles and give those named in `passwords` their password."""
    with psycopg.connect(resolved(admin_url), autocommit=True, connect_timeout=10) as admin:
        admin.execute(_BOOTSTRAP.read_bytes())
        for role, password in passwords.items():
            admin.execute(
                sql.SQL("alter role {} password {}").format(
                    sql.Identifier(role), sql.Literal(password)
                )
            )


def bootstrap_as(user: str, password: str, url: str) -> None:
    """`bootstrap` by the administrator `user` of the database at `url`.

    A refused password is tried again as an IAM token: RDS takes nothing else from a member of
    `rds_iam`, and since PostgreSQL 16 who made a role counts as its member in `pg_hba.conf`, so the
    first bootstrap may turn the administrator into one.

    Raises:
        psycopg.Error: neither is taken, or the database cannot be made ready.
    """
    try:
        bootstrap(signed_in_as(url, user, password), {})
    except psycopg.OperationalError as error:
        if "authentication failed" not in str(error):
            raise
        bootstrap(signed_in_as(url, user), {})


def migrate(migrator_url: str) -> list[str]:
    """Apply what is missing, as crm_migrator, and roll the monthly partitions; the names applied.

    Only one migrator works at a time; another one waits a minute for its turn. The lock is the
    session's, so it ends with the migrator, however that ends; the URL must therefore be the
    database's own and not a proxy's.

    Raises:
        psycopg.Error: a migration failed; it and those after it are not applied.
        psycopg.errors.QueryCanceled: another migrator works for longer than a minute.
    """
    with psycopg.connect(resolved(migrator_url), autocommit=True) as migrator:
        migrator.execute("select set_config('statement_timeout', '60s', false)")
        migrator.execute("select pg_advisory_lock(hashtext('haste.migrate'))")
        applied = _apply(migrator_url)
        migrator.execute("select app.roll_partitions()")
    return applied


def _apply(migrator_url: str) -> list[str]:
    parts = urlsplit(resolved(migrator_url))
    backend = get_backend(
        urlunsplit(parts._replace(scheme="postgresql+psycopg")), migration_table="_migrations"
    )
    try:
        backend.ensure_internal_schema_updated()
        wanted = backend.to_apply(read_migrations(str(MIGRATIONS)))
        for migration in wanted:
            # yoyo's own `apply_one` marks in a second transaction: a crash between the two would
            # have the migration applied again, which fails for ever.
            with backend.transaction():
                migration.process_steps(backend, "apply")
                backend.execute("reset role")
                backend.mark_one(migration, log=False)
    finally:
        backend.connection.close()
    return [migration.id for migration in wanted]
