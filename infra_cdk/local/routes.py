"""Which function answers a URL: the declared prefixes, matched by whole path segments.

A prefix `/api/v1/contacts` stands for two API Gateway resources: itself, and
`/api/v1/contacts/{proxy+}` for everything below; and for the same two below `/api/latest`. The
longest prefix wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from shared.wiring import Declared

Segments = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """A declared prefix and the function behind it."""

    prefix: str
    public: bool
    declared: Declared


@dataclass(frozen=True, slots=True)
class Match:
    """A URL's route, its API Gateway resource, and what `{proxy+}` stood for, if anything."""

    route: Route
    resource: str
    proxy: str | None


@dataclass(frozen=True, slots=True)
class Routes:
    """All routes, by the segments of their prefix."""

    by_prefix: dict[Segments, Route]

    def match(self, path: str) -> Match | None:
        """The route of a request path, which is percent-encoded as the client sent it.

        Segments are compared decoded: `/%61pi` is `/api` to whoever decodes it later, so it must
        not reach a function by a shorter, public prefix. `..` is a segment like any other.
        """
        encoded = path.split("/")[1:]
        decoded = tuple(unquote(segment) for segment in encoded)
        for length in range(len(decoded), -1, -1):
            route = self.by_prefix.get(decoded[:length])
            if route is not None:
                return _match(route, encoded[length:])
        return None


def routes_of(declared: Iterable[Declared]) -> Routes:
    """The routes of all declared functions.

    Raises:
        ValueError: a prefix is not absolute, ends in a slash, or is declared twice.
    """
    found: dict[Segments, Route] = {}
    for one in declared:
        for http in one.function.http:
            if not http.prefix.startswith("/") or (http.prefix != "/" and http.prefix[-1] == "/"):
                raise ValueError(f"{one.name}: write the prefix {http.prefix!r} as /a/b")
            for prefix in http.prefixes:
                segments = tuple(part for part in prefix.split("/") if part)
                if segments in found:
                    other = found[segments].declared.name
                    raise ValueError(f"{prefix} is declared by {other} and by {one.name}")
                found[segments] = Route(prefix, http.public, one)
    return Routes(found)


def _match(route: Route, rest: list[str]) -> Match:
    proxy = "/".join(rest)
    if not proxy:  # the prefix itself, with or without a slash at its end
        return Match(route, route.prefix, None)
    return Match(route, f"{route.prefix.rstrip('/')}/{{proxy+}}", proxy)
