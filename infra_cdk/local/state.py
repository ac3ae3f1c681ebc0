"""The data folder of a laptop: where everything that runs here keeps its files.

`.haste/` in the checkout, unless `HASTE_HOME` names another folder. Deleting it starts afresh.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import random
import secrets as random_source
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

# Below Linux's ephemeral range (32768 and up), so that no outgoing connection takes a service's
# port as its source port while the service is being restarted.
_PORTS = range(20_000, 32_000)
PORTS = "HASTE_PORTS"
"""The setting that narrows it, `20000-23999`: a port is found some time before it is used, so those
who start services side by side had better look in different places.
"""


@dataclass(frozen=True)
class State:
    """The folders under `root`. `shared_tools` lets many roots use one set of installed tools."""

    root: Path
    shared_tools: Path | None = None

    @property
    def data(self) -> Path:
        return self._folder("data", 0o711)

    @property
    def logs(self) -> Path:
        return self._folder("logs")

    @property
    def run(self) -> Path:
        """Pid files, the supervisor's lock and `state.json`: true only while something runs."""
        return self._folder("run")

    @property
    def tools(self) -> Path:
        """Programs installed from pinned lists; safe to delete, they are installed again."""
        if self.shared_tools is None:
            return self._folder("tools")
        self.shared_tools.mkdir(parents=True, exist_ok=True)
        return self.shared_tools

    @property
    def secrets(self) -> Path:
        """Generated passwords, readable by the owner alone."""
        return self.root / "secrets.json"

    @property
    def digest(self) -> str:
        """Twelve characters that stand for this root where a path would be too long."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:12]

    def _folder(self, name: str, mode: int = 0o700) -> Path:
        """Made if missing, for the owner alone; others may at most pass through, as Postgres has
        to when root runs it as somebody else."""
        self.root.mkdir(mode=0o711, parents=True, exist_ok=True)
        folder = self.root / name
        folder.mkdir(mode=mode, exist_ok=True)
        return folder


def open_state(home: Path | None = None) -> State:
    """The state at `home`, else at `HASTE_HOME`, else `.haste/` in the checkout.

    `HASTE_TOOLS` moves the tools folder alone.
    """
    root = home or Path(os.environ.get("HASTE_HOME") or CHECKOUT / ".haste")
    tools = os.environ.get("HASTE_TOOLS")
    return State(root.resolve(), Path(tools).resolve() if tools else None)


def free_port(wanted: int | None = None) -> int:
    """`wanted`, or any TCP port, on which nothing listens at 127.0.0.1 now.

    Raises RuntimeError when `wanted` is taken.
    """
    first, _, last = os.environ.get(PORTS, "").partition("-")
    ports = range(int(first), int(last) + 1) if last else _PORTS
    candidates = random.sample(ports, min(500, len(ports))) if wanted is None else [wanted]
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    which = f"port {wanted}" if wanted else f"every port tried from {ports.start} up"
    raise RuntimeError(f"{which} is in use by another program; end it and start again")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file `path` (made if missing); waits for other holders.

    The kernel drops it when the holder dies, so a crash never leaves it behind.
    """
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def secret(state: State, name: str) -> str:
    """The generated secret called `name`: made at first use, the same ever after."""
    with locked(state.run / "secrets.lock"):
        known: dict[str, str] = (
            json.loads(state.secrets.read_text()) if state.secrets.exists() else {}
        )
        if name not in known:
            known[name] = random_source.token_urlsafe(24)
            write_atomically(state.secrets, json.dumps(known, indent=2) + "\n")
        return known[name]


def write_atomically(path: Path, text: str) -> None:
    """Replace `path` in one step (mode 0600): a crash leaves the old text or the new."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(temporary).replace(path)


def package_folder(name: str) -> Path:
    """Where the installed package `name` lies; it is not imported."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the package {name} is not installed; run `uv sync`")
    return Path(spec.origin).parent


def install_once(target: Path, build: Callable[[Path], None]) -> Path:
    """Let `build(folder)` fill `target`, unless an earlier run did; returns `target`.

    `target` appears only when complete: a crash leaves a `.partial` folder, thrown away next time.
    One process builds, the others wait for it.
    """
    if target.exists():
        return target
    partial = target.with_name(f"{target.name}.partial")
    with locked(target.with_name(f"{target.name}.lock")):
        if not target.exists():
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            build(partial)
            partial.replace(target)
    return target
