"""What does a body say once its `Content-Encoding` is undone, and how is it done again?

Law: work and memory are bounded by the output limit, whatever the ratio; what cannot be undone
exactly (truncated, followed by other bytes, falsely labelled, unknown) is an error, never a guess.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import brotli
import zstandard

from gateway.model import UnreadReason

MAX_LAYERS = 4
"""More stacked encodings than this serve no one but an attacker."""

MAX_MEMBERS = 10_000
"""Concatenated gzip members or zstd frames; each costs set-up time without giving output."""

MAX_BLOCKS = 200_000
"""Blocks in a zstd stream. An honest 64 MiB body has about 500."""

_FEED = 1 << 16
ZSTD_WINDOW = 8 << 20  # RFC 9659: decoders for content coding support at least, and at most, 8 MB
ALIASES = {"x-gzip": "gzip", "x-deflate": "deflate", "brotli": "br"}


class EncodingError(Exception):
    """A body that could not be decoded. `reason` is for policy, `detail` is a word of ours."""

    def __init__(self, reason: UnreadReason, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"content encoding `{detail}`: {reason.value}")


def parse(value: str) -> tuple[str, ...]:
    """The encodings in the order they were applied (RFC 9110 section 8.4), `identity` left out.

    Raises `EncodingError` for an encoding that we do not know, or more than `MAX_LAYERS`.
    """
    names = []
    for item in value.split(","):
        name = item.strip(" \t").lower()
        name = ALIASES.get(name, name)
        if not name or name == "identity":
            continue
        if name not in _DECODERS:
            raise EncodingError(UnreadReason.UNDECODABLE, "unknown")
        names.append(name)
    if len(names) > MAX_LAYERS:
        raise EncodingError(UnreadReason.EXPANDS_TOO_FAR, "stacked")
    return tuple(names)


def decode(data: bytes, encodings: str, limit: int) -> bytes:
    """Undo all `encodings` (a header value). No layer may give more than `limit` bytes."""
    for layer, name in enumerate(reversed(parse(encodings))):
        if layer and name == "gzip" and _remarked(data, 0):
            raise EncodingError(UnreadReason.UNDECODABLE, name)
        data = _DECODERS[name](data, limit)
    return data


def remarks(data: bytes, encodings: str) -> bytes:
    """What a gzip body says outside its content: the name of a file, a comment, fields of its own.

    `gzip` writes the name, and `curl --data-binary` sends it. Only the header of the outermost member
    may hold any (RFC 1952 section 2.3): all others are `decode`'s errors.
    """
    names = parse(encodings)
    if not names or names[-1] != "gzip" or not _remarked(data, 0):
        return b""
    flags, at = data[3], _GZIP_HEADER
    if flags & _FEXTRA:
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for flag in (_FNAME, _FCOMMENT):
        if flags & flag:
            at = data.find(b"\0", at) + 1
    return data[_GZIP_HEADER:at]


def encode(data: bytes, encodings: str, like: bytes = b"") -> bytes:
    """Apply all `encodings` (a header value) in their order. The same input gives the same bytes.

    `like` is the body as it was: a client that sent `deflate` without the zlib header talks to a
    server that expects none.
    """
    names = parse(encodings)
    for number, name in enumerate(names, 1):
        bare = name == "deflate" and number == len(names) and like and is_raw_deflate(like)
        data = _RAW_DEFLATE(data) if bare else _ENCODERS[name](data)
    return data


# --- gzip and deflate ----------------------------------------------------------------------------


_GZIP_HEADER = 10
_FEXTRA, _FNAME, _FCOMMENT = 4, 8, 16


def _remarked(data: bytes, at: int) -> bool:
    """Does the header of the gzip member at `at` hold more than numbers?"""
    return bool(data[at + 3 : at + 4] and data[at + 3] & (_FEXTRA | _FNAME | _FCOMMENT))


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _FEED):
        yield data[start : start + _FEED]


def _inflate(data: bytes, limit: int, wbits: int, name: str) -> bytes:
    """Inflate `data`, which is one zlib stream, or for gzip any number of members."""
    out: list[bytes] = []
    total = 0
    members = 1
    inflater = zlib.decompressobj(wbits)
    failed = False
    fed = 0
    for piece in _pieces(data):
        rest = piece
        fed += len(piece)
        while rest:
            if inflater.eof:
                # RFC 1952 section 2.2: members follow one another with nothing between them.
                members += 1
                if name != "gzip" or _remarked(data, fed - len(rest)):
                    raise EncodingError(UnreadReason.UNDECODABLE, name)
                if members > MAX_MEMBERS:
                    raise EncodingError(UnreadReason.EXPANDS_TOO_FAR, name)
                inflater = zlib.decompressobj(wbits)
            try:
                chunk = inflater.decompress(rest, limit - total + 1)
            except zlib.error:
                failed = True
                break
            total += len(chunk)
            if total > limit:
                raise EncodingError(UnreadReason.EXPANDS_TOO_FAR, name)
            out.append(chunk)
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        if failed:
            break
    # Not raised inside `except`: the traceback would keep the compressed content alive.
    if failed or not inflater.eof:
        raise EncodingError(UnreadReason.UNDECODABLE, name)
    return b"".join(out)


def _gunzip(data: bytes, limit: int) -> bytes:
    return _inflate(data, limit, 31, "gzip")


def is_raw_deflate(data: bytes) -> bool:
    """Whether a `deflate` body lacks the zlib header that RFC 9110 section 8.4.1.2 asks for."""
    return len(data) < 2 or data[0] & 0x0F != 8 or (data[0] << 8 | data[1]) % 31 != 0


def _undeflate(data: bytes, limit: int) -> bytes:
    return _inflate(data, limit, -15 if is_raw_deflate(data) else 15, "deflate")


def _deflate(wbits: int) -> Callable[[bytes], bytes]:
    def compress(data: bytes) -> bytes:
        deflater = zlib.compressobj(6, zlib.DEFLATED, wbits)
        return deflater.compress(data) + deflater.flush()

    return compress


# --- brotli --------------------------------------------------------------------------------------


def _unbrotli(data: bytes, limit: int) -> bytes:
    out: list[bytes] = []
    total = 0
    decoder = brotli.Decompressor()
    failed = False
    try:
        for piece in _pieces(data):
            feed = piece
            while True:
                if feed and decoder.is_finished():
                    failed = True  # bytes after the end of the stream
                    break
                chunk = decoder.process(feed, output_buffer_limit=min(_FEED, limit - total + 1))
                feed = b""
                total += len(chunk)
                if total > limit:
                    raise EncodingError(UnreadReason.EXPANDS_TOO_FAR, "br")
                out.append(chunk)
                if decoder.can_accept_more_data():
                    break
            if failed:
                break
    except brotli.error:
        failed = True
    if failed or not decoder.is_finished():
        raise EncodingError(UnreadReason.UNDECODABLE, "br")
    return b"".join(out)


def _brotli(data: bytes) -> bytes:
    compressed: bytes = brotli.compress(data, quality=5)
    return compressed


# --- zstandard -----------------------------------------------------------------------------------


def _zstd_spans(data: bytes) -> Iterator[list[tuple[int, int]]]:
    """Each frame of a zstd stream as slices of whole blocks (RFC 8878 section 3.1).

    The library has no output limit per call, and does not tell a truncated stream from a whole
    one. Reading the few bytes of structure gives both: a block never holds more than 128 KiB.
    """
    at, end, frames, blocks = 0, len(data), 0, 0
    while at < end:
        frames += 1
        if frames > MAX_MEMBERS:
            raise EncodingError(UnreadReason.EXPANDS_TOO_FAR, "zstd")
        magic = int.from_bytes(data[at : at + 4], "little")
        if magic & 0xFFFFFFF0 == 0x184D2A50:  # skippable frame: its bytes are content to no one
            raise EncodingError(UnreadReason.UNDECODABLE, "zstd")
        if magic != 0xFD2FB528 or at + 5 > end:
            raise EncodingError(UnreadReason.UNDECODABLE, "zstd")
        descriptor = data[at + 4]
        single = descriptor >> 5 & 1
        size = (single, 2, 4, 8)[descriptor >> 6]
        begin = at
        at += 5 + (0 if single else 1) + (0, 1, 2, 4)[descriptor & 3] + size
        spans: list[tuple[int, int]] = []
        last = False
        while not last:
            if at + 3 > end:
                raise EncodingError(UnreadReason.UNDECODABLE, "zstd")
            header = int.from_bytes(data[at : at + 3], "little")
            last = bool(header & 1)
            at += 3 + (1 if header >> 1 & 3 == 1 else header >> 3)
            blocks += 1
            if blocks > MAX_BLOCKS:
                raise EncodingError(UnreadReason.EXPANDS_TOO_FAR, "zstd")
            spans.append((begin, at))
            begin = at
        if descriptor >> 2 & 1:
            at += 4
            spans[-1] = (spans[-1][0], at)
        if at > end:
            raise EncodingError(UnreadReason.UNDECODABLE, "zstd")
        yield spans


def _unzstd(data: bytes, limit: int) -> bytes:
    out: list[bytes] = []
    total = 0
    failed = not data
    for spans in _zstd_spans(data):
        decoder = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
        try:
            for begin, end in spans:
                chunk = decoder.decompress(data[begin:end])
                total += len(chunk)
                if total > limit:
                    raise EncodingError(UnreadReason.EXPANDS_TOO_FAR, "zstd")
                out.append(chunk)
        except zstandard.ZstdError:
            failed = True
        if failed or not decoder.eof:
            failed = True
            break
    if failed:
        raise EncodingError(UnreadReason.UNDECODABLE, "zstd")
    return b"".join(out)


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(data)


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
_RAW_DEFLATE = _deflate(-15)
_ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": _deflate(31),
    "deflate": _deflate(15),
    "br": _brotli,
    "zstd": _zstd,
}
