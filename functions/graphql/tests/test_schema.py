"""The schema: what is written down of it, how a capability joins it, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal
from uuid import UUID

import pytest
from graphql import build_schema, find_breaking_changes
from pydantic import BaseModel, ConfigDict

from functions.contacts.queries import contacts_by_emails
from functions.contacts.tests.scenes import make_contact
from functions.graphql.documents import prepare
from functions.graphql.graphs import find_graphs
from functions.graphql.ids import decode_id, encode_id
from functions.graphql.schema import SDL, make_schema, whole_schema
from functions.graphql.tests.scenes import ask, data_of
from functions.graphql.types import UnknownType
from shared.db import Tx
from shared.filters import INSTANT, TEXT, Column, Listing, Object
from shared.graph import Create, Delete, Graph, Kind, Listed, ToMany, ToOne
from shared.ids import uuid7
from shared.testing import Call


def test_the_schema_is_as_written_down() -> None:
    """After a change: `python -m functions.graphql.schema`."""
    assert SDL.read_text() == whole_schema().as_str() + "\n"


def test_what_is_written_down_can_be_built_again() -> None:
    built = build_schema(SDL.read_text(), assume_valid_sdl=True)
    assert find_breaking_changes(built, whole_schema().graph) == []


def test_names_and_descriptions_are_for_readers() -> None:
    """Whatever a client can ask for says what it is, unless its name does."""
    for kind in whole_schema().kinds:
        described = whole_schema().graph.type_map[kind]
        assert described.description, kind


def test_every_list_is_one_of_a_kind_that_is_found_by_id() -> None:
    for graph in find_graphs():
        for one in graph.lists:
            assert whole_schema().kinds[one.kind].find is not None, one.name


class Parrot(BaseModel):
    """A bird that says what it heard."""

    model_config = ConfigDict(frozen=True)
    thing: ClassVar[str] = "tasks"

    id: UUID
    name: str
    mood: Literal["merry", "cross"]
    owner_email: str


class NewParrot(BaseModel):
    """A parrot to take in."""

    name: str
    mood: Literal["merry", "cross"] = "merry"
    nickname: str | None = None


_POLLY = Parrot(id=uuid7(), name="Polly", mood="merry", owner_email="ada@example.com")
_JACK = Parrot(id=uuid7(), name="Jack", mood="cross", owner_email="ada@example.com")
_PARROTS = Object(
    "parrots",
    {
        "name": Column(TEXT, "name", order="name"),
        "created_at": Column(INSTANT, "created_at", order="created_at"),
    },
)


def _by_ids(_: Tx, ids: Sequence[UUID]) -> list[Parrot]:
    return [one for one in (_POLLY, _JACK) if one.id in ids]


def _of_owners(_: Tx, emails: Sequence[str], listing: Listing) -> list[Parrot]:
    found = [one for one in (_JACK, _POLLY) if one.owner_email in emails]
    return found[: listing.limit + 1]


def _all(_: Tx, listing: Listing) -> list[Parrot]:
    return [_JACK, _POLLY][: listing.limit + 1]


def _count(_: Tx, listing: Listing, most: int) -> int:
    return min(2, most)


def _take_in(_: Tx, new: NewParrot) -> Parrot:
    return _JACK.model_copy(update={"name": new.name, "mood": new.mood})


def _forget(tx: Tx, parrot_id: UUID, version: int | None = None) -> None:
    del tx, parrot_id, version


PARROTS = Graph(
    kinds=(
        Kind(
            "Parrot",
            Parrot,
            needs="tasks.read",
            find=_by_ids,
            deprecated={"owner_email": "Ask for `owner`."},
        ),
    ),
    lists=(
        Listed("parrots", "Parrot", of=_PARROTS, find=_all, count=_count, about="All parrots."),
    ),
    links=(
        ToOne(
            "Parrot",
            "owner",
            "Contact",
            by="owner_email",
            find=contacts_by_emails,
            key="email",
            about="Whose it is.",
        ),
        ToMany(
            "Contact",
            "parrots",
            "Parrot",
            by="email",
            key="owner_email",
            of=replace(_PARROTS, newest=replace(_PARROTS.newest, field="name")),
            find=_of_owners,
            about="What they own.",
        ),
    ),
    changes=(
        Create(
            "take_in_parrot",
            "Parrot",
            needs="tasks.write",
            given=NewParrot,
            run=_take_in,
            about="Takes in a parrot.",
        ),
    ),
)


@pytest.fixture
def _with_parrots(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    schema = make_schema((*find_graphs(), PARROTS))
    for module in ("plans", "documents", "answers"):
        monkeypatch.setattr(f"functions.graphql.{module}.whole_schema", lambda: schema)
    prepare.cache_clear()
    yield
    prepare.cache_clear()


@pytest.mark.usefixtures("_with_parrots")
def test_a_capability_joins_by_its_graph_alone(call: Call) -> None:
    make_contact(call, email="ada@example.com")
    asked = """
        query ($id: ID!) {
          parrot(id: $id) { __typename id uuid name mood owner { name } }
          node(id: $id) { ... on Parrot { name } }
          contacts { nodes {
            parrots(first: 1) { nodes { name owner { name } } pageInfo { hasNextPage } }
          } }
        }
    """
    found = data_of(ask(call, asked, {"id": encode_id("Parrot", _POLLY.id)}))
    assert found["parrot"] == {
        "__typename": "Parrot",
        "id": encode_id("Parrot", _POLLY.id),
        "uuid": str(_POLLY.id),
        "name": "Polly",
        "mood": "merry",
        "owner": {"name": "Ada Lovelace"},
    }
    assert found["node"] == {"name": "Polly"}
    [contact] = found["contacts"]["nodes"]
    assert contact["parrots"] == {
        "nodes": [{"name": "Jack", "owner": {"name": "Ada Lovelace"}}],
        "pageInfo": {"hasNextPage": True},
    }
    change = 'mutation { takeInParrot(input: {name: "Pip", mood: cross}) { parrot { name mood } } }'
    made = data_of(ask(call, change))["takeInParrot"]
    assert made == {"parrot": {"name": "Pip", "mood": "cross"}}


@pytest.mark.usefixtures("_with_parrots")
def test_the_use_of_a_deprecated_field_is_counted(
    call: Call, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    asked = """
        { __type(name: "Parrot") { fields(includeDeprecated: true) { name deprecationReason } } }
    """
    fields = data_of(ask(call, asked))["__type"]["fields"]
    reasons = {one["name"]: one["deprecationReason"] for one in fields}
    assert reasons["ownerEmail"] == "Ask for `owner`."
    assert {reason for name, reason in reasons.items() if name != "ownerEmail"} == {None}
    capsys.readouterr()
    used = "{ parrots(first: 1) { nodes { ...P } } } fragment P on Parrot { ownerEmail }"
    data_of(ask(call, used))
    told = [one for one in caplog.records if one.getMessage() == "deprecated fields were asked for"]
    assert [vars(one)["metadata"] for one in told] == [{"fields": ["Parrot.ownerEmail"]}]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["DeprecatedFieldUsed"] for one in lines if "DeprecatedFieldUsed" in one] == [[1.0]]
    data_of(ask(call, "{ parrots { nodes { name } } }"))
    assert "DeprecatedFieldUsed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "make",
    [
        lambda: Kind("Parrot", Parrot, needs=""),
        lambda: Kind("Parrot", Parrot, needs="parrots.read"),
        lambda: Create("a", "Parrot", needs="x", given=NewParrot, run=_take_in, about=""),
        lambda: Delete("a", "Parrot", needs="", run=_forget, about=""),
    ],
)
def test_what_takes_no_permission_that_there_is_cannot_be_declared(make: Any) -> None:
    with pytest.raises(ValueError, match="there is no permission"):
        make()


def _with(**parts: Any) -> Graph:
    return replace(Graph(kinds=PARROTS.kinds), **parts)


_LINK = ToOne("Parrot", "friend", "Parrot", by="id", about="A friend.")


@pytest.mark.parametrize(
    ("graph", "why"),
    [
        (_with(kinds=PARROTS.kinds * 2), "two types Parrot"),
        (_with(links=(_LINK, _LINK)), "Parrot.friend is there twice"),
        (_with(links=(replace(_LINK, name="mood"),)), "Parrot.mood is there twice"),
        (_with(links=(replace(_LINK, on="Cat"),)), "needs the types Cat and Parrot"),
        (_with(links=(replace(_LINK, kind="Cat"),)), "needs the types Parrot and Cat"),
        (
            _with(kinds=(replace(PARROTS.kinds[0], find=None),), links=(_LINK,)),
            "Parrot is not found by id",
        ),
        (
            _with(kinds=(replace(PARROTS.kinds[0], needs="contacts.read"),)),
            "whose fields may be hidden",
        ),
    ],
)
def test_what_does_not_fit_is_refused_when_the_schema_is_made(graph: Graph, why: str) -> None:
    with pytest.raises(TypeError, match=why):
        make_schema((graph,))


def test_a_field_of_an_unknown_type_is_refused() -> None:
    class Odd(BaseModel):
        id: UUID
        when: complex

    with pytest.raises(UnknownType, match=r"Odd\.when"):
        make_schema((Graph(kinds=(Kind("Odd", Odd, needs="events.read"),)),))


def test_an_id_is_read_as_it_was_written() -> None:
    one = uuid7()
    assert decode_id(encode_id("Contact", one)) == ("Contact", one)
    assert decode_id(str(one)) == (None, one)
    assert "=" not in encode_id("Contact", one)
