"""File types by content: signatures, text, and nothing else."""

from __future__ import annotations

import codecs
import io
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.content import text_encoding, type_of
from gateway.content.types import UNSURE

FAMILIES = {
    "image",
    "document",
    "spreadsheet",
    "presentation",
    "archive",
    "text",
    "audio",
    "video",
    "unknown",
}


def packed(*names, stored=b""):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, stored or b"content")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "media_type", "family"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png", "image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg", "image"),
        (b"GIF89a\x01\0\x01\0", "image/gif", "image"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp", "image"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav", "audio"),
        (b"FORM\0\0\0\x24AIFFCOMM", "audio/aiff", "audio"),
        (b"MThd\0\0\0\x06\0\1", "audio/midi", "audio"),
        (b"#!AMR\n\x3c", "audio/amr", "audio"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "video/x-ms-asf", "video"),
        ((b"G" + bytes(187)) * 5, "video/mp2t", "video"),
        (b"%!PS-Adobe-3.0\n", "application/postscript", "image"),
        (b"\xc5\xd0\xd3\xc6\x1e\0\0\0", "application/postscript", "image"),
        (b"VCLMTF\1\0\x31\0\0\0", "image/x-svm", "image"),
        (b"\0\0\0\x1cftypheic\0\0\0\0", "image/heic", "image"),
        (b"\0\0\0\x1cftypisom\0\0\0\0", "video/mp4", "video"),
        (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28", "image/bmp", "image"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf", "document"),
        (b"{\\rtf1\\ansi Hello}", "application/rtf", "document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", "application/x-ole-storage", "document"),
        (b"\x1f\x8b\x08\0", "application/gzip", "archive"),
        (b"7z\xbc\xaf'\x1c\0\x04", "application/x-7z-compressed", "archive"),
        (b"\0" * 257 + b"ustar\x0000", "application/x-tar", "archive"),
        (b"\0" * 128 + b"DICM", "application/dicom", "image"),
        (b"SQLite format 3\0\x10", "application/vnd.sqlite3", "unknown"),
        (b"\x01\0\0\0\x6c\0\0\0" + b"\0" * 32 + b" EMF\0\0\1\0", "image/emf", "image"),
        (b"\xff\0\r\n%PDF-1.4\n...\nstartxref\n9\n%%EOF", "application/pdf", "document"),
        (b"how a PDF begins: %PDF-1.4", "text/plain", "text"),
        (b"\x7fELF\x02\x01", "application/x-executable", "unknown"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "image"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<svg/>", "image/svg+xml", "image"),
        (b"name,mail\nann,ann@example.com\n", "text/plain", "text"),
        (b"", "text/plain", "text"),
        (b"\x8f\x01\x02\x03", "application/octet-stream", "unknown"),
    ],
)
def test_types(data, media_type, family):
    found = type_of(data)
    assert (found.media_type, found.family) == (media_type, family)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("word/document.xml", "document"),
        ("xl/workbook.xml", "spreadsheet"),
        ("ppt/presentation.xml", "presentation"),
        ("notes/readme.txt", "archive"),
    ],
)
def test_zip_based_documents_are_told_apart(name, family):
    assert type_of(packed("[Content_Types].xml", name)).family == family


@pytest.mark.parametrize(
    "names",
    [
        ("password/list.csv",),
        ("xl/list.csv",),
        ("a.txt", "[Content_Types].xml", "a/word/x"),
    ],
)
def test_an_archive_with_names_like_those_of_a_document_is_an_archive(names):
    assert type_of(packed(*names)).family == "archive"


def test_a_file_within_does_not_make_the_type():
    book = packed("[Content_Types].xml", "xl/workbook.xml")
    assert type_of(packed("book.bin", stored=book)).family == "archive"
    slides = packed("ppt/chart.bin", "[Content_Types].xml", stored=book)
    assert type_of(slides).family == "presentation"


def test_a_zip_whose_directory_is_not_where_it_should_be_is_told_by_a_look():
    document = packed("[Content_Types].xml", "word/document.xml")
    assert type_of(document[:-30]).family == "document"


@pytest.mark.parametrize(
    "text",
    [
        "BMW sales went up",
        "MZ is a prefix",
        "ID3 tags are metadata",
        "BZh? no idea",
        "PAR1 is on the left",
    ],
)
def test_a_text_that_begins_like_a_file_is_text(text):
    assert type_of(text.encode()).family == "text"


@pytest.mark.parametrize("head", ["%PDF-1.4\n", "{\\rtf1 ", "GIF89a", "OggS", "fLaC"])
def test_a_signature_counts_also_when_all_is_printable(head):
    assert type_of(f"{head} plain words".encode()).family != "text"


@pytest.mark.parametrize(
    ("mark", "codec", "name"),
    [
        (b"", "utf-8", "utf-8"),
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
        (codecs.BOM_UTF32_LE, "utf-32-le", "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32-be", "utf-32"),
    ],
)
def test_text_encodings(mark, codec, name):
    text = "naïve 日本 😀\tline\r\nnext\x1b[1m"
    assert text_encoding(mark + text.encode(codec)) == name
    assert text_encoding(mark + f"{text}\0\x1a".encode(codec)) == name
    assert text_encoding(mark + f"{text}\0\1".encode(codec) * 2) is None
    damaged = text_encoding(mark + text.encode(codec) + b"\xd8")
    assert damaged == (UNSURE if name.startswith("utf-8") else None)


def test_a_stray_control_character_leaves_text_what_it_is():
    for control in "\0\x01\x1a\x1f":
        page = f"<html><p>For all of us: {control} a line of words</p></html>"
        assert type_of(page.encode()).media_type == "text/html"
    assert text_encoding("Grüße an alle\r\n\x1a".encode("cp1252")) == "cp1252"


@pytest.mark.parametrize(
    "data",
    [
        b"text first, then \x00 binary \x01",
        "für \x02".encode("cp1252") * 9,
        "odd".encode("utf-16-le") + b"!",
        "日本 without mark".encode("utf-16-le") + b"\x01\0",
        b"\xff\xfe\x00\xd8",  # half of a surrogate pair
        b"\x07bell",
        zlib.compress(b"words " * 20),
    ],
)
def test_what_cannot_be_read_for_certain_is_not_text(data):
    assert text_encoding(data) is None


@pytest.mark.parametrize(
    "text",
    [
        "Name;Straße;Ort\r\nMüller;Königsallee 3;Köln – 50 €\r\n",
        "L’été à Besançon : « créée » où ça ? 12 m², ±3 °C, nº 5",
        "¿Qué tal, señor Núñez? ¡Bien! d´Or, l·l, ½ kg, 3×4",
        "Smørrebrød på Åre, Þór og Æsir",
        "Æ ——— “quoted” …… ™ ©",
    ],
)
def test_western_text_of_one_byte_a_letter_is_windows_1252(text):
    assert text_encoding(text.encode("cp1252")) == "cp1252"


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Да, ура", "koi8-r"),
        ("ลูกค้าของเรา ชื่อ", "cp874"),
        ("客户资料 12", "gbk"),
        ("Paweł Wałęsa", "cp1250"),
    ],
)
def test_what_no_words_tell_is_text_in_a_character_set_that_is_not_sure(text, codec):
    assert text_encoding(text.encode(codec)) == UNSURE


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_zeros_tell_utf_16_without_a_mark(codec):
    assert text_encoding("Grüße, 日本".encode(codec)) == codec


@settings(max_examples=examples(300))
@given(st.binary(max_size=600))
def test_any_bytes_have_a_type(data):
    found = type_of(data)
    assert found.family in FAMILIES
    if found.family == "text":
        assert text_encoding(data) is not None


@settings(max_examples=examples(200))
@given(
    st.sampled_from([b"RIFF", b"PK\x03\x04", b"BM", b"\xff\xfe", b"\0\0\xfe\xff", b"GIF87a"]),
    st.binary(max_size=200),
)
def test_any_bytes_behind_a_signature_have_a_type(head, data):
    assert type_of(head + data).family in FAMILIES


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("word/document.xml", "document"),
        ("xl/workbook.xml", "spreadsheet"),
        ("ppt/presentation.xml", "presentation"),
    ],
)
def test_a_document_without_a_list_of_types_is_one(name, family):
    """Programs that read nothing but its text take it."""
    assert type_of(packed(name)).family == family


@pytest.mark.parametrize(
    "text",
    [
        "Notes\nFrom now on\nNote: this is new\nTodo: none\n",
        "Notes\nFrom here\nSubject: what to do\nand no more\n",
        "Notes\nFrom: a@example.com\nTo: b@example.com\nSubject: quoted\n",
    ],
)
def test_words_about_mail_are_no_mail(text):
    assert type_of(text.encode()).media_type == "text/plain"
