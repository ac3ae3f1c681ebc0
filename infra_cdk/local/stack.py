"""The whole stack on a laptop: what runs, in which order, and what each part is told.

    with running(state, options) as stack:
        stack.api_url, stack.google_url, stack.supervisor

Every start brings everything to where it should be (schema, queues, rules, key), so a start after a
crash is a start like any other.
"""

from __future__ import annotations

import json
import secrets as random_source
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import httpx
import psycopg

from functions.auth.keys import new_private_keys, public_keys
from infra_cdk.local import ministack, postgres, stack_config, valkey
from infra_cdk.local.catcher import launch as catcher
from infra_cdk.local.google.emulate import start_emulate, start_proxy
from infra_cdk.local.google.settings import OAuthClient, Subscription
from infra_cdk.local.google.store import open_store
from infra_cdk.local.ports import choose_ports
from infra_cdk.local.processes import Process, ServiceFailed, spawn, stop, wait_until_ready
from infra_cdk.local.provision import provision
from infra_cdk.local.stack_config import StackConfig
from infra_cdk.local.state import State, secret, write_atomically
from infra_cdk.local.supervisor import Service, Supervisor, supervise
from infra_cdk.registry import declared
from shared.db.migrate import bootstrap, migrate

DATABASE = "haste"
_ROLES = ("crm_migrator", "crm_app", "crm_worker", "crm_auth", "crm_outbox", "crm_eraser")
_PORTS = (
    "gateway",
    "pollers",
    "postgres",
    "valkey",
    "valkey-bus",
    "ministack",
    "google",
    "emulate",
    "smtp",
    "catcher",
)
_PRIVATE_FOLDERS = ("google", "mail", "ministack")
"""They hold mails, tokens and keys; Postgres guards its own folder itself."""
_PROJECT = "projects/haste-laptop"
_PUSH_ACCOUNT = "push@haste-laptop.iam.gserviceaccount.com"


@dataclass(frozen=True)
class Options:
    """How to start. `mailboxes` are addresses that exist at the Gmail stand-in; `settings` replace
    the stage's own; `retry_seconds` shortens the wait before a failed message comes again.
    """

    mailboxes: tuple[str, ...] = ()
    port: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    retry_seconds: int | None = None
    durable: bool = True


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    state: State
    config: StackConfig
    google_url: str
    catcher_url: str
    supervisor: Supervisor

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.config.gateway_port}"

    @property
    def admin_headers(self) -> dict[str, str]:
        """What the runners' `/_haste/` pages want to see."""
        return {"X-Haste-Token": self.config.token}

    def runner_url(self, runner: str) -> str:
        """Where a runner (`gateway` or `pollers`) answers."""
        port = self.config.gateway_port if runner == "gateway" else self.config.pollers_port
        return f"http://127.0.0.1:{port}"

    def database_url(self, role: str = "crm_migrator") -> str:
        return self.config.database_urls[role]


@contextmanager
def running(state: State, options: Options = Options()) -> Generator[Stack]:
    """Everything up; on leaving, everything stopped.

    Raises:
        AlreadyRunning: another one uses the data folder.
        ServiceFailed: a part does not start; the message has the end of its log.
    """
    ports = choose_ports(state, _PORTS, gateway=options.port)
    config = _config(state, options, ports)
    with supervise(state, _services(state, options, ports, config)) as supervisor:
        yield Stack(
            state=state,
            config=stack_config.load(stack_config.config_path(state)),
            google_url=f"http://127.0.0.1:{ports['google']}",
            catcher_url=f"http://127.0.0.1:{ports['catcher']}",
            supervisor=supervisor,
        )


def _services(
    state: State, options: Options, ports: Mapping[str, int], config: StackConfig
) -> list[Service]:
    for name in _PRIVATE_FOLDERS:
        folder = state.data / name
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
    google = state.data / "google"

    def start_postgres() -> Process:
        server = postgres.launch(state, port=ports["postgres"], durable=options.durable)
        _migrate(server)
        return server.process

    def start_valkey() -> Process:
        return valkey.launch(state, port=ports["valkey"], wait=False).process

    def start_google_core() -> Process:
        open_store(google / "google.db", options.mailboxes).close()
        url = f"http://127.0.0.1:{ports['google']}"
        return start_emulate(state, google, ports["emulate"], url, [_oauth_client(state, config)])

    def start_google() -> Process:
        return start_proxy(state, google, ports["emulate"], ports["google"], _subscription(config))

    return [
        Service("postgres", start_postgres, stop=postgres.shut_down),
        Service(
            "valkey",
            start_valkey,
            ready=lambda: valkey.serves_all_slots(ports["valkey"]),
            url=config.cache_url,
        ),
        Service(
            "ministack",
            lambda: _start_ministack(state, config, ports),
            stop=lambda process: _stop_ministack(state, process),
            after=("postgres",),
            url=config.aws_url,
        ),
        Service("emulate", start_google_core),
        Service("google", start_google, after=("emulate",)),
        Service(
            "catcher",
            lambda: catcher.start(state, port=ports["catcher"], smtp_port=ports["smtp"]),
            ready=lambda: catcher.is_ready(ports["catcher"]),
            url=f"http://127.0.0.1:{ports['catcher']}",
        ),
        Service(
            "gateway",
            lambda: start_runner(state, config, "gateway", config.gateway_port),
            after=("postgres", "valkey", "ministack", "google"),
            url=f"http://127.0.0.1:{config.gateway_port}",
        ),
        Service(
            "pollers",
            lambda: start_runner(state, config, "pollers", config.pollers_port),
            after=("postgres", "valkey", "ministack", "google"),
        ),
    ]


def _migrate(server: postgres.Postgres) -> None:
    with psycopg.connect(server.url(), autocommit=True) as admin:
        found = admin.execute("select from pg_database where datname = 'haste'")
        if found.fetchone() is None:
            admin.execute("create database haste")
    passwords = {role: server.password(role) for role in _ROLES}
    bootstrap(server.url(database=DATABASE), passwords)
    migrate(server.url("crm_migrator", DATABASE))


def _start_ministack(state: State, config: StackConfig, ports: Mapping[str, int]) -> Process:
    """Start, provision, and make good what a kill has lost.

    The first time it is started twice: only an orderly end writes queues and keys to disk, and
    later it may be killed. A kill loses the messages of its queues, which SQS itself never does;
    so the events of the last day are published again. Consumers know what they have seen.
    """
    folder = state.data / "ministack"
    first_time, clean = not (folder / "provisioned").exists(), folder / "ended-in-order"
    server = ministack.launch(state, port=ports["ministack"])
    _provision(state, config)
    if first_time:
        stop(server.process)
        server = ministack.launch(state, port=ports["ministack"])
        _provision(state, config)
        (folder / "provisioned").touch()
    elif not clean.exists():
        try:
            _publish_again(config)
        except psycopg.OperationalError as error:
            stop(server.process)
            raise ServiceFailed(f"events cannot be published again: {error}") from error
    clean.unlink(missing_ok=True)
    return server.process


def _stop_ministack(state: State, process: Process) -> None:
    in_order = process.alive()
    stop(process)
    if in_order:
        (state.data / "ministack" / "ended-in-order").touch()


def _publish_again(config: StackConfig) -> None:
    with psycopg.connect(config.database_urls["crm_migrator"], autocommit=True) as migrator:
        migrator.execute(
            """
            insert into outbox (workspace_id, event_id)
            select workspace_id, id from event_log
            where id >= app.uuid7_floor(now() - interval '1 day')
            on conflict do nothing
            """
        )


def _provision(state: State, config: StackConfig) -> None:
    secrets = {
        **_signing_keys(state),
        "database-admin": _administrator(state, config),
        "smtp": "{}",  # the catcher asks nobody who they are
        "google-oauth": _google_credentials(state, config),
    }
    resources = provision(declared(), config.aws_url, secrets)
    stack_config.save(replace(config, resources=resources))


def start_runner(state: State, config: StackConfig, name: str, port: int) -> Process:
    argv = [sys.executable, "-m", f"infra_cdk.local.{name}"]
    argv += ["--config", str(stack_config.config_path(state))]
    process = spawn(state, name, argv)
    url = f"http://127.0.0.1:{port}/_haste/health"
    wait_until_ready(process, lambda: _who_answers(url) == process.pid)
    return process


def _who_answers(url: str) -> int | None:
    """The process that answers. Another stack's may, if it took the port before ours did."""
    try:
        answer = httpx.get(url, timeout=5, trust_env=False)
        return answer.json().get("pid") if answer.is_success else None
    except (httpx.HTTPError, ValueError):
        return None


def _signing_keys(state: State) -> dict[str, str]:
    """The secrets that sign and verify tokens, made once per data folder."""
    path = state.root / "signing-keys.json"
    if not path.exists():
        write_atomically(path, json.dumps(new_private_keys()))
    private = json.loads(path.read_text())
    return {
        "auth-private-keys": json.dumps(private),
        "auth-public-keys": json.dumps(public_keys(private)),
    }


def _administrator(state: State, config: StackConfig) -> str:
    """Who makes the roles, as RDS writes it down.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
    """
    address = urlsplit(config.database_urls["crm_migrator"])
    described = {
        "engine": "postgres",
        "host": address.hostname,
        "port": address.port,
        "dbname": DATABASE,
        "username": "postgres",
        "password": secret(state, "postgres-postgres"),
    }
    return json.dumps(described)


def _config(state: State, options: Options, ports: Mapping[str, int]) -> StackConfig:
    def url(name: str) -> str:
        return f"http://127.0.0.1:{ports[name]}"

    def database(role: str) -> str:
        password = secret(state, f"postgres-{role}")
        return f"postgresql://{role}:{password}@127.0.0.1:{ports['postgres']}/{DATABASE}"

    return StackConfig(
        home=str(state.root),
        tools=str(state.tools),
        token=random_source.token_urlsafe(24),
        gateway_port=ports["gateway"],
        pollers_port=ports["pollers"],
        aws_url=url("ministack"),
        database_urls={role: database(role) for role in _ROLES},
        cache_url=f"redis://127.0.0.1:{ports['valkey']}",
        settings={
            "GOOGLE_API_URL": url("google"),
            "GOOGLE_ISSUER": url("google"),
            "GOOGLE_JWKS_URL": f"{url('google')}/oauth2/v3/certs",
            "GMAIL_TOPIC": f"{_PROJECT}/topics/gmail",
            "PUSH_AUDIENCE": f"{url('gateway')}/webhooks/gmail",
            "PUSH_EMAIL": _PUSH_ACCOUNT,
            "PUSH_SUBSCRIPTION": f"{_PROJECT}/subscriptions/gmail",
            "ACCESS_TOKEN_SECONDS": "86400",
            "MAIL_QUIET_SECONDS": "60",
            "MAIL_RELEASE_AGAIN_SECONDS": "120",
            "WEBHOOK_ALLOW": "127.0.0.0/8,::1/128,localhost",
            "SMTP_URL": f"smtp://127.0.0.1:{ports['smtp']}",
            "MAIL_FROM": "hasteCRM <no-reply@haste.localhost>",
            "CONSOLE_URL": url("gateway"),
            **options.settings,
        },
        retry_seconds=options.retry_seconds,
    )


def _oauth_client(state: State, config: StackConfig) -> OAuthClient:
    """Who we are at Google for signing in."""
    return OAuthClient(
        client_id="haste.apps.googleusercontent.com",
        client_secret=secret(state, "google-oauth"),
        redirect_uris=(f"{config.settings['CONSOLE_URL'].rstrip('/')}/sign-in/callback",),
    )


def _google_credentials(state: State, config: StackConfig) -> str:
    client = _oauth_client(state, config)
    return json.dumps({"client_id": client.client_id, "client_secret": client.client_secret})


def _subscription(config: StackConfig) -> Subscription:
    return Subscription(
        endpoint=config.settings["PUSH_AUDIENCE"],
        audience=config.settings["PUSH_AUDIENCE"],
        service_account=config.settings["PUSH_EMAIL"],
        name=config.settings["PUSH_SUBSCRIPTION"],
    )
