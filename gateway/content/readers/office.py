"""What is in a Word, Excel or PowerPoint file, or in an OpenDocument? Every part of the package.

Law: each entry of the zip is scanned as XML, opened as a file of its own, or `Missed`; nothing is
left out because nobody knows what it is for. Formats: ECMA-376, OASIS
OpenDocument 1.3; labels: MS-OFFCRYPTO 2.6 and
``docMetadata/LabelInfo.xml``.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from xml.parsers import expat

from gateway.content.docclean import properties
from gateway.content.readers import numbers, zipped
from gateway.content.readers.strings import printable
from gateway.content.readers.xmltext import CODE, HEADERS, PIECE, Scanner
from gateway.content.reading import Budget, Embedded, Fact, FileLimits, Missed, Said, Stop, Text
from gateway.model import UnreadReason

_PLACES: tuple[tuple[re.Pattern[str], str, bool], ...] = tuple(
    (re.compile(pattern), word, hidden)
    for pattern, word, hidden in (
        (r"word/document\d*\.xml", "body", False),
        (r"word/header\d*\.xml", "header", False),
        (r"word/footer\d*\.xml", "footer", False),
        (r"word/footnotes\d*\.xml", "footnotes", False),
        (r"word/endnotes\d*\.xml", "endnotes", False),
        (r"(?:word|ppt|xl)/(?:\w+/)?(?:modern|threaded)?[cC]omments?\w*\.xml", "comments", True),
        (
            r"(?:word|ppt|xl)/(?:persons/)?(?:people|person|commentAuthors|authors)\.xml",
            "people",
            True,
        ),
        (r"xl/worksheets/sheet\d+\.xml", "sheet", False),
        (r"xl/sharedStrings\.xml", "strings", False),
        (r"xl/workbook\.xml", "workbook", False),
        (r"xl/tables/.*\.xml", "table", False),
        (r"xl/pivotCache/.*\.xml", "pivot", True),
        (r"xl/externalLinks/.*\.xml", "external", True),
        (r"ppt/slides/slide\d+\.xml", "slide", False),
        (r"ppt/notesSlides/.*\.xml", "notes", True),
        (r"(?:word|xl|ppt)/charts/.*\.xml", "chart", False),
        (r"(?:word|xl|ppt)/diagrams/.*\.xml", "diagram", False),
        (r"(?:word|xl|ppt)/drawings/.*\.(?:xml|vml)", "drawing", False),
        (r"docProps/.*\.xml", "properties", True),
        (r"docMetadata/.*\.xml", "label", True),
        (r"customXml/.*\.xml", "data", True),
        (r".*\.rels", "links", True),
        (r"content\.xml", "body", False),
        (r"styles\.xml", "header", False),
        (r"meta\.xml|settings\.xml", "properties", True),
        (r"Object \d+/.*\.xml", "chart", False),
        (r"(?:(?:word|xl|ppt)/media|Pictures)/.*", "media", False),
        (r"(?:word|xl|ppt)/embeddings/.*", "embedded", False),
    )
)
_STANDARD = re.compile(r"(?:[A-Za-z_]+/)*(?:\[Content_Types\]|[A-Za-z_]*\d*)(?:\.[a-z]{3,6}){1,2}")
_XML = re.compile(r"(?i).*\.(?:xml|rels|vml)\Z")
_NUMBER = re.compile(r"\d+")
_PRINTER = re.compile(r"(?:xl|ppt|word)/printerSettings/printerSettings\d+\.bin")
_SCRIPTS = ("Basic/", "Scripts/")
_MAX_PRINTER = 1 << 16
_LABEL_NAME = re.compile(r"MSIP_Label_([0-9A-Fa-f-]{36})_(\w+)")


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Texts of all parts in the order of the archive, embedded files, facts."""
    archive = zipped.Archive(data, budget)
    if archive.comment:
        yield Text("comment", archive.comment.decode("utf-8", "replace"), hidden=True)
    names = {entry.name: entry for entry in archive.entries}
    odd = "\n".join(name for name in names if not _STANDARD.fullmatch(name))
    if odd:
        yield Text("names", odd, hidden=True)
    manifest = names.get("META-INF/manifest.xml")
    if manifest is not None and b"encryption-data" in archive.whole(manifest):
        raise Stop(UnreadReason.ENCRYPTED, "opendocument")
    if any(name.startswith(("_xmlsignatures/", "META-INF/documentsig")) for name in names):
        yield Fact("signed", value=True)
    if any(
        name.endswith("vbaProject.bin") or "/macrosheets/" in name or name.startswith(_SCRIPTS)
        for name in names
    ):
        yield Fact("macros", value=True)
    if any(properties.is_property(name) for name in names):
        yield Fact("properties", value=True)
    if any(_UNSEEN_PARTS.fullmatch(name) for name in names):
        yield Fact("hidden", value=True)
    book = _Book()
    styles: set[str] = set()
    pages = 0
    # The tables of names and strings come first: sheets speak of them.
    order = sorted(archive.entries, key=lambda entry: (_rank(entry.name), entry.number))
    for entry in order:
        budget.tick()
        place, hidden = _place(entry)
        if place.startswith(("sheet[", "slide[")):
            pages += 1
            budget.page()
        try:
            if _XML.match(entry.name) and not entry.info.file_size:
                archive.whole(entry)  # nothing stands in it, and that is checked
            elif _XML.match(entry.name):
                part = _Part(entry.name, place, hidden=hidden)
                yield from _part(archive.inflate(entry), part, book, styles, budget)
            else:
                yield from _binary(archive.whole(entry), entry.name, place)
        except Stop as stop:
            yield Missed(place, stop.reason, entry.info.compress_size, stop.detail)
            if stop.reason is not UnreadReason.ENCRYPTED and stop.detail != "doctype":
                raise
        except (expat.ExpatError, zipfile.BadZipFile, zlib.error, EOFError, ValueError):
            yield Missed(place, UnreadReason.MALFORMED, entry.info.compress_size, "part")
    yield from book.unused(budget)
    if pages:
        yield Fact("pages", pages)
    yield from zipped.leftovers(data, archive)


_FIXED = re.compile(
    r"\[Content_Types\]\.xml|META-INF/.*|xl/workbook\.xml|docMetadata/.*"
    r"|xl/(?:tables|pivotCache|pivotTables|externalLinks)/.*"
)
"""Parts whose words other parts, or the format itself, depend on."""


def is_editable(name: str) -> bool:
    """May words in the XML part `name` become others, and the document still open?"""
    return _FIXED.fullmatch(name) is None


def part_of(place: str, names: Sequence[str]) -> tuple[int, ...]:
    """Indices into `names` (all entries) of the XML parts in which the text at `place` may stand.

    `place` is within the document, as `read` gives it; empty when it is that of a file within.
    """
    shared = tuple(number for number, name in enumerate(names) if name == "xl/sharedStrings.xml")
    if _IN_STRINGS.fullmatch(place):
        return shared
    found = _IN_PART.fullmatch(place)
    if found is None:
        return ()
    folder = {"sheet": "xl/worksheets/sheet", "slide": "ppt/slides/slide"}.get(found[1])
    if folder is None:
        return (int(found[2]),) if int(found[2]) < len(names) else ()
    here = tuple(n for n, name in enumerate(names) if name == f"{folder}{found[2]}.xml")
    return (*here, *shared) if found[1] == "sheet" else here


def is_shown(name: str) -> bool:
    """May a person who opens the document see what the part `name` says?"""
    for pattern, _, hidden in _PLACES:
        if pattern.fullmatch(name):
            return not hidden
    return True


def is_text(place: str) -> bool:
    """Is `place` that of a text of the document itself, not of a file within it?"""
    return bool(_IN_PART.fullmatch(place) or _IN_STRINGS.fullmatch(place))


_IN_PART = re.compile(r"([a-z]+)\[(\d{1,9})\]\.(?:text|rows)\[\d{1,9}\]")
_IN_STRINGS = re.compile(r"strings\.(?:phonetic|unused\[\d{1,9}\])")


def _rank(name: str) -> int:
    if name == WORKBOOK:
        return 0
    if name == "xl/_rels/workbook.xml.rels":
        return 1
    return 2 if name in {"xl/sharedStrings.xml", FORMATS} or is_stylesheet(name) else 3


WORKBOOK = "xl/workbook.xml"
FORMATS = "xl/styles.xml"
"""The part that says how the numbers of a workbook are shown."""


_PREVIEWS = re.compile(r"ObjectReplacements/[^/]+|Pictures/TablePreview\d+\.\w+")


def is_preview(name: str) -> bool:
    """Is the part `name` of an OpenDocument a picture of what stands in another part?

    A document does without: programs draw what it is of (OpenDocument 1.3, part 3, 10.4.6).
    """
    return _PREVIEWS.fullmatch(name) is not None


def is_stylesheet(name: str) -> bool:
    """Does the part `name` say what styles look like? Text in some of them is not shown."""
    return name in {"word/styles.xml", "styles.xml"}


def _place(entry: zipped.Entry) -> tuple[str, bool]:
    for pattern, word, hidden in _PLACES:
        if pattern.fullmatch(entry.name):
            number = _NUMBER.search(entry.name.rpartition("/")[2])
            if word in {"sheet", "slide"} and number:
                return f"{word}[{number[0][:9]}]", hidden
            return f"{word}[{entry.number}]", hidden
    return f"part[{entry.number}]", True


def _binary(content: bytes, name: str, place: str) -> Iterator[Said]:
    if _PRINTER.fullmatch(name) and len(content) <= _MAX_PRINTER:
        yield Text(place, printable(content), hidden=True)
    elif content:
        odd = "" if _STANDARD.fullmatch(name) else name.rpartition("/")[2]
        yield Embedded(
            place, content, name=odd, hidden=place.startswith("part["), removable=is_preview(name)
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """An XML part by its name in the archive, and the place that its texts have."""

    name: str
    place: str
    hidden: bool


def _part(
    chunks: Iterable[bytes], part: _Part, book: _Book, styles: set[str], budget: Budget
) -> Iterator[Said]:
    """What one XML part says."""
    name, place = part.name, part.place
    if place.startswith("sheet["):
        yield from _Sheet(book, budget, place, hidden=book.hides(name)).read(chunks)
        return
    if name == "xl/sharedStrings.xml":
        yield from book.read_strings(chunks, budget)
        return
    if name == FORMATS:
        raw = b"".join(chunks)
        book.formats = numbers.formats(raw, book.workbook)
        chunks = (raw,)
    hidden = part.hidden
    if place.startswith("slide["):
        first, chunks = _first(chunks)
        if HIDDEN_SLIDE.search(first[:4096]):
            hidden = True
            yield Fact("hidden", value=True)
    scanner = Scanner(budget, hidden=hidden, styles=styles)
    watched = bytearray()
    watch = (
        name in {WORKBOOK, "xl/_rels/workbook.xml.rels"}
        or properties.says(name)
        or place.startswith(("properties[", "label["))
    )
    number = 0
    editable = is_editable(name)
    unseen = place.startswith(_UNSEEN)
    try:
        for block in scanner.feed(_watched(chunks, watched) if watch else chunks):
            yield Text(
                f"{place}.text[{number}]", block.text, hidden=block.hidden, editable=editable
            )
            number += 1
    except (Stop, expat.ExpatError):
        for block in scanner.rest():
            yield Text(f"{place}.text[{number}]", block.text, hidden=block.hidden)
            number += 1
        raise
    if scanner.hides or (unseen and scanner.worded):
        yield Fact("hidden", value=True)
    if scanner.authors:
        yield Fact("authors", value=True)
    if watched:
        yield from _noted(bytes(watched), name, place, book)
    if watched and properties.says(name) and properties.are_in(name, bytes(watched), budget):
        yield Fact("properties", value=True)


HIDDEN_SLIDE = re.compile(rb"<(?:\w+:)?sld\b[^>]*\sshow=[\"'](?:0|false)[\"']")
_UNSEEN = ("comments[", "external[")
"""Places whose words nobody sees who opens the file."""


_UNSEEN_PARTS = re.compile(r"xl/pivotCache/pivotCacheRecords\d*\.xml|xl/revisions/.*|Versions/.*")
"""Parts that hold what was, or what a sheet shows a digest of."""


def _first(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first chunk, and all of them."""
    rest = iter(chunks)
    first = next(rest, b"")
    return first, itertools.chain((first,), rest)


def shown(raw: bytes, styles: set[str], budget: Budget) -> str:
    """The text of an XML part that a person sees, without spaces."""
    scanner = Scanner(budget, styles=set(styles))
    try:
        blocks = [block.text for block in scanner.feed([raw]) if not block.hidden]
    except expat.ExpatError:
        raise Stop(UnreadReason.MALFORMED, "part") from None
    return "".join("".join(blocks).split())


def hidden_styles(raw: bytes) -> set[str]:
    """Names of the styles in a part that hide their text; none where it cannot be read."""
    styles: set[str] = set()
    scanner = Scanner(Budget(FileLimits(), len(raw)), styles=styles)
    with contextlib.suppress(expat.ExpatError, Stop):
        for _ in scanner.feed([raw]):
            pass
    return styles


def strings(raw: bytes, budget: Budget) -> list[str]:
    """The table of strings of a workbook."""
    book = _Book()
    for _ in book.read_strings([raw], budget):
        pass
    return book.strings


def rows(raw: bytes, table: list[str], budget: Budget) -> list[str]:
    """What a person sees in the rows of a sheet, by `table` of its strings."""
    book = _Book()
    book.strings, book.used = table, bytearray(len(table))
    said = _Sheet(book, budget, "sheet[0]", hidden=False).read([raw])
    return [
        text
        for one in said
        if isinstance(one, Text) and not one.hidden
        for text in one.text.split("\n")
    ]


_MAX_WATCHED = 4 << 20


def _watched(chunks: Iterable[bytes], into: bytearray) -> Iterator[bytes]:
    for chunk in chunks:
        if len(into) < _MAX_WATCHED:
            into += chunk
        yield chunk


def _noted(raw: bytes, name: str, place: str, book: _Book) -> Iterator[Said]:
    """Facts that a few small parts state."""
    if name.startswith("xl/"):
        if book.note(raw, name):
            yield Fact("hidden", value=True)
    elif place.startswith("label["):
        for guid in re.findall(rb"<(?:\w+:)?label\b[^>]*?\sid=[\"']\{?([0-9A-Fa-f-]{36})", raw):
            yield Fact("label", guid.decode("ascii").lower())
    else:
        for guid, value in _labels(raw):
            yield Fact("label", value or guid.lower())
        if name == "docProps/app.xml" and (found := re.search(rb"<Pages>(\d{1,6})</Pages>", raw)):
            yield Fact("pages", int(found[1]))


def _labels(raw: bytes) -> Iterator[tuple[str, str]]:
    """GUID and name of the labels in custom properties."""
    names: dict[str, str] = {}
    found: list[str] = []
    current: list[str] = [""]

    def start(_: str, attributes: dict[str, str]) -> None:
        if "name" in attributes:
            current[0] = attributes["name"]

    def characters(data: str) -> None:
        match = _LABEL_NAME.fullmatch(current[0])
        if match and match[1] not in found:
            found.append(match[1])
        if match and match[2] == "Name":
            names[match[1]] = names.get(match[1], "") + data

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.CharacterDataHandler = characters
    parser.Parse(raw, True)  # noqa: FBT003  # the signature of expat
    for guid in found:
        yield guid, names.get(guid, "")


class _Book:
    """What sheets of a workbook share: strings, how numbers are shown, and which sheets are hidden."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self.used = bytearray()
        self.workbook = b""
        self.formats: dict[str, numbers.Format] = {}
        self._hidden_ids: set[str] = set()
        self._hidden_files: set[str] = set()

    def hides(self, name: str) -> bool:
        return name.rpartition("/")[2] in self._hidden_files

    def note(self, raw: bytes, name: str) -> bool:
        """Take in the workbook's list of sheets, or where they are. Is any hidden?"""
        hidden = False

        def start(qname: str, attributes: dict[str, str]) -> None:
            nonlocal hidden
            local = qname.rpartition(":")[2]
            if local == "sheet" and attributes.get("state", "visible") != "visible":
                hidden = True
                self._hidden_ids |= {
                    value for key, value in attributes.items() if key.endswith(":id")
                }
            elif local == "Relationship" and attributes.get("Id") in self._hidden_ids:
                self._hidden_files.add(attributes.get("Target", "").rpartition("/")[2])

        if name == WORKBOOK:
            self.workbook = raw
        if name.startswith("xl/"):
            parser = expat.ParserCreate()
            parser.StartElementHandler = start
            parser.Parse(raw, True)  # noqa: FBT003  # the signature of expat
        return hidden

    def read_strings(self, chunks: Iterable[bytes], budget: Budget) -> Iterator[Said]:
        """Keep the table of strings; what stands in it beside them is said at once."""
        parts: list[str] = []
        other: list[str] = []
        depth_rph = [0]
        size = [0]

        def start(qname: str, _: list[str]) -> None:
            if qname.endswith("si") and qname.rpartition(":")[2] == "si":
                parts.clear()
            elif qname.endswith("rPh"):
                depth_rph[0] += 1

        def end(qname: str) -> None:
            if qname.endswith("si") and qname.rpartition(":")[2] == "si":
                self.strings.append("".join(parts))
                parts.clear()
            elif qname.endswith("rPh"):
                depth_rph[0] -= 1

        def characters(data: str) -> None:
            size[0] += len(data)
            if size[0] > 1 << 16:
                budget.text(size[0])
                size[0] = 0
            (other if depth_rph[0] else parts).append(data)

        parser = _parser(start, end, characters)
        try:
            for chunk in chunks:
                parser.Parse(chunk, False)  # noqa: FBT003  # the signature of expat
            parser.Parse(b"", True)  # noqa: FBT003  # the signature of expat
        finally:
            if parts:
                self.strings.append("".join(parts))
            self.used = bytearray(len(self.strings))
        if "".join(other).strip():
            yield Text("strings.phonetic", "\n".join(other), hidden=True, editable=True)

    def unused(self, budget: Budget) -> Iterator[Said]:
        """Strings that no cell shows: deleted ones often stay in the file."""
        rest = [s for s, used in zip(self.strings, self.used, strict=True) if not used and s]
        if rest:
            yield Fact("hidden", value=True)
        for number, text in enumerate(_pieces(rest)):
            budget.text(len(text))
            yield Text(f"strings.unused[{number}]", text, hidden=True, editable=True)


class _Joined:
    """Lines joined to texts of about `PIECE` code points.

    A text ends after a line of which a checksum says so, not after so many lines: when a line is
    written anew, the texts after it are the same as before, and what was found in them is known.
    """

    def __init__(self) -> None:
        self._held: list[str] = []
        self._size = 0

    def add(self, lines: Iterable[str]) -> Iterator[str]:
        """Take in `lines`; the texts that end with one of them."""
        for line in lines:
            self._held.append(line)
            self._size += len(line) + 1
            if self._size >= _LEAST and (self._size >= 2 * PIECE or _ends(line)):
                yield from self.rest()

    def rest(self) -> Iterator[str]:
        """The text that has not ended yet."""
        if self._held:
            yield "\n".join(self._held)
        self._held.clear()
        self._size = 0


_LEAST = 11_000
"""Code points of a text before it may end: texts up to 12,000 are looked at as they are, longer ones in
parts with margins (`detectors/segments.py`)."""

_ONE_IN = 16
"""Of the lines at which a text may end, one in so many ends it."""


def _ends(line: str) -> bool:
    return zlib.crc32(line.encode("utf-8", "replace")) % _ONE_IN == 0


def _pieces(lines: Iterable[str]) -> Iterator[str]:
    joined = _Joined()
    yield from joined.add(lines)
    yield from joined.rest()


def _parser(
    start: Callable[[str, list[str]], None],
    end: Callable[[str], None],
    characters: Callable[[str], None],
) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.ordered_attributes = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = _refuse
    return parser


def _refuse(*_: object) -> None:
    raise Stop(UnreadReason.MALFORMED, "doctype")


class _Sheet:
    """One sheet, row by row: cells joined by tabs. Rows that are not shown come apart."""

    def __init__(self, book: _Book, budget: Budget, place: str, *, hidden: bool) -> None:
        self._book = book
        self._budget = budget
        self._place = place
        self._hidden = hidden
        self.hides = hidden
        self._number = 0

    def read(self, chunks: Iterable[bytes]) -> Iterator[Said]:
        """Texts of the sheet."""
        book, budget = self._book, self._budget
        strings, used, formats = book.strings, book.used, book.formats
        lines: list[str] = []
        hidden_lines: list[str] = []
        row: list[str] = []
        hidden_row: list[str] = []
        extra: list[str] = []
        attributes: dict[str, None] = {}
        hidden_columns: set[int] = set()
        local: dict[str, str] = {}
        held: list[str] = []
        inline: list[str] = []  # runs of a string that stands in its cell
        phonetic = False
        kind = style = ""
        cell_hidden = row_hidden = False
        size = 0
        in_cell = False

        def start(qname: str, items: list[str]) -> None:
            nonlocal kind, style, cell_hidden, row_hidden, in_cell, phonetic
            name = local.get(qname)
            if name is None:
                name = local[qname] = qname.rpartition(":")[2]
            if name == "c":
                kind = style = ""
                in_cell = True
                held.clear()
                cell_hidden = row_hidden
                for index in range(0, len(items), 2):
                    key = items[index]
                    if key == "t":
                        kind = items[index + 1]
                    elif key == "r":
                        if hidden_columns and _column(items[index + 1]) in hidden_columns:
                            cell_hidden = True
                    elif key == "s":
                        style = items[index + 1]
                    elif len(items[index + 1]) > 7:
                        attributes[items[index + 1]] = None
            elif name in {"v", "f", "t"}:
                held.clear()
            elif name == "rPh":
                phonetic = True
            elif name == "row":
                row_hidden = False
                for index in range(0, len(items), 2):
                    if items[index] in {"hidden", "zeroHeight"} and items[index + 1] in {
                        "1",
                        "true",
                    }:
                        row_hidden = True
            elif name == "col":
                found = dict(zip(items[::2], items[1::2], strict=True))
                if found.get("hidden") in {"1", "true"}:
                    first, last = int(found.get("min", "0")), int(found.get("max", "0"))
                    hidden_columns.update(range(first, min(last, first + 16_384) + 1))
            else:
                if not in_cell and name not in {"is", "r", "rPr"}:
                    held.clear()
                for index in range(1, len(items), 2):
                    value = items[index]
                    if len(value) > 7 and not items[index - 1].startswith(("xmlns", "r:", "xr")):
                        attributes[value] = None
                        budget.tick()

        def end(qname: str) -> None:
            nonlocal in_cell, size, phonetic
            name = local[qname]
            if name == "t" and in_cell:
                (extra if phonetic else inline).append("".join(held))
                held.clear()
            elif name == "rPh":
                phonetic = False
            elif name == "v" or (name == "is" and inline):
                value = "".join(held if name == "v" else inline)
                held.clear()
                inline.clear()
                if name == "v":
                    if kind == "s":
                        index = int(value)
                        value = strings[index] if 0 <= index < len(strings) else ""
                        if value:
                            used[index] = 1
                    elif kind in {"", "n"}:
                        value = shown_number(value, formats.get(style))
                if value:
                    (hidden_row if cell_hidden else row).append(value)
                    size += len(value) + 1
            elif name == "f":
                if held:
                    extra.append("".join(held))
                    size += len(extra[-1])
                held.clear()
            elif name == "row":
                if row:
                    lines.append("\t".join(row))
                    row.clear()
                if hidden_row:
                    self.hides = True
                    hidden_lines.append("\t".join(hidden_row))
                    hidden_row.clear()
            elif name == "c":
                in_cell = False
            elif held and not in_cell:
                said = "".join(held)
                extra.append("\t".join(CODE.split(said)) if name in HEADERS else said)
                held.clear()

        def simple(cells: PlainCells) -> None:
            """A row of plain cells, taken without the parser."""
            nonlocal size
            values = []
            for kind, number, words in zip(*cells, strict=True):
                if words:
                    values.append(words)
                elif not number:
                    continue
                elif kind == "s":
                    index = int(number)
                    if index < len(strings):
                        values.append(strings[index])
                        used[index] = 1
                elif "E" in number and kind in {None, "n"}:
                    values.append(plain(number))
                else:
                    values.append(number)
            if values:
                line = "\t".join(values)
                lines.append(line)
                size += len(line)

        parser = _parser(start, end, held.append)
        shown, unseen = _Joined(), _Joined()
        for chunk in _complex(chunks, simple, hidden_columns, formats):
            parser.Parse(chunk, False)  # noqa: FBT003  # the signature of expat
            if size >= PIECE:
                budget.text(size)
                size = 0
                yield from self._said(shown.add(lines), hidden=self._hidden)
                yield from self._said(unseen.add(hidden_lines), hidden=True)
                lines.clear()
                hidden_lines.clear()
        parser.Parse(b"", True)  # noqa: FBT003  # the signature of expat
        if row:
            lines.append("\t".join(row))
        if hidden_row:
            hidden_lines.append("\t".join(hidden_row))
        for joined, rest in ((shown, lines), (unseen, hidden_lines)):
            hidden = self._hidden or joined is unseen
            yield from self._said(joined.add(rest), hidden=hidden)
            yield from self._said(joined.rest(), hidden=hidden)
        yield from self._said(_pieces(extra), hidden=True)
        yield from self._said(_pieces(attributes), hidden=True)
        if self.hides:
            yield Fact("hidden", value=True)

    def _said(self, texts: Iterable[str], *, hidden: bool) -> Iterator[Said]:
        for text in texts:
            if text.strip():
                place = f"{self._place}.rows[{self._number}]"
                yield Text(place, text, hidden=hidden, editable=True)
                self._number += 1


_ROW = re.compile(
    r"\s*<row(?: (?:r|spans|s|ht|customFormat|customHeight|thickBot|thickTop|\w+:dyDescent)"
    r'="(?:[\d.:]{1,12}|true|false)")*>\s*'
)
# Nothing in a cell can be read in two ways: it need not be tried, either.
_CELL, _STYLED = (
    re.compile(
        rf'<c(?: r="[A-Z]{{1,3}}+\d{{1,7}}+")?+(?: s="{style}")?+(?: t="(\w{{1,9}}+)")?+'
        r"(?:/>|>(?:<v>([^<&]*+)</v>|<is><t>([^<&]*+)</t></is>|<v/>)?+</c>)"
    )
    for style in (r"\d{1,6}+", r"(\d{1,6}+)")
)
_OTHER_ENCODING = re.compile(
    rb"\A(?:\xff\xfe|\xfe\xff|<\?xml[^>]*encoding=(?![\"']utf-8))", re.IGNORECASE
)


def _complex(
    chunks: Iterable[bytes],
    simple: Callable[[PlainCells], None],
    hidden_columns: set[int],
    formats: Mapping[str, numbers.Format],
) -> Iterator[bytes]:
    """The bytes that need the parser; rows of nothing but plain cells go to `simple`.

    Two of three seconds of a large sheet are spent on calls from the parser; a row that one
    pattern covers to the last character needs none of them, and the part stays well-formed
    without it. Columns come before rows: when some are hidden, every row is parsed.
    """
    held = b""
    plain = True
    first = True
    for chunk in chunks:
        held += chunk
        if first:
            plain = _OTHER_ENCODING.match(held) is None
            first = False
        if not plain or hidden_columns:
            yield held
            held = b""
            continue
        *rows, held = held.split(b"</row>")
        for raw in rows:
            cells = None if hidden_columns else plain_cells(raw, formats)
            if cells is None:
                yield raw + b"</row>"
            else:
                simple(cells)
    yield held


type PlainCells = tuple[list[str | None], list[str | None], list[str | None]]
"""The cells of a row: their kinds, and of each its number or its words, if any."""


def plain_cells(row: bytes, formats: Mapping[str, numbers.Format]) -> PlainCells | None:
    """The cells of a row, given without `</row>`, whose every character is that of a plain cell.

    None for any other row. Numbers are as `formats` show them, by the style of the cell.
    """
    try:
        said = (_STYLED if formats else _CELL).split(row.decode())
    except UnicodeDecodeError:
        return None
    step = 5 if formats else 4
    if _ROW.fullmatch(said[0]) is None or any(said[step::step]):
        return None
    kinds, stored, words = said[step - 3 :: step], said[step - 2 :: step], said[step - 1 :: step]
    if formats:
        stored = [
            shown_number(number, formats[style])
            if number and style in formats and kind in _NUMERIC
            else number
            for style, kind, number in zip(said[1::step], kinds, stored, strict=True)
        ]
    return kinds, stored, words


_NUMERIC = frozenset({None, "n"})
"""Kinds of cells that hold a number."""


def shown_number(stored: str, form: numbers.Format | None) -> str:
    """A number of a cell as a person reads it there."""
    value = plain(stored) if "E" in stored else stored
    return value if form is None else numbers.read(value, form)


def plain(value: str) -> str:
    """A number without exponent, as people write long ones."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    return format(number, "f") if -20 < number.adjusted() < 40 else value


def _column(reference: str) -> int:
    """Number of the column of a cell such as ``AB12``, from 1."""
    number = 0
    for letter in reference[:4]:
        if not "A" <= letter <= "Z":
            break
        number = 26 * number + ord(letter) - 64
    return number
