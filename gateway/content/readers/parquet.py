"""What is in a Parquet file? All rows of all columns, under their names, and what its foot says besides.

Law: without the package `pyarrow` (the extra `parquet`) the file is `Missed`, and the reason says so.
Rows are decoded a few at a time within the budget, by one thread; a group of rows that is encrypted
or damaged is `Missed`. What lies outside the columns is looked through for words.
Format: https://parquet.apache.org/docs/file-format/.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from gateway.content.readers.cells import Cells
from gateway.content.readers.strings import printable
from gateway.content.readers.xmltext import PIECE
from gateway.content.reading import Budget, Embedded, FileLimits, Missed, Said, Stop, Text
from gateway.model import UnreadReason

_BATCH = 512
"""Rows that are decoded at a time."""

_ENCRYPTED_FOOT = b"PARE"
_END = 8
"""Bytes behind the foot: its length, and the mark."""

_SCHEMA = b"ARROW:schema"
"""Where Arrow writes the types of the columns once more, in base64."""

_GAPS = 256
"""Bytes that may lie between the columns, for what aligns them."""

_MOST_HEADING = 4_096
"""Code points of the names that stand over each text of rows; more stand over the first one only."""


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Names, rows joined by tabs, values that are files, words of the foot and between the columns."""
    if _LIBRARY is None:
        yield Missed("", UnreadReason.UNSUPPORTED_FILE, len(data), "install the extra parquet")
        return
    if data.startswith(_ENCRYPTED_FOOT):
        raise Stop(UnreadReason.ENCRYPTED, "parquet")
    yield from _LIBRARY.read(data, budget)


class _Library:
    """`pyarrow`, made ready for a confined process."""

    def __init__(self, arrow: Any, parquet: Any) -> None:
        self._arrow, self._parquet = arrow, parquet
        self._errors = (arrow.ArrowException, OSError, ValueError)
        arrow.set_memory_pool(arrow.system_memory_pool())
        arrow.set_cpu_count(1)
        # What the library loads with its first work, it could not load there.
        for _ in self.read(self._sample(), Budget(FileLimits(seconds=60), 1 << 20)):
            pass

    def _sample(self) -> bytes:
        arrow = self._arrow
        moments = arrow.array([0]).cast(arrow.timestamp("us", tz="UTC"))
        table = arrow.table(
            {
                "words": ["word"],
                "number": [1.5],
                "inner": [{"list": [1]}],
                "moment": moments,
                "price": arrow.array([Decimal("1.5")]),
                "raw": [b"raw"],
            }
        )
        out = io.BytesIO()
        self._parquet.write_table(table, out)
        return out.getvalue()

    def read(self, data: bytes, budget: Budget) -> Iterator[Said]:
        """Everything that the file says."""
        file = self._parquet.ParquetFile(self._arrow.BufferReader(data), pre_buffer=False)
        foot, schema = file.metadata, file.schema_arrow
        yield from _besides(data, foot, budget)
        yield from _named(schema.metadata or {}, budget)
        heading = "\t".join(schema.names)
        budget.text(len(heading))
        yield Text("columns", heading)
        if len(heading) > _MOST_HEADING:
            heading = ""
        for group in range(foot.num_row_groups):
            budget.page()
            place = f"group[{group}]"
            if max(0, foot.row_group(group).total_byte_size) > budget.room():
                raise Stop(UnreadReason.EXPANDS_TOO_FAR, "size")
            cells = Cells()
            try:
                yield from _texts(place, heading, self._rows(file, group, cells, budget), cells)
            except MemoryError:  # one of Arrow's is both
                raise
            except self._errors as error:
                # Its message may quote the file; whether it speaks of a cipher is all that is used.
                hidden = "crypt" in str(error).lower()
                reason = UnreadReason.ENCRYPTED if hidden else UnreadReason.MALFORMED
                yield Missed(place, reason, 0, "rows")
            else:
                if not _is_whole(foot.row_group(group)):
                    yield Missed(place, UnreadReason.MALFORMED, 0, "rows")
            if cells.unknown:
                yield Missed(place, UnreadReason.UNSUPPORTED_FILE, detail="values")

    def _rows(self, file: Any, group: int, cells: Cells, budget: Budget) -> Iterator[str]:
        batches = file.iter_batches(batch_size=_BATCH, row_groups=[group], use_threads=False)
        for batch in batches:
            plain = [self._undone(column) for column in batch.columns]
            budget.expand(sum(column.nbytes for column in plain))
            columns = [self._column(column, cells) for column in plain]
            for row in zip(*columns, strict=True):
                line = "\t".join(row)
                budget.text(len(line) + 1)
                yield line

    def _undone(self, column: Any) -> Any:
        """A column whose values stand in it, not in a table beside it."""
        decoded = self._arrow.types.is_dictionary(column.type)
        return column.dictionary_decode() if decoded else column

    def _column(self, column: Any, cells: Cells) -> list[str]:
        """What the values of a column say, one by one; nothing for those that are not there."""
        types = self._arrow.types
        # A zone's rules would have to be read from a file; without one, it is the time of UTC.
        column = column.cast(self._typed(column.type, self._without_zone))
        column = column.cast(self._typed(column.type, self._as_words))
        if types.is_string(column.type):
            return [value or "" for value in column.to_pylist()]
        return [_said(value, cells) for value in column.to_pylist()]

    def _typed(self, kind: Any, leaf: Callable[[Any], Any]) -> Any:
        """The type `kind` with each type within it that holds no other as `leaf` says."""
        arrow, types = self._arrow, self._arrow.types
        if types.is_struct(kind):
            fields = [kind.field(number) for number in range(kind.num_fields)]
            return arrow.struct([each.with_type(self._typed(each.type, leaf)) for each in fields])
        if types.is_map(kind):
            return arrow.map_(self._typed(kind.key_type, leaf), self._typed(kind.item_type, leaf))
        if types.is_list(kind) or types.is_large_list(kind):
            make = arrow.list_ if types.is_list(kind) else arrow.large_list
            return make(kind.value_field.with_type(self._typed(kind.value_type, leaf)))
        return leaf(kind)

    def _without_zone(self, kind: Any) -> Any:
        if self._arrow.types.is_timestamp(kind):
            return self._arrow.timestamp(kind.unit)
        return kind

    def _as_words(self, kind: Any) -> Any:
        """Text for what becomes text as people write it; the rest is Python's to say."""
        types = self._arrow.types
        if types.is_duration(kind):
            return self._arrow.int64()
        as_they_are = (
            types.is_floating(kind) or types.is_binary(kind) or types.is_large_binary(kind)
        )
        if as_they_are or types.is_fixed_size_binary(kind) or types.is_null(kind):
            return kind
        plain = types.is_primitive(kind) or types.is_decimal(kind) or types.is_large_string(kind)
        return self._arrow.string() if plain else kind


def _is_whole(group: Any) -> bool:
    """Does a group of rows say of all its columns that they have as many values as it has rows?

    One that says of fewer would have the others left out.
    """
    columns = [group.column(number) for number in range(group.num_columns)]
    return group.num_rows >= 0 and all(
        chunk.num_values == group.num_rows
        or (chunk.num_values > group.num_rows > 0 and "." in chunk.path_in_schema)
        for chunk in columns
    )


def _load() -> _Library | None:
    # Its own allocators reserve a gigabyte, which counts as this process's, and ask the system for
    # what a confined process may not have.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    try:
        arrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        return None
    return _Library(arrow, parquet)


def _said(value: object, cells: Cells) -> str:
    """A value in words, one of several values as JSON."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bytes():
            return cells.words(value) or ""
        case float():
            return f"{value:.0f}" if value.is_integer() else repr(value)
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, default=lambda inner: _said(inner, cells))
    return str(value)


def _texts(place: str, heading: str, rows: Iterable[str], cells: Cells) -> Iterator[Said]:
    """The rows in texts, the names of the columns over each."""
    held: list[str] = []
    size = pieces = files = 0

    def text() -> Text:
        over = [heading] if heading else []
        return Text(f"{place}.rows[{pieces}]", "\n".join((*over, *held)))

    try:
        for line in rows:
            held.append(line)
            size += len(line) + 1
            for value in cells.taken():
                yield Embedded(f"{place}.file[{files}]", value)
                files += 1
            if size >= PIECE:
                yield text()
                held.clear()
                size, pieces = 0, pieces + 1
    except Exception:
        # What was read before stays said.
        if held:
            yield text()
        raise
    if held:
        yield text()


def _named(metadata: dict[bytes, bytes], budget: Budget) -> Iterator[Said]:
    """What programs wrote about the file, name by name."""
    lines = []
    for name, value in metadata.items():
        if name == _SCHEMA:
            try:
                lines.append(printable(base64.b64decode(value)))
            except (binascii.Error, ValueError):
                lines.append(printable(value))
        else:
            lines.append(f"{name.decode('utf-8', 'replace')}: {value.decode('utf-8', 'replace')}")
    text = "\n".join(lines)
    budget.text(len(text))
    if text.strip():
        yield Text("properties", text, hidden=True)


def _besides(data: bytes, foot: Any, budget: Budget) -> Iterator[Said]:
    """Words that stand in no column: least and greatest values, indices, what was left over."""
    spans: list[tuple[int, int]] = [(0, len(_ENCRYPTED_FOOT))]
    indexed = False  # then what stands behind the columns is that
    for group in range(foot.num_row_groups):
        row_group = foot.row_group(group)
        for number in range(row_group.num_columns):
            budget.tick()
            chunk = row_group.column(number)
            indexed = indexed or chunk.has_offset_index or chunk.has_column_index
            starts = [chunk.data_page_offset]
            if chunk.dictionary_page_offset:
                starts.append(chunk.dictionary_page_offset)
            first = max(0, min(starts))
            spans.append((first, first + max(0, chunk.total_compressed_size)))
    found: list[str] = []
    at = gaps = 0
    for first, last in sorted(spans):
        if first > at:
            gaps += first - at
            found.append(printable(data[at:first]))
        at = max(at, last)
    begins = len(data) - _END - int.from_bytes(data[-_END : -_END + 4], "little")
    if not indexed:
        gaps += begins - at
    if gaps > _GAPS:
        # Columns that the foot does not name, packed: words would not show.
        yield Missed("", UnreadReason.MALFORMED, gaps, "gaps")
    schema = (foot.metadata or {}).get(_SCHEMA, b"")
    rest = data[at:-_END]
    found.append(printable(rest.replace(schema, b"") if schema else rest))
    text = "\n".join(part for part in found if part)
    budget.text(len(text))
    if text.strip():
        yield Text("foot", text, hidden=True)


_LIBRARY = _load()
