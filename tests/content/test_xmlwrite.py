"""Words in documents: what is named is gone from every part, and every other byte stays."""

from __future__ import annotations

import contextlib
import io
import re
import zipfile
from xml.parsers import expat

import docx
import openpyxl
import pptx
import pytest
from corpus.files import make
from hypothesis import given, settings
from hypothesis import strategies as st
from odf import opendocument
from support.thorough import examples

from gateway.content import CannotRewrite, open_blob, write_blob
from gateway.content.readers.xmltext import Scanner
from gateway.content.reading import Budget, FileLimits
from gateway.content.rewriting import Replace
from gateway.content.xmlwrite import replaced
from gateway.model import BlobPart, Edit, Locator, Step

PLACE = Locator("body.file", (Step("body", 0, 0),))
NEW = "[GO<&>NE]"
NEW_BYTES = b"[GO&lt;&amp;&gt;NE]"
READ = {
    "docx": docx.Document,
    "xlsx": openpyxl.load_workbook,
    "pptx": pptx.Presentation,
    "odt": opendocument.load,
    "ods": opendocument.load,
}
REFUSED = {
    "docx": {"XML comment"},
    "xlsx": {"formula", "name of a sheet", "defined name"},
    "ods": {"formula", "name of a sheet"},
}
"""Places in which something else would break the document."""


def opened(data):
    blob = BlobPart(PLACE, data)
    return blob, open_blob(blob, max_bytes=1 << 24)


def without(data, values):
    """`data` with `values` replaced, wherever they were read."""
    blob, found = opened(data)
    pattern = "|".join(map(re.escape, values))
    edits = [
        Edit(part.locator, match.start(), match.end(), NEW)
        for part in found.parts
        for match in re.finditer(pattern, part.text)
    ]
    assert edits
    return write_blob(blob, found, edits, (), key=b"key")


def entries(data):
    """Every entry of the archive, and of those in it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            content = archive.read(name)
            yield name, content
            if content.startswith(b"PK\x03\x04"):
                yield from ((f"{name}/{inner}", raw) for inner, raw in entries(content))


@pytest.mark.parametrize("kind", READ)
def test_values_are_gone_from_everywhere_and_the_document_opens(kind):
    data, places = make.made(kind)
    values = [value for place, value in places.items() if place not in REFUSED.get(kind, ())]
    after = without(data, values)
    # Stricter readers would not open what the makers put in by hand; these are the usual ones.
    assert READ[kind](io.BytesIO(after)) is not None
    plain = "\n".join(part.text for part in opened(after)[1].parts)
    assert not [value for value in values if value in plain]
    old = dict(entries(data))
    new = dict(entries(after))
    assert list(old) == list(new)
    for name, raw in new.items():
        bare = re.sub(rb"<[^>]*>", b"", raw)
        assert not [v for v in values if v.encode() in raw or v.encode() in bare], name
        held = old[name]
        if raw != held and not held.startswith(b"PK"):
            # But for the replacements and what they replaced, the part is the same.
            tags = [
                re.sub(rb"=\"[^\"]*\"", b"", b"".join(re.findall(rb"<[^>]*>", one)))
                for one in (held, raw)
            ]
            assert tags[0] == tags[1], name
    assert len(opened(after)[1].unread) == len(opened(data)[1].unread)


@pytest.mark.parametrize(
    ("kind", "place"), [(kind, place) for kind, some in REFUSED.items() for place in sorted(some)]
)
def test_what_the_document_depends_on_is_refused(kind, place):
    data, places = make.made(kind)
    with pytest.raises(CannotRewrite, match="the document"):
        without(data, [places[place]])


def part(line, value, new=NEW):
    at = line.index(value)
    return Replace("", line, at, at + len(value), new)


def test_the_first_run_takes_what_is_new_and_all_other_bytes_stay():
    raw = b'<w:p  a = "1"><w:r><w:b/><w:t>call 07&#48;0 9</w:t></w:r><w:r><w:t>00 461 now</w:t></w:r></w:p >'
    line = "call 0700 900 461 now"
    after, met = replaced(raw, [part(line, "0700 900 461")])
    assert met
    assert after == (
        b'<w:p  a = "1"><w:r><w:b/><w:t>call [GO&lt;&amp;&gt;NE]</w:t></w:r><w:r><w:t> now</w:t></w:r></w:p >'
    )


def test_text_that_is_read_twice_is_replaced_once():
    raw = b"<p><r><t>Ann </t></r><r><vanish/><t>x</t></r><r><t>Lee</t></r></p>"
    after, _ = replaced(raw, [part("Ann Lee", "Ann Lee"), part("Ann xLee", "Ann xLee")])
    assert after == b"<p><r><t>[GO&lt;&amp;&gt;NE]</t></r><r><vanish/><t></t></r><r><t></t></r></p>"


def test_equal_words_in_another_line_stay():
    raw = b"<p><t>Ann</t></p><p><t>Ann B</t></p>"
    after, _ = replaced(b"<d>" + raw + b"</d>", [part("Ann", "Ann", "x")])
    assert after == b"<d><p><t>x</t></p><p><t>Ann B</t></p></d>"


@pytest.mark.parametrize("shown", ["4" + "1" * 15, "4.111111111111111E+15"])
def test_a_number_in_a_cell_becomes_text(shown):
    book = make.small_xlsx("x")
    sheet = "xl/worksheets/sheet1.xml"
    cells = f'<row r="1"><c r="A1"><v>{shown}</v></c><c r="B1" t="n"><v>7</v></c></row>'
    head = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    )
    data = make.changed(book, {sheet: f"{head}{cells}</sheetData></worksheet>".encode()})
    after = openpyxl.load_workbook(io.BytesIO(without(data, ["4" + "1" * 15]))).active
    assert after["A1"].value == NEW
    assert after["B1"].value == 7


def test_an_index_of_a_string_is_no_number():
    raw = b'<row><c t="s"><v>12345678</v></c></row>'
    assert replaced(raw, [part("12345678", "12345678")]) == (raw, set())


@pytest.mark.parametrize(
    "raw",
    [
        b"<p><![CDATA[Ann]]></p>",
        b'<?xml version="1.0" encoding="iso-8859-1"?><p>Ann</p>',
        b"<!DOCTYPE p><p>Ann</p>",
        b"<p>Ann",
    ],
)
def test_a_part_that_is_written_oddly_is_refused(raw):
    with pytest.raises(CannotRewrite):
        replaced(raw, [part("Ann", "Ann")])


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    '<row r="1">{}</row></sheetData></worksheet>'
)


def test_runs_of_a_string_in_its_cell_are_read_as_one():
    cell = (
        '<c r="A1" t="inlineStr"><is><r><t>457-</t></r><r><rPr><b/></rPr><t>55-5462</t></r>'
        '<rPh sb="0" eb="1"><t>sound</t></rPh></is></c><c r="B1" t="inlineStr"><is><t>x</t></is></c>'
    )
    data = make.changed(
        make.small_xlsx("x"), {"xl/worksheets/sheet1.xml": SHEET.format(cell).encode()}
    )
    texts = [part.text for part in opened(data)[1].parts]
    assert "457-55-5462\tx" in texts
    assert "sound" in texts
    after = openpyxl.load_workbook(io.BytesIO(without(data, ["457-55-5462"]))).active
    assert after["A1"].value == NEW
    assert after["B1"].value == "x"


def test_a_number_that_a_chart_draws_becomes_0():
    raw = (
        b"<c:numRef><c:f>A1</c:f><c:numCache><c:formatCode>0</c:formatCode><c:pt idx='0'>"
        b"<c:v>457555462</c:v></c:pt><c:pt idx='1'><c:v>3</c:v></c:pt></c:numCache></c:numRef>"
    )
    raw = b"<c:x xmlns:c='c'>" + raw + b"</c:x>"
    after, _ = replaced(raw, [part("457555462", "457555462")])
    assert after == raw.replace(b"457555462", b"0")


@pytest.mark.parametrize("found", ["text", "value"])
def test_a_cell_of_opendocument_keeps_no_second_copy_of_its_value(found):
    cell = (
        '<table:table-cell a:style-name="ce1" office:value-type="float" office:value="4571555462190"'
        ' calcext:value-type="float"><text:p>{}</text:p></table:table-cell>'
    )
    head = '<d xmlns:table="t" xmlns:a="a" xmlns:office="o" xmlns:calcext="c" xmlns:text="x">'
    shown = "4571555462190" if found == "text" else "4.57E12"
    raw = f"{head}{cell.format(shown)}</d>".encode()
    after, _ = replaced(raw, [part("4571555462190", "4571555462190", "gone")])
    shown = "gone" if found == "text" else shown
    assert after.decode() == (
        f'{head}<table:table-cell a:style-name="ce1" office:value-type="string"'
        f' calcext:value-type="string"><text:p>{shown}</text:p></table:table-cell></d>'
    )


TOKENS = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<t>",
        "</t>",
        "<c t='n'>",
        "</c>",
        "<v>",
        "</v>",
        "1234",
        "Ann",
        "&#65;nn",
        "<s/>",
        "<a n='Ann x'/>",
        "<x:table-cell x:value='1234'>",
        "</x:table-cell>",
        "\n",
        "<!--Ann-->",
        "é",
    ]
)


@given(st.lists(TOKENS, max_size=20), st.sampled_from(["Ann", "1234", "Annx", "AnnAnn", "Ann x"]))
@settings(max_examples=examples(500), deadline=None)
def test_any_part_is_rewritten_or_refused(tokens, value):
    raw = f"<d xmlns:x='x'>{''.join(tokens)}</d>".encode()
    try:
        after, met = replaced(raw, [part(value, value, "gone")])
    except CannotRewrite:
        return
    assert after == raw or met
    expat.ParserCreate().Parse(after, True)


@given(st.binary(max_size=200))
def test_any_bytes_are_rewritten_or_refused(raw):
    with contextlib.suppress(CannotRewrite):
        replaced(raw, [part("Ann", "Ann")])


def test_codes_in_a_header_of_a_sheet_are_no_part_of_a_word():
    header = (
        '<headerFooter><oddHeader>&amp;C457-55-5462&amp;R&amp;"Arial,Bold"Ann &amp;amp; Lee</oddHeader>'
        "<oddFooter>&amp;LPage &amp;P</oddFooter></headerFooter></worksheet>"
    )
    raw = SHEET.format("").replace("</worksheet>", header).encode()
    data = make.changed(make.small_xlsx("x"), {"xl/worksheets/sheet1.xml": raw})
    (said,) = [part.text for part in opened(data)[1].parts if "457" in part.text]
    assert "\t457-55-5462\t" in said
    after = without(data, ["457-55-5462"])
    with zipfile.ZipFile(io.BytesIO(after)) as archive:
        assert archive.read("xl/worksheets/sheet1.xml") == raw.replace(b"457-55-5462", NEW_BYTES)


def test_a_note_within_a_paragraph_begins_a_line():
    raw = b"<p>number 457<note><p>55 is</p></note> left</p>"
    blocks = list(Scanner(Budget(FileLimits(), 100)).feed([raw]))
    assert [block.text for block in blocks] == ["number 457\n55 is\n left\n"]
    after, _ = replaced(raw, [part("number 457", "457"), part("55 is", "55")])
    assert after == raw.replace(b"457", NEW_BYTES).replace(b"55", NEW_BYTES, 1)


@pytest.mark.parametrize("gap", ["", "\n   "])
def test_rows_that_hold_nothing_to_change_do_not_hide_those_that_do(gap):
    rows = [
        f'<row r="{n}">{gap}<c r="A{n}" t="inlineStr"><is><t>{text}</t></is></c>{gap}<c r="B{n}"><v>{n}</v></c>{gap}</row>'
        for n, text in enumerate(
            ["457-55-5462", "é", "x", "457-55-5462", "a &amp; b", "457-55-5462 y"], 1
        )
    ]
    raw = SHEET.split("<row", 1)[0] + gap.join(rows) + "</sheetData></worksheet>"
    after, met = replaced(raw.encode(), [part("457-55-5462", "457-55-5462", "gone")])
    assert met
    assert after.decode() == raw.replace("457-55-5462</t>", "gone</t>")
