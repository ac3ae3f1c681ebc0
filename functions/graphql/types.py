"""GraphQL types made from pydantic models, so that both APIs speak of the same things."""

from __future__ import annotations

import enum
import types
from collections.abc import Mapping
from datetime import datetime
from inspect import getdoc
from typing import Annotated, Any, Literal, Optional, Union, cast, get_args, get_origin
from uuid import UUID

import strawberry
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo
from strawberry.annotation import StrawberryAnnotation
from strawberry.scalars import JSON
from strawberry.tools import create_type
from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from shared.graph import Kind

_PLAIN: Mapping[Any, Any] = {
    str: str,
    int: int,
    float: float,
    bool: bool,
    datetime: datetime,
    AwareDatetime: datetime,
    UUID: UUID,
}


class UnknownType(TypeError):
    """A model's field has a type that GraphQL knows no counterpart of."""


class Types:
    """The types of one schema: each enum and each part of a model is made once."""

    def __init__(self) -> None:
        self._enums: dict[tuple[str, tuple[str, ...]], type] = {}
        self._parts: dict[type[BaseModel], type] = {}
        self.parts: set[str] = set()
        """Names of the types of models that are within others."""

    def of_kind(self, kind: Kind) -> list[StrawberryField]:
        """The fields of a kind, as its model has them."""
        fields = [
            field
            for field in self._fields(kind.name, kind.model)
            if not kind.only or field.python_name in kind.only
        ]
        for field in fields:
            field.graphql_name = kind.names.get(field.python_name)
            field.deprecation_reason = kind.deprecated.get(field.python_name)
        return fields

    def _fields(self, name: str, model: type[BaseModel]) -> list[StrawberryField]:
        """Plain attributes of a model, as fields of the type `name`."""
        return [
            StrawberryField(
                python_name=field,
                type_annotation=StrawberryAnnotation(self._type(info.annotation, name, field)),
                description=info.description,
            )
            for field, info in model.model_fields.items()
        ]

    def given(self, model: type[BaseModel]) -> type:
        """The input type of a model. What may be left out and has no default of its own is unset,
        which is not null.
        """
        name = model.__name__
        fields = [self._input(name, field, info) for field, info in model.model_fields.items()]
        return create_type(name, fields, is_input=True, description=said_of(model))

    def _input(self, name: str, field: str, info: FieldInfo) -> StrawberryField:
        annotation = self._type(info.annotation, name, field, ids=True)
        default = info.default if info.default is not None else strawberry.UNSET
        options: dict[str, Any] = {} if info.is_required() else {"default": default}
        if isinstance(default, tuple):
            options = {"default_factory": list}
        return StrawberryField(
            python_name=field,
            type_annotation=StrawberryAnnotation(annotation),
            description=info.description,
            **options,
        )

    def _type(self, annotation: Any, owner: str, field: str, *, ids: bool = False) -> Any:
        """The GraphQL type of an annotation, as Strawberry writes it. `ids`: UUIDs are taken in any
        form that we give ids in.
        """
        origin, parameters = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self._type(parameters[0], owner, field, ids=ids)
        if origin in (Union, types.UnionType):
            some = [one for one in parameters if one is not type(None)]
            if len(some) == 1 < len(parameters):
                return Optional[self._type(some[0], owner, field, ids=ids)]  # noqa: UP045 -- a value
        if origin is Literal:
            return self._enum(owner, field, parameters)
        if origin in (tuple, list):
            return list[self._type(parameters[0], owner, field, ids=ids)]
        if origin is dict:
            return JSON
        if annotation is UUID and ids:
            return strawberry.ID
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return self._part(annotation)
        if annotation not in _PLAIN:
            raise UnknownType(f"{owner}.{field}: {annotation}")
        return _PLAIN[annotation]

    def _enum(self, owner: str, field: str, values: tuple[str, ...]) -> type:
        """The enum of a field's values. Fields of one name with the same values share it."""
        if (field, values) not in self._enums:
            made = enum.Enum(owner + capitalized(field), {value: value for value in values})
            self._enums[field, values] = cast("Any", strawberry.enum)(made)
        return self._enums[field, values]

    def _part(self, model: type[BaseModel]) -> type:
        if model not in self._parts:
            name = model.__name__
            fields = self._fields(name, model)
            self._parts[model] = create_type(name, fields, description=said_of(model))
            self.parts.add(name)
        return self._parts[model]


def definition_of(made: type) -> StrawberryObjectDefinition:
    """What Strawberry knows of a type."""
    return get_object_definition(made, strict=True)


def said_of(model: type[BaseModel]) -> str:
    """What a model's docstring says, on one line."""
    return " ".join((getdoc(model) or "").split())


def capitalized(name: str) -> str:
    """`CreateContact`, of `create_contact`."""
    camel = to_camel_case(name)
    return camel[:1].upper() + camel[1:]
