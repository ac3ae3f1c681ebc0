"""An automation sees and does what the member may whom it acts for, as they are when it runs."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from events.contacts import ContactCreated
from functions.automations.api import handler as automations_api
from functions.automations.consumers import handler
from functions.automations.tests.scenes import (
    TAG,
    TASK,
    analyzed,
    connect_mailbox,
    make_rule,
    make_sender,
    read_contact,
    read_runs,
    read_tasks,
    received,
)
from shared.access import ROLES, access_of
from shared.ids import uuid7
from shared.testing import Answer, Call, Database, Deliver, NewMember, NewWorkspace, Workspace

URL = "/api/v1/automations"
COMPANY = {"type": "set_field", "field": "company", "value": "Acme"}


def _limit(database: Database, member: Workspace, grants: str) -> None:
    """The member has this role from now on."""
    role_id = uuid4()
    for statement in (
        """
        insert into roles (workspace_id, id, name, grants)
        values (%(w)s, %(r)s, %(r)s, string_to_array(%(g)s, ' '))
        """,
        """
        update memberships set role = 'custom', role_id = %(r)s
        where workspace_id = %(w)s and user_id = %(u)s
        """,
    ):
        database.admin(statement, w=member.id, u=member.user_id, r=role_id, g=grants)


def _leave(database: Database, member: Workspace) -> None:
    ended = "update memberships set ended_at = now() where workspace_id = %(w)s and user_id = %(u)s"
    database.admin(ended, w=member.id, u=member.user_id)


def _created(workspace: Workspace, email: str) -> ContactCreated:
    return ContactCreated(workspace_id=workspace.id, aggregate_id=uuid7(), name="Ada", email=email)


def _make(call: Call, grants: str, **fields: Any) -> Answer:
    body = {"name": "Rule", "event_type": "EmailAnalyzed", "actions": [TASK], **fields}
    return call(automations_api, "POST", URL, body, access=access_of(f"automations.write {grants}"))


# Made


@pytest.mark.parametrize(
    ("grants", "fields", "pointers"),
    [
        ("tasks.write", {}, ["/event_type"]),
        ("emails.read", {}, ["/actions/0"]),
        (
            "emails.read tasks.write",
            {"actions": [TASK, TAG, COMPANY]},
            ["/actions/1", "/actions/2"],
        ),
        ("contacts.read:own tasks.write", {"event_type": "ContactCreated"}, ["/event_type"]),
        (
            "emails.read contacts.read contacts.write -contacts.company",
            {"actions": [COMPANY]},
            ["/actions/0/field"],
        ),
        (
            "emails.read tasks.write -tasks.notes",
            {"actions": [TASK | {"notes": "Soon"}]},
            ["/actions/0/notes"],
        ),
    ],
)
def test_nobody_makes_one_that_does_more_than_they_may(
    call: Call, grants: str, fields: dict[str, Any], pointers: list[str]
) -> None:
    refused = _make(call, grants, **fields)
    assert (refused.status, refused.json["code"]) == (403, "not_permitted")
    assert [one["pointer"] for one in refused.json["errors"]] == pointers


@pytest.mark.parametrize("field", ["email", "email_domain"])
def test_hidden_fields_are_none_there_are(call: Call, field: str) -> None:
    grants = "contacts.read tasks.write -contacts.email"
    test = {"field": field, "op": "eq", "value": "x"}
    refused = _make(call, grants, event_type="ContactCreated", conditions=test, actions=[TASK])
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (400, "/conditions/field")
    told = [{"type": "create_task", "title": f"Call {{{field}}}"}]
    refused = _make(call, grants, event_type="ContactCreated", actions=told)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/actions/0/title")


def test_who_changes_what_it_does_is_who_it_acts_for(
    call: Call, workspace: Workspace, new_member: NewMember
) -> None:
    url, other = f"{URL}/{make_rule(call, TASK)}", new_member(workspace)
    any_version = {"If-Match": "*"}

    def change(**fields: Any) -> str:
        changed = call(automations_api, "PATCH", url, fields, headers=any_version, workspace=other)
        assert changed.status == 200, changed.json
        return changed.json["user_id"]

    assert call(automations_api, "GET", url).json["user_id"] == str(workspace.user_id)
    assert change(name="Renamed", enabled=False) == str(workspace.user_id)
    assert change(actions=[TASK]) == str(workspace.user_id), "it does what it did"
    assert change(actions=[TASK, TAG]) == str(other.user_id)


def test_who_may_not_do_it_may_not_change_it_to_do_it(call: Call) -> None:
    url = f"{URL}/{make_rule(call, TASK)}"
    options: dict[str, Any] = {"headers": {"If-Match": "*"}}
    options["access"] = access_of("automations.read automations.write emails.read tasks.write")
    assert call(automations_api, "PATCH", url, {"name": "Ours"}, **options).status == 200
    refused = call(automations_api, "PATCH", url, {"actions": [TAG]}, **options)
    assert (refused.status, refused.json["code"]) == (403, "not_permitted")


# Run


def test_of_a_mailbox_that_its_member_may_not_read_it_hears_nothing(
    call: Call, deliver: Deliver, workspace: Workspace, database: Database, new_member: NewMember
) -> None:
    make_sender(call)
    alice = new_member(workspace)
    private = connect_mailbox(database, alice, id=uuid7())
    shared = connect_mailbox(database, alice, id=uuid7(), sharing="everything")
    theirs = make_rule(call, TASK, TAG)

    def runs(mailbox_id: UUID) -> int:
        assert deliver(handler, analyzed(workspace, mailbox_id=mailbox_id)) == []
        return len(read_runs(call, theirs))

    assert runs(private) == 0
    assert (read_tasks(call), runs(uuid7())) == ([], 0)
    assert runs(shared) == 1
    body = {"name": "Mine", "event_type": "EmailAnalyzed", "actions": [TASK]}
    mine = call(automations_api, "POST", URL, body, workspace=alice).json["id"]
    assert runs(private) == 1
    assert len(read_runs(call, mine)) == 1


def test_that_a_mail_came_is_told_of_every_mailbox(
    call: Call, deliver: Deliver, workspace: Workspace, database: Database, new_member: NewMember
) -> None:
    """As the API tells it: who sees a mail's sender is not a matter of `sharing`."""
    private = connect_mailbox(database, new_member(workspace), id=uuid7())
    rule = make_rule(call, TASK, event_type="EmailReceived")
    assert deliver(handler, received(workspace, mailbox_id=private)) == []
    assert [one["status"] for one in read_runs(call, rule)] == ["done"]


def test_whose_member_has_left_does_nothing_and_says_so(
    call: Call, deliver: Deliver, workspace: Workspace, database: Database
) -> None:
    contact, rule = make_sender(call), make_rule(call, TASK, TAG)
    _leave(database, workspace)
    assert deliver(handler, analyzed(workspace)) == []
    (run,) = read_runs(call, rule)
    assert (run["status"], run["reason"]) == ("skipped", "no_longer_member")
    assert (read_tasks(call), read_contact(call, contact)["tags"]) == ([], [])


@pytest.mark.parametrize(
    ("grants", "runs"),
    [
        ("emails.read", [("failed", "not_permitted")]),
        ("emails.read tasks.write", [("failed", "not_permitted")]),
        ("tasks.write contacts.read contacts.write", []),
        ("emails.read tasks.write contacts.read contacts.write", [("done", None)]),
    ],
)
def test_it_does_no_more_than_its_member_may_by_then(
    call: Call,
    deliver: Deliver,
    workspace: Workspace,
    database: Database,
    grants: str,
    runs: list[tuple[str, str | None]],
) -> None:
    contact, rule = make_sender(call), make_rule(call, TASK, TAG)
    _limit(database, workspace, grants)
    assert deliver(handler, analyzed(workspace)) == []
    assert [(one["status"], one["reason"]) for one in read_runs(call, rule)] == runs
    done = runs == [("done", None)]
    assert len(read_tasks(call)) == done
    assert (read_contact(call, contact)["tags"] == ["unhappy"]) is done


def test_what_is_hidden_by_then_is_told_to_nobody(
    call: Call, deliver: Deliver, workspace: Workspace, database: Database
) -> None:
    told = {"type": "create_task", "title": "Call {email} at {email_domain}"}
    rule = make_rule(call, told, event_type="ContactCreated")
    domain = {"field": "email_domain", "op": "eq", "value": "example.com"}
    asked = make_rule(call, told, event_type="ContactCreated", conditions=domain)
    _limit(database, workspace, "contacts.read tasks.write -contacts.email")
    assert deliver(handler, _created(workspace, "ada@example.com")) == []
    assert [one["title"] for one in read_tasks(call)] == ["Call unknown at unknown"]
    assert (len(read_runs(call, rule)), read_runs(call, asked)) == (1, [])


def test_a_hidden_field_is_not_set_either(
    call: Call, deliver: Deliver, workspace: Workspace, database: Database
) -> None:
    contact, rule = make_sender(call), make_rule(call, COMPANY)
    _limit(database, workspace, "emails.read contacts.read contacts.write -contacts.company")
    assert deliver(handler, analyzed(workspace)) == []
    assert [one["reason"] for one in read_runs(call, rule)] == ["not_permitted"]
    assert read_contact(call, contact)["company"] is None


@pytest.mark.parametrize("hidden", ["notes", "source"])
def test_who_does_not_see_a_field_has_tasks_made_without_it(
    call: Call, deliver: Deliver, workspace: Workspace, database: Database, hidden: str
) -> None:
    rule = make_rule(call, TASK)
    _limit(database, workspace, f"emails.read tasks.write -tasks.{hidden}")
    assert deliver(handler, analyzed(workspace)) == []
    assert [one["status"] for one in read_runs(call, rule)] == ["done"]
    [task] = read_tasks(call)
    assert task[hidden] is None


@pytest.mark.parametrize(
    ("owner", "reach", "outcome"),
    [
        ("member", "own", "done"),
        ("other", "own", "no_contact"),
        ("nobody", "own", "no_contact"),
        ("other", "team", "no_contact"),
        ("teammate", "team", "done"),
        ("teammate", "own", "no_contact"),
        ("other", "all", "done"),
    ],
)
def test_it_reaches_the_contacts_that_its_member_sees(
    call: Call,
    deliver: Deliver,
    workspace: Workspace,
    database: Database,
    new_member: NewMember,
    owner: str,
    reach: str,
    outcome: str,
) -> None:
    other, teammate, team_id = new_member(workspace), new_member(workspace), uuid7()
    database.admin(
        "insert into teams (workspace_id, id, name) values (%(w)s, %(t)s, 'North')",
        w=workspace.id,
        t=team_id,
    )
    for member in (workspace, teammate):
        database.admin(
            """
            insert into team_members (workspace_id, team_id, user_id)
            values (%(w)s, %(t)s, %(u)s)
            """,
            w=workspace.id,
            t=team_id,
            u=member.user_id,
        )
    whose = {"member": workspace, "other": other, "teammate": teammate, "nobody": None}[owner]
    contact = make_sender(call, owner_id=str(whose.user_id) if whose else None)
    rule = make_rule(call, TAG)
    far = "" if reach == "all" else f":{reach}"
    _limit(database, workspace, f"emails.read contacts.read{far} contacts.write")
    assert deliver(handler, analyzed(workspace)) == []
    (run,) = read_runs(call, rule)
    assert run["actions"][0]["outcome"] == outcome
    tags = read_contact(call, contact)["tags"]
    assert tags == (["unhappy"] if outcome == "done" else [])


def test_a_member_of_another_workspace_is_nobody_here(
    call: Call,
    deliver: Deliver,
    workspace: Workspace,
    database: Database,
    new_workspace: NewWorkspace,
) -> None:
    rule, stranger = make_rule(call, TASK), new_workspace()
    database.admin(
        "update automations set user_id = %(u)s where workspace_id = %(w)s",
        u=stranger.user_id,
        w=workspace.id,
    )
    shared = connect_mailbox(database, workspace, id=uuid7(), sharing="everything")
    assert deliver(handler, analyzed(workspace, mailbox_id=shared)) == []
    assert [one["reason"] for one in read_runs(call, rule)] == ["no_longer_member"]


def test_members_make_rules_of_everything_automations_act_on(call: Call) -> None:
    """The built-in role is enough for all of it."""
    for event_type in ("EmailReceived", "EmailAnalyzed", "ContactCreated", "TaskChanged"):
        body = {"name": "Rule", "event_type": event_type, "actions": [TAG, COMPANY]}
        made = call(automations_api, "POST", URL, body, access=ROLES["member"])
        assert made.status == 201, made.json
