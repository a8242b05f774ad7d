"""What is in an RTF file? Its text, and the pictures and objects that stand in it as hex.

Law: one pass over tokens; a group that this file does not know is text all the same. Format: Rich
Text Format Specification 1.9.1.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gateway.content.readers.strings import printable
from gateway.content.reading import Budget, Embedded, Fact, Missed, Said, Stop, Text
from gateway.content.types import UNKNOWN, type_of
from gateway.model import UnreadReason

_TOKEN = re.compile(
    rb"\\bin(\d{1,9}) ?|\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])"
    rb"|([^\\{}\r\n]+)|[\r\n]+|\\"
)
_BREAKS = {b"par": "\n", b"line": "\n", b"row": "\n", b"cell": "\t", b"tab": "\t", b"page": "\n"}
_BREAKS |= {b"sect": "\n", b"emspace": " ", b"enspace": " ", b"nestcell": "\t", b"nestrow": "\n"}
_SIGNS = {b"lquote": "'", b"rquote": "'", b"ldblquote": '"', b"rdblquote": '"', b"bullet": "*"}
_SIGNS |= {b"endash": "\u2013", b"emdash": "\u2014"}
_HIDDEN = frozenset(
    b"info annotation atnauthor atnid comment fonttbl stylesheet colortbl generator xmlnstbl"
    b" listtable revtbl fldinst deleted v object userprops doccomm themedata datastore".split()
)
_HEX = frozenset({b"pict", b"objdata", b"themedata", b"colorschememapping", b"datastore"})
_MAX_GROUPS = 2000
_AUTHOR = re.compile(rb"\\(?:author|operator|manager|company|atnauthor)\b ?[^\s{}\\]")


@dataclass(frozen=True, slots=True)
class _State:
    hidden: bool = False
    hexed: bool = False
    skip: int = 1  # characters that stand for one of `\u`


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Visible text, hidden text, pictures and objects."""
    charset = "cp1252"
    if found := re.search(rb"\\ansicpg(\d{3,5})", data[:4096]):
        charset = f"cp{found[1].decode('ascii')}"
        try:
            "".encode(charset)
        except LookupError:
            charset = "cp1252"
    if re.search(rb"\{\\info\b", data):
        yield Fact("properties", value=True)
    if _AUTHOR.search(data):
        yield Fact("authors", value=True)
    state, stack = _State(), list[_State]()
    shown: list[str] = []
    hidden: list[str] = []
    raw = bytearray()
    hexed = bytearray()
    left = 0
    number = 0
    at = 0

    def text(piece: str) -> None:
        budget.text(len(piece))
        (hidden if state.hidden else shown).append(piece)

    def settle() -> None:
        if raw:
            text(raw.decode(charset, "replace"))
            raw.clear()

    while match := _TOKEN.match(data, at):
        at = match.end()
        size, word, value, byte, sign, brace, plain = match.groups()
        if size is not None:
            yield from _object(data[at : at + int(size)], f"object[{number}]")
            number += 1
            at += int(size)
        elif byte is not None:
            if left:
                left -= 1
            else:
                raw += binascii.unhexlify(byte)
        elif plain is not None:
            if state.hexed:
                hexed += plain
            else:
                raw += plain[left:]
                left = max(0, left - len(plain))
        elif brace == b"{":
            settle()
            if len(stack) > _MAX_GROUPS:
                raise Stop(UnreadReason.TOO_DEEP, "rtf groups")
            stack.append(state)
            left = 0
        elif brace == b"}":
            settle()
            if state.hexed and hexed:
                content = _unhexed(bytes(hexed))
                budget.expand(len(content))
                yield from _object(content, f"object[{number}]")
                number += 1
                hexed.clear()
            if state.hidden and not (stack and stack[-1].hidden):
                hidden.append("\n")
            state = stack.pop() if stack else _State()
            left = 0
        elif word is not None:
            if word == b"u" and value:
                settle()
                text(_character(int(value)))
                left = state.skip
            elif word == b"uc" and value:
                state = replace(state, skip=min(int(value), 9) if int(value) >= 0 else 1)
            elif word in _HEX:
                settle()
                state = replace(state, hexed=True)
            elif word in _HIDDEN and value != b"0":
                settle()
                state = replace(state, hidden=True)
                if word in {b"deleted", b"v"}:
                    yield Fact("hidden", value=True)
            elif word == b"v":
                settle()
                state = replace(state, hidden=False)
            elif word in _BREAKS:
                settle()
                text(_BREAKS[word])
            elif word in _SIGNS:
                settle()
                text(_SIGNS[word])
        elif sign is not None and sign in b"{}\\~_-":
            if sign != b"-":
                raw += {b"~": b" ", b"_": b"-"}.get(sign, sign)
        elif sign in {b"\n", b"\r"}:
            settle()
            text("\n")
    settle()
    for place, pieces in (("body", shown), ("hidden", hidden)):
        joined = "".join(pieces)
        if joined.strip():
            yield Text(place, joined, hidden=pieces is hidden)
    if at < len(data):
        yield Missed("", UnreadReason.MALFORMED, len(data) - at, "rtf")


def _character(number: int) -> str:
    return chr(number & 0xFFFF) if -0x8000 <= number <= 0xFFFF else "\ufffd"


def _unhexed(raw: bytes) -> bytes:
    """The bytes that the hex digits say; words between them (properties) are passed over."""
    digits = re.sub(rb"[^0-9a-fA-F]", b"", raw)
    return binascii.unhexlify(digits[: len(digits) & ~1])


def _object(content: bytes, place: str) -> Iterator[Said]:
    if not content:
        return
    kind = type_of(content)
    if kind == UNKNOWN:
        # OLE 1.0 wraps the file: find the compound file or archive within.
        for magic in (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04", b"%PDF-", b"\x89PNG"):
            found = content.find(magic, 0, 4096)
            if found > 0:
                yield Text(f"{place}.head", printable(content[:found]), hidden=True)
                content = content[found:]
                break
    yield Embedded(place, content, hidden=True)
