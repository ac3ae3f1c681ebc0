"""All functions one process may run: each gets its execution environments at its first event."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from infra_cdk.local.environment import Environment
from infra_cdk.local.function_environment import environment_for
from infra_cdk.local.slot import Result
from infra_cdk.local.stack_config import StackConfig
from shared.wiring import Declared


class Fleet:
    """Invokes functions by name."""

    def __init__(self, declared: Iterable[Declared], config: StackConfig) -> None:
        self._declared = {one.name: one for one in declared}
        self._config = config
        self._environments: dict[str, Environment] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._declared)

    async def invoke(self, name: str, event: object, trace_id: str = "") -> Result:
        """Run the function on one event.

        Raises:
            LookupError: there is no such function, or its declaration asks for what is not there.
        """
        return await self._environment(name).invoke(event, trace_id)

    async def restart(self) -> None:
        """Make the next event of each function a cold start; events being handled finish first."""
        await asyncio.gather(*(one.restart() for one in self._environments.values()))

    async def keep_stopping_idle(self) -> None:
        """Until cancelled, end processes unused for the configured time; an event starts them."""
        while True:
            await asyncio.sleep(min(60.0, self._config.idle_seconds))
            for one in tuple(self._environments.values()):
                await one.stop_idle(self._config.idle_seconds)

    async def close(self) -> None:
        """End every process at once."""
        await asyncio.gather(*(one.close() for one in self._environments.values()))

    def describe(self) -> list[dict[str, Any]]:
        """The functions that have had an event here, with their counts."""
        return [one.describe() for one in self._environments.values()]

    def _environment(self, name: str) -> Environment:
        found = self._environments.get(name)
        if found is None:
            if name not in self._declared:
                raise LookupError(f"there is no function {name}; there are {', '.join(self.names)}")
            declared, config = self._declared[name], self._config
            found = self._environments[name] = Environment(
                declared,
                environment_for(declared, config),
                Path(config.root),
                config.state,
                config.concurrency,
            )
        return found
