"""What the environment says, read at first use, never at import.

Each name here is an environment variable `HASTE_<NAME>`; a function sees only what its declaration
asks for (`needs`, `sends`, `secrets`, `env`), so a missing one is a wrong declaration.
"""

import os


class MissingSetting(RuntimeError):
    """A setting the function reads is not in its environment."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not set: declare it in the function's capability.py")


def setting(name: str, default: str | None = None) -> str:
    """The value of `HASTE_<name>`.

    Raises:
        MissingSetting: it is not set and there is no default.
    """
    value = os.environ.get(f"HASTE_{name}", default)
    if value is None:
        raise MissingSetting(f"HASTE_{name}")
    return value


def queue_url(queue: str) -> str:
    """The URL of a queue this function declares in `sends`."""
    return setting(f"QUEUE_{in_capitals(queue)}")


def secret_id(secret: str) -> str:
    """The Secrets Manager id of a secret this function declares in `secrets`."""
    return setting(f"SECRET_{in_capitals(secret)}")


def in_capitals(name: str) -> str:
    """A name as a variable has it: `email-sync` is `EMAIL_SYNC`."""
    return name.upper().replace("-", "_")
