"""The contacts requests are about: a large workspace among others, made by the database itself."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import LiteralString, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import args_row

from infra_cdk.local.commands.apibench import history
from shared.cursors import Key
from shared.feed import feed_cursor
from shared.ids import uuid7

NEIGHBOURS = 20
"""Other workspaces. Together they have as many contacts again, in the same tables."""
_MOST_SAMPLED = 2000
_VACUUM: LiteralString = """
    vacuum (analyze) contacts, tasks, threads, emails, email_subjects, event_log
"""

_FOUND: LiteralString = """
    with person as (
        insert into users (id, email, name, password_hash)
        values (%(user)s, %(user)s::text || '@bench.example', 'Owner', 'none')
    ), place as (
        insert into workspaces (id, name) values (%(workspace)s, 'Bench')
    ), feed as (
        insert into feed (workspace_id) values (%(workspace)s)
    )
    insert into memberships (workspace_id, user_id, role)
    values (%(workspace)s, %(user)s, 'owner')
"""

# Two years of arrivals, every second one into the large workspace, so that its rows lie among
# others' in the table as they would; an id is a UUIDv7 of its moment.
_MEET: LiteralString = """
    insert into contacts (workspace_id, id, name, email, phone, company, job_title, tags,
        created_at, updated_at)
    select
        case when n %% 2 = 0 then %(large)s else others[1 + n / 2 %% cardinality(others)] end,
        (left(app.uuid7_floor(at)::text, 14) || '7' || substr(dice, 1, 3) || '-8'
            || substr(dice, 4, 3) || '-' || substr(dice, 7, 12))::uuid,
        first || ' ' || lasts[1 + h / 13 %% cardinality(lasts)],
        case when h %% 19 > 0 then lower(first) || n || '@' || lower(house) || '.example' end,
        case when h %% 3 = 0 then '+49 30 ' || 1000000 + n end,
        case when h %% 11 > 0 then house || ' ' || kinds[1 + h / 17 %% cardinality(kinds)] end,
        case when h %% 5 > 0 then titles[1 + h / 23 %% cardinality(titles)] end,
        tags[1 + h %% 6 : h %% 6 + h / 29 %% 4],
        at,
        at
    from generate_series(1, 2 * %(count)s) as n,
        (
            select
                %(others)s::uuid[] as others,
                '{Ada,Ben,Chiara,Dilek,Emil,Fatima,Goran,Hanna,Ivo,Jun,Karim,Lena,Mateo}'::text[]
                    as firsts,
                '{Brauer,Castellanos,Dvořák,Eriksson,Ferri,Großmann,Harrow,Ibrahim,Jansen}'::text[]
                    as lasts,
                '{Birchwood,Caldera,Fjordlund,Inkwell,Meridian,Nordstern,Osterley}'::text[]
                    as houses,
                '{Logistics,Instruments GmbH,Partners,Foods,"Software Ltd"}'::text[] as kinds,
                '{"Head of Purchasing",Buyer,"Managing Director",Engineer,"Office Manager"}'::text[]
                    as titles,
                '{customer,lead,newsletter,partner,"trade fair",vip,"wrote to us",berlin}'::text[]
                    as tags
        ) as words,
        lateral (
            select
                hashint4(n) & 2147483647 as h,
                now() - n * (interval '1 year' / %(count)s) as at,
                md5(n::text || random()::text) as dice
        ) as drawn,
        lateral (
            select
                firsts[1 + h %% cardinality(firsts)] as first,
                houses[1 + h / 7 %% cardinality(houses)] as house
        ) as named
    order by at
"""

_SAMPLE: LiteralString = """
    select id, version, created_at, place <= %(count)s - %(page)s as before_a_full_page
    from (
        select id, version, created_at, row_number() over (order by created_at desc, id desc) place
        from contacts where workspace_id = %(workspace)s
    ) as newest_first
    where place %% greatest(1, %(count)s / %(most)s) = 0
"""

_EVENTS: LiteralString = "select position from feed where workspace_id = %(workspace)s"


class Known(NamedTuple):
    """A contact as a caller has seen it."""

    id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Contacts of the large workspace in no order, from all over its list, and places in that list
    from which a full page follows; in the same way cursors of its feed. `addresses` are those of
    members who may sign in, and each of `refresh_tokens` is good once.
    """

    contacts: tuple[Known, ...]
    places: tuple[Key, ...]
    feed: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    refresh_tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workspace:
    """The large workspace and its owner."""

    id: UUID
    user_id: UUID
    session_id: UUID
    contacts: int


def settle(database_url: str, contacts: int) -> Workspace:
    """Make `contacts` contacts in one workspace and as many in others, and what happened with them;
    `database_url` is crm_migrator's. The tables are left as autovacuum leaves them.
    """
    large = Workspace(uuid7(), uuid7(), uuid7(), contacts)
    others = [uuid7() for _ in range(NEIGHBOURS)]
    with psycopg.connect(database_url, autocommit=True) as migrator:
        migrator.execute(_FOUND, {"workspace": large.id, "user": large.user_id})
        for other in others:
            migrator.execute(_FOUND, {"workspace": other, "user": uuid7()})
        migrator.execute(_MEET, {"large": large.id, "others": others, "count": contacts})
        history.happen(migrator, large.id, others)
        migrator.execute(_VACUUM)
        migrator.execute("analyze")
    return large


def sampled(database_url: str, workspace: Workspace, page: int) -> Sample:
    """What callers may ask for now, the same at every run on the same contacts."""
    with psycopg.connect(database_url, autocommit=True) as migrator:
        cursor = migrator.cursor(row_factory=args_row(lambda *values: values))
        cursor.execute(
            _SAMPLE,
            {
                "workspace": workspace.id,
                "count": workspace.contacts,
                "page": page,
                "most": _MOST_SAMPLED,
            },
        )
        found = cursor.fetchall()
        (events,) = cursor.execute(_EVENTS, {"workspace": workspace.id}).fetchone() or (0,)
    dice = random.Random(7)  # noqa: S311 -- the order of requests is no secret
    dice.shuffle(found)
    positions = [dice.randint(0, max(0, events - page)) for _ in range(_MOST_SAMPLED)]
    return Sample(
        contacts=tuple(Known(id, version) for id, version, _, _ in found),
        places=tuple((at, id) for id, _, at, full in found if full),
        feed=tuple(feed_cursor(workspace.id, position) for position in positions),
        addresses=tuple(history.addresses(workspace.id)),
        refresh_tokens=tuple(history.refresh_tokens(workspace.id)),
    )
