"""The rules every synthesis is checked by, and the findings that are as they should be.

cdk-nag's packs AwsSolutions and Serverless, beside CDK's own check of the templates: a finding that
is not acknowledged, with its reason and as near to its place as can be, fails the synthesis.
https://github.com/cdklabs/cdk-nag
"""

from __future__ import annotations

import aws_cdk as cdk
import cdk_nag
from constructs import IConstruct

from infra_cdk.stages import Stage

_RUNTIME = "python3.13 is what code and layers are built and tested for."
_ANNOTATION = "Annotation::@aws-cdk/aws-lambda:"
_EVERYWHERE = {
    "AwsSolutions-APIG2": "The functions validate every request by their models, and say where.",
    "AwsSolutions-COG4": "The authorizer is our own Lambda function.",
    "AwsSolutions-L1": _RUNTIME,
    "Serverless-LambdaLatestVersion": _RUNTIME,
    "Serverless-LambdaDLQ": "No function is invoked asynchronously but by schedules, whose next "
    "run does what a failed one left.",
    "Serverless-LambdaEventSourceMappingDestination": "SQS has its own dead-letter queues; Lambda "
    "knows no destination for it.",
    "Serverless-LambdaTracing": "Traces will be exported by OpenTelemetry; X-Ray's permission "
    "cannot be limited to a resource.",
    "Serverless-APIGWXrayEnabled": "Traces will be exported by OpenTelemetry.",
    f"{_ANNOTATION}snapStartRequirePublish": "Everybody calls the alias of a published version.",
    f"{_ANNOTATION}codeFromBucketObjectVersionNotSpecified": "The object's key is the hash of what "
    "the code is made of.",
}
_UNPROTECTED = {
    "AwsSolutions-RDS10": "Stages without people's data can be deleted; a snapshot stays.",
}
_WITHOUT_FIREWALL = {"AwsSolutions-APIG3": "The stand-in of AWS has no firewall."}


def check_rules(app: cdk.App, stage: Stage) -> None:
    """Have `app.synth()` fail on any finding that nobody acknowledged."""
    rules = dict(_EVERYWHERE)
    if not stage.protected:
        rules |= _UNPROTECTED
    if "firewall" in stage.lacks:
        rules |= _WITHOUT_FIREWALL
    for rule, reason in rules.items():
        acknowledge(app, rule, reason)
    cdk.Validations.of(app).add_plugins(
        cdk_nag.AwsSolutionsChecks(app), cdk_nag.ServerlessChecks(app)
    )


def acknowledge(scope: IConstruct, rule: str, reason: str) -> None:
    """Accept a rule's findings at a construct and below it."""
    cdk.Validations.of(scope).acknowledge(cdk.Acknowledgment(id=rule, reason=reason))
