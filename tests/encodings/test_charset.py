"""Is a text decoded as its receiver will decode it, or marked uncertain?"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.encodings import charset


@pytest.mark.parametrize(
    ("data", "declared", "text", "certain"),
    [
        (b"abc", "", "abc", True),
        (b"abc", "US-ASCII", "abc", True),
        ("é".encode(), "UTF-8", "é", True),
        ("é".encode(), '"utf-8"', "é", True),
        ("é".encode("latin-1"), "iso-8859-1", "é", True),
        ("é".encode("cp1252"), "windows-1252", "é", True),
        ("日本".encode("shift_jis"), "shift_jis", "日本", True),
        ("中文".encode("gb18030"), "GB18030", "中文", True),
        (b"abc", "shift_jis", "abc", True),
        ("é".encode(), "iso-8859-1", "Ã©", False),  # JSON parsers would take it for UTF-8
        (b"abc", "utf-7", "abc", False),
        (b"abc", "cp037", "abc", False),
        (b"abc", "x-unknown", "abc", False),
        (b"abcd", "utf-16", "\u6162\u6364", False),
    ],
)
def test_declared_and_actual_character_sets(data, declared, text, certain):
    found = charset.decode(data, declared)
    assert found is not None
    assert found[0] == text
    assert found[1].certain is certain


@pytest.mark.parametrize(
    "name", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
@pytest.mark.parametrize("declared", [False, True])
def test_unicode_encodings_are_known_by_their_first_bytes(name, declared):
    data = '{"a": "wide é"}'.encode(name)
    text, found = charset.decode(
        data, name.replace("-le", "le").replace("-be", "be") if declared else ""
    )
    assert found.certain
    assert text.lstrip("\ufeff") == '{"a": "wide é"}'
    assert text.encode(found.codec) == data
    assert json.detect_encoding(data)[:6] == found.codec[:6]


@pytest.mark.parametrize(
    ("data", "declared"),
    [(b"\xff\xfe\xfd", ""), (b"\xc3(", "utf-8"), (b"\xd8\x00\xd8", "utf-16be")],
)
def test_bytes_that_are_no_text_are_none(data, declared):
    assert charset.decode(data, declared) is None


@settings(max_examples=examples(200), deadline=None)
@given(
    st.binary(max_size=40),
    st.sampled_from(["", "utf-8", "utf-16", "latin1", "gbk", "big5", "odd", "é"]),
)
def test_any_bytes_decode_to_what_encodes_back_or_none(data, declared):
    found = charset.decode(data, declared)
    if found is not None:
        text, how = found
        assert text.encode(how.codec) == data
