"""`/docs`: the API's own description as a page to read and try, by Swagger UI.

The program comes from the pinned npm package `swagger-ui-dist`, so nothing is asked of any other
host; the page's policy would not let it.
"""

from __future__ import annotations

import asyncio

from infra_cdk.local import node
from infra_cdk.local.gateway_events import Header, Request
from infra_cdk.local.gateway_responses import Response, problem
from infra_cdk.local.processes import ServiceFailed
from infra_cdk.local.state import State

PATH = "/docs"
_PACKAGED = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>hasteCRM API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<main id="docs"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
"""
# `validatorUrl`: Swagger UI would otherwise offer every document to a validator on the internet.
_START = """\
SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  validatorUrl: null,
});
"""
# Its icons are data: URLs in the style sheet.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ALWAYS: tuple[Header, ...] = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-cache"),
)


def is_docs(path: str) -> bool:
    """Whether a path is the page's, or of one of its files."""
    return path == PATH or path.startswith(f"{PATH}/")


async def docs(request: Request, state: State) -> Response:
    """Answer a request for the page or one of its files. The first installs what is missing."""
    if request.method not in ("GET", "HEAD"):
        return problem(405, "method_not_allowed", "This is a page to read.", "")
    name = request.path.removeprefix(PATH).strip("/")
    match name:
        case "":
            return _response("text/html", _PAGE.encode())
        case "start.js":
            return _response("text/javascript", _START.encode())
        case _ if name in _PACKAGED:
            return await _packaged(name, state)
        case _:
            return problem(404, "not_found", "There is nothing at this URL.", "")


async def _packaged(name: str, state: State) -> Response:
    try:
        tools = await asyncio.to_thread(node.install, state)
    except ServiceFailed as error:
        return problem(503, "unavailable", str(error), "")
    content = (tools / "node_modules" / "swagger-ui-dist" / name).read_bytes()
    return _response(_PACKAGED[name], content)


def _response(content_type: str, body: bytes) -> Response:
    kind = content_type if content_type.startswith("image/") else f"{content_type}; charset=utf-8"
    return Response(200, (("Content-Type", kind), *_ALWAYS), body)
