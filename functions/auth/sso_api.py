"""`/api/v1/sso`: a workspace's single sign-on. Who may see the settings sees it, owners set it.

A function of its own, as crm_app: what answers people never reads the provider's secret.
"""

from fastapi import Response

from functions.auth.commands import sso as commands
from functions.auth.models.sso import SEALED_FOR, Sso, SsoSettings, StoredSso
from functions.auth.openid.returning import redirect_uri
from functions.auth.queries import sso as queries
from shared.encryption import data_key
from shared.http import (
    CurrentCaller,
    IfMatch,
    Transaction,
    create_app,
    expected_version,
    http_handler,
    needs,
    set_etag,
    transaction_of,
    unrepeatable,
)

app = create_app("Single sign-on")
app.description = "The OpenID provider that a workspace's members sign in by."

_SETTINGS = needs("workspace.settings")
_SAME = unrepeatable("doing it again changes nothing")


@app.get("/api/v1/sso", openapi_extra=_SETTINGS)
async def get_sso(tx: Transaction, response: Response) -> Sso:
    """The workspace's single sign-on. The client's secret is never shown."""
    return _shown(queries.get_sso(tx), response)


@app.put("/api/v1/sso", openapi_extra=_SETTINGS | _SAME)
async def put_sso(
    given: SsoSettings, caller: CurrentCaller, response: Response, if_match: IfMatch = None
) -> Sso:
    """Set single sign-on up, or change it; If-Match is for what there is. The provider is asked
    whether it is one. It takes an owner whose address is confirmed, since whoever runs the
    provider can be any member; and no API key, which would outlive itself.
    """
    caller.require_person()
    commands.check_access(caller.access)
    expected = expected_version(if_match) if if_match is not None else None
    commands.check_provider(given.issuer)
    secret, sealed = given.client_secret, None
    if secret is not None:
        key = data_key(caller.workspace_id)
        sealed = key.seal(secret.get_secret_value(), column=SEALED_FOR)
    with transaction_of(caller) as tx:
        stored = commands.configure(tx, given, sealed, expected=expected, told=if_match is not None)
    return _shown(stored, response)


@app.delete("/api/v1/sso", status_code=204, openapi_extra=_SETTINGS)
async def remove_sso(caller: CurrentCaller, tx: Transaction, if_match: IfMatch = None) -> None:
    """Have no single sign-on any more. Its sessions end at their next refresh."""
    caller.require_person()
    commands.remove(tx, expected=expected_version(if_match) if if_match else None)


def _shown(stored: StoredSso, response: Response) -> Sso:
    set_etag(response, stored.version)
    return Sso(**stored.model_dump(), redirect_uri=redirect_uri())


handler = http_handler(app)
