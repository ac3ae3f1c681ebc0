"""Owners: whose a record is, where its readers may be those it belongs to."""

from __future__ import annotations

from uuid import UUID

from shared.db import Tx
from shared.errors import FieldError, Forbidden, Unprocessable

PASSED_ON_AT_ONCE = 200
"""How many records of somebody who left pass to another in one transaction."""


class UnknownOwner(Unprocessable):
    """The owner is no member of this workspace."""

    def __init__(self, at: str) -> None:
        detail = "no member of this workspace has this id"
        super().__init__(errors=(FieldError(f"{at}/owner_id", detail, "unknown"),))


class OwnerOutOfReach(Forbidden):
    """You see what you or your teams own, and would not see this any more."""

    def __init__(self, at: str) -> None:
        detail = "expected an owner whose records you see"
        super().__init__(errors=(FieldError(f"{at}/owner_id", detail, "permission"),))


def require_owner(tx: Tx, thing: str, owner_id: UUID | None, *, at: str = "") -> None:
    """Go on only if the caller may give `thing` to this owner: a member, whose records they see.
    `at` is the JSON pointer of what names it.

    Raises:
        UnknownOwner: there is no such member.
        OwnerOutOfReach: their reading does not reach as far, and the database would refuse it.
    """
    if owner_id is not None and not _is_member(tx, owner_id):
        raise UnknownOwner(at)
    reach = tx.access.reach.get(f"{thing}.read", "all")
    if reach == "all" or (owner_id is not None and owner_id == tx.user_id):
        return
    if reach == "own" or owner_id is None or not _is_teammate(tx, owner_id):
        raise OwnerOutOfReach(at)


def may_pass_on(tx: Tx, owner_id: UUID, heir_id: UUID) -> bool:
    """Whether what one owns may still pass to the other: the one has left, the other has not."""
    return not _is_member(tx, owner_id) and _is_member(tx, heir_id)


def _is_member(tx: Tx, user_id: UUID) -> bool:
    query = """
        select 1 from memberships
        where workspace_id = %(workspace_id)s and user_id = %(user_id)s and ended_at is null
    """
    return tx.one(int, query, user_id=user_id) is not None


def _is_teammate(tx: Tx, user_id: UUID) -> bool:
    query = "select %(user_id)s = any(app.teammates())"
    return bool(tx.one(bool, query, user_id=user_id))
