"""How do the cells of an old workbook show their numbers? With the signs of their formats, as in new ones.

Law: only what shows differently from what is stored is said; what is no number here, or damaged, is not.
Format: MS-XLS 2.4, of Excel 97 and later.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from gateway.content.readers import numbers
from gateway.content.reading import Budget

_FORMAT, _XF, _SHEET, _SINCE_1904 = 0x041E, 0x00E0, 0x0085, 0x0022
_BEGIN, _END = 0x0809, 0x000A
_NUMBER, _SHORT, _SHORTS, _FORMULA = 0x0203, 0x027E, 0x00BD, 0x0006

type Cells = dict[tuple[int, int], str]
"""Row and column, from 0, and what stands there."""


def shown(content: bytes, budget: Budget) -> list[Cells]:
    """For each sheet of the stream `Workbook`, in its order, the cells that show other signs than are stored."""
    codes: dict[str, str] = {}
    styles: list[str] = []
    begins: list[int] = []
    since_1904 = False
    for kind, body in _part(content, 0):
        budget.tick()
        if kind == _FORMAT and len(body) >= 5:
            number, size, wide = struct.unpack_from("<HHB", body)
            raw = body[5 : 5 + size * (1 + (wide & 1))]
            codes[str(number)] = raw.decode("utf-16-le" if wide & 1 else "latin-1", "replace")
        elif kind == _XF and len(body) >= 4:
            styles.append(str(int.from_bytes(body[2:4], "little")))
        elif kind == _SHEET and len(body) >= 4:
            begins.append(int.from_bytes(body[:4], "little"))
        elif kind == _SINCE_1904:
            since_1904 = body[:1] == b"\1"
    formats = numbers.by_style(styles, codes, since_1904=since_1904)
    return [_cells(content, begin, formats, budget) if formats else {} for begin in begins]


def records(content: bytes, at: int = 0) -> Iterator[tuple[int, bytes]]:
    """The records from `at` on: what kind each is of, and what it holds, as far as there is of it."""
    while at + 4 <= len(content):
        kind, size = struct.unpack_from("<HH", content, at)
        yield kind, content[at + 4 : at + 4 + size]
        at += 4 + size


def _part(content: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Those of one part of the workbook: it ends with the mark that is its own."""
    depth = 0
    for kind, body in records(content, at):
        depth += (kind == _BEGIN) - (kind == _END)
        if depth <= 0:
            return
        if depth == 1:
            yield kind, body


def _cells(
    content: bytes, begin: int, formats: Mapping[str, numbers.Format], budget: Budget
) -> Cells:
    cells: Cells = {}
    for kind, body in _part(content, begin):
        budget.tick()
        for row, column, style, number in _numbers(kind, body):
            form = formats.get(str(style))
            if form is None or not number.is_integer() or not 0 <= number < 1e18:
                continue
            stored = str(int(number))
            said = numbers.read(stored, form)
            if said != stored:
                cells[row, column] = said
    return cells


def _numbers(kind: int, body: bytes) -> Iterator[tuple[int, int, int, float]]:
    """Row, column, style and number of each cell of a record."""
    if kind in {_NUMBER, _FORMULA} and len(body) >= 14:
        row, column, style, number = struct.unpack_from("<HHHd", body)
        if kind == _NUMBER or body[12:14] != b"\xff\xff":  # which is a word, or an error
            yield row, column, style, number
    elif kind == _SHORT and len(body) >= 10:
        row, column, style, short = struct.unpack_from("<HHHI", body)
        yield row, column, style, _long(short)
    elif kind == _SHORTS and len(body) >= 6:
        row, column = struct.unpack_from("<HH", body)
        for number, at in enumerate(range(4, len(body) - 7, 6)):
            style, short = struct.unpack_from("<HI", body, at)
            yield row, column + number, style, _long(short)


def _long(short: int) -> float:
    """A number in 30 bits, whole or the first of a longer one, perhaps in hundredths (MS-XLS 2.5.122)."""
    if short & 2:
        number = float((short >> 2) - ((short & 0x80000000) >> 1))
    else:
        (number,) = struct.unpack("<d", struct.pack("<II", 0, short & ~3))
    return number / 100 if short & 1 else number
