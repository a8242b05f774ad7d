"""Every way in which bytes can be read, to look for something that must not be in them.

Law: independent of the gateway's own decoders; it tries everything everywhere and reads more into
bytes than any service would.
"""

from __future__ import annotations

import base64
import binascii
import html
import io
import json
import quopri
import re
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator

import brotli
import zstandard
from support.upstream import Seen

_LIMIT = 1 << 22
_BASE64 = re.compile(rb"[A-Za-z0-9+/_\-]{16,}={0,2}")
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_PLAIN = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _inflate(bits: int) -> Callable[[bytes], bytes]:
    def read(data: bytes) -> bytes:
        inflater = zlib.decompressobj(bits)
        out = inflater.decompress(data, _LIMIT)
        if not inflater.eof:
            raise ValueError
        return out

    return read


def _brotli(data: bytes) -> bytes:
    out = brotli.Decompressor().process(data)
    if not out or len(out) > _LIMIT:
        raise ValueError
    return out


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


def _base64(data: bytes) -> bytes:
    found = []
    for run in _BASE64.findall(data):
        text = run.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        text = text[: len(text) - (len(text) % 4 == 1)]
        found.append(base64.b64decode(text + b"=" * (-len(text) % 4)))
    return b"\n".join(found)


def _escapes(data: bytes) -> bytes:
    text = data.decode("utf-8", "surrogateescape")
    read = _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _PLAIN.get(m[2], m[2]), text)
    return read.encode("utf-8", "replace") if read != text else b""


def _zip(data: bytes) -> bytes:
    if b"PK\x03\x04" not in data:
        return b""
    with zipfile.ZipFile(io.BytesIO(data[data.index(b"PK\x03\x04") :])) as archive:
        return b"\n".join(name.encode() + archive.read(name) for name in archive.namelist())


def _wide(name: str) -> Callable[[bytes], bytes]:
    def read(data: bytes) -> bytes:
        if data.count(0) * 4 < len(data):
            raise ValueError
        return data.decode(name, "replace").encode("utf-8", "replace")

    return read


_READERS: tuple[Callable[[bytes], bytes], ...] = (
    _inflate(31),
    _inflate(15),
    _inflate(-15),
    _brotli,
    _zstd,
    _base64,
    _escapes,
    _zip,
    _wide("utf-16-le"),
    _wide("utf-16-be"),
    lambda data: urllib.parse.unquote_to_bytes(data.replace(b"+", b" ")) if b"%" in data else b"",
    lambda data: html.unescape(data.decode()).encode() if b"&" in data else b"",
    lambda data: quopri.decodestring(data) if b"=" in data else b"",
)
_ERRORS = (
    ValueError,
    KeyError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    binascii.Error,
    zlib.error,
    brotli.error,
    zstandard.ZstdError,
    zipfile.BadZipFile,
    json.JSONDecodeError,
)


def readings(data: bytes, depth: int = 5) -> Iterator[bytes]:
    """`data`, and whatever can be read out of it, up to `depth` layers deep."""
    known = {data}
    layer = [data]
    yield data
    for _ in range(depth):
        fresh = []
        for each in layer:
            for reader in _READERS:
                try:
                    read = reader(each)
                except _ERRORS:
                    continue
                if read and read not in known:
                    known.add(read)
                    fresh.append(read)
                    yield read
        layer = fresh


def holds(given: Iterable[bytes], *values: str) -> bool:
    """Can any of `values` be read out of any of `given`, in any decoding and any letter case?"""
    wanted = [value.lower().encode() for value in values]
    return any(
        value in each.lower() for piece in given for each in readings(piece) for value in wanted
    )


def pieces(seen: Seen) -> list[bytes]:
    """All that a request that arrived is made of, piece by piece."""
    messages = [m.encode() if isinstance(m, str) else bytes(m) for m in seen.messages]
    fields = [f"{name}: {value}".encode("latin-1") for name, value in seen.headers + seen.trailers]
    return [seen.target.encode("latin-1"), *fields, *messages, seen.body]
