"""Signing in with Google: an account of Google's is good wherever its person belongs here.

Google says who reads the mails of an address. That lets its person into the account with this
address if here, too, somebody has proven that they read them: else whoever signed up beforehand
with an address that is not theirs would share the account with the one who comes with Google.
"""

from __future__ import annotations

from secrets import token_urlsafe
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from events.auth import IdentityLinked
from functions.auth.commands import mails, people, sessions
from functions.auth.models.accounts import AccountExists, Membership, Token
from functions.auth.models.external import (
    AddressNotProven,
    AddressNotVouchedFor,
    Begun,
    FactorGuardsAccount,
    GoogleNotSetUp,
    Identity,
    Party,
)
from functions.auth.models.sessions import Client
from functions.auth.passwords import hash_password
from functions.auth.queries import external as queries
from functions.auth.store import accounts as account_store
from functions.auth.store import external as store
from functions.auth.store import people as people_store
from shared.db import system_transaction, transaction
from shared.ids import uuid7
from shared.secrets import stored_secret
from shared.settings import setting
from shared.tenancy import open_workspace

_LONGEST_NAME = 200


def party() -> Party:
    """Who we are at Google.

    Raises:
        GoogleNotSetUp: nobody has registered us there.
    """
    known: Any = stored_secret("google-oauth", max_age_s=300)
    client_id, client_secret = known.get("client_id"), known.get("client_secret")
    if not client_id or not client_secret or not setting("CONSOLE_URL", ""):
        raise GoogleNotSetUp
    issuer = setting("GOOGLE_ISSUER", "https://accounts.google.com")
    return Party(issuer=issuer, client_id=client_id, client_secret=client_secret)


def enter(identity: Identity, begun: Begun, client: Client) -> Token:
    """A session for a person by their account at Google: of the account that it is linked to, else
    of the one with its address, else of a new one, with a workspace of its own.

    Raises:
        AddressNotVouchedFor: it is linked to none, and Google does not say whose address it is.
        AddressNotProven: there is an account with the address, which nobody has proven.
        FactorGuardsAccount: there is one, with a second factor.
        NotAMember, SsoRequired: the workspace that is wanted is not to be entered like this.
        NotProven: the link was ended just now.
    """
    user_id = queries.find_by_identity(identity)
    if user_id is None:
        user_id = _linked(identity)
    if user_id is None:
        try:
            return _signed_up(identity, begun, client)
        except AccountExists:  # just now, most likely by the same person in another tab
            user_id = queries.find_by_identity(identity)
            if user_id is None:
                raise AddressNotProven from None
    return sessions.enter(
        user_id, workspace_id=begun.wanted, method="google", client=client, identity=identity
    )


def _linked(identity: Identity) -> UUID | None:
    """The account with the identity's address, to which it is linked from now on, and a mail says
    so; None where nobody has that address.
    """
    if not identity.vouched or identity.email is None:
        raise AddressNotVouchedFor
    claimed = queries.find_claimed(identity.email)
    if claimed is None:
        return None
    user_id = claimed.user_id
    with system_transaction(f"user:{user_id}") as tx:
        version = people_store.next_version(tx, user_id)  # the person is held, and read again
        claimed = queries.find_claimed_in(tx, identity.email)
        if claimed is None or claimed.user_id != user_id or not claimed.verified:
            raise AddressNotProven
        if claimed.second_factor:
            raise FactorGuardsAccount
        mail_id = None
        if store.insert_identity(tx, identity, user_id):
            mail_id = mails.want_mail(tx, "google_linked", user_id)
            people.tell_everywhere(tx, user_id, _linked_by(user_id, version))
    if mail_id is None:  # just now, in another tab
        return queries.find_by_identity(identity)
    mails.ring([mail_id])
    return user_id


def _linked_by(user_id: UUID, version: int) -> people.News:
    return lambda inside: IdentityLinked(**inside.envelope(user_id, version), provider="google")


def _signed_up(identity: Identity, begun: Begun, client: Client) -> Token:
    """A new person, whose address Google has proven, with a workspace that they own. They have no
    password until they reset it: one is stored that nobody knows, so that trying one costs as much.

    Raises:
        AccountExists: somebody has the address.
    """
    assert identity.email is not None
    by = sessions.issuer()
    password_hash = hash_password(SecretStr(token_urlsafe(32)))
    user_id = uuid7()
    owner = Membership(workspace_id=uuid7(), role="owner")
    name = begun.workspace_name or f"{identity.called}'s workspace"[:_LONGEST_NAME]
    with transaction(owner.workspace_id, user_id=user_id) as tx:
        account_store.insert_account(
            tx,
            user_id=user_id,
            email=identity.email,
            name=identity.called,
            password_hash=password_hash,
            verified=True,
        )
        open_workspace(tx, name, user_id)
        if not store.insert_identity(tx, identity, user_id):
            raise AccountExists
        tx.emit(IdentityLinked(**tx.envelope(user_id), provider="google"))
        return sessions.open_session(
            tx, user_id, owner, by=by, method="google", client=client, memberships=[owner]
        )
