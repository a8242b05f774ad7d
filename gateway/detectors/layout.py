r"""What does the layout of a text say about a place in it? Law: answers come from headings that the
writer set over values, and all questions about one text together take linear time.

A heading may stand far above its values: the first row of a table (delimited, drawn, aligned, HTML
or the columns of an `INSERT`), the line over a list or a column, the key of an array. A row asks
upwards only as far as a row that was asked before, so it does not matter how long a table is.
"""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Callable

LINE = 2_000
"""A row of more code points than this is none."""

HEADING = 60
"""Code points that a cell or a key may have to be a heading; a line over a list, twice as many."""

ODD = 3
"""Lines in a row that may differ from the rows of a table: rules, wrapped cells."""

_STRIDE = 64
"""Of the rows passed on the way up, one in so many is remembered with the row that asked."""

_DELIMITERS = ("\t", "|", "\u2502", ";", ",")
_APART = "  "
_COLUMNS = 100
"""Cells of a row of HTML that may have headings."""

_QUOTED = re.compile(r'"(?:[^"\\\n]|""|\\.)*"?')
_NO_HEADING = re.compile(r"\d{4}|[=@{}<>\[\]$]|\w\(|\w\.\w+\(")
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"\S+")
_CELL = re.compile(r"\S+(?: \S+)*")
_ITEM = re.compile(
    r"[ \t>]*(?:(?:[-*+\u2022\u2013\u00b7]|\d{1,4}[.)]|[a-z]\))[ \t]+\S"
    r"|['\x22]?[A-Z+(]{0,4}\d[\dA-Z ./()-]{3,40}['\x22]?[,;]?[ \t]*\r?$)"
)
_OPENS = re.compile(r"[:=\[({\uff1a][ \t\r]*$")
_KEY = re.compile(r"([^\W\d][\w .-]{0,38}\w)['\x22`]?[ \t]*(?:=>|[:=])\s*$")
_KEYED = re.compile(r"[\w .-]{0,60}['\x22`]?[ \t]*(?:=>|[:=])\s{0,60}\[")
"""From the end of a word of a key to the array that it is the key of."""
_ARRAY = re.compile(r"\[[^\[\]]*")
_HEADERS = re.compile(
    r"(?i)['\x22]?(?:columns?|cols|headers?|fields?|names|schema)['\x22]?\s*[:=]\s*$"
)
_INSERT = re.compile(
    r"(?i)\bINSERT\s+INTO\s+[^\s(]{1,120}\s*\(([^()]{1,1000})\)\s*(?:OUTPUT\b[^()]{1,200})?VALUES\s*\("
)
_TAG = re.compile(r"(?i)<(/?table|tr|th|td)\b[^<>]{0,300}>")

type _Span = tuple[int, int]
_NONE: _Span = (-1, -1)


class Layout:
    """The headings of one text. Nothing is looked for before somebody asks."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._nested = "\\n" in text
        """Are there lines within lines?"""
        self._lines = self._nested or "\n" in text
        self._rows: dict[tuple[str, int, str], dict[int, _Span]] = {}
        self._arrays: tuple[tuple[list[int], list[int]], list[_Span]] | None = None
        self._cells: tuple[list[int], list[_Span]] | None = None
        self._inserts: tuple[list[int], list[_Span]] | None = None
        self.work = 0

    def headings(self, at: int) -> list[str]:
        """What stands over the value that begins at code point `at`."""
        text = self._text
        spans: list[_Span] = []
        if self._lines:
            line = self._line(at)
            if line is not None:
                spans += self._columns(at, *line)
                spans.append(self._list(*line))
        spans.append(self._array(at))
        spans.append(self._html(at))
        spans.append(self._insert(at))
        return [text[first:last] for first, last in spans if last > first]

    def may_head(self, at: int) -> bool:
        """False where nothing that ends at `at`, or one before it, can be a part of a heading."""
        if self._named()[1] or self._html_cells()[0] or self._insert_columns()[0]:
            return True
        if self._nested:
            return True
        if _KEYED.match(self._text, max(0, at - 1), at + 2 * HEADING):
            return True
        line = self._line(max(0, at - 1)) if self._lines else (0, 0, "")
        if line is None:
            return True
        start, end, _ = line
        # Names over columns, or the line over a list.
        return start < end and (
            self._heads(start, end) or _OPENS.search(self._text[start:end]) is not None
        )

    def reaching(self, at: int) -> list[str]:
        """What stands above `at` over values from there on, whole rows of names at once.

        What a place after `at` has for headings follows from this and from the text after `at`.
        """
        text = self._text
        spans: set[_Span] = {self._array(at)}
        position = at
        for _ in range(ODD + 1 if self._lines else 0):
            line = self._line(position)
            if line is None:
                break
            spans.update(head for _, head in self._tables_of(*line))
            spans.add(self._list(*line))
            position = line[1] + len(line[2])
            if position >= len(text):
                break
        _, named = self._named()
        before = bisect.bisect_left(named, (at, at)) - 1
        if before >= 0:
            spans.add((named[before][0], min(named[before][1], named[before][0] + LINE)))
        starts, heads = self._html_cells()
        cell = bisect.bisect_left(starts, at)
        spans.update(heads[max(0, cell - 1) : cell + _COLUMNS])
        ends, columns = self._insert_columns()
        statement = bisect.bisect_right(ends, at) - 1
        if statement >= 0:
            spans.add(columns[statement])
        return [text[first:last] for first, last in sorted(spans) if first < min(at, last)]

    # --- rows and columns ------------------------------------------------------------------------

    def _line(self, at: int) -> tuple[int, int, str] | None:
        r"""Start and end of the line around `at`, and what ends lines here.

        Within a string of JSON or of a program, `\n` ends lines.
        """
        text = self._text
        low, high = max(0, at - LINE), min(len(text), at + LINE)
        start = text.rfind("\n", low, at) + 1
        inner = text.rfind("\\n", max(low, start), at)
        if inner >= 0:
            end = text.find("\\n", at, high)
            hard = text.find("\n", at, high if end < 0 else end)
            return inner + 2, hard if hard >= 0 else (high if end < 0 else end), "\\n"
        if not start and low:
            return None
        end = text.find("\n", at, high)
        if end < 0 and high < len(text):
            return None
        end = len(text) if end < 0 else end
        return start, end, "\n"

    def _columns(self, at: int, start: int, end: int, sep: str) -> list[_Span]:
        line = self._text[start:end]
        found: list[_Span] = []
        for by, head in self._tables_of(start, end, sep):
            if by == _APART:
                found.append(self._over(at - start, line, head))
                continue
            column = _count(line[: at - start], _delimiter(line, by))
            cell = _cell(self._text[head[0] : head[1]], by, column)
            found.append(self._heading(head[0] + cell[0], head[0] + cell[1]))
        return found

    def _tables_of(self, start: int, end: int, sep: str) -> list[tuple[str, _Span]]:
        """What may delimit cells in this line, and the row of names of that table."""
        line = self._text[start:end]
        found: list[tuple[str, _Span]] = []
        for by in _DELIMITERS:
            if by not in line:
                continue
            count = _count_cells(line, by)
            head = self._top(start, sep, by, count, functools.partial(_count_cells, by=by))
            if head != _NONE and self._heads(*head):
                found.append((by, head))
        if _APART in line:
            head = self._top(start, sep, _APART, 1, _is_aligned)
            if head != _NONE and self._heads(*head):
                found.append((_APART, head))
        return found

    def _over(self, column: int, line: str, head: _Span) -> _Span:
        """The cell of the line `head` that overlaps the cell of `line` at `column`."""
        first = last = column
        for match in _CELL.finditer(line):
            if match.start() <= column < match.end():
                first, last = match.span()
                break
        for match in _CELL.finditer(self._text[head[0] : head[1]]):
            if match.start() < last and match.end() > first:
                return self._heading(head[0] + match.start(), head[0] + match.end())
        return _NONE

    def _heads(self, start: int, end: int) -> bool:
        """Does this row hold names rather than values?"""
        return _NO_HEADING.search(self._text, start, end) is None

    def _heading(self, start: int, end: int) -> _Span:
        """The span if it can be a heading."""
        text = self._text
        if not 0 < end - start <= 4 * HEADING:
            return _NONE
        cell = text[start:end].strip(" \t\r\"'`*_")
        if 0 < len(cell) <= HEADING and _LETTER.search(cell) and len(cell.split()) <= 6:
            return start, end
        return _NONE

    def _top(
        self, start: int, sep: str, kind: str, count: int, shape: Callable[[str], int]
    ) -> _Span:
        """The topmost row of the block that the row at `start` belongs to; itself excluded.

        INVARIANT: what is asked for a row is remembered, and a walk ends at a row that was asked.
        """
        text = self._text
        memo = self._rows.setdefault((kind, count, sep), {})
        known = memo.get(start)
        if known is not None:
            return known
        head, at, odd, steps = _NONE, start, 0, 0
        passed: list[int] = []
        if sep == "\n" and kind in _DELIMITERS and memo:
            last = next(reversed(memo))  # asked last: mostly the nearest row above
            if last < start and self._alike(last, start, kind, count):
                known = memo[last]
                head = known if known != _NONE else (last, text.index("\n", last))
                memo[start] = head
                return head
        while at >= len(sep):
            end = at - len(sep)
            previous = text.rfind(sep, max(0, end - LINE), end)
            if sep != "\n":
                hard = text.rfind("\n", max(0, end - LINE, previous), end)
                if hard >= 0:
                    break
            if previous < 0 and (end > LINE or (sep != "\n" and kind == _APART)):
                break
            above = previous + len(sep) if previous >= 0 else self._opened(end, sep)
            self.work += 1
            row = text[above:end]
            if shape(row) == count:
                odd = 0
                known = memo.get(above)
                if known is not None:
                    head = known if known != _NONE else (above, end)
                    break
                head = (above, end)
                steps += 1
                if steps % _STRIDE == 0:
                    passed.append(above)
            else:
                odd += 1
                if odd > ODD or not row.strip():
                    break
            at = above
            if previous < 0:
                break
        for row_start in (*passed, start):
            memo[row_start] = head if head[0] != row_start else _NONE
        return head

    def _alike(self, first: int, last: int, by: str, count: int) -> bool:
        """Is `text[first:last]` nothing but rows with `count` delimiters? Then no walk is needed.

        False where there are quotes, which a walk looks at, or a row is too long.
        """
        if last - first > 8 * LINE or not _rows(by, count).fullmatch(self._text, first, last):
            return False
        return last - first <= LINE or all(
            len(row) <= LINE for row in self._text[first:last].split("\n")
        )

    def _opened(self, end: int, sep: str) -> int:
        """Where the first line before `end` begins: within a string, after its quote."""
        if sep == "\n":
            return 0
        return self._text.rfind('"', max(0, end - LINE), end) + 1

    # --- lists -----------------------------------------------------------------------------------

    def _list(self, start: int, end: int, sep: str) -> _Span:
        """The line over the list or column of values that this line is in."""
        text = self._text
        if not _is_item(text[start:end]):
            return _NONE
        top = self._top(start, sep, "item", 1, _is_item)
        first = start if top == _NONE else top[0]
        for _ in range(2):  # one blank line may stand between
            last = first - len(sep)
            if last <= 0:
                return _NONE
            first = text.rfind(sep, max(0, last - LINE), last)
            first = first + len(sep) if first >= 0 else (0 if last <= LINE else last)
            line = text[first:last]
            if line.strip():
                opens = _OPENS.search(line)
                short = len(line) <= HEADING and len(line.split()) <= 5 and self._heads(first, last)
                if (opens or short) and _LETTER.search(line):
                    return max(first, last - 2 * HEADING), last
                return _NONE
        return _NONE

    # --- arrays, HTML, SQL -----------------------------------------------------------------------

    def _array(self, at: int) -> _Span:
        """The key of the array around `at`, or the name that an array of names has for its place."""
        text = self._text
        (opens, closes), named = self._named()
        number = bisect.bisect_right(opens, at) - 1
        if number < 0 or closes[number] < at:
            return _NONE
        opened = opens[number]
        key = _KEY.search(text, max(0, opened - HEADING), opened)
        if key is not None:
            return key.span(1)
        before = text[max(0, opened - HEADING) : opened].rstrip()[-1:]
        last = bisect.bisect_right(named, (opened, opened)) - 1
        if last < 0 or before not in {"[", ","} or at - opened > LINE:
            return _NONE
        first, end = named[last]
        if end - first > LINE:
            return _NONE
        cell = _cell(text[first + 1 : end], ",", _count(text[opened + 1 : at], ","))
        return self._heading(first + 1 + cell[0], first + 1 + cell[1])

    def _named(self) -> tuple[tuple[list[int], list[int]], list[_Span]]:
        """Where arrays begin and end (or the next within them begins), and those of names."""
        text = self._text
        if self._arrays is None:
            found = list(_ARRAY.finditer(text))
            named = [m.span() for m in found if self._of_names(m.start())]
            self._arrays = ([m.start() for m in found], [m.end() for m in found]), named
        return self._arrays

    def _of_names(self, opened: int) -> bool:
        """Does an array that begins at `opened` hold the names of columns?"""
        first = max(0, opened - 40)
        if not self._text[first:opened].rstrip().endswith((":", "=")):
            return False  # known sooner than by the pattern
        return _HEADERS.search(self._text, first, opened) is not None

    def _html(self, at: int) -> _Span:
        starts, heads = self._html_cells()
        number = bisect.bisect_right(starts, at) - 1
        if number < 0 or at - starts[number] > LINE:
            return _NONE
        return heads[number]

    def _html_cells(self) -> tuple[list[int], list[_Span]]:
        if self._cells is None:
            self._cells = self._tables() if "<" in self._text else ([], [])
        return self._cells

    def _tables(self) -> tuple[list[int], list[_Span]]:
        """Where cells of HTML tables begin, and the heading of each."""
        text = self._text
        starts: list[int] = []
        heads: list[_Span] = []
        header: list[_Span] = []
        row: list[_Span] = []
        first = False
        for tag in _TAG.finditer(text):
            name = tag[1].lower()
            if name in {"table", "/table"}:
                header, row, first = [], [], True
            elif name == "tr":
                # Many tables have plain cells in their first row.
                if row and (first or not header):
                    header = [span for span in row if span != _NONE] and row
                first, row = first and not row, []
            else:
                close = text.find("<", tag.end(), tag.end() + 4 * HEADING)
                span = self._heading(tag.end(), close) if close >= 0 else _NONE
                if span != _NONE and not self._heads(*span):
                    span = _NONE
                if name == "th":
                    if len(row) == 0:
                        header = []
                        first = True
                    row.append(span)
                    continue
                column = len(row)
                row.append(span if first else _NONE)
                starts.append(tag.end())
                heads.append(header[column] if column < len(header) else _NONE)
        return starts, heads

    def _insert(self, at: int) -> _Span:
        """The column of an `INSERT` statement whose row of values `at` is in."""
        text = self._text
        ends, columns = self._insert_columns()
        number = bisect.bisect_right(ends, at) - 1
        if number < 0:
            return _NONE
        opened = text.rfind("(", max(ends[number] - 1, at - LINE), at)
        if opened < 0 or ";" in text[max(ends[number], opened - LINE) : opened]:
            return _NONE
        first, last = columns[number]
        cell = _cell(text[first:last], ",", _count(text[opened + 1 : at].replace("'", '"'), ","))
        return self._heading(first + cell[0], first + cell[1])

    def _insert_columns(self) -> tuple[list[int], list[_Span]]:
        text = self._text
        if self._inserts is None:
            spelt = ("INSERT", "VALUES"), ("insert", "values"), ("Insert", "Values")
            some = any(first in text and last in text for first, last in spelt)
            found = list(_INSERT.finditer(text)) if some else []
            self._inserts = [m.end() for m in found], [m.span(1) for m in found]
        return self._inserts


@functools.lru_cache(maxsize=256)
def _rows(by: str, count: int) -> re.Pattern[str]:
    """Rows of cells without quotes."""
    cell = rf'[^{by}"\n]*+'
    return re.compile(rf"(?:(?:{cell}{re.escape(by)}){{{count}}}+{cell}\n)++")


def _delimiter(row: str, by: str) -> str:
    """What delimits the cells of `row` in a table of `by`: wikis double bars here and there.

    Jira writes `||Heading||` over `|cell|`, MediaWiki `! Heading !! Heading` over `| cell || cell`,
    DokuWiki `^ Heading ^` over `| cell |`.
    """
    if by != "|":
        return by
    if row.startswith("!"):
        return "!!"
    if row.startswith("^"):
        return "^"
    if row.startswith("||") or (row.startswith("|") and "||" in row and not row.endswith("|")):
        return "||"
    return by


def _count(line: str, by: str) -> int:
    """Delimiters in `line`, those between quotes not counted."""
    if '"' in line:
        line = _QUOTED.sub("", line)
    return line.count(by)


def _count_cells(row: str, by: str) -> int:
    return _count(row, _delimiter(row, by))


def _cell(line: str, by: str, column: int) -> _Span:
    """The span of a cell in its line, (0, 0) where there is none."""
    by = _delimiter(line, by)
    if '"' in line:
        line = _QUOTED.sub(lambda quoted: quoted[0].replace(by, " " * len(by)), line)
    first = 0
    for _ in range(column):
        first = line.find(by, first) + len(by)
        if first < len(by):
            return 0, 0
    last = line.find(by, first)
    return first, len(line) if last < 0 else last


def _is_aligned(line: str) -> int:
    return int(_APART in line.strip())


def _is_item(line: str) -> int:
    return int(_ITEM.match(line) is not None)
