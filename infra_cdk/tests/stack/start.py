"""How these tests start a stack."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra_cdk.local.stack import Options, Stack
from infra_cdk.local.state import State, free_port, open_state
from infra_cdk.tests.stack import books

MAILBOXES = tuple(f"box{number}@acme.example" for number in range(48))
_VISIBILITY_S = 8
"""How long a message that a killed runner had taken stays away; minutes, in earnest."""


def options(*, again: bool = False) -> Options:
    """How these tests start a stack: retries after a second instead of minutes. One that starts
    `again` keeps its ports.
    """
    return Options(mailboxes=MAILBOXES, port=None if again else free_port(), retry_seconds=1)


def hurry_queues(stack: Stack) -> None:
    """Shorten how long messages stay hidden that were being handled when everything stopped."""
    for url in stack.config.resources.queues.values():
        books.aws(stack, "sqs").set_queue_attributes(
            QueueUrl=url, Attributes={"VisibilityTimeout": str(_VISIBILITY_S)}
        )


@contextmanager
def new_home() -> Iterator[State]:
    """An empty data folder, with the checkout's tools; deleted in the end."""
    folder = Path(tempfile.mkdtemp(prefix="haste-stack-"))
    folder.chmod(0o711)  # run by root, Postgres is another user, who must reach its cluster
    try:
        yield State(folder, shared_tools=open_state().tools)
    finally:
        shutil.rmtree(folder)
