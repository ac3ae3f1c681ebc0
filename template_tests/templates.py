"""The synthesised CloudFormation as data: every resource of every stack, references read as text.

A reference reads as what it will be where that is known beforehand, pseudo parameters left as they
are written (`arn:${AWS::Partition}:sqs:...:haste-dev-automations`); as `<LogicalId.Attribute>`
where CloudFormation makes it up; as `{{/haste/dev/data/bucket}}` where it is a parameter of Systems
Manager.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infra_cdk.stages import STAGES, Stage

ACCOUNT, REGION = "${AWS::AccountId}", "${AWS::Region}"
_NAMED = {
    "AWS::Events::EventBus": ("Name", "events", "event-bus/{}"),
    "AWS::Lambda::Function": ("FunctionName", "lambda", "function:{}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs", "log-group:{}:*"),
    "AWS::SQS::Queue": ("QueueName", "sqs", "{}"),
}
"""Types whose resources we name: the property with the name, and what follows from it."""

PROVIDER = "AWSCDKTriggerCustomResourceProvider"
"""CDK's own function, which invokes ours at a deploy: Node, and the only one that is not ours."""


def arn(service: str, resource: str) -> str:
    """The ARN of something in the stage's own account and region."""
    return f"arn:${{AWS::Partition}}:{service}:{REGION}:{ACCOUNT}:{resource}"


@dataclass(frozen=True)
class Resource:
    """One resource. `place` is its construct's path inside the stack, `given` what the template
    says besides properties (`DependsOn`, `DeletionPolicy`).
    """

    stack: str
    id: str
    type: str
    place: str
    properties: Mapping[str, Any]
    given: Mapping[str, Any]

    @property
    def ref(self) -> str:
        """How a reference to it reads, where it has no name of its own."""
        return f"<{self.id}>"

    @property
    def depends(self) -> frozenset[str]:
        """Logical ids it says it depends on."""
        named = self.given.get("DependsOn", [])
        return frozenset([named] if isinstance(named, str) else named)

    def __getitem__(self, name: str) -> Any:
        return self.properties[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.properties.get(name, default)


@dataclass(frozen=True)
class Template:
    """One stack's template. `stack` is its name without the stage's prefix."""

    stack: str
    path: Path
    body: Mapping[str, Any]
    places: Mapping[str, str]

    @cached_property
    def resources(self) -> Mapping[str, Resource]:
        """By logical id."""
        return {
            name: Resource(
                self.stack,
                name,
                raw["Type"],
                self.places.get(name, ""),
                self.read(raw.get("Properties", {})),
                {key: value for key, value in raw.items() if key not in ("Type", "Properties")},
            )
            for name, raw in self.body["Resources"].items()
        }

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """What the stack reads from Systems Manager: names by logical id."""
        return {
            name: raw["Default"]
            for name, raw in self.body.get("Parameters", {}).items()
            if raw["Type"] == "AWS::SSM::Parameter::Value<String>" and name != "BootstrapVersion"
        }

    def of(self, *types: str) -> list[Resource]:
        """The resources of some types."""
        return [one for one in self.resources.values() if one.type in types]

    def read(self, value: Any) -> Any:
        """A value with its references as text."""
        if isinstance(value, list):
            return [self.read(one) for one in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (found := next(iter(value))) in _FUNCTIONS:
            return _FUNCTIONS[found](self, value[found])
        unknown = [key for key in value if key.startswith("Fn::")]
        assert not unknown, f"{self.stack}: nobody reads {unknown} yet"
        return {key: self.read(inner) for key, inner in value.items()}


def _ref(template: Template, name: str) -> str:
    if name.startswith("AWS::"):
        return f"${{{name}}}"
    if name in template.body.get("Parameters", {}):
        return f"{{{{{template.body['Parameters'][name]['Default']}}}}}"
    raw = template.body["Resources"][name]
    properties = raw.get("Properties", {})
    match raw["Type"]:
        case "AWS::Lambda::Alias":
            function = template.body["Resources"][properties["FunctionName"]["Ref"]]
            return arn("lambda", f"function:{_name(function)}:{properties['Name']}")
        case "AWS::ApiGateway::Stage":
            return properties["StageName"]
        case "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.${{AWS::URLSuffix}}/{ACCOUNT}/{_name(raw)}"
        case _:
            return _name(raw) or f"<{name}>"


def _get_att(template: Template, of: Sequence[str]) -> str:
    name, attribute = of
    raw = template.body["Resources"][name]
    if attribute == "Arn" and (known := _name(raw)):
        _, service, resource = _NAMED[raw["Type"]]
        return arn(service, resource.format(known))
    return f"<{name}.{attribute}>"


def _name(raw: Mapping[str, Any]) -> str:
    """The name we gave a resource, if we did."""
    known = _NAMED.get(raw["Type"])
    return raw.get("Properties", {}).get(known[0], "") if known else ""


def _join(template: Template, of: Sequence[Any]) -> str:
    separator, parts = of
    return separator.join(template.read(part) for part in parts)


def _split(template: Template, of: Sequence[Any]) -> list[str]:
    separator, whole = of
    text: str = template.read(whole)
    return text.split(separator) if separator in text else [f"{text}[*]"]


def _select(template: Template, of: Sequence[Any]) -> str:
    number, parts = of[0], template.read(of[1])
    if isinstance(parts, str):
        return f"{parts}[{number}]"
    unknown = len(parts) == 1 and parts[0].endswith("[*]")
    return f"{parts[0][:-3]}[{number}]" if unknown else parts[int(number)]


_FUNCTIONS = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::GetAZs": lambda _, __: "${zones}",
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Sub": lambda _, text: text,
}


@dataclass(frozen=True)
class Assembly:
    """Everything CDK made of one stage."""

    stage: Stage
    folder: Path
    templates: Mapping[str, Template]

    def of(self, *types: str) -> list[Resource]:
        """The resources of some types, of all stacks."""
        return [one for template in self.templates.values() for one in template.of(*types)]

    def of_service(self, service: str) -> list[Resource]:
        """The resources of a service: `ApiGatewayV2`."""
        everything = (one for t in self.templates.values() for one in t.resources.values())
        return [one for one in everything if one.type.startswith(f"AWS::{service}::")]

    def one(self, kind: str) -> Resource:
        """The only resource of a type."""
        [found] = self.of(kind)
        return found

    def named(self, kind: str, prop: str) -> dict[str, Resource]:
        """The resources of a type by the name they have in a property, without the stage."""
        found = self.of(kind)
        assert len({one[prop] for one in found}) == len(found), f"two {kind} of one name"
        return {one[prop].removeprefix(f"{self.stage.prefix}-"): one for one in found}

    def live(self, function: str) -> str:
        """The ARN by which everybody calls one of our functions."""
        return arn("lambda", f"function:{self.stage.called(function)}:live")

    def parameter(self, name: str) -> str:
        """How the value of a parameter of Systems Manager reads: `{{/haste/dev/data/bucket}}`."""
        return f"{{{{{self.stage.parameter(name)}}}}}"

    def functions(self) -> dict[str, Resource]:
        """Our functions by name, without the stage."""
        ours = (one for one in self.of("AWS::Lambda::Function") if not one.id.startswith(PROVIDER))
        return {one["FunctionName"].removeprefix(f"{self.stage.prefix}-"): one for one in ours}

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The stacks as CDK deploys them, by name without the stage."""
        read = json.loads((self.folder / "manifest.json").read_text())
        return {
            name.removeprefix(f"{self.stage.prefix}-"): artifact
            for name, artifact in read["artifacts"].items()
            if artifact["type"] == "aws:cloudformation:stack"
        }

    @cached_property
    def published(self) -> Mapping[str, Resource]:
        """Parameters of Systems Manager that the stacks write, by name."""
        return {one["Name"]: one for one in self.of("AWS::SSM::Parameter")}

    def findings(self) -> list[dict[str, Any]]:
        """What the rules found, each with the plugin it is from."""
        report = json.loads((self.folder / "validation-report.json").read_text())
        return [
            {"plugin": plugin["pluginName"], **violation}
            for plugin in report["pluginReports"]
            for violation in plugin["violations"]
        ]


def load(folder: Path, stage: str) -> Assembly:
    """What CDK wrote into a folder."""
    prefix = f"{STAGES[stage].prefix}-"
    found = sorted(folder.glob("*.template.json"))
    assert found, f"no templates in {folder}"
    templates = (_template(path, prefix) for path in found)
    return Assembly(STAGES[stage], folder, {one.stack: one for one in templates})


def _template(path: Path, prefix: str) -> Template:
    name = path.name.removesuffix(".template.json")
    notes = json.loads(path.with_name(f"{name}.metadata.json").read_text())
    places = {
        entry["data"]: place.removeprefix(f"/{name}/")
        for place, entries in notes.items()
        for entry in entries
        if entry["type"] == "aws:cdk:logicalId"
    }
    return Template(name.removeprefix(prefix), path, json.loads(path.read_text()), places)


def statements(policy: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The statements of a policy document; actions and resources always as lists."""
    for statement in policy["Statement"]:
        yield {
            **statement,
            **{key: _listed(statement[key]) for key in ("Action", "Resource") if key in statement},
        }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
