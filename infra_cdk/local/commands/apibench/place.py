"""Where requests are measured: what a function talks to, and nothing that works beside it.

The whole stack would deliver the events of the measured requests to their consumers, which on AWS
run elsewhere and here would take the time that is being measured.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from infra_cdk.local import ministack, postgres
from infra_cdk.local.ports import choose_ports
from infra_cdk.local.provision import provision
from infra_cdk.local.stack_config import StackConfig
from infra_cdk.local.state import State, secret
from infra_cdk.local.supervisor import Service, supervise
from infra_cdk.registry import declared
from shared.db.migrate import bootstrap, migrate

_DATABASE = "haste"
_ROLES = ("crm_migrator", "crm_app", "crm_worker", "crm_auth", "crm_outbox")


@dataclass(frozen=True, slots=True)
class Place:
    """Postgres, migrated and crash-safe, and the AWS stand-in with its bus, rules and queues."""

    state: State
    config: StackConfig

    def database_url(self, role: str = "crm_migrator") -> str:
        return self.config.database_urls[role]


@contextmanager
def opened(state: State) -> Generator[Place]:
    """Both up, in an empty data folder; on leaving, both stopped.

    Raises:
        AlreadyRunning: another one uses the data folder.
        ServiceFailed: one does not start.
    """
    ports = choose_ports(state, ("postgres", "ministack"))
    services = [
        Service(
            "postgres",
            lambda: postgres.launch(state, port=ports["postgres"]).process,
            stop=postgres.shut_down,
        ),
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
        resources=provision(declared(), aws_url),
    )


def _url(state: State, port: int, role: str, database: str = _DATABASE) -> str:
    return f"postgresql://{role}:{secret(state, f'postgres-{role}')}@127.0.0.1:{port}/{database}"
