"""Requests become API Gateway's events, compared with recorded ones; answers become responses."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra_cdk.local.gateway_events import (
    Arrival,
    Event,
    Request,
    Stage,
    to_authorizer_event,
    to_event,
    with_authorizer,
)
from infra_cdk.local.gateway_responses import MalformedResponse, Response, from_response
from infra_cdk.local.routes import routes_of
from infra_cdk.tests.probe import declare
from shared.wiring import Function, Http

SAMPLES = Path(__file__).parents[2] / "events/samples/aws"
ROUTES = routes_of(declare(Function("api", "api.handler", http=(Http("/api/v1/contacts"),))))
STAGE = Stage("prod", "us-east-1", "123456789012")
ARRIVAL = Arrival(
    "3b63bb0f-8c4b-4a5c-9f9a-6b2f1a1f0f11",
    "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e",
    datetime(2020, 3, 10, 5, 16, 23, 220_000, UTC),
)
GET = Request(
    "GET",
    "/api/v1/contacts",
    headers=(
        ("accept", "application/json"),
        ("authorization", "Bearer t0k3n"),
        ("host", "api.example.com"),
        ("user-agent", "curl/8.5.0"),
    ),
    source_ip="205.255.255.176",
    scheme="https",
)
POST = replace(
    GET,
    method="POST",
    path="/api/v1/contacts/ana%40example.com/notes",
    query="tag=a&tag=b+c&limit=25",
    headers=(*GET.headers[:2], ("content-type", "application/json"), *GET.headers[2:]),
    body=b'{"text": "Called back"}',
)
# What differs on every API and request, whatever the request says.
_OPAQUE = ("resourceId", "extendedRequestId", "deploymentId", "apiId")


def sample(name: str) -> Event:
    recorded: Event = json.loads((SAMPLES / f"{name}.json").read_text())
    return recorded


def event_of(request: Request) -> Event:
    match = ROUTES.match(request.path)
    assert match is not None
    return to_event(request, match, STAGE, ARRIVAL)


def without_opaque(event: Event) -> Event:
    context = {k: v for k, v in event["requestContext"].items() if k not in _OPAQUE}
    return {**event, "requestContext": context}


def with_header(name: str, value: str) -> Event:
    return event_of(replace(GET, headers=(*GET.headers, (name, value))))


def test_a_request_becomes_the_recorded_event() -> None:
    recorded = sample("apigw_rest")
    event = with_authorizer(event_of(POST), recorded["requestContext"]["authorizer"])
    assert without_opaque(event) == without_opaque(recorded)
    assert event["requestContext"].keys() == recorded["requestContext"].keys()


def test_an_authorizer_gets_the_recorded_event() -> None:
    arn = "arn:aws:execute-api:us-east-1:123456789012:70ixmpl4fl/prod/GET/api/v1/contacts"
    event = to_authorizer_event(event_of(GET), arn)
    assert without_opaque(event) == without_opaque(sample("authorizer_request"))


def test_the_method_arn_names_stage_method_and_path() -> None:
    arn = STAGE.method_arn("GET", "/api/v1/contacts")
    assert arn == "arn:aws:execute-api:us-east-1:123456789012:hastelocal/prod/GET/api/v1/contacts"


def test_what_is_absent_is_null() -> None:
    event = event_of(GET)
    absent = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters")
    assert [event[key] for key in (*absent, "stageVariables", "body")] == [None] * 5
    assert event["isBase64Encoded"] is False
    assert "authorizer" not in event["requestContext"]


def test_query_values_are_decoded_and_the_last_one_wins() -> None:
    event = event_of(replace(GET, query="q=%C3%A9%26&q=&empty&a%5Bb%5D=1"))
    assert event["queryStringParameters"] == {"q": "", "empty": "", "a[b]": "1"}
    assert event["multiValueQueryStringParameters"]["q"] == ["é&", ""]


def test_a_repeated_header_keeps_all_values() -> None:
    event = event_of(replace(GET, headers=(("x-a", "1"), ("x-a", "2"))))
    assert event["headers"]["X-A"] == "2"
    assert event["multiValueHeaders"]["X-A"] == ["1", "2"]


@pytest.mark.parametrize(
    "content_type",
    ["image/png", "multipart/form-data; boundary=x", "application/octet-stream", "message/rfc822"],
)
def test_a_binary_body_arrives_in_base64(content_type: str) -> None:
    request = replace(POST, headers=(("content-type", content_type),), body=b"\xff\x00")
    event = event_of(request)
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"\xff\x00"


def test_text_that_is_not_utf8_is_damaged_as_on_aws() -> None:
    event = event_of(replace(POST, body=b"caf\xe9"))
    assert (event["body"], event["isBase64Encoded"]) == ("caf\ufffd", False)


@pytest.mark.parametrize(
    "name",
    [
        "connection",
        "keep-alive",
        "transfer-encoding",
        "te",
        "upgrade",
        "expect",
        "proxy-authorization",
        "x-amzn-requestid",
        "x-amzn-oidc-data",
    ],
)
def test_hop_by_hop_and_amazon_headers_of_a_client_are_dropped(name: str) -> None:
    assert name not in {key.lower() for key in with_header(name, "spoofed")["headers"]}


def test_a_header_named_in_connection_is_dropped() -> None:
    request = replace(GET, headers=(("connection", "close, X-Secret"), ("x-secret", "1")))
    assert "X-Secret" not in event_of(request)["headers"]


def test_a_client_cannot_say_where_it_comes_from() -> None:
    headers = (("x-forwarded-for", "6.6.6.6"), ("x-forwarded-proto", "https"))
    event = event_of(replace(GET, headers=headers, scheme="http"))
    assert event["headers"]["X-Forwarded-For"] == "6.6.6.6, 205.255.255.176"
    assert event["headers"]["X-Forwarded-Proto"] == "http"
    assert event["requestContext"]["identity"]["sourceIp"] == "205.255.255.176"


def test_a_client_cannot_forge_its_trace_id() -> None:
    event = with_header("x-amzn-trace-id", "Root=forged")
    assert event["multiValueHeaders"]["X-Amzn-Trace-Id"] == [ARRIVAL.trace_id]


def test_an_answer_becomes_a_response() -> None:
    answer = {
        "statusCode": 201,
        "headers": {"Content-Type": "text/plain", "X-N": 1, "X-B": True, "Set-Cookie": "lost"},
        "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]},
        "body": "ü",
    }
    headers = (
        ("Content-Type", "text/plain"),
        ("X-N", "1"),
        ("X-B", "true"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
    )
    assert from_response(answer) == Response(201, headers, "ü".encode())


def test_a_base64_answer_is_decoded() -> None:
    answer = {"statusCode": 200, "body": "/wA=", "isBase64Encoded": True}
    assert from_response(answer).body == b"\xff\x00"


def test_an_answer_without_a_type_is_called_json() -> None:
    assert from_response({"statusCode": "204"}).headers == (("Content-Type", "application/json"),)


def test_headers_the_gateway_owns_are_remapped_or_dropped() -> None:
    names = ["Connection", "Transfer-Encoding", "Content-Length", "WWW-Authenticate", "Server"]
    answer = {"statusCode": 200, "headers": dict.fromkeys(names, "x")}
    sent = [name for name, _ in from_response(answer).headers]
    assert sent == ["x-amzn-Remapped-WWW-Authenticate", "x-amzn-Remapped-Server", "Content-Type"]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "ok",
        [],
        {},
        {"statusCode": True},
        {"statusCode": "ok"},
        {"statusCode": 42},
        {"statusCode": 200, "surprise": 1},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "headers": {"a": None}},
        {"statusCode": 200, "headers": {"a": "x\r\nSet-Cookie: stolen"}},
        {"statusCode": 200, "headers": {"a\nb": "x"}},
        {"statusCode": 200, "multiValueHeaders": {"a": "x"}},
        {"statusCode": 200, "body": "???", "isBase64Encoded": True},
        {"statusCode": 200, "isBase64Encoded": "yes"},
    ],
)
def test_an_answer_of_another_shape_is_malformed(answer: Any) -> None:
    with pytest.raises(MalformedResponse):
        from_response(answer)
