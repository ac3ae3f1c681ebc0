"""Starts ministack as a place to deploy to: `python -I ministack_start.py <Python of functions>`.

It is run by ministack's own Python, which has none of our packages, and does two things more than
`python -m ministack`:

- Functions run in the Python that is given: ministack takes what `sys.executable` says.
- Every request counts as made over TLS, as every one is on AWS: what we deploy denies all others.
  ministack goes by the header that whoever ends TLS in front of it would set.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Port = Callable[..., Awaitable[Any]]
Served = Callable[[Scope, Port, Port], Awaitable[None]]


def over_tls(served: Served) -> Served:
    """The same app, told that its requests came over TLS."""

    async def app(scope: Scope, receive: Port, send: Port) -> None:
        if scope["type"] == "http":
            headers = [*scope["headers"], (b"x-forwarded-proto", b"https")]
            scope = {**scope, "headers": headers}
        await served(scope, receive, send)

    return app


def main() -> None:
    """Serve until stopped."""
    sys.executable = sys.argv.pop(1)
    ministack: Any = importlib.import_module("ministack.app")
    ministack.app = over_tls(ministack.app)
    ministack.main()


if __name__ == "__main__":
    main()
