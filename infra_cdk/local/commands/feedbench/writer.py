"""A process that writes: one connection, one transaction after another, as a function would.

    python -m infra_cdk.local.commands.feedbench.writer

It says `ready` once it is connected, reads a `Work` in JSON from a line of standard input, and
answers in one line with the seconds that each transaction took. `HASTE_DATABASE_URL` is crm_app's.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from functions.contacts.commands import create_contact
from functions.contacts.models import NewContact
from shared import outbox
from shared.access import EVERYTHING
from shared.db import transaction
from shared.db.connection import connection


@dataclass(frozen=True, slots=True)
class Work:
    """Into which workspaces to write, each time into any of them, and for how long."""

    workspaces: Sequence[str]
    seconds: float


def main() -> None:
    connection()
    _say("ready")
    line = sys.stdin.readline()
    if line:
        _say(json.dumps(_written(Work(**json.loads(line)))))


def _written(work: Work) -> list[float]:
    """The seconds of each transaction: a contact is created, which is one event."""
    workspaces = [UUID(one) for one in work.workspaces]
    new = NewContact(name="Nora Lindqvist", company="Newcomers AB", tags=("lead",))
    taken: list[float] = []
    end = time.perf_counter() + work.seconds
    while (began := time.perf_counter()) < end:
        with transaction(random.choice(workspaces), access=EVERYTHING) as tx:  # noqa: S311
            create_contact(tx, new)
        taken.append(time.perf_counter() - began)
        outbox.drop()  # publishing waits for the bus, and is measured elsewhere
    return taken


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
