"""Who may do what: permissions, how far reading reaches, and which fields are hidden.

One spelling everywhere, in roles, in the scopes of API keys, in the authorizer's answer and in the
database's policies: a list of grants such as

    contacts.read:team contacts.write tasks.read -contacts.phone

A permission is an object and an action. Reading may reach less far than everything: `:own` is what
the person owns, `:team` also what members of a team of theirs own. Writing and deleting reach what
can be read. `-contacts.phone` hides a field. What is not granted is refused.

`Access` is checked where a request comes in; the database's policies check the same text again, so
that a way in that forgets to ask shows and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, TypeVar, cast

from pydantic import BaseModel

from shared.errors import FieldError, Forbidden, Unprocessable

Reach = Literal["own", "team", "all"]
Value = TypeVar("Value")

PERMISSIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "workspace": ("read", "settings", "delete"),
        "members": ("read", "settings"),
        "keys": ("write", "settings"),
        "audit": ("read",),
        "events": ("read",),
        "contacts": ("read", "write", "delete", "export"),
        "tasks": ("read", "write", "delete", "export"),
        "emails": ("read", "write", "export"),
        "mailboxes": ("read", "write"),
        "automations": ("read", "write", "delete"),
        "webhooks": ("settings",),
    }
)
OWNED = frozenset({"contacts", "tasks"})
"""Objects whose records have an owner, so that reading may reach less far than everything."""

HIDEABLE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "contacts": frozenset({"email", "phone", "company", "job_title"}),
        "tasks": frozenset({"notes", "source"}),
    }
)
_REACHES: tuple[Reach, ...] = ("own", "team", "all")
_REACH_NAMED: Mapping[str, Reach] = {reach: reach for reach in _REACHES}
ALL = tuple(f"{thing}.{action}" for thing, actions in PERMISSIONS.items() for action in actions)


class NotPermitted(Forbidden):
    """Your role or key does not permit this; `errors` says what it would take."""


class MoreThanYours(Forbidden):
    """You cannot give more than you have, nor change who has more; see `errors`."""


class InvalidGrants(Unprocessable):
    """A grant is not one there is; see `errors`."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a caller may do. `reach` has every permission granted; `hidden` are fields as
    `contacts.phone`.
    """

    reach: Mapping[str, Reach] = field(default_factory=dict[str, Reach])
    hidden: frozenset[str] = frozenset()

    def may(self, permission: str) -> bool:
        """Whether it is granted, at least for what the caller owns."""
        return permission in self.reach

    def require(self, permission: str) -> None:
        """Go on only with this permission.

        Raises:
            NotPermitted: it is not granted.
        """
        if permission not in self.reach:
            missing = FieldError("", f"this needs the permission {permission}", "permission")
            raise NotPermitted(errors=(missing,))

    def hidden_of(self, thing: str) -> frozenset[str]:
        """The names of an object's fields that the caller does not see."""
        prefix = f"{thing}."
        return frozenset(f.removeprefix(prefix) for f in self.hidden if f.startswith(prefix))

    def within(self, other: Access) -> Access:
        """What both permit: a key never does more than the person who made it."""
        both: dict[str, Reach] = {
            permission: next(one for one in _REACHES if one in (reach, other.reach[permission]))
            for permission, reach in self.reach.items()
            if permission in other.reach
        }
        return Access(both, self.hidden | other.hidden)

    def beyond(self, other: Access) -> tuple[str, ...]:
        """The grants by which this is more than the other: what only this permits, or further, and
        what only the other hides, of objects that this is for. None if whoever has the other may
        give this.
        """
        more = (
            permission if reach == "all" else f"{permission}:{reach}"
            for permission, reach in sorted(self.reach.items())
            if permission not in other.reach
            or _REACHES.index(reach) > _REACHES.index(other.reach[permission])
        )
        things = {permission.partition(".")[0] for permission in self.reach}
        if "audit.read" in self.reach:  # the audit log tells of all of them
            things |= HIDEABLE.keys()
        shown = sorted(f for f in other.hidden - self.hidden if f.partition(".")[0] in things)
        return (*more, *(f"-{one}" for one in shown))

    def grants(self) -> tuple[str, ...]:
        """It as a list of grants, in a fixed order."""
        given = (
            permission if reach == "all" else f"{permission}:{reach}"
            for permission, reach in sorted(self.reach.items())
        )
        return (*given, *(f"-{one}" for one in sorted(self.hidden)))

    def __str__(self) -> str:
        return " ".join(self.grants())


NOTHING = Access()
EVERYTHING = Access(dict.fromkeys(ALL, "all"))


@lru_cache(maxsize=1024)
def access_of(text: str) -> Access:
    """The access that grants we stored say; what is no grant any more grants nothing."""
    return Access(*_read(text.split()))


def checked(grants: Iterable[str], *, at: str) -> Access:
    """The access that a caller wants for a role or a key. `at` is the list's JSON pointer.

    Raises:
        InvalidGrants: there is no such grant; its errors name them all.
    """
    listed = tuple(grants)
    wrong = [
        FieldError(f"{at}/{n}", "there is no such grant", "unknown_grant")
        for n, grant in enumerate(listed)
        if not any(_read([grant]))
    ]
    if wrong:
        raise InvalidGrants(errors=tuple(wrong))
    return Access(*_read(listed))


def _read(grants: Iterable[str]) -> tuple[dict[str, Reach], frozenset[str]]:
    reaches: dict[str, Reach] = {}
    hidden: set[str] = set()
    for grant in grants:
        thing, _, rest = grant.removeprefix("-").partition(".")
        if grant.startswith("-"):
            if rest in HIDEABLE.get(thing, ()):
                hidden.add(f"{thing}.{rest}")
            continue
        action, colon, far = rest.partition(":")
        reach = _REACH_NAMED.get(far if colon else "all")
        narrow_allowed = thing in OWNED and action == "read"
        if action in PERMISSIONS.get(thing, ()) and reach and (not colon or narrow_allowed):
            reaches[f"{thing}.{action}"] = reach
    return reaches, frozenset(hidden)


def masked(access: Access, value: Value) -> Value:
    """What somebody with this access sees of a model, of the models in it, or of several: fields
    that are hidden from them are null.

    A model says which object it shows by `thing: ClassVar[str]`, spelled as in permissions; the
    classes of events have it. `Route` does this to every answer; who answers in another way (the
    feed, GraphQL, sockets) does it themselves. `refuse_hidden` is for what comes in.
    """
    return cast("Value", _masked(access, value)) if access.hidden else value


def _masked(access: Access, value: Any) -> Any:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.keys()
        hidden = access.hidden_of(getattr(value, "thing", "")) & fields
        inner = {name: getattr(value, name) for name in fields - hidden}
        shown = {name: _masked(access, one) for name, one in inner.items()}
        changed = {name: one for name, one in shown.items() if one is not inner[name]}
        return value.model_copy(update=changed | dict.fromkeys(hidden))
    if isinstance(value, list | tuple):
        items = cast("list[Any] | tuple[Any, ...]", value)
        return type(items)(_masked(access, one) for one in items)
    if isinstance(value, dict):
        return {key: _masked(access, one) for key, one in cast("dict[Any, Any]", value).items()}
    return value


def refuse_hidden(access: Access, given: BaseModel, *, at: str = "") -> None:
    """Go on only if `given`, what is to be changed of a `thing`, names no field that is hidden from
    who gives it: nobody writes what they cannot read. Commands ask this first, so that it counts
    for every way in. `at` is the JSON pointer of what is given.

    Raises:
        NotPermitted: it does.
    """
    if access.hidden:
        refuse_hidden_fields(access, getattr(given, "thing", ""), given.model_fields_set, at=at)


def refuse_hidden_fields(
    access: Access, thing: str, changed: Iterable[str], *, at: str = ""
) -> None:
    """The same of the names of fields.

    Raises:
        NotPermitted: one of them is hidden.
    """
    named = sorted(access.hidden_of(thing).intersection(changed))
    if named:
        detail = "this field is hidden from you"
        raise NotPermitted(
            errors=tuple(FieldError(f"{at}/{n}", detail, "permission") for n in named)
        )


_READING = tuple(one for one in ALL if one.endswith(".read") and one != "audit.read")
_WORKING = (
    *_READING,
    *(f"{thing}.{action}" for thing in ("contacts", "tasks") for action in PERMISSIONS[thing]),
    "emails.write",
    "emails.export",
    "mailboxes.write",
    "automations.write",
    "automations.delete",
    "keys.write",
)
ROLES: Mapping[str, Access] = MappingProxyType(
    {
        "owner": EVERYTHING,
        "admin": Access({one: "all" for one in ALL if one != "workspace.delete"}),
        "member": Access(dict.fromkeys(_WORKING, "all")),
        "viewer": Access(dict.fromkeys(_READING, "all")),
    }
)
"""The roles every workspace has; besides, it may make its own of the same permissions."""

PERMISSION = "x-permission"
ANYBODY = "anybody"
SIGNED_IN = "signed-in"


def needs(permission: str) -> dict[str, Any]:
    """For the `openapi_extra` of a route: the permission it takes, which is checked before it runs.

    `SIGNED_IN` is for what everybody may do about themselves, `ANYBODY` for public routes.
    """
    if permission not in (*ALL, ANYBODY, SIGNED_IN):
        raise ValueError(f"there is no permission {permission}")
    return {PERMISSION: permission}
