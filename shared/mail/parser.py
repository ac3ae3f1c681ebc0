"""Raw bytes to `Mail`: total (it never raises) and bounded in time and size."""

import re
from hashlib import sha256

from shared.mail.addresses import parse_addresses
from shared.mail.bodies import choose
from shared.mail.charsets import decode, storable
from shared.mail.dates import parse_date
from shared.mail.flowed import unflow
from shared.mail.headers import Fields, first, plain, unstructured
from shared.mail.kinds import classify
from shared.mail.markup import sanitise, to_text
from shared.mail.model import Address, Attachment, Mail
from shared.mail.parts import Part, decoded, leaves, line_feeds, split
from shared.mail.replies import split_reply

TEXT_LIMIT = 1_000_000
BODY_BYTES = 4 * TEXT_LIMIT  # encoded bytes of one body leaf that are looked at
SUBJECT_LIMIT = 2_000
PAGES_LIMIT = 10
ID_LIMIT, IDS_LIMIT = 998, 100

_ID = re.compile(r"<([^<>]{1,998})>")


def parse(raw: bytes) -> Mail:
    """Everything the product needs of one mail. Whatever the bytes are, it returns a `Mail`."""
    try:
        return _parse(line_feeds(raw))
    except Exception:  # a defect of ours must not wedge a mailbox: the raw mail is kept anyway
        return Mail(defects=("unparsed",))


def _parse(raw: bytes) -> Mail:
    root, defects = split(raw)
    found = leaves(root)
    fields, hint = root.fields, _charset_hint(found)
    text, html, attachments = _contents(raw, root, hint, defects)
    senders = _addresses(fields, b"from", hint) or _addresses(fields, b"sender", hint)
    sender = senders[0] if senders else None
    subject = unstructured(first(fields, b"subject"), hint)[:SUBJECT_LIMIT]
    date = parse_date(plain(first(fields, b"date")[:400]))
    reply, signature = split_reply(text, sender)
    if b"from" not in fields or not sender:
        defects.add("no_from")
    if date is None:
        defects.add("no_date")
    return Mail(
        message_id=next(iter(_ids(fields, b"message-id")), None),
        in_reply_to=_ids(fields, b"in-reply-to"),
        references=_ids(fields, b"references"),
        subject=subject,
        date=date,
        sender=sender,
        reply_to=_addresses(fields, b"reply-to", hint),
        to=_addresses(fields, b"to", hint),
        cc=_addresses(fields, b"cc", hint),
        bcc=_addresses(fields, b"bcc", hint),
        text=text,
        html=html,
        reply=reply,
        signature=signature,
        attachments=attachments,
        kind=classify(raw, root, found, sender, subject),
        list_id=_list_id(fields, hint),
        defects=tuple(sorted(defects)),
    )


def _charset_hint(found: list[Part]) -> str:
    """What the first text part declares, for header bytes that declare nothing."""
    return next((leaf.params["charset"] for leaf in found if "charset" in leaf.params), "")


def _addresses(fields: Fields, name: bytes, hint: str) -> tuple[Address, ...]:
    values = fields.get(name)
    return parse_addresses(values, hint) if values else ()


def _ids(fields: Fields, name: bytes) -> tuple[str, ...]:
    """Message ids in order, once each; of very many the root and the latest are kept."""
    text = " ".join(plain(value) for value in fields.get(name, ()))
    ids = ["".join(found.split()) for found in _ID.findall(text)]
    if not ids and name == b"message-id":  # some systems leave out the brackets
        ids = text.split()[:1]
    # RFC 5322 ids are ASCII; an index holds 2,700 bytes, which 998 other characters may exceed.
    ascii_ids = (one.encode("ascii", "replace").decode() for one in ids if one)
    unique = list(dict.fromkeys(one[:ID_LIMIT] for one in ascii_ids))
    if len(unique) > IDS_LIMIT:
        unique = [unique[0], *unique[1 - IDS_LIMIT :]]
    return tuple(unique)


def _list_id(fields: Fields, hint: str) -> str | None:
    value = first(fields, b"list-id")
    if not value:
        return None
    text = unstructured(value, hint)
    inside = re.search(r"<([^<>]+)>", text)
    return (inside.group(1) if inside else text).strip()[:500] or None


def _contents(
    raw: bytes, root: Part, hint: str, defects: set[str]
) -> tuple[str, str | None, tuple[Attachment, ...]]:
    bodies = choose(root)
    pages = {
        part.number: _safe(_text(raw, part, hint, defects), defects)
        for part in _first_pages([*bodies.html, *bodies.text])
    }
    pieces: list[str] = []
    for part in bodies.text:
        if part.number in pages:
            pieces.append(to_text(pages[part.number]))
        elif not _is_media(part):
            pieces.append(_plain_body(raw, part, hint, defects))
    text = "\n\n".join(piece for piece in pieces if piece.strip())
    if len(text) > TEXT_LIMIT:
        text = text[:TEXT_LIMIT]
        defects.add("truncated")
    html = "\n".join(pages[part.number] for part in bodies.html if part.number in pages)
    shown = [part for part in (*bodies.text, *bodies.html) if _is_media(part)]
    rest = {part.number for part in (*shown, *bodies.attachments)}
    listed = [part for part in leaves(root) if part.number in rest]
    return text, html or None, tuple(_attachment(raw, part, defects) for part in listed)


def _first_pages(parts: list[Part]) -> list[Part]:
    """The HTML leaves among these, each once, and no more than anybody would read."""
    pages = {part.number: part for part in parts if part.content_type == "text/html"}
    return list(pages.values())[:PAGES_LIMIT]


def _is_media(part: Part) -> bool:
    return not part.content_type.startswith("text/")


def _safe(html: str, defects: set[str]) -> str:
    safe, defect = sanitise(html)
    if defect:
        defects.add(defect)
    return storable(safe)


def _plain_body(raw: bytes, part: Part, hint: str, defects: set[str]) -> str:
    text = _text(raw, part, hint, defects)
    if part.params.get("format", "").lower() == "flowed":
        text = unflow(text, part.params.get("delsp", "").lower() == "yes")
    return text


def _text(raw: bytes, part: Part, hint: str, defects: set[str]) -> str:
    data, defect = decoded(raw, part, BODY_BYTES)
    if part.end - part.start > BODY_BYTES:
        defects.add("truncated")
    charset = part.params.get("charset", "")
    text, guessed = decode(data, charset, hint)
    defects.update(word for word in (defect, guessed) if word)
    if "\x00" in text:
        defects.add("nul_removed")
    return storable(text).replace("\r\n", "\n").replace("\r", "\n")


def _attachment(raw: bytes, part: Part, defects: set[str]) -> Attachment:
    data, defect = decoded(raw, part)
    if defect:
        defects.add(defect)
    content_id = plain(first(part.fields, b"content-id")).strip("<> ")[:500]
    return Attachment(
        part=part.number,
        filename=_filename(part.filename),
        content_type=part.content_type[:255],
        size=len(data),
        sha256=sha256(data).hexdigest(),
        inline=part.disposition == "inline" or (bool(content_id) and not part.disposition),
        content_id=content_id,
    )


def _filename(name: str) -> str:
    """The last component without control characters: a name to show, never a path to follow."""
    name = name.replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in storable(name) if char.isprintable()).strip()[:255]
