"""What a workspace needs before its first mail: mailboxes, people it knows, automations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from infra_cdk.local.commands.mailrun import api
from infra_cdk.local.commands.mailrun.api import Account
from infra_cdk.local.commands.mailrun.letters import Letter, sender
from infra_cdk.local.google.settings import access_token

_MOST_CONTACTS = 20

_FROM_A_PERSON = (
    {"field": "kind", "op": "eq", "value": "human"},
    {"field": "direction", "op": "eq", "value": "inbound"},
)
AUTOMATIONS: tuple[dict[str, Any], ...] = (
    {
        "name": "Answer what waits for an answer",
        "event_type": "EmailAnalyzed",
        "conditions": {
            "all": [*_FROM_A_PERSON, {"field": "reply_needed", "op": "eq", "value": True}]
        },
        "actions": [{"type": "create_task", "title": "Reply to {sender}", "due_in_days": 1}],
    },
    {
        "name": "Call unhappy customers",
        "event_type": "EmailAnalyzed",
        "conditions": {
            "all": [
                *_FROM_A_PERSON,
                {
                    "any": [
                        {"field": "sentiment", "op": "eq", "value": "negative"},
                        {"field": "intent", "op": "eq", "value": "complaint"},
                    ]
                },
            ]
        },
        "actions": [
            {"type": "create_task", "title": "Call {sender}", "due_in_days": 0},
            {"type": "tag_contact", "tag": "unhappy"},
        ],
    },
    {
        "name": "Mark who wrote",
        "event_type": "EmailReceived",
        "conditions": {"all": [*_FROM_A_PERSON]},
        "actions": [{"type": "tag_contact", "tag": "wrote to us"}],
    },
)


def addresses(count: int, tag: str = "") -> tuple[str, ...]:
    """The addresses of a team's mailboxes; without a tag the first is the samples' owner's."""
    others = (f"team-{number}{tag}@quayline.example" for number in range(2, count + 1))
    return (f"maya{tag}@quayline.example", *others)


def connect(account: Account, mailboxes: Iterable[str]) -> dict[str, str]:
    """Connect each mailbox; its id in hasteCRM by address."""
    return {
        address: api.post(
            account, "mailboxes", {"address": address, "access_token": access_token(address)}
        )["id"]
        for address in mailboxes
    }


def furnish(account: Account, letters: Sequence[Letter]) -> None:
    """Make contacts of some of the senders, and automations."""
    known: dict[str, str] = {}
    for letter in letters:
        name, address = sender(letter)
        if _usable(address) and address not in known and len(known) < _MOST_CONTACTS:
            known[address] = _printable(name) or address.partition("@")[0]
    for address, name in known.items():
        api.post(account, "contacts", {"name": name[:200], "email": address})
    for automation in AUTOMATIONS:
        api.post(account, "automations", automation)


def _usable(address: str) -> bool:
    local, _, domain = address.partition("@")
    return bool(local) and "." in domain and address.isascii() and address.isprintable()


def _printable(name: str) -> str:
    """A name the API takes; one in encoded words is left to the address."""
    return name.strip() if name.isprintable() and "=?" not in name else ""
