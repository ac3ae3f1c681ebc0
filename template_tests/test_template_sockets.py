"""The deployed WebSocket API: the declared routes, who may connect, and its limits."""

from __future__ import annotations

import json
import re

from infra_cdk.local.sockets import IDENTITY_SOURCE
from infra_cdk.registry import declared
from infra_cdk.stacks.sockets import IDENTITY_SOURCE as DEPLOYED_SOURCE
from template_tests.templates import Assembly, arn
from template_tests.test_template_routes import invoked

ALL = declared()
[GUARD] = [one for one in ALL if one.function.socket_authorizer]
KINDS = ("Authorizer", "Integration", "Route", "Stage")


def test_one_api_for_sockets_is_there_before_the_functions_that_know_it(
    assembly: Assembly,
) -> None:
    api = assembly.one("AWS::ApiGatewayV2::Api")
    assert (api.stack, api["ProtocolType"]) == ("messaging", "WEBSOCKET")
    assert api["RouteSelectionExpression"] == "$request.body.action", "as the laptop has it"
    assert assembly.published[assembly.stage.parameter("sockets/id")]["Value"] == api.ref
    for kind in KINDS:
        for one in assembly.of(f"AWS::ApiGatewayV2::{kind}"):
            assert (one.stack, one["ApiId"]) == ("sockets", assembly.parameter("sockets/id"))


def test_routes_are_the_declared_ones(assembly: Assembly) -> None:
    integrations = {
        f"integrations/{one.ref}": one for one in assembly.of("AWS::ApiGatewayV2::Integration")
    }
    for one in integrations.values():
        assert one["IntegrationType"] == "AWS_PROXY"
        assert one["TimeoutInMillis"] <= 29_000
    found = {
        one["RouteKey"]: integrations[one["Target"]]["IntegrationUri"]
        for one in assembly.of("AWS::ApiGatewayV2::Route")
    }
    expected = {key: invoked(assembly, one.name) for one in ALL for key in one.function.sockets}
    assert found == expected
    assert {"$connect", "$default", "$disconnect"} <= set(found)


def test_nobody_connects_whom_the_authorizer_does_not_let_in(assembly: Assembly) -> None:
    """Other routes take none: API Gateway asks at `$connect` alone."""
    guard = assembly.one("AWS::ApiGatewayV2::Authorizer")
    assert guard["AuthorizerType"] == "REQUEST"
    assert guard["AuthorizerUri"] == invoked(assembly, GUARD.name)
    assert guard["IdentitySource"] == [DEPLOYED_SOURCE]
    assert f"route.request.querystring.{IDENTITY_SOURCE}" == DEPLOYED_SOURCE
    assert "AuthorizerResultTtlInSeconds" not in guard.properties, "a ticket is good once"
    found = {
        one["RouteKey"]: (one["AuthorizationType"], one.get("AuthorizerId"))
        for one in assembly.of("AWS::ApiGatewayV2::Route")
    }
    assert found.pop("$connect") == ("CUSTOM", guard.ref)
    assert set(found.values()) == {("NONE", None)}


def test_this_api_and_no_other_may_call_the_functions_with_sockets(assembly: Assembly) -> None:
    api, stage = assembly.parameter("sockets/id"), assembly.stage.name
    guard = assembly.one("AWS::ApiGatewayV2::Authorizer")
    callers = {one.name: f"{stage}/*" for one in ALL if one.function.sockets}
    callers[GUARD.name] = f"authorizers/{guard.ref}"
    permissions = assembly.templates["sockets"].of("AWS::Lambda::Permission")
    assert {one["FunctionName"]: one["SourceArn"] for one in permissions} == {
        assembly.live(name): arn("execute-api", f"{api}/{what}") for name, what in callers.items()
    }
    for one in permissions:
        assert one["Action"] == "lambda:InvokeFunction"
        assert one["Principal"] == "apigateway.amazonaws.com"
    others = [one.stack for one in assembly.of("AWS::Lambda::Permission")]
    assert set(others) == {"api", "sockets"}


def test_it_is_deployed_throttled_and_logs_no_ticket(assembly: Assembly) -> None:
    stage = assembly.one("AWS::ApiGatewayV2::Stage")
    assert (stage["StageName"], stage["AutoDeploy"]) == (assembly.stage.name, True)
    routes = {one.id for one in assembly.of("AWS::ApiGatewayV2::Route")}
    assert routes <= stage.depends, "or the first deployment is of nothing"
    settings = stage["DefaultRouteSettings"]
    assert settings["ThrottlingRateLimit"] == assembly.stage.api_rate
    assert settings["ThrottlingBurstLimit"] == assembly.stage.api_burst
    assert settings["DataTraceEnabled"] is False
    assert settings["LoggingLevel"] in ("OFF", "ERROR"), "INFO writes the query"
    line = json.loads(stage["AccessLogSettings"]["Format"])
    told = "|".join(line.values())
    assert {"$context.requestId", "$context.routeKey", "$context.connectionId"} <= {*line.values()}
    assert not re.search(
        r"header|querystring|\binput\b|body|token|ticket|principalId", told, re.IGNORECASE
    )
    [log] = [
        one
        for one in assembly.of("AWS::Logs::LogGroup")
        if one.get("LogGroupName") == f"/aws/apigateway/{assembly.stage.prefix}-sockets"
    ]
    assert log["RetentionInDays"] == assembly.stage.log_days


def test_functions_are_told_where_sockets_are(deployed: Assembly) -> None:
    host = f"{deployed.parameter('sockets/id')}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}"
    place = f"{host}/{deployed.stage.name}"
    for one in ALL:
        told = deployed.functions()[one.name]["Environment"]["Variables"]
        posts, knows = (need in one.function.needs for need in ("sockets", "socket_url"))
        assert told.get("HASTE_SOCKETS_ENDPOINT") == (f"https://{place}" if posts else None)
        assert told.get("HASTE_SOCKETS_URL") == (f"wss://{place}" if knows else None)
