"""No key is made by a session that is over, nor at the moment when a reset ends it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from functions.auth.commands.passwords import reset_password
from functions.auth.keys_api import handler as keys_handler
from functions.auth.models.api_keys import NewKey
from functions.auth.models.passwords import ResetPassword
from functions.auth.store import api_keys as store
from functions.auth.tests.postman import Postman
from functions.auth.tests.test_passwords import NEW, RESET, Post, SignUp, caller_of, link_for, post
from shared.access import EVERYTHING, Access
from shared.db import Tx
from shared.ids import uuid7
from shared.testing import Call, Database

__all__ = ["post"]
KEY: dict[str, Any] = {"name": "Nightly export", "grants": ["contacts.read"]}


@pytest.fixture
def reset(post: Post, postman: Postman) -> Callable[[str], ResetPassword]:
    """The reset that somebody's mailed link is good for."""

    def asked(email: str) -> ResetPassword:
        token = link_for(post, postman, email)
        return ResetPassword.model_validate({"token": token, "password": NEW})

    return asked


def _alive(database: Database, token: dict[str, Any]) -> list[dict[str, Any]]:
    query = "select name from api_keys where user_id = %(u)s::uuid and revoked_at is null"
    return database.admin(query, u=token["user_id"])


def test_a_token_that_outlives_its_session_makes_no_key(
    call: Call, post: Post, postman: Postman, sign_up: SignUp, database: Database
) -> None:
    """Authorizers believe a session for up to a minute more; a key would be good for ever."""
    first = sign_up()
    made = call(keys_handler, "POST", "/api/v1/keys", KEY, workspace=caller_of(first))
    assert made.status == 201
    token = link_for(post, postman, first["email"])
    assert post(RESET, {"token": token, "password": NEW}).status == 204
    refused = call(keys_handler, "POST", "/api/v1/keys", KEY, workspace=caller_of(first))
    assert (refused.status, refused.json["code"]) == (401, "sign_in_over")
    assert _alive(database, first) == []


def test_a_key_that_is_being_made_ends_with_the_others(
    reset: Callable[[str], ResetPassword],
    sign_up: SignUp,
    database: Database,
    as_role: Callable[[str], None],
) -> None:
    """The reset waits for whoever makes one, and finds it."""
    first = sign_up()
    given, caller = reset(first["email"]), caller_of(first)
    waiting = """
        select 1 from pg_stat_activity
        where wait_event_type = 'Lock' and query like '%%from memberships%%for no key update%%'
    """
    as_role("crm_auth")
    with (
        ThreadPoolExecutor(1) as thread,
        psycopg.connect(database.url("crm_app")) as maker,
    ):
        actor = f"user:{caller.user_id}"
        tx = Tx(maker, caller.id, caller.user_id, actor, EVERYTHING)
        tx._begin()  # pyright: ignore[reportPrivateUsage] -- a transaction of another process
        store.hold_member(tx, caller.user_id)
        new = NewKey(name="Theirs", grants=("contacts.read",))
        access = Access({"contacts.read": "all"})
        assert store.insert_key(tx, uuid7(), new, access, bytes(32), most=1)
        done = thread.submit(reset_password, given)
        while not done.done() and not database.admin(waiting):
            time.sleep(0.01)
        assert not done.done(), "it did not wait"
        maker.commit()
        done.result(timeout=30)
    assert _alive(database, first) == []
