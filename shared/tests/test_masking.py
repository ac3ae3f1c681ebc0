"""Fields that are hidden from somebody: null in what they get, refused in what they give."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from fastapi import Request
from hypothesis import given
from pydantic import BaseModel, ConfigDict

from events.catalogue import all_events
from functions.activities.models import Task
from functions.contacts.models import Contact
from shared.access import (
    EVERYTHING,
    HIDEABLE,
    PERMISSIONS,
    Access,
    NotPermitted,
    access_of,
    masked,
    refuse_hidden,
)
from shared.http import create_app, http_handler, needs
from shared.telling import shown_payload, told_types
from shared.testing import Call
from shared.tests.test_access import ACCESSES
from template_tests.surface import operations

_HIDING = Access(EVERYTHING.reach, frozenset({"contacts.phone", "tasks.notes"}))


class Person(BaseModel):
    model_config = ConfigDict(frozen=True)

    thing: ClassVar[str] = "contacts"
    name: str
    phone: str | None = None


class Note(BaseModel):
    """Of another object, where the same name is something else."""

    phone: str = "1"
    about: Person | None = None
    others: list[Person] = []
    pairs: tuple[Person, ...] = ()
    named: dict[str, Person] = {}


_ADA = Person(name="Ada", phone="+12025550147")


def test_hidden_fields_are_null_wherever_the_model_is() -> None:
    note = Note(about=_ADA, others=[_ADA], pairs=(_ADA, _ADA), named={"a": _ADA})
    seen = masked(_HIDING, [note, {"x": (_ADA, 7, None)}])
    text = str(seen)
    assert "+1202" not in text
    assert text.count("Ada") == 6
    assert isinstance(seen[0], Note)
    assert (seen[0].phone, seen[0].pairs) == ("1", (Person(name="Ada"),) * 2)
    assert _ADA.phone, "the model itself stays as it is"


@pytest.mark.parametrize("value", [_ADA, [_ADA], None, "x"])
def test_where_nothing_is_hidden_nothing_is_looked_at(value: object) -> None:
    assert masked(EVERYTHING, value) is value


@given(access=ACCESSES)
def test_whatever_is_hidden_is_null_and_nothing_else(access: Access) -> None:
    for model in (Contact, Task):
        values: dict[str, Any] = dict.fromkeys(model.model_fields, "x")
        whole = model.model_construct(**values)
        seen = masked(access, whole)
        null = {name for name in model.model_fields if getattr(seen, name) is None}
        assert null == access.hidden_of(model.thing)


def test_what_may_be_hidden_may_be_null_and_is_a_field() -> None:
    """In every model that says it shows an object, and in every event of one."""
    for one in operations():
        import_module(one.handler.__module__)
    things = {
        model: getattr(model, "thing", "")
        for model in _subclasses(BaseModel)
        if model.__module__.startswith(("functions.", "events."))
    }
    shown = {model.__name__ for model, thing in things.items() if thing}
    assert shown >= {"Contact", "Task", "NewContact", "ContactCreated"}
    for model, thing in things.items():
        for name in HIDEABLE.get(thing, frozenset()) & model.model_fields.keys():
            assert "None" in str(model.model_fields[name].annotation), (model, name)
    for thing, names in HIDEABLE.items():
        of = [model for model, other in things.items() if other == thing]
        assert all(any(name in model.model_fields for model in of) for name in names)


def _subclasses(kind: type[BaseModel]) -> set[type[BaseModel]]:
    return {kind}.union(*(_subclasses(one) for one in kind.__subclasses__()))


def test_what_is_hidden_is_not_written_even_as_null() -> None:
    refuse_hidden(_HIDING, Person(name="Ada"))
    refuse_hidden(EVERYTHING, _ADA)
    refuse_hidden(_HIDING, Note(phone="2"))
    for given_one in (_ADA, Person(name="Ada", phone=None)):
        with pytest.raises(NotPermitted) as refused:
            refuse_hidden(_HIDING, given_one)
        assert [error.pointer for error in refused.value.errors] == ["/phone"]


def test_a_route_shows_what_its_caller_may_see(call: Call) -> None:
    """In whatever it answers a model, also where one request follows another."""
    app = create_app("Parrots")

    @app.get("/parrots", openapi_extra=needs("contacts.read"))
    async def list_people() -> list[Person]:
        return [_ADA]

    @app.get("/note", openapi_extra=needs("contacts.read"))
    async def get_note(request: Request) -> Note:
        return Note(about=_ADA)

    handler: Callable[..., Any] = http_handler(app)
    for access, phone in ((_HIDING, None), (EVERYTHING, "+12025550147"), (_HIDING, None)):
        assert call(handler, "GET", "/parrots", access=access).json == [
            {"name": "Ada", "phone": phone}
        ]
        assert call(handler, "GET", "/note", access=access).json["about"]["phone"] == phone


# What is more than what


@given(one=ACCESSES, other=ACCESSES)
def test_what_is_not_beyond_is_within(one: Access, other: Access) -> None:
    """Fields of objects that the one is not for at all need not be hidden by it."""
    both = one.within(other)
    things = {permission.partition(".")[0] for permission in one.reach}
    if "audit.read" in one.reach:
        things = set(PERMISSIONS)
    matter = {f for f in both.hidden if f.partition(".")[0] in things}
    assert (one.beyond(other) == ()) is (both.reach == one.reach and matter <= one.hidden)
    assert one.beyond(one) == ()
    assert both.beyond(other) == both.beyond(one) == ()


def test_what_is_beyond_is_named() -> None:
    wanted = access_of("contacts.read contacts.write tasks.read:own")
    own = access_of("contacts.read:team tasks.read:team -contacts.phone -tasks.notes")
    assert wanted.beyond(own) == (
        "contacts.read", "contacts.write", "-contacts.phone", "-tasks.notes",
    )  # fmt: skip


def test_the_audit_log_tells_of_what_is_hidden_anywhere() -> None:
    """Or who sees no phones would give themselves a role that reads them there."""
    own = access_of("members.settings audit.read contacts.read -contacts.phone")
    assert access_of("audit.read").beyond(own) == ("-contacts.phone",)
    assert access_of("audit.read -contacts.phone").beyond(own) == ()


# Events


def test_somebody_is_told_of_what_they_read_in_full() -> None:
    assert told_types(EVERYTHING) is None
    told = told_types(access_of("contacts.read tasks.read:own members.read events.read"))
    assert told is not None
    assert {"ContactCreated", "MemberJoined", "RoleChanged"} <= told
    assert not told & {"TaskCreated", "EmailReceived", "SessionOpened", "InvitationCreated"}


def test_every_event_takes_a_permission_there_is() -> None:
    for kind in all_events().values():
        assert kind.permission in EVERYTHING.reach, kind
        assert kind.thing == kind.permission.partition(".")[0]


def test_an_event_leaves_out_what_is_hidden() -> None:
    payload = {"id": str(uuid4()), "email": "ada@example.com", "name": "Ada"}
    hiding = access_of("contacts.read -contacts.email -contacts.phone")
    seen = shown_payload(hiding, "ContactChanged", payload)
    assert seen == payload | {"email": None}
    assert shown_payload(EVERYTHING, "ContactChanged", payload) is payload
    assert shown_payload(hiding, "InvitationCreated", payload) == payload
    assert shown_payload(hiding, "OfNextYear", payload) == payload
