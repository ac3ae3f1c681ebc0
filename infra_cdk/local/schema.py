"""Writes `shared/db/schema.sql` from the migrations, on a server that lives for that only.

`python -m infra_cdk.local.schema`
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from infra_cdk.local.postgres import launch
from infra_cdk.local.state import State, open_state
from shared.db import schema


def main() -> None:
    """Write the file and say whether it changed."""
    with tempfile.TemporaryDirectory(prefix="haste-schema-") as folder:
        Path(folder).chmod(0o711)  # run by root, Postgres is another user, who must reach its data
        server = launch(State(Path(folder), shared_tools=open_state().tools), durable=False)
        try:
            changed = schema.write(server.url())
        finally:
            server.stop()
    print(f"{schema.SCHEMA}: {'written anew' if changed else 'is up to date'}")  # noqa: T201 -- a command speaks


if __name__ == "__main__":
    main()
