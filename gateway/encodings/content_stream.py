"""What does a content-encoded body say while it still comes?

Law: memory is bounded by what one step gives, whatever the ratio. `content_encoding` undoes a body
that is there, and knows the names and limits.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, Protocol

import brotli
import zstandard

from gateway.encodings.content_encoding import ALIASES, ZSTD_WINDOW, is_raw_deflate

ERRORS: Final = (zlib.error, brotli.error, zstandard.ZstdError)
"""What a decoder raises for bytes that are not encoded as they say."""

_SLICE: Final = 1 << 10
_PIECE: Final = 1 << 20


class Decoder(Protocol):
    """Undoes a content encoding bit by bit."""

    @property
    def is_done(self) -> bool:
        """Whether what came so far is whole."""
        ...

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` adds, a little at a time."""
        ...


class Identity:
    """No encoding."""

    is_done = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        yield data


class _Inflate:
    """gzip, and zlib with or without its header."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._decoder = zlib.decompressobj(wbits)
        self._begun = False

    @property
    def is_done(self) -> bool:
        """See `Decoder`."""
        return self._decoder.eof or not self._begun

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        while data:
            if self._decoder.eof:
                # "A gzip file consists of a series of members" (RFC 1952 §2.2); all else is padding.
                if not data.startswith(b"\x1f"):
                    return
                self._decoder = zlib.decompressobj(self._wbits)
            self._begun = True
            yield self._decoder.decompress(data, _PIECE)
            data = self._decoder.unconsumed_tail or self._decoder.unused_data


class _Deflate:
    """deflate, with the zlib header that RFC 9110 §8.4.1.2 asks for or, as some send it, without.

    The first two bytes tell; until both are there, nothing is undone.
    """

    def __init__(self) -> None:
        self._head = b""
        self._inner: _Inflate | None = None

    @property
    def is_done(self) -> bool:
        """See `Decoder`."""
        return not self._head if self._inner is None else self._inner.is_done

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        if self._inner is None:
            data = self._head = self._head + data
            if len(data) < 2:
                return
            self._inner = _Inflate(-15 if is_raw_deflate(data) else 15)
        yield from self._inner.feed(data)


class _Brotli:
    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()
        self._begun = False

    @property
    def is_done(self) -> bool:
        """See `Decoder`."""
        return self._decoder.is_finished() or not self._begun

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        self._begun = self._begun or bool(data)
        yield self._decoder.process(data, output_buffer_limit=_PIECE)
        while not self._decoder.can_accept_more_data():
            yield self._decoder.process(b"", output_buffer_limit=_PIECE)


class _Zstd:
    def __init__(self) -> None:
        self._decoder = self._new()
        self._begun = False

    @staticmethod
    def _new() -> zstandard.ZstdDecompressionObj:
        return zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()

    @property
    def is_done(self) -> bool:
        """See `Decoder`."""
        return self._decoder.eof or not self._begun

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        # The library has no limit for what one call gives: little goes in at once.
        for at in range(0, len(data), _SLICE):
            left = data[at : at + _SLICE]
            while left:
                if self._decoder.eof:  # another frame (RFC 8878 §3.1)
                    self._decoder = self._new()
                self._begun = True
                yield self._decoder.decompress(left)
                left = self._decoder.unused_data


def decoder(encoding: str) -> Decoder | None:
    """What undoes a content encoding; None for one that nobody here knows."""
    name = encoding.strip().lower()
    match ALIASES.get(name, name):
        case "" | "identity":
            return Identity()
        case "gzip":
            return _Inflate(31)
        case "deflate":
            return _Deflate()
        case "br":
            return _Brotli()
        case "zstd":
            return _Zstd()
    return None
