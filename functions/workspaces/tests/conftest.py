"""What the tests of workspaces share."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from functions.auth.tests.postman import MailServer, serve
from functions.workspaces.tests.post import Post
from functions.workspaces.tests.scenes import People
from infra_cdk.local.state import free_port
from shared import secrets
from shared.aws import client
from shared.testing import Call, Database, Deliver, NewMember, Workspace


@pytest.fixture
def people(workspace: Workspace, call: Call, database: Database, new_member: NewMember) -> People:
    """The test's workspace, whose owner's address is proven."""
    found = People(workspace, call, database, new_member)
    found.verify(workspace)
    return found


@pytest.fixture
def post(
    people: People, deliver: Deliver, aws: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Post]:
    """The mails of invitations, and the server that they go to."""
    secrets.forget()
    # The job mails for all workspaces, those of other tests included.
    people.database.admin("update invitations set mail_state = 'sent'")
    server, port = MailServer(), free_port()
    identifier = f"smtp-{uuid4()}"
    client("secretsmanager").create_secret(Name=identifier, SecretString="{}")
    for name, value in (
        ("SECRET_SMTP", identifier),
        ("SMTP_URL", f"smtp://127.0.0.1:{port}"),
        ("MAIL_FROM", "hasteCRM <no-reply@haste.example>"),
        ("CONSOLE_URL", "https://crm.example/"),
    ):
        monkeypatch.setenv(f"HASTE_{name}", value)
    running = serve(server, port)
    yield Post(people, server, deliver)
    running.stop()
