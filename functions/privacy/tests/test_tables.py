"""No table and no event that holds something about a person is forgotten: whoever adds one names it
in a part, or says here why there is nothing in it.
"""

from __future__ import annotations

from collections import Counter
from types import NoneType
from typing import get_args

import pytest

from events.catalogue import all_events
from events.envelope import Event
from functions.privacy.parts import find_parts
from shared.privacy import ERASED, redaction_of
from shared.testing import Database

NOTHING_ABOUT_PEOPLE = {
    "api_keys": "of members, by whom they are erased themselves",
    "automation_runs": "ids, codes and times: what was done, in no words",
    "automations": "rules that members wrote; a condition may name anybody, as other free text may",
    "deprecated_uses": "which routes members and keys used",
    "feed": "a counter",
    "inbox": "ids of events",
    "invitations": "of members to be; the erasure of accounts sees to them",
    "mailboxes": "of members: an own mailbox's address is not erased",
    "memberships": "of members",
    "operations": "what was done together, without what",
    "outbox": "ids of events",
    "privacy_erased": "ids of what is there no more",
    "refresh_tokens": "of members",
    "roles": "what members may do",
    "sessions": "of members",
    "socket_tickets": "of members, for a minute",
    "sso_connections": "of the workspace",
    "sso_identities": "of members",
    "team_members": "of members",
    "teams": "of members",
    "webhook_endpoints": "of the workspace's own servers",
    "workspace_keys": "a secret",
}
SAYS_NOTHING = {
    "actor": "an id",
    "intent": "one of a few words",
    "model": "whose it is, not what it says",
    "changed": "names of fields",
    "labels": "ids of the provider's",
    "outcome": "one of a few words",
    "provider": "one of a few words",
    "reason": "a code",
    "event_type": "a name of ours",
    "status": "one of a few words",
    "host": "a server's",
    "address": "an own mailbox's",
}
OF_MEMBERS = {"auth", "automations", "webhooks", "workspaces"}
"""What members are called, and what they call things: their accounts are erased another way."""


def _tables(database: Database) -> set[str]:
    rows = database.admin(
        """
        select c.relname as name from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id'
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and not c.relispartition
        """
    )
    return {row["name"] for row in rows}


def test_every_table_of_tenants_is_seen_to_or_says_why_not(database: Database) -> None:
    named = Counter(table for part in find_parts() for table in part.tables)
    assert [table for table, times in named.items() if times > 1] == [], "one part for each"
    tables = _tables(database)
    assert named.keys() & NOTHING_ABOUT_PEOPLE.keys() == set()
    assert named.keys() | NOTHING_ABOUT_PEOPLE.keys() == tables


def test_parts_come_after_what_they_refer_to() -> None:
    order = [part.name for part in find_parts()]
    assert len(order) == len(set(order))
    for part in find_parts():
        assert all(order.index(name) < order.index(part.name) for name in part.after), part.name


def test_every_file_of_an_export_has_a_name_of_its_own() -> None:
    names = Counter(name for part in find_parts() for name in part.files)
    assert set(names.values()) == {1}
    assert all(name.endswith((".json", ".ndjson")) for name in names)


@pytest.mark.parametrize("kind", all_events().values(), ids=lambda kind: kind.type_name())
def test_every_text_of_an_event_is_personal_or_says_why_not(kind: type[Event]) -> None:
    assert kind.personal <= kind.model_fields.keys()
    texts = {
        name
        for name, field in kind.model_fields.items()
        if str in (field.annotation, *get_args(field.annotation))
    }
    if kind.source not in OF_MEMBERS:
        assert texts - kind.personal - SAYS_NOTHING.keys() == set(), kind.type_name()


@pytest.mark.parametrize("kind", all_events().values(), ids=lambda kind: kind.type_name())
def test_an_event_without_its_person_is_still_an_event(kind: type[Event]) -> None:
    for name, value in redaction_of(kind).items():
        allowed = get_args(kind.model_fields[name].annotation)
        assert value is None if NoneType in allowed else value == ERASED
