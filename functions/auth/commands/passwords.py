"""Resetting and changing passwords. Hashes are made and verified while no transaction is open."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import SecretStr

from events.auth import PasswordChanged
from functions.auth.commands import mails, people
from functions.auth.models.mails import InvalidLink, token_hash
from functions.auth.models.passwords import ChangePassword, ResetPassword, WrongPassword
from functions.auth.models.people import Person, PersonNotFound, VerifyEmail
from functions.auth.models.sessions import Client
from functions.auth.passwords import hash_password, is_password
from functions.auth.queries import mails as mail_queries
from functions.auth.queries import people as queries
from functions.auth.store import external as external_store
from functions.auth.store import factors as factor_store
from functions.auth.store import mails as mail_store
from functions.auth.store import people as store
from functions.auth.throttle import forgive, throttle
from shared.db import system_transaction
from shared.errors import FieldError


def reset_password(given: ResetPassword) -> None:
    """Set a password by a link that was mailed, which proves the address as well. Every session
    everywhere ends, and every API key, which whoever was in may have made, and sign-in with Google,
    which may be by who had the address before; the person is told. A second factor stays on.

    Raises:
        InvalidLink: it is no such link, was used, or is over.
    """
    link = token_hash(given.token.get_secret_value())
    if not mail_queries.is_link(link, "reset_password"):
        raise InvalidLink  # before a hash is made for whoever likes to have some made
    password_hash = hash_password(given.password)
    with system_transaction(mails.ACTOR) as tx:
        user_id = mail_store.use_link(tx, link, "reset_password")
        if user_id is None:
            raise InvalidLink
        with tx.acting_as(f"user:{user_id}"):
            version = store.set_password(tx, user_id, password_hash)
            news = [_changed(user_id, version, by="link")]
            if (proven := store.verify_email(tx, user_id)) is not None:
                news.append(people.verified(user_id, proven, by="password_reset"))
            if external_store.delete_identities(tx, user_id):
                news.append(people.unlinked(user_id, store.next_version(tx, user_id)))
            factor_store.delete_challenges(tx, user_id)
            mail_id = mails.want_mail(tx, "password_reset", user_id)
            ended = people.tell_everywhere(tx, user_id, *news, ending="password_reset", keys=True)
    people.forget_sessions(ended)
    mails.ring([mail_id])


def verify_email(given: VerifyEmail, client: Client) -> None:
    """Note that the mails of an address reach its person, by a link that did, and their password.
    Who gets the link and does not know the password resets it: by confirming they would make an
    account good that somebody else has made with their address.

    Raises:
        InvalidLink: it is no such link, was used, or is over.
        WrongPassword: the account has another password.
        Throttled: too many attempts at it.
    """
    link = token_hash(given.token.get_secret_value())
    whose = mail_queries.find_whose(link, "verify_email")
    if whose is None:
        raise InvalidLink
    check_password(whose, given.password, client, at="/password")
    with system_transaction(mails.ACTOR) as tx:
        user_id = mail_store.use_link(tx, link, "verify_email")
        if user_id is None:
            raise InvalidLink
        with tx.acting_as(f"user:{user_id}"):
            version = store.verify_email(tx, user_id)
            if version is not None:
                people.tell_everywhere(tx, user_id, people.verified(user_id, version, by="link"))


def change_password(
    user_id: UUID, given: ChangePassword, client: Client, *, session_id: UUID
) -> None:
    """Change a person's password. All their sessions end but the one that asks.

    Raises:
        WrongPassword: the current one is another, or is just being changed.
        Throttled: too many attempts at it.
    """
    person = check_password(user_id, given.current, client, at="/current")
    password_hash = hash_password(given.new)
    with system_transaction(f"user:{user_id}") as tx:
        if not queries.has_password(tx, user_id, person.password_hash):
            raise WrongPassword(errors=(_wrong("/current"),))
        version = store.set_password(tx, user_id, password_hash)
        mail_store.delete_links(tx, user_id, "reset_password")
        factor_store.delete_challenges(tx, user_id)
        mail_id = mails.want_mail(tx, "password_changed", user_id)
        ended = people.tell_everywhere(
            tx,
            user_id,
            _changed(user_id, version, by="password"),
            ending="password_changed",
            besides=session_id,
        )
    people.forget_sessions(ended)
    mails.ring([mail_id])


def check_password(user_id: UUID, password: SecretStr, client: Client, *, at: str) -> Person:
    """The person, if this is their password: an open session may be somebody else's by now. `at` is
    where the password was given, as a JSON pointer.

    Raises:
        PersonNotFound: there is no such account any more.
        WrongPassword: it is not.
        Throttled: too many attempts at it.
    """
    person = queries.find_person(user_id)
    if person is None:
        raise PersonNotFound
    attempt = throttle("sign-in", person.email, client.address)
    if not is_password(password, person.password_hash):
        raise WrongPassword(errors=(_wrong(at),))
    forgive(attempt)
    return person


def _changed(user_id: UUID, version: int, *, by: Literal["password", "link"]) -> people.News:
    return lambda inside: PasswordChanged(**inside.envelope(user_id, version), by=by)


def _wrong(pointer: str) -> FieldError:
    return FieldError(pointer, "this is not your password", "wrong_password")
