"""Who can reach whom: zones, routes, security groups, and the ways to AWS's own services."""

from __future__ import annotations

import ast
from collections import Counter
from typing import Any

from infra_cdk.registry import declared
from template_tests.source import ROOT, tree
from template_tests.templates import Assembly, Resource

ALL = declared()
BY_NAME = {one.name: one for one in ALL}
WORLD = "0.0.0.0/0"
NOBODY = "255.255.255.255/32"
"""What CDK writes where a group lets nothing out: CloudFormation takes an empty list for "all"."""
FUNCTIONS = ("isolated", "egress", "migrator")
DATA = ("database", "proxy", "cache")
Edge = tuple[str, str, int]
"""From a group, to a group or a range of addresses, on a port."""


def groups(assembly: Assembly) -> dict[str, str]:
    """The published security groups: what each is for, by how it reads."""
    found = {
        assembly.published[assembly.stage.parameter(f"network/{name}-group")]["Value"]: name
        for name in (*FUNCTIONS, *DATA)
    }
    [endpoints] = {
        group
        for endpoint in assembly.of("AWS::EC2::VPCEndpoint")
        for group in endpoint.get("SecurityGroupIds", [])
    }
    return found | {endpoints: "endpoints"}


def ways_out(assembly: Assembly) -> set[Edge]:
    """What the groups let out."""
    named = groups(assembly)
    found: set[Edge] = set()
    for group, rule in _rules(assembly, "Egress"):
        to = rule.get("CidrIp") or named[rule["DestinationSecurityGroupId"]]
        if to != NOBODY:
            found.add((named[group], to, _port(rule)))
    return found


def ways_in(assembly: Assembly) -> set[Edge]:
    """What the groups let in."""
    named = groups(assembly)
    found: set[Edge] = set()
    for group, rule in _rules(assembly, "Ingress"):
        found.add(
            (rule.get("CidrIp") or named[rule["SourceSecurityGroupId"]], named[group], _port(rule))
        )
    return found


def subnets(assembly: Assembly, zone: str) -> list[Resource]:
    """The subnets of a zone, as the network publishes them."""
    published = assembly.published[assembly.stage.parameter(f"network/{zone}-subnets")]["Value"]
    by_ref = {one.ref: one for one in assembly.of("AWS::EC2::Subnet")}
    return [by_ref[ref] for ref in published.split(",")]


def routes(assembly: Assembly, subnet: Resource) -> list[Resource]:
    """The routes out of a subnet."""
    [table] = [
        one["RouteTableId"]
        for one in assembly.of("AWS::EC2::SubnetRouteTableAssociation")
        if one["SubnetId"] == subnet.ref
    ]
    return [one for one in assembly.of("AWS::EC2::Route") if one["RouteTableId"] == table]


def test_functions_are_in_the_zone_that_their_needs_say(assembly: Assembly) -> None:
    """Without database and cache outside the VPC, or they had no way out but by a NAT gateway."""
    for one in assembly.of("AWS::Lambda::Function"):
        name = one.get("FunctionName", "").removeprefix(f"{assembly.stage.prefix}-")
        needs = BY_NAME[name].function.needs if name else set()
        if "network" in assembly.stage.lacks or not needs & {"database", "cache"}:
            assert "VpcConfig" not in one.properties, name
            continue
        zone = "egress" if "egress" in needs else "isolated"
        group = "migrator" if BY_NAME[name].function.role == "crm_migrator" else zone
        assert one["VpcConfig"] == {
            "SubnetIds": [f"{assembly.parameter(f'network/{zone}-subnets')}[*]"],
            "SecurityGroupIds": [assembly.parameter(f"network/{group}-group")],
        }, name


def test_database_proxy_and_cache_are_in_isolated_subnets(deployed: Assembly) -> None:
    isolated = deployed.parameter("network/isolated-subnets")
    both = [f"{isolated}[{number}]" for number in range(2)]
    cluster = deployed.one("AWS::RDS::DBCluster")
    in_group = deployed.one("AWS::RDS::DBSubnetGroup")
    proxy, cache = (
        deployed.one("AWS::RDS::DBProxy"),
        deployed.one("AWS::ElastiCache::ServerlessCache"),
    )
    assert cluster["DBSubnetGroupName"] == in_group.ref
    assert in_group["SubnetIds"] == proxy["VpcSubnetIds"] == cache["SubnetIds"] == both
    found = (
        cluster["VpcSecurityGroupIds"],
        proxy["VpcSecurityGroupIds"],
        cache["SecurityGroupIds"],
    )
    assert found == tuple([deployed.parameter(f"network/{name}-group")] for name in DATA)


def test_isolated_subnets_have_no_way_out(deployed: Assembly) -> None:
    isolated = subnets(deployed, "isolated")
    assert len(isolated) == 2
    for subnet in isolated:
        assert routes(deployed, subnet) == []
        assert subnet["MapPublicIpOnLaunch"] is False


def test_the_others_go_out_through_a_nat_gateway(deployed: Assembly) -> None:
    gateways = {one.ref: one for one in deployed.of("AWS::EC2::NatGateway")}
    assert len(gateways) == deployed.stage.nat_gateways
    used: Counter[str] = Counter()
    for subnet in subnets(deployed, "egress"):
        assert subnet["MapPublicIpOnLaunch"] is False
        [route] = routes(deployed, subnet)
        assert route["DestinationCidrBlock"] == WORLD
        used[route["NatGatewayId"]] += 1
    assert set(used) == set(gateways), "every gateway is used"
    public = {one["SubnetId"] for one in gateways.values()}
    inside = {one.ref for zone in ("isolated", "egress") for one in subnets(deployed, zone)}
    assert not public & inside


def test_zones_are_in_two_places(deployed: Assembly) -> None:
    for zone in ("isolated", "egress"):
        assert len({one["AvailabilityZone"] for one in subnets(deployed, zone)}) == 2


def test_nobody_comes_in_from_outside(deployed: Assembly) -> None:
    assert {source for source, _, _ in ways_in(deployed)} <= {*FUNCTIONS, "proxy"}
    for _, rule in _rules(deployed, "Ingress"):
        assert not {"CidrIp", "CidrIpv6", "SourcePrefixListId"} & set(rule)


def test_functions_reach_the_outside_by_https_and_mail_servers_and_data_not_at_all(
    deployed: Assembly,
) -> None:
    """An isolated subnet has no route to it all the same: the range stands for S3's gateway."""
    outside = {edge for edge in ways_out(deployed) if edge[1] == WORLD}
    mail = {("egress", WORLD, port) for port in (465, 587)}
    assert outside == {(name, WORLD, 443) for name in FUNCTIONS} | mail
    for _, rule in _rules(deployed, "Egress"):
        assert "CidrIpv6" not in rule
    spoken_of = {group for group, _ in _rules(deployed, "Egress")}
    silent = set(groups(deployed)) - spoken_of
    assert silent == set(), "a group that says nothing of the way out lets out everything"


def test_groups_let_in_and_out_what_is_needed_and_nothing_else(deployed: Assembly) -> None:
    """Both sides of every way, so that a function cannot reach what it does not declare."""
    data = {(name, "proxy", 5432) for name in ("isolated", "egress")}
    data |= {(name, "cache", port) for name in ("isolated", "egress") for port in (6379, 6380)}
    data |= {("migrator", "database", 5432), ("proxy", "database", 5432)}
    assert {edge for edge in ways_out(deployed) if edge[1] != WORLD} == data
    assert ways_in(deployed) == data | {(name, "endpoints", 443) for name in FUNCTIONS}


def test_every_service_that_functions_call_has_a_way_inside(deployed: Assembly) -> None:
    endpoints = {
        one["ServiceName"].rpartition(".")[2]: one for one in deployed.of("AWS::EC2::VPCEndpoint")
    }
    assert set(endpoints) == services_called()
    isolated = [one.ref for one in subnets(deployed, "isolated")]
    for name, endpoint in endpoints.items():
        assert endpoint["ServiceName"] == f"com.amazonaws.${{AWS::Region}}.{name}"
        if endpoint["VpcEndpointType"] == "Gateway":
            assert name == "s3"
            tables = {
                one["RouteTableId"]
                for one in deployed.of("AWS::EC2::SubnetRouteTableAssociation")
                if one["SubnetId"]
                in {s.ref for zone in ("isolated", "egress") for s in subnets(deployed, zone)}
            }
            assert tables <= set(endpoint["RouteTableIds"])
        else:
            assert endpoint["PrivateDnsEnabled"] is True
            assert endpoint["SubnetIds"] == isolated


def services_called() -> set[str]:
    """What `shared.aws.client` may be asked for, by its overloads."""
    overloads = [
        node
        for node in ast.walk(tree(ROOT / "shared/aws.py"))
        if isinstance(node, ast.FunctionDef) and node.name == "client" and node.decorator_list
    ]
    names = {ast.unparse(one.args.args[0].annotation or one).split("'")[1] for one in overloads}
    assert {"s3", "sqs"} <= names
    return names


def test_refused_traffic_is_logged(deployed: Assembly) -> None:
    log = deployed.one("AWS::EC2::FlowLog")
    assert log["ResourceId"] == deployed.one("AWS::EC2::VPC").ref
    assert log["TrafficType"] in ("REJECT", "ALL")


def test_where_there_is_no_network_nothing_asks_for_one(assembly: Assembly) -> None:
    if "network" not in assembly.stage.lacks:
        return
    assert assembly.of_service("EC2") == []
    assert not [
        name
        for t in assembly.templates.values()
        for name in t.parameters.values()
        if "network" in name
    ]


def _rules(assembly: Assembly, direction: str) -> list[tuple[str, dict[str, Any]]]:
    """The rules of one direction, each with its group."""
    found = [
        (f"<{group.id}.GroupId>", rule)
        for group in assembly.of("AWS::EC2::SecurityGroup")
        for rule in group.get(f"SecurityGroup{direction}", [])
    ]
    return found + [
        (one["GroupId"], dict(one.properties))
        for one in assembly.of(f"AWS::EC2::SecurityGroup{direction}")
    ]


def _port(rule: dict[str, Any]) -> int:
    assert rule["IpProtocol"] == "tcp"
    assert rule["FromPort"] == rule["ToPort"]
    return int(rule["FromPort"])
