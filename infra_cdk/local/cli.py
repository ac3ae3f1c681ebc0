"""The `haste` command: what can be typed. Each command's work is in `infra_cdk.local.commands`.

A command's module is imported when it is called, so that `haste doctor` can tell what is missing,
and `haste --help` is quick.
"""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from infra_cdk.local.commands.failure import CannotDo

app = typer.Typer(
    help="hasteCRM on a laptop.", no_args_is_help=True, pretty_exceptions_enable=False
)


@app.command()
def demo(
    mail: Annotated[
        Path | None, typer.Option(help="Deliver every .eml and .txt of this folder.")
    ] = None,
    leave: Annotated[bool, typer.Option("--exit", help="End when done.")] = False,
    machine: Annotated[
        bool, typer.Option("--json", help="Print the figures as the last line of stdout.")
    ] = False,
    faults: Annotated[
        bool, typer.Option("--faults", help="Let Gmail and its notifications fail now and then.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="The API's port.")] = None,
    home: Annotated[
        Path | None, typer.Option(help="Data folder to use and keep; default: a fresh one.")
    ] = None,
) -> None:
    """Set everything up, take real mails in and show what became of them."""
    with _explained():
        from infra_cdk.local.commands.demo import Asked, demo

        demo(Asked(mail, leave, machine, faults, port, home))


@app.command()
def dev(
    port: Annotated[int | None, typer.Option(help="The API's port.")] = None,
    mailbox: Annotated[
        list[str] | None, typer.Option(help="An address at the Gmail stand-in; may be repeated.")
    ] = None,
    home: Annotated[Path | None, typer.Option(help="Data folder; default: .haste.")] = None,
) -> None:
    """Start everything, empty, and serve it until Ctrl-C."""
    with _explained():
        from infra_cdk.local.commands.dev import Asked, dev

        dev(Asked(port, mailbox or (), home))


bench = typer.Typer(help="Measure.", no_args_is_help=True)
app.add_typer(bench, name="bench")


@bench.command("email")
def bench_email(
    mails: Annotated[int, typer.Option(min=1, max=100_000, help="How many at once.")] = 1000,
    machine: Annotated[
        bool, typer.Option("--json", help="Print the figures as the last line of stdout.")
    ] = False,
) -> None:
    """Mails a minute, processor time per mail, time until a mail is visible."""
    with _explained():
        from infra_cdk.local.commands.bench import Asked, bench_email

        bench_email(Asked(mails, machine))


@contextmanager
def _explained() -> Generator[None]:
    """What a person can put right is said in words, not as a traceback; Ctrl-C is no error."""
    # A shell that starts us in the background has Ctrl-C ignored; `kill -INT` must work there too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except CannotDo as error:
        _fail(error)
    except Exception as error:
        if not _expected(error):
            raise
        _fail(error)


def _expected(error: Exception) -> bool:
    from infra_cdk.local.ports import PortInUse
    from infra_cdk.local.processes import ServiceFailed
    from infra_cdk.local.supervisor import AlreadyRunning

    return isinstance(error, (PortInUse, ServiceFailed, AlreadyRunning))


def _fail(error: Exception) -> None:
    typer.echo(f"haste: {error}", err=True)
    raise typer.Exit(1) from error


if __name__ == "__main__":
    app()
