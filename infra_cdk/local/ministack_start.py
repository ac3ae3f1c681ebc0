"""Starts ministack as a place to deploy to: `python -I ministack_start.py <Python of functions>`.

It is run by ministack's own Python, which has none of our packages, and does three things more than
`python -m ministack`:

- Functions run in the Python that is given: ministack takes what `sys.executable` says.
- An archive is unpacked once, for all that run what is in it: ministack unpacks a function's code
  and layers, 80 MB, for each process that it starts.
- Every request counts as made over TLS, as every one is on AWS: what we deploy denies all others.
  ministack goes by the header that whoever ends TLS in front of it would set.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
import tempfile
import threading
import types
import zipfile
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, cast

Scope = MutableMapping[str, Any]
Port = Callable[..., Awaitable[Any]]
Served = Callable[[Scope, Port, Port], Awaitable[None]]


class UnpackedOnce(zipfile.ZipFile):
    """An archive whose content is one folder, linked to from wherever it is to be unpacked. It can
    only be read from there, as on Lambda.
    """

    _one_at_a_time = threading.Lock()

    def namelist(self) -> list[str]:
        """Nothing: ministack asks in order to look up each file's real path, which takes longer
        than unpacking; `zipfile` itself lets no file out of its folder.
        """
        return []

    def extractall(self, path: Any = None, *_: Any, **__: Any) -> None:
        """Replace the empty folder `path` by a link to the content."""
        archive, folder = Path(cast(str, self.filename)), Path(path)
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        content = Path(tempfile.gettempdir()) / f"unpacked-{digest}"
        with self._one_at_a_time:
            if not content.exists():
                partial = content.with_suffix(".partial")
                super().extractall(partial, super().namelist())
                partial.rename(content)
        folder.rmdir()
        folder.symlink_to(content)


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
    runtime: Any = importlib.import_module("ministack.core.lambda_runtime")
    runtime.zipfile = types.SimpleNamespace(**vars(zipfile) | {"ZipFile": UnpackedOnce})
    ministack.main()


if __name__ == "__main__":
    main()
