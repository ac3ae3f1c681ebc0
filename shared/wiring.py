"""What a capability declares about itself, as frozen data.

`functions/<name>/capability.py` holds one `CAPABILITY = Capability(...)`. Two backends read it and
nothing else: `infra_cdk` turns it into AWS resources, `infra_cdk.local` into processes on a laptop.
So nothing is declared twice, and no handler can know where it runs. Nothing here may import a
vendor library: declarations are read by tools that have none installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

Need = Literal[
    "database",
    "cache",
    "bucket",
    "bucket_deletion",
    "bus",
    "encryption",
    "people_encryption",
    "egress",
    "sockets",
    "socket_url",
]
Role = Literal["crm_app", "crm_worker", "crm_outbox", "crm_auth", "crm_eraser", "crm_migrator"]
Layer = Literal["core", "ai"]

NEWEST = "/api/v1/"
"""Where the newest version of the API is that may be relied upon."""
LATEST = "/api/latest/"
"""Another name for it."""


@dataclass(frozen=True, slots=True)
class Http:
    """One URL prefix served by a function: `prefix` itself and everything below it.

    `public` routes are not passed through the authorizer; everything else is.
    """

    prefix: str
    public: bool = False

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The prefix and, for the newest version of the API, its other name."""
        if not self.prefix.startswith(NEWEST):
            return (self.prefix,)
        return self.prefix, LATEST + self.prefix.removeprefix(NEWEST)


EVERY_EVENT = ("*",)
"""For a queue's `listens`: all there are, those that are added tomorrow included."""


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue the function consumes. Its dead-letter queue is `<name>-dlq`.

    `listens` are event types (class names in `events/`) that an EventBridge rule puts on the queue;
    a FIFO queue is filled by our code only, never by a rule. `batch` is the most messages per
    invocation (<= 10), `concurrency` the most invocations at a time (SQS MaximumConcurrency, >= 2),
    `retries` the receives before the dead-letter queue. Visibility is always 6 x the function's
    timeout, as AWS advises.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """

    name: str
    listens: tuple[str, ...] = ()
    fifo: bool = False
    batch: int = 10
    concurrency: int = 10
    retries: int = 5

    def hears(self, known: Iterable[str]) -> tuple[str, ...]:
        """The types it listens to, of those that are known, in a fixed order."""
        return tuple(sorted(known if self.listens == EVERY_EVENT else self.listens))

    @property
    def pattern(self) -> dict[str, Any]:
        """The EventBridge pattern of what it listens to.

        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
        """
        ours: dict[str, Any] = {"source": [{"prefix": "haste."}]}
        return ours if self.listens == EVERY_EVENT else ours | {"detail-type": sorted(self.listens)}

    @property
    def physical_name(self) -> str:
        """The queue's name on SQS without the stage's prefix; FIFO names must end in `.fifo`."""
        return f"{self.name}.fifo" if self.fifo else self.name

    @property
    def dead_letter_name(self) -> str:
        return f"{self.name}-dlq.fifo" if self.fifo else f"{self.name}-dlq"


@dataclass(frozen=True, slots=True)
class Schedule:
    """An EventBridge schedule: `rate(1 minute)`, `rate(6 hours)` or `cron(...)`.

    The function gets EventBridge's scheduled event with `detail = {"job": name}`.
    """

    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda function.

    `name` is unique in its capability; `handler` is the module and attribute inside the capability
    (`api.handler`). `needs` decides permissions, network zone and environment; `role` is the
    database role it signs in as; `sends` are names of queues it may put messages on; `secrets` are
    names of secrets it reads, `writes_secrets` of those it may replace as well; `sockets` are
    WebSocket route keys it answers; the `socket_authorizer` says who may connect, by the `ticket`
    of the query. Of its needs, `encryption` is for what workspaces keep secret and
    `people_encryption` for what people do; `sockets` is to post to connections, `socket_url` to
    know where they are opened. What is `on_deploy` is invoked at every deploy, before the new
    code takes requests: doing its work again must change nothing. `bucket` is to read and add
    objects, `bucket_deletion` to list and delete them, in every version.
    """

    name: str
    handler: str
    http: tuple[Http, ...] = ()
    queue: Queue | None = None
    schedules: tuple[Schedule, ...] = ()
    sockets: tuple[str, ...] = ()
    sends: tuple[str, ...] = ()
    needs: frozenset[Need] = frozenset()
    role: Role | None = None
    secrets: tuple[str, ...] = ()
    writes_secrets: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ("core",)
    memory: int = 512
    timeout: int = 29
    snap_start: bool = False
    authorizer: bool = False
    socket_authorizer: bool = False
    on_deploy: bool = False


@dataclass(frozen=True, slots=True)
class Capability:
    """A folder under `functions/`: its name and its functions."""

    name: str
    functions: tuple[Function, ...]

    def full_name(self, function: Function) -> str:
        """`contacts-api`: the function's name everywhere (logs, metrics, processes, AWS)."""
        return f"{self.name}-{function.name}"

    def entry(self, function: Function) -> str:
        """`functions.contacts.api.handler`: import path and Lambda handler string in one."""
        return f"functions.{self.name}.{function.handler}"


@dataclass(frozen=True, slots=True)
class Declared:
    """A function together with the capability that declares it."""

    capability: Capability
    function: Function

    @property
    def name(self) -> str:
        return self.capability.full_name(self.function)

    @property
    def entry(self) -> str:
        return self.capability.entry(self.function)


def functions_of(capabilities: tuple[Capability, ...]) -> Iterator[Declared]:
    """Every declared function, in the capabilities' order."""
    for capability in capabilities:
        for function in capability.functions:
            yield Declared(capability, function)
