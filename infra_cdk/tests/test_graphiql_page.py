"""The GraphiQL page as the gateway serves it, with the schema it explores behind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra_cdk.local.state import CHECKOUT, free_port, open_state
from infra_cdk.tests.probe import config, running

_ELSEWHERE = re.compile(r"(?:https?:|wss?:)?//[^/\s]", re.I)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The gateway with the product's own functions."""
    home, port, tools = tmp_path_factory.mktemp("home"), free_port(), open_state().tools
    settings = config(CHECKOUT, home=str(home), tools=str(tools), gateway_port=port)
    with (
        running(CHECKOUT, "infra_cdk.local.gateway", settings),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client,
    ):
        yield client


def _loaded(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="(/[^"]+)"', page)


def test_all_that_the_page_loads_is_here(client: httpx.Client) -> None:
    page = client.get("/graphiql")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    kinds = {path: client.get(path).raise_for_status().headers for path in _loaded(page.text)}
    assert {path: kind["content-type"].partition(";")[0] for path, kind in kinds.items()} == {
        "/graphiql/graphiql.min.css": "text/css",
        "/graphiql/page.css": "text/css",
        "/graphiql/react.js": "text/javascript",
        "/graphiql/react-dom.js": "text/javascript",
        "/graphiql/graphiql.min.js": "text/javascript",
        "/graphiql/start.js": "text/javascript",
    }
    assert client.get("/graphiql/").text == page.text


def test_what_it_asks_is_a_route_that_wants_a_token(client: httpx.Client) -> None:
    (url,) = re.findall(r'url: "([^"]+)"', client.get("/graphiql/start.js").text)
    assert client.post(url, json={"query": "{ __typename }"}).status_code == 401


def test_nothing_refers_to_another_host(client: httpx.Client) -> None:
    page = client.get("/graphiql").text
    for path in ("/graphiql", "/graphiql/start.js", "/graphiql/page.css"):
        assert _ELSEWHERE.findall(client.get(path).text) == []
    style = client.get(next(one for one in _loaded(page) if one.endswith(".min.css"))).text
    assert "@import" not in style
    assert set(re.findall(r"url\(\s*[\"']?([a-z]*:)", style)) == {"data:"}


def test_the_policy_lets_nothing_from_another_host_in(client: httpx.Client) -> None:
    page = client.get("/graphiql")
    for path in ["/graphiql", *_loaded(page.text)]:
        policy = client.get(path).headers["content-security-policy"]
        directives = dict(one.strip().split(" ", 1) for one in policy.split(";"))
        assert directives["default-src"] == "'none'"
        assert directives["script-src"] == directives["connect-src"] == "'self'"
        sources = {source for value in directives.values() for source in value.split()}
        assert sources == {"'none'", "'self'", "data:"}


def test_no_other_file_of_the_packages_is_served(client: httpx.Client) -> None:
    for path in ("package.json", "graphiql/package.json", "..%2freact%2fpackage.json", "react"):
        assert client.get(f"/graphiql/{path}").status_code == 404
    assert client.post("/graphiql").status_code == 405
    assert client.get("/graphiqlx").status_code == 404


def test_without_the_packages_the_page_says_why(tmp_path: Path) -> None:
    port = free_port()
    settings = config(CHECKOUT, home=str(tmp_path), gateway_port=port)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("npm_config_registry", "http://127.0.0.1:1")
        patch.setenv("npm_config_fetch_retries", "0")
        patch.setenv("npm_config_cache", str(tmp_path / "npm"))
        with running(CHECKOUT, "infra_cdk.local.gateway", settings):
            answer = httpx.get(f"http://127.0.0.1:{port}/graphiql/react.js", timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "is the npm registry reachable?" in answer.json()["detail"]
