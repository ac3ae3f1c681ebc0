"""The statement of a bulk edit: new values for the records of a page that have others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import LiteralString

from shared.filters.objects import Listing, Tail


def edit_statement(
    which: Listing,
    table: LiteralString,
    values: Mapping[LiteralString, LiteralString],
    returning: LiteralString,
) -> Tail:
    """It, and the parameters of its page: `values` has the expressions of the columns to set, which
    may be of what they were. It returns besides, as `changed`, which columns had another value.

    The rows are locked before the values are reckoned, so that nothing written meanwhile is lost.
    """
    page = which.page()
    differ = " or ".join([f"{name} is distinct from {to}" for name, to in values.items()])
    named = ", ".join(
        [f"case when {name} is distinct from {to} then '{name}' end" for name, to in values.items()]
    )
    sets = ", ".join([f"{name} = {to}" for name, to in values.items()])
    return Tail(
        f"""
        with chosen as materialized (
            select id as chosen_id, array_remove(array[{named}], null) as changed
            from {table}
            where workspace_id = %(workspace_id)s and deleted_at is null and ({differ})
                and {page.sql}
            for no key update
        )
        update {table} edited set {sets}, version = edited.version + 1, updated_at = now()
        from chosen
        where workspace_id = %(workspace_id)s and id = chosen_id
        returning {returning}, changed
        """,  # noqa: S608 -- literals
        page.params,
    )
