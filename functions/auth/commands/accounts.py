"""Signing up and signing in.

They open their transactions themselves: before one, there is no workspace yet. What takes long or
asks another service (hashing, reading the signing key) happens while none is open.
"""

from __future__ import annotations

from functions.auth.commands import failures, mails, second_step, sessions
from functions.auth.models.accounts import Membership, SignIn, SignUp, Token, WrongCredentials
from functions.auth.models.factors import SecondFactorNeeded
from functions.auth.models.sessions import Client
from functions.auth.passwords import hash_password, is_password
from functions.auth.queries import accounts as queries
from functions.auth.store import accounts as store
from functions.auth.throttle import forgive, throttle
from shared.db import transaction
from shared.ids import uuid7
from shared.tenancy import open_workspace


def sign_up(new: SignUp, client: Client) -> Token:
    """Create a person, and a workspace that they own; a link to confirm the address is mailed.

    Raises:
        AccountExists: the address is taken. It costs as much to find out.
        Throttled: there were too many attempts.
    """
    throttle("sign-up", new.email, client.address)
    by = sessions.issuer()
    password_hash = hash_password(new.password)
    user_id = uuid7()
    owner = Membership(workspace_id=uuid7(), role="owner")
    with transaction(owner.workspace_id, user_id=user_id) as tx:
        store.insert_account(
            tx, user_id=user_id, email=new.email, name=new.name, password_hash=password_hash
        )
        open_workspace(tx, new.workspace_name, user_id)
        mail_id = mails.want_mail(tx, "verify_email", user_id)
        token = sessions.open_session(
            tx, user_id, owner, by=by, method="password", client=client, memberships=[owner]
        )
    mails.ring([mail_id])
    return token


def sign_in(given: SignIn, client: Client) -> Token | SecondFactorNeeded:
    """A token for the workspace named, or for the first one the person joined; where a second
    factor is on, what to go on with, and nothing is said of workspaces yet.

    Raises:
        WrongCredentials: there is no such account, or the password is wrong; nobody can tell which.
        NotAMember: the person does not belong to that workspace, or to any.
        SsoRequired: it is entered by its single sign-on alone.
        Throttled: there were too many attempts; this one was not made, right or wrong.
    """
    attempt = throttle("sign-in", given.email, client.address)
    account = queries.find_account(given.email)
    known = is_password(given.password, account.password_hash if account else None)
    if account is None or not known:
        failures.note_failure(account.id if account else None, "password")
        raise WrongCredentials
    forgive(attempt)
    if account.second_factor:
        return second_step.challenge(account)
    return sessions.enter(
        account.id,
        workspace_id=given.workspace_id,
        method="password",
        client=client,
        password_hash=account.password_hash,
    )
