"""What is in a SQLite file? All rows of all tables, the schema, and pages that were given up.

Law: opened in memory, read only, with the schema distrusted; no view, trigger or function of the
file runs. Deleted rows are found where their whole page was freed; what is left of them inside a
page in use is not looked for. Format: https://www.sqlite.org/fileformat.html.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator

from gateway.content.readers.cells import Cells
from gateway.content.readers.strings import printable
from gateway.content.readers.xmltext import PIECE
from gateway.content.reading import Budget, Embedded, Fact, Missed, Said, Text
from gateway.model import UnreadReason


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Schema, rows of each table joined by tabs, values that are files, freed pages."""
    raw = bytearray(data)
    if raw[18:20] == b"\x02\x02":
        raw[18:20] = b"\x01\x01"  # the log of a file in WAL mode is not in the upload
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(bytes(raw))
        connection.text_factory = lambda value: value.decode("utf-8", "replace")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, max(1, min(budget.room(), 1 << 30)))
        for pragma in ("trusted_schema=0", "query_only=1", "temp_store=2", "cell_size_check=1"):
            connection.execute(f"PRAGMA {pragma}")
        yield from _tables(connection, budget)
    finally:
        connection.close()
    yield from _freed(data, budget)


def _tables(connection: sqlite3.Connection, budget: Budget) -> Iterator[Said]:
    schema = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    text = "\n".join(str(sql or name) for _, name, sql in schema)
    budget.text(len(text))
    if text.strip():
        yield Text("schema", text, hidden=True)
    tables = [str(name) for kind, name, sql in schema if kind == "table" and _is_plain(sql)]
    for number, name in enumerate(tables):
        budget.page()
        place = f"table[{number}]"
        quoted = '"' + name.replace('"', '""') + '"'
        held: list[str] = []
        size = pieces = files = 0
        cells = Cells()
        try:
            for row in connection.execute(f"SELECT * FROM {quoted}"):  # noqa: S608  # quoted
                budget.tick()
                words = [
                    said
                    for value in row
                    if value is not None
                    and (said := cells.words(value) if isinstance(value, bytes) else str(value))
                    is not None
                ]
                for value in cells.taken():
                    yield Embedded(f"{place}.file[{files}]", value)
                    files += 1
                line = "\t".join(words)
                held.append(line)
                size += len(line) + 1
                budget.text(len(line))
                if size >= PIECE:
                    yield Text(f"{place}.rows[{pieces}]", "\n".join(held))
                    held, size, pieces = [], 0, pieces + 1
        except sqlite3.Error:
            yield Missed(place, UnreadReason.MALFORMED, detail="table")
        if held:
            yield Text(f"{place}.rows[{pieces}]", "\n".join(held))
        if cells.unknown:
            yield Missed(place, UnreadReason.UNSUPPORTED_FILE, detail="values")
    if tables:
        yield Fact("pages", len(tables))


def _is_plain(sql: object) -> bool:
    """Virtual tables run code of modules; the tables behind them are read themselves."""
    return not str(sql).lstrip().upper().startswith("CREATE VIRTUAL")


def _freed(data: bytes, budget: Budget) -> Iterator[Said]:
    """Words on pages of the free list."""
    (size,) = struct.unpack_from(">H", data, 16)
    size = 65_536 if size == 1 else size
    (trunk,) = struct.unpack_from(">I", data, 32)
    seen: set[int] = set()
    found: list[str] = []
    while trunk and trunk not in seen and (trunk - 1) * size + 8 <= len(data):
        budget.tick()
        start = (trunk - 1) * size
        seen.add(trunk)
        trunk, count = struct.unpack_from(">II", data, start)
        count = min(count, size // 4 - 2, (len(data) - start) // 4 - 2)
        for page in struct.unpack_from(f">{max(count, 0)}I", data, start + 8):
            if page and page not in seen:
                seen.add(page)
                found.append(printable(data[(page - 1) * size : page * size]))
    text = "\n".join(found)
    if text.strip():
        budget.text(len(text))
        yield Fact("hidden", value=True)
        yield Text("freed", text, hidden=True)
