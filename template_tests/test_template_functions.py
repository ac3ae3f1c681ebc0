"""Functions as they are declared, called by their alias, by what is declared to call them."""

from __future__ import annotations

import json
import re
from typing import Any

from infra_cdk.local.function_environment import environment_for
from infra_cdk.local.stack_config import Resources, StackConfig
from infra_cdk.registry import declared, queues
from shared.wiring import Declared
from template_tests.synthesis import OWN
from template_tests.templates import PROVIDER, Assembly, Resource

ALL = declared()
BY_NAME = {one.name: one for one in ALL}


def variables(function: Resource) -> dict[str, str]:
    """A function's environment."""
    return function["Environment"]["Variables"]


def test_the_declared_functions_are_there_and_no_other(assembly: Assembly) -> None:
    everything = assembly.of("AWS::Lambda::Function")
    others = [one.stack for one in everything if one.id.startswith(PROVIDER)]
    assert set(assembly.functions()) == set(BY_NAME)
    assert len(everything) == len(BY_NAME) + len(others)
    assert set(others) == {one.capability.name for one in ALL if one.function.on_deploy}
    assert {name: one.stack for name, one in assembly.functions().items()} == {
        one.name: one.capability.name for one in ALL
    }


def test_functions_are_as_declared(assembly: Assembly) -> None:
    found = {
        name: (one["Handler"], one["MemorySize"], one["Timeout"], one.get("SnapStart"))
        for name, one in assembly.functions().items()
    }
    published = {"ApplyOn": "PublishedVersions"}
    assert found == {
        one.name: (
            one.entry,
            one.function.memory,
            one.function.timeout,
            published if one.function.snap_start else None,
        )
        for one in ALL
    }


def test_functions_run_on_what_their_code_is_built_for(assembly: Assembly) -> None:
    """The emulator runs them on the machine it is on, whatever a template says."""
    for name, one in assembly.functions().items():
        assert (one["Runtime"], one["Architectures"]) == ("python3.13", ["arm64"]), name
        assert one.get("PackageType", "Zip") == "Zip"
    for layer in assembly.of("AWS::Lambda::LayerVersion"):
        assert layer["CompatibleRuntimes"] == ["python3.13"]
        assert layer["CompatibleArchitectures"] == ["arm64"]


def test_functions_have_the_declared_layers_and_ours(assembly: Assembly) -> None:
    """In any order: no file is in two. The parameter's name has the layer's hash in it, so a
    function changes when a layer does; what a failed deploy goes back to finds the old layer.
    """
    versions = {one["LayerName"]: one for one in assembly.of("AWS::Lambda::LayerVersion")}
    parameters = {
        name: f"{{{{{parameter['Name']}}}}}"
        for name in ("core", "ai", "shared")
        for parameter in assembly.published.values()
        if parameter["Value"] == versions[assembly.stage.called(name)].ref
    }
    for name, parameter in parameters.items():
        layer = versions[assembly.stage.called(name)]
        assert layer["Content"]["S3Key"][:12] in parameter
        assert layer.given["DeletionPolicy"] == layer.given["UpdateReplacePolicy"] == "Retain"
    found = {name: sorted(one["Layers"]) for name, one in assembly.functions().items()}
    assert found == {
        one.name: sorted(parameters[layer] for layer in (*one.function.layers, "shared"))
        for one in ALL
    }


def test_all_functions_have_the_same_code(assembly: Assembly) -> None:
    """One archive: each imports its own capability from it."""
    code = {json.dumps(one["Code"], sort_keys=True) for one in assembly.functions().values()}
    assert len(code) == 1


def test_functions_are_told_what_the_laptop_tells_them(assembly: Assembly) -> None:
    """The same names, but for those of AWS, which Lambda itself gives. A setting the stage has no
    value for is left out on both.
    """
    settings = {
        name: "a value"
        for one in ALL
        for name in one.function.env
        if assembly.stage.setting(name) is not None
    }
    stack = _laptop(settings)
    for name, one in assembly.functions().items():
        assert set(variables(one)) == _names(BY_NAME[name], stack), name


def test_every_setting_that_a_deployer_gives_reaches_who_asks_for_it(own: Assembly) -> None:
    stack = _laptop(OWN["settings"])
    for name, one in own.functions().items():
        told, asks = variables(one), BY_NAME[name].function.env
        assert set(told) == _names(BY_NAME[name], stack), name
        assert {n: told[f"HASTE_{n}"] for n in asks} == {n: f"own-{n}" for n in asks}


def test_functions_are_told_names_and_no_secret(deployed: Assembly) -> None:
    """What a variable holds is in plain sight of whoever may read the function."""
    stage = deployed.stage
    for name, one in deployed.functions().items():
        f, told = BY_NAME[name].function, variables(one)
        assert (told["HASTE_STAGE"], told["HASTE_FUNCTION"]) == (stage.name, name)
        assert told["POWERTOOLS_SERVICE_NAME"] == name
        migrates = f.role == "crm_migrator"
        host = deployed.parameter(f"database/{'writer' if migrates else 'proxy'}")
        trusted = "rds" if migrates else "public"
        tls = f"sslmode=verify-full&sslrootcert={trusted}"
        expected = {
            "HASTE_DATABASE_URL": f"postgresql://{f.role}@{host}:5432/haste?{tls}",
            "HASTE_CACHE_URL": f"rediss://{deployed.parameter('cache/host')}:6379",
            "HASTE_BUCKET": deployed.parameter("data/bucket"),
            "HASTE_KMS_KEY": deployed.parameter("data/key"),
        }
        assert {n: told[n] for n in expected if n in told} == {
            n: expected[n] for n in expected if n in told
        }
        for queue in f.sends:
            url = told[f"HASTE_QUEUE_{queue.upper().replace('-', '_')}"]
            physical = stage.called(queues()[queue].physical_name)
            host = "sqs.${AWS::Region}.${AWS::URLSuffix}"
            assert url == f"https://{host}/${{AWS::AccountId}}/{physical}"
        for secret in (*f.secrets, *f.writes_secrets):
            value = told[f"HASTE_SECRET_{secret.upper().replace('-', '_')}"]
            assert value == deployed.parameter(f"secrets/{secret}")


def test_variables_fit(assembly: Assembly) -> None:
    """4 KB together; what is looked up at deploy is reckoned as 256 bytes.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    for name, one in assembly.functions().items():
        text = json.dumps(variables(one))
        assert len(re.sub(r"\{\{.*?\}\}", "x" * 256, text)) <= 4096, name


def test_a_function_logs_json_for_as_long_as_the_stage_says(assembly: Assembly) -> None:
    groups = {
        one["LogGroupName"]: one
        for one in assembly.of("AWS::Logs::LogGroup")
        if one.get("LogGroupName")
    }
    for name, one in assembly.functions().items():
        group = f"/aws/lambda/{assembly.stage.called(name)}"
        assert one["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": group}
        assert groups[group]["RetentionInDays"] == assembly.stage.log_days


def test_every_function_has_the_alias_live_of_its_newest_version(assembly: Assembly) -> None:
    """SnapStart works on published versions only, so nobody may call the function itself."""
    aliases = {one["FunctionName"]: one for one in assembly.of("AWS::Lambda::Alias")}
    assert len(aliases) == len(assembly.of("AWS::Lambda::Alias"))
    versions = {
        (one.stack, f"<{one.id}.Version>"): one for one in assembly.of("AWS::Lambda::Version")
    }
    assert set(aliases) == {assembly.stage.called(name) for name in BY_NAME}
    for function, alias in aliases.items():
        assert versions[alias.stack, alias["FunctionVersion"]]["FunctionName"] == function
        assert alias["Name"] == "live"
        assert not {"RoutingConfig", "ProvisionedConcurrencyConfig"} & set(alias.properties)


def test_nobody_calls_a_function_but_by_its_alias(assembly: Assembly) -> None:
    """Wherever a template names a function of ours, it says `:live`; a deploy calls a version."""
    named = re.compile(rf":function:{assembly.stage.prefix}-[\w-]+(?::([\w$*-]+))?")
    for template in assembly.templates.values():
        for one in template.resources.values():
            if one.id.startswith(PROVIDER):
                continue  # may invoke versions: see the test of what roles may do
            qualifiers = set(named.findall(json.dumps(one.properties)))
            assert qualifiers <= {"live"}, f"{one.stack}: {one.id}"


def test_schedules_are_the_declared_ones(assembly: Assembly) -> None:
    found = {
        name: (one["ScheduleExpression"], one["Target"]["Arn"])
        for name, one in assembly.named("AWS::Scheduler::Schedule", "Name").items()
    }
    assert found == {
        f"{one.name}-{job.name}": (job.expression, assembly.live(one.name))
        for one in ALL
        for job in one.function.schedules
    }


def test_a_schedule_sends_the_event_of_its_job_on_time(assembly: Assembly) -> None:
    jobs = {f"{one.name}-{job.name}": job.name for one in ALL for job in one.function.schedules}
    for name, one in assembly.named("AWS::Scheduler::Schedule", "Name").items():
        event: dict[str, Any] = json.loads(one["Target"]["Input"])
        assert event["detail-type"] == "Scheduled Event"
        assert event["detail"] == {"job": jobs[name]}
        assert one["State"] == "ENABLED"
        assert one["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert one["ScheduleExpressionTimezone"] == "Etc/UTC"


def test_what_is_declared_so_is_invoked_at_a_deploy(assembly: Assembly) -> None:
    """Its very version, whenever that changed, and the deploy waits for it."""
    versions = {
        (one.stack, one.ref): one["FunctionName"] for one in assembly.of("AWS::Lambda::Version")
    }
    found: dict[str, Resource] = {}
    for one in assembly.of("Custom::Trigger"):
        found[versions[one.stack, one["HandlerArn"]]] = one
    assert set(found) == {assembly.stage.called(o.name) for o in ALL if o.function.on_deploy}
    for name, one in found.items():
        function = BY_NAME[name.removeprefix(f"{assembly.stage.prefix}-")].function
        assert one["InvocationType"] == "RequestResponse"
        assert one["Timeout"] == str(function.timeout * 1000)
        assert one["ExecuteOnHandlerChange"] is True


def test_a_deploy_runs_it_before_the_new_code_of_its_stack_takes_requests(
    assembly: Assembly,
) -> None:
    """The other functions' aliases are moved only after it succeeded."""
    for trigger in assembly.of("Custom::Trigger"):
        template = assembly.templates[trigger.stack]
        triggers = {one.id for one in template.of("Custom::Trigger")}
        own = {
            version["FunctionName"]
            for version in template.of("AWS::Lambda::Version")
            if version.ref in {template.resources[name]["HandlerArn"] for name in triggers}
        }
        early = [
            alias.id
            for alias in template.of("AWS::Lambda::Alias")
            if alias["FunctionName"] not in own and not triggers <= alias.depends
        ]
        assert early == [], f"{trigger.stack}: these do not wait for {trigger.id}"


def test_concurrency_is_kept_back_for_publishing_and_migrating(assembly: Assembly) -> None:
    kept = {"crm_outbox": 2, "crm_migrator": 1} if assembly.stage.reserve else {}
    for name, one in assembly.functions().items():
        role = BY_NAME[name].function.role
        assert one.get("ReservedConcurrentExecutions") == kept.get(role or ""), name
        queue = BY_NAME[name].function.queue
        assert not (queue and one.get("ReservedConcurrentExecutions")), "would fight its mapping"


def _names(one: Declared, stack: StackConfig) -> set[str]:
    return {name for name in environment_for(one, stack) if not name.startswith("AWS_")}


def _laptop(settings: dict[str, str]) -> StackConfig:
    """A laptop that has all the declarations ask for, and these settings."""
    found = [one.function for one in ALL]
    return StackConfig(
        home="/nowhere",
        token="token",
        database_urls={f.role: "postgresql://nowhere" for f in found if f.role},
        resources=Resources(
            queues=dict.fromkeys(queues(), "https://sqs.invalid/1/queue"),
            secrets={name: name for f in found for name in (*f.secrets, *f.writes_secrets)},
        ),
        settings=settings,
    )
