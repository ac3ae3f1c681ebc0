"""HTML bodies: made safe (nh3), and turned into plain text.

Text is read from the sanitised HTML, which is well-formed, so one HTML parser is enough.
"""

import re
from functools import lru_cache
from html import escape, unescape
from typing import Any

HTML_LIMIT = 500_000
# Limits under which nh3's HTML5 tree building, quadratic in these, stays below a second.
TAG_LIMIT, FORMATTING_LIMIT, ENTITY_LIMIT, TAG_LENGTH_LIMIT = 20_000, 1_000, 50_000, 100_000

_FORMATTING = re.compile(r"<(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)[\s/>]", re.I)
_DATA_URI = re.compile(r"data:[a-z]+/[\w.+-]+;base64,[A-Za-z0-9+/=\s%]{200,}", re.I)
_ENDLESS_TAG = re.compile(rf"<[^<>]{{{TAG_LENGTH_LIMIT}}}")
_SAFE_URL = re.compile(r"(?:https?://|mailto:|tel:|cid:)[^\s\x00-\x1f]", re.I)
_REMOTE = "\ufdd0"  # a non-character, taken out of the input first: marks a remote image's URL

_TAG_NAMES = (
    "a abbr address article b bdi bdo big blockquote br caption center cite code col colgroup dd "
    "del details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img "
    "ins kbd li mark nav ol p pre q s samp section small span strike strong sub summary sup table "
    "tbody td tfoot th thead time tr tt u ul var wbr"
)
_BOX = {"align", "valign", "width", "height", "bgcolor"}
_ATTRIBUTES = {
    "*": {"style", "dir", "lang", "title", "class"},
    "a": {"href", "name"},
    "img": {"src", "alt", "width", "height", "border", "align"},
    "font": {"color", "size", "face"},
    "blockquote": {"type", "cite"},
    "ol": {"start", "type"},
    "table": _BOX | {"border", "cellpadding", "cellspacing"},
    **dict.fromkeys(("td", "th"), _BOX | {"colspan", "rowspan", "nowrap"}),
    **dict.fromkeys(("tr", "tbody", "div", "p", "col", "h1", "h2", "h3"), _BOX),
}
_STYLE_NAMES = (
    "color background-color background font font-family font-size font-style font-weight "
    "line-height letter-spacing text-align text-decoration text-transform text-indent "
    "vertical-align white-space word-break direction display width height max-width min-width "
    "border border-top border-right border-bottom border-left border-color border-style "
    "border-width border-radius border-collapse border-spacing margin margin-top margin-right "
    "margin-bottom margin-left padding padding-top padding-right padding-bottom padding-left "
    "list-style-type table-layout"
)
# What could load something or hide a property's name from the filter.
_UNSAFE_STYLE = re.compile(r"url|image|expression|\\|/\*|@|&|<|attr\(|src", re.I)


def sanitise(html: str) -> tuple[str, str | None]:
    """(safe HTML, defect or None): no scripts, forms or relative links; nothing loads by itself.

    Links are http(s), mailto, tel or cid. A remote image's `src` becomes `data-src`. HTML too
    long or too tangled to parse in bounded time comes back as its bare text in a `<pre>`.
    """
    defect = None
    if "data:" in html:
        html = _DATA_URI.sub("", html)
    if len(html) > HTML_LIMIT:
        html, defect = html[:HTML_LIMIT], "truncated"
    if _is_tangled(html):
        return f"<pre>{escape(_without_tags(html), quote=False)}</pre>", "html_too_complex"
    safe = _cleaner().clean(html.replace(_REMOTE, ""))
    if _REMOTE in safe:
        safe = safe.replace(f'src="{_REMOTE}', 'data-src="')
    return safe, defect


def _is_tangled(html: str) -> bool:
    tags = html.count("<")
    if html.count("&") > ENTITY_LIMIT or tags > TAG_LIMIT:
        return True
    if len(html) > TAG_LENGTH_LIMIT and _ENDLESS_TAG.search(html):
        return True
    return tags > FORMATTING_LIMIT and len(_FORMATTING.findall(html)) > FORMATTING_LIMIT


def _without_tags(html: str) -> str:
    text = re.sub(r"<(?:style|script)\b[^<]*(?:<(?!/)[^<]*)*", " ", html, flags=re.I)
    return unescape(re.sub(r"<[^<>]*>?", " ", text))


@lru_cache(maxsize=1)
def _cleaner() -> Any:
    import nh3

    return nh3.Cleaner(
        tags=set(_TAG_NAMES.split()),
        clean_content_tags={"script", "style", "title", "template"},
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        filter_style_properties=set(_STYLE_NAMES.split()),
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        link_rel="noopener noreferrer nofollow",
    )


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "style":
        return None if _UNSAFE_STYLE.search(value) else value
    if name in ("href", "src", "cite"):
        url = value.strip()
        if not _SAFE_URL.match(url):
            return None
        return _REMOTE + url if name == "src" and url[:4].lower() == "http" else url
    return value


_TOKEN = re.compile(r'<(/?)([a-z0-9]+)((?:[^">]|"[^"]*")*)>|([^<]+)|<')
_BLOCK_NAMES = (
    "address article blockquote caption center dd details div dl dt figcaption figure footer h1 h2 "
    "h3 h4 h5 h6 header li nav ol p pre section summary table tr ul"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "pre", "blockquote"}
_HIDDEN = re.compile(r"display\s*:\s*none")


def to_text(safe: str) -> str:
    """Plain text of *sanitised* HTML: blocks on their own lines, quotes marked with `>`."""
    writer = _Writer()
    hidden, depth = "", 0  # inside an element that is not displayed, and how deep
    for closing, tag, attributes, text in _TOKEN.findall(safe):
        if hidden:
            if tag == hidden:
                depth += -1 if closing else 1
                hidden = hidden if depth else ""
        elif text:
            writer.text(text)
        elif not tag:
            writer.text("<")
        elif attributes and not closing and tag != "img" and _HIDDEN.search(attributes):
            hidden, depth = ("", 0) if tag in ("br", "hr", "col", "wbr") else (tag, 1)
        else:
            writer.tag(tag, bool(closing))
    return writer.finished()


class _Writer:
    """Lines of text while tokens come in."""

    __slots__ = ("blank", "last", "lines", "pieces", "pre", "quotes")

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.pieces: list[str] = []
        self.quotes = 0
        self.last = 0  # quote depth of the last line
        self.pre = 0
        self.blank = False  # a paragraph ended: the next line is set off by an empty one

    def text(self, text: str) -> None:
        if "&" in text:
            text = unescape(text)
        if self.pre:
            head, *rest = text.split("\n")
            self.pieces.append(head)
            for line in rest:
                self.line(keep_empty=True)
                self.pieces.append(line)
        else:
            self.pieces.append(text)

    def tag(self, tag: str, closing: bool) -> None:
        if tag == "br":
            self.line(keep_empty=True)
        elif tag in ("td", "th") and not closing:
            self.pieces.append(" ")
        elif tag == "hr":
            self.line()
            self.pieces.append("-" * 10)
            self.line()
        elif tag in _BLOCKS:
            self.line()
            self._block(tag, closing)

    def _block(self, tag: str, closing: bool) -> None:
        step = -1 if closing else 1
        if tag in _PARAGRAPHS:
            self.blank = True
        if tag == "pre":
            self.pre = max(0, self.pre + step)
        elif tag == "blockquote":
            self.quotes = min(20, max(0, self.quotes + step))
        elif tag == "li" and not closing:
            self.pieces.append("- ")

    def line(self, keep_empty: bool = False) -> None:
        joined = "".join(self.pieces)
        line = joined.rstrip() if self.pre else " ".join(joined.split())
        self.pieces = []
        if not line and not keep_empty:
            return
        if self.blank and self.lines and self.lines[-1].strip("> "):
            self.lines.append(">" * min(self.quotes, self.last))
        self.blank = False
        if self.quotes:
            line = f"{'>' * self.quotes} {line}"
        self.last = self.quotes
        self.lines.append(line.rstrip())

    def finished(self) -> str:
        self.line()
        return "\n".join(self.lines).strip()
