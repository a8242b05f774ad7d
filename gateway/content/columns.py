"""What do columns say, of a page or a picture whose text runs over several of them?

Law: lines are joined only where a number or address may go on, the cells stand under each other, and
something tells that the second one goes on with the first: it is no row of its own.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

_LETTER = re.compile(r"[^\W\d_]")
_SOME = re.compile(r"\d\d")
_ENOUGH = re.compile(r"[\d@](?:(?<=@)|[ .\-/]?\d[ .\-/]?\d)")
"""Nearly no two lines of running text are looked at closer, for these two look first."""
_GAP = 0.6
"""A gap between words that is wider, in heights of the line, parts cells: twice a space and more."""
_NEAR = 0.25
"""Heights of the line by which edges or middles of cells in one column may differ."""
_CLOSEST, _FARTHEST = 0.5, 2.0
"""Heights of the line from one line of a cell to the next."""
_EVEN = 0.1
"""Share by which equal distances of lines may differ."""
_MOST_IN_ROW = 4
"""Lines that stand closer to each other than to those around them, and may still be one row."""
_LEAST = 7
"""Characters of a column at least: in fewer is nothing that anyone looks for."""


type Word = tuple[int, int, float, float]
"""Start and end in the text, left and right edge."""


@dataclass(frozen=True, slots=True)
class Line:
    """Where a line stands, upwards from anywhere, and how high it is."""

    bottom: float
    height: float


class Layout(ABC):
    """A text, and where its lines and words stand. Each is asked for only where it may matter."""

    def __init__(self, text: str, newline: str) -> None:
        self.text = text
        self.spans: list[tuple[int, int]] = []
        at = 0
        for line in text.split(newline):
            self.spans.append((at, at + len(line)))
            at += len(line) + len(newline)
        self.line = functools.cache(self._line)
        self.cells = functools.cache(self._cells)

    @abstractmethod
    def place(self, start: int) -> Line:
        """Where the line stands whose text begins at `start`, and is not empty."""

    @abstractmethod
    def words(self, start: int, end: int) -> Iterable[Word]:
        """The words of such a line, in the order of the text."""

    def _line(self, number: int) -> Line | None:
        if not 0 <= number < len(self.spans):
            return None
        start, end = self.spans[number]
        return self.place(start) if start < end else None

    def _cells(self, number: int, height: float) -> list[_Cell]:
        """Words of a line, those together that no wide gap parts."""
        cells: list[_Cell] = []
        for start, end, left, right in self.words(*self.spans[number]):
            goes_on = cells and abs(left - cells[-1].right) <= _GAP * height
            first, edge = (start, left) if not goes_on else (cells[-1].start, cells.pop().left)
            cells.append(_Cell(first, end, edge, right, self.text[first:end]))
        return cells

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
        is_apart = all(
            self.line(outside) is None or self.step(upper) > step
            for outside, upper in ((first - 1, first - 1), (last + 2, last + 1))
        )
        return last - first + 2 <= _MOST_IN_ROW and is_apart


@dataclass(frozen=True, slots=True)
class Column:
    """Cells that are read as one text, a line for each: where they stand in the whole text."""

    cells: tuple[tuple[int, int], ...]
    text: str = field(repr=False)

    def spans(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where code points `start:end` of the column stand in the whole text."""
        for at, first, last in self.places():
            here, there = max(start, at), min(end, at + last - first)
            if here < there:
                yield first + here - at, first + there - at

    def places(self) -> Iterator[tuple[int, int, int]]:
        """Where each cell begins in the column, and where it stands in the whole text."""
        at = 0
        for first, last in self.cells:
            yield at, first, last
            at += last - first + 1


def may_have(text: str) -> bool:
    """A cheap look, for a text that holds no number and no address has no column worth reading."""
    return _ENOUGH.search(text) is not None


def columns_in(layout: Layout) -> list[Column]:
    """Columns in which something may go on that the text cuts."""
    before: dict[int, _Cell] = {}
    goes_on: dict[int, _Cell] = {}
    for number in _pairs(layout):
        line = layout.line(number)
        height = line.height if line is not None else 0.0
        if not _CLOSEST * height < layout.step(number) < _FARTHEST * height:
            continue
        upper, lower = layout.cells(number, height), layout.cells(number + 1, height)
        for cell, other in itertools.product(upper, lower if len(upper) + len(lower) > 2 else ()):
            if (
                cell.may_go_on(other)
                and cell.is_over(other, _NEAR * height)
                and other.start not in before
                and (
                    _goes_on(upper, lower, _NEAR * height)
                    or _LETTER.search(cell.text + other.text)
                    or layout.is_row(number)
                )
            ):
                before[other.start] = cell
                goes_on[cell.start] = other
    columns = [_column(cell, goes_on) for cell in before.values() if cell.start not in before]
    return [one for one in columns if len(one.text) >= _LEAST and _is_cut(one, layout.text)]


def _goes_on(upper: Sequence[_Cell], lower: Sequence[_Cell], near: float) -> bool:
    """Has the second line fewer cells, and none where a row of its own begins?"""
    return len(lower) < len(upper) and (len(lower) == 1 or not lower[0].is_over(upper[0], near))


def _pairs(layout: Layout) -> list[int]:
    """Lines that may hold part of a number or address that goes on in the next one."""
    pairs: set[int] = set()
    text, spans = layout.text, layout.spans
    starts = [start for start, _ in spans]
    for found in _ENOUGH.finditer(text):
        here = bisect.bisect(starts, found.start()) - 1
        for other in (here - 1, here + 1):
            near = 0 <= other < len(spans)
            if near and (found[0] == "@" or _SOME.search(text, *spans[other])):
                pairs.add(min(here, other))
    return sorted(pairs)


@dataclass(frozen=True, slots=True)
class _Cell:
    start: int
    end: int
    left: float
    right: float
    text: str = field(repr=False)

    def is_over(self, other: _Cell, near: float) -> bool:
        """Do the two align: on the left, on the right, or in the middle?"""
        left, right = self.left - other.left, self.right - other.right
        return min(abs(left), abs(right), abs(left + right) / 2) <= near

    def may_go_on(self, other: _Cell) -> bool:
        """Do a number or an address run from the end of this one into the other?"""
        last, first = self.text.rpartition(" ")[2], other.text.partition(" ")[0]
        return "@" in last + first or (any(map(str.isdigit, last)) and any(map(str.isdigit, first)))


def _column(cell: _Cell, goes_on: dict[int, _Cell]) -> Column:
    cells = [cell]
    while (other := goes_on.get(cells[-1].start)) is not None:
        cells.append(other)
    return Column(
        tuple((one.start, one.end) for one in cells), "\n".join(one.text for one in cells)
    )


def _is_cut(column: Column, text: str) -> bool:
    """Does anything stand between its cells in the whole text?"""
    between = itertools.pairwise(column.cells)
    return any(text[upper[1] : lower[0]].strip() for upper, lower in between)
