"""Runs on every deploy: makes the first signing keys, and publishes those that are not.

The private keys are the truth, and the public ones follow from them. So the private ones are
written first, and what goes wrong in between is made good by the next run: until then a token may
be refused, but there is never a pair that does not match. Two runs at once agree, because a secret
is only replaced as it was read. Nothing is unpublished here: the keys may be turning just now.
"""

from __future__ import annotations

import time

from functions.auth.commands.keys import make_keys
from shared.invocation import LambdaContext, Payload, invocation


def keys_on_deploy(event: Payload, context: LambdaContext) -> dict[str, list[str]]:
    """Make what is missing; the names of the keys that were published. Again, it changes nothing.

    Raises:
        SecretChanged: somebody else is publishing other keys just now.
    """
    return {"published": make_keys(int(time.time()))}


handler = invocation(keys_on_deploy)
