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
bench = typer.Typer(help="Measure.", no_args_is_help=True)
app.add_typer(bench, name="bench")

Port = Annotated[int | None, typer.Option(min=1, max=65535, help="The API's port.")]
Machine = Annotated[
    bool, typer.Option("--json", help="Print the figures as the last line of stdout.")
]


@app.command()
def demo(
    mail: Annotated[
        Path | None, typer.Option(help="Deliver every .eml and .txt below this folder.")
    ] = None,
    leave: Annotated[bool, typer.Option("--exit", help="End when done.")] = False,
    machine: Machine = False,
    faults: Annotated[
        bool, typer.Option("--faults", help="Let Gmail and its notifications fail now and then.")
    ] = False,
    port: Port = None,
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
    port: Port = None,
    mailbox: Annotated[
        list[str] | None, typer.Option(help="An address at the Gmail stand-in; may be repeated.")
    ] = None,
    home: Annotated[Path | None, typer.Option(help="Data folder; default: .haste.")] = None,
) -> None:
    """Start everything, empty, and serve it until Ctrl-C."""
    with _explained():
        from infra_cdk.local.commands.dev import Asked, dev

        dev(Asked(port, mailbox or (), home))


@app.command()
def doctor(machine: Machine = False) -> None:
    """Say what is missing, and how to get it."""
    with _explained():
        from infra_cdk.local.commands.doctor import doctor

        doctor(machine=machine)


@app.command(context_settings={"ignore_unknown_options": True})
def check(
    pytest_args: Annotated[list[str] | None, typer.Argument(help="Passed on to pytest.")] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Without tests that start it all or read corpora.")
    ] = False,
) -> None:
    """Format, lint, types, import contracts and tests."""
    with _explained():
        from infra_cdk.local.commands.check import check

        raise typer.Exit(check(fast=fast, pytest_args=pytest_args or ()))


@app.command()
def build(
    for_host: Annotated[
        bool, typer.Option("--host", help="For this machine, not for Lambda.")
    ] = False,
    machine: Machine = False,
) -> None:
    """Build the layers and the functions' code as Lambda gets them."""
    with _explained():
        from infra_cdk.local.commands.build import build_assets

        build_assets(for_host=for_host, machine=machine)


@bench.command("email")
def bench_email(
    mails: Annotated[int, typer.Option(min=1, max=100_000, help="How many at once.")] = 1000,
    machine: Machine = False,
) -> None:
    """Mails a minute, processor time per mail, time until a mail is visible."""
    with _explained():
        from infra_cdk.local.commands.bench import Asked, bench_email

        bench_email(Asked(mails, machine))


@bench.command("api")
def bench_api(
    contacts: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="How many the workspace has.")
    ] = 10_000,
    calls: Annotated[
        int, typer.Option(min=1, max=500, help="How many of each request to time, at most.")
    ] = 500,
    machine: Machine = False,
) -> None:
    """Time, statements and bytes of API requests, measured at the handler."""
    with _explained():
        from infra_cdk.local.commands.bench_api import Asked, bench_api

        bench_api(Asked(contacts, calls, machine))


@bench.command("feed")
def bench_feed(
    events: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="How many there are to read.")
    ] = 100_000,
    seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="How long to write.")] = 10.0,
    machine: Machine = False,
) -> None:
    """Events a second: written into one workspace, into a hundred, and read."""
    with _explained():
        from infra_cdk.local.commands.bench_feed import Asked, bench_feed

        bench_feed(Asked(events, seconds, machine))


@bench.command("sockets")
def bench_sockets(
    connections: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many connections to open.")
    ] = 1000,
    events: Annotated[int, typer.Option(min=1, max=10_000, help="How many events to tell.")] = 100,
    machine: Machine = False,
) -> None:
    """How soon clients hear of an event."""
    with _explained():
        from infra_cdk.local.commands.bench_sockets import Asked, bench_sockets

        bench_sockets(Asked(connections, events, machine))


@bench.command("cold")
def bench_cold(
    runs: Annotated[int, typer.Option(min=1, max=1000, help="Cold starts of each.")] = 10,
    function: Annotated[list[str] | None, typer.Option(help="Only this; repeatable.")] = None,
    machine: Machine = False,
) -> None:
    """Time and memory of each function from nothing to its first answer."""
    with _explained():
        from infra_cdk.local.commands.bench_cold import Asked, bench_cold

        bench_cold(Asked(runs, function or (), machine))


@app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],  # they are the CDK's
    }
)
def cdk(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """The CDK's command line: synth, diff, deploy."""
    with _explained():
        from infra_cdk.local.commands.cdk import cdk

        raise typer.Exit(cdk(arguments or ()))


@app.command()
def invoke(
    function: str,
    event: Annotated[str, typer.Option(help="A file of JSON, or - for standard input.")] = "",
) -> None:
    """Give a function of the running stack an event."""
    with _explained():
        from infra_cdk.local.commands.invoke import invoke

        invoke(function, event)


@app.command()
def tick(function: str, job: str) -> None:
    """Run a scheduled job of the running stack now."""
    with _explained():
        from infra_cdk.local.commands.tick import tick

        tick(function, job)


@app.command()
def send(queue: str, body: str) -> None:
    """Put a message on a queue of the running stack."""
    with _explained():
        from infra_cdk.local.commands.queues import send

        send(queue, body)


@app.command()
def dlq(
    queue: Annotated[str | None, typer.Argument()] = None,
    redrive: Annotated[bool, typer.Option("--redrive", help="Put the messages back.")] = False,
) -> None:
    """What could not be handled: counts for each queue."""
    with _explained():
        from infra_cdk.local.commands.queues import dead_letters

        dead_letters(queue, redrive=redrive)


@app.command()
def db(
    query: Annotated[str | None, typer.Argument(help="One statement of SQL.")] = None,
    role: Annotated[str, typer.Option(help="Whom to ask as.")] = "crm_migrator",
    workspace: Annotated[str | None, typer.Option(help="Whose rows, for other roles.")] = None,
) -> None:
    """Ask the running stack's database, or print its URL."""
    with _explained():
        from infra_cdk.local.commands.database import database

        database(query, role, workspace)


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
    import httpx

    from infra_cdk.local.ports import PortInUse
    from infra_cdk.local.processes import ServiceFailed
    from infra_cdk.local.supervisor import AlreadyRunning

    if isinstance(error, httpx.HTTPError):
        error.add_note("A part of the stack did not answer; the logs folder says why.")
        return True
    return isinstance(error, (PortInUse, ServiceFailed, AlreadyRunning))


def _fail(error: Exception) -> None:
    typer.echo("\n".join([f"haste: {error}", *getattr(error, "__notes__", ())]), err=True)
    raise typer.Exit(1) from error


if __name__ == "__main__":
    app()
