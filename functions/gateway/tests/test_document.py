"""The document of the whole API, as it is served, against the declarations."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import pytest
from snapshot_restore_py import get_before_snapshot  # pyright: ignore[reportMissingTypeStubs]

from functions.contacts.api import handler as contacts
from functions.gateway.api import openapi
from functions.gateway.api.openapi import handler
from functions.gateway.apis import find_apis
from functions.gateway.examples import NoExample, example_of
from functions.gateway.models import FieldProblem, Problem
from infra_cdk.local.routes import Match, routes_of
from infra_cdk.registry import declared
from shared.testing import Call

URL = "/api/v1/openapi.json"
NOT_FOR_CLIENTS = {"email-webhook"}
"""HTTP functions that no client of ours calls."""


@pytest.fixture
def document(call: Call) -> dict[str, Any]:
    answer = call(handler, "GET", URL, anonymous=True)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    return answer.json


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for operation in item.values():
            yield path, operation


def _references(document: dict[str, Any]) -> set[str]:
    return set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)))


def _resolved(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def _route(path: str) -> Match:
    match = routes_of(declared()).match(path)
    assert match is not None, f"{path} is below no declared prefix"
    return match


def test_every_declared_http_function_is_described() -> None:
    described = {api.declared.name for api in find_apis()}
    http = {one.name for one in declared() if one.function.http}
    assert described == http - NOT_FOR_CLIENTS


def test_every_operation_of_every_app_is_in_the_document(document: dict[str, Any]) -> None:
    for api in find_apis():
        own = api.app.openapi()["paths"]
        assert own, api.declared.name
        for path, item in own.items():
            assert item.keys() == document["paths"][path].keys()
            assert _route(path).route.declared == api.declared


def test_no_api_needs_more_than_the_layer_we_have() -> None:
    assert {api.declared.function.layers for api in find_apis()} == {("core",)}


def test_it_is_valid_openapi(document: dict[str, Any]) -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator

    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_names_are_unique_and_references_lead_somewhere(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in _operations(document)]
    assert len(names) == len(set(names))
    assert "create_contact" in names
    references = _references(document)
    assert len(references) > 10
    for reference in references:
        assert _resolved(document, reference)
    used = {reference.rpartition("/")[2] for reference in references}
    assert document["components"]["schemas"].keys() - used == set()


def test_clients_can_be_generated_from_it(document: dict[str, Any]) -> None:
    """Generators name classes by titles, and have no type for an enum of several."""
    titles = Counter(schema["title"] for schema in document["components"]["schemas"].values())
    assert [title for title, count in titles.items() if count > 1] == []
    mixed = [enum for enum in _enums(document) if len(set(map(type, enum))) > 1]
    assert mixed == []


def _enums(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        if isinstance(found.get("enum"), list):
            yield found["enum"]
        for one in found.values():
            yield from _enums(one)
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _enums(one)


def test_who_may_call_is_what_is_declared(document: dict[str, Any]) -> None:
    assert document["security"] == [{"bearer": []}]
    for path, operation in _operations(document):
        assert (operation.get("security") == []) == _route(path).route.public, path


def test_every_operation_has_its_capabilitys_tag_and_says_how_it_fails(
    document: dict[str, Any],
) -> None:
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert tags["Contacts"] == "The people a workspace knows."
    for path, operation in _operations(document):
        assert len(operation["tags"]) == 1
        assert operation["tags"][0] in tags, path
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}
    assert "HTTPValidationError" not in json.dumps(document)


def test_a_problem_is_what_the_document_says(call: Call) -> None:
    call(contacts, "POST", "/api/v1/contacts", {"name": "Ada", "email": "ada@example.com"})
    invalid = call(contacts, "POST", "/api/v1/contacts", {"nmae": "Ada"})
    taken = call(contacts, "POST", "/api/v1/contacts", {"name": "A", "email": "ada@example.com"})
    for answer, status in ((invalid, 422), (taken, 409)):
        assert answer.status == status
        assert answer.json.keys() <= Problem.model_fields.keys()
        problem = Problem.model_validate(answer.json)
        assert all(
            error.keys() == FieldProblem.model_fields.keys()
            for error in answer.json.get("errors", ())
        )
        assert problem.errors or problem.existing_id


def test_an_unchanged_document_is_not_sent_again(call: Call) -> None:
    first = call(handler, "GET", URL, anonymous=True)
    assert first.headers["cache-control"] == "public, max-age=60"
    etag = first.headers["etag"]
    for known in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        again = call(handler, "GET", URL, headers={"If-None-Match": known}, anonymous=True)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    other = call(handler, "GET", URL, headers={"If-None-Match": '"other"'}, anonymous=True)
    assert (other.status, other.body) == (200, first.body)


def test_every_operation_says_what_follows_from_what_it_takes(document: dict[str, Any]) -> None:
    """Statuses and headers; requests made from the document test that answers are so."""
    one = document["paths"]["/api/v1/contacts/{contact_id}"]
    assert {"401", "403", "404", "412", "428", "429"} <= one["patch"]["responses"].keys()
    assert "428" not in one["delete"]["responses"], "who deletes may mean any version"
    assert {"ETag", "RateLimit", "RateLimit-Policy"} == one["get"]["responses"]["200"][
        "headers"
    ].keys()
    made = document["paths"]["/api/v1/contacts"]["post"]["responses"]
    assert {"ETag", "Location", "Idempotency-Replayed"} < made["201"]["headers"].keys()
    assert "404" not in made
    signed_in = document["paths"]["/api/v1/auth/sign-in"]["post"]["responses"]
    assert "403" not in signed_in
    assert "headers" not in signed_in["200"]


def test_what_is_made_tells_where_it_is_and_its_version(
    document: dict[str, Any], call: Call
) -> None:
    made = call(contacts, "POST", "/api/v1/contacts", {"name": "Ada"})
    told = document["paths"]["/api/v1/contacts"]["post"]["responses"]["201"]["headers"]
    assert {name for name in ("ETag", "Location") if name.lower() in made.headers} <= told.keys()
    assert made.headers["location"].startswith("/api/v1/contacts/")
    assert made.headers["etag"] == '"1"'


def _bodies(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The JSON that it takes, and that it answers with where it went well."""
    described = [operation["requestBody"]] if "requestBody" in operation else []
    described += [one for status, one in operation["responses"].items() if status[0] == "2"]
    for one in described:
        media = one.get("content", {}).get("application/json", {})
        if media.get("schema"):
            yield media


def test_every_body_has_an_example_that_is_one(document: dict[str, Any]) -> None:
    from openapi_schema_validator import OAS31Validator

    seen = 0
    for path, operation in _operations(document):
        for media in _bodies(operation):
            schema = media["schema"] | {"components": document["components"]}
            wrong = [
                error.message for error in OAS31Validator(schema).iter_errors(media["example"])
            ]
            assert wrong == [], path
            seen += 1
    assert seen > 100


def test_an_example_can_be_sent_as_it_is(document: dict[str, Any], call: Call) -> None:
    [media] = list(_bodies(document["paths"]["/api/v1/contacts"]["post"]))[:1]
    example = media["example"] | {"owner_id": None}
    assert example["email"] == "ada@example.com"
    made = call(contacts, "POST", "/api/v1/contacts", example)
    assert made.status == 201, made.json
    assert {name: made.json[name] for name in example} == example


def test_a_field_that_nothing_is_known_to_say_for_is_found() -> None:
    schemas: dict[str, Any] = {
        "Parrot": {"type": "object", "properties": {"plumage": {"type": "string"}}}
    }
    with pytest.raises(NoExample, match=r"Parrot\.plumage"):
        example_of({"$ref": "#/components/schemas/Parrot"}, schemas)
    schemas["Parrot"]["properties"]["plumage"]["examples"] = ["green"]
    assert example_of({"$ref": "#/components/schemas/Parrot"}, schemas) == {"plumage": "green"}


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    silent = [
        f"{operation['operationId']} {path}"
        for path, operation in _operations(document)
        if not operation.get("description") or not operation.get("summary")
    ]
    assert silent == []
    assert "Successful Response" not in json.dumps(document)


def test_it_is_made_before_a_snapshot_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody waits while the function imports every API."""
    openapi._document.cache_clear()  # pyright: ignore[reportPrivateUsage] -- a cold start
    hooks: Any = get_before_snapshot()
    for hook, given, named in hooks:
        hook(*given, **named)
    monkeypatch.setattr(openapi, "find_apis", None)
    assert openapi._document()[0]  # pyright: ignore[reportPrivateUsage]
