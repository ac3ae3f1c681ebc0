"""What a capability shows in GraphQL, as frozen data.

`functions/<name>/graph.py` holds one `GRAPH = Graph(...)`. `functions/graphql` finds them all and
makes one schema of them; only there is GraphQL known. Types are named and not imported, so a link
is declared by whoever can read it, on the type of whichever capability it starts from: tasks add
`tasks` to `Contact`, and their own `contact` leads to whatever is called so.

Everything that reads says how for many at once: a `find` gets all keys that a level of the query
has, and is called once. Everything that can be asked for says what permission it takes: what
leads to a `Kind` takes the kind's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from pydantic import BaseModel

from shared.access import ALL
from shared.db import Tx
from shared.filters import Listing, Object

Model: TypeAlias = BaseModel


@dataclass(frozen=True, slots=True)
class Kind:
    """An object type: the fields of a model, or `only` some of them. `needs` is the permission to
    read it. `find` gives those with these ids, in any order; a kind that has it is a Node, with an
    opaque id of its own. `weight` is what one costs, `names` are what fields are called that have
    another name in the model, `deprecated` are those that will go, and why.
    """

    name: str
    model: type[Model]
    needs: str
    find: Callable[[Tx, Sequence[UUID]], Sequence[Model]] | None = None
    only: tuple[str, ...] = ()
    weight: int = 1
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    deprecated: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        _check(self.needs)


@dataclass(frozen=True, slots=True)
class Single:
    """A field of the query: the one there is."""

    name: str
    kind: str
    find: Callable[[Tx], Model]
    about: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A field of the query: a connection to all of a kind. `find` is a page, and one more where
    there is another; `count` counts up to a number.
    """

    name: str
    kind: str
    of: Object
    find: Callable[[Tx, Listing], Sequence[Model]]
    count: Callable[[Tx, Listing, int], int]
    about: str
    deprecated: str | None = None


@dataclass(frozen=True, slots=True)
class ToOne:
    """A field `name` on the type `on`: the `kind` whose attribute `key` equals the attribute `by`
    of what it starts from. `find` gives those with these keys; left out, the kind is found by id.
    `tells` is a field, as `contacts.email`, that one could find out by following the link: for whom
    it is hidden, the link leads nowhere.
    """

    on: str
    name: str
    kind: str
    by: str
    about: str
    find: Callable[[Tx, Sequence[Any]], Sequence[Model]] | None = None
    key: str = "id"
    tells: str | None = None
    deprecated: str | None = None


@dataclass(frozen=True, slots=True)
class ToMany:
    """A field `name` on the type `on`: a connection to those of `kind` whose attribute `key` is the
    attribute `by` of what it starts from. `find` gives a page for each key, and one more where
    there is another, in the order of the listing.
    """

    on: str
    name: str
    kind: str
    by: str
    key: str
    of: Object
    find: Callable[[Tx, Sequence[Any], Listing], Sequence[Model]]
    about: str
    deprecated: str | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """A mutation: `run(tx, given)` makes one of `kind` from what `given`, a model, lets through."""

    name: str
    kind: str
    needs: str
    given: type[Model]
    run: Callable[[Tx, Any], Model]
    about: str
    deprecated: str | None = None

    def __post_init__(self) -> None:
        _check(self.needs)


@dataclass(frozen=True, slots=True)
class Update:
    """A mutation: `run(tx, id, given, version=...)` changes one of `kind` that is at a version."""

    name: str
    kind: str
    needs: str
    given: type[Model]
    run: Callable[..., Model]
    about: str
    deprecated: str | None = None

    def __post_init__(self) -> None:
        _check(self.needs)


@dataclass(frozen=True, slots=True)
class Delete:
    """A mutation: `run(tx, id, version=...)` deletes one of `kind`; at a version, if given one."""

    name: str
    kind: str
    needs: str
    run: Callable[..., None]
    about: str
    deprecated: str | None = None

    def __post_init__(self) -> None:
        _check(self.needs)


Link: TypeAlias = ToOne | ToMany
Change: TypeAlias = Create | Update | Delete


@dataclass(frozen=True, slots=True)
class Graph:
    """All that a capability shows. Names are as in Python, `create_contact`; clients see
    `createContact`.
    """

    kinds: tuple[Kind, ...] = ()
    singles: tuple[Single, ...] = ()
    lists: tuple[Listed, ...] = ()
    links: tuple[Link, ...] = ()
    changes: tuple[Change, ...] = ()


def _check(permission: str) -> None:
    if permission not in ALL:
        raise ValueError(f"there is no permission {permission!r}")
