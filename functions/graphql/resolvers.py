"""The fields that read. Each asks for its permission first, all in one place."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional, cast

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from functions.graphql.ids import decode_id, encode_id
from functions.graphql.models import InvalidPage
from functions.graphql.pages import (
    After,
    Asked,
    Connection,
    Filtered,
    First,
    Last,
    Sorted,
    arguments_of,
)
from functions.graphql.reading import Reading
from shared.access import SIGNED_IN, masked
from shared.errors import FieldError
from shared.graph import Kind, Listed, Single, ToMany, ToOne
from shared.http.pages import MOST_PER_PAGE

Info = strawberry.Info[Reading, None]


class Needs(FieldExtension):
    """The permission that a field takes. Whoever lacks it gets an error in the field's place."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **kwargs: Any) -> Any:
        if self.permission != SIGNED_IN:
            info.context.tx.access.require(self.permission)
        return next_(source, info, **kwargs)


def made_field(
    name: str,
    resolver: Callable[..., Any],
    result: Any,
    needs: str,
    about: str,
    deprecated: str | None = None,
) -> StrawberryField:
    """A field whose resolver gives a `result`, for those who have the permission."""
    resolver.__annotations__["return"] = result
    made: StrawberryField = strawberry.field(
        resolver=resolver,
        name=None,
        description=about,
        deprecation_reason=deprecated,
        extensions=[Needs(needs)],
    )
    made.python_name = name
    return made


def permission_of(field: StrawberryField) -> str | None:
    """What a field takes; None for one that takes what led to it."""
    return next((one.permission for one in field.extensions if isinstance(one, Needs)), None)


def single(one: Single, kind: Kind, made: Any) -> StrawberryField:
    """The field of the one there is."""

    def resolve(info: Info) -> Any:
        reading = info.context
        return masked(reading.tx.access, one.find(reading.tx))

    return made_field(one.name, resolve, Optional[made], kind.needs, one.about)  # noqa: UP045


def by_id(kind: Kind, made: Any) -> StrawberryField:
    """The field that finds one of a kind by its id."""

    def resolve(info: Info, id: strawberry.ID) -> Any:
        return find_one(info.context, kind, id)

    name = kind.name[:1].lower() + kind.name[1:]
    about = f"The {name} with this id, a global one or a UUID. Null where there is none."
    return made_field(name, resolve, Optional[made], kind.needs, about)  # noqa: UP045


def find_one(reading: Reading, kind: Kind, text: str) -> Any:
    """What an id names, if that is of this kind."""
    named = decode_id(text)
    if named is None or named.kind not in (None, kind.name) or kind.find is None:
        return None
    return reading.one(kind, kind.find, "id", named.id)


def listed(one: Listed, kind: Kind, made: Any) -> StrawberryField:
    """The field of all of a kind."""

    def resolve(
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: After = strawberry.UNSET,
        filter: Filtered = strawberry.UNSET,
        sort: Sorted = strawberry.UNSET,
    ) -> Any:
        return info.context.listed(one, _asked(first, after, last, before, filter, sort))

    resolve.__annotations__ |= arguments_of(one.of)
    result = Optional[Connection[made]]  # noqa: UP045
    return made_field(one.name, resolve, result, kind.needs, one.about, one.deprecated)


def to_many(one: ToMany, kind: Kind, made: Any) -> StrawberryField:
    """The field of those of a kind that belong to something."""

    def resolve(
        root: strawberry.Parent[Any],
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: After = strawberry.UNSET,
        filter: Filtered = strawberry.UNSET,
        sort: Sorted = strawberry.UNSET,
    ) -> Any:
        asked = _asked(first, after, last, before, filter, sort)
        return info.context.page(one, _place(info), asked, getattr(root, one.by))

    resolve.__annotations__ |= arguments_of(one.of)
    result = Optional[Connection[made]]  # noqa: UP045
    return made_field(one.name, resolve, result, kind.needs, one.about, one.deprecated)


def to_one(one: ToOne, kind: Kind, made: Any) -> StrawberryField:
    """The field of the one that something belongs to."""
    find = one.find or kind.find
    if find is None:
        raise TypeError(f"{one.on}.{one.name}: {kind.name} is not found by id")

    def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
        value = getattr(root, one.by)
        if value is None or one.tells in info.context.tx.access.hidden:
            return None
        return info.context.one(kind, find, one.key, value, _place(info))

    return made_field(one.name, resolve, Optional[made], kind.needs, one.about, one.deprecated)  # noqa: UP045


def _place(info: Info) -> tuple[str, ...]:
    """Where in the document a field is: the same for every item of the lists that it is in."""
    names = (key for key in info.path.as_list() if isinstance(key, str))
    return tuple(names)


def _asked(*given: Any) -> Asked:
    return Asked(*(None if one is strawberry.UNSET else one for one in given))


_ID = "Names it among all there is."


@strawberry.interface(description="Anything that has an id of its own.")
class Node:
    """Anything that has an id of its own. In Python, `id` is its UUID within its type."""

    global_id: strawberry.ID = strawberry.field(name="id", description=_ID)


def node_type(kind: Kind, fields: Sequence[StrawberryField], about: str) -> type:
    """The type of a kind that is a Node, with these fields. Its things are the kind's models."""

    def named(root: strawberry.Parent[Any]) -> strawberry.ID:
        return strawberry.ID(encode_id(kind.name, root.id))

    def is_type_of(thing: object, _: object) -> bool:
        return isinstance(thing, kind.model)

    own = cast("StrawberryField", strawberry.field(resolver=named, name="id", description=_ID))
    own.python_name = "global_id"
    namespace: dict[str, Any] = {field.python_name: field for field in (own, *fields)}
    namespace["__annotations__"] = {name: field.type for name, field in namespace.items()}
    namespace["is_type_of"] = staticmethod(is_type_of)
    made = types.new_class(kind.name, (Node,), {}, lambda body: body.update(namespace))
    return strawberry.type(made, description=about)


def nodes(kinds: Mapping[str, Kind]) -> list[StrawberryField]:
    """The fields that find anything by its id; each of which takes the permission of its kind."""

    def find(reading: Reading, text: str) -> Any:
        named = decode_id(text)
        kind = kinds.get(named.kind or "") if named else None
        if kind is None:
            return None
        reading.tx.access.require(kind.needs)
        return find_one(reading, kind, text)

    def node(info: Info, id: strawberry.ID) -> Any:
        return find(info.context, id)

    def several(info: Info, ids: list[strawberry.ID]) -> Any:
        if len(ids) > MOST_PER_PAGE:
            detail = f"expected {MOST_PER_PAGE} ids at most"
            raise InvalidPage(errors=(FieldError("/ids", detail, "range"),))
        return [find(info.context, one) for one in ids]

    return [
        made_field("node", node, Optional[Node], SIGNED_IN, "What this global id names."),  # noqa: UP045
        made_field(
            "nodes",
            several,
            list[Optional[Node]],  # noqa: UP045
            SIGNED_IN,
            f"What these global ids name, {MOST_PER_PAGE} at most; null for what names nothing.",
        ),
    ]
