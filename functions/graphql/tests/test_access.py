"""Every field is held to its permission; hidden fields are null; reading reaches as far as it may.

The fields are found in the schema, so one that is added tomorrow is tried tomorrow.
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)
from strawberry.utils.str_converters import to_camel_case

from functions.graphql.api import handler
from functions.graphql.schema import Guarded, guarded, whole_schema
from functions.graphql.tests.scenes import (
    URL,
    People,
    ask,
    codes_of,
    data_of,
    settle,
    statements,
)
from shared.access import ALL, EVERYTHING, HIDEABLE, SIGNED_IN, Access, access_of
from shared.testing import Call, Database, EventsOf, NewMember, Workspace

SCHEMA = whole_schema()
FIELDS = guarded(SCHEMA)
TAKING = [one for one in FIELDS if one.permission not in (None, SIGNED_IN)]
ANSWERING = [one for one in TAKING if one.type.endswith("Payload")]
"""What mutations answer with."""
_INPUTS: dict[str, Any] = {
    "NewContact": '{name: "Ada"}',
    "ContactChange": '{name: "Ada"}',
    "NewTask": '{title: "Call"}',
    "TaskChange": '{title: "Call"}',
    "WorkspaceChange": '{name: "Engines"}',
    "MemberChange": "{role: owner}",
}


def test_everything_takes_a_permission() -> None:
    """But for what only leads on: pages, and what mutations answer with."""
    free = {one.type for one in FIELDS if one.permission is None} - SCHEMA.parts
    within = ("Connection", "Edge", "Payload")
    assert {one for one in free if not one.endswith(within)} == {"Node", "PageInfo"}
    assert {one.permission for one in TAKING} <= set(ALL)
    signed_in = {f"{one.type}.{one.field}" for one in FIELDS if one.permission == SIGNED_IN}
    assert signed_in == {"Query.node", "Query.nodes"}, "they ask for what each id's kind takes"


def test_what_may_be_hidden_may_be_null() -> None:
    for name, kind in SCHEMA.kinds.items():
        hideable = HIDEABLE.get(kind.needs.partition(".")[0], frozenset())
        for field in map(to_camel_case, hideable):
            assert not str(_described(name, field).type).endswith("!"), f"{name}.{field}"


def test_every_field_of_the_schema_is_known() -> None:
    types = SCHEMA.graph.type_map.items()
    found = {
        (name, field)
        for name, kind in types
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__")
        for field in kind.fields
    }
    assert found == {(one.type, one.field) for one in FIELDS}


@pytest.fixture
def people(database: Database, workspace: Workspace, new_member: NewMember) -> People:
    new_member(workspace, "owner")  # so that the first may go
    return settle(database, workspace, 1)


def _described(kind: str, field: str) -> Any:
    """What the schema says of a field."""
    described: Any = SCHEMA.graph.type_map[kind]
    return described.fields[field]


def _named(kind: Any) -> Any:
    return cast("Any", get_named_type)(kind)


def _selection(kind: Any) -> str:
    named = _named(kind)
    if is_leaf_type(named):
        return ""
    return "{ __typename }"


def _field(parent: str, name: str, people: People) -> str:
    """A field with what it needs."""
    described = _described(parent, name)
    target: str = _named(described.type).name
    given: list[str] = []
    for argument, one in described.args.items():
        if not is_required_argument(one):
            continue
        kind: str = _named(one.type).name
        if kind == "ID":
            about = target if target in people.ids else re.sub("^(update|delete|remove)", "", name)
            value = json.dumps(people.ids.get(about) or people.ids["Contact"])
            given.append(f"{argument}: " + (f"[{value}]" if argument == "ids" else value))
        else:
            given.append(f"{argument}: {_INPUTS.get(kind, 1)}")
    arguments = f"({', '.join(given)})" if given else ""
    return f"{name}{arguments} {_selection(described.type)}"


def _document(one: Guarded, people: People) -> str:
    """A document that asks for a field and, on the way to it, for as little else as can be."""
    wanted = _field(one.type, one.field, people)
    if one.type == "Query":
        return f"{{ {wanted} }}"
    if one.type == "Mutation":
        return f"mutation {{ {wanted} }}"
    if one.type.endswith("Payload"):
        name = one.type.removesuffix("Payload")
        change = _field("Mutation", name[:1].lower() + name[1:], people)
        return f"mutation {{ {change.replace('__typename', wanted)} }}"
    if one.type == "EmailContent":
        return f"{{ emails {{ nodes {{ content {{ {wanted} }} }} }} }}"
    if one.type == "Workspace":
        return f"{{ workspace {{ {wanted} }} }}"
    return f'{{ node(id: "{people.ids[one.type]}") {{ ... on {one.type} {{ {wanted} }} }} }}'


def _without(permission: str) -> Access:
    return Access({one: reach for one, reach in EVERYTHING.reach.items() if one != permission})


each = pytest.mark.parametrize(
    "one",
    [one for one in TAKING if one not in ANSWERING],
    ids=lambda one: f"{one.type}.{one.field}",
)


@each
def test_without_its_permission_a_field_is_not_given(
    one: Guarded, call: Call, people: People, events_of: EventsOf, workspace: Workspace
) -> None:
    document = _document(one, people)
    refused = ask(call, document, access=_without(one.permission or ""))
    assert set(codes_of(refused)) == {"not_permitted"}, refused.json
    assert {error["extensions"]["status"] for error in refused.json["errors"]} == {403}
    [wrong] = refused.json["errors"][0]["extensions"]["errors"]
    assert wrong["detail"] == f"this needs the permission {one.permission}"
    assert events_of(workspace) == []
    assert data_of(ask(call, document)), "who has it is answered"


@pytest.mark.parametrize("one", ANSWERING, ids=lambda one: f"{one.type}.{one.field}")
def test_who_may_not_read_is_not_answered_by_a_change(
    one: Guarded, call: Call, people: People, events_of: EventsOf, workspace: Workspace
) -> None:
    """The database refuses it already: what is changed is read before, or made to be shown."""
    document = _document(one, people)
    refused = ask(call, document, access=_without(one.permission or ""))
    assert refused.json["data"] is None
    assert {error["extensions"]["status"] for error in refused.json["errors"]} <= {403, 404}
    assert events_of(workspace) == []
    assert data_of(ask(call, document)), "who has it is answered"


def test_what_is_refused_is_refused_before_anything_is_read(
    call: Call, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    with statements(monkeypatch) as asked:
        answer = ask(call, "{ contacts { nodes { name } } }", access=_without("contacts.read"))
    assert codes_of(answer) == ["not_permitted"]
    assert asked == []


def test_the_rest_is_given(call: Call, people: People) -> None:
    asked = "{ contacts { nodes { name tasks { nodes { title } } } } }"
    answer = ask(call, asked, access=_without("tasks.read"))
    assert answer.json["data"]["contacts"]["nodes"] == [{"name": "Person 1", "tasks": None}]
    assert [error["path"] for error in answer.json["errors"]] == [["contacts", "nodes", 0, "tasks"]]


_HIDING = access_of(f"{EVERYTHING} -contacts.email -contacts.phone -tasks.notes")


def test_what_is_hidden_is_null_wherever_it_is_asked_for(call: Call, people: People) -> None:
    asked = """
        query ($id: ID!) {
          contacts { nodes { email phone company tasks { nodes { title notes } } } }
          contact(id: $id) { email phone }
          node(id: $id) { ... on Contact { email } }
          tasks { nodes { notes contact { email company } } }
        }
    """
    found = data_of(ask(call, asked, {"id": people.ids["Contact"]}, access=_HIDING))
    text = json.dumps(found)
    assert "person1@example.com" not in text
    assert "Notes" not in text
    assert text.count("Company 1") == 3
    shown = data_of(ask(call, asked, {"id": people.ids["Contact"]}))
    assert json.dumps(shown).count("person1@example.com") == 5


def test_what_is_hidden_cannot_be_found_out(call: Call, people: People) -> None:
    given = {"filter": {"field": "email", "op": "starts_with", "value": "p"}}
    filtered = "query ($filter: JSON) { contacts(filter: $filter) { nodes { name } } }"
    assert codes_of(ask(call, filtered, given, access=_HIDING)) == ["invalid_filter"]
    linked = "{ emails { nodes { senderEmail contact { name } } } }"
    found = data_of(ask(call, linked, access=_HIDING))["emails"]["nodes"]
    assert [one["contact"] for one in found] == [None, None]
    assert found[0]["senderEmail"] == "person1@example.com", "the mail itself says it"
    theirs = "{ contacts { nodes { emails { nodes { senderEmail } } } } }"
    [contact] = data_of(ask(call, theirs, access=_HIDING))["contacts"]["nodes"]
    assert contact["emails"]["nodes"] == []
    [contact] = data_of(ask(call, theirs))["contacts"]["nodes"]
    assert len(contact["emails"]["nodes"]) == 2


def test_a_change_answers_without_what_is_hidden(call: Call, people: People) -> None:
    asked = """
        mutation ($id: ID!) {
          updateContact(id: $id, ifVersion: 1, input: {name: "B"}) { contact { name email } }
        }
    """
    found = data_of(ask(call, asked, {"id": people.ids["Contact"]}, access=_HIDING))
    assert found["updateContact"]["contact"] == {"name": "B", "email": None}


def test_reading_reaches_as_far_as_it_may(
    call: Call, people: People, workspace: Workspace, new_member: NewMember
) -> None:
    colleague = new_member(workspace)
    own = access_of("contacts.read:own contacts.write tasks.read:own")
    asked = "query ($id: ID!) { contacts { nodes { name } totalCount } node(id: $id) { id } }"
    found = data_of(
        ask(call, asked, {"id": people.ids["Contact"]}, workspace=colleague, access=own)
    )
    assert found == {"contacts": {"nodes": [], "totalCount": 0}, "node": None}


def test_what_only_the_database_refuses_is_told_as_refused(call: Call, people: People) -> None:
    """Whoever may write but sees only what is theirs cannot give a contact away."""
    own = access_of("contacts.read:own contacts.write")
    asked = 'mutation { createContact(input: {name: "A", ownerId: null}) { contact { id } } }'
    assert codes_of(ask(call, asked, access=own)) == ["owner_out_of_reach"]


def test_nobody_comes_in_without_the_authorizers_word(call: Call) -> None:
    answer = call(handler, "POST", URL, {"query": "{ __typename }"}, anonymous=True)
    assert answer.status == 401
