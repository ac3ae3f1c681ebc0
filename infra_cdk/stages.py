"""The stages the product is deployed to, as frozen data: what differs between them, no more.

What a deployer alone knows (the Google Cloud project, the domain) is not here; it is given as CDK
context, `cdk deploy -c google_project=acme-crm`, or written into the deployer's own `cdk.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

Name = Literal["dev", "staging", "prod", "emulator"]
Part = Literal["network", "database", "cache", "firewall"]
"""What the stand-in of AWS lacks."""


@dataclass(frozen=True, slots=True)
class Database:
    """Aurora Serverless v2: capacity in ACU (2 GiB of memory each), readers beside the writer, and
    days of point-in-time recovery.

    `connections` is what PostgreSQL allows at `max_acu`, from AWS's table.
    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html
    """

    min_acu: float
    max_acu: float
    connections: int
    readers: int
    backup_days: int


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where database and cache are, for a stage that has none of its own, and APIs that have no
    host of theirs: what comes before their id.

    `database` has a `{role}` in it: `postgresql://{role}:secret@127.0.0.1:5432/haste`.
    """

    database: str
    cache: str
    apis: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployed environment.

    `api_rate` and `api_burst` are API Gateway's throttle for the whole API, requests a second.
    `protected` stages cannot be deleted by mistake. `reserve` keeps concurrency back for the
    functions nobody may crowd out; a new account has none to keep back. `host_code` builds the code
    for the machine that deploys instead of for Lambda. `zones` are the two availability zones, the
    region's first two if none are named. A new `refresh` gives every function a new version, which
    reads anew what other stacks published. `lacks` are parts left out; `addresses` says
    where database and cache are then.
    """

    name: Name
    database: Database
    nat_gateways: int
    api_rate: int
    api_burst: int
    log_days: int
    protected: bool
    reserve: bool
    cache_gigabytes: int
    google_project: str = ""
    domain: str = ""
    certificate_arn: str = ""
    zones: tuple[str, ...] = ()
    refresh: str = ""
    log_level: str = "INFO"
    addresses: Addresses | None = None
    host_code: bool = False
    lacks: frozenset[Part] = frozenset()
    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def prefix(self) -> str:
        """What the physical name of everything begins with."""
        return f"haste-{self.name}"

    def called(self, name: str) -> str:
        """The physical name of a function, a queue or a stack."""
        return f"{self.prefix}-{name}"

    def parameter(self, name: str) -> str:
        """The Systems Manager parameter that one stack writes and others read."""
        return f"/haste/{self.name}/{name}"

    def setting(self, name: str) -> str | None:
        """The value of a setting that functions ask for in `env`; None leaves it to its default."""
        return {**_google(self), **self.settings}.get(name)


DEV = Stage(
    "dev",
    Database(min_acu=0.5, max_acu=4, connections=823, readers=0, backup_days=1),
    nat_gateways=1,
    api_rate=200,
    api_burst=300,
    log_days=14,
    protected=False,
    reserve=False,
    cache_gigabytes=1,
)
STAGING = Stage(
    "staging",
    Database(min_acu=1, max_acu=8, connections=1669, readers=1, backup_days=7),
    nat_gateways=1,
    api_rate=500,
    api_burst=1000,
    log_days=30,
    protected=True,
    reserve=True,
    cache_gigabytes=5,
)
PROD = Stage(
    "prod",
    Database(min_acu=1, max_acu=16, connections=3360, readers=1, backup_days=14),
    nat_gateways=2,
    api_rate=1500,
    api_burst=2000,
    log_days=365,
    protected=True,
    reserve=True,
    cache_gigabytes=10,
)
EMULATOR = replace(
    DEV,
    name="emulator",
    host_code=True,
    addresses=Addresses(
        "postgresql://{role}@127.0.0.1/haste", "redis://127.0.0.1", "127.0.0.1/_aws/execute-api"
    ),
    lacks=frozenset({"network", "database", "cache", "firewall"}),
)
"""`dev` on the stand-in of AWS that a laptop runs: there, database and cache are processes, and
functions are in no network.
"""

ZONES = 2
"""Availability zones: as many as an app that knows no account can name."""

STAGES: Mapping[str, Stage] = MappingProxyType(
    {stage.name: stage for stage in (DEV, STAGING, PROD, EMULATOR)}
)


def chosen(context: Callable[[str], Any]) -> Stage:
    """The stage that the CDK context names (`-c stage=prod`; `dev` if none), with the deployer's
    own values.

    A value is looked for after `-c`, then under the stage's name in the context of `cdk.json`:
    `google_project`, `domain` and `certificate_arn`; `settings`, an object or the JSON of one;
    `zones`, two names with a comma; `reserve`, true or false; `refresh`, any word; `database_url`,
    `cache_url` and `apis` for the emulator.

    Raises:
        ValueError: there is no such stage, or a value does not fit.
    """
    name = context("stage") or "dev"
    if name not in STAGES:
        raise ValueError(f"there is no stage {name!r}; choose one of {', '.join(STAGES)}")
    kept: dict[str, Any] = context(name) or {}
    return _with(STAGES[name], lambda key: kept.get(key) if context(key) is None else context(key))


def _with(stage: Stage, context: Callable[[str], Any]) -> Stage:
    words = ("google_project", "domain", "certificate_arn", "refresh")
    stage = replace(stage, **{key: str(value) for key in words if (value := context(key))})
    if zones := context("zones"):
        stage = replace(stage, zones=tuple(zone.strip() for zone in str(zones).split(",")))
        if len(stage.zones) != ZONES:
            raise ValueError(f"zones are {ZONES} names with a comma, as us-east-1a,us-east-1b")
    if (reserve := context("reserve")) is not None:  # false is an answer
        stage = replace(stage, reserve=str(reserve).lower() == "true")
    if bool(stage.domain) != bool(stage.certificate_arn):
        raise ValueError("give domain and certificate_arn together, or neither")
    if settings := context("settings"):
        values = _object(settings) if isinstance(settings, str) else settings
        stage = replace(stage, settings=MappingProxyType(dict(values)))
    if stage.addresses:
        addresses = Addresses(
            context("database_url") or stage.addresses.database,
            context("cache_url") or stage.addresses.cache,
            context("apis") or stage.addresses.apis,
        )
        stage = replace(stage, addresses=addresses)
    return stage


def _object(text: str) -> dict[str, str]:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"settings must be the JSON of an object: {error}") from error


def _google(stage: Stage) -> dict[str, str]:
    """Google's addresses, and what of Pub/Sub follows from the project's name."""
    known = {
        "GOOGLE_API_URL": "https://gmail.googleapis.com",
        "GOOGLE_ISSUER": "https://accounts.google.com",
        "GOOGLE_JWKS_URL": "https://www.googleapis.com/oauth2/v3/certs",
    }
    if not stage.google_project:
        return known
    project = f"projects/{stage.google_project}"
    return known | {
        "GMAIL_TOPIC": f"{project}/topics/{stage.called('gmail')}",
        "PUSH_AUDIENCE": stage.called("gmail"),
        "PUSH_EMAIL": f"{stage.called('push')}@{stage.google_project}.iam.gserviceaccount.com",
        "PUSH_SUBSCRIPTION": f"{project}/subscriptions/{stage.called('gmail')}",
    }
