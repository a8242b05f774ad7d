"""What do the columns of a PDF page say, where a line of its text runs over several of them?

Law: lines are joined only where a number or address may go on, the cells stand under each other, and
something tells that the second one goes on with the first: it is no row of its own.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

_BREAK = "\r\n"
_WORD = re.compile(r"\S+")
_NUMBER = re.compile(r"(\d\S*)\s*")
"""The rest of a word from its first digit, and what parts it from the next one."""
_LETTER = re.compile(r"[^\W\d_]")
_SOME = re.compile(r"\d\d")
_ENOUGH = re.compile(r"[\d@](?:(?<=@)|[ .\-/]?\d[ .\-/]?\d)")
"""Nearly no two lines of running text are looked at closer, for these two look first."""
_GAP = 0.6
"""A gap between words that is wider, in heights of the line, parts cells: twice a space and more."""
_NEAR = 0.25
"""Heights of the line by which edges or middles of cells in one column may differ."""
_FAR = 2.0
"""Heights of the line from one line of a cell to the next at most."""
_EVEN = 0.05
"""Share by which equal distances of lines may differ."""
_MOST_IN_ROW = 4
"""Lines that stand closer to each other than to those around them, and may still be one row."""
_LEAST = 7
"""Characters of a column at least: in fewer is nothing that anyone looks for."""


@dataclass(frozen=True, slots=True)
class Column:
    """Cells that are read as one text, a line for each: where they stand in the page's text."""

    cells: tuple[tuple[int, int], ...]
    text: str = field(repr=False)

    def spans(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where code points `start:end` of the column stand in the page's text."""
        at = 0
        for first, last in self.cells:
            here, there = max(start, at), min(end, at + last - first)
            if here < there:
                yield first + here - at, first + there - at
            at += last - first + 1


@dataclass(frozen=True, slots=True)
class _Cell:
    start: int
    end: int
    left: float
    right: float
    text: str = field(repr=False)

    def ends(self) -> str:
        return self.text.rpartition(" ")[2]

    def begins(self) -> str:
        return self.text.partition(" ")[0]

    def is_over(self, other: _Cell, near: float) -> bool:
        """Do the two align: on the left, on the right, or in the middle?"""
        left, right = self.left - other.left, self.right - other.right
        return min(abs(left), abs(right), abs(left + right) / 2) <= near

    def may_go_on(self, other: _Cell) -> bool:
        """Do a number or an address run from the end of this one into the other?"""
        last, first = self.ends(), other.begins()
        return "@" in last + first or (any(map(str.isdigit, last)) and any(map(str.isdigit, first)))


@dataclass(frozen=True, slots=True)
class _Line:
    bottom: float
    height: float


def columns_in(
    page: pdfium.PdfTextPage, text: str, places: Callable[[], Sequence[range]] | None
) -> list[Column]:
    """Columns of the page in which something may go on that its `text` cuts.

    `places` gives those of the code points in pdfium's text, where they differ.
    """
    found = list(_ENOUGH.finditer(text))
    if not found:
        return []
    spans = []
    at = 0
    for line in text.split(_BREAK):
        spans.append((at, at + len(line)))
        at += len(line) + len(_BREAK)
    pairs = _pairs(text, spans, found)
    return _joined(_Seen(page, text, spans, places and places()), pairs) if pairs else []


def _pairs(
    text: str, spans: Sequence[tuple[int, int]], found: Sequence[re.Match[str]]
) -> list[int]:
    """Lines that may hold part of a number or address that goes on in the next one."""
    pairs: set[int] = set()
    starts = [start for start, _ in spans]
    for one in found:
        here = bisect.bisect(starts, one.start()) - 1
        for other in (here - 1, here + 1):
            near = 0 <= other < len(spans)
            if near and (one[0] == "@" or _SOME.search(text, *spans[other])):
                pairs.add(min(here, other))
    return sorted(pairs)


class _Seen:
    """Where letters of a page stand, and in which lines and cells."""

    def __init__(
        self,
        page: pdfium.PdfTextPage,
        text: str,
        spans: Sequence[tuple[int, int]],
        places: Sequence[range] | None,
    ) -> None:
        self.text = text
        self._page = page
        self._spans = spans
        self._places = places
        self._box = pdfium_c.FS_RECTF()
        self.line = functools.cache(self._line)
        self.cells = functools.cache(self._cells)

    def _index(self, at: int) -> int:
        """Pdfium's number of a letter."""
        place = at if self._places is None else self._places[at].start
        return int(pdfium_c.FPDFText_GetCharIndexFromTextIndex(self._page, place))

    def _box_at(self, index: int) -> pdfium_c.FS_RECTF:
        """The box of a letter, as high as its font; it holds until the next one is asked for."""
        pdfium_c.FPDFText_GetLooseCharBox(self._page, index, self._box)
        return self._box

    def _line(self, number: int) -> _Line | None:
        if not 0 <= number < len(self._spans) or not operator.ne(*self._spans[number]):
            return None
        box = self._box_at(self._index(self._spans[number][0]))
        return _Line(box.bottom, box.top - box.bottom)

    def _cells(self, number: int, height: float) -> list[_Cell]:
        """Words of a line, those together that no wide gap parts."""
        cells: list[_Cell] = []
        first, last = self._spans[number]
        shift = self._index(first) - first
        is_even = self._index(last - 1) - last + 1 == shift
        for found in _WORD.finditer(self.text, first, last):
            start, end = found.span()
            one, two = (
                (start + shift, end - 1 + shift) if is_even else map(self._index, (start, end - 1))
            )
            left, right = self._box_at(one).left, self._box_at(two).right
            if cells and abs(left - cells[-1].right) <= _GAP * height:
                before = cells.pop()
                start, left = before.start, before.left
            cells.append(_Cell(start, end, left, right, self.text[start:end]))
        return cells

    def may_go_on(self, number: int, height: float) -> bool:
        """Does a cell of the line end in a number? Asked first, for most have but one, and words."""
        first, last = self._spans[number]
        _, end = self._spans[number + 1]
        if "@" in self.text[first:end]:
            return True
        for found in _NUMBER.finditer(self.text, first, last):
            after = found.end()
            if after == last:
                return True
            right = self._box_at(self._index(found.end(1) - 1)).right
            if abs(self._box_at(self._index(after)).left - right) > _GAP * height:
                return True
        return False

    def step(self, number: int) -> float:
        """How far the next line stands below this one; 0 where it does not."""
        upper, lower = self.line(number), self.line(number + 1)
        return max(0.0, upper.bottom - lower.bottom) if upper and lower else 0.0

    def is_row(self, number: int) -> bool:
        """Do this line, the next, and few others stand closer than what is above and below them?

        So do the lines of a row in a table whose rows stand apart.
        """
        step = self.step(number)
        first = last = number
        while abs(self.step(first - 1) - step) <= _EVEN * step:
            first -= 1
        while abs(self.step(last + 1) - step) <= _EVEN * step:
            last += 1
        around = self.step(first - 1), self.step(last + 1)
        return last - first + 2 <= _MOST_IN_ROW and not any(0 < one < step for one in around)


def _joined(seen: _Seen, pairs: Sequence[int]) -> list[Column]:
    before: dict[int, _Cell] = {}
    goes_on: dict[int, _Cell] = {}
    for number in pairs:
        line = seen.line(number)
        height = line.height if line is not None else 0.0
        if not 0.5 * height < seen.step(number) < _FAR * height:
            continue
        if not seen.may_go_on(number, height):
            continue
        upper, lower = seen.cells(number, height), seen.cells(number + 1, height)
        for cell, other in itertools.product(upper, lower if len(upper) + len(lower) > 2 else ()):
            if (
                cell.may_go_on(other)
                and cell.is_over(other, _NEAR * height)
                and other.start not in before
                and (
                    len(lower) < len(upper)
                    or _LETTER.search(cell.text + other.text)
                    or seen.is_row(number)
                )
            ):
                before[other.start] = cell
                goes_on[cell.start] = other
    columns = [_column(cell, goes_on) for cell in before.values() if cell.start not in before]
    return [one for one in columns if len(one.text) >= _LEAST and _is_cut(one, seen.text)]


def _is_cut(column: Column, text: str) -> bool:
    """Does anything stand between its cells in the text of the page?"""
    between = itertools.pairwise(column.cells)
    return any(text[upper[1] : lower[0]].strip() for upper, lower in between)


def _column(cell: _Cell, goes_on: dict[int, _Cell]) -> Column:
    cells = [cell]
    while (other := goes_on.get(cells[-1].start)) is not None:
        cells.append(other)
    return Column(
        tuple((one.start, one.end) for one in cells), "\n".join(one.text for one in cells)
    )
