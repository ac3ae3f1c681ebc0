"""`haste invoke`: give a function an event and show what it answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.local.commands.running_stack import find
from infra_cdk.local.commands.running_stack import invoke as ask


def invoke(function: str, event: str) -> None:
    """`event` is a file of JSON, `-` for standard input, or nothing for `{}`.

    Raises:
        CannotDo: the event is no JSON, there is no such function, it failed, or nothing runs.
    """
    result = ask(find(), function, _read(event))
    typer.echo(json.dumps(result, indent=2, ensure_ascii=False))
    if result["error"]:
        raise CannotDo(f"{function} failed: {result['error'].get('errorMessage', 'see above')}")


def _read(event: str) -> object:
    if not event:
        return {}
    try:
        return json.loads(sys.stdin.read() if event == "-" else Path(event).read_text())
    except OSError as error:
        raise CannotDo(f"{event} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CannotDo(f"{event} holds no JSON: {error}.") from error
