"""Erasing an account in portions: nothing is too long for it, and no workspace holds up another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.errors import InsufficientPrivilege

from events.auth import AccountErasureRequested
from events.email import MailboxConnected
from functions.auth.commands import erasure
from functions.auth.tests.conftest import PASSWORD
from functions.auth.tests.test_erasure import (
    SignUp,
    caller_of,
    erase,
    guest,
    run_job,
    state,
    token,
)
from functions.email.consumers.leavers import handler as leavers
from shared.access import EVERYTHING
from shared.db import transaction
from shared.ids import uuid7
from shared.testing import Call, Database, Deliver, EventsOf, Workspace

__all__ = ["SignUp", "guest", "token"]
AsRole = Callable[[str], None]


def _acts(database: Database, place: Workspace, actor: str, count: int) -> None:
    """So many rows of the audit log, of what somebody did from a place of theirs."""
    database.admin(
        """
        insert into audit_log (workspace_id, id, at, actor, action, object_type, object_id, before,
            after, source_ip, user_agent)
        select %(w)s, app.uuid7(), now(), %(actor)s, 'changed', 'contacts', gen_random_uuid(),
            '{"name": "Old"}', '{"name": "New"}', '203.0.113.9', 'Analytical/2.0'
        from generate_series(1, %(count)s)
        """,
        w=place.id,
        actor=actor,
        count=count,
    )


def _seen(database: Database, place: Workspace) -> list[dict[str, Any]]:
    return database.admin(
        """
        select actor, before, after from audit_log where workspace_id = %(w)s
            and (source_ip = '203.0.113.9' or user_agent = 'Analytical/2.0')
        """,
        w=place.id,
    )


def test_a_long_audit_log_is_redacted_in_portions(
    call: Call,
    token: dict[str, Any],
    guest: Workspace,
    database: Database,
    as_role: AsRole,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(erasure, "MOST_ACTS", 7)
    monkeypatch.setattr(erasure, "AT_ONCE_S", -1)
    key_id, other = uuid7(), f"user:{uuid4()}"
    database.admin(
        """
        insert into api_keys (workspace_id, id, user_id, name, hash, grants)
        values (%(w)s, %(id)s, %(u)s, 'Theirs', sha256('x'), '{emails.read}')
        """,
        w=guest.id,
        id=key_id,
        u=guest.user_id,
    )
    for actor in (f"user:{guest.user_id}", f"key:{key_id}", other):
        _acts(database, guest, actor, 20)
    assert erase(call, token, {"password": PASSWORD}).status == 204
    portions: list[UUID | None] = []
    redact = erasure.store.redact_acts

    def counted(*given: Any, **named: Any) -> UUID | None:
        portions.append(redact(*given, **named))
        return portions[-1]

    monkeypatch.setattr(erasure.store, "redact_acts", counted)
    run_job(as_role)
    assert len(portions) >= 40 // 7
    assert [one["actor"] for one in _seen(database, guest)] == [other] * 20
    changed = database.admin(
        "select 1 from audit_log where workspace_id = %(w)s and after ->> 'name' = 'New'",
        w=guest.id,
    )
    assert len(changed) == 60, "what was changed stays told"
    done = state(database, token)
    assert done is not None
    assert done["finished_at"]


def test_a_workspace_that_fails_holds_up_no_other(
    call: Call,
    token: dict[str, Any],
    guest: Workspace,
    database: Database,
    as_role: AsRole,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here two open invitations would be for one address, once theirs is taken out."""
    here = caller_of(token)
    first, last = sorted((here, guest), key=lambda place: place.id)
    for email in (token["email"], f"erased-{token['user_id']}@invalid"):
        database.admin(
            """
            insert into invitations (workspace_id, id, email, role, invited_by, inviter, expires_at)
            select %(w)s, %(id)s, %(email)s, 'member', user_id, 'x', now() + interval '1 day'
            from memberships where workspace_id = %(w)s and user_id <> %(u)s limit 1
            """,
            u=token["user_id"],
            w=first.id,
            id=uuid7(),
            email=email,
        )
    for place in (first, last):
        _acts(database, place, f"user:{token['user_id']}", 1)
    assert erase(call, token, {"password": PASSWORD}).status == 204
    run_job(as_role)
    waiting = state(database, token)
    assert waiting is not None
    assert (waiting["email"], waiting["finished_at"]) == (token["email"], None)
    assert (_seen(database, last), len(_seen(database, first))) == ([], 1)
    ended = "select 1 from memberships where user_id = %(u)s and ended_at is null"
    assert database.admin(ended, u=token["user_id"]) == [], "they have left it all the same"
    run_job(as_role)
    assert state(database, token) == waiting, "not before an hour has passed"

    database.admin(
        "delete from invitations where workspace_id = %(w)s and email like 'erased-%%'", w=first.id
    )
    database.admin(
        "update account_erasures set due_at = now() where user_id = %(u)s", u=token["user_id"]
    )
    run_job(as_role)
    done = state(database, token)
    assert done is not None
    assert (done["email"], bool(done["finished_at"])) == (None, True)
    assert _seen(database, first) == []


def test_who_is_erased_connects_no_mailbox(
    call: Call, token: dict[str, Any], as_role: AsRole
) -> None:
    """By an access token that outlives them."""
    here = caller_of(token)
    assert erase(call, token, {"password": PASSWORD}).status == 204
    as_role("crm_app")
    insert = """
        insert into mailboxes (workspace_id, id, user_id, provider, address, credentials)
        values (%(workspace_id)s, %(id)s, %(user_id)s, 'gmail', 'x@corp.example', 'sealed')
    """
    with (
        pytest.raises(InsufficientPrivilege, match="row-level security"),
        transaction(here.id, user_id=here.user_id, access=EVERYTHING) as tx,
    ):
        tx.run(insert, id=uuid7(), user_id=here.user_id)


@pytest.mark.parametrize("consumer_first", [True, False])
def test_the_mailboxes_they_connected_forget_their_addresses(
    call: Call,
    token: dict[str, Any],
    database: Database,
    events_of: EventsOf,
    deliver: Deliver,
    as_role: AsRole,
    monkeypatch: pytest.MonkeyPatch,
    *,
    consumer_first: bool,
) -> None:
    """Whether the mailbox is disconnected before that or after."""
    here, mailbox_id, address = caller_of(token), uuid7(), f"{uuid4().hex}@corp.example"
    database.admin(
        """
        insert into mailboxes (workspace_id, id, user_id, provider, address, credentials)
        values (%(w)s, %(id)s, %(u)s, 'gmail', %(address)s, 'sealed')
        """,
        w=here.id,
        id=mailbox_id,
        u=here.user_id,
        address=address,
    )
    as_role("crm_app")
    with transaction(here.id, user_id=here.user_id) as tx:
        envelope = tx.envelope(mailbox_id)
        tx.emit(MailboxConnected(**envelope, address=address, provider="gmail"))
    told = "select address from mailboxes where id = %(id)s"
    audited = "select to_jsonb(a)::text as row from audit_log a where object_id = %(id)s"
    assert address in str(database.admin(audited, id=mailbox_id))
    monkeypatch.setattr(erasure, "AT_ONCE_S", -1 if consumer_first else 60)
    assert erase(call, token, {"password": PASSWORD}).status == 204
    left = AccountErasureRequested(workspace_id=here.id, aggregate_id=here.user_id)
    assert deliver(leavers, left) == []
    run_job(as_role)
    assert database.admin(told, id=mailbox_id) == [{"address": f"erased-{mailbox_id}@invalid"}]
    kinds = [one["type"] for one in events_of(here) if one["type"].startswith("Mailbox")]
    assert kinds == ["MailboxConnected", "MailboxDisconnected"]
    assert address not in str(events_of(here))
    assert address not in str(database.admin(audited, id=mailbox_id))
