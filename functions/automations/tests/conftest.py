"""What every test of automations has."""

import pytest

from functions.automations.tests.scenes import connect_mailbox
from shared.testing import Database, Workspace


@pytest.fixture(autouse=True)
def _mailbox(database: Database, workspace: Workspace) -> None:  # pyright: ignore[reportUnusedFunction]
    connect_mailbox(database, workspace)
