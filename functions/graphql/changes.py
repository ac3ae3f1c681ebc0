"""Mutations: what capabilities can do, run as their routes run it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, get_args
from uuid import UUID

import strawberry
from pydantic import BaseModel, ValidationError
from strawberry.tools import create_type
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from functions.graphql.ids import decode_id, encode_id
from functions.graphql.resolvers import Info, made_field
from functions.graphql.types import Types, capitalized
from shared.access import masked
from shared.errors import FieldError, HasteError, NotFound, Unprocessable
from shared.graph import Change, Create, Delete, Kind, Update


def change(one: Change, kind: Kind, made: type, types: Types) -> StrawberryField:
    """The field of a mutation. It is not null, so the first that fails ends the document."""
    match one:
        case Create():
            resolver = _create(one)
        case Update():
            resolver = _update(one, kind)
        case Delete():
            resolver = _delete(one, kind)
    if not isinstance(one, Delete):
        resolver.__annotations__["input"] = types.given(one.given)
    result = _payload(one, kind, made)
    return made_field(one.name, resolver, result, one.needs, one.about, one.deprecated)


def _payload(one: Change, kind: Kind, made: type) -> type:
    """What a mutation answers with."""

    def itself(root: strawberry.Parent[Any]) -> Any:
        return root

    name = to_camel_case(kind.name[:1].lower() + kind.name[1:])
    if isinstance(one, Delete):
        deleted = strawberry.field(resolver=itself, name="deletedId", graphql_type=strawberry.ID)
        fields = [deleted]
    else:
        fields = [made_field(name, itself, made, kind.needs, f"The {name}, as it is now.")]
    return create_type(f"{capitalized(one.name)}Payload", fields)


def _create(one: Create) -> Callable[..., Any]:
    def resolve(info: Info, input: Any) -> Any:
        with _pointing_into_input():
            result = one.run(info.context.tx, _given(one.given, input))
        return masked(info.context.tx.access, result)

    return resolve


def _update(one: Update, kind: Kind) -> Callable[..., Any]:
    def resolve(info: Info, id: strawberry.ID, if_version: int, input: Any) -> Any:
        identifier = _identifier(kind, id)
        with _pointing_into_input():
            given = _given(one.given, input)
            result = one.run(info.context.tx, identifier, given, version=if_version)
        return masked(info.context.tx.access, result)

    return resolve


def _delete(one: Delete, kind: Kind) -> Callable[..., Any]:
    def resolve(info: Info, id: strawberry.ID, if_version: int | None = strawberry.UNSET) -> Any:
        identifier = _identifier(kind, id)
        version = None if if_version is strawberry.UNSET else if_version
        one.run(info.context.tx, identifier, version=version)
        return encode_id(kind.name, identifier)

    return resolve


def _identifier(kind: Kind, text: str) -> UUID:
    named = decode_id(text)
    if named is None or named.kind not in (None, kind.name):
        raise NotFound
    return named.id


def _given(model: type[BaseModel], value: Any) -> BaseModel:
    """The model of an input, checked as REST checks a body.

    Raises:
        Unprocessable: the model does not take it.
    """
    said = {
        field: _plain(getattr(value, field), is_id=_mentions_uuid(info.annotation))
        for field, info in model.model_fields.items()
        if getattr(value, field) is not strawberry.UNSET
    }
    try:
        return model.model_validate(said)
    except ValidationError as error:
        wrong = tuple(
            FieldError("".join(f"/{part}" for part in one["loc"]), one["msg"], one["type"])
            for one in error.errors(include_url=False, include_context=False, include_input=False)
        )
        raise Unprocessable(errors=wrong) from error


def _plain(value: Any, *, is_id: bool) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if is_id and isinstance(value, str):
        named = decode_id(value)
        return named.id if named else value
    return value


def _mentions_uuid(annotation: Any) -> bool:
    return annotation is UUID or any(_mentions_uuid(one) for one in get_args(annotation))


@contextmanager
def _pointing_into_input() -> Generator[None]:
    """Errors of the body of a route, as errors of the argument `input`."""
    try:
        yield
    except HasteError as error:
        error.errors = tuple(
            replace(one, pointer=_in_input(one.pointer)) if one.pointer else one
            for one in error.errors
        )
        raise


def _in_input(pointer: str) -> str:
    return "/input" + "".join(f"/{to_camel_case(part)}" for part in pointer.split("/")[1:])
