"""How tests and `haste` steer the proxy: faults, quota, and what has happened so far.

GET/POST/DELETE `/_faults`: POST takes `{"rules": [...], "seed": n}`, the fields of `faults.Fault`.
PUT `/_quota` takes `{"units_per_minute": n or null}`. GET `/_state`. GET `/_health`.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from infra_cdk.local.google import store
from infra_cdk.local.google.answers import Answer, error, json_answer
from infra_cdk.local.google.faults import Fault
from infra_cdk.local.google.upstream import Proxy, Request, send


class _Faults(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rules: list[Fault]
    seed: int | None = None


class _Quota(BaseModel):
    model_config = ConfigDict(extra="forbid")
    units_per_minute: int | None


async def answer(proxy: Proxy, request: Request) -> Answer:
    try:
        match (request.method, request.path):
            case ("GET", "/_faults"):
                pass
            case ("POST", "/_faults"):
                wanted = _Faults.model_validate_json(request.body)
                proxy.faults.add(wanted.rules, wanted.seed)
            case ("DELETE", "/_faults"):
                proxy.faults.clear()
            case ("PUT", "/_quota"):
                quota = _Quota.model_validate_json(request.body)
                proxy.quota.set_rate(quota.units_per_minute)
                return json_answer({"units_per_minute": quota.units_per_minute})
            case ("GET", "/_state"):
                return json_answer(_state(proxy))
            case ("GET", "/_health"):
                upstream = await send(proxy, "GET", "/.well-known/openid-configuration")
                return json_answer({"emulator": upstream.status == 200}, upstream.status)
            case _:
                return error(404)
    except (ValidationError, ValueError) as problem:
        return json_answer({"error": str(problem)}, 400)
    return json_answer({"rules": proxy.faults.report()})


def _state(proxy: Proxy) -> dict[str, Any]:
    return {
        "mailboxes": sorted(proxy.mailboxes),
        "watches": {
            mailbox: watch.expiration_ms for mailbox, watch in store.live_watches(proxy.db).items()
        },
        "pushes": proxy.notifier.counts if proxy.notifier else None,
        "requests_to_emulator": dict(proxy.forwarded),
        "units_per_minute": proxy.quota.units_per_minute,
    }
