"""A mail server on this machine, and the queue of mails with its consumer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from functions.auth.consumers import mails as consumers
from functions.auth.jobs import mails as jobs
from functions.email.tests.conftest import Queue
from shared.testing import LambdaContext


@dataclass(frozen=True)
class Received:
    """A mail, and whom it went to."""

    to: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part
        return part.get_content()

    @property
    def token(self) -> str:
        """The token of its link."""
        found = re.findall(r"#token=([\w-]+)\s", self.text)
        assert len(found) == 1, self.text
        return found[0]


@dataclass
class MailServer:
    """Takes every mail, but answers `refusals` first: to `RCPT` or to `DATA`, in turn. `before` is
    called when it has a mail and has not said so yet.
    """

    received: list[Received] = field(default_factory=list[Received])
    refusals: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    before: Callable[[], object] = lambda: None

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self.refusals and self.refusals[0][0] == "RCPT":
            return self.refusals.pop(0)[1]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.refusals and self.refusals[0][0] == "DATA":
            return self.refusals.pop(0)[1]
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.received.append(Received(tuple(envelope.rcpt_tos), message))
        self.before()
        return "250 OK"


def serve(server: MailServer, port: int, **options: Any) -> Controller:
    """Start it on a thread; to be stopped."""
    controller = Controller(server, hostname="127.0.0.1", port=port, **options)
    controller.start()
    return controller


@dataclass(frozen=True)
class Postman:
    """The queue `auth-mail`, what takes mails from it, and the server that they go to."""

    server: MailServer
    queue: Queue
    as_role: Callable[[str], None]

    def deliver(self, *bodies: str) -> list[str]:
        """Give messages to the consumer, those that are queued if none are named; those that
        failed.
        """
        messages = bodies or self.queue.take()
        self.as_role("crm_auth")
        records = [_record(n, body) for n, body in enumerate(messages)]
        handle: Callable[..., Any] = consumers.handler
        answer = handle({"Records": records}, LambdaContext())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def mails(self, to: str) -> list[Received]:
        """Deliver what is queued; all mails to an address since."""
        assert self.deliver() == []
        return [one for one in self.server.received if one.to == (to,)]

    def token(self, to: str) -> str:
        """Deliver what is queued; the token of the last link to an address."""
        return self.mails(to)[-1].token

    def job(self, name: str) -> None:
        """Run a job."""
        self.as_role("crm_auth")
        handle: Callable[..., Any] = jobs.handler
        handle({"detail": {"job": name}}, LambdaContext())


def _record(number: int, body: str) -> dict[str, Any]:
    assert set(json.loads(body)) == {"mail_id"}, "nothing about anybody is in a message"
    return {
        "messageId": str(number),
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }
