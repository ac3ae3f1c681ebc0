"""Reading members: who they are, and what they may do.

Names are read through `app.name_members`, which tells those of the transaction's own workspace to
whoever may see members; `users` itself is crm_auth's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple, get_args
from uuid import UUID

from functions.workspaces.models.members import (
    AnyRole,
    Member,
    MemberNotFound,
    Standing,
    StandingRow,
)
from shared.cursors import Key
from shared.db import Tx
from shared.filters import INSTANT, Column, Listing, Object, choice

_NAMED: LiteralString = """
    select f.user_id as id, p.name, p.email, f.role, f.role_id, f.version, f.created_at,
        f.updated_at, f.ended_at
    from found f
    join app.name_members((select array_agg(user_id) from found)) p on p.user_id = f.user_id
"""

_MEMBER: LiteralString = """
    select user_id, role, role_id, version, created_at, updated_at, ended_at
"""
_MEMBERS: LiteralString = """
    from memberships
    where workspace_id = %(workspace_id)s and ended_at is null and
"""
MEMBERS = Object(
    "members",
    {
        "role": Column(choice(*get_args(AnyRole)), "role"),
        "created_at": Column(INSTANT, "created_at", order="created_at"),
    },
    id="user_id",
)


class Person(NamedTuple):
    """A member's address, and whether it is proven to be theirs."""

    email: str
    verified: bool


def get_member(tx: Tx, member_id: UUID) -> Member:
    """Somebody who is a member, or was.

    Raises:
        MemberNotFound: nobody with this id ever was.
    """
    query: LiteralString = """
        with found as (
            select user_id, role, role_id, version, created_at, updated_at, ended_at
            from memberships
            where workspace_id = %(workspace_id)s and user_id = %(user_id)s
        )
    """
    member = tx.one(Member, query + _NAMED, user_id=member_id)
    if member is None:
        raise MemberNotFound
    return member


def list_members(tx: Tx, *, limit: int, after: Key | None = None) -> list[Member]:
    """Members, who joined last first, from after `after`: up to `limit` of them."""
    return find_members(tx, Listing(MEMBERS, limit=limit - 1, after=after))


def members_by_ids(tx: Tx, ids: Sequence[UUID]) -> list[Member]:
    """Those with these ids who are members, or were."""
    query: LiteralString = """
        with found as (
            select user_id, role, role_id, version, created_at, updated_at, ended_at
            from memberships
            where workspace_id = %(workspace_id)s and user_id = any(%(ids)s)
        )
    """
    return tx.all(Member, query + _NAMED, ids=list(ids))


def find_members(tx: Tx, listing: Listing) -> list[Member]:
    """The members of a page, and the first of the next one if there is one."""
    page = listing.page()
    query: LiteralString = "with found as materialized (" + _MEMBER + _MEMBERS + page.sql + ")"
    found = tx.all(Member, query + _NAMED, **page.params)
    return sorted(found, key=listing.place_of, reverse=listing.sorted_by.descending)


def count_members(tx: Tx, listing: Listing, most: int) -> int:
    """How many members there are on all pages; `most` if there are more."""
    found = listing.up_to(most)
    query: LiteralString = "select count(*) from (select user_id " + _MEMBERS  # noqa: S608 -- literals
    return tx.one(int, query + found.sql + ") found", **found.params) or 0


def list_team(tx: Tx, team_id: UUID, *, limit: int, after: Key | None = None) -> list[Member]:
    """Who is in a team, who came last first, from after `after`: up to `limit` of them. Their
    `created_at` is when they came.
    """
    at, last_id = after or (None, None)
    query: LiteralString = """
        with found as materialized (
            select t.user_id, m.role, m.role_id, m.version, t.created_at, m.updated_at, m.ended_at
            from team_members t
            join memberships m on m.workspace_id = t.workspace_id and m.user_id = t.user_id
            where t.workspace_id = %(workspace_id)s and t.team_id = %(team_id)s
                and (t.created_at, t.user_id) < (
                    coalesce(%(at)s::timestamptz, 'infinity'),
                    coalesce(%(last_id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
                )
            order by t.created_at desc, t.user_id desc
            limit %(limit)s
        )
    """
    order: LiteralString = " order by f.created_at desc, f.user_id desc"
    return tx.all(
        Member, query + _NAMED + order, team_id=team_id, at=at, last_id=last_id, limit=limit
    )


def find_standing(tx: Tx, user_id: UUID | None) -> Standing | None:
    """What a member may do by their role; None for who is no member."""
    found = tx.one(
        StandingRow,
        """
        select m.role, m.role_id, r.grants
        from memberships m
        left join roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
        where m.workspace_id = %(workspace_id)s and m.user_id = %(user_id)s and m.ended_at is null
        """,
        user_id=user_id,
    )
    return found.standing if found else None


def find_person(tx: Tx, user_id: UUID | None) -> Person | None:
    """The address of somebody who is a member, or was."""
    return tx.one(
        Person,
        "select email, verified from app.name_members(array[%(user_id)s::uuid])",
        user_id=user_id,
    )


def find_by_address(tx: Tx, email: str) -> UUID | None:
    """The member who has an address, in its normalised form."""
    return tx.one(UUID, "select user_id from app.find_member(%(email)s)", email=email)


def joined_at(member: Member) -> tuple[datetime, UUID]:
    """A member's place in the lists."""
    return member.created_at, member.id
