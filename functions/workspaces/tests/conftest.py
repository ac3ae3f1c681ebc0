"""What the tests of workspaces share."""

import pytest

from functions.workspaces.tests.scenes import People
from shared.testing import Call, Database, NewMember, Workspace


@pytest.fixture
def people(workspace: Workspace, call: Call, database: Database, new_member: NewMember) -> People:
    """The test's workspace, whose owner's address is proven."""
    found = People(workspace, call, database, new_member)
    found.verify(workspace)
    return found
