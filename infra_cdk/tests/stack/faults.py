"""Gmail going wrong, for one mailbox at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from infra_cdk.tests.stack.team import Post

Rule = Mapping[str, Any]
"""The fields of `infra_cdk.local.google.faults.Fault`."""

GET = r"/messages/[^/?]+\?format=raw"
LIST = r"/messages\?.*fields="
"""as the product asks, which names the fields it needs"""
LIST_PAGE = LIST + ".*pageToken="
HISTORY = r"/history\?"


def go_wrong(post: Post, *rules: Rule) -> None:
    """Add rules for a mailbox."""
    set_faults(post.box.url, *({"mailbox": post.address, **rule} for rule in rules))


def set_faults(url: str, *rules: Rule) -> None:
    """Add rules at the Gmail stand-in."""
    body = {"rules": rules, "seed": 1}
    httpx.post(f"{url}/_faults", json=body, trust_env=False).raise_for_status()


def matched(post: Post) -> list[int]:
    """How many requests each rule of this mailbox has met."""
    rules = httpx.get(f"{post.box.url}/_faults", trust_env=False).json()["rules"]
    return [rule["matched"] for rule in rules if rule.get("mailbox") == post.address]


def injected(post: Post) -> list[int]:
    """How often each rule of this mailbox has fired."""
    rules = httpx.get(f"{post.box.url}/_faults", trust_env=False).json()["rules"]
    return [rule["injected"] for rule in rules if rule.get("mailbox") == post.address]


def recover(post: Post) -> None:
    """No faults any more."""
    httpx.delete(f"{post.box.url}/_faults", trust_env=False).raise_for_status()
