"""Parquet: names stand over rows, what is lost is said, and nothing is needed that is not there."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.content import open_blob
from gateway.content.readers import parquet
from gateway.content.reading import Budget, FileLimits, Missed, Text
from gateway.model import BlobPart, Locator, UnreadReason


def packed(columns, **options):
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, **options)
    return out.getvalue()


def opened(data):
    return open_blob(BlobPart(Locator("body.file"), data), max_bytes=1 << 28)


def said(data):
    return list(parquet.read(data, Budget(FileLimits(seconds=60), len(data))))


def rows(found):
    return [part.text for part in found.parts if ".rows[" in part.locator.path]


def test_names_stand_over_the_rows_of_every_text():
    data = packed({"customer_ssn": [f"{n:09}" for n in range(9_000)], "n": list(range(9_000))})
    found = opened(data)
    texts = rows(found)
    assert len(texts) > 2
    assert all(text.startswith("customer_ssn\tn\n") for text in texts)
    assert texts[0].split("\n")[1] == "000000000\t0"
    assert sum(text.count("\n") for text in texts) == 9_000
    assert not found.unread


def test_values_of_all_types_are_read_as_people_write_them():
    zoned = pa.array([0], pa.timestamp("us", tz="Asia/Tokyo"))
    found = opened(
        packed(
            {
                "float": [4111111111111111.0],
                "whole": pa.array([18446744073709551615], pa.uint64()),
                "price": [Decimal("12.50")],
                "day": [dt.date(2026, 1, 2)],
                "zoned": zoned,
                "inner": [{"list": ["word", None], "at": 1}],
                "moments": pa.array([[0]], pa.list_(pa.timestamp("ns", tz="UTC"))),
                "long": pa.array([1], pa.duration("ns")),
                "none": pa.nulls(1),
            }
        )
    )
    assert rows(found)[0].split("\n")[1].split("\t") == [
        "4111111111111111",
        "18446744073709551615",
        "12.50",
        "2026-01-02",
        "1970-01-01 00:00:00.000000",
        '{"list": ["word", null], "at": "1"}',
        '["1970-01-01 00:00:00.000000000"]',
        "1",
        "",
    ]
    assert not found.unread


def test_words_between_the_columns_are_found():
    data = packed({"n": [1]})
    length = int.from_bytes(data[-8:-4], "little")
    foot = len(data) - 8 - length
    changed = data[:foot] + b"left over by somebody" + data[foot:]
    assert any("left over by somebody" in part.text for part in opened(changed).parts)


def test_a_file_without_rows_is_read_and_columns_that_the_foot_does_not_name_are_not():
    columns = {"n": [f"word {n}" for n in range(500)]}
    none = packed({"n": pa.array([], pa.string())})
    assert not opened(none).unread
    assert not opened(packed(columns, write_page_index=True)).unread
    length = int.from_bytes(none[-8:-4], "little")
    foot = len(none) - 8 - length
    (unread,) = opened(none[:foot] + packed(columns)[4:] + none[foot:]).unread
    assert unread.reason is UnreadReason.MALFORMED


def test_without_the_package_the_file_is_unread_and_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(parquet, "_LIBRARY", None)
    (unread,) = opened(packed({"n": ["word"]})).unread
    assert unread.reason is UnreadReason.UNSUPPORTED_FILE
    assert unread.detail == "install the extra parquet"


def test_rows_before_a_damaged_group_stay_said():
    data = bytearray(
        packed({"n": [f"word {n}" for n in range(3_000)]}, row_group_size=1_000, compression="zstd")
    )
    group = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(1)
    at = group.column(0).data_page_offset
    data[at + 20 : at + 200] = bytes(180)
    everything = said(bytes(data))
    assert any("word 999" in one.text for one in everything if isinstance(one, Text))
    assert any("word 2999" in one.text for one in everything if isinstance(one, Text))
    assert [one.place for one in everything if isinstance(one, Missed)] == ["group[1]"]


@pytest.fixture(scope="module")
def sample():
    return packed({"a": ["one", "two"], "b": [{"c": [1]}, None]})


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_changed_byte_ends_in_texts_or_a_reason(sample, data):
    changed = bytearray(sample)
    # The mark in front tells what the file is.
    for at in data.draw(st.lists(st.integers(4, len(changed) - 1), min_size=1, max_size=4)):
        changed[at] = data.draw(st.integers(0, 255))
    found = opened(bytes(changed))
    texts = rows(found)
    assert found.unread or texts
