"""Postgres: one connection, transactions under row-level security, migrations."""

from shared.db.refusals import refusal
from shared.db.tx import Tx, resolve, system_transaction, transaction

__all__ = ["Tx", "refusal", "resolve", "system_transaction", "transaction"]
