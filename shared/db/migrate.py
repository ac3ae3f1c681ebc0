"""Applies the schema: `bootstrap.sql` as the administrator, then the numbered migrations.

Migrations are plain SQL run by yoyo (https://ollycope.com/software/yoyo/latest/), each in its own
transaction, once, in the order of their names. One that has been released never changes:
`migrations/frozen.txt` holds the hash of each, and a test compares.
"""

from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from yoyo import get_backend, read_migrations  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType] -- yoyo has no types

_HERE = Path(__file__).parent
MIGRATIONS = _HERE / "migrations"
FROZEN = MIGRATIONS / "frozen.txt"


def bootstrap(admin_url: str, passwords: dict[str, str]) -> None:
    """Make the roles and give those named in `passwords` their password."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute((_HERE / "bootstrap.sql").read_bytes())
        for role, password in passwords.items():
            admin.execute(
                sql.SQL("alter role {} password {}").format(
                    sql.Identifier(role), sql.Literal(password)
                )
            )


def migrate(migrator_url: str) -> list[str]:
    """Apply what is missing, as crm_migrator, and roll the monthly partitions; the names applied.

    Only one migrator works at a time; another one waits on yoyo's lock.
    """
    parts = urlsplit(migrator_url)
    backend = get_backend(
        urlunsplit(parts._replace(scheme="postgresql+psycopg")), migration_table="_migrations"
    )
    try:
        with backend.lock(timeout=60):
            wanted = backend.to_apply(read_migrations(str(MIGRATIONS)))
            backend.apply_migrations(wanted)
    finally:
        backend.connection.close()
    with psycopg.connect(migrator_url, autocommit=True) as migrator:
        migrator.execute("select app.roll_partitions()")
    return [migration.id for migration in wanted]


def hashes() -> dict[str, str]:
    """SHA-256 of every migration file, by file name."""
    return {
        path.name: sha256(path.read_bytes()).hexdigest()
        for path in sorted(MIGRATIONS.glob("*.sql"))
    }


def frozen() -> dict[str, str]:
    """The hashes of released migrations, by file name."""
    lines = FROZEN.read_text().splitlines() if FROZEN.exists() else []
    return {name: digest for digest, name in (line.split() for line in lines)}
