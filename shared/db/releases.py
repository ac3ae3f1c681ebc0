"""The migrations as files: their names, and the promise that released ones never change.

`migrations/frozen.txt` holds the SHA-256 of every released migration, a line each, as `sha256sum`
writes them. A release adds those that are new; a changed one would leave databases that have run it
different from those that have not.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

MIGRATIONS = Path(__file__).parent / "migrations"


def migration_names(folder: Path = MIGRATIONS) -> list[str]:
    """Every migration's name, oldest first: the file's without `.sql`."""
    return sorted(path.stem for path in folder.glob("*.sql"))


def hashes(folder: Path = MIGRATIONS) -> dict[str, str]:
    """SHA-256 of every migration, by name."""
    return {
        name: sha256((folder / f"{name}.sql").read_bytes()).hexdigest()
        for name in migration_names(folder)
    }


def frozen(folder: Path = MIGRATIONS) -> dict[str, str]:
    """SHA-256 of every released migration, by name; none before the first release."""
    path = folder / "frozen.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return {file.removesuffix(".sql"): digest for digest, file in (line.split() for line in lines)}


def altered(folder: Path = MIGRATIONS) -> list[str]:
    """Released migrations that are no longer what was released: changed, renamed or removed."""
    now = hashes(folder)
    return [name for name, digest in frozen(folder).items() if now.get(name) != digest]


def freeze(folder: Path = MIGRATIONS) -> list[str]:
    """Release the migrations there are; the names of those that are new.

    Raises:
        ValueError: one released before is altered.
    """
    if changed := altered(folder):
        raise ValueError(f"released migrations never change: undo what was done to {changed}")
    now, before = hashes(folder), frozen(folder)
    lines = "".join(f"{digest}  {name}.sql\n" for name, digest in now.items())
    (folder / "frozen.txt").write_text(lines)
    return [name for name in now if name not in before]
