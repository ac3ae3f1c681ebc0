"""The way out for mails of the system's own: links, notices, later campaigns.

One adapter, SMTP: Amazon SES and SendGrid speak it as well as anybody's own server, and on a laptop
it ends in the catcher. `SMTP_URL` is `smtps://host:465` (RFC 8314) or `smtp://host:587`, which goes
on only after STARTTLS, unless the host is this machine. The secret `smtp` holds `username` and
`password`, or nothing where none are needed; `MAIL_FROM` is an address, with a name or without.

Whoever sends keeps the books: `send` is for a consumer that has written down what it sends.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from shared.secrets import stored_secret
from shared.settings import setting

_TIMEOUT_S = 10
_POLICY = SMTP.clone(cte_type="7bit")  # not every server on the way takes eight
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """A mail to one address. `id` makes its Message-ID: the same mail sent twice has the same one,
    by which many mailboxes show it once.
    """

    id: UUID
    to: str
    subject: str
    text: str
    html: str


class NotSent(Exception):
    """The mail was not taken. `for_good` where the recipient's server will never take it; all else
    may go better later. Its text names no address and no content.
    """

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        super().__init__(reason)
        self.for_good = for_good


def send(mail: OutgoingMail) -> None:
    """Hand a mail to the server. Returns once that has taken it. Never inside a transaction.

    Raises:
        NotSent: it has not, or nobody knows.
        ValueError: `to` is not one address, or a header would have had a line break in it.
    """
    sender = setting("MAIL_FROM", "")
    message = _message(mail, sender)
    try:
        with _server(urlsplit(setting("SMTP_URL", ""))) as server:
            try:
                server.send_message(message)
            except smtplib.SMTPNotSupportedError:
                reason = "the address is not ASCII, and the server takes no other"
                raise NotSent(reason, for_good=True) from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise NotSent(f"the recipient was refused: {codes}", for_good=min(codes) >= 500) from None
    except smtplib.SMTPResponseException as error:
        raise NotSent(f"{type(error).__name__}: {error.smtp_code}") from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(type(error).__name__) from error


def _message(mail: OutgoingMail, sender: str) -> EmailMessage:
    """As it goes over the wire. The policy refuses line breaks in headers, so that nothing anybody
    typed becomes one; RFC 3834 §5 tells autoresponders to keep still.
    """
    address = parseaddr(sender)[1]
    if "@" not in address:
        raise NotSent("MAIL_FROM is not set")
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = mail.to
    if [one.addr_spec for one in message["To"].addresses] != [mail.to]:
        raise ValueError("a mail goes to one address")
    message["Subject"] = mail.subject
    message["Date"] = datetime.now(UTC)
    message["Message-ID"] = f"<{mail.id}@{address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


@contextmanager
def _server(url: SplitResult) -> Generator[smtplib.SMTP]:
    """A connection that is signed in. What goes wrong at its end goes wrong for nobody: the mail
    was taken by then.
    """
    if not url.hostname or url.scheme not in ("smtp", "smtps"):
        raise NotSent("SMTP_URL is not set")
    trusted = ssl.create_default_context()
    if url.scheme == "smtps":
        server = smtplib.SMTP_SSL(
            url.hostname, url.port or 465, timeout=_TIMEOUT_S, context=trusted
        )
    else:
        server = smtplib.SMTP(url.hostname, url.port or 587, timeout=_TIMEOUT_S)
    try:
        if url.scheme == "smtp" and url.hostname not in _LOOPBACK:
            server.starttls(context=trusted)
        known = stored_secret("smtp")
        if "username" in known:
            server.login(known["username"], known["password"])
        yield server
    finally:
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
        server.close()
