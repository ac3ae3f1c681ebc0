"""The catcher's HTML. Every value is escaped; a mail's own HTML is shown in a frame that can do
nothing: its markup was cleaned by `shared.mail`, the frame's sandbox runs no script and has no
origin, and the page's policy, which the frame inherits, loads nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from string import Template

from infra_cdk.local.catcher.mails import Caught
from shared.mail import Mail, parse

_HEADERS_SHOWN = 20_000

_PAGE = Template("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd;
         vertical-align: top; overflow-wrap: anywhere }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f6f6f6; padding: 1rem }
iframe { width: 100%; height: 32rem; border: 1px solid #ddd; background: #fff }
</style>
$body
""")


def list_page(mails: Sequence[Caught], smtp_url: str) -> str:
    """All mails, the first one first."""
    rows = "\n".join(
        f"<tr><td><a href='/messages/{one.id}'>{_text(one.subject) or '(no subject)'}</a>"
        f"<td>{_text(one.sender)}<td>{_text(', '.join(one.recipients))}"
        f"<td><time>{_text(one.at)}</time>"
        for one in mails
    )
    body = f"""\
<h1>Caught mails: {len(mails)}</h1>
<p>What is sent to <code>{smtp_url}</code> ends here and reaches nobody.</p>
<form method="post" action="/clear"><button>Clear</button> <a href="/">Reload</a></form>
<table>
<tr><th>Subject<th>From<th>To<th>Time
{rows}
</table>"""
    return _PAGE.substitute(title="Caught mails", body=body)


def mail_page(caught: Caught, raw: bytes) -> str:
    """One mail: envelope, text, HTML, attachments, headers."""
    mail = parse(raw)
    head = re.split(rb"\r?\n\r?\n", raw[:_HEADERS_SHOWN], maxsplit=1)[0]
    parts = [
        f"<p><a href='/'>All mails</a> · <a href='/messages/{caught.id}.eml'>Download</a>"
        f"<h1>{_text(caught.subject) or '(no subject)'}</h1>",
        f"<p>From {_text(caught.sender)} to {_text(', '.join(caught.recipients))},"
        f" {_text(caught.at)}, {caught.size:,} bytes",
        f"<h2>Text</h2><pre>{_text(mail.text)}</pre>",
        _frame(mail),
        _attachments(mail),
        f"<h2>Headers</h2><pre>{_text(head.decode(errors='replace'))}</pre>",
    ]
    return _PAGE.substitute(title=_text(caught.subject), body="\n".join(parts))


def _frame(mail: Mail) -> str:
    if mail.html is None:
        return ""
    # Links open beside the page, when they are clicked, and only then.
    document = f"<!doctype html><base target='_blank'>{mail.html}"
    permitted = "allow-popups allow-popups-to-escape-sandbox"
    return (
        f"<h2>HTML</h2><iframe sandbox='{permitted}' referrerpolicy='no-referrer'"
        f" title='The mail' srcdoc='{_text(document)}'></iframe>"
    )


def _attachments(mail: Mail) -> str:
    if not mail.attachments:
        return ""
    items = "".join(
        f"<li>{_text(one.filename) or '(no name)'}, {_text(one.content_type)}, {one.size:,} bytes"
        for one in mail.attachments
    )
    return f"<h2>Attachments</h2><ul>{items}</ul>"


def _text(value: str) -> str:
    return escape(value, quote=True)
