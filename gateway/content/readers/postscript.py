"""What does a page or picture in PostScript say? The strings and glyphs that it shows, joined to lines.

Law: the program is not run: its strings and the glyphs that it names are text in the order in which they
stand there, whatever shows them. So what a program makes up is not read, and that pictures and outlines of
letters are not is said. Its source is a text of its own, where it is text. Format: PostScript Language
Reference, third edition.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from gateway.content import signs
from gateway.content.readers.strings import printable
from gateway.content.reading import Budget, Embedded, Missed, Said, Text
from gateway.content.types import text_encoding
from gateway.model import UnreadReason

WRAPPED = b"\xc5\xd0\xd3\xc6"
"""Begins an EPS with a preview for programs that cannot run it (EPSF 3.0, section 5.2)."""
_PLACES = struct.Struct("<4x6I")
_TOKEN = re.compile(
    rb"""%[^\r\n]*+
    |(?P<string>\((?:\\.|[^\\()]|\((?:\\.|[^\\()]|\((?:\\.|[^\\()])*+\))*+\))*+\))
    |/(?P<glyph>[\w.]{1,63})\s++glyphshow\b
    |<(?P<hex>[0-9A-Fa-f\s]++)>
    |(?<![\w.#/])(?P<number>[-+]?(?:\d++(?:\.\d*+)?|\.\d++))(?![\w.])
    |(?<![\w/])(?P<operator>[A-Za-z]++)""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n|[\s\S]))")
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_APART = frozenset(b"gsave grestore translate showpage BT ET Td TD Tm T q Q".split())
"""Operators after which another line begins."""
_PLACED = frozenset(b"moveto m".split())
_PICTURES = frozenset(b"image colorimage imagemask".split())
_GAP = -200
"""Thousandths of the font's size: two strings of one array this far apart are two words."""
_MOST_HEX = 512
"""Letters of a string in hex that may be shown; longer ones are fonts and pictures."""


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """What it shows, and the picture beside it."""
    if data.startswith(WRAPPED):
        yield from _unwrapped(data, budget)
        return
    encoding = text_encoding(data)
    source = data.decode(encoding) if encoding is not None else printable(data)
    if encoding is None:
        yield Text("source", source, hidden=True)
    shown = _Shown()
    draws = False
    for token in _TOKEN.finditer(data):
        budget.tick()
        match token.lastgroup:
            case "string":
                shown.say(_string(token["string"][1:-1]))
            case "hex" if len(token["hex"]) <= _MOST_HEX:
                digits = b"".join(token["hex"].split())
                shown.say(
                    bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode()).decode("latin-1")
                )
            case "glyph":
                shown.join(signs.of(token["glyph"].decode("ascii", "replace")))
            case "number":
                shown.numbers.append(float(token["number"]))
            case "operator":
                draws = draws or token["operator"] in _PICTURES
                shown.operate(token["operator"])
            case _:
                pass
    text = shown.text()
    if any(line not in source for line in text.splitlines()):  # which its caller has
        budget.text(len(text))
        yield Text("body", text)
    if draws:
        yield Missed("", UnreadReason.UNSUPPORTED_FILE, len(data), "drawing")


class _Shown:
    """The strings so far; `numbers` are the operands since the last of them or operator."""

    def __init__(self) -> None:
        self.numbers: list[float] = []
        self._pieces: list[str] = []
        self._height: float | None = None
        self._between = ""

    def say(self, text: str) -> None:
        """A string: goes on where another has just ended, unless a number says that there is a gap."""
        gap = len(self.numbers) == 1 and self.numbers[0] <= _GAP
        self._pieces.append((self._between or (" " if gap else "")) + text)
        self._between = ""
        self.numbers.clear()

    def join(self, sign: str) -> None:
        """A glyph by itself: a place on the same line is that of the next letter."""
        self._pieces.append(self._between.strip(" ") + sign)
        self._between = ""
        self.numbers.clear()

    def operate(self, operator: bytes) -> None:
        """An operator that may move to another line."""
        if operator in _APART:
            self._between = "\n"
        elif operator in _PLACED and len(self.numbers) >= 2:
            height = self.numbers[-1]
            if height != self._height:
                self._between = "\n"
            self._between = self._between or " "
            self._height = height
        self.numbers.clear()

    def text(self) -> str:
        """All of it."""
        return "".join(self._pieces)


def _string(raw: bytes) -> str:
    def unescaped(match: re.Match[bytes]) -> bytes:
        if match[1] is not None:
            return bytes([int(match[1], 8) & 0xFF])
        return b"" if match[2] in {b"\n", b"\r", b"\r\n"} else _ESCAPED.get(match[2], match[2])

    return _ESCAPE.sub(unescaped, raw).decode("cp1252", "replace")


def _unwrapped(data: bytes, budget: Budget) -> Iterator[Said]:
    numbers = _PLACES.unpack_from(data)
    for place, start, size in zip(
        ("program", "metafile", "picture"), numbers[::2], numbers[1::2], strict=True
    ):
        part = data[start : start + size]
        if part:
            budget.expand(len(part))
            yield Embedded(place, part)
    # Programs fill up with zeros.
    if sum(numbers[1::2]) + _PLACES.size + 2 not in range(len(data.rstrip(b"\0")), len(data) + 1):
        yield Missed("", UnreadReason.MALFORMED, len(data), "eps")
