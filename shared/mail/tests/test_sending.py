"""Sending by SMTP, to a real server on this machine: encrypted, signed in, and nothing smuggled."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from infra_cdk.local.state import free_port
from shared.aws import client
from shared.mail import parse
from shared.mail.sending import NotSent, OutgoingMail, send

REMOTE = "127.1"
"""Another spelling of 127.0.0.1, so that it does not look like this machine."""


@dataclass
class Server:
    """What it received, under which user, encrypted or not; `says` is its answer to data."""

    says: str = "250 OK"
    mails: list[bytes] = field(default_factory=list[bytes])
    recipients: list[str] = field(default_factory=list[str])
    users: list[str] = field(default_factory=list[str])
    encrypted: list[bool] = field(default_factory=list[bool])

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        self.recipients += envelope.rcpt_tos
        assert server.transport
        encrypted = server.transport.get_extra_info("ssl_object")
        self.encrypted.append(encrypted is not None)
        return self.says

    def authenticate(self, *asked: Any) -> AuthResult:
        given = asked[-1]
        assert isinstance(given, LoginPassword)
        self.users.append(given.login.decode())
        return AuthResult(success=given.password == b"pass word", handled=False)


Serve = Callable[..., Server]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for both spellings of this machine's address, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(REMOTE), x509.IPAddress(ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "mail.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def serve(aws: None, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts a server of a kind, and lets settings and secret name it."""
    running: list[Controller] = []

    def start(
        url: str = "smtp://127.0.0.1",
        *,
        tls: str = "",
        trusted: bool = True,
        secret: dict[str, str] | None = None,
        **options: Any,
    ) -> Server:
        server, port, identifier = Server(), free_port(), f"smtp-{uuid4()}"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        kinds: dict[str, dict[str, Any]] = {
            "": {},
            "at once": {"ssl_context": context, "auth_require_tls": False},
            "later": {"tls_context": context},
        }
        controller = Controller(
            server, "127.0.0.1", port, authenticator=server.authenticate, **kinds[tls], **options
        )
        controller.start()
        running.append(controller)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate) if trusted else "/dev/null")
        monkeypatch.setenv("HASTE_SMTP_URL", f"{url}:{port}")
        monkeypatch.setenv("HASTE_MAIL_FROM", "hasteCRM <no-reply@haste.example>")
        monkeypatch.setenv("HASTE_SECRET_SMTP", identifier)
        client("secretsmanager").create_secret(
            Name=identifier, SecretString=json.dumps(secret or {})
        )
        return server

    yield start
    for controller in running:
        controller.stop()


def mail(**fields: Any) -> OutgoingMail:
    given: dict[str, Any] = {
        "id": uuid4(),
        "to": "ada@example.com",
        "subject": "Grüße",
        "text": "Hallo Welt, ü\n",
        "html": "<p>Hallo Welt, ü</p>\n",
    }
    return OutgoingMail(**given | fields)


def test_a_mail_arrives_as_it_was_meant(serve: Serve) -> None:
    server = serve()
    known = UUID("019a9f00-0000-7000-8000-0000000000a1")
    send(mail(id=known))
    [raw] = server.mails
    assert raw.isascii(), "not every server on the way takes eight bits"
    assert f"Message-ID: <{known}@haste.example>".encode() in raw
    assert b"Auto-Submitted: auto-generated" in raw
    found = parse(raw)
    assert (found.subject, found.text.strip()) == ("Grüße", "Hallo Welt, ü")
    assert found.html
    assert server.recipients == ["ada@example.com"]


def test_the_catchers_kind_of_server_takes_what_we_send_without_a_password(serve: Serve) -> None:
    server = serve(auth_require_tls=False)
    send(mail())
    assert (server.users, server.encrypted) == ([], [False])


@pytest.mark.parametrize(
    ("url", "tls"), [("smtps://127.0.0.1", "at once"), (f"smtp://{REMOTE}", "later")]
)
def test_a_server_elsewhere_is_signed_in_to_encrypted(serve: Serve, url: str, tls: str) -> None:
    server = serve(url, tls=tls, secret={"username": "haste", "password": "pass word"})
    send(mail())
    assert (server.users, server.encrypted) == (["haste"], [True])


def test_a_server_elsewhere_that_does_not_encrypt_gets_nothing(serve: Serve) -> None:
    server = serve(
        f"smtp://{REMOTE}",
        secret={"username": "haste", "password": "pass word"},
        auth_require_tls=False,
    )
    with pytest.raises(NotSent):
        send(mail())
    assert (server.users, server.mails) == ([], [])


@pytest.mark.parametrize(
    ("url", "tls"), [("smtps://127.0.0.1", "at once"), (f"smtp://{REMOTE}", "later")]
)
def test_a_server_that_cannot_prove_who_it_is_gets_nothing(
    serve: Serve, url: str, tls: str
) -> None:
    server = serve(url, tls=tls, trusted=False)
    with pytest.raises(NotSent) as refused:
        send(mail())
    assert not refused.value.for_good
    assert server.mails == []


def test_a_wrong_password_is_no_fault_of_the_mail(serve: Serve) -> None:
    server = serve(
        "smtps://127.0.0.1", tls="at once", secret={"username": "haste", "password": "wrong"}
    )
    with pytest.raises(NotSent, match="SMTPAuthenticationError: 535") as refused:
        send(mail())
    assert not refused.value.for_good
    assert server.mails == []


def test_nobody_there_is_no_fault_of_the_mail(serve: Serve, monkeypatch: Any) -> None:
    serve()
    monkeypatch.setenv("HASTE_SMTP_URL", f"smtp://127.0.0.1:{free_port()}")
    with pytest.raises(NotSent, match="ConnectionRefusedError") as refused:
        send(mail())
    assert not refused.value.for_good


@pytest.mark.parametrize("url", ["", "http://127.0.0.1", "127.0.0.1:25"])
def test_what_is_no_address_of_a_server_sends_nothing(
    serve: Serve, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    monkeypatch.setenv("HASTE_SMTP_URL", url)
    with pytest.raises(NotSent, match="SMTP_URL is not set"):
        send(mail())


def test_a_mail_that_was_taken_is_sent_though_the_connection_ends_badly(serve: Serve) -> None:
    """Else it would be sent twice."""
    server = serve()

    async def hang_up(_server: SMTP, _session: Session, _envelope: Envelope) -> str:
        return "554 5.5.0 goodbye to you too"

    server.handle_QUIT = hang_up  # pyright: ignore[reportAttributeAccessIssue]
    send(mail())
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"to": "ada@example.com\r\nBcc: eve@example.com"},
        {"to": "ada@example.com, eve@example.com"},
        {"to": "ada@example.com,eve@example.com"},
        {"to": "friends: ada@example.com;"},
        {"subject": "Hello\r\nBcc: eve@example.com"},
        {"subject": "Hello\nBcc: eve@example.com"},
    ],
)
def test_nothing_becomes_a_header_or_a_second_recipient(
    serve: Serve, fields: dict[str, str]
) -> None:
    server = serve()
    with pytest.raises(ValueError, match=r"linefeed|one address"):
        send(mail(**fields))
    assert server.mails == []


def test_a_local_part_beyond_ascii_takes_a_server_that_knows_it(serve: Serve) -> None:
    server = serve(enable_SMTPUTF8=True)
    send(mail(to="ä@example.com"))
    assert server.recipients == ["ä@example.com"]
    serve(enable_SMTPUTF8=False)
    with pytest.raises(NotSent) as refused:
        send(mail(to="ä@example.com"))
    assert refused.value.for_good


@pytest.mark.parametrize("address", ["ada@example.com", "ä@example.com"])
def test_what_went_wrong_is_told_without_the_address(serve: Serve, address: str) -> None:
    server = serve(enable_SMTPUTF8=True)
    server.says = f"554 5.1.0 <{address}> is not for you"
    with pytest.raises(NotSent) as refused:
        send(mail(to=address))
    assert address not in str(refused.value)
