"""The Lambda handler of an HTTP function: API Gateway event in, response out."""

from __future__ import annotations

from typing import cast

from fastapi import FastAPI
from mangum import Mangum

from shared.http.problems import MEDIA_TYPE
from shared.invocation import Handler, invocation

_TEXT = ["text/", "application/json", MEDIA_TYPE]


def http_handler(app: FastAPI) -> Handler:
    """The handler that serves `app`. Lifespan is off: Mangum would run it at every request."""
    adapter = cast("Handler", Mangum(app, lifespan="off", text_mime_types=_TEXT))
    return invocation(adapter)
