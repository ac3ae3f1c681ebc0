"""Where the database is and how one signs in: the URL of the environment, made ready to connect to.

What the URL leaves open is filled in, for each connection anew:

- A user without a password signs in by IAM, with a token that counts for 15 minutes.
- `sslrootcert` may be a word instead of a file: `public` are the roots that RDS Proxy's certificate
  comes from, `rds` those of Aurora itself. libpq would else look in the home folder, or trust
  every authority the machine knows, wherever its build of OpenSSL thinks they are.
  https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.SSL.html

A URL with a password and no such word is used as it is.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from shared import aws

ROOTS = {name: Path(__file__).with_name(f"{name}-ca.pem") for name in ("public", "rds")}
_PORT = 5432


def resolved(url: str) -> str:
    """The URL with everything a connection needs, to be used at once.

    Raises:
        RuntimeError: it names no password, and there are no AWS credentials.
    """
    parts = urlsplit(url)
    if parts.username and not parts.password:
        user = unquote(parts.username)
        token = aws.database_token(parts.hostname or "", parts.port or _PORT, user)
        url = signed_in_as(url, user, token)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if roots := ROOTS.get(options.get("sslrootcert", "")):
        query = urlencode({**options, "sslrootcert": str(roots)}, quote_via=quote)
        url = urlunsplit(urlsplit(url)._replace(query=query))
    return url


def signed_in_as(url: str, user: str, password: str = "") -> str:
    """The same database as `user`; without a password, by IAM."""
    parts = urlsplit(url)
    secret = f":{quote(password, safe='')}" if password else ""
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}{secret}@{host}"))
