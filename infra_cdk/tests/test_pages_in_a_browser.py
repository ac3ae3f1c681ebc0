"""The pages of the laptop's gateway, as a browser shows them: nothing comes from any other host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from infra_cdk.local.state import CHECKOUT, free_port, open_state
from infra_cdk.tests.probe import config, running
from infra_cdk.tests.visiting import Visit

pytest_plugins = ["infra_cdk.tests.browsing"]

_COLD_MS = 60_000
"""For the first answer of a function that imports every API, on a machine that is busy."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The gateway with the product's own functions."""
    home, port, tools = tmp_path_factory.mktemp("home"), free_port(), open_state().tools
    settings = config(CHECKOUT, home=str(home), tools=str(tools), gateway_port=port)
    with running(CHECKOUT, "infra_cdk.local.gateway", settings):
        yield f"http://127.0.0.1:{port}"


def test_the_api_can_be_read_and_tried(visit: Visit, site: str) -> None:
    visit.page.goto(f"{site}/docs")
    title = visit.page.locator("h1.title, h2.title").first
    expect(title).to_contain_text("hasteCRM", timeout=_COLD_MS)
    visit.page.locator("[data-path='/api/v1/openapi.json']").click()
    visit.page.get_by_role("button", name="Try it out").first.click()
    visit.page.get_by_role("button", name="Execute").first.click()
    answered = visit.page.locator(".live-responses-table td.response-col_status")
    expect(answered.last).to_contain_text("200")
    assert visit.elsewhere == []
    assert visit.complaints == []
    assert any("/openapi.json" in url for url in visit.asked)


def test_another_host_would_be_seen(visit: Visit) -> None:
    """The instrument itself."""
    visit.page.set_content("<img src='http://example.com/pixel.png'>")
    expect(visit.page.locator("img")).to_be_attached()
    assert visit.elsewhere == ["http://example.com/pixel.png"]
    assert "ERR_NAME_NOT_RESOLVED" in visit.complaints[0]
