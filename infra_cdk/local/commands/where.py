"""What a running stack offers, and where."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from infra_cdk.local.stack import Stack


def show(screen: Console, stack: Stack, token: str | None = None) -> None:
    """The addresses of a stack, and with a token what to ask."""
    rows = Table(show_header=False, box=None, padding=(0, 2))
    rows.add_row("API", f"{stack.api_url}/api/v1")
    rows.add_row("Described", f"{stack.api_url}/api/v1/openapi.json")
    rows.add_row("Its docs", f"{stack.api_url}/docs")
    rows.add_row("GraphQL", f"{stack.api_url}/graphiql")
    rows.add_row("Ready?", f"{stack.api_url}/health/ready")
    rows.add_row("Gmail", stack.google_url)
    rows.add_row("Sent mail", stack.catcher_url)
    rows.add_row("AWS", stack.config.aws_url)
    rows.add_row("Database", "haste db")
    rows.add_row("Logs", str(stack.state.logs))
    rows.add_row("Stop", "Ctrl-C")
    screen.print()
    screen.print(rows)
    if token is not None:
        screen.print(
            f"\n[bold]Try[/]\n"
            f"  TOKEN={token}\n"
            f'  curl -H "Authorization: Bearer $TOKEN" {stack.api_url}/api/v1/emails\n'
            f'  curl -H "Authorization: Bearer $TOKEN" {stack.api_url}/api/v1/tasks\n'
            f'  curl -H "Authorization: Bearer $TOKEN" {stack.api_url}/api/v1/mailboxes\n'
            f"  … /api/v1/emails/ID, /api/v1/emails/ID/raw, /api/v1/mailboxes/ID/reconciliation"
        )
