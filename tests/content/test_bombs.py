"""Bombs, damaged files and mutations: each ends in time, in what was read and a reason."""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import lzma
import random
import time
import zipfile
import zlib

import pikepdf
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from corpus.files import make
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

from gateway.content import FileLimits, open_blob, type_of
from gateway.content.readers import READERS, compound, pdf
from gateway.content.reading import Budget, Embedded, Fact, Missed, Stop, Text
from gateway.content.types import _SIGNATURES
from gateway.model import BlobPart, Locator, UnreadReason

LIMITS = FileLimits(seconds=4.0, expanded=64 << 20, files=2_000, memory=1 << 30)
SLACK = 20
"""Seconds beyond its own limit that reading may take to end where other work holds the machine."""
ZEROS = 300 << 20


def opened(data, limits=LIMITS):
    return open_blob(BlobPart(Locator("body.file"), data), max_bytes=1 << 28, limits=limits)


def zip_bomb():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("zeros", "w", force_zip64=True) as entry:
            for _ in range(ZEROS >> 20):
                entry.write(b"\0" * (1 << 20))
    return out.getvalue()


def parquet(columns):
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, compression="zstd")
    return out.getvalue()


def empty_rows():
    return parquet({"none": pa.nulls(100 << 20)})


def one_word():
    number = pa.array([0] * 4096, pa.int32())
    return parquet({"word": pa.DictionaryArray.from_arrays(number, ["x" * (1 << 20)])})


def nested():
    data = b"x"
    for number in range(12):
        data = make.zipped({f"{number}.zip": data})
    return data


def many():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(2_100):
            archive.writestr(f"{number}.txt", "x")
    return out.getvalue()


def overlapping():
    """Two entries of the directory name the same bytes."""
    data = bytearray(make.zipped({"a.txt": "x" * 5000, "b.txt": "x" * 5000}))
    directory = data.rfind(b"PK\x01\x02")
    data[directory + 42 : directory + 46] = b"\0\0\0\0"
    return bytes(data)


def other_name():
    data = make.zipped({"a.txt": "x"}, zipfile.ZIP_STORED)
    return data.replace(b"a.txt", b"b.exe", 1)


def encrypted():
    data = bytearray(make.zipped({"a.txt": "secret"}))
    data[6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def book(**parts):
    return make.changed(make.small_xlsx("x"), {f"xl/{k}.xml": v for k, v in parts.items()})


def sparse():
    row = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    return make.changed(
        make.small_xlsx("x"),
        {
            "xl/worksheets/sheet1.xml": f'<worksheet><cols><col min="1" max="99999999" hidden="1"/></cols><sheetData>{row}</sheetData></worksheet>'
        },
    )


def giant_string():
    return book(sharedStrings=b"<sst><si><t>" + b"a" * (200 << 20) + b"</t></si></sst>")


def repeated_string():
    cells = '<row r="1">' + '<c r="A1" t="s"><v>0</v></c>' * 100 + "</row>"
    return make.changed(
        make.small_xlsx("x"),
        {
            "xl/sharedStrings.xml": "<sst><si><t>" + "a" * 100_000 + "</t></si></sst>",
            "xl/worksheets/sheet1.xml": f"<worksheet><sheetData>{cells * 100}</sheetData></worksheet>",
        },
    )


def laughs():
    entities = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "lol">' for n in range(10)
    )
    return make.changed(
        make.made("docx")[0],
        {"word/document.xml": f"<?xml version='1.0'?><!DOCTYPE x [{entities}]><x>&l9;</x>"},
    )


def deep_xml():
    return make.changed(
        make.made("docx")[0], {"word/document.xml": "<a>" * 500_000 + "</a>" * 500_000}
    )


def double_flate():
    inner = zlib.compress(b"BT ET " + b" " * (400 << 20), 9)
    document = pikepdf.new()
    document.add_blank_page()
    stream = document.make_stream(b"")
    stream.write(
        zlib.compress(inner, 9),
        filter=pikepdf.Array([pikepdf.Name.FlateDecode, pikepdf.Name.FlateDecode]),
    )
    document.pages[0].Contents = stream
    return make.saved(document)


def attached_bomb():
    document = pikepdf.new()
    document.add_blank_page()
    document.attachments["a.bin"] = b"\0" * (150 << 20)
    return make.saved(document)


def locked_pdf():
    document = pikepdf.open(io.BytesIO(make.made("pdf")[0]))
    out = io.BytesIO()
    document.save(out, encryption=pikepdf.Encryption(user="u", owner="o"))
    return out.getvalue()


R = UnreadReason
BOMBS = {
    "zip of zeros": (zip_bomb, R.EXPANDS_TOO_FAR),
    "gzip of zeros": (lambda: gzip.compress(b"\0" * ZEROS, 1), R.EXPANDS_TOO_FAR),
    "bzip2 of zeros": (lambda: bz2.compress(b"\0" * (90 << 20), 1), R.EXPANDS_TOO_FAR),
    "xz of zeros": (lambda: lzma.compress(b"\0" * (90 << 20), preset=0), R.EXPANDS_TOO_FAR),
    "zstd of zeros": (lambda: zstandard.compress(b"\0" * ZEROS), R.EXPANDS_TOO_FAR),
    "zip in zip": (nested, R.TOO_DEEP),
    "zip of many": (many, R.TOO_LARGE),
    "overlapping zip": (overlapping, R.EXPANDS_TOO_FAR),
    "zip with two names": (other_name, R.MALFORMED),
    "encrypted zip": (encrypted, R.ENCRYPTED),
    "sparse sheet": (sparse, None),
    "giant string": (giant_string, R.EXPANDS_TOO_FAR),
    "repeated string": (repeated_string, R.TOO_LARGE),
    "billion laughs": (laughs, R.MALFORMED),
    "deep XML": (deep_xml, None),
    "PDF deflated twice": (double_flate, R.CRASHED),
    "PDF with a bomb attached": (attached_bomb, R.EXPANDS_TOO_FAR),
    "encrypted PDF": (locked_pdf, R.ENCRYPTED),
    "Parquet of nothing": (empty_rows, R.TOO_LARGE),
    "Parquet of one word": (one_word, R.EXPANDS_TOO_FAR),
    "encrypted Parquet": (lambda: b"PARE" + bytes(40) + b"PARE", R.ENCRYPTED),
}


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_a_bomb_ends_in_time_and_says_why(name):
    make_bomb, reason = BOMBS[name]
    data = make_bomb()
    started = time.monotonic()
    found = opened(data)
    assert time.monotonic() - started < LIMITS.seconds + SLACK
    reasons = {unread.reason for unread in found.unread}
    if reason is None:
        assert reasons == set()
    elif reason is R.CRASHED:
        # Where pdfium gives up in good order, the page is merely empty.
        assert reasons <= {R.CRASHED, R.TIMED_OUT, R.MALFORMED, R.EXPANDS_TOO_FAR}
    else:
        # On a slow machine time may be up before the other limit is met.
        assert {reason, R.TIMED_OUT} & reasons


@pytest.mark.parametrize("kind", sorted(set(make.MAKERS) - {"html", "eml", "rtf", "ipynb"}))
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_file_cut_short_is_never_silent(kind, share):
    data = make.made(kind)[0]
    found = opened(data[: int(len(data) * share)])
    assert found.unread or found.parts


@pytest.mark.parametrize("magic", sorted({magic for offset, magic, _ in _SIGNATURES if not offset}))
def test_noise_behind_a_signature_is_unread(magic):
    data = magic + random.Random(7).randbytes(3000)
    found = opened(data)
    assert found.unread or found.parts


@functools.cache
def valid(kind):
    return make.made(kind)[0]


NATIVE = {pdf.read, compound.read}
"""Readers over native code: tried in the sandbox only."""


@pytest.mark.parametrize("kind", sorted(make.MAKERS))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_mutated_file_ends_in_values_or_a_stop(kind, data):
    raw = bytearray(valid(kind))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        size = data.draw(st.integers(0, 8))
        raw[at : at + size] = data.draw(st.binary(max_size=8))
        if not raw:
            return
    reader = READERS.get(type_of(bytes(raw)).media_type)
    if reader is None:
        return
    if reader in NATIVE:
        opened(bytes(raw))
        return
    started = time.monotonic()
    try:
        for said in reader(bytes(raw), Budget(LIMITS, len(raw))):
            assert isinstance(said, Text | Embedded | Fact | Missed)
    except Stop:
        pass
    except (ImportError, NameError, AssertionError):
        raise
    except Exception:  # the law of readers: the file's defect, and `walk` says so
        pass
    assert time.monotonic() - started < LIMITS.seconds + 1


def test_a_scanned_page_is_given_as_a_picture():
    picture = Image.new("RGB", (400, 200), "white")
    ImageDraw.Draw(picture).text((20, 20), "536-90-4399", fill="black", font_size=28)
    out = io.BytesIO()
    page = canvas.Canvas(out)
    page.drawImage(ImageReader(picture), 50, 500)
    page.showPage()
    page.save()
    said = list(pdf.read(out.getvalue(), Budget(LIMITS, 10_000)))
    (found,) = [item for item in said if isinstance(item, Embedded)]
    assert found.place == "page[0].picture[0]"
    assert type_of(found.data).media_type == "image/png"
    found = opened(out.getvalue(), FileLimits())
    assert [file.media_type for file in found.files] == ["image/png"]
    assert "536-90-4399" in "".join(part.text for part in found.parts)
    assert found.unread == ()
