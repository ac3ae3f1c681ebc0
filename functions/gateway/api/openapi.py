"""`/api/v1/openapi.json`: the whole API, described for programs."""

import json
from functools import cache
from hashlib import sha256
from typing import Annotated, Any

from fastapi import Header, Response
from snapshot_restore_py import register_before_snapshot  # pyright: ignore[reportMissingTypeStubs]

from functions.gateway.apis import find_apis
from functions.gateway.examples import with_examples
from functions.gateway.openapi import Part, merge
from shared.http import (
    ANYBODY,
    create_app,
    http_handler,
    needs,
)

app = create_app("API")

_SECONDS_FRESH = 60
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "An OpenAPI 3.1 document."},
    304: {"description": "It has not changed."},
}
IfNoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", description="ETag of the document you have.")
]


@app.get(
    "/api/v1/openapi.json",
    response_model=dict[str, Any],
    responses=_ANSWERS,
    openapi_extra=needs(ANYBODY),
)
async def get_openapi(if_none_match: IfNoneMatch = None) -> Response:
    """This document: every operation of the API. Webhooks that vendors call are not part of it."""
    body, etag = _document()
    headers = {"ETag": etag, "Cache-Control": f"public, max-age={_SECONDS_FRESH}"}
    if _names(if_none_match or "", etag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


@cache
def _document() -> tuple[bytes, str]:
    """The document and its entity tag: made at the first request, since it imports every API, or
    on AWS before that, when the snapshot is taken which the function starts from.
    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html

    The tag is weak: who compresses the document on the way keeps its meaning, not its bytes.
    """
    parts = [
        Part(api.app.title, api.about, api.app.openapi(), api.is_public) for api in find_apis()
    ]
    document = with_examples(merge(parts))
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return body, f'W/"{sha256(body).hexdigest()[:32]}"'


def _names(if_none_match: str, etag: str) -> bool:
    """Whether the header names the tag, compared weakly as RFC 9110 §13.1.2 has it."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags


register_before_snapshot(_document)
handler = http_handler(app)
