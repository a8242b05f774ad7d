"""What is in a zip archive? Each entry, streamed, and whatever lies between the entries.

Law: entries never overlap, each byte of the file belongs to an entry, the directory or an
`Embedded` leftover, and nothing is inflated beyond the budget. Format: PKWARE APPNOTE 6.3.10.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.content.reading import Budget, Embedded, Missed, Said, Stop, Text
from gateway.model import UnreadReason

_CHUNK = 1 << 16
_ENCRYPTED, _DESCRIBED_AFTER = 0x1, 0x8
_METHODS = frozenset(
    {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
)
_DESCRIPTORS = frozenset({12, 16, 20, 24})
_ALIGNMENT = 1 << 12
"""Zeros up to this length between entries are padding (`zipalign`)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive; `number` is its position in the directory."""

    number: int
    info: zipfile.ZipInfo = field(repr=False)

    @property
    def name(self) -> str:
        """The name as the directory has it, with slashes."""
        return self.info.filename


class Archive:
    """A zip archive that was found sound: `entries` do not overlap.

    Raises `zipfile.BadZipFile` when there is no directory, `Stop` when entries overlap.
    """

    def __init__(self, data: bytes, budget: Budget) -> None:
        self._data = data
        self._budget = budget
        self._zip = zipfile.ZipFile(io.BytesIO(data))
        self.entries = tuple(
            Entry(number, info)
            for number, info in enumerate(self._zip.infolist())
            if not info.is_dir()
        )
        self.gaps = self._gaps()

    @property
    def comment(self) -> bytes:
        """The archive's own comment."""
        return self._zip.comment

    def inflate(self, entry: Entry) -> Iterator[bytes]:
        """The bytes of an entry, some at a time. `Stop` when encrypted, unknown or over a limit."""
        if entry.info.flag_bits & _ENCRYPTED:
            raise Stop(UnreadReason.ENCRYPTED, "zip")
        if entry.info.compress_type not in _METHODS:
            raise Stop(UnreadReason.UNSUPPORTED_FILE, "zip method")
        size = 0
        with self._zip.open(entry.info) as stream:
            while chunk := stream.read(min(_CHUNK, self._budget.room() + 1)):
                self._budget.expand(len(chunk))
                size += len(chunk)
                yield chunk
        if size != entry.info.file_size:
            raise Stop(UnreadReason.MALFORMED, "zip size")

    def whole(self, entry: Entry) -> bytes:
        """All bytes of an entry; as `inflate`."""
        return b"".join(self.inflate(entry))

    def _gaps(self) -> tuple[tuple[int, int], ...]:
        """Stretches of the file that no entry covers, before the directory."""
        at = 0
        gaps = []
        start_of_directory = self._zip.start_dir
        for info in sorted(self._zip.infolist(), key=lambda info: info.header_offset):
            self._budget.tick()
            start = info.header_offset
            if start < at:
                raise Stop(UnreadReason.EXPANDS_TOO_FAR, "overlap")
            if start > at:
                gaps.append((at, start))
            head = self._data[start : start + 30]
            if len(head) < 30 or head[:4] != b"PK\x03\x04":
                raise Stop(UnreadReason.MALFORMED, "zip header")
            name, extra = struct.unpack_from("<HH", head, 26)
            at = start + 30 + name + extra + info.compress_size
            if name_of_local(self._data, start) != name_of(info):
                raise Stop(UnreadReason.MALFORMED, "zip names differ")
            flags, method = struct.unpack_from("<HH", head, 6)
            if method != info.compress_type or (flags ^ info.flag_bits) & _ENCRYPTED:
                raise Stop(UnreadReason.MALFORMED, "zip headers differ")
            if info.flag_bits & _DESCRIBED_AFTER:
                at += self._descriptor(at)
        if at > start_of_directory:
            raise Stop(UnreadReason.EXPANDS_TOO_FAR, "overlap")
        if at < start_of_directory:
            gaps.append((at, start_of_directory))
        return tuple(
            (start, end)
            for start, end in gaps
            if end - start > _ALIGNMENT or self._data[start:end].strip(b"\0")
        )

    def _descriptor(self, at: int) -> int:
        """Length of the data descriptor at `at`: with or without mark, 32 or 64 bits."""
        marked = self._data[at : at + 4] == b"PK\x07\x08"
        for size in (16, 24) if marked else (12, 20):
            if self._data[at + size : at + size + 2] == b"PK":
                return size
        return 16 if marked else 12


def name_of(info: zipfile.ZipInfo) -> bytes:
    """The name as it stands in the directory."""
    raw = info.orig_filename
    return raw.encode("utf-8" if info.flag_bits & 0x800 else "cp437", "replace")


def name_of_local(data: bytes, start: int) -> bytes:
    """The name as it stands before the entry."""
    (length,) = struct.unpack_from("<H", data, start + 26)
    return data[start + 30 : start + 30 + length]


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """Every entry as a file of its own, comments and leftovers."""
    archive = Archive(data, budget)
    if archive.comment:
        yield Text("comment", archive.comment.decode("utf-8", "replace"), hidden=True)
    for entry in archive.entries:
        place = f"entry[{entry.number}]"
        info = entry.info
        if info.comment:
            yield Text(f"{place}.comment", info.comment.decode("utf-8", "replace"), hidden=True)
        try:
            content = archive.whole(entry)
        except Stop as stop:
            yield Text(f"{place}.name", entry.name)
            yield Missed(place, stop.reason, info.compress_size, stop.detail)
            budget.tick()
            if stop.reason is UnreadReason.EXPANDS_TOO_FAR:
                raise
            continue
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError):
            yield Text(f"{place}.name", entry.name)
            yield Missed(place, UnreadReason.MALFORMED, info.compress_size, "zip entry")
            continue
        yield Embedded(place, content, name=entry.name)
    yield from leftovers(data, archive)


def leftovers(data: bytes, archive: Archive) -> Iterator[Said]:
    """Bytes that no entry covers: other software may see a file in them."""
    for number, (start, end) in enumerate(archive.gaps):
        yield Embedded(f"gap[{number}]", data[start:end], hidden=True)
