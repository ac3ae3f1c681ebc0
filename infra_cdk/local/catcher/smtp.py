"""The SMTP side: every sender, recipient and password is good; TLS is not offered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from infra_cdk.local.catcher.mails import MOST_BYTES, Mails


class _Keep:
    """What aiosmtpd calls when a mail is complete."""

    def __init__(self, mails: Mails) -> None:
        self._mails = mails

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        raw = envelope.content
        assert isinstance(raw, bytes)
        caught = self._mails.add(envelope.mail_from or "", envelope.rcpt_tos, raw)
        return f"250 2.0.0 kept as {caught.id}"


def _anybody(*_: Any) -> AuthResult:
    return AuthResult(success=True)


@asynccontextmanager
async def listening(mails: Mails, port: int) -> AsyncIterator[None]:
    """Take mails on 127.0.0.1 while inside."""
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        return SMTP(
            _Keep(mails),
            hostname="localhost",
            ident="hasteCRM catcher",
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            auth_require_tls=False,
            authenticator=_anybody,
            loop=loop,
        )

    server = await loop.create_server(connection, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
