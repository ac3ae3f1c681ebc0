"""The web application firewall in front of the API.

AWS's managed rules, without those that would refuse what a CRM is for: bodies over 8 KB, and HTML
in bodies. https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
"""

from __future__ import annotations

from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from infra_cdk.stages import Stage

_PER_ADDRESS = 5000
"""Requests from one address in five minutes: an office of a hundred people behind one."""
_COUNTED = (
    "CrossSiteScripting_BODY",
    "EC2MetaDataSSRF_BODY",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
    "NoUserAgent_HEADER",
    "SizeRestrictions_BODY",
)
_MANAGED = {
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
    "AWSManagedRulesCommonRuleSet": _COUNTED,
}

Acl = wafv2.CfnWebACL


def firewall(scope: Construct, stage: Stage, stage_arn: str) -> None:
    """A web ACL on the deployed stage of the API."""
    groups = [
        _managed(name, counted, priority)
        for priority, (name, counted) in enumerate(_MANAGED.items(), start=1)
    ]
    acl = Acl(
        scope,
        "Firewall",
        name=stage.prefix,
        scope="REGIONAL",
        default_action=Acl.DefaultActionProperty(allow=Acl.AllowActionProperty()),
        visibility_config=_visible(stage.prefix),
        rules=[_per_address(stage), *groups],
    )
    wafv2.CfnWebACLAssociation(
        scope, "FirewallOnApi", resource_arn=stage_arn, web_acl_arn=acl.attr_arn
    )


def _managed(name: str, counted: tuple[str, ...], priority: int) -> Acl.RuleProperty:
    return Acl.RuleProperty(
        name=name,
        priority=priority,
        override_action=Acl.OverrideActionProperty(none={}),
        statement=Acl.StatementProperty(
            managed_rule_group_statement=Acl.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
                rule_action_overrides=[
                    Acl.RuleActionOverrideProperty(
                        name=rule, action_to_use=Acl.RuleActionProperty(count={})
                    )
                    for rule in counted
                ]
                or None,
            )
        ),
        visibility_config=_visible(name),
    )


def _per_address(stage: Stage) -> Acl.RuleProperty:
    """A limit per address, but for webhooks: all of Gmail's pushes come from a few of Google's."""
    webhooks = [
        _path_begins(prefix) for prefix in ("/webhooks/", f"/{stage.name}/webhooks/")
    ]  # without and with the stage, which only a custom domain leaves out
    others = Acl.NotStatementProperty(
        statement=Acl.StatementProperty(or_statement=Acl.OrStatementProperty(statements=webhooks))
    )
    return Acl.RuleProperty(
        name="per-address",
        priority=0,
        action=Acl.RuleActionProperty(block={}),
        statement=Acl.StatementProperty(
            rate_based_statement=Acl.RateBasedStatementProperty(
                aggregate_key_type="IP",
                limit=_PER_ADDRESS,
                scope_down_statement=Acl.StatementProperty(not_statement=others),
            )
        ),
        visibility_config=_visible("per-address"),
    )


def _path_begins(prefix: str) -> Acl.StatementProperty:
    return Acl.StatementProperty(
        byte_match_statement=Acl.ByteMatchStatementProperty(
            field_to_match=Acl.FieldToMatchProperty(uri_path={}),
            positional_constraint="STARTS_WITH",
            search_string=prefix,
            text_transformations=[Acl.TextTransformationProperty(priority=0, type="NONE")],
        )
    )


def _visible(name: str) -> Acl.VisibilityConfigProperty:
    return Acl.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
