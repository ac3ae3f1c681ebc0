"""The HTTP side: the list, one mail, its bytes, JSON for tests, and the clear button."""

from __future__ import annotations

import json
from dataclasses import asdict

from infra_cdk.local.catcher.mails import Mails
from infra_cdk.local.catcher.pages import list_page, mail_page
from infra_cdk.local.gateway_events import Header, Request
from infra_cdk.local.gateway_responses import Response, problem
from infra_cdk.local.loopback import is_ours

# Mails bring their styles along, inline; nothing else, from nowhere.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_ALWAYS: tuple[Header, ...] = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),  # with "no-referrer", forms would say `Origin: null`
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)


async def answer(mails: Mails, smtp_url: str, request: Request) -> Response:
    """Answer one request. `smtp_url` is where mails are sent to."""
    if not is_ours(request):
        return problem(403, "forbidden", "This is for the machine itself.", "")
    found = _answer(mails, smtp_url, request)
    return Response(found.status, found.headers + _ALWAYS, found.body)


def _answer(mails: Mails, smtp_url: str, request: Request) -> Response:
    match request.method, request.path.split("/")[1:]:
        case "GET", [""]:
            return _html(list_page(mails.newest(), smtp_url))
        case "GET", ["messages.json"]:
            content = json.dumps([asdict(caught) for caught in mails.newest()])
            return Response(200, (("Content-Type", "application/json"),), content.encode())
        case "GET", ["messages", name]:
            return _mail(mails, name)
        case "POST", ["clear"]:
            mails.clear()
            return Response(303, (("Location", "/"),))
        case _:
            return problem(404, "not_found", "There is nothing at this URL.", "")


def _mail(mails: Mails, name: str) -> Response:
    if (kept := mails.get(name.removesuffix(".eml"))) is None:
        return problem(404, "not_found", "There is no such mail, or no more.", "")
    caught, raw = kept
    if not name.endswith(".eml"):
        return _html(mail_page(caught, raw))
    headers = (
        ("Content-Type", "message/rfc822"),
        ("Content-Disposition", f'attachment; filename="{caught.id}.eml"'),
    )
    return Response(200, headers, raw)


def _html(page: str) -> Response:
    return Response(200, (("Content-Type", "text/html; charset=utf-8"),), page.encode())
