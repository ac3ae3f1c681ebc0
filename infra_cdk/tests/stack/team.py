"""A customer of the running stack: a workspace, its owner, and the mailboxes they connect."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from infra_cdk.local.google import mailbox as gmail
from infra_cdk.local.google.settings import access_token
from infra_cdk.local.stack import Stack
from infra_cdk.tests.polling import eventually

BUYERS = "buyer.example"
"""Mail from this domain is what the automations of every team wait for."""


@dataclass(frozen=True)
class Post:
    """A connected mailbox: our id of it, and Gmail's side."""

    id: UUID
    box: gmail.Mailbox

    @property
    def address(self) -> str:
        return self.box.address

    def receive(
        self, *mails: bytes, labels: Sequence[str] = gmail.ARRIVED, at_once: int = 4
    ) -> list[str]:
        """Let mails arrive; their Gmail ids."""
        ids = gmail.insert_many(self.box, mails, labels=labels, at_once=at_once)
        assert gmail.list_ids(self.box) >= set(ids)
        return ids


@dataclass(frozen=True)
class Team:
    """One workspace and whoever works in it. `posts` are the mailboxes it has connected."""

    stack: Stack
    client: httpx.Client
    workspace_id: UUID
    closing: ExitStack
    posts: list[Post] = field(default_factory=list)

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """The API's answer, whatever it is."""
        return self.client.request(method, f"/api/v1/{path}", json=body)

    def get(self, path: str) -> Any:
        """A good answer's content."""
        answer = self.ask("GET", path)
        assert answer.is_success, answer.text
        return answer.json()

    def connect(self, address: str, *, token: str | None = None, listed: bool = True) -> Post:
        """Connect a mailbox of Gmail's to the workspace, and see its first listing through."""
        body = {"address": address, "access_token": token or access_token(address)}
        answer = self.ask("POST", "mailboxes", body)
        assert answer.status_code == 201, answer.text
        post = Post(UUID(answer.json()["id"]), self.at_gmail(address))
        self.posts.append(post)
        if listed:
            assert eventually(lambda: self.get(f"mailboxes/{post.id}")["synced_at"] is not None)
        return post

    def at_gmail(self, address: str) -> gmail.Mailbox:
        """Gmail's side of an address, connected or not."""
        return self.closing.enter_context(gmail.Mailbox(self.stack.google_url, address))

    def change(self, post: Post, **fields: object) -> httpx.Response:
        """Change a mailbox as it is now."""
        path = f"/api/v1/mailboxes/{post.id}"
        etag = self.client.get(path).headers["ETag"]
        return self.client.patch(path, json=fields, headers={"If-Match": etag})

    def sync(self, post: Post) -> None:
        """Have a mailbox looked at, whatever Gmail has told us."""
        assert self.ask("POST", f"mailboxes/{post.id}/sync").status_code == 202

    def automate(self) -> None:
        """Have a task made for every mail of a buyer, both when it arrives and when it is read."""
        for event_type in ("EmailReceived", "EmailAnalyzed"):
            automation = {
                "name": f"Answer buyers: {event_type}",
                "event_type": event_type,
                "conditions": {"field": "sender_domain", "op": "eq", "value": BUYERS},
                "actions": [{"type": "create_task", "title": "Answer {sender}"}],
            }
            answer = self.ask("POST", "automations", automation)
            assert answer.status_code == 201, answer.text


@contextmanager
def signed_up(stack: Stack) -> Iterator[Team]:
    """A new workspace with automations, signed in."""
    with (
        httpx.Client(base_url=stack.api_url, timeout=60, trust_env=False) as client,
        ExitStack() as closing,
    ):
        person = {
            "email": f"owner-{secrets.token_hex(6)}@acme.example",
            "password": secrets.token_urlsafe(16),
            "name": "Olive Owner",
            "workspace_name": "Acme",
        }
        answer = client.post("/api/v1/auth/sign-up", json=person)
        assert answer.status_code == 201, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        team = Team(stack, client, UUID(answer.json()["workspace_id"]), closing)
        team.automate()
        yield team
