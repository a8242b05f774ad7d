"""How does an XML part of a document look with some words replaced? The same, but for their bytes.

Law: runs in the sandbox only. The part is read as `xmltext` reads it; what is new is spliced into the
first run that the old touched, and the rest of it is cut from the others; every other byte stays.
What the format needs as it is (dates, numbers, formulas) is `CannotRewrite`.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote
from xml.parsers import expat

from gateway.content.readers.numbers import Format
from gateway.content.readers.office import plain_cells, shown_number
from gateway.content.readers.xmltext import CODE, HEADERS, Scanner, holds_words
from gateway.content.reading import Budget, FileLimits, Stop
from gateway.content.rewriting import CannotRewrite, Replace

_LINE = re.compile(r"[^\t\n]+")
_SECTION = re.compile(rf"{CODE.pattern}|(?:(?!{CODE.pattern})[^\t\n])+")
"""A code of a sheet's header, or what stands between two."""
_OTHER_ENCODING = re.compile(
    rb"\A(?:\xff\xfe|\xfe\xff|<\?xml[^>]*encoding\s*=\s*(?![\"'](?:utf-8|us-ascii)))", re.IGNORECASE
)
_BREAKS = re.compile(r"[\t\n]")
_ATTRIBUTE = re.compile(rb"\s+([^\s=>/]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_TAG = re.compile(rb"<[^\s/>]+")
_CELL_TYPE = re.compile(rb"\st\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_TYPED = frozenset(
    "f formula1 formula2 formula created modified lastPrinted date creation-date print-date filetime"
    " i1 i2 i4 i8 int uint ui1 ui2 ui4 ui8 r4 r8 decimal bool posOffset pctWidth pctHeight pctPosHOffset"
    " pctPosVOffset TotalTime Pages Words Characters Lines Paragraphs editing-duration editing-cycles"
    " formatCode".split()
)
"""Elements whose text is no words: with something else in it the document would not open."""
_CACHES = frozenset({"numCache", "numLit"})
"""Elements whose points are numbers that a chart draws: text counts as 0 there."""
_VALUES = frozenset("value date-value time-value boolean-value string-value".split())
_VALUE_TYPE = "value-type"
"""Attributes of a cell of OpenDocument that say its value once more, and of what type it is."""
_ODF_CELLS = frozenset({"table-cell", "covered-table-cell"})
_TYPED_ATTRIBUTES = frozenset(
    "formula condition ref sqref id style-name date-value time-value boolean-value value cell-range-address".split()
)
_NO_TEXT = frozenset("worksheet sheetData row c is".split())
"""Elements of a sheet that hold no text themselves."""
_NAMED = frozenset("definedName sheet Override Default table named-range named-expression".split())
"""Elements that formulas, or the package itself, know by the words of their attributes."""
_LINKS = frozenset({"Target", "href"})
_UNCHANGEABLE = "a name or number that the document depends on cannot be changed"
_UNKNOWN = "a part of the document cannot be changed"

type _Splice = tuple[int, int, bytes]
"""Bytes from the first to before the second become the third."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text that stands at byte `at` of the part; at -1 what stands for an element, such as a tab.

    `fixed`: it must not change. `cell`: where the start tag of its number cell begins, or -1,
    `form`: how that is shown, and `odf`: of its cell in OpenDocument. `drawn`: a number that a chart draws.
    `header`: of a sheet, with codes in it.
    """

    text: str
    at: int = -1
    fixed: bool = False
    cell: int = -1
    form: Format | None = None
    odf: int = -1
    drawn: bool = False
    header: bool = False


def replaced(
    raw: bytes,
    wishes: Sequence[Replace],
    styles: set[str] | None = None,
    formats: Mapping[str, Format] | None = None,
) -> tuple[bytes, set[Replace]]:
    """The part `raw` with those of `wishes` met whose line it has; and which these are.

    `styles` are those that hide their text, `formats` those of the cells of a workbook.
    """
    if _OTHER_ENCODING.match(raw) or b"<![CDATA[" in raw:
        raise CannotRewrite(_UNKNOWN)
    formats = formats or {}
    writer = _Writer(raw, wishes, styles or set(), formats)
    try:
        for _ in writer.feed([_without_rows(raw, {wish.line for wish in wishes}, formats)]):
            pass
    except (Stop, expat.ExpatError, UnicodeError, ValueError):
        raise CannotRewrite(_UNKNOWN) from None
    out = bytearray()
    at = 0
    for start, end, new in _merged(writer.splices):
        out += raw[at:start] + new
        at = end
    return bytes(out + raw[at:]), writer.met


def _without_rows(raw: bytes, lines: set[str], formats: Mapping[str, Format]) -> bytes:
    """A sheet of the same length, with blanks for rows of plain cells that hold none of `lines`.

    As in the reader: calls from the parser are what a large sheet costs.
    """
    if b"<sheetData>" not in raw:
        return raw
    *rows, rest = raw.split(b"</row>")
    out: list[bytes] = []
    for row in rows:
        cells = plain_cells(row, formats)
        if cells is None:
            out += row, b"</row>"
            continue
        _, numbers, words = cells
        if (
            lines.isdisjoint(numbers)
            and lines.isdisjoint(words)
            and "E" not in "".join(filter(None, numbers))
            and not _BREAKS.search("".join(filter(None, words)))
        ):
            out.append(b" " * (len(row) + len(b"</row>")))
        else:
            out += row, b"</row>"
    return b"".join((*out, rest))


def _merged(splices: Sequence[_Splice]) -> Iterator[_Splice]:
    """Splices in order; of those that overlap, the first one's text stands for all of them."""
    last: _Splice | None = None
    for start, end, new in sorted(set(splices), key=lambda one: (one[0], -len(one[2]), one[1])):
        if last is not None and (start < last[1] or (start, end) == last[:2]):
            last = last[0], max(end, last[1]), last[2]
            continue
        if last is not None:
            yield last
        last = start, end, new
    if last is not None:
        yield last


class _Writer(Scanner):
    """Reads a part and notes what is to be spliced."""

    def __init__(
        self,
        raw: bytes,
        wishes: Sequence[Replace],
        styles: set[str],
        formats: Mapping[str, Format],
    ) -> None:
        super().__init__(Budget(FileLimits(), len(raw)), styles=styles)
        self._formats = formats
        self._format: Format | None = None
        self._raw = raw
        self._wanted: defaultdict[str, list[Replace]] = defaultdict(list)
        for wish in wishes:
            self._wanted[wish.line].append(wish)
        self._shown: list[_Piece] = []
        self._all: list[_Piece] = []
        self._open: list[str] = []
        self._cell = -1
        self._cell_kind = ""
        self._odf: list[int] = []
        self.splices: list[_Splice] = []
        self.met: set[Replace] = set()

    def _start(self, qname: str, attributes: list[str]) -> None:
        super()._start(qname, attributes)
        name = self._locals[qname]
        self._open.append(name)
        if name == "c":
            self._cell = self._parser.CurrentByteIndex
            said = dict(zip(attributes[::2], attributes[1::2], strict=True))
            self._cell_kind = said.get("t", "n")
            self._format = self._formats.get(said.get("s", ""))
        if name in _ODF_CELLS:
            self._odf.append(self._parser.CurrentByteIndex)
        for key, value in zip(attributes[::2], attributes[1::2], strict=True):
            if len(value) >= 4 and holds_words(key, value):
                new = self._new(value)
                if new is not None and self._odf and key.rpartition(":")[2] in _VALUES:
                    self._as_words(self._odf[-1])
                elif new is not None:
                    self._attribute(name, key, new, external="External" in attributes)

    def _end(self, qname: str) -> None:
        super()._end(qname)
        name = self._open.pop()
        if name == "c":
            self._cell = -1
        elif name in _ODF_CELLS:
            self._odf.pop()

    def _characters(self, data: str) -> None:
        if self._open[-1] in _NO_TEXT and data.isspace():
            return  # between the elements of a sheet
        in_value = self._cell >= 0 and self._open[-1] == "v"
        if in_value and self._cell_kind == "s":
            return  # an index into the table of strings
        piece = _Piece(
            data,
            self._parser.CurrentByteIndex,
            fixed=not _TYPED.isdisjoint(self._open[-3:])
            or (in_value and self._cell_kind not in {"n", "str"}),
            cell=self._cell if in_value and self._cell_kind == "n" else -1,
            form=self._format,
            odf=self._odf[-1] if self._odf else -1,
            header=self._open[-1] in HEADERS,
            drawn=self._open[-1] == "v" and not _CACHES.isdisjoint(self._open[-3:]),
        )
        self._all.append(piece)
        if self._hiding or self._vanished:
            self._differs = True
        else:
            self._shown.append(piece)

    def _put(self, data: str) -> None:
        self._shown.append(_Piece(data))
        self._all.append(_Piece(data))

    def _comment(self, data: str) -> None:
        if self._new(data) is not None:
            raise CannotRewrite(_UNKNOWN)

    def _instruction(self, target: str, data: str) -> None:
        if self._new(f"{target} {data}") is not None:
            raise CannotRewrite(_UNKNOWN)

    def _begin(self) -> None:
        self._break("\n")

    def _break(self, mark: str) -> None:  # noqa: ARG002  # every break ends a line here
        self._lines(self._shown)
        if self._differs:
            self._lines(self._all)
        self._differs = False
        self._shown.clear()
        self._all.clear()

    def _lines(self, pieces: Sequence[_Piece]) -> None:
        text = "".join(piece.text for piece in pieces)
        in_header = any(piece.header for piece in pieces)
        starts = itertools.accumulate((len(piece.text) for piece in pieces), initial=0)
        cells = {at: piece for at, piece in zip(starts, pieces, strict=False) if piece.cell >= 0}
        for found in (_SECTION if in_header else _LINE).finditer(text):
            wishes = self._wanted.get(found[0])
            if wishes:
                self.met.update(wishes)
                for start, end, new in _joined(wishes):
                    self._splice(pieces, found.start() + start, found.start() + end, new)
            elif (cell := cells.get(found.start())) is not None and (
                wishes := self._wanted.get(shown := shown_number(found[0], cell.form))
            ):
                # A number that was read as it is shown, or without its exponent.
                self.met.update(wishes)
                new = _edited(shown, wishes)
                self._splice(pieces, found.start(), found.end(), new)

    def _splice(self, pieces: Sequence[_Piece], start: int, end: int, new: str) -> None:
        at = 0
        rest = _escaped(new)
        for piece in pieces:
            first, last = max(start - at, 0), min(end - at, len(piece.text))
            at += len(piece.text)
            if first >= last or piece.at < 0:
                continue
            if piece.fixed:
                raise CannotRewrite(_UNCHANGEABLE)
            if piece.drawn:
                self.splices.append((*self._bytes(piece, 0, len(piece.text)), b"0"))
                rest = b""
                continue
            before, after = self._bytes(piece, first, last)
            self.splices.append((before, after, rest))
            rest = b""
            if piece.cell >= 0:
                self._as_text(piece.cell)
            if piece.odf >= 0:
                self._as_words(piece.odf)
        if rest:
            raise CannotRewrite(_UNKNOWN)

    def _bytes(self, piece: _Piece, first: int, last: int) -> tuple[int, int]:
        at, text = piece.at, piece.text
        if self._raw[at : at + 1] == b"&":
            return at, self._raw.index(b";", at) + 1
        before = at + len(text[:first].encode())
        after = at + len(text[:last].encode())
        if self._raw[before:after] != text[first:last].encode():
            raise CannotRewrite(_UNKNOWN)
        return before, after

    def _as_text(self, at: int) -> None:
        """Make the number cell whose tag begins at `at` a cell of text."""
        end = self._raw.index(b">", at)
        kind = _CELL_TYPE.search(self._raw, at, end)
        where = kind.span() if kind else (end, end)
        self.splices.append((*where, b' t="str"'))

    def _as_words(self, at: int) -> None:
        """Make the cell of OpenDocument whose tag begins at `at` one that says its words only."""
        for found in self._attributes_at(at):
            local = found[1].decode().rpartition(":")[2]
            if local in _VALUES:
                self.splices.append((*found.span(), b""))
            elif local == _VALUE_TYPE:
                self.splices.append((found.start(2) + 1, found.end(2) - 1, b"string"))

    def _attributes_at(self, at: int) -> Iterator[re.Match[bytes]]:
        """The attributes of the tag that begins at `at`."""
        tag = _TAG.match(self._raw, at)
        end = tag.end() if tag is not None else at
        while (found := _ATTRIBUTE.match(self._raw, end)) is not None:
            yield found
            end = found.end()

    def _attribute(self, name: str, key: str, new: str, *, external: bool) -> None:
        local = key.rpartition(":")[2]
        if (
            local in _TYPED_ATTRIBUTES
            or name in _NAMED
            or (name == "Relationship" and not external)
        ):
            raise CannotRewrite(_UNCHANGEABLE)
        if local in _LINKS:
            new = quote(new, safe="%:/?#&=@+,;!$()*~")
        for found in self._attributes_at(self._parser.CurrentByteIndex):
            if found[1].decode() == key:
                self.splices.append((found.start(2) + 1, found.end(2) - 1, _escaped(new)))
                return
        raise CannotRewrite(_UNKNOWN)

    def _new(self, value: str) -> str | None:
        """`value` with the wishes for its lines met; None when there are none."""
        out: list[str] = []
        at = 0
        for found in _LINE.finditer(value):
            wishes = self._wanted.get(found[0])
            if wishes:
                self.met.update(wishes)
                out += value[at : found.start()], _edited(found[0], wishes)
                at = found.end()
        return "".join((*out, value[at:])) if out else None


def _joined(wishes: Sequence[Replace]) -> list[tuple[int, int, str]]:
    """The changes to one line, from its start on; those that overlap become one."""
    out: list[tuple[int, int, str]] = []
    for start, end, new in sorted({(wish.start, wish.end, wish.new) for wish in wishes}):
        if out and start < out[-1][1]:
            out[-1] = out[-1][0], max(end, out[-1][1]), out[-1][2]
        else:
            out.append((start, end, new))
    return out


def _edited(line: str, wishes: Sequence[Replace]) -> str:
    for start, end, new in reversed(_joined(wishes)):
        line = line[:start] + new + line[end:]
    return line


def _escaped(text: str) -> bytes:
    """`text` as it may stand in an element or an attribute."""
    for mark, name in (("&", "amp"), ("<", "lt"), (">", "gt"), ('"', "quot"), ("'", "apos")):
        text = text.replace(mark, f"&{name};")
    text = "".join(
        mark if mark >= " " else f"&#{ord(mark)};"
        for mark in text
        if mark in "\t\n\r" or mark >= " "
    )
    return text.encode("utf-8", "replace")
