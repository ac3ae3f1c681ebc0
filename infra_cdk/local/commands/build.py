"""`haste build`: what is uploaded to Lambda, how large it is, and whether Lambda would take it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from infra_cdk.local.commands.console import console, telling
from infra_cdk.local.commands.failure import CannotDo
from infra_cdk.registry import declared
from layers.assets import ASSETS, Built, build
from layers.failure import CannotBuild
from layers.target import LAMBDA, Target, host

MOST_BYTES = 200_000_000
"""Unzipped, a function with its layers. Lambda's own limit is 250 MB; the rest is for growth.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""


def build_assets(*, for_host: bool, machine: bool) -> None:
    """Build what is not built yet, and show it.

    Raises:
        CannotDo: something cannot be built, or a function is too large.
    """
    target = host() if for_host else LAMBDA
    screen = console(machine=machine)
    built = _built(screen, target)
    functions = sizes({asset: one.unzipped_bytes for asset, one in built.items()})
    _show(screen, target, built, functions)
    if machine:
        typer.echo(json.dumps(_machine(target, built, functions)))
    if large := too_large(functions):
        raise CannotDo(large)


def sizes(assets: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """For each declared function its layers, and the bytes of them and its code together."""
    found: dict[str, dict[str, Any]] = {}
    for one in declared():
        layers = [*one.function.layers, "shared"]
        unzipped = sum(assets[name] for name in [*layers, "functions"])
        found[one.name] = {"unzipped_bytes": unzipped, "layers": layers}
    return found


def too_large(functions: Mapping[str, Mapping[str, Any]]) -> str:
    """What to say of functions that Lambda would not take; nothing if there are none."""
    over = [name for name, size in functions.items() if size["unzipped_bytes"] > MOST_BYTES]
    if not over:
        return ""
    return (
        f"With their layers these unzip to more than {_megabytes(MOST_BYTES)} MB, and Lambda takes "
        f"no more than 250: {', '.join(over)}. Take something out of their layers."
    )


def _built(screen: Console, target: Target) -> dict[str, Built]:
    with telling(screen):
        try:
            return {asset: build(asset, target) for asset in ASSETS}
        except CannotBuild as error:
            raise CannotDo(str(error)) from error


def _machine(
    target: Target, built: Mapping[str, Built], functions: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """What `--json` prints. Others read these keys: they are never changed, only added to."""
    assets = {
        asset: {
            "identity": one.identity,
            "digest": one.digest,
            "files": one.files,
            "unzipped_bytes": one.unzipped_bytes,
            "zip_bytes": one.zip_bytes,
            "archive": str(one.archive),
        }
        for asset, one in built.items()
    }
    return {"target": target.name, "assets": assets, "functions": functions}


def _show(
    screen: Console,
    target: Target,
    built: Mapping[str, Built],
    functions: Mapping[str, Mapping[str, Any]],
) -> None:
    title = f"Assets for Python {target.minor}, {target.platform}"
    rows = Table("asset", "identity", "digest", title=title, title_justify="left")
    for heading in ("files", "MB", "MB zipped"):
        rows.add_column(heading, justify="right")
    for asset, one in built.items():
        sized = (str(one.files), _megabytes(one.unzipped_bytes), _megabytes(one.zip_bytes))
        rows.add_row(asset, one.identity[:12], one.digest[:12], *sized)
    screen.print(rows)
    rows = Table("function", "layers", title="Functions", title_justify="left")
    rows.add_column(f"MB of {_megabytes(MOST_BYTES)}", justify="right")
    for name, size in functions.items():
        rows.add_row(name, ", ".join(size["layers"]), _megabytes(size["unzipped_bytes"]))
    screen.print(rows)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"
