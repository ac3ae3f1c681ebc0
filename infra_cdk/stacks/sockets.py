"""The WebSocket API: the declared routes, the authorizer before the first, and its limits.

The API itself, an address without routes, is made by the messaging stack: functions have to know it
before a route can lead to them.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api.html
"""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.acknowledged import acknowledge
from infra_cdk.constructs.function import alias_arn
from infra_cdk.constructs.retention import retention
from infra_cdk.http_limits import TIMEOUT_SECONDS
from infra_cdk.parameters import publish, read
from infra_cdk.registry import declared
from infra_cdk.stages import Stage
from shared.wiring import Declared

IDENTITY_SOURCE = "route.request.querystring.ticket"
"""Without a ticket nobody is asked. What the authorizer says is kept by the connection alone: API
Gateway caches no verdict on WebSockets.
"""
_ACCESS_LINE = json.dumps(
    {
        "timestamp": "$context.requestTimeEpoch",
        "request_id": "$context.requestId",
        "connection_id": "$context.connectionId",
        "route": "$context.routeKey",
        "event": "$context.eventType",
        "status": "$context.status",
        "ms": "$context.integrationLatency",
        "ip": "$context.identity.sourceIp",
        "workspace_id": "$context.authorizer.workspace_id",
        "user_id": "$context.authorizer.user_id",
        "error": "$context.error.responseType",
    }
)


def socket_api(scope: Construct, stage: Stage) -> None:
    """The API, without routes; publishes its id."""
    made = apigateway.CfnApi(
        scope,
        "Sockets",
        name=f"{stage.prefix}-sockets",
        description="hasteCRM, live",
        protocol_type="WEBSOCKET",
        route_selection_expression="$request.body.action",
    )
    publish(scope, stage, "sockets/id", made.ref)


class SocketsStack(cdk.Stack):
    """All WebSocket routes of all capabilities, and the deployed stage."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage.called("sockets"), termination_protection=stage.protected)
        self.api_id = read(self, stage, "sockets/id")
        [guard] = [one for one in declared() if one.function.socket_authorizer]
        authorizer = apigateway.CfnAuthorizer(
            self,
            "Authorizer",
            api_id=self.api_id,
            name=guard.name,
            authorizer_type="REQUEST",
            authorizer_uri=_invocation(self, stage, guard),
            identity_source=[IDENTITY_SOURCE],
        )
        self._permit(stage, guard, f"authorizers/{authorizer.ref}")
        deployed = self._stage(stage)
        for one in declared():
            if one.function.sockets:
                for route in self._routes(stage, one, authorizer.ref):
                    deployed.add_resource_dependency(route)
                self._permit(stage, one, f"{stage.name}/*")
        host = f"{self.api_id}.execute-api.{self.region}.{self.url_suffix}"
        cdk.CfnOutput(self, "Url", value=f"wss://{host}/{stage.name}")

    def _routes(self, stage: Stage, one: Declared, authorizer_id: str) -> list[apigateway.CfnRoute]:
        integration = apigateway.CfnIntegration(
            self,
            f"Integration-{one.name}",
            api_id=self.api_id,
            integration_type="AWS_PROXY",
            integration_uri=_invocation(self, stage, one),
            timeout_in_millis=TIMEOUT_SECONDS * 1000,
        )
        return [
            self._route(key, integration.ref, authorizer_id if key == "$connect" else None)
            for key in one.function.sockets
        ]

    def _route(
        self, key: str, integration_id: str, authorizer_id: str | None
    ) -> apigateway.CfnRoute:
        route = apigateway.CfnRoute(
            self,
            f"Route-{key}",
            api_id=self.api_id,
            route_key=key,
            authorization_type="CUSTOM" if authorizer_id else "NONE",
            authorizer_id=authorizer_id,
            target=f"integrations/{integration_id}",
        )
        if not authorizer_id:
            acknowledge(
                route,
                "AwsSolutions-APIG4",
                "Only connecting can be authorized, and all else comes over a connection.",
            )
        return route

    def _stage(self, stage: Stage) -> apigateway.CfnStage:
        log = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/apigateway/{stage.prefix}-sockets",
            retention=retention(stage.log_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        return apigateway.CfnStage(
            self,
            "Stage",
            api_id=self.api_id,
            stage_name=stage.name,
            auto_deploy=True,
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=log.log_group_arn, format=_ACCESS_LINE
            ),
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=stage.api_rate,
                throttling_burst_limit=stage.api_burst,
                detailed_metrics_enabled=True,
                logging_level="ERROR",
                data_trace_enabled=False,  # would write tickets and messages into the log
            ),
        )

    def _permit(self, stage: Stage, one: Declared, what: str) -> None:
        """Let this API, and no other, call the function's alias."""
        lambda_.CfnPermission(
            self,
            f"Invoke-{one.name}",
            action="lambda:InvokeFunction",
            function_name=alias_arn(self, stage, one),
            principal="apigateway.amazonaws.com",
            source_arn=self.format_arn(
                service="execute-api", resource=self.api_id, resource_name=what
            ),
        )


def _invocation(stack: cdk.Stack, stage: Stage, one: Declared) -> str:
    """The URI by which API Gateway calls a function."""
    return stack.format_arn(
        service="apigateway",
        account="lambda",
        resource="path",
        resource_name=f"2015-03-31/functions/{alias_arn(stack, stage, one)}/invocations",
    )
