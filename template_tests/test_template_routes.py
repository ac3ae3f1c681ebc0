"""The deployed API: the declared routes, each behind the authorizer, and its limits."""

from __future__ import annotations

import json
import re
from typing import Any

from infra_cdk.http_limits import BINARY_MEDIA_TYPES, COMPRESSED_BYTES
from infra_cdk.registry import declared
from template_tests.synthesis import OWN
from template_tests.templates import Assembly, Resource, arn

ALL = declared()
GUARD = next(one for one in ALL if one.function.authorizer)
RESPONSE_TYPES = {
    "ACCESS_DENIED",
    "API_CONFIGURATION_ERROR",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "AUTHORIZER_FAILURE",
    "BAD_REQUEST_BODY",
    "BAD_REQUEST_PARAMETERS",
    "DEFAULT_4XX",
    "DEFAULT_5XX",
    "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE",
    "INTEGRATION_TIMEOUT",
    "INVALID_API_KEY",
    "INVALID_SIGNATURE",
    "MISSING_AUTHENTICATION_TOKEN",
    "QUOTA_EXCEEDED",
    "REQUEST_TOO_LARGE",
    "RESOURCE_NOT_FOUND",
    "THROTTLED",
    "UNAUTHORIZED",
    "UNSUPPORTED_MEDIA_TYPE",
    "WAF_FILTERED",
}
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html"""


def invoked(assembly: Assembly, function: str) -> str:
    """The alias of a function, as API Gateway writes it."""
    path = f"path/2015-03-31/functions/{assembly.live(function)}/invocations"
    return f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:{path}"


def methods(assembly: Assembly) -> dict[str, Resource]:
    """Every method by its verb and path."""
    places = {one.ref: one for one in assembly.of("AWS::ApiGateway::Resource")}

    def path(ref: str) -> str:
        place = places.get(ref)
        return f"{path(place['ParentId'])}/{place['PathPart']}" if place else ""

    found = {
        f"{one['HttpMethod']} {path(one['ResourceId']) or '/'}": one
        for one in assembly.of("AWS::ApiGateway::Method")
    }
    assert len(found) == len(assembly.of("AWS::ApiGateway::Method"))
    return found


def test_routes_are_the_declared_prefixes_and_all_below_them(assembly: Assembly) -> None:
    expected = {
        f"ANY {prefix}{below}": invoked(assembly, one.name)
        for one in ALL
        for http in one.function.http
        for prefix in http.prefixes
        for below in ("", "/{proxy+}")
    }
    found = {route: one["Integration"]["Uri"] for route, one in methods(assembly).items()}
    assert found == expected


def test_every_method_asks_the_authorizer_but_those_declared_public(assembly: Assembly) -> None:
    guard = assembly.one("AWS::ApiGateway::Authorizer").ref
    expected = {
        f"ANY {prefix}{below}": ("NONE", None) if http.public else ("CUSTOM", guard)
        for one in ALL
        for http in one.function.http
        for prefix in http.prefixes
        for below in ("", "/{proxy+}")
    }
    found = {
        route: (one["AuthorizationType"], one.get("AuthorizerId"))
        for route, one in methods(assembly).items()
    }
    assert found == expected


def test_the_newest_version_of_the_api_has_another_name(assembly: Assembly) -> None:
    found = {route.partition(" ")[2] for route in methods(assembly)}
    newest = {path for path in found if path.startswith("/api/v1/")}
    assert newest
    named = {path.replace("/api/v1/", "/api/latest/", 1) for path in newest}
    assert named == {path for path in found if path.startswith("/api/latest/")}


def test_functions_get_requests_as_they_are(assembly: Assembly) -> None:
    """No MOCK in between, which a proxy on the root would add, and no mapping."""
    for one in methods(assembly).values():
        integration = one["Integration"]
        assert integration["Type"] == "AWS_PROXY"
        assert integration["IntegrationHttpMethod"] == "POST"
        assert integration["TimeoutInMillis"] <= 29_000
        assert set(integration) <= {"Type", "IntegrationHttpMethod", "TimeoutInMillis", "Uri"}


def test_the_authorizer_is_asked_every_30_seconds(assembly: Assembly) -> None:
    guard = assembly.one("AWS::ApiGateway::Authorizer")
    assert guard["Type"] == "REQUEST"
    assert guard["AuthorizerUri"] == invoked(assembly, GUARD.name)
    assert guard["AuthorizerResultTtlInSeconds"] == 30
    assert guard["IdentitySource"] == "method.request.header.Authorization"
    assert "AuthorizerCredentials" not in guard.properties


def test_this_api_and_no_other_may_call_the_functions_with_routes(assembly: Assembly) -> None:
    api = assembly.one("AWS::ApiGateway::RestApi").ref
    callers = {one.name: f"{assembly.stage.name}/*" for one in ALL if one.function.http}
    callers[GUARD.name] = "authorizers/*"
    expected = {
        assembly.live(name): arn("execute-api", f"{api}/{what}") for name, what in callers.items()
    }
    permissions = assembly.templates["api"].of("AWS::Lambda::Permission")
    assert {one["FunctionName"]: one["SourceArn"] for one in permissions} == expected
    assert len(permissions) == len(expected)
    for one in permissions:
        assert one["Action"] == "lambda:InvokeFunction"
        assert one["Principal"] == "apigateway.amazonaws.com"


def test_the_api_is_regional_and_takes_what_the_laptop_takes(assembly: Assembly) -> None:
    api = assembly.one("AWS::ApiGateway::RestApi")
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert api["BinaryMediaTypes"] == list(BINARY_MEDIA_TYPES)
    assert api["MinimumCompressionSize"] == COMPRESSED_BYTES


def test_there_is_no_http_api(assembly: Assembly) -> None:
    """No firewall can stand before one."""
    apis = assembly.of("AWS::ApiGatewayV2::Api")
    assert {one["ProtocolType"] for one in apis} <= {"WEBSOCKET"}


def test_the_whole_api_is_throttled_and_logs_no_secret(assembly: Assembly) -> None:
    stage = assembly.one("AWS::ApiGateway::Stage")
    [settings] = stage["MethodSettings"]
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert settings["ThrottlingRateLimit"] == assembly.stage.api_rate
    assert settings["ThrottlingBurstLimit"] == assembly.stage.api_burst
    assert settings["DataTraceEnabled"] is False
    assert settings["LoggingLevel"] in ("OFF", "ERROR"), "INFO writes the headers"
    line = json.loads(stage["AccessLogSetting"]["Format"])
    variables = set(line.values())
    assert {"$context.requestId", "$context.status", "$context.error.responseType"} <= variables
    told = "|".join(variables)
    assert not re.search(
        r"header|querystring|\binput\b|body|token|principalId", told, re.IGNORECASE
    )


def test_every_change_of_a_route_is_deployed(assembly: Assembly) -> None:
    deployment = assembly.one("AWS::ApiGateway::Deployment")
    kinds = ("Method", "Resource", "GatewayResponse", "Authorizer")
    needed = {one.id for one in assembly.of(*(f"AWS::ApiGateway::{kind}" for kind in kinds))}
    assert needed - deployment.depends == set()
    assert assembly.one("AWS::ApiGateway::Stage")["DeploymentId"] == deployment.ref


def test_errors_of_the_gateway_are_problem_details(assembly: Assembly) -> None:
    found = {one["ResponseType"]: one for one in assembly.of("AWS::ApiGateway::GatewayResponse")}
    assert set(found) <= RESPONSE_TYPES
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= set(found), "every other type takes these"
    for kind, response in found.items():
        templates: dict[str, str] = response["ResponseTemplates"]
        assert set(templates) == {"application/problem+json", "application/json"}
        assert len(set(templates.values())) == 1
        body = templates["application/problem+json"]
        assert re.findall(r"[$#][\w.]*", body) == ["$context.requestId"], "all else is constant"
        problem: dict[str, Any] = json.loads(body)
        assert problem["request_id"] == "$context.requestId"
        assert problem["type"] == "about:blank"
        assert re.fullmatch(r"[a-z_]+", problem["code"])
        assert problem["detail"].endswith(".")
        if not kind.startswith("DEFAULT_"):
            assert str(problem["status"]) == response["StatusCode"]
        challenge = response.get("ResponseParameters", {})
        assert (response.get("StatusCode") == "401") == any("WWW-Auth" in key for key in challenge)


def test_a_firewall_stands_before_the_api(deployed: Assembly) -> None:
    acl = deployed.one("AWS::WAFv2::WebACL")
    api = deployed.one("AWS::ApiGateway::RestApi")
    association = deployed.one("AWS::WAFv2::WebACLAssociation")
    stage = f"/restapis/{api.ref}/stages/{deployed.stage.name}"
    assert (
        association["ResourceArn"]
        == f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}::{stage}"
    )
    assert association["WebACLArn"] == f"<{acl.id}.Arn>"
    assert acl["Scope"] == "REGIONAL"
    rules = {rule["Name"]: rule for rule in acl["Rules"]}
    assert len({rule["Priority"] for rule in rules.values()}) == len(rules)
    assert {name for name in rules if name.startswith("AWSManagedRules")} == {
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
    }
    for name, rule in rules.items():
        blocks = rule.get("OverrideAction") == {"None": {}} or rule.get("Action") == {"Block": {}}
        assert blocks, f"{name} only counts"


def test_one_address_cannot_flood_the_api_but_a_vendor_may_push(deployed: Assembly) -> None:
    [rate] = [
        rule["Statement"]["RateBasedStatement"]
        for rule in deployed.one("AWS::WAFv2::WebACL")["Rules"]
        if "RateBasedStatement" in rule["Statement"]
    ]
    assert (rate["AggregateKeyType"], rate["Limit"]) == ("IP", 5000)
    left_out = rate["ScopeDownStatement"]["NotStatement"]["Statement"]["OrStatement"]["Statements"]
    prefixes = tuple(one["ByteMatchStatement"]["SearchString"] for one in left_out)
    assert {one["ByteMatchStatement"]["PositionalConstraint"] for one in left_out} == {
        "STARTS_WITH"
    }
    for one in ALL:
        for http in one.function.http:
            webhook = http.prefix.startswith("/webhooks/")
            for stage in ("", f"/{deployed.stage.name}"):
                assert (stage + http.prefix).startswith(prefixes) == webhook


def test_with_a_domain_of_ones_own_there_is_no_other_way_in(own: Assembly) -> None:
    assert own.one("AWS::ApiGateway::RestApi")["DisableExecuteApiEndpoint"] is True
    domain = own.one("AWS::ApiGateway::DomainName")
    assert domain["DomainName"] == OWN["domain"]
    assert domain["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert domain["SecurityPolicy"] == "TLS_1_2"
    mapping = own.one("AWS::ApiGateway::BasePathMapping")
    assert mapping["DomainName"] == domain.ref
    assert mapping["Stage"] == own.stage.name
    assert "BasePath" not in mapping.properties
    outputs = own.templates["api"].body["Outputs"]
    assert outputs["Url"]["Value"] == f"https://{OWN['domain']}/"
    assert outputs["DomainTarget"]["Value"]["Fn::GetAtt"] == [domain.id, "RegionalDomainName"]
    assert outputs["DomainTargetZone"]["Value"]["Fn::GetAtt"][1] == "RegionalHostedZoneId"
