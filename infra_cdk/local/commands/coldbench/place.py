"""Where a function meets its first event: all that any function talks to, and nothing else awake.

It is where requests are measured (`apibench.place`), and beside it secrets, and Google, whose keys
the webhook fetches.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from functions.auth.keys import KeySet, new_private_keys, public_keys
from infra_cdk.local.commands.apibench import place as apibench
from infra_cdk.local.commands.apibench.people import settle
from infra_cdk.local.google import emulate
from infra_cdk.local.google.emulate import Google
from infra_cdk.local.google.push import load_signer
from infra_cdk.local.google.settings import Subscription
from infra_cdk.local.provision import provision
from infra_cdk.local.recorded_events import Known
from infra_cdk.local.stack_config import StackConfig
from infra_cdk.local.state import State, secret
from infra_cdk.registry import declared

CONTACTS = 50
"""In the workspace that requests are about: a full page."""
MAILBOX = "ana@acme.example"
_PUSHES = Subscription(
    endpoint="http://127.0.0.1:9/webhooks/gmail",  # nobody: pushes are handed over as events
    audience="https://crm.example/webhooks/gmail",
    service_account="push@project.iam.gserviceaccount.com",
    name="projects/laptop/subscriptions/gmail",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Postgres, Valkey, the AWS stand-in and Google's, and what events may be about."""

    state: State
    config: StackConfig
    known: Known
    google: Google


@contextmanager
def opened(state: State) -> Generator[Place]:
    """All up, in an empty data folder; on leaving, all stopped.

    Raises:
        AlreadyRunning: another one uses the data folder.
        ServiceFailed: one does not start.
    """
    keys = new_private_keys()
    with ExitStack() as stopping:
        base = stopping.enter_context(apibench.opened(state))
        workspace = settle(base.database_url(), CONTACTS)
        google = emulate.launch(state, mailboxes=(MAILBOX,), push=_PUSHES)
        stopping.callback(google.stop)
        config = replace(
            base.config,
            resources=provision(declared(), base.config.aws_url, _secrets(state, keys)),
            settings={**base.config.settings, **_settings(google)},
        )
        pushes = (_PUSHES.name, _push_token(state))
        known = Known(workspace.id, workspace.user_id, keys, *pushes)
        yield Place(state, config, known, google)


def _secrets(state: State, keys: KeySet) -> dict[str, str]:
    administrator = {"username": "postgres", "password": secret(state, "postgres-postgres")}
    return {
        "auth-private-keys": json.dumps(keys),
        "auth-public-keys": json.dumps(public_keys(keys)),
        "database-admin": json.dumps(administrator),
        "google-oauth": "{}",
        "smtp": "{}",
    }


def _settings(google: Google) -> dict[str, str]:
    return {
        "GOOGLE_API_URL": google.url,
        "GOOGLE_JWKS_URL": google.jwks_url,
        "GMAIL_TOPIC": "projects/laptop/topics/gmail",
        "PUSH_AUDIENCE": _PUSHES.audience,
        "PUSH_EMAIL": _PUSHES.service_account,
        "PUSH_SUBSCRIPTION": _PUSHES.name,
    }


def _push_token(state: State) -> str:
    signer = load_signer(state.data / "google" / "push-key.pem")
    return signer.token(_PUSHES, time.time())
