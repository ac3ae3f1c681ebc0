"""`/graphiql`: GraphQL as a page to explore and try, by GraphiQL.

The program comes from pinned npm packages, fetched at the page's first request, so nothing is asked
of any other host; the page's policy would not let it. GraphiQL 4 is the last that comes as plain
files: later ones have to be bundled, with an editor and its workers.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from infra_cdk.local import node
from infra_cdk.local.gateway_events import Header, Request
from infra_cdk.local.gateway_responses import Response, problem
from infra_cdk.local.processes import ServiceFailed
from infra_cdk.local.state import State

PATH = "/graphiql"
_LISTS = Path(__file__).with_name("graphiql")
_PACKAGED = {
    "graphiql.min.css": ("graphiql/graphiql.min.css", "text/css"),
    "graphiql.min.js": ("graphiql/graphiql.min.js", "text/javascript"),
    "react.js": ("react/umd/react.production.min.js", "text/javascript"),
    "react-dom.js": ("react-dom/umd/react-dom.production.min.js", "text/javascript"),
}
_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>hasteCRM GraphQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/graphiql/graphiql.min.css">
<link rel="stylesheet" href="/graphiql/page.css">
<main id="graphiql"></main>
<script src="/graphiql/react.js"></script>
<script src="/graphiql/react-dom.js"></script>
<script src="/graphiql/graphiql.min.js"></script>
<script src="/graphiql/start.js"></script>
"""
_STYLE = "html, body, #graphiql { height: 100%; margin: 0; }\n"
# The schema can be read by whoever is signed in: the token goes into the headers, below the query.
_START = """\
const send = GraphiQL.createFetcher({ url: "/api/v1/graphql" });
const fetcher = (question, options) => {
  const authorization = options?.headers?.Authorization ?? "";
  return authorization.replace("Bearer", "").trim() === ""
    ? { errors: [{ message: "Put your token into the headers, and fetch the schema again." }] }
    : send(question, options);
};
const query = `# Put your token into the headers below;
# then fetch the schema: the arrows at the left.
{
  contacts(first: 10) {
    nodes {
      name
      email
      tasks(first: 3) { nodes { title } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`;
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: query,
    defaultHeaders: '{ "Authorization": "Bearer " }',
    defaultEditorToolsVisibility: "headers",
    shouldPersistHeaders: false,
  }),
);
"""
# Its icons and fonts are data: URLs in the style sheet.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_ALWAYS: tuple[Header, ...] = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-cache"),
)


def is_graphiql(path: str) -> bool:
    """Whether a path is the page's, or of one of its files."""
    return path == PATH or path.startswith(f"{PATH}/")


async def graphiql(request: Request, state: State) -> Response:
    """Answer a request for the page or one of its files. The first installs what is missing."""
    if request.method not in ("GET", "HEAD"):
        return problem(405, "method_not_allowed", "This is a page to read.", "")
    name = request.path.removeprefix(PATH).strip("/")
    match name:
        case "":
            return _response("text/html", _PAGE.encode())
        case "page.css":
            return _response("text/css", _STYLE.encode())
        case "start.js":
            return _response("text/javascript", _START.encode())
        case _ if name in _PACKAGED:
            return await _packaged(*_PACKAGED[name], state)
        case _:
            return problem(404, "not_found", "There is nothing at this URL.", "")


async def _packaged(path: str, content_type: str, state: State) -> Response:
    try:
        tools = await asyncio.to_thread(node.install, state, _LISTS)
    except ServiceFailed as error:
        return problem(503, "unavailable", str(error), "")
    return _response(content_type, (tools / "node_modules" / path).read_bytes())


def _response(content_type: str, body: bytes) -> Response:
    return Response(200, (("Content-Type", f"{content_type}; charset=utf-8"), *_ALWAYS), body)
