"""`haste db`: ask the running stack's database."""

from __future__ import annotations

import psycopg
import typer
from rich.table import Table

from infra_cdk.local.commands.console import console
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.running_stack import find


def database(query: str | None, role: str, workspace: str | None) -> None:
    """Run one statement and show its rows, or without one print the URL for `psql`.

    As `crm_migrator` all workspaces are seen; as another role only `workspace`, as a function that
    works for it would.

    Raises:
        CannotDo: the role or the statement is wrong, or nothing runs.
    """
    urls = find().database_urls
    if role not in urls:
        raise CannotDo(f"there is no role {role}; there are: {', '.join(urls)}.")
    if query is None:
        typer.echo(urls[role])
        return
    try:
        with psycopg.connect(urls[role]) as connection:
            if workspace is not None:
                connection.execute("select app.begin_request(%s, null)", [workspace])
            _show(connection.execute(query.encode()))
    except psycopg.Error as error:
        raise CannotDo(str(error).strip()) from error


def _show(cursor: psycopg.Cursor) -> None:
    if cursor.description is None:
        typer.echo(cursor.statusmessage or "done")
        return
    rows = Table(*(column.name for column in cursor.description), box=None)
    for row in cursor:
        rows.add_row(*("" if value is None else str(value) for value in row))
    console(machine=False).print(rows, markup=False)
    typer.echo(f"({cursor.rowcount} rows)")
