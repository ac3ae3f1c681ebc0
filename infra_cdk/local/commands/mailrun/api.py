"""hasteCRM's own API, as a person's program calls it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from infra_cdk.local.commands.failure import CannotDo

_SLOWEST_ANSWER_S = 60  # the first one starts a function, on a machine that starts everything


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody signed up, with a workspace of their own."""

    url: str
    token: str
    workspace: str
    client: httpx.Client


def sign_up(url: str, *, name: str, email: str, workspace: str) -> Account:
    """A new person with a new workspace.

    Raises:
        CannotDo: the API refuses.
    """
    client = httpx.Client(base_url=url, timeout=_SLOWEST_ANSWER_S, trust_env=False)
    new = {
        "email": email,
        "password": secrets.token_urlsafe(18),
        "name": name,
        "workspace_name": workspace,
    }
    token = _checked(client.post("/api/v1/auth/sign-up", json=new))
    client.headers["Authorization"] = f"Bearer {token['access_token']}"
    return Account(url, token["access_token"], token["workspace_id"], client)


def post(account: Account, path: str, new: dict[str, Any]) -> dict[str, Any]:
    """Create something; what was created.

    Raises:
        CannotDo: the API refuses.
    """
    return _checked(account.client.post(f"/api/v1/{path}", json=new))


def get(account: Account, path: str) -> dict[str, Any]:
    """Raises CannotDo if the API refuses."""
    return _checked(account.client.get(f"/api/v1/{path}"))


def every(account: Account, path: str) -> Iterator[dict[str, Any]]:
    """All items of a list, page by page. Raises CannotDo if the API refuses."""
    cursor = ""
    while cursor is not None:
        page = get(account, f"{path}?limit=200{cursor and '&cursor=' + cursor}")
        yield from page["items"]
        cursor = page["next_cursor"]


def raw_mail(account: Account, email_id: str) -> bytes:
    """A stored mail's bytes, from the bucket, by way of the API's redirect."""
    path = f"/api/v1/emails/{email_id}/raw"
    return account.client.get(path, follow_redirects=True).raise_for_status().content


def _checked(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_success:
        return answer.json()
    request = answer.request
    raise CannotDo(
        f"{request.method} {request.url.path} was answered with {answer.status_code}: "
        f"{answer.text[:500]}\nThe logs folder says more."
    )
