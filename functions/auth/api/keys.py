"""The public keys of access tokens, for whoever verifies them besides us."""

from typing import Any

from fastapi import Response

from functions.auth.keys import KEYS_SHARED_S, Jwk, public_keys
from shared.http import ANYBODY, create_router, needs
from shared.secrets import secret

routes = create_router()


@routes.get("/api/v1/auth/jwks.json", openapi_extra=needs(ANYBODY))
async def json_web_keys(response: Response) -> dict[str, list[Jwk]]:
    """The keys as a JSON Web Key Set (RFC 7517 §5). A new one is here a day before it signs."""
    response.headers["Cache-Control"] = f"public, max-age={KEYS_SHARED_S}"
    known: Any = secret("auth-public-keys", max_age_s=KEYS_SHARED_S)
    return public_keys(known)
