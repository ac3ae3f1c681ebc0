"""Where people sign in elsewhere: a browser, Okta, and a provider that says whatever it likes."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urljoin, urlsplit
from uuid import uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from infra_cdk.local import node
from infra_cdk.local.processes import Process, spawn, stop, wait_until_ready
from infra_cdk.local.state import State, free_port
from shared.testing import Answer, Call

BEGIN = "/api/v1/auth/external"
FINISH = f"{BEGIN}/finish"
CLIENT_ID, CLIENT_SECRET = "crm+client", "s3cret/with:signs"
OKTA_PEOPLE = ("ada", "ben", "cleo", "dan", "eve")


class _Forms(HTMLParser):
    """The forms of a page: where each goes, and what it holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((given.get("action", ""), {}))
        elif tag == "input" and self.found:
            self.found[-1][1][given.get("name", "")] = given.get("value", "")


def consent(url: str, person: str) -> dict[str, str]:
    """What a provider puts on the URL of the callback, once a person has chosen themselves on its
    page, as a browser would: by the form that names them.
    """
    page = httpx.get(url, trust_env=False)
    assert page.status_code == 200, page.text
    users = [one for one in _Forms(page.text).found if one[1]]
    texts = page.text.split("<form")[1:]
    [form] = [one for one, text in zip(users, texts, strict=True) if person in text]
    answer = httpx.post(urljoin(url, form[0]), data=form[1], trust_env=False)
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def asked_by(begun: dict[str, Any]) -> dict[str, str]:
    """What is asked of the provider by the URL that the browser is sent to."""
    url: str = begun["authorization_url"]
    return dict(parse_qsl(urlsplit(url).query))


@dataclass(frozen=True)
class Visitor:
    """Somebody with a browser who signs in by an account elsewhere."""

    call: Call
    handler: Callable[..., Any]

    def begin(self, provider: str = "google", **fields: Any) -> dict[str, Any]:
        """Begin; what there is to go on with."""
        answer = self.post(BEGIN, {"provider": provider, **fields})
        assert answer.status == 200, answer.json
        return answer.json

    def finish(self, begun: dict[str, Any], said: dict[str, str], **fields: Any) -> Answer:
        return self.post(FINISH, {"binding": begun["binding"], **said, **fields})

    def sign_in(self, person: str, provider: str = "google", **fields: Any) -> Answer:
        """The whole way."""
        begun = self.begin(provider, **fields)
        return self.finish(begun, consent(begun["authorization_url"], person))

    def post(self, url: str, body: Any, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call(
            self.handler, "POST", url, body, headers=sent, anonymous=True, role="crm_auth"
        )


@dataclass(frozen=True)
class Okta:
    """The emulator in the part of Okta."""

    url: str
    process: Process

    @property
    def settings(self) -> dict[str, Any]:
        """How a workspace has it as its single sign-on."""
        named = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return named | {"issuer": self.url, "domains": ["corp.example"]}


def start_okta(state: State, redirect_uri: str) -> Okta:
    """Start it, with its people at corp.example."""
    folder, port = state.data / "okta", free_port()
    folder.mkdir(parents=True, exist_ok=True)
    people = [
        {"login": f"{name}@corp.example", "okta_id": f"00u{name}", "first_name": name.title()}
        for name in OKTA_PEOPLE
    ]
    client = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "name": "CRM",
        "redirect_uris": [redirect_uri],
        "auth_server_id": "org",
    }
    config = folder / "seed.json"
    config.write_text(json.dumps({"okta": {"users": people, "oauth_clients": [client]}}))
    url = f"http://127.0.0.1:{port}"
    argv = [
        node.program(),
        node.install(state) / "node_modules" / "emulate" / "dist" / "index.js",
        *("start", "--service", "okta", "--host", "127.0.0.1", "--port", str(port)),
        *("--base-url", url, "--config", str(config)),
    ]
    process = spawn(state, "okta", argv, cwd=folder)
    known = f"{url}/.well-known/openid-configuration"
    wait_until_ready(process, lambda: _answers(known), within_s=120)
    return Okta(url, process)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def stop_okta(okta: Okta) -> None:
    stop(okta.process)


Claims = dict[str, Any]


@dataclass
class Hostile:
    """A provider of ours that says what a test has it say. `claims` and `header` replace those of
    the tokens it signs, None takes one out; `token` replaces a token as a whole, `answers` what is
    at a path: a status and a body, or headers with them.
    """

    port: int = 0
    key: Any = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    algorithm: str = "RS256"
    claims: Claims = field(default_factory=dict[str, Any])
    header: Claims = field(default_factory=dict[str, Any])
    document: Claims = field(default_factory=dict[str, Any])
    token: Callable[[Claims], str] | None = None
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(
        default_factory=dict[str, tuple[int, dict[str, str], bytes]]
    )
    keys: list[Claims] | None = None
    nonce: str = ""
    asked: list[tuple[str, dict[str, str], str]] = field(
        default_factory=list[tuple[str, dict[str, str], str]]
    )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, Any]:
        named = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return named | {"issuer": self.url, "domains": ["corp.example"]}

    def said(self, begun: dict[str, Any]) -> dict[str, str]:
        """What comes back on the callback; from here on tokens have this sign-in's nonce."""
        asked = asked_by(begun)
        self.nonce = asked["nonce"]
        return {"state": asked["state"], "code": "a-code"}

    def usual(self) -> Claims:
        now = int(time.time())
        said = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": "1",
            "email": f"{uuid4()}@corp.example",
            "email_verified": True,
            "name": "Ada Lovelace",
            "hd": "corp.example",
            "nonce": self.nonce,
            "iat": now,
            "exp": now + 300,
        }
        return {name: one for name, one in (said | self.claims).items() if one is not None}

    def jwk(self) -> Claims:
        kind = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
        public: Claims = kind.to_jwk(self.key.public_key(), as_dict=True)
        return public | {"kid": "k1", "use": "sig", "alg": self.algorithm}

    def signed(self) -> str:
        if self.token is not None:
            return self.token(self.usual())
        header = {
            name: one for name, one in ({"kid": "k1"} | self.header).items() if one is not None
        }
        return jwt.encode(self.usual(), self.key, algorithm=self.algorithm, headers=header)

    def elliptic(self) -> None:
        self.key, self.algorithm = ec.generate_private_key(ec.SECP256R1()), "ES256"

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if path in self.answers:
            return self.answers[path]
        body: Any = {"error": "not found"}
        if path == "/.well-known/openid-configuration":
            body = {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize?tenant=1",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
            } | self.document
        elif path == "/keys":
            body = {"keys": [self.jwk()] if self.keys is None else self.keys}
        elif path == "/token":
            body = {"access_token": "a", "token_type": "Bearer", "id_token": self.signed()}
        return 200, {}, json.dumps(body).encode()

    def paths(self) -> list[str]:
        """What it was asked for since the last look."""
        found = [path for path, _, _ in self.asked]
        self.asked.clear()
        return found


def basic_pair(header: str) -> tuple[str, str]:
    """The two parts of HTTP Basic as RFC 6749 §2.3.1 has it."""
    first, _, second = b64decode(header.removeprefix("Basic ")).decode().partition(":")
    return unquote_plus(first), unquote_plus(second)


@contextmanager
def lying() -> Generator[Hostile]:
    """Such a provider, for as long as the block runs."""
    provider = Hostile()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            provider.asked.append((self.path, headers, body))
            status, named, content = provider.answer(self.path)
            self.send_response(status)
            for name, value in {**named, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Tests read `asked`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        provider.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield provider
        server.shutdown()
        thread.join()
