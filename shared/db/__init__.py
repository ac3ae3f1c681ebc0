"""Postgres: one connection, transactions under row-level security, migrations."""

from shared.db.tx import Tx, resolve, system_transaction, transaction

__all__ = ["Tx", "resolve", "system_transaction", "transaction"]
