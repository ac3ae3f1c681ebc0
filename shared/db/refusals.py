"""Telling what the database refuses from what fails for another reason."""

import psycopg
from psycopg.errors import InsufficientPrivilege

_REFUSED = ("22", "23", "54")
"""SQLSTATE classes: data exception, integrity violation, program limit exceeded.
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""


Denied = InsufficientPrivilege
"""What Postgres raises where a policy or a missing grant forbids a statement."""


def refusal(error: Exception) -> str | None:
    """The SQLSTATE where Postgres refused the data itself, so that it will do so again; else None
    (the connection broke, a deadlock, a bug), and trying again may help.
    """
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    return state if state and state.startswith(_REFUSED) else None


def is_policy(error: Exception) -> bool:
    """Whether a policy of row-level security refused a row, as the caller may not write it. A
    missing grant, which has the same SQLSTATE, is a bug of ours.
    """
    return isinstance(error, Denied) and "row-level security" in str(error)
