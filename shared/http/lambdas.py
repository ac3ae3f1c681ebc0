"""The Lambda handler of an HTTP function: API Gateway event in, response out."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any, cast

from fastapi import FastAPI
from mangum import Mangum

from shared.http.deprecation import telling_deprecation
from shared.http.head import answering_head
from shared.http.latest import known_as_latest
from shared.http.limits import limited
from shared.http.problems import MEDIA_TYPE
from shared.invocation import Handler, LambdaContext, Payload, invocation

_TEXT = ["text/", "application/json", MEDIA_TYPE]


def http_handler(app: FastAPI) -> Handler:
    """The handler that serves `app`. Lifespan is off: Mangum would run it at every request."""

    @cache
    def adapter() -> Handler:
        outside: Any = answering_head(known_as_latest(limited(telling_deprecation(app))))
        return cast("Handler", Mangum(outside, lifespan="off", text_mime_types=_TEXT))

    def handle(event: Payload, context: LambdaContext) -> Any:
        asyncio.set_event_loop(_loop())
        return adapter()(event, context)

    return invocation(handle)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The event loop that Mangum expects the thread to have, and Python 3.12 no longer makes.

    Made at the first request, not at import: a snapshot should hold no open file.
    """
    return asyncio.new_event_loop()
