"""The catalogue knows events whose modules nobody has imported."""

import subprocess
import sys


def test_every_module_of_events_is_known() -> None:
    program = "from events.catalogue import all_events; print(*sorted(all_events()))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    names = done.stdout.split()
    assert {"ContactCreated", "EmailReceived", "WorkspaceCreated"} <= set(names)
    assert all(name[0].isupper() for name in names)
