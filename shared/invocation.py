"""What every Lambda invocation of ours does around the work itself.

Kept apart from `shared.runtime` so that a function without queue or database (a webhook) does not
import either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from aws_lambda_powertools.utilities.typing import LambdaContext

from shared import outbox
from shared.log import logger, metrics
from shared.origin import coming_from, origin_of

Payload = dict[str, Any]
Handler = Callable[[Payload, LambdaContext], Any]


def invocation(handle: Handler) -> Handler:
    """Wrap a handler in what every function does: log context, origin, publishing, metrics."""

    @logger.inject_lambda_context(clear_state=True)
    def wrapped(event: Payload, context: LambdaContext) -> Any:
        try:
            with coming_from(origin_of(event)):
                return handle(event, context)
        finally:
            outbox.publish_committed()
            if metrics.metric_set:
                metrics.flush_metrics()

    return cast("Handler", wrapped)
