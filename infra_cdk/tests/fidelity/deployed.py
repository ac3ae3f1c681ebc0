"""A stage deployed to the stand-in of AWS: bootstrap, then deploy, as infra_cdk/README.md says.

Aurora, ElastiCache and Google are processes beside it.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString, get_args

import boto3
import psycopg
from botocore.config import Config
from psycopg.rows import dict_row

from infra_cdk.local import ministack, postgres, valkey
from infra_cdk.local.google import emulate
from infra_cdk.local.google.emulate import Google
from infra_cdk.local.google.settings import Subscription
from infra_cdk.local.ministack import Ministack
from infra_cdk.local.ports import choose_ports
from infra_cdk.local.postgres import Postgres
from infra_cdk.local.processes import stop, wait_until_ready
from infra_cdk.local.state import State, secret
from infra_cdk.stages import Stage, chosen
from infra_cdk.tests.fidelity import differences
from infra_cdk.tests.fidelity.toolkit import Toolkit, said
from shared.wiring import Role

MAILBOXES = tuple(f"box{number}@acme.example" for number in range(4))
_DATABASE = "haste"
_PORTS = ("postgres", "valkey", "ministack", "google", "emulate")


@dataclass(frozen=True)
class Deployment:
    """What is deployed, and where. `context` is what was given to the CDK."""

    state: State
    toolkit: Toolkit
    assembly: Path
    context: Mapping[str, object]
    stand_in: Ministack
    postgres: Postgres
    google: Google
    api_url: str

    @property
    def stage(self) -> Stage:
        return chosen(self.context.get)

    def aws(self, service: str) -> Any:
        """A client, as the account's owner."""
        return _client(self.stand_in, service)

    def rows(self, query: LiteralString, **params: Any) -> list[dict[str, Any]]:
        """Past row-level security."""
        url = self.postgres.url(database=_DATABASE)
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.cursor(row_factory=dict_row).execute(query, params).fetchall()


@contextmanager
def deployed(state: State) -> Generator[Deployment]:
    """Everything up and deployed; on leaving, everything stopped."""
    with ExitStack() as closing:
        ports = choose_ports(state, _PORTS)
        context, assembly = _context(state, ports), state.root / "cdk.out"
        stage = chosen(context.get)
        workers = differences.bare_python(state)
        stand_in = ministack.launch(state, port=ports["ministack"], workers=workers)
        closing.callback(stand_in.stop)
        toolkit = Toolkit(state, stand_in.environment)
        synthesis = toolkit.synthesise("synthesis", assembly, context)
        closing.callback(stop, synthesis)
        database = _start_database(state, ports, closing)
        toolkit.bootstrap()
        said(synthesis)
        _deploy(toolkit, assembly, stand_in, database, stage)
        url = _api_url(stand_in, stage)
        google = _start_google(state, ports, stage, url)
        closing.callback(google.stop)
        yield Deployment(state, toolkit, assembly, context, stand_in, database, google, url)


def _context(state: State, ports: Mapping[str, int]) -> dict[str, object]:
    google = f"http://127.0.0.1:{ports['google']}"
    at = f"{{role}}:{_password(state)}@127.0.0.1:{ports['postgres']}"
    return {
        "stage": "emulator",
        "google_project": "acme-crm",
        "database_url": f"postgresql://{at}/{_DATABASE}",
        "cache_url": f"redis://127.0.0.1:{ports['valkey']}",
        "apis": f"127.0.0.1:{ports['ministack']}/_aws/execute-api",
        "settings": {
            "GOOGLE_API_URL": google,
            "GOOGLE_JWKS_URL": f"{google}/oauth2/v3/certs",
        },
    }


def _password(state: State) -> str:
    return secret(state, "postgres-roles")


def _start_database(state: State, ports: Mapping[str, int], closing: ExitStack) -> Postgres:
    """Postgres with an empty database, and Valkey."""
    database = postgres.launch(state, port=ports["postgres"], durable=False)
    closing.callback(database.stop)
    cache = valkey.launch(state, port=ports["valkey"], wait=False)
    closing.callback(cache.stop)
    with psycopg.connect(database.url(), autocommit=True) as admin:
        admin.execute("create database haste")
    wait_until_ready(cache.process, lambda: valkey.serves_all_slots(cache.port))
    return database


def _deploy(
    toolkit: Toolkit, assembly: Path, stand_in: Ministack, database: Postgres, stage: Stage
) -> None:
    """All stacks, in three steps: on AWS it is one, because RDS itself writes the administrator's
    secret, and roles need no password.
    """
    toolkit.deploy("data", assembly, stage.called("data"))
    secrets, parameters = _client(stand_in, "secretsmanager"), _client(stand_in, "ssm")
    differences.publish_arns(parameters, secrets, stage)
    administrator = {"username": "postgres", "password": database.password("postgres")}
    named = parameters.get_parameter(Name=stage.parameter("secrets/database-admin"))
    secrets.put_secret_value(
        SecretId=named["Parameter"]["Value"], SecretString=json.dumps(administrator)
    )
    password = _password(toolkit.state)
    differences.sign_in_by_password(database, ["crm_migrator"], password)
    toolkit.deploy("migrations", assembly, stage.called("migrations"))
    differences.sign_in_by_password(database, list(get_args(Role)), password)
    toolkit.deploy("all", assembly, "--all")
    differences.correct_policies(_client(stand_in, "iam"), stage)


def _api_url(stand_in: Ministack, stage: Stage) -> str:
    [stack] = _client(stand_in, "cloudformation").describe_stacks(StackName=stage.called("api"))[
        "Stacks"
    ]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    return differences.api_url(stand_in.url, outputs["Id"], stage)


def _start_google(state: State, ports: Mapping[str, int], stage: Stage, api_url: str) -> Google:
    """Google as the stage's settings have it: who pushes, for whom, by which subscription."""
    claims = [stage.setting(f"PUSH_{name}") for name in ("AUDIENCE", "EMAIL", "SUBSCRIPTION")]
    audience, account, subscription = [claim or "" for claim in claims]
    return emulate.launch(
        state,
        mailboxes=MAILBOXES,
        push=Subscription(f"{api_url}/webhooks/gmail", audience, account, subscription),
        port=ports["google"],
        emulate_port=ports["emulate"],
    )


def _client(stand_in: Ministack, service: str) -> Any:
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=stand_in.url,
        region_name=ministack.REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 3}, s3={"addressing_style": "path"}),
    )
