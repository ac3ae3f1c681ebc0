"""GraphiQL in a browser, with the stack behind it: the graph is explored and asked, and nothing
comes from any other host.
"""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from infra_cdk.local.stack import Stack
from infra_cdk.tests.visiting import Visit

pytest_plugins = ["infra_cdk.tests.stack.fixtures", "infra_cdk.tests.browsing"]
pytestmark = pytest.mark.stack

_SET = """text => [...document.querySelectorAll(".graphiql-editor-tool .CodeMirror")]
    .at(-1).CodeMirror.setValue(text)"""
"""The headers are the last of the editors below the query."""
_RESULT = "section.result-window"


def test_the_graph_is_explored_and_asked(stack: Stack, visit: Visit) -> None:
    token = _with_a_contact(f"{stack.api_url}/api/v1")
    page = visit.page
    page.goto(f"{stack.api_url}/graphiql")
    run = page.locator("button.graphiql-execute-button")
    run.click()
    expect(page.locator(_RESULT)).to_contain_text("Put your token into the headers")
    page.evaluate(_SET, f'{{ "Authorization": "Bearer {token}" }}')
    page.get_by_label("Re-fetch GraphQL schema").click()
    run.click()
    expect(page.locator(_RESULT)).to_contain_text("Ada Lovelace")
    page.get_by_label("Show Documentation Explorer").click()
    expect(page.locator(".graphiql-doc-explorer")).to_contain_text("Query")
    assert visit.elsewhere == []
    assert visit.complaints == []


def _with_a_contact(api: str) -> str:
    """The token of somebody new, in whose workspace there is a contact."""
    person = {"email": "graphiql@example.com", "password": "correct horse battery", "name": "Grace"}
    signed_up = httpx.post(f"{api}/auth/sign-up", json=person | {"workspace_name": "Graph"})
    token: str = signed_up.raise_for_status().json()["access_token"]
    signed_in = {"Authorization": f"Bearer {token}"}
    httpx.post(
        f"{api}/contacts", json={"name": "Ada Lovelace"}, headers=signed_in
    ).raise_for_status()
    return token
