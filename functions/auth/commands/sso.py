"""Setting up a workspace's single sign-on.

Whoever runs the provider can be any member of the workspace, owners too. So it takes as much as
owners may do: nobody gives more than they have.
"""

from __future__ import annotations

from events.auth import SsoConfigured, SsoRemoved
from functions.auth.models.sso import (
    DomainNotYours,
    InvalidIssuer,
    NotConfirmed,
    SecretNeeded,
    SsoSettings,
    StoredSso,
)
from functions.auth.openid.providers import Unusable, discover
from functions.auth.queries import sso as queries
from functions.auth.store import sso as store
from shared.access import EVERYTHING, Access, MoreThanYours
from shared.db import Tx
from shared.errors import FieldError, PreconditionFailed, PreconditionRequired
from shared.mail import FREE_MAIL_DOMAINS
from shared.outbound.targets import checked, rules

_ANOTHER = ("issuer", "client_id")
Expected = int | None
"""The version that was read; None for any."""


def check_access(access: Access) -> None:
    """Go on only for who may do everything.

    Raises:
        MoreThanYours: they may not.
    """
    beyond = EVERYTHING.beyond(access)
    if beyond:
        detail = f"you may not do this yourself: {', '.join(beyond)}"
        raise MoreThanYours(errors=(FieldError("", detail, "permission"),))


def check_provider(issuer: str) -> None:
    """Go on only for a provider that answers. Calls it, so no transaction may be open.

    Raises:
        InvalidUrl: its URL is not one that is called.
        InvalidIssuer: there is none, or it cannot be used.
    """
    checked(issuer, rules(), at="/issuer")
    try:
        discover(issuer)
    except Unusable as error:
        raise InvalidIssuer(errors=(FieldError("/issuer", str(error), "issuer"),)) from error


def configure(
    tx: Tx, given: SsoSettings, sealed: bytes | None, *, expected: Expected, told: bool
) -> StoredSso:
    """Store what a workspace's single sign-on is to be; the same again is no change. `sealed` is
    the client's secret, if one was given; `told` whether a version was: one that is replaced has to
    be named.

    Raises:
        NotConfirmed: the caller's own address is not.
        DomainNotYours: people are to come who have no account, of a domain nobody here has proven.
        SecretNeeded: there is no secret for this client.
        PreconditionRequired: there is one, and no version was named.
        PreconditionFailed: it is no longer what was read.
    """
    if not queries.is_confirmed(tx):
        raise NotConfirmed
    if given.default_role is not None:
        _require_own_domains(tx, given)
    current = queries.find_sso(tx)
    if current is not None and not told:
        raise PreconditionRequired
    if expected is not None and (current is None or current.version != expected):
        raise PreconditionFailed
    if current is None:
        if sealed is None:
            raise _secret_needed()
        stored = store.insert_sso(tx, given, sealed)
    else:
        another = any(getattr(current, name) != getattr(given, name) for name in _ANOTHER)
        if another and sealed is None:
            raise _secret_needed()
        if sealed is None and _is_same(current, given):
            return current
        anew = another or (given.enabled and not current.enabled)
        stored = store.update_sso(tx, given, sealed, version=current.version, anew=anew)
    if stored is None:
        raise PreconditionFailed
    tx.emit(
        SsoConfigured(
            **tx.envelope(stored.id, stored.version),
            issuer=stored.issuer,
            domains=stored.domains,
            default_role=stored.default_role,
            required=stored.required,
            enabled=stored.enabled,
        )
    )
    return stored


def remove(tx: Tx, *, expected: Expected = None) -> None:
    """Let a workspace have no single sign-on.

    Raises:
        MoreThanYours: the caller may not.
        SsoNotFound: it has none.
        PreconditionFailed: it is no longer at the version expected.
    """
    check_access(tx.access)
    current = queries.get_sso(tx)
    if not store.delete_sso(tx, current.version if expected is None else expected):
        raise PreconditionFailed
    tx.emit(SsoRemoved(**tx.envelope(current.id, current.version + 1), issuer=current.issuer))


def _require_own_domains(tx: Tx, given: SsoSettings) -> None:
    """An account is good everywhere, so that a stranger's must not come from here: whose address it
    is would find it taken, and by a reset get into this workspace instead of theirs.
    """
    ours = queries.proven_domains(tx) - FREE_MAIL_DOMAINS
    said = "no owner or administrator has a confirmed address at this domain, or everybody may"
    errors = tuple(
        FieldError(f"/domains/{place}", said, "domain")
        for place, domain in enumerate(given.domains)
        if domain not in ours
    )
    if errors:
        raise DomainNotYours(errors=errors)


def _is_same(current: StoredSso, given: SsoSettings) -> bool:
    fields = given.model_dump(exclude={"client_secret"})
    return all(getattr(current, name) == value for name, value in fields.items())


def _secret_needed() -> SecretNeeded:
    return SecretNeeded(errors=(FieldError("/client_secret", "expected the secret", "missing"),))
