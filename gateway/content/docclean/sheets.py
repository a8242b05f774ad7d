"""What of a workbook is not shown, and where does it name people?

Law: cells that are not shown lose what they hold, and stay where they are. A formula stays only where it
is certain that it looks at none of them; others leave what they came to. Rows are taken as bytes: a large
sheet is no tree. Format: ECMA-376 part 1, 18.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.content.docclean.package import Package
from gateway.content.docclean.tree import UNKNOWN, Node, Tree
from gateway.content.reading import Budget
from gateway.content.rewriting import CannotRewrite

BOOK = "xl/workbook.xml"
STRINGS = "xl/sharedStrings.xml"
_DRAWN = "a chart or another drawing depends on hidden cells; unhide them and send again"
_RESULTS = "a sheet has formulas whose results are not saved; open it, save it and send it again"
_TABLE = "a table has hidden columns or a hidden head; unhide them and send again"
_DATA = re.compile(rb"<((?:[\w.-]+:)?)sheetData\s*(?:/>|>(.*)</\1sheetData\s*>)", re.DOTALL)
_EMPTY_DATA = re.compile(rb"<(?:[\w.-]+:)?sheetData/>")
_ROW = re.compile(rb"<((?:[\w.-]+:)?)row\b")
_CELL = re.compile(
    rb"<(?P<p>(?:[\w.-]+:)?)c\b(?P<said>[^<>]*?)(?:/>|>(?P<held>.*?)</(?P=p)c\s*>)", re.DOTALL
)
_FORMULA = re.compile(rb"<((?:[\w.-]+:)?)f\b([^<>]*?)(?:/>|>([^<]*)</\1f\s*>)")
_RESULT = re.compile(rb"<(?:[\w.-]+:)?(?:v|is)\b")
_INDEX = rb"[^<>]*>\s*(?:<((?:[\w.-]+:)?)f\b[^<>]*?(?:/>|>[^<]*</\1f\s*>)\s*)?<(?:[\w.-]+:)?v\b[^<>]*>\s*(\d{1,9})\s*<"
_STRING_CELL = re.compile(rb"t=\"s\"" + _INDEX)
_ODD_STRING_CELL = re.compile(rb"\bt\s*=\s*[\"']s[\"']" + _INDEX)
_ODDLY = re.compile(rb"\bt(?:\s+=|\s*=\s+|\s*=\s*')")
_STRING = re.compile(rb"<((?:[\w.-]+:)?)si\b[^<>]*?(?:/>|>(.*?)</\1si\s*>)", re.DOTALL)
_SAID = re.compile(rb"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_TRUE = frozenset({b"1", b"true"})
_UNSEEN = ("/comments", "/threadedComment", "/pivotTable", "/customProperty")
_UNSEEN_OF_BOOK = (
    "/pivotCacheDefinition", "/person", "/customXml", "/revisionHeaders", "/usernames", "/calcChain",
)  # fmt: skip
_LONG_AGO = "2000-01-01T00:00:00.00"

_TOKEN = re.compile(
    r"\s+|\"[^\"]*\"|\d+(?:\.\d+)?(?:E[-+]?\d+)?(?![\w.:!])"
    r"|(?:(?P<sheet>'(?:[^']|'')+'|[^\W\d][\w.]*)!)?"
    r"\$?(?P<column>[A-Z]{1,3})\$?(?P<row>\d{1,7})(?::\$?(?P<column2>[A-Z]{1,3})\$?(?P<row2>\d{1,7}))?(?![\w.(!#:])"
    r"|(?P<call>[A-Za-z_][\w.]*)\(|TRUE\b(?!\()|FALSE\b(?!\()|[-+*/^&=<>%(),;{}]"
)
_FAR = re.compile(
    r"(?:_xlfn\.|_xlws\.)*(?:INDIRECT|OFFSET|CELL|INFO|GETPIVOTDATA|SHEETS?|FORMULATEXT|EVALUATE|CALL|REGISTER\.ID|CUBE\w*"
    r"|LAMBDA|LET)",
    re.IGNORECASE,
)
"""Functions that may look at cells that their arguments do not name."""


@dataclass(slots=True)
class _Gone:
    """Sheets that go, by name in lower case, and rows and columns of others that lost what they held."""

    sheets: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    rows: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    columns: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    macros: bool = False

    def __bool__(self) -> bool:
        return bool(self.sheets or self.rows or self.columns)

    def spares(self, formula: str, sheet: str) -> bool:
        """Is it certain that `formula`, which stands in `sheet`, looks at nothing that went?"""
        at = 0
        while at < len(formula):
            found = _TOKEN.match(formula, at)
            if found is None:
                return False
            at = found.end()
            if found["call"] is not None and (_FAR.fullmatch(found["call"]) or self.macros):
                return False
            if found["column"] is None:
                continue
            named = found["sheet"]
            where = sheet if named is None else named.strip("'").replace("''", "'").lower()
            if where not in self.kept:
                return False
            first, last = int(found["row"]), int(found["row2"] or found["row"])
            left = number_of(found["column"])
            right = number_of(found["column2"] or found["column"])
            if any(first <= row <= last for row in self.rows.get(where, ())):
                return False
            if any(left <= column <= right for column in self.columns.get(where, ())):
                return False
        return True


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str  # in lower case
    part: str


def uncover(package: Package, budget: Budget) -> None:
    """Take out hidden sheets, rows and columns, comments, pivot caches, and strings that are left over."""
    if BOOK not in package.names:
        raise CannotRewrite(UNKNOWN)
    gone = _Gone(macros=any(name.endswith("vbaProject.bin") for name in package.names))
    sheets = _sheets(package, gone)
    if any(relation.kind.endswith("/pivotCacheDefinition") for relation in package.relations(BOOK)):
        if any(name.startswith(("xl/slicers/", "xl/timelines/")) for name in package.names):
            raise CannotRewrite(UNKNOWN)
        for node in package.tree(BOOK).root.named("pivotCaches"):
            node.drop()
    package.unrelate(BOOK, lambda relation: relation.kind.endswith(_UNSEEN_OF_BOOK))
    bodies = {}
    for sheet in sheets:
        raw = package.old(sheet.part)
        found = _DATA.search(raw)
        body = b"" if found is None else found[2] or b""
        if b"<![CDATA[" in raw or b"<!--" in body:
            raise CannotRewrite(UNKNOWN)
        skeleton = (
            raw if found is None else raw[: found.start()] + _bare(found[1]) + raw[found.end() :]
        )
        tree = Tree(skeleton, budget)
        bodies[sheet] = _emptied(body, sheet.name, _hidden_columns(tree), gone), tree
        budget.tick()
    used: set[int] = set()
    for sheet, (body, tree) in bodies.items():
        new = _settled(body, sheet.name, gone, budget) if gone else body
        _beside(package, sheet, tree, gone)
        used.update(_strings_in(new))
        skeleton = tree.written()
        place = _EMPTY_DATA.search(skeleton)
        if place is not None:
            tag = place[0][1:-2]
            skeleton = (
                skeleton[: place.start()]
                + b"<" + tag + b">" + new + b"</" + tag + b">"
                + skeleton[place.end() :]
            )  # fmt: skip
        if skeleton != package.old(sheet.part):
            package.put(sheet.part, skeleton)
        budget.tick()
    if STRINGS in package.names:
        _strings(package, used)
    _elsewhere(package, gone)


def number_of(column: str) -> int:
    """Number of a column such as ``AB``, from 1."""
    number = 0
    for letter in column:
        number = 26 * number + ord(letter) - 64
    return number


def _bare(prefix: bytes) -> bytes:
    return b"<" + prefix + b"sheetData/>"


# --- the workbook ---


def _sheets(package: Package, gone: _Gone) -> list[_Sheet]:
    """The sheets that stay; the hidden ones are taken out."""
    tree = package.tree(BOOK)
    targets = {relation.id: relation.target for relation in package.relations(BOOK)}
    stay: list[_Sheet] = []
    numbers: dict[int, int] = {}
    hidden_ids: set[str] = set()
    nodes = [node for outer in tree.root.named("sheets") for node in outer.named("sheet")]
    for number, node in enumerate(nodes):
        relation = next((v for k, v in node.attributes.items() if k.endswith(":id")), "")
        name = node.get("name").lower()
        if node.attributes.get("state", "visible") != "visible":
            gone.sheets.add(name)
            hidden_ids.add(relation)
            node.drop()
        else:
            numbers[number] = len(numbers)
            gone.kept.add(name)
            if targets.get(relation):
                stay.append(_Sheet(name, targets[relation]))
    if hidden_ids:
        package.unrelate(BOOK, lambda relation: relation.id in hidden_ids)
        _renumber(tree, numbers)
    return stay


def _renumber(tree: Tree, numbers: dict[int, int]) -> None:
    """Sheets are known by their number in the workbook: give those that stay their new ones."""
    for node in tree.root.named("workbookView"):
        for key in ("activeTab", "firstSheet"):
            if node.get(key):
                node.put(key, str(numbers.get(int(node.get(key)), 0)))
    for node in tree.root.named("definedName"):
        local = node.get("localSheetId")
        if not local:
            continue
        if int(local) in numbers:
            node.put("localSheetId", str(numbers[int(local)]))
        else:
            node.drop()


# --- rows ---


def _said(raw: bytes) -> dict[bytes, bytes]:
    return {found[1]: found[2] or found[3] or b"" for found in _SAID.finditer(raw)}


def _hidden_columns(tree: Tree) -> list[tuple[int, int]]:
    return [
        (int(node.get("min") or 0), int(node.get("max") or 0))
        for node in tree.root.named("col")
        if node.get("hidden") in {"1", "true"}
    ]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a sheet: what its tag says, and where its cells stand in the rows."""

    said: bytes = field(repr=False)
    start: int
    end: int

    @property
    def number(self) -> int:
        number = _said(self.said).get(b"r", b"")
        if not number.isdigit():
            raise CannotRewrite(
                UNKNOWN
            )  # it would have to be counted, and nobody writes such sheets
        return int(number)


def _rows(body: bytes, word: bytes) -> Iterator[_Row]:
    """Rows in which `word` stands, in the tag or behind it. Rows that are all tag are none.

    No pattern and no loop over all rows: a sheet may be large.
    """
    first = _ROW.search(body)
    if first is None:
        return
    head, end = b"<" + first[1] + b"row", b"</" + first[1] + b"row>"
    at = 0
    while (found := body.find(word, at)) >= 0:
        close = body.find(end, found)
        tag = body.rfind(head, at, close)
        start = body.find(b">", tag, close) + 1
        if close < 0 or tag < 0:
            return
        if body[start - 2 : start] != b"/>":
            yield _Row(body[tag + len(head) : start - 1], start, close)
        at = close + len(end)


def _emptied(body: bytes, sheet: str, columns: list[tuple[int, int]], gone: _Gone) -> bytes:
    """Rows without what hidden cells hold; which they were is noted in `gone`."""
    out: list[bytes] = []
    at = 0
    for row in _rows(body, b"<" if columns else b"hidden"):
        if b"hidden" in row.said and _said(row.said).get(b"hidden") in _TRUE:
            cells = body[row.start : row.end]
            new = _CELL.sub(_blank, cells)
            if new != cells:
                gone.rows[sheet].add(row.number)
        elif columns:
            cells = body[row.start : row.end]
            new = b"".join(_in_columns(cells, sheet, columns, gone))
        else:
            continue
        if new != cells:
            out += body[at : row.start], new
            at = row.end
    return b"".join((*out, body[at:]))


def _in_columns(
    cells: bytes, sheet: str, columns: list[tuple[int, int]], gone: _Gone
) -> Iterator[bytes]:
    at = number = 0
    for cell in _CELL.finditer(cells):
        where = _said(cell["said"]).get(b"r", b"").rstrip(b"0123456789").decode()
        number = number_of(where) if where else number + 1
        if any(first <= number <= last for first, last in columns):
            new = _blank(cell)
            if new != cell[0]:
                gone.columns[sheet].add(number)
                yield cells[at : cell.start()]
                yield new
                at = cell.end()
    yield cells[at:]


def _blank(cell: re.Match[bytes]) -> bytes:
    """The cell with its style alone."""
    if not (cell["held"] or b"").strip():
        return cell[0]
    said = b"".join(
        b' %s="%s"' % (key, value)
        for key, value in _said(cell["said"]).items()
        if key in {b"r", b"s"}
    )
    return b"<" + cell["p"] + b"c" + said + b"/>"


def _settled(body: bytes, sheet: str, gone: _Gone, budget: Budget) -> bytes:
    """Rows in which formulas that may look at what went are what they came to."""

    def cell(found: re.Match[bytes]) -> bytes:
        held = found["held"] or b""
        formula = _FORMULA.search(held)
        if formula is None:
            return found[0]
        plain = not _said(formula[2]).keys() & {b"t", b"si", b"ref"}
        if plain and gone.spares(_text(formula[3] or b""), sheet):
            return found[0]
        rest = held[: formula.start()] + held[formula.end() :]
        if _RESULT.search(rest) is None:
            raise CannotRewrite(_RESULTS)
        return found[0][: found.start("held") - found.start()] + rest + b"</" + found["p"] + b"c>"

    out: list[bytes] = []
    at = 0
    tag = _FORMULA.search(body)
    for row in _rows(body, b"<" + tag[1] + b"f") if tag is not None else ():
        cells = body[row.start : row.end]
        budget.tick()
        out += body[at : row.start], _CELL.sub(cell, cells)
        at = row.end
    return b"".join((*out, body[at:]))


def _text(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    for mark, name in (("<", "lt"), (">", "gt"), ('"', "quot"), ("'", "apos"), ("&", "amp")):
        text = text.replace(f"&{name};", mark)
    return text  # a number in place of a letter stays one, and no formula has a `#` that is spared


# --- what a sheet has beside its rows ---


def _beside(package: Package, sheet: _Sheet, tree: Tree, gone: _Gone) -> None:
    root = tree.root
    package.unrelate(sheet.part, lambda relation: relation.kind.endswith(_UNSEEN))
    for node in root.named("scenarios", "customSheetViews", "customProperties"):
        node.drop()
    for relation in package.relations(sheet.part):
        if relation.kind.endswith("/vmlDrawing") and relation.target:
            _notes(package.tree(relation.target))
        elif relation.kind.endswith("/table") and relation.target:
            _table(package.tree(relation.target), sheet, gone)
    if not gone:
        return
    for node in root.named("dataValidation"):
        if not _spared(node, sheet, gone):
            node.drop()
    for node in root.named("dataValidations"):
        inner = list(node.named("dataValidation"))
        if not inner:
            node.drop()
        elif node.get("count"):
            node.put("count", str(len(inner)))
    for node in root.named("cfRule", "sparkline"):
        if not _spared(node, sheet, gone):
            raise CannotRewrite(_DRAWN)
    links = set()
    for node in root.named("hyperlink"):
        target = node.get("location")
        if not gone.spares(node.get("ref"), sheet.name) or (
            target and not gone.spares(target, sheet.name)
        ):
            links |= {v for k, v in node.attributes.items() if k.endswith(":id")}
            node.drop()
    for node in root.named("hyperlinks"):
        if not any(True for _ in node.named("hyperlink")):
            node.drop()
    package.unrelate(sheet.part, lambda relation: relation.id in links)


def _spared(node: Node, sheet: _Sheet, gone: _Gone) -> bool:
    return all(
        gone.spares(inner.text, sheet.name)
        for inner in node.named("formula", "formula1", "formula2", "f")
        if inner.text.strip()
    )


def _notes(drawing: Tree) -> None:
    """Drop the boxes that comments are shown in; other drawings of the same part stay."""
    for node in drawing.root.named("ClientData"):
        if node.get("ObjectType") == "Note" and node.parent is not None:
            node.parent.drop()


def _table(table: Tree, sheet: _Sheet, gone: _Gone) -> None:
    found = _TOKEN.fullmatch(table.root.get("ref"))
    if found is None or found["column"] is None:
        raise CannotRewrite(UNKNOWN)
    left, right = number_of(found["column"]), number_of(found["column2"] or found["column"])
    if int(found["row"]) in gone.rows.get(sheet.name, ()) or any(
        left <= column <= right for column in gone.columns.get(sheet.name, ())
    ):
        raise CannotRewrite(_TABLE)
    if gone:
        for node in table.root.named("calculatedColumnFormula", "totalsRowFormula"):
            node.drop()


def _strings_in(body: bytes) -> Iterator[int]:
    """Numbers of the strings that cells show."""
    pattern = _ODD_STRING_CELL if _ODDLY.search(body) else _STRING_CELL
    return (int(found[2]) for found in pattern.finditer(body))


def _strings(package: Package, used: set[int]) -> None:
    """Leave nothing of strings that no cell shows; the others are known by their number."""
    raw = package.old(STRINGS)
    if b"<![CDATA[" in raw or b"<!--" in raw:
        raise CannotRewrite(UNKNOWN)
    out: list[bytes] = []
    at, some = 0, False
    for number, found in enumerate(_STRING.finditer(raw)):
        if number not in used and found[2]:
            some = True
            out += raw[at : found.start(2)], b"<" + found[1] + b"t/>"
            at = found.end(2)
    if some:
        package.put(STRINGS, b"".join((*out, raw[at:])))


def _elsewhere(package: Package, gone: _Gone) -> None:
    """Names, charts and links to other books."""
    for node in package.tree(BOOK).root.named("definedName"):
        said = node.text.lower()
        if any(name in said for name in gone.sheets):
            node.drop()
    for node in package.tree(BOOK).root.named("definedNames"):
        if not any(True for _ in node.named("definedName")):
            node.drop()
    there = package.reachable()
    for name in package.names:
        if name not in there:
            continue
        if re.fullmatch(r"xl/charts/[^/]*\.xml", name):
            root = package.tree(name).root
            for node in root.named("pivotSource", "pivotFmts"):
                node.drop()
            for node in root.named("f") if gone else ():
                if not gone.spares(node.text, ""):
                    raise CannotRewrite(_DRAWN)
        elif re.fullmatch(r"xl/externalLinks/externalLink\d*\.xml", name):
            for node in package.tree(name).root.named("sheetDataSet", "values"):
                node.drop()
        elif re.fullmatch(r"xl/drawings/[^/]*\.xml", name):
            for node in package.tree(name).root.named("cNvPr"):
                shape = node.parent.parent if node.parent is not None else None
                if node.get("hidden") in {"1", "true"} and shape is not None:
                    shape.drop()


# --- people ---


def unname(package: Package, neutral: str) -> None:
    """Make all authors of comments one, and take out when they wrote."""
    mentioned = {
        f"@{node.get('displayName')}"
        for name in package.names
        if _PERSONS.fullmatch(name)
        for node in package.tree(name).root.named("person")
        if node.get("displayName").strip()
    }
    for name in package.names:
        if re.fullmatch(r"xl/comments[^/]*\.xml|xl/comments/[^/]*\.xml", name):
            _comments(package.tree(name), mentioned, neutral)
        elif re.fullmatch(r"xl/threadedComments/[^/]*\.xml", name):
            tree = package.tree(name)
            for node in tree.root.named("threadedComment"):
                node.put("dT", None)
                _mentions(tree, node, f"@{neutral}")
        elif _PERSONS.fullmatch(name):
            for node in package.tree(name).root.named("person"):
                node.put("displayName", neutral)
                node.put("userId", neutral)
                node.put("providerId", "None")
        elif re.fullmatch(r"xl/worksheets/[^/]*\.xml|xl/chartsheets/[^/]*\.xml", name):
            _printer(package, name)


_PERSONS = re.compile(r"xl/persons/[^/]*\.xml")


def _comments(tree: Tree, mentioned: set[str], neutral: str) -> None:
    """Authors of a part of comments, and the names that Excel writes in front of what they say."""
    listed = list(tree.root.named("author"))
    authors = [node.text.strip() for node in listed]
    for node in listed:
        if node.text.strip() and not node.text.startswith("tc={"):
            tree.write(node, neutral)
    for comment in tree.root.named("comment"):
        number = comment.get("authorId")
        author = authors[int(number)] if number.isdecimal() and int(number) < len(authors) else ""
        said = next(comment.named("t"), None)
        rest = said.text.lstrip().removeprefix(author) if said is not None and author else ""
        if said is not None and rest != said.text.lstrip() and (not rest or rest[0] == ":"):
            tree.write(said, neutral + rest)
            continue
        for node in comment.named("t") if author.startswith("tc={") else ():
            # For programs that know no threads, Excel says what these say here again.
            new = node.text
            for name in sorted(mentioned, key=len, reverse=True):
                new = new.replace(name, f"@{neutral}")
            if new != node.text:
                tree.write(node, new)


def _mentions(tree: Tree, comment: Node, new: str) -> None:
    """Put `new` in the place of people whom a comment of a thread calls by name."""
    said = comment.child("text")
    if said is None:
        return
    text, moved = said.text.encode("utf-16-le"), 0
    spans = [
        (node, node.get("startIndex"), node.get("length")) for node in comment.named("mention")
    ]
    known = [
        (node, int(start), int(size)) for node, start, size in spans if (start + size).isdecimal()
    ]
    put, end = new.encode("utf-16-le"), 0
    for node, start, size in sorted(known, key=lambda one: one[1]):
        # Places are those of UTF-16.
        here = 2 * (start + moved)
        if start < end or text[here : here + 2] != "@".encode("utf-16-le"):
            continue
        text = text[:here] + put + text[here + 2 * size :]
        node.put("startIndex", str(start + moved))
        node.put("length", str(len(new)))
        moved, end = moved + len(new) - size, start + size
    if moved or end:
        tree.write(said, text.decode("utf-16-le", "replace"))


_PRINTER = re.compile(
    rb"(<(?:[\w.-]+:)?pageSetup\b[^<>]*?)\s+[\w.-]+:id\s*=\s*(?:\"[^\"]*\"|'[^']*')"
)
_VIEWS = re.compile(rb"<((?:[\w.-]+:)?customSheetViews)\s*>.*?</\1\s*>", re.DOTALL)


def _printer(package: Package, name: str) -> None:
    """Nothing in the sheet refers to settings of a printer any more."""
    raw = package.raw(name)
    head, mark, tail = raw.rpartition(b"sheetData")
    new = head + mark + _VIEWS.sub(b"", _PRINTER.sub(rb"\1", tail))
    if new != raw:
        package.put(name, new)
