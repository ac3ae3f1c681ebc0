"""Postgres: one connection, transactions under row-level security, migrations."""

from shared.db.tx import Tx, resolve, transaction

__all__ = ["Tx", "resolve", "transaction"]
