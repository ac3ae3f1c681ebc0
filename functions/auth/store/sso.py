"""Writing single sign-on. Its secret comes sealed."""

from __future__ import annotations

from typing import Any, LiteralString

from functions.auth.models.sso import SsoSettings, StoredSso
from shared.db import Tx
from shared.ids import uuid7

_SHOWN: LiteralString = """
    id, issuer, client_id, domains, default_role, required, enabled, version, created_at, updated_at
"""


def insert_sso(tx: Tx, given: SsoSettings, sealed: bytes) -> StoredSso | None:
    """Store it; None where somebody else just did."""
    query: LiteralString = """
        insert into sso_connections (workspace_id, id, issuer, client_id, client_secret, domains,
            default_role, required, enabled)
        values (%(workspace_id)s, %(id)s, %(issuer)s, %(client_id)s, %(sealed)s, %(domains)s,
            %(default_role)s, %(required)s, %(enabled)s)
        on conflict do nothing
        returning
    """
    return tx.one(StoredSso, query + _SHOWN, id=uuid7(), sealed=sealed, **_columns(given))


def update_sso(
    tx: Tx, given: SsoSettings, sealed: bytes | None, *, version: int, anew: bool
) -> StoredSso | None:
    """Store other values if it is still at this version; `anew` ends its sessions at their next
    refresh. Without `sealed` the secret stays.
    """
    query: LiteralString = """
        update sso_connections set issuer = %(issuer)s, client_id = %(client_id)s,
            domains = %(domains)s, default_role = %(default_role)s, required = %(required)s,
            enabled = %(enabled)s,
            sessions_from = case when %(anew)s then now() else sessions_from end,
            version = version + 1, updated_at = now()
    """
    secret: LiteralString = ", client_secret = %(sealed)s" if sealed is not None else ""
    rest: LiteralString = """
        where workspace_id = %(workspace_id)s and version = %(version)s
        returning
    """
    return tx.one(
        StoredSso,
        query + secret + rest + _SHOWN,
        sealed=sealed,
        version=version,
        anew=anew,
        **_columns(given),
    )


def delete_sso(tx: Tx, version: int) -> bool:
    """Delete it if it is still at this version."""
    query = """
        delete from sso_connections where workspace_id = %(workspace_id)s and version = %(version)s
    """
    return tx.run(query, version=version) == 1


def _columns(given: SsoSettings) -> dict[str, Any]:
    fields = given.model_dump(exclude={"client_secret"})
    return fields | {"domains": list(given.domains)}
