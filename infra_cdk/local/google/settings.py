"""What the launcher, the proxy and their users agree on."""

import hashlib
from dataclasses import dataclass

# The emulator answers 403 after 5,000 requests an hour *per token*, and that is built in. So each
# mailbox has many tokens there, used in turn: 320,000 requests an hour.
UPSTREAM_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where notifications go and what their token claims."""

    endpoint: str
    audience: str
    service_account: str
    name: str


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """An application registered with Google."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    name: str = "hasteCRM"


def access_token(address: str) -> str:
    """The fixed token of a laptop's mailbox, for tools that have not been through consent."""
    digest = hashlib.sha256(f"hastecrm laptop mailbox {address.lower()}".encode()).hexdigest()
    return f"laptop.{digest[:40]}"
