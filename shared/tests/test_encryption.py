"""Sealed columns, with a real database and the emulator's KMS."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared import encryption
from shared.encryption import Undecryptable, data_key
from shared.testing import Database, Workspace

COLUMN = "mailboxes.credentials"


@pytest.fixture(autouse=True)
def _own_environment(as_role: Callable[[str], None], aws: None) -> None:
    encryption.forget_keys()


def test_what_is_sealed_can_be_read_again(workspace: Workspace) -> None:
    sealed = data_key(workspace.id).seal("ya29.secret", column=COLUMN)
    assert b"secret" not in sealed
    encryption.forget_keys()
    assert data_key(workspace.id).unseal(sealed, column=COLUMN) == "ya29.secret"


def test_the_same_secret_never_looks_the_same(workspace: Workspace) -> None:
    key = data_key(workspace.id)
    assert key.seal("a", column=COLUMN) != key.seal("a", column=COLUMN)


def test_another_workspace_or_column_cannot_open_it(
    workspace: Workspace, new_workspace: Callable[[], Workspace]
) -> None:
    sealed = data_key(workspace.id).seal("secret", column=COLUMN)
    with pytest.raises(Undecryptable):
        data_key(new_workspace().id).unseal(sealed, column=COLUMN)
    with pytest.raises(Undecryptable):
        data_key(workspace.id).unseal(sealed, column="contacts.phone")


def test_damage_is_noticed(workspace: Workspace) -> None:
    key = data_key(workspace.id)
    sealed = key.seal("secret", column=COLUMN)
    for damaged in (sealed[:-1], b"\x02" + sealed[1:], sealed[:5], b""):
        with pytest.raises(Undecryptable):
            key.unseal(damaged, column=COLUMN)


def test_a_workspace_has_one_wrapped_key(workspace: Workspace, database: Database) -> None:
    data_key(workspace.id)
    encryption.forget_keys()
    data_key(workspace.id)
    rows = database.admin(
        "select wrapped from workspace_keys where workspace_id = %(id)s", id=workspace.id
    )
    assert len(rows) == 1


def test_a_key_wrapped_for_another_workspace_does_not_open(
    workspace: Workspace, new_workspace: Callable[[], Workspace], database: Database
) -> None:
    data_key(workspace.id)
    thief = new_workspace()
    database.admin(
        """
        insert into workspace_keys (workspace_id, wrapped)
        select %(thief)s, wrapped from workspace_keys where workspace_id = %(id)s
        """,
        thief=thief.id,
        id=workspace.id,
    )
    with pytest.raises(Exception, match="InvalidCiphertext"):
        data_key(thief.id)


def test_the_key_is_not_shown(workspace: Workspace) -> None:
    assert "plaintext" not in repr(data_key(workspace.id))
