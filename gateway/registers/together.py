"""Do enough values of one row stand together? Law: values of different rows never add up, nor does one
place in a text that may be two columns.

Told of as "2 of name, birth, iban within 200": from the end of the first to the start of the last
there are so many characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.registers.tables import Cell, Table

MOST_WITHIN = 2_000
_WITHIN = 200

_RULE = re.compile(r"\s*(\d{1,2})\s+of\s+(.+?)(?:\s+within\s+(\d{1,6}))?\s*", re.DOTALL)

_ROWS = 200
"""Rows that are looked at one by one, where many have the same values."""


@dataclass(frozen=True, slots=True)
class Together:
    """So many of these columns within so many characters."""

    least: int
    columns: tuple[str, ...]
    within: int = _WITHIN

    @classmethod
    def parse(cls, text: str) -> Together:
        """Raises `ValueError`."""
        found = _RULE.fullmatch(text)
        if found is None:
            raise ValueError(f"`{text}` is not like `2 of name, birth, iban within 200`")
        columns = tuple(re.split(r"\s*,\s*|\s+", found[2].strip().strip(",")))
        least, within = int(found[1]), int(found[3] or _WITHIN)
        if len(set(columns)) < len(columns):
            raise ValueError(f"`{text}` names a column twice")
        if not 2 <= least <= len(columns):
            raise ValueError(
                f"`{text}` asks for {least} of {len(columns)} columns; for 2 or more of them, please"
                " (`alone` is for a column that suffices by itself)"
            )
        if not 1 <= within <= MOST_WITHIN:
            raise ValueError(f"`{text}` reaches over {within} characters; at most {MOST_WITHIN}")
        return cls(least, columns, within)


def matched(table: Table, rules: Sequence[Together], cells: Sequence[Cell]) -> set[Cell]:
    """The cells that belong to a match of some rule."""
    found: set[Cell] = set()
    for rule in rules:
        wanted = {table.columns.index(name) for name in rule.columns}
        found |= _matched(table, rule, [cell for cell in cells if cell.column in wanted])
    return found


def _matched(table: Table, rule: Together, cells: list[Cell]) -> set[Cell]:
    found: set[Cell] = set()
    cells.sort(key=lambda cell: (cell.start, cell.end, cell.column, cell.value))
    shared: dict[tuple[int, int], NDArray[np.uint32]] = {}

    def common(one: int, other: int) -> NDArray[np.uint32]:
        key = (one, other) if one < other else (other, one)
        rows = shared.get(key)
        if rows is None:
            rows = shared[key] = _both(table.rows(key[0]), table.rows(key[1]))
        return rows

    for at, first in enumerate(cells):
        near: list[tuple[Cell, NDArray[np.uint32]]] = []
        for other in _after(cells, at, rule.within):
            if other.column == first.column:
                continue
            rows = common(first.value, other.value)
            if len(rows):
                near.append((other, rows))
        if len(near) + 1 < rule.least:
            continue
        for row in _candidates((rows for _, rows in near), rule.least - 1):
            beside = [cell for cell, rows in near if _has(rows, row)]
            if 1 + _apart(beside) >= rule.least:
                found.add(first)
                found.update(beside)
    return found


def _after(cells: Sequence[Cell], at: int, within: int) -> Iterator[Cell]:
    first = cells[at]
    for other in cells[at + 1 :]:
        if other.start - first.end > within:
            return
        if other.start >= first.end:
            yield other


def _both(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """What two ascending arrays share."""
    few, many = (one, other) if len(one) <= len(other) else (other, one)
    at = np.searchsorted(many, few)
    at[at == len(many)] = 0
    return few[many[at] == few] if len(many) else few[:0]


def _candidates(rows: Iterable[NDArray[np.uint32]], least: int) -> Iterator[int]:
    """Rows that stand in so many of the arrays."""
    all_rows, counts = np.unique(np.concatenate(list(rows)), return_counts=True)
    yield from all_rows[counts >= least][:_ROWS].tolist()


def _has(rows: NDArray[np.uint32], row: int) -> bool:
    at = int(np.searchsorted(rows, row))
    return at < len(rows) and int(rows[at]) == row


def _apart(cells: Sequence[Cell]) -> int:
    """How many columns are met, each at a place of its own."""
    count, reached = 0, -1
    met: set[int] = set()
    for cell in sorted(cells, key=lambda one: one.end):
        if cell.start >= reached and cell.column not in met:
            met.add(cell.column)
            reached, count = cell.end, count + 1
    return count
