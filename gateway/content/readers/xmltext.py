"""What text stands in an XML part of a document? All of it, joined as a person reads it.

Law: streamed, never built as a tree; a DOCTYPE is refused, so nothing is ever expanded. All character
data counts, in whatever element it stands, and so do attributes that may hold words: an element that
this file does not know hides nothing. Each run of a block keeps the place of its bytes in the part,
so that a writer can put something else there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from gateway.content.reading import Budget, Stop
from gateway.model import UnreadReason

PIECE = 1 << 15
"""Code points after which a text is given out, at the end of a paragraph or row."""


@dataclass(frozen=True, slots=True)
class Run:
    """Code points of the block from `start` on begin at byte `at` of the part's XML."""

    start: int
    at: int


@dataclass(frozen=True, slots=True)
class Block:
    """Joined text of some paragraphs. `hidden`: with all that a person does not see at once."""

    text: str = field(repr=False)
    hidden: bool = False
    runs: tuple[Run, ...] = ()


_PARAGRAPHS = frozenset(
    "p h si row table-row comment annotation property sheet tr li br cr line-break lpwstr lpstr"
    " author creator title subject description keywords lastModifiedBy category company manager"
    " created modified revision lastPrinted date creation-date print-date printed-by"
    " generator initial-creator user-defined keyword sheetName v text definedName f pt oddHeader"
    " evenHeader firstHeader oddFooter evenFooter firstFooter formatCode".split()
)
"""Local names of elements after which a new line begins; `c` and cells give a tab."""
_STARTS = frozenset("p h note annotation".split())
"""Those that begin one, too: a note or a box of text stands within a paragraph."""
HEADERS = frozenset("oddHeader evenHeader firstHeader oddFooter evenFooter firstFooter".split())
CODE = re.compile(r'&(?:"[^"]*"|K[0-9A-Fa-f]{6}|\d{1,3}|.)')
"""A code in the headers of a sheet (ECMA-376, 18.3.1.46): what it divides is no one word."""
_CELLS = frozenset({"tc", "table-cell", "c", "td", "th"})
_SPACES = {"tab": "\t", "ptab": "\t", "s": " ", "noBreakHyphen": "-", "sym": " "}
_HIDING = frozenset(
    "delText del moveFrom deletion tracked-changes instrText delInstrText rPh annotation"
    " hidden-text script notes".split()
)
_QUIET = frozenset("instrText delInstrText rPh script notes".split())
"""Those that every other document has: only words in `notes` make it one with something hidden."""
_IN_RUN = frozenset({"r", "span"})
_OFF = frozenset({"0", "false", "off"})
DRAWN = frozenset("custom-shape frame g rect line connector polygon path ellipse caption".split())
"""Drawings of OpenDocument."""
_UNIT = DRAWN | frozenset(
    "p h tr table-row table-cell covered-table-cell table section page sp pic graphicFrame grpSp cxnSp wsp inline anchor".split()
)
"""Elements that may be hidden as a whole, by what stands in them or by their style."""
_NOT_VISIBLE = frozenset({"collapse", "filter"})
_SHAPES = frozenset({"cNvPr", "docPr"})
NEUTRAL = "Author"
"""What stands for every author once names were taken out; Word writes the same."""
NAMING = frozenset(
    "creator lastModifiedBy initial-creator printed-by author Company Manager".split()
)
"""Elements whose text names somebody."""
_NAMING_KEYS = {
    "author": None,
    "userName": None,
    "name": frozenset({"cmAuthor", "author"}),
    "displayName": frozenset({"person"}),
}
"""Attributes that name somebody, and of which elements."""


def names_somebody(element: str, key: str, value: str) -> bool:
    """Does the attribute with local name `key` name a person?"""
    if key not in _NAMING_KEYS or value.strip() in {"", NEUTRAL}:
        return False
    elements = _NAMING_KEYS[key]
    return elements is None or element in elements


def is_name(text: str) -> bool:
    """Is the text of a `NAMING` element a name? Excel links threads to their comments in one."""
    return text.strip() not in {"", NEUTRAL} and not text.startswith("tc={")


_WORDS = frozenset(
    "descr title alt tooltip prompt promptTitle error errorTitle author initials userName"
    " displayName email name text string-value value formula condition href Target uri v tag alias"
    " userId providerId display creator label desc".split()
)
"""Local names of attributes that hold words."""
_DULL = re.compile(
    r"(?:0[0-9A-F]){10}|[-+]?[\d.]{1,12}(?:E[-+]?\d+)?(?:pt|px|cm|mm|in|em|%)?|[0-9A-Fa-f]{1,8}|\w{1,7}|[a-z]+(?:[A-Z]\w*)*"
    r"|\{?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?"
    r"|(?:urn:schemas-|urn:oasis:|https?://(?:schemas|purl|www\.w3|docs\.oasis|openoffice|ns\.adobe))[^\s@?#]*"
    r"|(?:\.\./|/)?(?:[\w-]+/)*[A-Za-z_]+\d*(?:\.[a-z]{1,4}){1,2}"
    r"|application/[\w.+-]+|(?:[a-z0-9]+:)?[A-Za-z_-]+|\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?"
)
"""Values of attributes that no person wrote: numbers, names of the format, colours, GUIDs."""
_RSID = re.compile(r"rsid|xmlns|paraId|textId|schemaLocation")

_TELLING = (
    _SHAPES
    | DRAWN
    | frozenset(
        "vanish style text-properties drawing-page-properties table-properties rStyle span pStyle hidden"
        " hidden-paragraph p h section page table table-row table-cell covered-table-cell table-column".split()
    )
)
_ENDS = frozenset({"thor", "Name", "name"})
WORDS = re.compile(r"[^\W\d_]{2}")
"""Of notes: every slide has the number of its page in them."""


def hides_by_style(name: str, said: Mapping[str, str]) -> bool:
    """Is what has a style with these properties not shown? Of OpenDocument."""
    if name == "drawing-page-properties":
        return said.get("visibility") == "hidden"
    return said.get("display") == ("false" if name == "table-properties" else "none")


class Scanner:
    """Feeds on the bytes of one part; `blocks` gives what was read so far.

    Errors: `Stop` for a DOCTYPE or a limit, `expat.ExpatError` for what is not XML.
    """

    def __init__(
        self, budget: Budget, *, hidden: bool = False, styles: set[str] | None = None
    ) -> None:
        self._budget = budget
        self._styles = set() if styles is None else styles
        """Styles whose text is hidden; those of this part are added."""
        self._style = ""
        self._at = 0
        self._hidden_columns: list[tuple[int, int]] = []
        self._units: list[bool] = []
        self._naming = False
        self._name: list[str] = []
        self.authors = self.worded = False
        self._all_hidden = hidden
        self._locals: dict[str, str] = {}
        self._seen: list[str] = []  # what a person sees
        self._seen_size = 0
        self._runs: list[Run] = []
        self._full: list[str] = []  # with what is hidden
        self._differs = False
        self._hiding = 0
        self._vanished = False
        self._out: list[Block] = []
        self._attributes: dict[str, None] = {}
        self._hidden_text: list[str] = []
        self._noted = False
        self.hides = False
        parser = expat.ParserCreate()
        parser.buffer_text = False
        parser.ordered_attributes = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = _refuse
        parser.CommentHandler = self._comment
        parser.ProcessingInstructionHandler = self._instruction
        self._parser = parser

    def feed(self, chunks: Iterable[bytes]) -> Iterator[Block]:
        """All blocks of a part that comes in `chunks`."""
        try:
            for chunk in chunks:
                self._parser.Parse(chunk, False)  # noqa: FBT003  # the signature of expat
                if self._out:
                    yield from self._take()
            self._parser.Parse(b"", True)  # noqa: FBT003  # the signature of expat
        finally:
            # What was read before a defect stays said.
            self._break("")
            self._flush()
        yield from self.rest()

    def rest(self) -> Iterator[Block]:
        """What is left to be said, also after an error."""
        yield from self._take()
        if self._attributes:
            text = "\n".join(self._attributes)
            self._attributes = {}
            self._budget.text(len(text))
            yield Block(text, hidden=True)

    def _take(self) -> list[Block]:
        out, self._out = self._out, []
        return out

    def _start(self, qname: str, attributes: list[str]) -> None:
        name = self._locals.get(qname)
        if name is None:
            name = self._locals[qname] = qname.rpartition(":")[2]
        if name in _UNIT:
            self._units.append(False)
        if name in _HIDING:
            self._hiding += 1
            self._noted = self._noted or name == "notes"
            self.hides = self.hides or name not in _QUIET
        elif name in _IN_RUN:
            self._vanished = False
        elif name in _SPACES:
            self._put(_SPACES[name])
        elif name in _STARTS:
            self._begin()
        if name in NAMING and not qname.startswith("text:"):
            self._naming = True
            self._name.clear()
        elif name in _TELLING:
            self._hints(name, attributes)
        if attributes:
            for key, value in zip(attributes[::2], attributes[1::2], strict=True):
                if key[-4:] in _ENDS and names_somebody(name, key.rpartition(":")[2], value):
                    self.authors = True
                if len(value) >= 4 and value not in self._attributes and holds_words(key, value):
                    self._attributes[value] = None
                    self._budget.text(len(value))

    def _hints(self, name: str, attributes: list[str]) -> None:
        """What an element says of whether something is shown."""
        said = {
            key.rpartition(":")[2]: value
            for key, value in zip(attributes[::2], attributes[1::2], strict=True)
        }
        match name:
            case "vanish":
                if said.get("val") in _OFF:
                    self._vanished = False
                elif self._style:
                    self._styles.add(self._style)
                else:
                    self._vanished = True
            case "style":
                self._style = said.get("styleId") or said.get("name", "")
            case "text-properties" | "drawing-page-properties" | "table-properties":
                if self._style and hides_by_style(name, said):
                    self._styles.add(self._style)
            case "rStyle" | "span":
                style = said.get("val") or said.get("style-name")
                self._vanished = self._vanished or style in self._styles
            case "pStyle":
                self._unit(hidden=said.get("val") in self._styles)
            case "hidden":
                self._unit(hidden=said.get("val") not in _OFF)
            case "hidden-paragraph":
                self._unit(hidden=said.get("is-hidden") == "true")
            case "table-column" | "table-cell" | "covered-table-cell":
                self._column(name, said)
            case _:
                if name == "table":
                    self._at, self._hidden_columns = 0, []
                elif name == "table-row":
                    self._at = 0
                hidden = (
                    said.get("hidden") in {"1", "true"}
                    if name in _SHAPES
                    else said.get("style-name", "") in self._styles
                    or said.get("display") == "none"
                    or said.get("visibility") in _NOT_VISIBLE
                )
                self._unit(hidden=hidden)

    def _column(self, name: str, said: Mapping[str, str]) -> None:
        """Count columns, or cells over them, each of which may stand for many."""
        repeated = said.get("number-columns-repeated", "1")
        first, self._at = self._at, self._at + (int(repeated) if repeated.isdecimal() else 1)
        if name != "table-column":
            hidden = any(start <= first < end for start, end in self._hidden_columns)
            self._unit(hidden=hidden)
        elif said.get("visibility") in _NOT_VISIBLE:
            self._hidden_columns.append((first, self._at))

    def _unit(self, *, hidden: bool) -> None:
        """Hide what is left of the innermost unit."""
        if hidden and self._units and not self._units[-1]:
            self._units[-1] = True
            self._hiding += 1

    def _end(self, qname: str) -> None:
        name = self._locals[qname]
        if name in _HIDING:
            self._hiding -= 1
            self._noted = self._noted and name != "notes"
        elif name in _IN_RUN:
            self._vanished = False
        if name in _UNIT and self._units.pop():
            self._hiding -= 1
        if self._naming and name in NAMING:
            self.authors = self.authors or is_name("".join(self._name))
            self._naming = False
        elif name == "style":
            self._style = ""
        if name in _PARAGRAPHS:
            self._break("\n")
        elif name in _CELLS:
            self._put("\t")

    def _characters(self, data: str) -> None:
        if self._naming:
            self._name.append(data)
        if not self.worded and not data.isspace():
            self.worded = True
        if self._hiding or self._vanished:
            self._full.append(data)
            self._differs = True
            if not (self.hides or data.isspace()) and (
                self._vanished or True in self._units or (self._noted and WORDS.search(data))
            ):
                self.hides = True
            return
        at = self._parser.CurrentByteIndex
        self._runs.append(Run(self._seen_size, at))
        self._put(data)

    def _put(self, data: str) -> None:
        self._seen.append(data)
        self._full.append(data)
        self._seen_size += len(data)

    def _comment(self, data: str) -> None:
        self._hidden_text.append(data)

    def _instruction(self, target: str, data: str) -> None:
        self._hidden_text.append(f"{target} {data}")

    def _begin(self) -> None:
        """The start of a paragraph, which may stand within another."""
        if self._full and self._full[-1] != "\t":
            self._break("\n")

    def _break(self, mark: str) -> None:
        """The end of a paragraph or row."""
        if self._differs:
            self._hidden_text.append("".join(self._full))
            self._differs = False
        self._full.clear()
        if mark and self._seen and self._seen[-1] != mark:
            self._seen.append(mark)
            self._seen_size += len(mark)
        if self._seen_size >= PIECE or len(self._hidden_text) > 1000:
            self._flush()

    def _flush(self) -> None:
        text = "".join(self._seen)
        if text.strip():
            self._budget.text(len(text))
            self._out.append(Block(text, self._all_hidden, tuple(self._runs)))
        self._seen.clear()
        self._runs.clear()
        self._seen_size = 0
        if self._hidden_text:
            text = "\n".join(self._hidden_text)
            self._hidden_text = []
            if text.strip():
                self._budget.text(len(text))
                self._out.append(Block(text, hidden=True))


def holds_words(key: str, value: str) -> bool:
    """May a person have written the `value` of attribute `key`, which is a qualified name?"""
    local = key.rpartition(":")[2]
    return (local in _WORDS or len(value) >= 8) and not (
        _RSID.match(local) or key.startswith("xmlns") or _DULL.fullmatch(value)
    )


def _refuse(*_: object) -> None:
    raise Stop(UnreadReason.MALFORMED, "doctype")
