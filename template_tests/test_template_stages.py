"""Stacks and stages: their order, their limits, what must never move, and what differs."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from infra_cdk.registry import capabilities
from infra_cdk.stages import STAGES
from template_tests.differences import assets, differences
from template_tests.templates import Assembly, Resource, load

FROZEN = Path(__file__).with_name("frozen_ids.txt")
STATEFUL = {
    "AWS::ApiGateway::RestApi": "its address changes, and Gmail pushes to the old one",
    "AWS::ApiGatewayV2::Api": "its address changes, which live versions do not learn",
    "AWS::EC2::Subnet": "what is in it moves",
    "AWS::EC2::VPC": "all that is in it is made anew",
    "AWS::ElastiCache::ServerlessCache": "its name is taken, so the deploy fails",
    "AWS::Events::EventBus": "its name is taken, so the deploy fails",
    "AWS::KMS::Key": "nothing that the old one encrypted can be read",
    "AWS::RDS::DBCluster": "a new and empty database",
    "AWS::RDS::DBInstance": "the writer is made anew",
    "AWS::RDS::DBProxy": "its address changes, which the functions' live versions do not learn",
    "AWS::RDS::DBSubnetGroup": "the database is made anew",
    "AWS::S3::Bucket": "a new and empty bucket",
    "AWS::SQS::Queue": "its name is taken, so the deploy fails",
    "AWS::SecretsManager::Secret": "a new and empty secret: nobody can sign in",
}
"""What CloudFormation would do wrong at a changed logical id, which it takes for another thing."""

ABOVE = {"api", "sockets"}
"""What leads to the functions."""
EMULATED = {
    "it has no network": r"^network: |: VpcConfig: |\"ec2:CreateNetworkInterface\"",
    "it has no database": r"^data: (Database|Parameters|Proxy|ProxyRole)/|\"rds-db:connect\"|"
    r"^data: Parameter-database--",
    "the administrator's secret is its own": r"^data: \S+-(secrets--)?database-admin/Resource: ",
    "it has no cache": r"^data: (Cache|Parameter-cache--host/Resource): ",
    "it has no firewall": r"^api: Firewall(OnApi)?: ",
    "its database is elsewhere": r"HASTE_DATABASE_URL: .* -> postgresql://\w+@127\.0\.0\.1/haste$",
    "its cache is elsewhere": r"HASTE_CACHE_URL: .* -> redis://127\.0\.0\.1$",
    "its sockets have no host": r"HASTE_SOCKETS_\w+: .* -> (http|ws)://127\.0\.0\.1/_aws/execute-api/",
}
"""All that may differ between `dev` and the emulated stage, but for the hashes of code."""
SIZED = {
    "how long logs are kept": r"Log/Resource: RetentionInDays: ",
    "how many requests the API takes": r": MethodSettings/0/Throttling(Burst|Rate)Limit: ",
    "how many messages": r"^sockets: Stage: DefaultRouteSettings/Throttling(Burst|Rate)Limit: ",
    "how much the cache holds": r"^data: Cache: CacheUsageLimits/",
    "how large the database grows": r"^data: Database/Resource: ServerlessV2ScalingConfiguration/",
    "how far back it can be restored": r"^data: Database/Resource: BackupRetentionPeriod: ",
    "whether it can be deleted": r"^data: Database/Resource: DeletionProtection: ",
    "its readers": r"^data: Database/reader\d/|DependsOn: .*\"Database/reader\d/Resource\"",
    "NAT gateways": r"^network: Vpc/(public|egress)Subnet\d/(EIP|NATGateway|DefaultRoute): ",
    "concurrency kept back": r"/Function/Resource: ReservedConcurrentExecutions: ",
}
"""All that may differ between the stages on AWS."""
EMULATED_FIELDS = {"name", "host_code", "addresses", "lacks"}


def stateful(assembly: Assembly) -> dict[str, str]:
    """Logical ids and types by `stack id`, of what must not move."""
    return {f"{one.stack} {one.id}": one.type for one in assembly.of(*STATEFUL)}


def frozen() -> dict[str, str]:
    """The same, as the file has it."""
    rows = [line.split() for line in FROZEN.read_text().splitlines() if not line.startswith("#")]
    return {f"{stack} {name}": kind for stack, kind, name in rows}


def dependencies(assembly: Assembly, stack: str) -> set[str]:
    """Every stack that is deployed before this one."""
    found: set[str] = set()
    waiting = [stack]
    while waiting:
        artifact = assembly.manifest[waiting.pop()]
        names = {n.removeprefix(f"{assembly.stage.prefix}-") for n in artifact["dependencies"]}
        waiting += (names & set(assembly.manifest)) - found
        found |= names & set(assembly.manifest)
    return found


def test_every_capability_has_a_stack(assembly: Assembly) -> None:
    below = {"data", "layers", "messaging"}
    below |= set() if "network" in assembly.stage.lacks else {"network"}
    assert set(assembly.templates) == {one.name for one in capabilities()} | below | ABOVE


def test_the_schema_is_there_before_the_code_and_the_apis_last(assembly: Assembly) -> None:
    names = {one.name for one in capabilities()}
    below = set(assembly.templates) - names - ABOVE
    assert dependencies(assembly, "migrations") == below
    for name in names - {"migrations"}:
        assert dependencies(assembly, name) == below | {"migrations"}, name
    assert dependencies(assembly, "api") == set(assembly.templates) - ABOVE
    assert dependencies(assembly, "sockets") == set(assembly.templates) - {"sockets"}
    if "network" in below:
        assert "network" in dependencies(assembly, "data")


def test_what_a_stack_reads_an_earlier_one_publishes(assembly: Assembly) -> None:
    """By parameters of Systems Manager, so that stacks can be changed alone."""
    for stack, template in assembly.templates.items():
        for name in template.parameters.values():
            assert name in assembly.published, f"{stack} reads {name}"
            assert assembly.published[name].stack in dependencies(assembly, stack), name
    names = [one["Name"] for one in assembly.of("AWS::SSM::Parameter")]
    assert len(names) == len(set(names))
    assert [name for name in names if not name.startswith(f"/haste/{assembly.stage.name}/")] == []


def test_nothing_is_published_that_nobody_reads(deployed: Assembly) -> None:
    """But the address of the API, which is for people. The emulator publishes as `dev` does."""
    read = {name for t in deployed.templates.values() for name in t.parameters.values()}
    assert set(deployed.published) - read == {deployed.stage.parameter("api/url")}


def test_no_stack_imports_from_another(assembly: Assembly) -> None:
    """An exported value cannot change while somebody imports it."""
    for template in assembly.templates.values():
        text = template.path.read_text()
        assert "Fn::ImportValue" not in text
        assert "Fn::GetStackOutput" not in text
        assert not any("Export" in output for output in template.body.get("Outputs", {}).values())


def test_stacks_stay_below_the_limits_of_cloudformation(assembly: Assembly) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
    for name, template in assembly.templates.items():
        assert len(template.resources) <= 400, f"{name}: 500 at most"
        given = template.body.get("Parameters", {})
        assert len(given) <= 200, name
        assert len(given) == len(template.parameters) + 1, (
            f"{name}: nobody gives parameters by hand"
        )
        assert len(template.body.get("Outputs", {})) <= 200, name
        assert template.path.stat().st_size < 1_000_000, name


def test_everything_says_which_stage_it_is_of(assembly: Assembly) -> None:
    for one in assembly.of("AWS::Lambda::Function", "AWS::S3::Bucket", "AWS::RDS::DBCluster"):
        if "FunctionName" in one.properties or one.type != "AWS::Lambda::Function":
            assert {"Key": "haste:stage", "Value": assembly.stage.name} in one["Tags"], one.id


def test_nothing_that_holds_state_has_moved(synthesised: Path) -> None:
    """`prod` has all of it. To move one on purpose, read what its type says in STATEFUL."""
    found, expected = stateful(load(synthesised / "prod", "prod")), frozen()
    moved = {name: STATEFUL[kind] for name, kind in expected.items() if found.get(name) != kind}
    assert moved == {}, "these are gone; what CloudFormation would make of it is beside them"
    new = [f"{name.split()[0]} {kind} {name.split()[1]}" for name, kind in found.items()]
    unknown = sorted(line for line in new if line not in FROZEN.read_text().splitlines())
    assert unknown == [], f"add these lines to {FROZEN.name}:\n" + "\n".join(unknown)


def test_the_other_stages_have_the_same_ids(assembly: Assembly) -> None:
    assert stateful(assembly).items() - frozen().items() <= _of_the_emulator(assembly)


def test_the_list_of_what_holds_state_is_in_order() -> None:
    lines = [line for line in FROZEN.read_text().splitlines() if not line.startswith("#")]
    assert lines == sorted(set(lines))
    assert set(frozen().values()) == set(STATEFUL)


def test_the_emulated_stage_differs_from_dev_in_known_ways(synthesised: Path) -> None:
    dev, emulated = (load(synthesised / name, name) for name in ("dev", "emulator"))
    found: dict[str, list[str]] = {name: [] for name in (*EMULATED, "?")}
    for line in differences(dev, emulated):
        known = [name for name, pattern in EMULATED.items() if re.search(pattern, line)]
        found[known[0] if known else "?"].append(line)
    for name, lines in found.items():
        print(f"{name}: {len(lines)}", *lines, sep="\n  ")  # noqa: T201 -- to be read with -rP
    assert found.pop("?") == [], "a new difference: is it one that must be?"
    assert [name for name, lines in found.items() if not lines] == [], "no difference any more"
    assert assets(dev).keys() == assets(emulated).keys() == {"ai", "core", "functions", "shared"}


def test_the_emulated_stage_is_dev_but_for_what_a_laptop_lacks() -> None:
    dev, emulated = STAGES["dev"], STAGES["emulator"]
    differing = {
        field.name
        for field in fields(dev)
        if getattr(dev, field.name) != getattr(emulated, field.name)
    }
    assert differing == EMULATED_FIELDS


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_deployed_stages_differ_in_size_and_in_nothing_else(synthesised: Path, name: str) -> None:
    """What is there is the same; how much of it is the stage's own affair."""
    dev, other = load(synthesised / "dev", "dev"), load(synthesised / name, name)
    found = differences(dev, other)
    assert [line for line in found if not re.search("|".join(SIZED.values()), line)] == []


def test_a_difference_is_seen(synthesised: Path, tmp_path: Path) -> None:
    """The instrument itself: one right more, one value changed, one resource less."""
    for path in (synthesised / "dev").glob("haste-dev-*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    contacts = tmp_path / "haste-dev-contacts.template.json"
    changed = json.loads(contacts.read_text())
    resources = changed["Resources"]
    policy, *_ = [one for one in resources.values() if one["Type"] == "AWS::IAM::Policy"]
    added = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
    policy["Properties"]["PolicyDocument"]["Statement"].insert(0, added)
    functions = [one for one in resources.values() if one["Type"] == "AWS::Lambda::Function"]
    [function] = [one for one in functions if one["Properties"]["Timeout"] == 29]
    function["Properties"]["Timeout"] += 1
    alias, *_ = [name for name, one in resources.items() if one["Type"] == "AWS::Lambda::Alias"]
    del resources[alias]
    contacts.write_text(json.dumps(changed))
    found = differences(load(synthesised / "dev", "dev"), load(tmp_path, "dev"))
    assert any("s3:ListBucket" in line and "(nothing) -> " in line for line in found)
    assert any(line.endswith(": Timeout: 29 -> 30") for line in found)
    assert any("AWS::Lambda::Alias -> (nothing)" in line for line in found)


def _of_the_emulator(assembly: Assembly) -> set[tuple[str, str]]:
    """The administrator's secret, which RDS makes where there is RDS."""
    if "database" not in assembly.stage.lacks:
        return set()
    own: list[Resource] = [
        one
        for one in assembly.of("AWS::SecretsManager::Secret")
        if one["Description"].endswith(": database-admin")
    ]
    return {(f"{one.stack} {one.id}", one.type) for one in own}
