"""Connections of a workspace that is to be deleted: told so, closed, and not opened again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from events.workspaces import WorkspaceDeletionRequested
from functions.realtime.tests.conftest import Scene
from shared.testing import NewWorkspace, Workspace


def _close(scene: Scene, place: Workspace) -> WorkspaceDeletionRequested:
    scene.database.admin(
        """
        update workspaces set deletion_asked_by = %(u)s, deletion_asked_at = now(),
            purge_at = now() + interval '7 days' where id = %(w)s
        """,
        w=place.id,
        u=place.user_id,
    )
    return _asked(place)


def _asked(place: Workspace) -> WorkspaceDeletionRequested:
    return WorkspaceDeletionRequested(
        workspace_id=place.id, aggregate_id=place.id, position=7, purge_at=datetime.now(UTC)
    )


def test_all_are_told_and_closed(
    scene: Scene, owner: Workspace, new_workspace: NewWorkspace
) -> None:
    follower, other = scene.connect(owner), scene.connect(owner)
    follower.say("subscribe", topics=["workspace"])
    follower.heard()
    elsewhere = scene.connect(scene.sign_in(new_workspace()))
    assert scene.happen(_close(scene, owner)) == []
    assert [one["type"] for one in follower.heard()] == ["WorkspaceDeletionRequested"]
    assert (follower.is_open, other.is_open, elsewhere.is_open) == (False, False, True)


def test_where_the_event_is_lost_they_end_with_what_they_say_next(
    scene: Scene, owner: Workspace
) -> None:
    client = scene.connect(owner)
    _close(scene, owner)
    scene.later()
    client.say("subscribe", topics=["workspace"])
    assert not client.is_open


def test_told_again_after_it_was_restored_it_closes_none(scene: Scene, owner: Workspace) -> None:
    client = scene.connect(owner)
    assert scene.happen(_asked(owner)) == []
    assert client.is_open


def test_one_that_is_opened_then_follows_nothing(scene: Scene, owner: Workspace) -> None:
    _close(scene, owner)
    ticket = scene.ticket(owner)
    status, client = scene.handshake(scene.authorize(ticket.json["ticket"])["context"])
    assert status == 200
    client.say("subscribe", topics=["workspace"])
    assert not client.is_open


@pytest.mark.usefixtures("no_cache")
def test_without_the_cache_there_is_no_ticket_nor_entrance(scene: Scene, owner: Workspace) -> None:
    before = scene.ticket(owner)
    assert before.status == 201
    _close(scene, owner)
    refused = scene.ticket(owner)
    assert (refused.status, refused.json["code"]) == (409, "workspace_closing")
    answer = scene.authorize(before.json["ticket"])
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"
