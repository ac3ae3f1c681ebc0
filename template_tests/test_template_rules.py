"""What others' rules say of the templates: cdk-nag's packs, the CDK's own check, cfn-lint.

A synthesis fails by itself on an error that nobody acknowledged (`infra_cdk/acknowledged.py`), but
not on a warning; here neither passes. That the rules run at all is seen in `bare`: the same app
with nothing acknowledged, and with a stack planted that breaks rules.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from template_tests.synthesis import BARE
from template_tests.templates import Assembly, load

IGNORED = {
    "I1022": "CDK joins text by Fn::Join, which says the same as Fn::Sub.",
    "W3005": "CDK names what a role's policy is needed by, some of which follows from references.",
}
"""What cfn-lint need not tell. Informational rules are checked as well."""
PLUGINS = {"AwsSolutions", "Serverless", "CloudFormation Validate", "Construct Annotations"}
"""Two packs of cdk-nag, the CDK's own check, and the warnings of its constructs."""


@pytest.fixture(scope="module")
def bare(synthesised: Path) -> Assembly:
    """`dev` with nothing acknowledged and a stack planted."""
    return load(synthesised / "bare-dev", "dev")


def places(assembly: Assembly) -> set[tuple[str, str]]:
    """What the rules found: the rule, as one acknowledges it, and the construct."""
    return {
        (finding["ruleName"].removeprefix("Annotation::"), construct["constructPath"])
        for finding in assembly.findings()
        for construct in finding["violatingConstructs"]
    }


def acknowledged(bare: Assembly) -> dict[str, str]:
    """What the app would have acknowledged, with its reasons."""
    read: dict[str, str] = json.loads((bare.folder / "acknowledged.json").read_text())
    return {name.removeprefix("Annotation::"): reason for name, reason in read.items()}


def test_no_rule_is_broken(assembly: Assembly) -> None:
    assert places(assembly) == set()


def test_no_rule_is_broken_by_what_a_deployer_gives(own: Assembly) -> None:
    assert places(own) == set()


def test_what_is_planted_is_found(bare: Assembly) -> None:
    """The instrument itself: every set of rules runs, and looks at our stacks."""
    assert {
        ("AwsSolutions-S1", "planted/Bucket/Resource"),
        ("AwsSolutions-IAM5[Action::s3:*]", "planted/Role/DefaultPolicy/Resource"),
        ("Serverless-SQSRedrivePolicy", "planted/Queue"),
        ("F3034", "planted/Queue"),
        ("planted:warning", "planted"),
    } <= places(bare)
    assert {finding["plugin"] for finding in bare.findings()} == PLUGINS
    stacks = {place.partition("/")[0] for _, place in places(bare)}
    assert {f"haste-dev-{name}" for name in ("api", "data", "email", "messaging")} <= stacks


def test_every_acknowledgement_is_of_something_and_says_why(synthesised: Path) -> None:
    """Nothing is acknowledged that no rule finds any more, at any stage."""
    reasons: dict[str, str] = {}
    found: set[str] = set()
    for stage in BARE:
        assembly = load(synthesised / f"bare-{stage}", stage)
        reasons |= acknowledged(assembly)
        found |= {name for name, place in places(assembly) if not place.startswith("planted")}
    assert set(reasons) == found
    for name, reason in reasons.items():
        assert re.fullmatch(r".{15,}[.]", reason), f"{name}: {reason!r}"


def test_every_acknowledgement_at_a_place_is_of_something_there(
    synthesised: Path, bare: Assembly
) -> None:
    """But for what the CDK acknowledges itself."""
    ours, found = acknowledged(bare), places(bare)
    stale = [
        f"{name} at {place}"
        for name, place in _at_places(synthesised / "dev")
        if name in ours
        and not any(name == other and f"{path}/".startswith(f"{place}/") for other, path in found)
    ]
    assert stale == []


def test_cfn_lint_finds_what_is_planted_and_nothing_else(synthesised: Path, tmp_path: Path) -> None:
    """Production has every kind of resource; `own` has the domain besides."""
    own = synthesised / "own" / "haste-prod-api.template.json"
    templates = [*sorted((synthesised / "prod").glob("*.template.json")), own]
    assert len(templates) > 10
    planted = json.loads((synthesised / "prod/haste-prod-contacts.template.json").read_text())
    for one in planted["Resources"].values():
        if one["Type"] == "AWS::Lambda::Function":
            one["Properties"] |= {"MemorySize": 64, "Runtime": "python2.7", "Speed": "high"}
    file = tmp_path / "planted.template.json"
    file.write_text(json.dumps(planted))
    found = linted([*templates, file])
    assert [line for line in found if file.name not in line] == []
    assert len({line.partition(":")[0] for line in found}) == 3, found


def linted(templates: Iterable[Path]) -> list[str]:
    """What cfn-lint says, in a process of its own: it loads a schema of all of AWS."""
    program = "from cfnlint.runner import main; main()"
    options = ["--format", "json", "--include-checks", "I", "--ignore-checks", *IGNORED]
    done = subprocess.run(
        [sys.executable, "-c", program, *options, "--template", *templates],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("["), done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert bool(found) == bool(done.returncode)
    return [f"{one['Rule']['Id']}: {Path(one['Filename']).name}: {one['Message']}" for one in found]


def _at_places(folder: Path) -> list[tuple[str, str]]:
    """What is acknowledged at places in stacks, rather than in the whole app."""
    return [
        (name.removeprefix("Annotation::"), place.removeprefix("/"))
        for path in folder.glob("*.metadata.json")
        for place, entries in json.loads(path.read_text()).items()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for name in entry["data"]
    ]
