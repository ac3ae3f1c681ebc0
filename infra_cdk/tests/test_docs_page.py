"""The docs page as the gateway serves it, with the API it describes behind."""

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
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        yield client


def _loaded(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]+)"', page)


def test_all_that_the_page_loads_is_here(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    kinds = {path: client.get(path).raise_for_status().headers for path in _loaded(page.text)}
    assert {path: kind["content-type"].partition(";")[0] for path, kind in kinds.items()} == {
        "/docs/favicon-32x32.png": "image/png",
        "/docs/swagger-ui.css": "text/css",
        "/docs/swagger-ui-bundle.js": "text/javascript",
        "/docs/start.js": "text/javascript",
    }
    assert client.get("/docs/").text == page.text


def test_the_document_it_shows_is_the_apis_own(client: httpx.Client) -> None:
    (url,) = re.findall(r'url: "([^"]+)"', client.get("/docs/start.js").text)
    document = client.get(url).raise_for_status().json()
    assert document["openapi"] == "3.1.0"
    assert "/api/v1/contacts" in document["paths"]


def test_nothing_refers_to_another_host(client: httpx.Client) -> None:
    page, start, style = (
        client.get(path).text for path in ("/docs", "/docs/start.js", "/docs/swagger-ui.css")
    )
    assert _ELSEWHERE.findall(page) == []
    assert _ELSEWHERE.findall(start) == []
    assert "validatorUrl: null" in start  # else Swagger UI asks validator.swagger.io
    assert "@import" not in style
    assert set(re.findall(r"url\(\s*[\"']?([a-z]*:)", style)) == {"data:"}
    assert len(re.findall(r"url\(", style)) == len(re.findall(r"url\(\s*[\"']?data:", style))


def test_the_policy_lets_nothing_from_another_host_in(client: httpx.Client) -> None:
    """What the program itself might ask for is the browser's to refuse."""
    page = client.get("/docs")
    for path in ["/docs", *_loaded(page.text)]:
        policy = client.get(path).headers["content-security-policy"]
        directives = dict(one.strip().split(" ", 1) for one in policy.split(";"))
        assert directives["default-src"] == "'none'"
        assert directives["script-src"] == directives["connect-src"] == "'self'"
        sources = {source for value in directives.values() for source in value.split()}
        assert sources == {"'none'", "'self'", "data:"}


def test_no_other_file_of_the_package_is_served(client: httpx.Client) -> None:
    for path in ("package.json", "../emulate/package.json", "..%2f..%2fpackage.json", "index.html"):
        assert client.get(f"/docs/{path}").status_code == 404
    assert client.post("/docs").status_code == 405
    assert client.get("/docsx").status_code == 404


def test_without_the_package_the_page_says_why(tmp_path: Path) -> None:
    port = free_port()
    environment = {"npm_config_registry": "http://127.0.0.1:1", "npm_config_fetch_retries": "0"}
    settings = config(CHECKOUT, home=str(tmp_path), gateway_port=port)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setenv("npm_config_cache", str(tmp_path / "npm"))
        with running(CHECKOUT, "infra_cdk.local.gateway", settings):
            answer = httpx.get(f"http://127.0.0.1:{port}/docs/swagger-ui.css", timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "is the npm registry reachable?" in answer.json()["detail"]
