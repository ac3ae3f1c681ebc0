"""What a command says when it cannot do what was asked."""

from __future__ import annotations


class CannotDo(Exception):
    """A person can put it right; the message says how."""
