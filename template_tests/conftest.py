"""Fixtures: what CDK makes of the declarations, for each stage; a database with a crowd in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra_cdk.stages import STAGES
from template_tests.recording import crowd, crowded, recorded
from template_tests.synthesis import BARE, OWN, SynthesisFailed, cdk, made_once, shared_folder
from template_tests.templates import Assembly, load

__all__ = ["crowd", "crowded", "recorded"]


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder per stage; `own`, prod with everything a deployer can give; and `bare-dev` and
    `bare-emulator`, with no finding acknowledged and some planted.
    """
    return made_once(shared_folder(tmp_path_factory) / "templates", _synthesise)


def _synthesise(folder: Path) -> None:
    with cdk(folder / "log") as synthesise:
        for stage in STAGES:
            synthesise(folder / stage, stage=stage)
        synthesise(folder / "own", **OWN)
        for stage in BARE:
            with pytest.raises(SynthesisFailed, match="ValidationFailed"):
                synthesise(folder / f"bare-{stage}", bare=True, stage=stage)


@pytest.fixture(scope="session", params=STAGES)
def assembly(request: pytest.FixtureRequest, synthesised: Path) -> Assembly:
    """Each stage in turn."""
    return load(synthesised / request.param, request.param)


@pytest.fixture(scope="session", params=[name for name in STAGES if name != "emulator"])
def deployed(request: pytest.FixtureRequest, synthesised: Path) -> Assembly:
    """Each stage on AWS in turn: the emulator has no network, database, cache or firewall."""
    return load(synthesised / request.param, request.param)


@pytest.fixture(scope="session")
def own(synthesised: Path) -> Assembly:
    """Production as somebody deploys it who gives every value there is."""
    return load(synthesised / "own", "prod")
