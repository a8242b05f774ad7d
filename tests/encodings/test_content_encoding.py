"""Is every content encoding undone exactly, or refused, within bounds?"""

import contextlib
import gzip
import tracemalloc
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.encodings import content_encoding
from gateway.encodings.content_encoding import EncodingError
from gateway.model import UnreadReason

NAMES = ("gzip", "deflate", "br", "zstd")
LIMIT = 1 << 20


def reason(data: bytes, encodings: str, limit: int = LIMIT) -> UnreadReason:
    with pytest.raises(EncodingError) as caught:
        content_encoding.decode(data, encodings, limit)
    return caught.value.reason


@settings(max_examples=examples(60), deadline=None)
@given(st.binary(max_size=2000), st.lists(st.sampled_from(NAMES), max_size=4))
def test_what_is_encoded_decodes_to_itself(data, names):
    header = ", ".join(names)
    assert content_encoding.decode(content_encoding.encode(data, header), header, LIMIT) == data


@pytest.mark.parametrize("wbits", [15, -15])
def test_deflate_is_written_back_with_or_without_its_header_as_it_came(wbits):
    again = content_encoding.encode(b"other", "deflate", zlib.compress(b"words", wbits=wbits))
    assert zlib.decompress(again, wbits=wbits) == b"other"


@pytest.mark.parametrize("header", ["", "identity", " Identity , identity", ","])
def test_identity_is_no_encoding(header):
    assert content_encoding.decode(b"abc", header, LIMIT) == b"abc"


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (gzip.compress(b"words", mtime=0), "x-gzip"),
        (gzip.compress(b"wo", mtime=0) + gzip.compress(b"rds", mtime=0), "gzip"),
        (zlib.compress(b"words"), "deflate"),
        (zlib.compress(b"words", wbits=-15), "deflate"),
        (brotli.compress(b"words"), "BR"),
        (zstandard.compress(b"wo") + zstandard.compress(b"rds"), "zstd"),
        (zstandard.ZstdCompressor(write_checksum=True).compress(b"words"), "zstd"),
        (zstandard.ZstdCompressor(write_content_size=False).compress(b"words"), "zstd"),
        (brotli.compress(gzip.compress(b"words", mtime=0)), "gzip, br"),
    ],
)
def test_what_clients_send_is_decoded(data, header):
    assert content_encoding.decode(data, header, LIMIT) == b"words"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", ["truncated", "garbage", "plain", "empty", "damaged"])
def test_what_is_not_exactly_that_encoding_is_undecodable(name, change):
    data = content_encoding.encode(b"some words, " * 50, name)
    data = {
        "truncated": data[:-1],
        "garbage": data + b"\0\0rest",
        "plain": b'{"messages": []}',
        "empty": b"",
        "damaged": bytes([data[0] ^ 0xFF]) + data[1:],
    }[change]
    assert reason(data, name) is UnreadReason.UNDECODABLE


@pytest.mark.parametrize("header", ["compress", "gzip, aes128gcm", "utf-8", "gzip;q=1", "\xff"])
def test_unknown_encoding_is_undecodable_and_not_repeated(header):
    with pytest.raises(EncodingError) as caught:
        content_encoding.decode(b"x", header, LIMIT)
    assert caught.value.reason is UnreadReason.UNDECODABLE
    assert caught.value.detail == "unknown"


@pytest.mark.parametrize("name", NAMES)
def test_bomb_stops_at_the_limit_without_the_memory(name):
    bomb = content_encoding.encode(b"\0" * (64 << 20), name)
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        assert reason(bomb, name, 1 << 20) is UnreadReason.EXPANDS_TOO_FAR
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", NAMES)
def test_the_limit_itself_is_allowed(name):
    data = content_encoding.encode(b"x" * 1000, name)
    assert content_encoding.decode(data, name, 1000) == b"x" * 1000
    assert reason(data, name, 999) is UnreadReason.EXPANDS_TOO_FAR


def test_too_many_layers_members_or_blocks_expand_too_far(monkeypatch):
    assert reason(b"x", ", ".join(["gzip"] * 5)) is UnreadReason.EXPANDS_TOO_FAR
    monkeypatch.setattr(content_encoding, "MAX_MEMBERS", 20)
    monkeypatch.setattr(content_encoding, "MAX_BLOCKS", 20)
    assert reason(gzip.compress(b"", mtime=0) * 30, "gzip") is UnreadReason.EXPANDS_TOO_FAR
    assert reason(zstandard.compress(b"") * 30, "zstd") is UnreadReason.EXPANDS_TOO_FAR
    flushed = zstandard.ZstdCompressor().compressobj()
    blocks = b"".join(
        flushed.compress(b"x") + flushed.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for _ in range(30)
    )
    assert reason(blocks + flushed.flush(), "zstd") is UnreadReason.EXPANDS_TOO_FAR


def member(flags: int, header: bytes, content: bytes = b"words") -> bytes:
    """A gzip member with `header` between the fixed fields and the content."""
    plain = gzip.compress(content)
    return plain[:3] + bytes([flags]) + plain[4:10] + header + plain[10:]


@pytest.mark.parametrize(
    ("flags", "header"),
    [
        (8, b"a.json\0"),
        (16, b"a remark\0"),
        (4, b"\x03\0abc"),
        (28, b"\x03\0abca.json\0a remark\0"),
    ],
)
def test_the_header_of_gzip_hides_nothing(flags, header):
    data = member(flags, header)
    assert content_encoding.decode(data, "gzip", LIMIT) == b"words"
    assert content_encoding.remarks(data, "gzip") == header
    # Nobody looks there, and no client writes it.
    assert reason(gzip.compress(b"a") + data, "gzip") is UnreadReason.UNDECODABLE
    assert reason(gzip.compress(data), "gzip, gzip") is UnreadReason.UNDECODABLE
    assert reason(brotli.compress(data), "gzip, br") is UnreadReason.UNDECODABLE


def test_a_header_without_remarks_has_none():
    assert content_encoding.remarks(gzip.compress(b"words"), "gzip") == b""
    assert content_encoding.remarks(b"words", "identity") == b""


def test_skippable_zstd_frame_hides_nothing():
    frame = b"\x50\x2a\x4d\x18\x06\0\0\0hidden"
    assert reason(frame + zstandard.compress(b"words"), "zstd") is UnreadReason.UNDECODABLE


@settings(max_examples=examples(150), deadline=None)
@given(st.binary(max_size=300), st.sampled_from(NAMES), st.booleans())
def test_any_bytes_decode_or_give_the_one_error(data, name, prefixed):
    if prefixed:
        data = content_encoding.encode(b"words", name)[:6] + data
    with contextlib.suppress(EncodingError):
        content_encoding.decode(data, name, LIMIT)
