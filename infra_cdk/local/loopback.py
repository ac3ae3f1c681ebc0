"""Telling requests of this machine from those a web page makes.

A page anywhere can have a browser send requests to 127.0.0.1. One that has bound its own name to
that address (DNS rebinding) gives itself away by that name in `Host`; one that posts a form, by
its `Origin`, which browsers always send along.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from infra_cdk.local.gateway_events import Request

_NAMES = ("127.0.0.1", "localhost", "[::1]")


def is_ours(request: Request) -> bool:
    """Whether a request comes from this machine, to it by name, and from no other site's page."""
    headers = dict(request.headers)
    host = headers.get("host", "")
    origin = headers.get("origin")
    return (
        ip_address(request.source_ip).is_loopback
        and re.sub(r":\d+$", "", host) in _NAMES
        and origin in (None, f"http://{host}")
    )
