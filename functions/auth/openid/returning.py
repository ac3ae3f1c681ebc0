"""Where providers send people back to."""

from __future__ import annotations

from shared.settings import setting

_PATH = "/sign-in/callback"


def redirect_uri() -> str:
    """The page of the console that finishes a sign-in; every provider has to know it."""
    return f"{setting('CONSOLE_URL', '').rstrip('/')}{_PATH}"
