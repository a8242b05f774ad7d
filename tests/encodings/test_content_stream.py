"""Decoders of answers: whatever the chunks, all that came comes out, and a cut is seen."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gateway.encodings.content_stream import decoder


def bare(data):
    """deflate without the zlib header."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "bare deflate": bare,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def decoded(encoding, data, size):
    undo = decoder(encoding.removeprefix("bare "))
    out = b"".join(
        piece for at in range(0, len(data), size) for piece in undo.feed(data[at : at + size])
    )
    return out, undo.is_done


@pytest.mark.parametrize("encoding", [*PACKED, "identity", ""])
def test_a_decoder_that_got_nothing_is_done(encoding):
    assert decoder(encoding.removeprefix("bare ")).is_done


@pytest.mark.parametrize("encoding", PACKED)
@given(data=st.binary(max_size=3000), size=st.integers(1, 3000))
def test_all_of_it_comes_out_in_whatever_chunks_it_came(encoding, data, size):
    assert decoded(encoding, PACKED[encoding](data), size) == (data, True)


@pytest.mark.parametrize("encoding", PACKED)
@given(data=st.binary(min_size=1, max_size=3000), size=st.integers(1, 3000), cut=st.integers(1))
def test_what_is_cut_is_not_done_and_gives_a_beginning(encoding, data, size, cut):
    packed = PACKED[encoding](data)
    out, done = decoded(encoding, packed[: 1 + cut % (len(packed) - 1)], size)
    assert not done
    assert data.startswith(out)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@given(parts=st.lists(st.binary(max_size=500), min_size=2, max_size=4), size=st.integers(1, 900))
def test_several_members_after_each_other_are_one_answer(encoding, parts, size):
    packed = b"".join(PACKED[encoding](part) for part in parts)
    assert decoded(encoding, packed, size) == (b"".join(parts), True)


def test_padding_after_gzip_is_nothing():
    assert decoded("gzip", gzip.compress(b"all") + bytes(9), 4) == (b"all", True)


def test_an_encoding_that_nobody_knows_has_no_decoder():
    assert decoder("snappy") is None
