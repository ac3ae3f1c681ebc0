"""The pages of the laptop's gateway, as a browser shows them: nothing comes from any other host."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from infra_cdk.local.state import CHECKOUT, free_port, open_state
from infra_cdk.tests.probe import config, running

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, which resolves no name and so reaches no host but this one."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(f"none of {', '.join(_NAMES)} is installed")
    arguments = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # as root Chromium starts in no other way
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=arguments)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The gateway with the product's own functions."""
    home, port, tools = tmp_path_factory.mktemp("home"), free_port(), open_state().tools
    settings = config(CHECKOUT, home=str(home), tools=str(tools), gateway_port=port)
    with running(CHECKOUT, "infra_cdk.local.gateway", settings):
        yield f"http://127.0.0.1:{port}"


class Visit:
    """A page, what it asked for, and what it complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self._hear(said.type, said.text))

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    @property
    def elsewhere(self) -> list[str]:
        """What it asked of another host."""
        fetched = [url for url in self.asked if urlsplit(url).scheme not in ("data", "blob")]
        return [url for url in fetched if urlsplit(url).hostname != "127.0.0.1"]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    context = browser.new_context()
    yield Visit(context.new_page())
    context.close()


def test_the_api_can_be_read_and_tried(visit: Visit, site: str) -> None:
    visit.page.goto(f"{site}/docs")
    expect(visit.page.locator("h1.title, h2.title").first).to_contain_text("hasteCRM")
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
