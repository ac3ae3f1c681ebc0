"""A person's data: what each capability says, in its `privacy.py`, of what it holds about somebody.

`PRIVACY` there is a tuple of `Part`s. `functions/privacy` finds them and works them off: each part
hands out what it has (`files`) and erases it (`erase`), both in pages that are a transaction each.
What is erased is noted by its id (`note_erased`), so that what tells of it elsewhere can be found
after it is gone, also by what was on its way at that moment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, NamedTuple, get_args
from uuid import UUID

from events.envelope import Event, parse
from shared.db import Tx
from shared.encryption import DataKey

ERASED = "Erased"
"""What stands where there has to be something."""
REDACTED_EMAILS = "emails_redacted"
"""As what mails are noted that stay without the person; everything else that is noted is gone."""
PAGE = 200
_FINGERPRINT = "privacy_requests.fingerprint"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose data a workspace has: a contact, deleted or not, and an address; `names` is
    what they are called beside it. `key` opens what the workspace keeps sealed.
    """

    request_id: UUID
    contact_ids: tuple[UUID, ...]
    addresses: tuple[str, ...]
    names: tuple[str, ...]
    key: DataKey = field(repr=False)


class Batch(NamedTuple):
    """What one batch of an erasure did: rows by table, and the objects of the bucket that are to be
    deleted now. `after` is where to go on; None: nothing is left.
    """

    rows: Mapping[str, int]
    after: str | None
    objects: tuple[str, ...] = ()


class Page(NamedTuple):
    """A page of a file of an export. `objects` of the bucket go beside it, by their names in the
    export. `after` is where to go on; None: that was the last one.
    """

    records: Sequence[Mapping[str, Any]]
    after: str | None
    objects: Mapping[str, str] = {}


class Gone(NamedTuple):
    """A row that was deleted for good; `alive`: nobody had deleted it before."""

    id: UUID
    version: int
    alive: bool


Erase = Callable[[Tx, Person, str | None], Batch]
"""Erases some of what there is: bounded, harmless to repeat. The text is where the last one ended;
None begins, and finds nothing where nothing is left."""
Collect = Callable[[Tx, Person, str | None], Page]


@dataclass(frozen=True, slots=True)
class Part:
    """What some tables hold about people. `tables` are all of those that it sees to; it is erased
    after the parts that `after` names, whose records its own refer to.
    """

    name: str
    tables: tuple[str, ...]
    erase: Erase
    files: Mapping[str, Collect] = field(default_factory=dict[str, Collect])
    after: tuple[str, ...] = ()


def note_erased(tx: Tx, person: Person, thing: str, ids: Sequence[UUID]) -> None:
    """Note that records are erased, in the transaction that does so."""
    tx.run(
        """
        insert into privacy_erased as e (workspace_id, record_id, request_id, object)
        select %(workspace_id)s, id, %(request_id)s, %(object)s from unnest(%(ids)s::uuid[]) as id
        on conflict (workspace_id, record_id, request_id) do update
        set object = excluded.object
        where e.object = 'emails_redacted'
        """,
        request_id=person.request_id,
        object=thing,
        ids=sorted(set(ids)),
    )


def erased_ids(tx: Tx, person: Person, thing: str, after: str | None, most: int) -> list[UUID]:
    """The ids of what the request erased of a kind, from after `after`: up to `most` of them."""
    return tx.all(
        UUID,
        """
        select record_id from privacy_erased
        where workspace_id = %(workspace_id)s and request_id = %(request_id)s
            and object = %(object)s
            and record_id > coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
        order by record_id limit %(most)s
        """,
        request_id=person.request_id,
        object=thing,
        after=after,
        most=most,
    )


def erased_among(tx: Tx, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the ids whose records are erased."""
    found = tx.all(
        UUID,
        """
        select record_id from privacy_erased
        where workspace_id = %(workspace_id)s and record_id = any(%(ids)s)
            and object <> 'emails_redacted'
        """,
        ids=list(ids),
    )
    return set(found)


class _Kept(NamedTuple):
    id: UUID
    type: str
    position: int
    payload: dict[str, Any]


def as_kept(tx: Tx, events: Sequence[Event]) -> list[Event]:
    """Events that a queue delivers, maybe long after: of what was erased since, as the feed has
    them by now. For whoever writes down what they tell.
    """
    erased = erased_among(tx, [event.aggregate_id for event in events])
    if not erased:
        return list(events)
    rows = tx.all(
        _Kept,
        """
        select id, type, position, payload from event_log
        where workspace_id = %(workspace_id)s and id = any(%(ids)s)
        """,
        ids=[event.id for event in events if event.aggregate_id in erased],
    )
    kept = {row.id: parse(row.type, row.payload | {"position": row.position}) for row in rows}
    shown = [kept.get(event.id) if event.aggregate_id in erased else event for event in events]
    return [event for event in shown if event is not None]


def fingerprints(key: DataKey, addresses: Iterable[str]) -> list[bytes]:
    """What addresses of people who were erased are found by."""
    return [key.fingerprint(one, column=_FINGERPRINT) for one in addresses]


def redaction_of(kind: type[Event]) -> dict[str, Any]:
    """What takes the place of what an event tells of a person: null where its class allows that."""
    return {
        name: None if NoneType in get_args(kind.model_fields[name].annotation) else ERASED
        for name in sorted(kind.personal)
    }


def pattern_of(addresses: Sequence[str]) -> str:
    """A regular expression of Postgres' for addresses as they are written in texts, in links too,
    and not as the end or the beginning of another one.
    https://www.postgresql.org/docs/current/functions-matching.html#POSIX-ESCAPE-SEQUENCES
    """
    written = [_escaped(one).replace(r"\@", r"(?:\@|%40|&#64;)") for one in addresses]
    return _BEFORE + "(?:" + "|".join(written) + ")" + _AFTER


_BEFORE = "(?<![[:alnum:]._%+-])"
_AFTER = r"(?![[:alnum:]_-]|\.[[:alnum:]])"


def _escaped(text: str) -> str:
    return re.sub(r"([^\w])", r"\\\1", text)
