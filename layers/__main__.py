"""Builds one asset and prints the path of its archive, and nothing else, on standard output.

    python -m layers core           # for Lambda
    python -m layers core --host    # for this machine

CDK runs it when it publishes an asset that is not there yet. With `--expect`, the name that CDK
gave the asset, it refuses when files have changed since.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from layers.assets import ASSETS, build
from layers.failure import CannotBuild
from layers.target import LAMBDA, host


def main(arguments: Sequence[str]) -> int:
    """Build; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m layers", description="Build one asset.")
    parser.add_argument("asset", choices=ASSETS)
    parser.add_argument("--host", action="store_true", help="for this machine, not for Lambda")
    parser.add_argument("--expect", help="fail unless this is the asset's identity")
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        built = build(asked.asset, host() if asked.host else LAMBDA)
    except CannotBuild as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if asked.expect not in (None, built.identity):
        sys.stderr.write(f"{asked.asset} has changed meanwhile: synthesize again, then publish.\n")
        return 1
    sys.stdout.write(f"{built.archive}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
