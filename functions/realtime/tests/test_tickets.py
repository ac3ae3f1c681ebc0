"""Tickets and the handshake: once, within a minute, for whom it was given to."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from functions.realtime import commands
from functions.realtime.api import handler
from functions.realtime.models import MOST_CONNECTIONS
from functions.realtime.tests.conftest import ARN, Scene
from shared import cache
from shared.access import EVERYTHING, access_of
from shared.auth import Caller
from shared.errors import Unauthorized
from shared.testing import NewWorkspace, Workspace


def is_denied(policy: dict[str, Any]) -> bool:
    """Whether nobody gets in by it, and nothing is told."""
    [statement] = policy["policyDocument"]["Statement"]
    assert statement["Resource"] == ARN
    return (statement["Effect"], policy["context"]) == ("Deny", {})


def test_a_ticket_lets_its_holder_in_once(scene: Scene, owner: Workspace) -> None:
    answer = scene.ticket(owner, access_of("contacts.read tasks.read:own"))
    assert answer.status == 201
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json["expires_in"] == 60
    assert answer.json["url"] == "wss://sockets.example.com/stage"
    policy = scene.authorize(answer.json["ticket"])
    [statement] = policy["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Allow", ARN)
    assert policy["context"] == {
        "workspace_id": str(owner.id),
        "user_id": str(owner.user_id),
        "session_id": str(owner.session_id),
        "access": "contacts.read tasks.read:own",
    }
    assert is_denied(scene.authorize(answer.json["ticket"]))


def test_of_many_who_use_a_ticket_at_once_one_gets_in(scene: Scene, owner: Workspace) -> None:
    ticket = scene.ticket(owner).json["ticket"]
    scene.as_role("crm_app")
    digest = commands.sha256(urlsafe_b64decode(ticket)[16:]).hexdigest()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(cache.take, owner.id, "socket-ticket", digest) for _ in range(8)]
    assert sum(one.result() is not None for one in asked) == 1


def test_a_ticket_counts_for_a_minute_and_is_kept_by_its_hash_alone(
    scene: Scene, owner: Workspace
) -> None:
    ticket = scene.ticket(owner).json["ticket"]
    valkey: Any = cache.connected()
    [key] = valkey.keys(f"crm:{owner.id}:socket-ticket:*", target_nodes="all")
    assert 0 < valkey.ttl(key) <= 60
    secret = urlsafe_b64decode(ticket)[16:]
    assert len(secret) == 32
    assert secret.hex() not in key.decode() + valkey.get(key).decode()
    valkey.delete(key)  # as its time does
    assert is_denied(scene.authorize(ticket))


@pytest.mark.parametrize("ticket", [None, "", "x", "é", "A" * 64, "A" * 63, "A" * 65, "-_" * 32])
def test_what_is_no_ticket_lets_nobody_in(scene: Scene, ticket: str | None) -> None:
    assert is_denied(scene.authorize(ticket))


def test_a_ticket_of_another_workspace_or_spelling_is_none(
    scene: Scene, owner: Workspace, new_workspace: NewWorkspace
) -> None:
    named = urlsafe_b64decode(scene.ticket(owner).json["ticket"])
    elsewhere = urlsafe_b64encode(new_workspace().id.bytes + named[16:]).decode()
    guessed = urlsafe_b64encode(named[:16] + bytes(32)).decode()
    for ticket in (elsewhere, guessed, urlsafe_b64encode(named).decode() + "\n"):
        assert is_denied(scene.authorize(ticket))
    assert scene.authorize(urlsafe_b64encode(named).decode())


def test_without_the_cache_tickets_are_kept_in_postgres(
    scene: Scene, owner: Workspace, no_cache: None, new_workspace: NewWorkspace
) -> None:
    ticket = scene.ticket(owner).json["ticket"]
    named = urlsafe_b64decode(ticket)
    elsewhere = urlsafe_b64encode(new_workspace().id.bytes + named[16:]).decode()
    assert is_denied(scene.authorize(elsewhere))
    assert scene.authorize(ticket)["context"]["user_id"] == str(owner.user_id)
    assert is_denied(scene.authorize(ticket))


def test_where_the_caches_answer_was_lost_a_ticket_counts_once(
    scene: Scene, owner: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was put there all the same."""
    put = cache.put

    def unanswered(*given: Any, **named: Any) -> bool:
        put(*given, **named)
        return False

    monkeypatch.setattr(cache, "put", unanswered)
    ticket = scene.ticket(owner).json["ticket"]
    assert scene.authorize(ticket)["context"]["user_id"] == str(owner.user_id)
    assert is_denied(scene.authorize(ticket))


def test_there_too_they_count_for_a_minute_and_go(
    scene: Scene, owner: Workspace, no_cache: None
) -> None:
    late, other = scene.ticket(owner).json["ticket"], scene.ticket(owner).json["ticket"]
    scene.database.admin(
        "update socket_tickets set expires_at = now() - interval '1 second' "
        "where workspace_id = %(id)s",
        id=owner.id,
    )
    assert is_denied(scene.authorize(late))
    kept = "select digest from socket_tickets where workspace_id = %(id)s"
    assert len(scene.database.admin(kept, id=owner.id)) == 1
    scene.ticket(owner)
    [left] = scene.database.admin(kept, id=owner.id)
    assert left["digest"] != commands.sha256(urlsafe_b64decode(other)[16:]).digest()


def test_who_has_no_session_gets_none(owner: Workspace) -> None:
    """An API key, say; its route lets no key in at all."""
    caller = Caller(owner.id, owner.user_id, EVERYTHING, key_id=uuid4())
    with pytest.raises(Unauthorized):
        commands.issue_ticket(caller)


def test_nobody_gets_a_ticket_without_signing_in(scene: Scene) -> None:
    for method, path in (("POST", "tickets"), ("GET", "topics")):
        answer = scene.call(handler, method, f"/api/v1/realtime/{path}", anonymous=True)
        assert answer.status == 401


def test_pages_of_strangers_are_denied(
    scene: Scene, owner: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASTE_SOCKET_ORIGINS", "https://crm.example.com https://two.example.com")
    ticket = scene.ticket(owner).json["ticket"]
    for headers in ({}, {"Origin": "https://evil.example.com"}, {"Origin": "null"}):
        assert is_denied(scene.authorize(ticket, **headers))
    policy = scene.authorize(ticket, origin="https://two.example.com")
    assert policy["policyDocument"]["Statement"][0]["Effect"] == "Allow"


def test_a_member_has_so_many_connections(scene: Scene, owner: Workspace) -> None:
    for _ in range(MOST_CONNECTIONS):
        scene.connect(owner)
    ticket = scene.ticket(owner).json["ticket"]
    context = scene.authorize(ticket)["context"]
    status, refused = scene.handshake(context)
    assert status == 429
    colleague = scene.member(owner, ["contacts.read"])
    one = scene.connect(colleague)
    assert one.route("$disconnect") == 200
    assert refused.route("$connect") == 429


def test_without_the_cache_nobody_is_connected(
    scene: Scene, owner: Workspace, no_cache: None
) -> None:
    context = scene.authorize(scene.ticket(owner).json["ticket"])["context"]
    assert scene.handshake(context)[0] == 503


def test_a_handshake_that_no_authorizer_saw_is_refused(scene: Scene) -> None:
    for context in ({}, {"workspace_id": str(uuid4())}):
        assert scene.handshake(context)[0] == 401
