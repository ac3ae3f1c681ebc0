"""`haste dev`: the stack, empty, until Ctrl-C."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra_cdk.local.commands import where
from infra_cdk.local.commands.console import console
from infra_cdk.local.commands.starting import at, started, stay
from infra_cdk.local.google.settings import access_token
from infra_cdk.local.stack import Options
from infra_cdk.local.state import open_state


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of the command."""

    port: int | None = None
    mailboxes: Sequence[str] = ()
    home: Path | None = None


def dev(asked: Asked) -> None:
    """Serve until interrupted. Functions start anew when their code changes."""
    screen = console(machine=False)
    state = at(asked.home) if asked.home else open_state()
    with started(screen, state, Options(tuple(asked.mailboxes), asked.port)) as stack:
        where.show(screen, stack)
        for address in asked.mailboxes:
            screen.print(f"  Mailbox {address}: access token {access_token(address)}")
        stay(stack)
