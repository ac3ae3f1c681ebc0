"""Where requests are measured: what a function talks to, and nothing that works beside it.

The whole stack would deliver the events of the measured requests to their consumers, which on AWS
run elsewhere and here would take the time that is being measured.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from functions.auth.keys import new_private_keys, public_keys
from infra_cdk.local import ministack, postgres, valkey
from infra_cdk.local.ports import choose_ports
from infra_cdk.local.provision import provision
from infra_cdk.local.stack_config import StackConfig
from infra_cdk.local.state import State, secret
from infra_cdk.local.supervisor import Service, supervise
from infra_cdk.registry import declared
from shared.db.migrate import bootstrap, migrate
from shared.http.limits import DEFAULTS

_DATABASE = "haste"
_ROLES = ("crm_migrator", "crm_app", "crm_worker", "crm_auth", "crm_outbox", "crm_eraser")

_UNREACHED = " ".join(f"{name}=1000000/1" for name in DEFAULTS)
"""Limits that are asked for at every request, and that no measuring reaches."""


@dataclass(frozen=True, slots=True)
class Place:
    """Postgres, migrated and crash-safe, Valkey, and the AWS stand-in with its bus, rules and
    queues.
    """

    state: State
    config: StackConfig

    def database_url(self, role: str = "crm_migrator") -> str:
        return self.config.database_urls[role]


@contextmanager
def opened(state: State) -> Generator[Place]:
    """All up, in an empty data folder; on leaving, all stopped.

    Raises:
        AlreadyRunning: another one uses the data folder.
        ServiceFailed: one does not start.
    """
    ports = choose_ports(state, ("postgres", "valkey", "ministack"))
    services = [
        Service(
            "postgres",
            lambda: postgres.launch(state, port=ports["postgres"]).process,
            stop=postgres.shut_down,
        ),
        Service("valkey", lambda: valkey.launch(state, port=ports["valkey"]).process),
        Service("ministack", lambda: ministack.launch(state, port=ports["ministack"]).process),
    ]
    with supervise(state, services):
        _make_database(state, ports["postgres"])
        yield Place(state, _config(state, ports))


def _make_database(state: State, port: int) -> None:
    with psycopg.connect(_url(state, port, "postgres", "postgres"), autocommit=True) as admin:
        admin.execute("create database haste")
    passwords = {role: secret(state, f"postgres-{role}") for role in _ROLES}
    bootstrap(_url(state, port, "postgres"), passwords)
    migrate(_url(state, port, "crm_migrator"))


def _config(state: State, ports: Mapping[str, int]) -> StackConfig:
    aws_url = f"http://127.0.0.1:{ports['ministack']}"
    return StackConfig(
        home=str(state.root),
        tools=str(state.tools),
        token=secrets.token_urlsafe(24),
        aws_url=aws_url,
        database_urls={role: _url(state, ports["postgres"], role) for role in _ROLES},
        cache_url=f"redis://127.0.0.1:{ports['valkey']}",
        resources=provision(declared(), aws_url, _signing_keys()),
        settings={"RATE_LIMITS": _UNREACHED},
    )


def _signing_keys() -> dict[str, str]:
    """What whoever signs in is given tokens by."""
    keys = new_private_keys()
    return {
        "auth-private-keys": json.dumps(keys),
        "auth-public-keys": json.dumps(public_keys(keys)),
    }


def _url(state: State, port: int, role: str, database: str = _DATABASE) -> str:
    return f"postgresql://{role}:{secret(state, f'postgres-{role}')}@127.0.0.1:{port}/{database}"
