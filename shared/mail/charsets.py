"""Bytes to text that Postgres takes, whatever charset a mail claims or forgets to claim."""

import re
from encodings import aliases
from functools import lru_cache

SAMPLE_BYTES = 8_192

# WHATWG reads the Latin-1 family as Windows-1252, and mailers that say ISO-8859-1 mean it.
# The Asian ones are supersets of what their label says, as browsers read them.
_SUPERSETS = {
    "latin_1": "cp1252",
    "ascii": "ascii",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
}
_SPELLINGS = {
    "ansi_x3_4_1968": "ascii",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_6_i": "iso8859_6",
    "ks_c_5601_1987": "euc_kr",
    "x_sjis": "shift_jis",
    "x_windows_949": "cp949",
    "x_gbk": "gbk",
    "x_euc_jp": "euc_jp",
    "x_big5": "big5",
    "x_mac_roman": "mac_roman",
    "macintosh": "mac_roman",
    "utf8mb4": "utf_8",
    "unicode_1_1_utf_7": "utf_7",
    "x_unicode_2_0_utf_7": "utf_7",
}
# Python files these under text encodings' aliases too; they are not charsets.
_NOT_CHARSETS = {"base64_codec", "bz2_codec", "hex_codec", "quopri_codec"} | {
    *("rot_13", "uu_codec", "zlib_codec", "mbcs")
}
_UNSET = {"", "unknown_8bit", "x_unknown", "unknown", "default", "none", "binary", "_autodetect"}
_WIDE = (
    "utf_7 utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le hz "
    "cp037 cp273 cp424 cp500 cp1026 cp1140"
)
_NOT_ASCII = frozenset(_WIDE.split())
_C1_HOLES = {0x81, 0x8D, 0x8F, 0x90, 0x9D}
_SURROGATE = re.compile("[\ud800-\udfff]")
_SEPARATORS = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=256)
def codec(label: str) -> str | None:
    """Python's codec for a charset label, or None where it is unknown.

    Looks only in Python's table of aliases: `codecs.lookup` imports a module named after what
    the mail says, and knows codecs that take quadratic time (punycode) or are not charsets.
    """
    name = _SEPARATORS.sub("_", label[:60].strip("'\" \t").lower()).strip("_")
    name = _SPELLINGS.get(name, name)
    if re.fullmatch(r"cp_?\d+", name):
        name = name.replace("_", "")
    found = aliases.aliases.get(name) or aliases.aliases.get(name.replace("_", ""), name)
    if found in _NOT_CHARSETS or found not in _known():
        return None
    return _SUPERSETS.get(found, found)


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(aliases.aliases.values()) | {
        "cp874",
        "cp720",
        "koi8_u",
        "koi8_r",
        "mac_turkish",
    }


def decode(data: bytes, label: str, hint: str = "") -> tuple[str, str | None]:
    """Text of `data`, and the defect word for how it was found ("charset_guessed") or None.

    The ladder: what is declared, UTF-8, the `hint` (what the rest of the mail declares), a guess
    from a bounded sample, Windows-1252, which reads anything.
    """
    if data.isascii() and b"\x1b" not in data and (not label or not _special(label)):
        return data.decode("ascii"), None
    declared = codec(label)
    if declared:
        text = _strict(data, declared)
        if text is not None:
            return text, None
    text = _strict(data, "utf_8")
    if text is not None:
        return text, None if declared else "charset_guessed"
    return _guess(data, declared, codec(hint) if hint else None), "charset_guessed"


def _special(label: str) -> bool:
    """Whether ASCII bytes mean something else in this charset (UTF-7, UTF-16, HZ, EBCDIC …)."""
    return (codec(label) or "utf_8") in _NOT_ASCII


def _strict(data: bytes, name: str) -> str | None:
    if name == "utf_16" and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        name = "utf_16_be"  # RFC 2781 §4.3: big-endian where no byte order mark says otherwise
    try:
        return data.decode(name).removeprefix("\ufeff")
    except (UnicodeError, LookupError, ValueError):
        pass
    if name == "cp1252":
        return _windows_1252(data)
    return None


def _windows_1252(data: bytes) -> str:
    """Windows-1252 as WHATWG has it: its five holes are C1 controls, so it reads any bytes."""
    return data.decode("cp1252", "replace") if not _C1_HOLES & set(data) else _with_holes(data)


def _with_holes(data: bytes) -> str:
    table = {0xF700 + hole: hole for hole in _C1_HOLES}
    pieces = re.split(rb"([\x81\x8d\x8f\x90\x9d]+)", data)
    marked = [
        "".join(chr(0xF700 + byte) for byte in piece) if index % 2 else piece.decode("cp1252")
        for index, piece in enumerate(pieces)
    ]
    return "".join(marked).translate(table)


def _guess(data: bytes, declared: str | None, hint: str | None) -> str:
    if declared in ("utf_8", "gb18030", "cp932", "euc_jp", "cp949", "big5"):
        # A few broken bytes in what is otherwise as declared: a cut-off or a folded character.
        text = data.decode(declared, "replace")
        if text.count("\ufffd") * 20 < sum(byte > 127 for byte in data[:SAMPLE_BYTES]):
            return text
    if hint and hint != declared:
        text = _strict(data, hint)
        if text is not None:
            return text
    name = _sampled(data)
    text = _strict(data, name) if name else None
    return text if text is not None else _windows_1252(data)


def _sampled(data: bytes) -> str | None:
    """charset-normalizer's guess from the neighbourhood of the first 8-bit bytes."""
    first = re.search(rb"[\x80-\xff]", data)
    start = max(0, (first.start() if first else 0) - 256)
    sample = data[start : start + SAMPLE_BYTES]
    if len(sample) < 24:
        return None  # too little to tell anything: Windows-1252 is the likelier answer
    from charset_normalizer import from_bytes

    best = from_bytes(sample, steps=3, chunk_size=256, enable_fallback=False).best()
    return codec(best.encoding) if best else None


def storable(text: str) -> str:
    """`text` without NUL, and with U+FFFD for lone surrogates: Postgres refuses both."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    return _SURROGATE.sub("\ufffd", text)
