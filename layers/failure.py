"""What the builder says when it cannot build."""

from __future__ import annotations


class CannotBuild(Exception):
    """A person can put it right; the message says how."""
