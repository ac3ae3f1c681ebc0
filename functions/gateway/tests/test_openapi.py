"""Merging: what happens when two capabilities use the same names."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from functions.gateway.openapi import Part, merge

_REF = "#/components/schemas/"


def _part(title: str, path: str, schemas: dict[str, Any], answer: str, **more: Any) -> Part:
    """An API of one operation, `find`, that answers the schema `answer`."""
    content = {"application/json": {"schema": {"$ref": _REF + answer}}}
    operation_id = f"find{path.replace('/', '_')}_get"
    operation = {"operationId": operation_id, "responses": {"200": {"content": content}}, **more}
    document = {"paths": {path: {"get": operation}}, "components": {"schemas": schemas}}
    return Part(title, f"About {title}.", document, lambda _: False)


def _record(*fields: str) -> dict[str, Any]:
    return {"type": "object", "properties": {field: {"type": "string"} for field in fields}}


def _page(of: str) -> dict[str, Any]:
    items = {"type": "array", "items": {"$ref": _REF + of}}
    return {"type": "object", "properties": {"items": items}}


def _answer(document: dict[str, Any], path: str) -> str:
    response = document["paths"][path]["get"]["responses"]["200"]
    return response["content"]["application/json"]["schema"]["$ref"].removeprefix(_REF)


def test_the_same_schema_of_two_capabilities_is_there_once() -> None:
    shared = {"Money": _record("amount")}
    merged = merge([_part("Deals", "/d", shared, "Money"), _part("Quotes", "/q", shared, "Money")])
    assert merged["components"]["schemas"].keys() == {"Problem", "FieldProblem", "Money"}


def test_a_name_with_two_shapes_is_prefixed_in_both() -> None:
    one = _part("Deals", "/d", {"Line": _record("text")}, "Line")
    two = _part("E-mail", "/e", {"Line": _record("number")}, "Line")
    for parts in ([one, two], [two, one]):
        merged = merge(parts)
        schemas = merged["components"]["schemas"]
        assert "Line" not in schemas
        assert schemas["DealsLine"] == _record("text") | {"title": "DealsLine"}
        assert schemas["EmailLine"] == _record("number") | {"title": "EmailLine"}
        assert (_answer(merged, "/d"), _answer(merged, "/e")) == ("DealsLine", "EmailLine")


def test_what_refers_to_two_shapes_has_two_shapes_itself() -> None:
    """Both pages read the same; what is on them does not. So at any depth."""
    both = {"Page": _page("Line"), "Book": _page("Page")}
    one = _part("Deals", "/d", {"Line": _record("text"), **both}, "Book")
    two = _part("Quotes", "/q", {"Line": _record("number"), **both}, "Book")
    schemas = (merged := merge([one, two]))["components"]["schemas"]
    assert _answer(merged, "/q") == "QuotesBook"
    assert schemas["QuotesBook"] == _page("QuotesPage") | {"title": "QuotesBook"}
    assert schemas["QuotesPage"] == _page("QuotesLine") | {"title": "QuotesPage"}
    assert schemas["DealsPage"] == _page("DealsLine") | {"title": "DealsPage"}


def test_a_discriminator_follows_its_schemas() -> None:
    union = {"discriminator": {"propertyName": "kind", "mapping": {"a": f"{_REF}A"}}}
    one = _part("Deals", "/d", {"A": _record("x"), "Either": union}, "Either")
    two = _part("Quotes", "/q", {"A": _record("y")}, "A")
    either = merge([one, two])["components"]["schemas"]["Either"]
    assert either["discriminator"]["mapping"] == {"a": f"{_REF}DealsA"}


def test_operations_have_short_names_where_they_are_free() -> None:
    schemas = {"Money": _record("amount")}
    alone = merge([_part("Deals", "/d", schemas, "Money")])
    assert alone["paths"]["/d"]["get"]["operationId"] == "find"
    both = merge([_part("Deals", "/d", schemas, "Money"), _part("Quotes", "/q", schemas, "Money")])
    names = [both["paths"][path]["get"]["operationId"] for path in ("/d", "/q")]
    assert names == ["find_d_get", "find_q_get"]


def test_an_operation_described_twice_is_refused() -> None:
    schemas = {"Money": _record("amount")}
    with pytest.raises(ValueError, match="described twice"):
        merge([_part("Deals", "/d", schemas, "Money"), _part("Quotes", "/d", schemas, "Money")])


def test_a_new_name_that_is_taken_is_refused() -> None:
    one = _part("Deals", "/d", {"Line": _record("a"), "QuotesLine": _record("c")}, "Line")
    two = _part("Quotes", "/q", {"Line": _record("b")}, "Line")
    with pytest.raises(ValueError, match="QuotesLine"):
        merge([one, two])


def test_the_documents_given_stay_as_they_are() -> None:
    one = _part("Deals", "/d", {"Line": _record("text")}, "Line")
    two = _part("Quotes", "/q", {"Line": _record("number")}, "Line")
    before = deepcopy(one.document)
    merge([one, two])
    assert one.document == before


def test_what_we_send_is_described_beside_what_we_answer() -> None:
    """A webhook is in no path, needs none of our tokens, and fails as its receiver likes."""
    one = _part("Deals", "/d", {"Line": _record("text")}, "Line")
    two = _part("Quotes", "/q", {"Line": _record("number")}, "Line")
    body = {"content": {"application/json": {"schema": {"$ref": f"{_REF}Line"}}}}
    sent = {
        "operationId": "receive_linequote_post",
        "requestBody": body,
        "responses": {"204": {"description": "Taken."}},
    }
    merged = merge(
        [one, replace(two, document=two.document | {"webhooks": {"quote": {"post": sent}}})]
    )
    assert merged["paths"].keys() == {"/d", "/q"}
    found = merged["webhooks"]["quote"]["post"]
    assert found["operationId"] == "receive_line"
    assert (found["tags"], found["responses"]) == (["Quotes"], sent["responses"])
    schema = found["requestBody"]["content"]["application/json"]["schema"]
    assert schema["$ref"] == f"{_REF}QuotesLine"
