"""In which character set is a text, so that it can be read and written back?

Law: only character sets that stand in the list here; where what is declared and what the bytes
say differ, `Charset.certain` is False, because the receiver may read other text than we do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.model import Step

_SINGLE_BYTE: Final = (
    *(f"iso8859-{number}" for number in (*range(1, 12), *range(13, 17))),
    *(f"cp125{number}" for number in range(9)),
    "cp437", "cp850", "cp866", "koi8-r", "koi8-u", "mac-roman",
)  # fmt: skip
_MULTI_BYTE: Final = (
    "shift_jis",
    "cp932",
    "euc_jp",
    "gb2312",
    "gbk",
    "gb18030",
    "big5",
    "euc_kr",
    "cp949",
)
_NAMES: Final[dict[str, str]] = {
    **{name: name for name in (*_SINGLE_BYTE, *_MULTI_BYTE)},
    **{name.replace("iso8859", "iso-8859"): name for name in _SINGLE_BYTE},
    **{name.replace("cp125", "windows-125"): name for name in _SINGLE_BYTE},
    **{name.replace("_", "-"): name for name in _MULTI_BYTE},
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "ascii": "utf-8",
    "latin1": "cp1252", "latin-1": "cp1252", "iso-8859-1": "cp1252", "sjis": "shift_jis",
    "x-sjis": "shift_jis", "macintosh": "mac-roman",
    "utf-16": "utf-16", "utf16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be",
    "utf-32": "utf-32", "utf32": "utf-32", "utf-32le": "utf-32-le", "utf-32be": "utf-32-be",
}  # fmt: skip
_MARKS: Final = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Charset:
    """How a text is decoded: a Python codec name, and whether no other reading is likely."""

    codec: str
    certain: bool

    def step(self, size: int) -> Step:
        """The layer that decodes `size` bytes of this character set."""
        if self.codec in ("utf-8", "latin-1"):
            return Step(self.codec, 0, size)
        return Step("charset", 0, size, self.codec)


def codec_of(name: str) -> str | None:
    """Python's name of the character set that is declared as `name`; None outside the list."""
    return _NAMES.get(name.strip(" \t\"'").lower())


def declared_in_xml(data: bytes) -> str:
    """The character set that the declaration of an XML document names; empty without one."""
    found = _XML.search(data)
    return found[1].decode("ascii") if found else ""


_XML: Final = re.compile(rb"""(?i)<\?xml\s[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9_.:-]{1,40})""")


def sniff(data: bytes) -> str:
    """The Unicode encoding that the first bytes show: a byte order mark, or where zeros stand.

    RFC 4627 section 3 gives the pattern of zeros for a text that opens with two ASCII characters.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    head = data[:4]
    if len(head) == 4 and head[0] != 0 and head[1:] == b"\0\0\0":
        return "utf-32-le"
    if len(head) == 4 and head[3] != 0 and head[:3] == b"\0\0\0":
        return "utf-32-be"
    if len(head) >= 2 and len(data) % 2 == 0:
        if head[0] == 0 and head[1] != 0:
            return "utf-16-be"
        if head[1] == 0 and head[0] != 0:
            return "utf-16-le"
    return "utf-8"


def decode(data: bytes, declared: str = "") -> tuple[str, Charset] | None:
    """Decode a text; None when it is not text in the declared, or in any Unicode, encoding.

    A declared set outside the list is read as UTF-8, uncertain.
    """
    found = sniff(data)
    name = declared.strip(" \t\"'")
    wanted = codec_of(name)
    if wanted in ("utf-16", "utf-32"):
        wanted = found if found.startswith(wanted) else f"{wanted}-be"  # RFC 2781 section 4.3
    readings = [found] if wanted is None or wanted == found else [wanted, found]
    texts: dict[str, str] = {}
    for codec in readings:
        text = _decoded(data, codec)
        if text is not None:
            texts[codec] = text
    if not texts:
        return None
    # The declared reading counts; but bytes that are text in UTF-8 are what JSON parsers take.
    codec = wanted if wanted in texts else found
    text = texts[codec]
    known = not name or wanted is not None
    agreed = known and (wanted is None or wanted in texts) and len(set(texts.values())) == 1
    if codec not in ("utf-8", "latin-1") and _encoded(text, codec) != data:
        return None
    return text, Charset(codec, agreed)


def _decoded(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeError:
        return None


def _encoded(text: str, codec: str) -> bytes | None:
    try:
        return text.encode(codec)
    except UnicodeError:
        return None
