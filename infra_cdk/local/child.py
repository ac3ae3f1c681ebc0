"""The first instructions of every process the laptop starts: drop rights, die with the parent.

Run as `python -I -S child.py <parent pid> <user or ""> <program> <argument>...`, and replaced by
that program. It is a program of its own, because `subprocess`' `preexec_fn` may deadlock in a
process with threads, and warns about it since Python 3.12.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(parent: int, user: str, argv: list[str]) -> None:
    """Become `argv`. Exits instead if the parent is already gone."""
    # Loaded before the change of user, who may not be allowed to read Python's library.
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if user:
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if libc is not None:  # after the change of user, which would clear it: prctl(2)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the request reached the kernel
        raise SystemExit(f"not starting {argv[0]}: the process that wanted it has ended")
    try:
        os.execvp(argv[0], argv)  # noqa: S606 -- becoming that program is the purpose
    except OSError as error:
        raise SystemExit(f"cannot start {argv[0]}: {error.strerror}") from error


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
