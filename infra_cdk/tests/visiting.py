"""What a page that a browser shows asked for and complained of."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page


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
