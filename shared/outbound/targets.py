"""Which addresses may be called: whoever gives us a URL must not reach our own network with it.

Two checks, and both must hold. The URL's, when it is given: https, a host name and no address in
any spelling, no user and password, a known port. And the addresses', at every attempt: all that the
name resolves to are public ones, and the connection is made to an address that was checked
(`requests`), so that a name which changes its mind in between gains nothing.

A laptop has receivers and identity providers on the loopback: `WEBHOOK_ALLOW` names hosts and
networks that are let through, with any port and without TLS. On AWS there is no such setting.
`WEBHOOK_PORTS` lists the ports, 443 alone where it is not set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, quote, urlsplit

import idna

from shared.errors import FieldError, Unprocessable
from shared.settings import setting

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MOST_CHARACTERS = 2048
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_STANDARD_PORTS = {"https": 443, "http": 80}
_UNICAST6 = IPv6Network("2000::/3")
"""All of IPv6 that is given out. Not in it: mapped IPv4, NAT64, local, link-local, multicast."""
_SPECIAL = tuple(
    ip_network(one)
    for one in (
        "192.0.0.0/24",  # of protocols
        "192.88.99.0/24",  # a 6to4 relay
        "2001::/23",  # Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: holds an IPv4 address
        "3fff::/20",  # documentation
    )
)
"""What `is_global` lacks of the registries, in one Python version or another.
https://www.iana.org/assignments/iana-ipv6-special-registry
"""


class InvalidUrl(Unprocessable):
    """Only https URLs with a public host name are called; see `errors`."""


@dataclass(frozen=True)
class Rules:
    """What this deployment lets through."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({443})


@dataclass(frozen=True)
class Target:
    """A URL that may be called, in its parts: nobody parses it a second time."""

    scheme: str
    host: str
    port: int
    path: str

    @cached_property
    def authority(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _STANDARD_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def rules() -> Rules:
    """The rules of this deployment, from its settings."""
    hosts: set[str] = set()
    networks: list[Network] = []
    for one in filter(None, setting("WEBHOOK_ALLOW", "").split(",")):
        try:
            networks.append(ip_network(one.strip()))
        except ValueError:
            hosts.add(one.strip().lower())
    ports = {int(one) for one in setting("WEBHOOK_PORTS", "443").split(",")}
    return Rules(frozenset(hosts), tuple(networks), frozenset(ports))


def checked(url: str, given: Rules, *, at: str = "/url") -> Target:
    """The target that a URL names. `at` is where it was given, as a JSON pointer.

    Raises:
        InvalidUrl: nothing may be sent there.
    """
    try:
        return _target(url, given)
    except _Wrong as wrong:
        raise InvalidUrl(errors=(FieldError(at, str(wrong), "invalid_url"),)) from wrong


class _Wrong(ValueError):
    """The message says why a URL may not be called."""


def _target(url: str, given: Rules) -> Target:
    if len(url) > _MOST_CHARACTERS or re.search(r"[\s\\\x00-\x20\x7f]", url):
        raise _Wrong("at most 2048 characters, without white space and backslashes")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _Wrong("not a URL") from error
    if "@" in parts.netloc or parts.fragment:
        raise _Wrong("no user, no password and no fragment")
    host = _host(parts.hostname or "")
    allowed = _is_allowed(host, given)
    if parts.scheme != "https" and not (allowed and parts.scheme == "http"):
        raise _Wrong("expected https://")
    if not allowed:
        _check_name(host)
    port = _STANDARD_PORTS[parts.scheme] if port is None else port
    if not allowed and port not in given.ports:
        raise _Wrong(f"expected port {' or '.join(map(str, sorted(given.ports)))}")
    return Target(parts.scheme, host, port, _path(parts))


def is_public(text: str, given: Rules) -> bool:
    """Whether an address may be connected to."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if any(address in network for network in given.networks):
        return True
    if isinstance(address, IPv6Address) and address not in _UNICAST6:
        return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _host(text: str) -> str:
    """The host in the form it is looked up in."""
    try:
        return str(ip_address(text))
    except ValueError:
        pass
    try:
        name = text if text.isascii() else idna.encode(text, uts46=True).decode()
    except idna.IDNAError as error:
        raise _Wrong("not a host name") from error
    return name.lower().removesuffix(".")


def _is_allowed(host: str, given: Rules) -> bool:
    if host in given.hosts:
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in given.networks)


def _check_name(host: str) -> None:
    """A name, of the kind that the public DNS has.

    What ends in a number is an address to somebody: `2130706433`, `127.1`, `0x7f.0.0.1`.
    https://url.spec.whatwg.org/#ends-in-a-number-checker
    """
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _Wrong("expected a host name such as www.example.com, and no address")
    if len(labels) < 2 or not labels[-1][0].isalpha():
        raise _Wrong("expected a public host name such as www.example.com, and no address")


def _path(parts: SplitResult) -> str:
    """Path and query, percent-encoded where a request line cannot hold them as they are."""
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=-._~")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=-._~?")
    return f"{path}?{query}" if query else path
