"""An event for every trigger that a function declares, and what a function that works answers.

They are the events recorded from AWS (`events/samples/aws`), with what the declaration says put in
their place: its URL, its queue, its job. A new function needs nothing here, unless only it knows
what it can be asked (`_REQUESTS`) or what is put on its queue (`_MESSAGES`).
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

from events.catalogue import all_events
from events.ids import uuid7
from functions.auth.keys import KeySet
from functions.auth.models.mails import MailDue
from functions.auth.tokens import Claims, sign
from functions.email.models import FetchEmail, SyncMailbox
from functions.webhooks.models import DueEndpoint
from infra_cdk.local.google.push import envelope
from infra_cdk.local.socket_events import authorizer_event
from infra_cdk.local.state import CHECKOUT
from shared.access import EVERYTHING
from shared.wiring import Declared, Http, Queue, Schedule

Event = dict[str, Any]

_SAMPLES = CHECKOUT / "events" / "samples"


@dataclass(frozen=True, slots=True)
class Known:
    """What is there for events to be about: a workspace and its owner, the keys that sign access
    tokens, and how Google's notifications are signed.
    """

    workspace_id: UUID
    user_id: UUID
    keys: KeySet
    push_subscription: str
    push_token: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event, and how it is answered: `proper` knows a good answer; where `error` is given, it
    is the message of the error that is the only good one.
    """

    trigger: str
    event: Event
    proper: Callable[[Any], bool]
    error: str = ""

    def wrong(self, answer: Any, error: str | None) -> str:
        """What is wrong with an answer, or with an error's message; nothing where all is well."""
        good = error == self.error if error is not None else not self.error and self.proper(answer)
        if good:
            return ""
        said = json.dumps(answer) if error is None else f"the error {error!r}"
        return f"{self.trigger} was answered with {said[:1000]}"


@dataclass(frozen=True, slots=True)
class _Request:
    """A request that proves that its route ran, by the status of its answer."""

    method: str
    path: str
    body: str | None = None
    token: str = "t0k3n"  # noqa: S105 -- the recorded one
    status: int = HTTPStatus.OK


def recorded(one: Declared, known: Known) -> list[Recorded]:
    """The events of a function, made anew at each call: most of them have their effect once.

    Raises:
        LookupError: nobody knows what is put on its queue, or it has no trigger at all.
    """
    function = one.function
    found = [_requested(http, known) for http in function.http]
    if function.queue is not None:
        found.append(_batch(function.queue, known))
    found += [_scheduled(one, schedule) for schedule in function.schedules]
    found += [_socket(route, known) for route in function.sockets]
    if function.socket_authorizer:
        found.append(_handshake())
    if function.authorizer:
        found.append(_authorization(known))
    if function.on_deploy:
        found.append(Recorded("deploy", {}, lambda answer: isinstance(answer, dict)))
    if not found:
        raise LookupError(f"{one.name} declares nothing that would ever call it")
    return found


def _requested(http: Http, known: Known) -> Recorded:
    asked = _REQUESTS.get(http.prefix, lambda _: _Request("GET", http.prefix))(known)
    below = asked.path.removeprefix(http.prefix).removeprefix("/")
    event = _sample("apigw_rest")
    resource = f"{http.prefix}/{{proxy+}}" if below else http.prefix
    context = event["requestContext"] | {"resourcePath": resource, "path": asked.path}
    context |= {"httpMethod": asked.method, "requestId": str(uuid4())}
    if http.public:
        context.pop("authorizer")
    else:
        context["authorizer"] |= {
            "workspace_id": str(known.workspace_id),
            "user_id": str(known.user_id),
            "principalId": str(known.user_id),
            "access": str(EVERYTHING),
        }
    event |= {
        "resource": resource,
        "path": asked.path,
        "httpMethod": asked.method,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": below} if below else None,
        "requestContext": context,
        "body": asked.body,
    }
    return Recorded(
        f"{asked.method} {asked.path}",
        _with_token(event, asked.token),
        lambda answer: isinstance(answer, dict) and answer.get("statusCode") == asked.status,
    )


def _batch(queue: Queue, known: Known) -> Recorded:
    if queue.listens:
        [record] = _sample("eventbridge_to_sqs")["Records"]
        bodies = [_delivered(record["body"], kind, known) for kind in queue.hears(all_events())]
    else:
        if queue.name not in _MESSAGES:
            raise LookupError(f"say in _MESSAGES of {__name__} what is put on {queue.name}")
        [record] = _sample("sqs_fifo" if queue.fifo else "sqs")["Records"]
        bodies = [_MESSAGES[queue.name](known)]
    arn = f"arn:aws:sqs:us-east-1:123456789012:{queue.physical_name}"
    records = [
        {**record, "messageId": str(uuid4()), "body": body, "eventSourceARN": arn}
        for body in bodies
    ]
    return Recorded(
        f"queue {queue.name}",
        {"Records": records},
        lambda answer: answer == {"batchItemFailures": []},
    )


def _delivered(body: str, kind: str, known: Known) -> str:
    """An event of the catalogue, as a rule of the bus puts it on a queue."""
    event = all_events()[kind]
    sample = json.loads((_SAMPLES / f"{kind}.v{event.version}.json").read_text())
    detail = sample | {"id": str(uuid7()), "workspace_id": str(known.workspace_id)}
    named = {"id": str(uuid4()), "detail-type": kind, "source": f"haste.{event.source}"}
    return json.dumps({**json.loads(body), **named, "detail": detail})


def _scheduled(one: Declared, schedule: Schedule) -> Recorded:
    event = _sample("schedule") | {
        "resources": [f"arn:aws:events:us-east-1:123456789012:rule/{one.name}-{schedule.name}"],
        "detail": {"job": schedule.name},
    }
    return Recorded(f"schedule {schedule.name}", event, lambda answer: answer is None)


def _socket(route: str, known: Known) -> Recorded:
    """Messages come from nobody: they are answered by a post, and there is nobody to post to."""
    event = _sample("websocket_connect")
    kind = {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(route, "MESSAGE")
    event["requestContext"] |= {"routeKey": route, "eventType": kind}
    if kind != "MESSAGE":
        event["requestContext"]["authorizer"] = {
            "workspace_id": str(known.workspace_id),
            "user_id": str(known.user_id),
            "session_id": str(uuid4()),
            "access": str(EVERYTHING),
        }
    return Recorded(
        f"socket {route}",
        event,
        lambda answer: isinstance(answer, dict) and answer.get("statusCode", 500) < 500,
    )


def _handshake() -> Recorded:
    """A ticket that nobody was given; it is looked for everywhere."""
    connect = _sample("websocket_connect")
    arn = "arn:aws:execute-api:us-east-1:123456789012:5xmplws/prod/$connect"
    ticket = urlsafe_b64encode(secrets.token_bytes(48)).decode()
    query = {"queryStringParameters": {"ticket": ticket}}

    def denied(answer: Any) -> bool:
        return answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"

    return Recorded("handshake", authorizer_event(connect, arn) | query, denied)


def _authorization(known: Known) -> Recorded:
    """A token that is ours, of a session that is over: everything there is to check is checked."""
    claims = Claims(known.user_id, known.workspace_id, session_id=uuid4(), role="owner")
    token = sign(claims, known.keys["keys"][0], lifetime_s=900)
    event = _with_token(_sample("authorizer_request"), token)
    return Recorded("authorizer", event, lambda _: False, error="Unauthorized")


def _with_token(event: Event, token: str) -> Event:
    named = {"Authorization": f"Bearer {token}"}
    several = {name: [value] for name, value in named.items()}
    return event | {
        "headers": event["headers"] | named,
        "multiValueHeaders": event["multiValueHeaders"] | several,
    }


def _sample(name: str) -> Event:
    read: Event = json.loads((_SAMPLES / "aws" / f"{name}.json").read_text())
    return read


def _sign_up(_: Known) -> _Request:
    somebody = {
        "email": f"{uuid4()}@recorded.example",
        "password": secrets.token_urlsafe(16),
        "name": "Ada Lovelace",
        "workspace_name": "Engines",
    }
    body = json.dumps(somebody)
    return _Request("POST", "/api/v1/auth/sign-up", body, status=HTTPStatus.CREATED)


def _push(known: Known) -> _Request:
    number = str(secrets.randbelow(10**15))
    body = envelope("nobody@recorded.example", number, number, known.push_subscription).decode()
    return _Request("POST", "/webhooks/gmail", body, known.push_token, HTTPStatus.NO_CONTENT)


def _accept(_: Known) -> _Request:
    """A token that nobody was mailed."""
    body = json.dumps({"token": secrets.token_urlsafe(64)})
    path = "/api/v1/invitations/accept"
    return _Request("POST", path, body, status=HTTPStatus.BAD_REQUEST)


def _finish(_: Known) -> _Request:
    """A sign-in elsewhere that nobody has begun."""
    said = {name: secrets.token_urlsafe(32) for name in ("state", "code", "binding")}
    path = "/api/v1/auth/external/finish"
    return _Request("POST", path, json.dumps(said), status=HTTPStatus.BAD_REQUEST)


def _no_sso(_: Known) -> _Request:
    """Nothing that single sign-on could be set up by."""
    return _Request("PUT", "/api/v1/sso", "{}", status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _create(_: Known) -> _Request:
    change = {"method": "POST", "path": "/api/v1/contacts", "body": {"name": "Ada Lovelace"}}
    body = json.dumps({"operations": [change]})
    return _Request("POST", "/api/v1/batch", body)


def _query(_: Known) -> _Request:
    body = json.dumps({"query": "{ contacts(first: 1) { nodes { name } } }"})
    return _Request("POST", "/api/v1/graphql", body)


_REQUESTS: Mapping[str, Callable[[Known], _Request]] = {
    "/api/v1/auth": _sign_up,
    "/api/v1/auth/external": _finish,
    "/api/v1/batch": _create,
    "/api/v1/graphql": _query,
    "/api/v1/invitations/accept": _accept,
    "/api/v1/realtime": lambda _: _Request("GET", "/api/v1/realtime/topics"),
    "/api/v1/sso": _no_sso,
    "/api/v1/workspaces": lambda _: _Request("GET", "/api/v1/workspaces/current"),
    "/health": lambda _: _Request("GET", "/health/ready"),
    "/webhooks/gmail": _push,
}
"""By prefix, where `GET` of the prefix itself is not answered with 200."""

_MESSAGES: Mapping[str, Callable[[Known], str]] = {
    "email-sync": lambda _: SyncMailbox(address="nobody@recorded.example").model_dump_json(),
    "email-fetch": lambda known: FetchEmail(
        workspace_id=known.workspace_id,
        mailbox_id=uuid4(),
        provider_id="18c2f0a1b2c3d4e5",
        listed=False,
    ).model_dump_json(),
    "auth-mail": lambda _: MailDue(mail_id=uuid4()).model_dump_json(),
    "webhook-sends": lambda known: DueEndpoint(
        workspace_id=known.workspace_id, endpoint_id=uuid4()
    ).model_dump_json(),
}
"""By queue, what our own code puts there."""
