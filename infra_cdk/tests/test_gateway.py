"""The gateway in front of real handler processes: routing, the authorizer, limits, errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from infra_cdk.local.authorizer import Authorizer, MalformedPolicy, parse_grant
from infra_cdk.local.gateway import Gateway
from infra_cdk.local.gateway_events import Request
from infra_cdk.local.gateway_responses import Response
from infra_cdk.local.slot import Result
from infra_cdk.tests.probe import config, declare, write_project
from shared.wiring import Function, Http

API = """
    import json, os, time
    def handler(event, context):
        match event["path"]:
            case "/open/raise": raise ValueError("secret detail")
            case "/open/crash": os._exit(1)
            case "/open/sleep": time.sleep(30)
            case "/open/list": return [1]
            case "/open/huge": return {"statusCode": 200, "body": "x" * 7_000_000}
        return {"statusCode": 200, "body": json.dumps(event)}
"""
# Answers by token, so that one process serves every case.
AUTHORIZER = """
    import json, os, pathlib, time
    ARN = "arn:aws:execute-api:us-east-1:000000000000:hastelocal/local/"
    def policy(*statements, **context):
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        return {"principalId": "u1", "policyDocument": document, "context": context}
    def say(effect, resource):
        return {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}
    def handler(event, context):
        with open("calls", "a") as calls:
            calls.write(event["headers"]["Authorization"] + "\\n")
        token = event["headers"]["Authorization"].removeprefix("Bearer ")
        match token:
            case "good": return policy(say("Allow", ARN + "*"), workspace_id="w1", n=7, ok=True)
            case "reader": return policy(say("Allow", ARN + "GET/*"))
            case "deny": return policy(say("Allow", ARN + "*"), say("Deny", ARN + "*/private/x"))
            case "nothing": return policy()
            case "nested": return policy(say("Allow", ARN + "*"), user={"id": 1})
            case "null": return policy(say("Allow", ARN + "*"), user=None)
            case "unauthorized": raise Exception("Unauthorized")
            case "bug": raise KeyError("Unauthorized")
            case "crash": os._exit(1)
            case "sleep": time.sleep(30)
            case "none": return None
            case "text": return "Allow"
"""

Scene = Callable[[Gateway], Coroutine[Any, Any, None]]


def play(root: Path, scene: Scene, *, authorizer: bool = True, timeout_s: float = 29) -> None:
    write_project(root, api=API, authorizer=AUTHORIZER)
    functions = [
        Function(
            "api",
            "api.handler",
            http=(Http("/open", public=True), Http("/private"), Http("/api/v1/things")),
        ),
        Function("authorizer", "authorizer.handler", authorizer=True, timeout=1),
    ]
    declared = declare(*functions[: 2 if authorizer else 1])

    async def _play() -> None:
        gateway = Gateway(declared, config(root), timeout_s)
        try:
            await asyncio.wait_for(scene(gateway), 60)
        finally:
            await gateway.close()

    asyncio.run(_play())


def get(path: str, token: str = "", method: str = "GET", **headers: str) -> Request:
    bearer = {"authorization": f"Bearer {token}"} if token else {}
    named = {"host": "127.0.0.1:8000"} | bearer | headers
    return Request(method, path, headers=tuple(named.items()))


def problem_of(response: Response) -> tuple[int, str]:
    assert dict(response.headers)["Content-Type"] == "application/problem+json"
    body = json.loads(response.body)
    assert body.keys() == {"type", "title", "status", "detail", "code", "request_id"}
    assert body["status"] == response.status
    assert "secret" not in body["detail"]
    return response.status, body["code"]


def test_a_public_route_needs_no_credentials(tmp_path: Path) -> None:
    async def scene(gateway: Gateway) -> None:
        response = await gateway.answer(get("/open/x"))
        event = json.loads(response.body)
        assert response.status == 200
        assert event["resource"] == "/open/{proxy+}"
        assert event["requestContext"]["stage"] == "local"
        assert "authorizer" not in event["requestContext"]
        sent = dict(response.headers)
        assert sent["x-amzn-RequestId"] == event["requestContext"]["requestId"]
        assert sent["X-Amzn-Trace-Id"] == event["headers"]["X-Amzn-Trace-Id"]

    play(tmp_path, scene)


def test_an_unknown_url_is_a_problem(tmp_path: Path) -> None:
    async def scene(gateway: Gateway) -> None:
        assert problem_of(await gateway.answer(get("/nowhere"))) == (404, "not_found")

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/open/raise", (502, "function_error")),
        ("/open/crash", (502, "function_error")),
        ("/open/huge", (502, "function_error")),
        ("/open/list", (502, "malformed_response")),
    ],
)
def test_a_failing_function_is_a_bad_gateway(
    path: str, expected: tuple[int, str], tmp_path: Path
) -> None:
    async def scene(gateway: Gateway) -> None:
        assert problem_of(await gateway.answer(get(path))) == expected

    play(tmp_path, scene)


def test_a_function_that_takes_too_long_is_a_gateway_timeout(tmp_path: Path) -> None:
    async def scene(gateway: Gateway) -> None:
        response = await gateway.answer(get("/open/sleep"))
        assert problem_of(response) == (504, "integration_timeout")

    play(tmp_path, scene, timeout_s=0.5)


def test_a_body_over_the_gateways_or_the_functions_limit_is_refused(tmp_path: Path) -> None:
    async def scene(gateway: Gateway) -> None:
        over_ten = Request("POST", "/open", too_large=True)
        over_six = Request("POST", "/open", body=b"x" * 6_291_456)
        for request in (over_ten, over_six):
            assert problem_of(await gateway.answer(request)) == (413, "too_large")

    play(tmp_path, scene)


def test_the_authorizers_context_reaches_the_function_as_strings(tmp_path: Path) -> None:
    async def scene(gateway: Gateway) -> None:
        response = await gateway.answer(get("/private", "good"))
        context = json.loads(response.body)["requestContext"]["authorizer"]
        assert context == {
            "workspace_id": "w1",
            "n": "7",
            "ok": "true",
            "principalId": "u1",
            "integrationLatency": 0,
        }

    play(tmp_path, scene)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("", (401, "unauthorized")),
        ("unauthorized", (401, "unauthorized")),
        ("nothing", (403, "forbidden")),
        ("deny", (403, "forbidden")),
        ("nested", (500, "authorizer_error")),
        ("null", (500, "authorizer_error")),
        ("bug", (500, "authorizer_error")),
        ("crash", (500, "authorizer_error")),
        ("sleep", (500, "authorizer_error")),
        ("none", (500, "authorizer_error")),
        ("text", (500, "authorizer_error")),
    ],
)
def test_whatever_is_not_an_allowing_policy_lets_nobody_in(
    token: str, expected: tuple[int, str], tmp_path: Path
) -> None:
    async def scene(gateway: Gateway) -> None:
        assert problem_of(await gateway.answer(get("/private/x", token))) == expected

    play(tmp_path, scene)


def test_without_credentials_the_authorizer_is_not_called(tmp_path: Path) -> None:
    async def scene(gateway: Gateway) -> None:
        for headers in ({}, {"authorization": ""}, {"authorization": "  "}):
            response = await gateway.answer(get("/private", **headers))
            assert problem_of(response) == (401, "unauthorized")
            assert ("WWW-Authenticate", "Bearer") in response.headers

    play(tmp_path, scene)
    assert not (tmp_path / "calls").exists()


def test_the_authorizer_stands_before_both_names_of_the_newest_version(tmp_path: Path) -> None:
    async def scene(gateway: Gateway) -> None:
        for path in ("/api/v1/things/1", "/api/latest/things/1"):
            assert problem_of(await gateway.answer(get(path))) == (401, "unauthorized")
            assert problem_of(await gateway.answer(get(path, "nothing"))) == (403, "forbidden")
            event = json.loads((await gateway.answer(get(path, "good"))).body)
            assert event["path"] == path
            assert event["requestContext"]["authorizer"]["workspace_id"] == "w1"

    play(tmp_path, scene)


def test_a_denying_statement_wins_over_an_allowing_one(tmp_path: Path) -> None:
    async def scene(gateway: Gateway) -> None:
        assert (await gateway.answer(get("/private/y", "deny"))).status == 200
        assert (await gateway.answer(get("/private/x", "deny"))).status == 403

    play(tmp_path, scene)


def test_the_policy_is_kept_for_the_token_and_evaluated_for_each_request(tmp_path: Path) -> None:
    async def scene(gateway: Gateway) -> None:
        statuses = [
            (await gateway.answer(get("/private/x", "reader", method))).status
            for method in ("GET", "POST", "GET", "DELETE")
        ]
        assert statuses == [200, 403, 200, 403]
        await gateway.answer(get("/private/x", "good"))

    play(tmp_path, scene)
    assert (tmp_path / "calls").read_text() == "Bearer reader\nBearer good\n"


def test_failures_of_the_authorizer_are_not_kept(tmp_path: Path) -> None:
    async def scene(gateway: Gateway) -> None:
        for _ in range(2):
            await gateway.answer(get("/private", "unauthorized"))

    play(tmp_path, scene)
    assert (tmp_path / "calls").read_text().count("Bearer unauthorized") == 2


def test_a_policy_is_asked_for_again_after_thirty_seconds() -> None:
    calls: list[str] = []
    clock = [0.0]
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    answer = {"principalId": "u", "policyDocument": {"Statement": statement}}

    async def authorize(event: dict[str, Any]) -> Result:
        calls.append(event["methodArn"])
        return Result("r", json.dumps(answer).encode())

    async def scene() -> None:
        authorizer = Authorizer(authorize, lambda: clock[0])
        event = {"multiValueHeaders": {"Authorization": ["Bearer x"]}}
        for moment in (0.0, 29.9, 30.0, 59.9):
            clock[0] = moment
            await authorizer.check(event, "arn:x")

    asyncio.run(scene())
    assert len(calls) == 2


def test_without_a_declared_authorizer_private_routes_are_closed(tmp_path: Path) -> None:
    async def scene(gateway: Gateway) -> None:
        assert (await gateway.answer(get("/private", "good"))).status == 500
        assert (await gateway.answer(get("/private"))).status == 401
        assert (await gateway.answer(get("/open"))).status == 200

    play(tmp_path, scene, authorizer=False)


def test_a_client_cannot_bring_an_authorizer_context_of_its_own(tmp_path: Path) -> None:
    async def scene(gateway: Gateway) -> None:
        headers = dict.fromkeys(("x-amzn-authorizer", "requestcontext", "authorizer"), "forged")
        response = await gateway.answer(get("/open", **headers))
        event = json.loads(response.body)
        assert "forged" not in json.dumps(event["requestContext"])
        assert "X-Amzn-Authorizer" not in event["headers"]

    play(tmp_path, scene)


def test_the_access_log_has_no_query_and_no_token(tmp_path: Path) -> None:
    async def scene(gateway: Gateway) -> None:
        request = Request("GET", "/open/a", "ticket=s3cret", (("authorization", "Bearer s3cret"),))
        await gateway.answer(request)

    play(tmp_path, scene)
    log = (tmp_path / ".haste/logs/access.log").read_text()
    line = json.loads(log)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/open/a", 200)
    assert "s3cret" not in log


def test_two_authorizers_are_a_wrong_declaration(tmp_path: Path) -> None:
    functions = [Function(name, "a.h", authorizer=True) for name in ("a", "b")]
    with pytest.raises(ValueError, match="only one function may be the authorizer"):
        Gateway(declare(*functions), config(tmp_path))


@pytest.mark.parametrize(
    ("resource", "arn", "allowed"),
    [
        ("*", "arn:aws:execute-api:r:a:api/s/GET/x", True),
        ("arn:aws:execute-api:*:*:api/s/*/x", "arn:aws:execute-api:r:a:api/s/GET/x", True),
        ("arn:aws:execute-api:r:a:api/s/GET/x?", "arn:aws:execute-api:r:a:api/s/GET/xy", True),
        ("arn:aws:execute-api:r:a:api/s/GET/x", "arn:aws:execute-api:r:a:api/s/GET/xy", False),
        ("arn:aws:execute-api:r:a:api/s/GET/X", "arn:aws:execute-api:r:a:api/s/GET/x", False),
        ("arn:aws:execute-api:r:a:api/s/GET/.*", "arn:aws:execute-api:r:a:api/s/GET/x", False),
    ],
)
def test_arns_match_by_iams_wildcards(resource: str, arn: str, allowed: bool) -> None:
    statement = {"Effect": "Allow", "Action": ["execute-api:*"], "Resource": [resource]}
    grant = parse_grant({"principalId": "u", "policyDocument": {"Statement": [statement]}})
    assert grant.allows(arn) is allowed


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "allow"},
        {"Action": []},
        {"Resource": None},
        {"Resource": ["x", 1]},
        {"Condition": {}},
        {"NotResource": "x"},
    ],
)
def test_a_statement_we_cannot_evaluate_lets_nobody_in(change: dict[str, Any]) -> None:
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"} | change
    with pytest.raises(MalformedPolicy):
        parse_grant({"principalId": "u", "policyDocument": {"Statement": [statement]}})


@pytest.mark.parametrize("principal", [None, 1])
def test_a_policy_without_a_principal_lets_nobody_in(principal: object) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    with pytest.raises(MalformedPolicy):
        parse_grant({"principalId": principal, "policyDocument": {"Statement": statement}})
