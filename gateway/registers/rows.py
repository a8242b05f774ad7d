"""What stands in the rows of a table that is registered? Streamed, in bounded memory.

Law: a row that is not like the header is left out, counted and told by its number; no value is ever
told. The file is read, never copied.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.registers.store import RegisterError

_SAMPLE = 64 << 10
_DELIMITERS = ",;\t|"
_LONGEST_CELL = 1 << 20
TOLD = 5
"""Numbers of bad rows that are told."""


@dataclass(slots=True)
class Bad:
    """Rows that were left out: how many, and the numbers of the first ones (lines of a text file)."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def note(self, number: int) -> None:
        """One more, with this number."""
        self.count += 1
        if len(self.first) < TOLD:
            self.first.append(number)


def read(
    path: Path, *, encoding: str | None = None
) -> tuple[list[str], Iterator[Sequence[str]], Bad]:
    """The header, the rows that are like it, and what will be told of the others.

    Raises `RegisterError`, also while rows are read.
    """
    bad = Bad()
    try:
        rows = _sheet(path) if _is_workbook(path) else _lines(path, encoding, bad)
        header = next(rows, None)
    except OSError as error:
        raise RegisterError(f"`{path}` cannot be read: {error.strerror}") from None
    if header is None or not any(cell.strip() for cell in header[1]):
        raise RegisterError(f"`{path}` has no header: its first row names the columns")
    names = [cell.strip() for cell in header[1]]
    return names, _like(names, rows, bad), bad


def terms(path: Path, bad: Bad, *, encoding: str | None = None) -> Iterator[Sequence[str]]:
    """The terms in a file, one in a line. Raises `RegisterError`."""
    try:
        with path.open(encoding=encoding or "utf-8-sig", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                term = line.strip()
                if "\ufffd" in term:
                    bad.note(number)
                elif term:
                    yield [term]
    except LookupError:
        raise RegisterError(f"`{encoding}` is no encoding; write e.g. `cp1252`") from None
    except OSError as error:
        raise RegisterError(f"`{path}` cannot be read: {error.strerror}") from None


def _like(
    names: Sequence[str], rows: Iterator[tuple[int, list[str]]], bad: Bad
) -> Iterator[Sequence[str]]:
    for number, cells in rows:
        if not any(cells):
            continue
        if len(cells) != len(names) or any("\ufffd" in cell for cell in cells):
            bad.note(number)
            continue
        yield cells


def _is_workbook(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in {b"PK\x03\x04", b"\xd0\xcf\x11\xe0"}


def _lines(path: Path, encoding: str | None, bad: Bad) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(_LONGEST_CELL)
    with path.open("rb") as raw:
        sample = raw.read(_SAMPLE)
    if encoding is None:
        wide = sample[:2] in {b"\xff\xfe", b"\xfe\xff"}
        encoding = "utf-16" if wide else "utf-8-sig"
    try:
        text = sample.decode(encoding, "replace")
    except LookupError:
        raise RegisterError(f"`{encoding}` is no encoding; write e.g. `cp1252`") from None
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        reader = csv.reader(file, _dialect(text))
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                bad.note(reader.line_num)
                continue
            yield reader.line_num, cells


def _dialect(sample: str) -> type[csv.Dialect]:
    """The delimiter that parts the header, and quotes as spreadsheets write them.

    `csv.Sniffer` guesses from what stands in cells; names of columns hold no delimiters.
    """
    header = sample.splitlines()[0] if sample.strip() else ""

    class Found(csv.excel):
        delimiter = max(_DELIMITERS, key=header.count)
        quotechar = "'" if header.startswith("'") else '"'

    return Found


def _sheet(path: Path) -> Iterator[tuple[int, list[str]]]:
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415  # only for these

    try:
        rows: Any = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    except CalamineError:
        raise RegisterError(f"`{path}` is no workbook that can be read; save it as CSV") from None
    for number, cells in zip(itertools.count(1), rows, strict=False):
        yield number, [_cell(cell) for cell in cells]


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
