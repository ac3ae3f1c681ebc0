"""URLs made ready to connect to: tokens where there is no password, files where there is a word."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import certifi
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from shared import aws
from shared.db.address import ROOTS, resolved, signed_in_as
from shared.db.connection import connect
from shared.testing import Database

_AURORA = "postgresql://crm_migrator@haste.cluster-c1.eu-central-1.rds.amazonaws.com:5432/haste"
_TLS = "?sslmode=verify-full&sslrootcert="


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fixed, and so is the time: every token for one address is the same one."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "se/cr+et=")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now)
    aws.forget_clients()
    yield
    aws.forget_clients()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://crm_app:p%40ss@127.0.0.1:5433/haste",
        "postgresql://crm_app:pw@localhost/haste?sslmode=require&sslrootcert=/etc/a%20b.pem",
        "postgresql://localhost/haste",
        "postgresql:///haste?host=/run/postgresql",
    ],
)
def test_a_url_that_says_everything_or_names_nobody_stays_as_it_is(url: str) -> None:
    assert resolved(url) == url


@pytest.mark.parametrize("roots", ["public", "rds"])
def test_what_libpq_and_yoyo_read(roots: str) -> None:
    url = resolved(_AURORA + _TLS + roots)
    host = "haste.cluster-c1.eu-central-1.rds.amazonaws.com"
    token = aws.database_token(host, 5432, "crm_migrator")
    assert token.startswith(f"{host}:5432/?Action=connect&DBUser=crm_migrator&")
    libpq = conninfo_to_dict(url)
    assert libpq == {
        "user": "crm_migrator",
        "password": token,
        "host": host,
        "port": "5432",
        "dbname": "haste",
        "sslmode": "verify-full",
        "sslrootcert": str(ROOTS[roots]),
    }
    yoyo: Any = import_module("yoyo.connections").parse_uri(url)  # it has no types
    assert (yoyo.username, yoyo.password, yoyo.hostname) == ("crm_migrator", token, host)
    assert yoyo.args == {"sslmode": "verify-full", "sslrootcert": str(ROOTS[roots])}


def test_the_token_is_for_the_host_the_port_and_the_user() -> None:
    odd = "postgresql://odd%20name%40x@localhost:5433/haste?connect_timeout=3"
    read = conninfo_to_dict(resolved(odd))
    assert (read["user"], read["connect_timeout"]) == ("odd name@x", "3")
    assert read["password"] == aws.database_token("localhost", 5433, "odd name@x")
    read = conninfo_to_dict(resolved("postgresql://crm_app@localhost/haste"))
    assert read["password"] == aws.database_token("localhost", 5432, "crm_app")


@pytest.mark.parametrize("password", ["", "p:a/s?s#w@r d&é%"])
def test_another_user_signs_in_at_the_same_place(password: str) -> None:
    read = conninfo_to_dict(
        signed_in_as("postgresql://a:b@[::1]:5433/haste?sslmode=require", "the admin", password)
    )
    assert read == {
        "user": "the admin",
        **({"password": password} if password else {}),
        "host": "::1",
        "port": "5433",
        "dbname": "haste",
        "sslmode": "require",
    }


def test_a_connection_signs_in_with_the_token(database: Database) -> None:
    role = f"iam_{uuid4().hex[:8]}"
    url = signed_in_as(database.url("crm_app"), role)
    port = urlsplit(url).port
    assert port
    _log_in_role(database, role, aws.database_token("127.0.0.1", port, role))
    with connect(url) as connection:
        assert connection.execute("select current_user").fetchone() == (role,)
    _log_in_role(database, role, "another")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(url)


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[tuple[int, Path, list[bytes]]]:
    """A server with a certificate nobody vouches for, which takes one client: its port, the
    certificate, and what it was told once the client trusted it.
    """
    certificate, told = _self_signed(tmp_path), list[bytes]()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve() -> None:
        with server.accept()[0] as plain, suppress(ssl.SSLError, ConnectionError):
            plain.recv(8)  # SSLRequest; "S" is yes
            plain.sendall(b"S")
            with context.wrap_socket(plain, server_side=True) as secure:
                told.append(secure.recv(4096))

    with socket.create_server(("127.0.0.1", 0)) as server:
        serving = threading.Thread(target=serve)
        serving.start()
        yield server.getsockname()[1], certificate, told
        serving.join()


def _self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Amazon RDS eu-central-1 Root CA")])
    started = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(started)
        .not_valid_after(started + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    both = certificate.public_bytes(Encoding.PEM) + key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    path = folder / "certificate.pem"
    path.write_bytes(both)
    return path


@pytest.mark.parametrize("roots", ["public", "rds"])
def test_a_server_that_nobody_vouches_for_is_told_nothing(
    stranger: tuple[int, Path, list[bytes]], roots: str
) -> None:
    port, _, told = stranger
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        connect(f"postgresql://crm_app@localhost:{port}/haste{_TLS}{roots}")
    assert told == []


def test_a_server_whose_authority_is_trusted_is_told_who_comes(
    stranger: tuple[int, Path, list[bytes]],
) -> None:
    """The control of the test above, with a file of one's own."""
    port, certificate, told = stranger
    with pytest.raises(psycopg.OperationalError, match=r"unexpected eof|closed the connection"):
        connect(f"postgresql://crm_app@localhost:{port}/haste{_TLS}{certificate}")
    assert b"user\0crm_app\0database\0haste" in told[0]


def _log_in_role(database: Database, role: str, password: str) -> None:
    with psycopg.connect(database.server.url(database=database.name), autocommit=True) as admin:
        known = admin.execute("select from pg_roles where rolname = %s", [role]).fetchone()
        verb = sql.SQL("create" if known is None else "alter")
        statement = sql.SQL("{} role {} login password {}")
        admin.execute(statement.format(verb, sql.Identifier(role), sql.Literal(password)))
        grant = sql.SQL("grant connect on database {} to {}")
        admin.execute(grant.format(sql.Identifier(database.name), sql.Identifier(role)))


def _certificates(roots: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(ROOTS[roots].read_bytes())


def _name(certificate: x509.Certificate) -> str:
    [name] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


@pytest.mark.parametrize("roots", ["public", "rds"])
def test_only_authorities_are_trusted(roots: str) -> None:
    certificates = _certificates(roots)
    for certificate in certificates:
        certificate.verify_directly_issued_by(certificate)  # or it raises
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.value.ca
    assert len({_name(certificate) for certificate in certificates}) == len(certificates)


def test_the_roots_of_rds_are_those_of_its_regions() -> None:
    kinds: dict[str, set[str]] = {}
    for certificate in _certificates("rds"):
        named = re.fullmatch(r"Amazon RDS ([a-z]+-[a-z]+-\d) Root CA (\w+) G1", _name(certificate))
        assert named, _name(certificate)
        kinds.setdefault(named[1], set()).add(named[2])
        assert certificate.not_valid_after_utc.year >= 2061
    assert kinds.keys() >= {"us-east-1", "us-west-2", "eu-central-1", "eu-west-1", "ap-northeast-1"}
    assert {frozenset(found) for found in kinds.values()} == {
        frozenset({"RSA2048", "RSA4096", "ECC384"})
    }


def test_the_public_roots_are_amazons_and_mozilla_trusts_them() -> None:
    one = re.compile(rb"-----BEGIN.*?END CERTIFICATE-----", re.DOTALL)
    mozilla = set(one.findall(Path(certifi.where()).read_bytes()))
    ours = one.findall(ROOTS["public"].read_bytes())
    assert len(ours) == 4
    assert set(ours) <= mozilla
    soonest = min(certificate.not_valid_after_utc for certificate in _certificates("public"))
    assert soonest.year >= 2038
