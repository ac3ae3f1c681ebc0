"""What must happen once, asked for by eight transactions at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Barrier
from typing import Any
from uuid import UUID

import psycopg
import pytest

from functions.auth.models.factors import CHALLENGE_ATTEMPTS
from functions.auth.store import factors, mails
from shared.db import Tx
from shared.ids import uuid7
from shared.testing import Database, Workspace

_EIGHT = 8
_NOBODY = UUID(int=0)


@pytest.fixture
def person(workspace: Workspace, database: Database) -> UUID:
    """Somebody with one of everything."""
    given = {"u": workspace.user_id, "h": sha256(workspace.user_id.bytes).digest()}
    for statement in (
        """
        insert into totp_factors (user_id, sealed, confirmed_at, last_step)
        values (%(u)s, 'sealed', now(), 41)
        """,
        "insert into recovery_codes (user_id, hash) values (%(u)s, %(h)s)",
        """
        insert into challenges (hash, user_id, expires_at)
        values (%(h)s, %(u)s, now() + interval '1 minute')
        """,
        """
        insert into mailed_links (hash, purpose, user_id, email, expires_at)
        select %(h)s, 'reset_password', id, email, now() + interval '1 minute'
        from users where id = %(u)s
        """,
        """
        insert into account_mails (id, purpose, user_id, state)
        values (%(u)s, 'reset_password', %(u)s, 'waiting')
        """,
    ):
        database.admin(statement, **given)
    return workspace.user_id


ONCE: dict[str, Callable[[Tx, UUID, bytes], object]] = {
    "a code's step": lambda tx, who, _: factors.accept_step(tx, who, b"sealed", 42),
    "a recovery code": factors.use_recovery_code,
    "a link": lambda tx, _, it: mails.use_link(tx, it, "reset_password"),
    "a mail": lambda tx, who, _: mails.take_mail(tx, who),
}


def _at_once(database: Database, person: UUID, act: Callable[[Tx, UUID, bytes], object]) -> int:
    """For how many of eight it went well, each in a transaction of its own as crm_auth."""
    start = Barrier(_EIGHT)

    def attempt(_: int) -> bool:
        with psycopg.connect(database.url("crm_auth")) as opened:
            start.wait()
            return bool(act(Tx(opened, _NOBODY, None, "test"), person, _hash(person)))

    with ThreadPoolExecutor(_EIGHT) as threads:
        return sum(threads.map(attempt, range(_EIGHT)))


def _hash(person: UUID) -> bytes:
    return sha256(person.bytes).digest()


@pytest.mark.parametrize("what", ONCE)
def test_it_is_used_up_once(what: str, person: UUID, database: Database) -> None:
    assert _at_once(database, person, ONCE[what]) == 1


def test_attempts_are_counted_one_by_one(person: UUID, database: Database) -> None:
    def attempt(tx: Tx, _: UUID, it: bytes) -> Any:
        return factors.take_attempt(tx, it)

    assert _at_once(database, person, attempt) == CHALLENGE_ATTEMPTS


def test_a_factor_is_confirmed_as_what_it_was(person: UUID, database: Database) -> None:
    """The secret that was confirmed is not the one that counts, if another was put meanwhile."""
    database.admin("update totp_factors set confirmed_at = null where user_id = %(u)s", u=person)
    with psycopg.connect(database.url("crm_auth")) as opened:
        tx = Tx(opened, _NOBODY, None, "test")
        assert factors.put_factor(tx, person, b"another")
        assert not factors.confirm_factor(tx, person, b"sealed", 50)
        assert factors.confirm_factor(tx, person, b"another", 50)
        assert not factors.put_factor(tx, person, b"a third")
        assert not factors.accept_step(tx, person, b"sealed", 51)
        assert not factors.accept_step(tx, person, b"another", 50)


def test_a_mail_nobody_has_is_no_mail(person: UUID, database: Database) -> None:
    mail_id = uuid7()
    with psycopg.connect(database.url("crm_auth")) as opened:
        tx = Tx(opened, _NOBODY, None, "test")
        mails.insert_mail_to(tx, mail_id, "reset_password", "nobody@example.com")
        assert mails.take_mail(tx, mail_id) is None
