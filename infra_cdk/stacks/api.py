"""The REST API: Regional, behind a firewall, with a route for every declared prefix.

Functions are named by the ARN of their alias, which follows from their declaration, so this stack
and theirs can be changed one without the other.
"""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.acknowledged import acknowledge
from infra_cdk.constructs.firewall import firewall
from infra_cdk.constructs.function import alias_arn
from infra_cdk.constructs.retention import retention
from infra_cdk.gateway_problems import BY_RESPONSE_TYPE
from infra_cdk.http_limits import BINARY_MEDIA_TYPES, COMPRESSED_BYTES, TIMEOUT_SECONDS
from infra_cdk.parameters import publish
from infra_cdk.registry import declared
from infra_cdk.stages import Stage
from shared.wiring import Declared, Http

_AUTHORIZED_FOR = cdk.Duration.seconds(30)


class ApiStack(cdk.Stack):
    """All routes of all capabilities."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage.called("api"), termination_protection=stage.protected)
        self.api = _rest_api(self, stage)
        [guard] = [one for one in declared() if one.function.authorizer]
        authorizer = apigateway.RequestAuthorizer(
            self,
            "Authorizer",
            handler=_function(self, stage, guard),
            identity_sources=[apigateway.IdentitySource.header("Authorization")],
            results_cache_ttl=_AUTHORIZED_FOR,
        )
        self._permit(stage, guard, "authorizers/*")
        for one in declared():
            for http in one.function.http:
                _route(self.api, _integration(self, stage, one), http, authorizer)
            if one.function.http:
                self._permit(stage, one, f"{stage.name}/*")
        _problems(self.api)
        if "firewall" not in stage.lacks:
            firewall(self, stage, self.api.deployment_stage.stage_arn)
        self._say_where(stage)
        cdk.CfnOutput(self, "Id", value=self.api.rest_api_id)

    def _say_where(self, stage: Stage) -> None:
        """The API's URL, and what its own domain's DNS record must point to."""
        url = f"https://{stage.domain}/" if stage.domain else self.api.url
        publish(self, stage, "api/url", url)
        cdk.CfnOutput(self, "Url", value=url)
        if self.api.domain_name:
            target = self.api.domain_name
            cdk.CfnOutput(self, "DomainTarget", value=target.domain_name_alias_domain_name)
            zone = target.domain_name_alias_hosted_zone_id
            cdk.CfnOutput(self, "DomainTargetZone", value=zone)

    def _permit(self, stage: Stage, one: Declared, what: str) -> None:
        """Let this API, and no other, call the function's alias."""
        lambda_.CfnPermission(
            self,
            f"Invoke-{one.name}",
            action="lambda:InvokeFunction",
            function_name=alias_arn(self, stage, one),
            principal="apigateway.amazonaws.com",
            source_arn=self.format_arn(
                service="execute-api", resource=self.api.rest_api_id, resource_name=what
            ),
        )


def _rest_api(scope: Construct, stage: Stage) -> apigateway.RestApi:
    log = logs.LogGroup(
        scope,
        "AccessLog",
        log_group_name=f"/aws/apigateway/{stage.prefix}",
        retention=retention(stage.log_days),
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    made = apigateway.RestApi(
        scope,
        "Api",
        rest_api_name=stage.prefix,
        description="hasteCRM",
        endpoint_types=[apigateway.EndpointType.REGIONAL],
        disable_execute_api_endpoint=bool(stage.domain),
        binary_media_types=list(BINARY_MEDIA_TYPES),
        min_compression_size=cdk.Size.bytes(COMPRESSED_BYTES),
        cloud_watch_role=True,
        cloud_watch_role_removal_policy=cdk.RemovalPolicy.RETAIN,
        deploy_options=apigateway.StageOptions(
            stage_name=stage.name,
            throttling_rate_limit=stage.api_rate,
            throttling_burst_limit=stage.api_burst,
            access_log_destination=apigateway.LogGroupLogDestination(log),
            access_log_format=apigateway.AccessLogFormat.custom(_ACCESS_LINE),
            logging_level=apigateway.MethodLoggingLevel.ERROR,
            data_trace_enabled=False,  # would write bodies and tokens into the log
            metrics_enabled=True,
        ),
    )
    acknowledge(
        made,
        f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/{_LOGS}]",
        "AWS's own policy for its gateway's log, which is the account's and not ours.",
    )
    if stage.domain:
        made.add_domain_name(
            "Domain",
            domain_name=stage.domain,
            certificate=acm.Certificate.from_certificate_arn(
                scope, "Certificate", stage.certificate_arn
            ),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )
    return made


_LOGS = "AmazonAPIGatewayPushToCloudWatchLogs"
_ACCESS_LINE = json.dumps(
    {
        "timestamp": "$context.requestTimeEpoch",
        "request_id": "$context.requestId",
        "method": "$context.httpMethod",
        "path": "$context.path",  # without the query: it may carry tickets
        "route": "$context.resourcePath",
        "status": "$context.status",
        "ms": "$context.responseLatency",
        "bytes": "$context.responseLength",
        "ip": "$context.identity.sourceIp",
        "workspace_id": "$context.authorizer.workspace_id",
        "user_id": "$context.authorizer.user_id",
        "error": "$context.error.responseType",
    }
)


def _route(
    api: apigateway.RestApi,
    integration: apigateway.Integration,
    http: Http,
    authorizer: apigateway.IAuthorizer,
) -> None:
    """The prefix and everything below it, for every method, under each of its names."""
    options: dict[str, Any] = (
        {"authorization_type": apigateway.AuthorizationType.NONE}
        if http.public
        else {"authorization_type": apigateway.AuthorizationType.CUSTOM, "authorizer": authorizer}
    )
    for prefix in http.prefixes:
        resource = api.root.resource_for_path(prefix)
        for place in (resource, resource.add_resource("{proxy+}")):
            method = place.add_method("ANY", integration, **options)
            if http.public:
                acknowledge(method, "AwsSolutions-APIG4", "Declared public in its capability.py.")


def _integration(scope: Construct, stage: Stage, one: Declared) -> apigateway.Integration:
    stack = cdk.Stack.of(scope)
    arn = alias_arn(scope, stage, one)
    return apigateway.Integration(
        type=apigateway.IntegrationType.AWS_PROXY,
        integration_http_method="POST",
        uri=stack.format_arn(
            service="apigateway",
            account="lambda",
            resource="path",
            resource_name=f"2015-03-31/functions/{arn}/invocations",
        ),
        options=apigateway.IntegrationOptions(timeout=cdk.Duration.seconds(TIMEOUT_SECONDS)),
    )


def _function(scope: Construct, stage: Stage, one: Declared) -> lambda_.IFunction:
    return lambda_.Function.from_function_attributes(
        scope, one.name, function_arn=alias_arn(scope, stage, one), skip_permissions=True
    )


def _problems(api: apigateway.RestApi) -> None:
    """Errors of the gateway itself are problem details, as the functions' are."""
    for name, problem in BY_RESPONSE_TYPE.items():
        body = json.dumps(problem.body("$context.requestId"))
        headers = {"WWW-Authenticate": "'Bearer'"} if problem.status == 401 else None
        api.add_gateway_response(
            f"Problem-{name}",
            type=apigateway.ResponseType.of(name),
            status_code=str(problem.status) if problem.status else None,
            response_headers=headers,
            templates={"application/problem+json": body, "application/json": body},
        )
