"""How far does each code of a PDF font move the pen? What a content stream needs to be followed.

Law: what is not known is `Unfollowed`, never a guess: its page is drawn anew as a picture. Formats:
ISO 32000-2, 9.6 to 9.7; widths of the 14 standard fonts are those of pdfium.
"""

from __future__ import annotations

import codecs
import ctypes
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pikepdf
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from gateway.content import signs


class Unfollowed(Exception):
    """The stream cannot be followed glyph by glyph."""


_STANDARD = {
    "Arial": "Helvetica",
    "ArialMT": "Helvetica",
    "Arial,Bold": "Helvetica-Bold",
    "Arial-BoldMT": "Helvetica-Bold",
    "TimesNewRoman": "Times-Roman",
    "TimesNewRomanPSMT": "Times-Roman",
    "CourierNew": "Courier",
    **{
        name: name
        for name in (
            "Helvetica Helvetica-Bold Helvetica-Oblique Helvetica-BoldOblique Times-Roman"
            " Times-Bold Times-Italic Times-BoldItalic Courier Courier-Bold Courier-Oblique"
            " Courier-BoldOblique"
        ).split()
    },
}
_BYTES = [bytes([code]) for code in range(256)]
_SPACE = 0x20
_MOST_WIDTHS = 1 << 17
_HEX = re.compile(rb"<([0-9A-Fa-f\s]*)>|(-?\d+)|/[^\s<>\[\]()/]+|([A-Za-z]+)")


@dataclass(frozen=True, slots=True)
class Font:
    """How strings of one font fall into codes, and the width of each in thousandths of its size."""

    widths: Mapping[int, float]
    default: float | None
    sizes: tuple[tuple[int, int, int], ...] = field(default=((1, 0, 0xFF),))
    """Ranges of codes as (bytes, first, last); most fonts have one."""
    cids: Mapping[int, int] | None = None
    """Glyph number by code, where the two differ."""

    def codes(self, text: bytes) -> Iterator[tuple[bytes, float, bool]]:
        """Each code's bytes, its width, and whether word spacing applies to it."""
        if self.cids is None and self.sizes[0][0] == 1:
            for code in text:
                width = self.widths.get(code, self.default)
                if width is None:
                    raise Unfollowed
                yield _BYTES[code], width, code == _SPACE
            return
        at = 0
        while at < len(text):
            raw = text[at : at + self._size(text, at)]
            code = int.from_bytes(raw)
            number = code if self.cids is None else self.cids.get(code, 0)
            width = self.widths.get(number, self.default)
            if width is None:
                raise Unfollowed
            yield raw, width, raw == b" "
            at += len(raw)

    def _size(self, text: bytes, at: int) -> int:
        if len(self.sizes) == 1:
            return self.sizes[0][0]
        for size, first, last in self.sizes:
            part = text[at : at + size]
            ends = first.to_bytes(size), last.to_bytes(size)
            if len(part) == size and all(
                low <= byte <= high for byte, low, high in zip(part, *ends, strict=True)
            ):
                return size
        raise Unfollowed


def font(source: pikepdf.Object) -> Font:
    """The font that the dictionary `source` describes. Raises `Unfollowed`."""
    if not isinstance(source, pikepdf.Dictionary):
        raise Unfollowed
    if source.get("/Subtype") == "/Type0":
        return _composite(source)
    return _simple(source)


def _simple(source: pikepdf.Object) -> Font:
    scale = 1.0
    if source.get("/Subtype") == "/Type3":
        scale = abs(float(source.FontMatrix[0])) * 1000
    described = source.get("/FontDescriptor")
    missing = 0.0
    if isinstance(described, pikepdf.Dictionary):
        missing = float(described.get("/MissingWidth", 0))
    given = source.get("/Widths")
    if isinstance(given, pikepdf.Array):
        first = int(source.get("/FirstChar", 0))
        widths = {
            first + number: float(width) * scale
            for number, width in enumerate(list(given)[:256])
            if _is_number(width)
        }
        return Font(widths, missing * scale)
    name = str(source.get("/BaseFont", "")).removeprefix("/")
    if name not in _STANDARD:
        raise Unfollowed
    return Font(_named(_STANDARD[name], _encoding(source.get("/Encoding"))), None)


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]  # a number of the file, as pikepdf may give it
    except (TypeError, ValueError):
        return False
    return True


def _encoding(source: pikepdf.Object | None) -> dict[int, str]:
    """The character of each code of a Latin font; those that are not known are left out."""
    base = source
    changes: list[object] = []
    if isinstance(source, pikepdf.Dictionary):
        base = source.get("/BaseEncoding")
        given = source.get("/Differences")
        changes = list(given) if isinstance(given, pikepdf.Array) else []
    codec = {"/WinAnsiEncoding": "cp1252", "/MacRomanEncoding": "mac_roman"}.get(str(base), "ascii")
    letters: dict[int, str] = {}
    for code in range(32, 256):
        letter = bytes([code]).decode(codec, "ignore")
        if letter and codec == "ascii":
            letter = {"'": "\u2019", "`": "\u2018"}.get(letter, letter)
        if letter:
            letters[code] = letter
    at = 0
    for change in changes:
        if isinstance(change, pikepdf.Name):
            sign = signs.of(str(change).removeprefix("/"))
            letters.pop(at, None)
            if sign:
                letters[at] = sign
            at += 1
        else:
            at = int(change)  # type: ignore[call-overload]  # else it raises, as it should
    return letters


def _named(name: str, letters: dict[int, str]) -> dict[int, float]:
    known = standard_widths(name)
    return {code: known[letter] for code, letter in letters.items() if letter in known}


@functools.cache
def standard_widths(name: str) -> Mapping[str, float]:
    """Widths of the characters of code page 1252 in a standard font, in thousandths."""
    document = pdfium.PdfDocument.new()
    loaded = pdfium_c.FPDFText_LoadStandardFont(document, name.encode())
    widths: dict[str, float] = {}
    width = ctypes.c_float()
    for code in range(32, 256):
        letter = bytes([code]).decode("cp1252", "ignore")
        if letter and pdfium_c.FPDFFont_GetGlyphWidth(loaded, ord(letter), 1000.0, width):
            widths[letter] = width.value
    pdfium_c.FPDFFont_Close(loaded)
    document.close()
    return widths


# Codecs are loaded by name, which the sandbox would not let them be.
for _codec in ("cp1252", "mac_roman", "utf-16-le", "utf-16-be"):
    codecs.lookup(_codec)
for _name in sorted(set(_STANDARD.values())):
    standard_widths(_name)


# --- composite fonts ------------------------------------------------------------------------------


def _composite(source: pikepdf.Object) -> Font:
    inner = source.DescendantFonts[0]
    sizes: tuple[tuple[int, int, int], ...] = ((2, 0, 0xFFFF),)
    cids: dict[int, int] | None = None
    encoding = source.get("/Encoding")
    if isinstance(encoding, pikepdf.Stream):
        sizes, cids = _map(encoding)
    elif encoding != "/Identity-H":
        raise Unfollowed
    return Font(_cid_widths(inner.get("/W")), float(inner.get("/DW", 1000)), sizes, cids)


def _cid_widths(source: pikepdf.Object | None) -> dict[int, float]:
    widths: dict[int, float] = {}
    items = list(source) if isinstance(source, pikepdf.Array) else []
    at = 0
    while at + 1 < len(items):
        first, then = int(items[at]), items[at + 1]
        if isinstance(then, pikepdf.Array):
            widths |= {first + number: float(width) for number, width in enumerate(list(then))}
            at += 2
            continue
        if at + 2 >= len(items):
            break
        last, width = int(then), float(items[at + 2])
        if last - first > _MOST_WIDTHS:
            raise Unfollowed
        widths |= dict.fromkeys(range(first, last + 1), width)
        at += 3
    return widths


def _map(stream: pikepdf.Stream) -> tuple[tuple[tuple[int, int, int], ...], dict[int, int]]:
    """Code ranges and glyph numbers of an embedded CMap that stands by itself."""
    if int(stream.get("/WMode", 0)) or "/UseCMap" in stream:
        raise Unfollowed
    text = stream.read_bytes()
    if re.search(rb"/WMode\s+1|\busecmap\b", text) or len(text) > 1 << 20:
        raise Unfollowed
    sizes: list[tuple[int, int, int]] = []
    cids: dict[int, int] = {}
    held: list[bytes | int] = []
    for token in _HEX.finditer(text):
        word = token[3]
        if token[1] is not None:
            digits = b"".join(token[1].split()).decode("ascii")
            held.append(bytes.fromhex(digits + "0" * (len(digits) % 2)))
        elif token[2] is not None:
            held.append(int(token[2]))
        elif word == b"endcodespacerange":
            for low, high in zip(held[::2], held[1::2], strict=False):
                if not isinstance(low, bytes) or not isinstance(high, bytes):
                    raise Unfollowed
                if not 0 < len(low) == len(high) <= 4:
                    raise Unfollowed
                sizes.append((len(low), int.from_bytes(low), int.from_bytes(high)))
        elif word == b"endcidrange":
            for low, high, cid in zip(held[::3], held[1::3], held[2::3], strict=False):
                if not isinstance(low, bytes) or not isinstance(high, bytes):
                    raise Unfollowed
                if not isinstance(cid, int) or len(low) != len(high):
                    raise Unfollowed
                first, last = int.from_bytes(low), int.from_bytes(high)
                if last - first > _MOST_WIDTHS or len(cids) > _MOST_WIDTHS:
                    raise Unfollowed
                cids |= {code: cid + code - first for code in range(first, last + 1)}
        elif word == b"endcidchar":
            for low, cid in zip(held[::2], held[1::2], strict=False):
                if not isinstance(low, bytes) or not isinstance(cid, int):
                    raise Unfollowed
                cids[int.from_bytes(low)] = cid
        if word is not None:
            held = []
    if not sizes or any(size != sizes[0][0] for size, _, _ in sizes):
        # Codes of different lengths: ranges decide. Of one length: all are of that length.
        if not sizes:
            raise Unfollowed
        return tuple(sizes), cids
    return (sizes[0],), cids
