"""Built functions put together by hand as AWS does it: requests, the authorizer, queues."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from infra_cdk.local.authorizer import parse_grant
from infra_cdk.local.environment import Environment, new_trace_id
from infra_cdk.local.gateway_events import (
    Arrival,
    Request,
    Stage,
    to_authorizer_event,
    to_event,
    with_authorizer,
)
from infra_cdk.local.queue_events import to_record
from infra_cdk.local.routes import routes_of
from infra_cdk.local.sqs import Sqs
from infra_cdk.local.state import State
from infra_cdk.registry import declared
from infra_cdk.tests.packages import Packages

ALL = {one.name: one for one in declared()}
ROUTES = routes_of(ALL.values())
STAGE = Stage()


@dataclass(frozen=True)
class Deployed:
    """Functions, each started at its first event; their logs are in `state`."""

    packages: Packages
    state: State
    sqs: Sqs
    environments: dict[str, Environment] = field(default_factory=dict)

    async def invoke(self, name: str, event: Any) -> Any:
        """What a function answers; it must not fail."""
        if name not in self.environments:
            self.environments[name] = self.packages.start(ALL[name], self.state)
        result = await self.environments[name].invoke(event)
        assert result.error is None, (name, result.error)
        return result.json()

    async def request(self, method: str, path: str, body: Any = None, *, token: str = "") -> Any:
        """The JSON of a request's answer, which must be a success."""
        sent = b"" if body is None else json.dumps(body).encode()
        headers = (("authorization", f"Bearer {token}"), ("content-type", "application/json"))
        match = ROUTES.match(path)
        assert match is not None, path
        arrival = Arrival(str(uuid.uuid4()), new_trace_id(), datetime.now(UTC))
        event = to_event(Request(method, path, "", headers, sent), match, STAGE, arrival)
        if not match.route.public:
            asked = to_authorizer_event(event, STAGE.method_arn(method, path))
            grant = parse_grant(await self.invoke("auth-authorizer", asked))
            event = with_authorizer(event, grant.context)
        answer = await self.invoke(match.route.declared.name, event)
        assert answer["statusCode"] < 300, (path, answer)
        return json.loads(answer["body"]) if answer["body"] else None

    async def deliver(self, name: str) -> int:
        """Hand a function what is on its queue, waiting for the first message; how many."""
        queue = ALL[name].function.queue
        assert queue is not None
        url = self.packages.place.config.resources.queues[queue.name]
        messages = await self.sqs.receive(url, queue.batch)
        assert messages, f"nothing came to {queue.name}"
        arn = f"arn:aws:sqs:{STAGE.region}:{STAGE.account}:{queue.physical_name}"
        event = {"Records": [to_record(message, arn) for message in messages]}
        assert await self.invoke(name, event) == {"batchItemFailures": []}
        await self.sqs.delete(url, [message["ReceiptHandle"] for message in messages])
        return len(messages)


@asynccontextmanager
async def deployed(packages: Packages, state: State) -> AsyncGenerator[Deployed]:
    """All functions; on leaving, their processes have ended."""
    config = packages.place.config
    made = Deployed(packages, state, Sqs(config.aws_url, config.region))
    try:
        yield made
    finally:
        await asyncio.gather(*(one.close() for one in made.environments.values()))
        await made.sqs.close()
