"""Telling what the database refuses from what fails for another reason."""

import psycopg

_REFUSED = ("22", "23", "54")
"""SQLSTATE classes: data exception, integrity violation, program limit exceeded.
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""


def refusal(error: Exception) -> str | None:
    """The SQLSTATE where Postgres refused the data itself, so that it will do so again; else None
    (the connection broke, a deadlock, a bug), and trying again may help.
    """
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    return state if state and state.startswith(_REFUSED) else None
