from __future__ import annotations

import pytest
from corpus.files import metadata as planted
from hypothesis import given
from hypothesis import strategies as st

from gateway.content.pictures.segments import Broken, Kind, form, segments


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif"])
def test_segments_joined_are_the_file(name):
    data = planted.MAKERS[name]()
    parts = segments(data)
    assert b"".join(part.raw for part in parts) == data
    assert parts[-1].kind is Kind.TRAILER
    assert form(data) == name


@given(st.sampled_from(["jpeg", "png", "webp", "gif"]), st.data())
def test_a_damaged_file_is_whole_or_broken(name, data):
    body = bytearray(planted.MAKERS[name]())
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] = data.draw(st.integers(0, 255))
    try:
        parts = segments(bytes(body))
    except Broken:
        return
    assert b"".join(part.raw for part in parts) == bytes(body)


@given(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a"]), st.binary(max_size=200))
def test_any_bytes_after_a_magic_are_whole_or_broken(head, rest):
    try:
        segments(head + rest)
    except Broken:
        pass
