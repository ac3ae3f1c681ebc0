"""Which leaves are body text and which are attachments (RFC 8621 §4.1.4)."""

from dataclasses import dataclass, field

from shared.mail.parts import Part

_MEDIA = ("image/", "audio/", "video/")


@dataclass(slots=True)
class Bodies:
    """Leaves to show where plain text is preferred, where HTML is, and all the rest."""

    text: list[Part] = field(default_factory=list[Part])
    html: list[Part] = field(default_factory=list[Part])
    attachments: list[Part] = field(default_factory=list[Part])


def choose(root: Part) -> Bodies:
    """Bodies of the whole mail; a leaf may be in `text` and in `html`, or in one of them."""
    found = Bodies()
    if not root.children and _is_odd_text(root):
        return Bodies([root], [root])
    _walk([root], "mixed", found, found.text, found.html)
    return found


def _is_odd_text(root: Part) -> bool:
    """A mail that is one text/enriched, text/markdown … is still something to read."""
    return (
        root.content_type.startswith("text/")
        and root.content_type != "text/calendar"
        and root.disposition != "attachment"
    )


def _walk(
    parts: list[Part],
    multipart: str,
    found: Bodies,
    text: list[Part] | None,
    html: list[Part] | None,
    in_alternative: bool = False,
) -> None:
    """The RFC's algorithm: `text` or `html` is None once the other alternative was chosen."""
    text_before = len(text) if text is not None else -1
    html_before = len(html) if html is not None else -1
    for index, part in enumerate(parts):
        if part.children:
            kind = part.content_type.removeprefix("multipart/")
            inside = in_alternative or kind == "alternative"
            _walk(part.children, kind, found, text, html, inside)
        elif not _is_inline(part, index, multipart):
            found.attachments.append(part)
        elif multipart == "alternative":
            _alternative(part, found, text, html)
        else:
            if in_alternative and part.content_type == "text/plain":
                html = None
            elif in_alternative and part.content_type == "text/html":
                text = None
            _both(part, found, text, html)
    if multipart == "alternative" and text is not None and html is not None:
        _fill(text, text_before, html, html_before)


def _is_inline(part: Part, index: int, multipart: str) -> bool:
    media = part.content_type.startswith(_MEDIA)
    if part.disposition == "attachment":
        return False
    if part.content_type not in ("text/plain", "text/html") and not media:
        return False
    return index == 0 or (multipart != "related" and (media or not part.filename))


def _alternative(
    part: Part, found: Bodies, text: list[Part] | None, html: list[Part] | None
) -> None:
    if part.content_type == "text/plain" and text is not None:
        text.append(part)
    elif part.content_type == "text/html" and html is not None:
        html.append(part)
    else:
        found.attachments.append(part)


def _both(part: Part, found: Bodies, text: list[Part] | None, html: list[Part] | None) -> None:
    if text is not None:
        text.append(part)
    if html is not None:
        html.append(part)
    if (text is None or html is None) and part.content_type.startswith(_MEDIA):
        found.attachments.append(part)


def _fill(text: list[Part], text_before: int, html: list[Part], html_before: int) -> None:
    """An alternative with one of the two only serves both."""
    if len(text) == text_before and len(html) != html_before:
        text += html[html_before:]
    elif len(html) == html_before and len(text) != text_before:
        html += text[text_before:]
