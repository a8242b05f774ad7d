"""What is in a single compressed file? The file, and names and comments of its header.

Law: inflated in steps and never beyond the budget; what follows the compressed data is read too.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterator

import zstandard

from gateway.content.reading import Budget, Embedded, Missed, Said, Stop, Text
from gateway.model import UnreadReason

_CHUNK = 1 << 16
_GZIP, _BZIP, _XZ, _ZSTD = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"(\xb5/\xfd"
_GZIP_COMMENT, _GZIP_NAME, _GZIP_EXTRA, _GZIP_CRC = 16, 8, 4, 2
_XZ_MEMORY = 256 << 20
_ZSTD_WINDOW = 1 << 27


def read(data: bytes, budget: Budget) -> Iterator[Said]:
    """The file within, all its members joined as the format says."""
    out = bytearray()
    rest = data
    problem: Missed | None = None
    magic = next((m for m in (_GZIP, _BZIP, _XZ, _ZSTD) if data.startswith(m)), b"")
    number = 0
    while rest.startswith(magic):
        budget.tick()
        if magic == _GZIP:
            yield from _gzip_header(rest, number)
        number += 1
        try:
            rest = _member(rest, magic, out, budget)
        except Stop as stop:
            problem = Missed("file", stop.reason, len(data), stop.detail)
            break
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError):
            problem = Missed("file", UnreadReason.MALFORMED, len(data), "compressed data")
            break
        if magic == _XZ:
            rest = rest.lstrip(b"\0")  # stream padding
        if not rest:
            break
    if out or problem is None:
        yield Embedded("file", bytes(out))
    if problem is not None:
        yield problem
        if problem.reason is UnreadReason.EXPANDS_TOO_FAR:
            raise Stop(problem.reason, problem.detail)
    elif rest.strip(b"\0"):
        yield Embedded("gap[0]", rest, hidden=True)


def _member(data: bytes, magic: bytes, out: bytearray, budget: Budget) -> bytes:
    """Inflate one member into `out`; what follows it."""
    if magic == _GZIP:
        inflate = zlib.decompressobj(wbits=31)
        source = data
        while not inflate.eof:
            piece = inflate.decompress(source, min(_CHUNK, budget.room() + 1))
            budget.expand(len(piece))
            out += piece
            source = inflate.unconsumed_tail
            if not piece and not source and not inflate.eof:
                raise EOFError
        return inflate.unused_data
    if magic == _ZSTD:
        return _zstd(data, out, budget)
    stream: bz2.BZ2Decompressor | lzma.LZMADecompressor = (
        bz2.BZ2Decompressor()
        if magic == _BZIP
        else lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    )
    feed = data
    while not stream.eof:
        piece = stream.decompress(feed, min(_CHUNK, budget.room() + 1))
        feed = b""
        budget.expand(len(piece))
        out += piece
        if not piece and not stream.eof and stream.needs_input:
            raise EOFError
    return stream.unused_data


def _zstd(data: bytes, out: bytearray, budget: Budget) -> bytes:
    machine = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
    # It has no limit on its output, so it is fed little: a block gives 128 KiB at the most, and
    # takes four bytes at the least.
    at = 0
    while at < len(data) and not machine.eof:
        piece = machine.decompress(data[at : at + 64])
        at += 64
        budget.expand(len(piece))
        out += piece
    if not machine.eof:
        raise EOFError
    return machine.unused_data + data[at:]


def _gzip_header(data: bytes, number: int) -> Iterator[Said]:
    """Extra field, name and comment (RFC 1952, section 2.3)."""
    flags = data[3] if len(data) > 10 else 0
    at = 10
    if flags & _GZIP_EXTRA:
        size = int.from_bytes(data[at : at + 2], "little")
        extra = data[at + 2 : at + 2 + size]
        at += 2 + size
        if size:
            yield Embedded(f"header[{number}].extra", extra, hidden=True)
    for flag, place, hidden in ((_GZIP_NAME, "name", False), (_GZIP_COMMENT, "comment", True)):
        if flags & flag:
            end = data.find(b"\0", at)
            if end < 0:
                return
            yield Text(f"header[{number}].{place}", data[at:end].decode("latin-1"), hidden=hidden)
            at = end + 1
