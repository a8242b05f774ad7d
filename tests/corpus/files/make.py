"""Which documents are the readers tried on? Generated ones, with a value planted in every place.

Law: made at test time, the same each time; each value is found in one place only. `MAKERS` gives
for each kind of file a function of a `Plant`, which hands out the values and remembers their
places. Run as a program with a folder, it writes all of them there.
"""

from __future__ import annotations

import base64
import bz2
import email.message
import email.policy
import gzip
import io
import json
import lzma
import sqlite3
import struct
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import docx
import openpyxl
import openpyxl.chart
import openpyxl.comments
import pikepdf
import pptx
import pptx.chart.data
import pptx.util
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from odf import draw as odf_draw
from odf import office as odf_office
from odf import opendocument
from odf import presentation as odf_presentation
from odf import style as odf_style
from odf import table as odf_table
from odf import text as odf_text
from reportlab.pdfgen import canvas


class Plant:
    """Hands out values; `places` says which one stands where.

    Those of the places that are `fixed` begin with another word.
    """

    def __init__(self, kind, fixed=()):
        self.kind = kind
        self.fixed = fixed
        self.places = {}

    def __call__(self, place):
        word = "marble" if place in self.fixed else "canary"
        value = f"{word} {zlib.crc32(f'{self.kind} {place}'.encode()):010d} end"
        self.places[place] = value
        return value


def zipped(entries, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def changed(data, changes):
    """A zip with some entries put in or replaced."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    for name, change in changes.items():
        entries[name] = change(entries.get(name, b"")) if callable(change) else change
    return zipped(entries)


def run_of(value):
    """Markup of a value that formatting cuts in three."""
    third = len(value) // 3
    pieces = (value[:third], value[third : 2 * third], value[2 * third :])
    return "".join(
        f'<w:r><w:rPr><w:b w:val="{n % 2}"/></w:rPr><w:t xml:space="preserve">{piece}</w:t></w:r>'
        for n, piece in enumerate(pieces)
    )


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def make_docx(plant):
    document = docx.Document()
    value = plant("body, cut by formatting")
    paragraph = document.add_paragraph("before ")
    for n in range(0, len(value), 7):
        paragraph.add_run(value[n : n + 7]).bold = n % 2 == 0
    document.add_table(1, 2).rows[0].cells[1].text = plant("table")
    section = document.sections[0]
    section.header.paragraphs[0].text = plant("header")
    section.footer.paragraphs[0].text = plant("footer")
    document.core_properties.author = plant("author")
    document.core_properties.comments = plant("description")
    hidden = document.add_paragraph("x ").add_run(plant("hidden run"))
    hidden.font.hidden = True
    deletion = OxmlElement("w:del")
    deletion.set(qn("w:author"), plant("author of a change"))
    run, text = OxmlElement("w:r"), OxmlElement("w:delText")
    text.text = plant("tracked deletion")
    run.append(text)
    deletion.append(run)
    paragraph._p.append(deletion)
    document.add_comment(paragraph.runs, text=plant("comment"), author="x", initials="x")
    relationship = section.part.relate_to(
        f"https://example.com/{plant('link').replace(' ', '_')}", "hyperlink", is_external=True
    )
    assert relationship
    out = io.BytesIO()
    document.save(out)
    plant.places["link"] = plant.places["link"].replace(" ", "_")
    label = "0a1b2c3d-1111-2222-3333-444455556666"
    return changed(
        out.getvalue(),
        {
            "word/footnotes.xml": f"<w:footnotes {W}><w:footnote><w:p>{run_of(plant('footnote'))}"
            f"</w:p></w:footnote></w:footnotes>",
            "customXml/item9.xml": f"<data><v>{plant('custom data')}</v></data>",
            "docProps/custom.xml": '<Properties xmlns="p" xmlns:vt="v"><property name="MSIP_Label_'
            f'{label}_Enabled"><vt:lpwstr>true</vt:lpwstr></property><property name="MSIP_Label_'
            f'{label}_Name"><vt:lpwstr>Confidential</vt:lpwstr></property><property name="Case">'
            f"<vt:lpwstr>{plant('custom property')}</vt:lpwstr></property></Properties>",
            "word/embeddings/Microsoft_Excel_Sheet1.xlsx": small_xlsx(plant("embedded workbook")),
            "word/charts/chart1.xml": f"<c:chart xmlns:c='c'><c:v>{plant('chart')}</c:v></c:chart>",
            "docProps/thumbnail.jpeg": b"words that are no picture",
            "word/document.xml": lambda raw: raw.replace(
                b"<w:body>", f"<w:body><!-- {plant('XML comment')} -->".encode()
            ),
        },
    )


def small_xlsx(value):
    book = openpyxl.Workbook()
    book.active["A1"] = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def make_xlsx(plant):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"] = plant("cell")
    sheet["B1"] = 4111111111111111
    sheet["C3"] = f'=CONCATENATE("{plant("formula")}")'
    sheet["A2"] = plant("hidden row")
    sheet.row_dimensions[2].hidden = True
    sheet["F1"] = plant("hidden column")
    sheet.column_dimensions["F"].hidden = True
    sheet["A1"].comment = openpyxl.comments.Comment(plant("comment"), plant("author of a comment"))
    sheet.oddHeader.center.text = plant("header")
    sheet.oddFooter.left.text = plant("footer")
    sheet["A5"].hyperlink = f"mailto:{plant('link').replace(' ', '_')}"
    plant.places["link"] = plant.places["link"].replace(" ", "_")
    hidden = book.create_sheet(plant("name of a sheet")[:31])
    plant.places["name of a sheet"] = hidden.title
    hidden.sheet_state = "veryHidden"
    hidden["A1"] = plant("hidden sheet")
    book.properties.title = plant("title")
    book.defined_names["Name"] = openpyxl.workbook.defined_name.DefinedName(
        "Name", attr_text=f'"{plant("defined name")}"'
    )
    chart = openpyxl.chart.BarChart()
    chart.title = plant("chart")
    chart.add_data(openpyxl.chart.Reference(sheet, min_col=2, min_row=1))
    sheet.add_chart(chart, "H9")
    out = io.BytesIO()
    book.save(out)
    return changed(
        out.getvalue(),
        {
            "xl/sharedStrings.xml": f"<sst><si><r><t>can</t></r><r><t>"
            f"{plant('string of no cell')[3:]}</t></r></si></sst>",
        },
    )


def make_pptx(plant):
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = plant("title")
    frame = slide.placeholders[1].text_frame.paragraphs[0]
    value = plant("body, cut by formatting")
    for n in range(0, len(value), 9):
        frame.add_run().text = value[n : n + 9]
    slide.notes_slide.notes_text_frame.text = plant("notes")
    inches = pptx.util.Inches(1)
    slide.shapes.add_table(1, 1, inches, inches, inches, inches).table.cell(0, 0).text = plant(
        "table"
    )
    box = slide.shapes.add_textbox(inches, inches, inches, inches)
    box.name = plant("name of a shape")
    hidden = deck.slides.add_slide(deck.slide_layouts[5])
    hidden._element.set("show", "0")
    hidden.shapes.title.text = plant("hidden slide")
    deck.core_properties.subject = plant("subject")
    data = pptx.chart.data.CategoryChartData()
    data.categories = [plant("chart category")]
    data.add_series(plant("chart series"), [1.5])
    slide.shapes.add_chart(51, inches, inches, inches, inches, data)
    out = io.BytesIO()
    deck.save(out)
    return changed(out.getvalue(), {"docProps/thumbnail.jpeg": b"no picture"})


def saved(document):
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def make_odt(plant):
    document = opendocument.OpenDocumentText()
    value = plant("body, cut by formatting")
    paragraph = odf_text.P(text="before ")
    for n in range(0, len(value), 9):
        paragraph.addElement(odf_text.Span(text=value[n : n + 9]))
    note = odf_text.Note(noteclass="footnote")
    body = odf_text.NoteBody()
    body.addElement(odf_text.P(text=plant("footnote")))
    note.addElement(body)
    paragraph.addElement(note)
    annotation = odf_office.Annotation()
    annotation.addElement(odf_text.P(text=plant("comment")))
    paragraph.addElement(annotation)
    document.text.addElement(paragraph)
    layout = odf_style.PageLayout(name="layout")
    document.automaticstyles.addElement(layout)
    master = odf_style.MasterPage(name="Standard", pagelayoutname=layout)
    for kind in ("Header", "Footer"):
        element = getattr(odf_style, kind)()
        element.addElement(odf_text.P(text=plant(kind.lower())))
        master.addElement(element)
    document.masterstyles.addElement(master)
    return saved(document)


def make_ods(plant):
    document = opendocument.OpenDocumentSpreadsheet()
    table = odf_table.Table(name=plant("name of a sheet"))
    row = odf_table.TableRow(visibility="collapse")
    cell = odf_table.TableCell()
    cell.addElement(odf_text.P(text=plant("hidden row")))
    row.addElement(cell)
    formula = odf_table.TableCell(formula=f'of:="{plant("formula")}"', valuetype="float", value="1")
    row.addElement(formula)
    table.addElement(row)
    document.spreadsheet.addElement(table)
    return saved(document)


def make_odp(plant):
    document = opendocument.OpenDocumentPresentation()
    layout = odf_style.PageLayout(name="layout")
    document.automaticstyles.addElement(layout)
    master = odf_style.MasterPage(name="master", pagelayoutname=layout)
    document.masterstyles.addElement(master)
    name = plant.places["name of a slide"] = plant("name of a slide").replace(" ", "_")
    page = odf_draw.Page(name=name, masterpagename=master)
    frame = odf_draw.Frame(width="10cm", height="5cm", x="1cm", y="1cm")
    box = odf_draw.TextBox()
    value = plant("body, cut by formatting")
    paragraph = odf_text.P(text="before ")
    for n in range(0, len(value), 9):
        paragraph.addElement(odf_text.Span(text=value[n : n + 9]))
    box.addElement(paragraph)
    frame.addElement(box)
    page.addElement(frame)
    notes = odf_presentation.Notes()
    frame = odf_draw.Frame(width="10cm", height="5cm")
    box = odf_draw.TextBox()
    box.addElement(odf_text.P(text=plant("notes")))
    frame.addElement(box)
    notes.addElement(frame)
    page.addElement(notes)
    document.presentation.addElement(page)
    return saved(document)


def make_csv(plant):
    return f'name,value\nfirst,{plant("cell")}\nsecond,"{plant("quoted cell")}"\n'.encode()


def make_json(plant):
    key = plant("key")
    return json.dumps({key: [1, plant("value")], "x": f"\u00e9 {plant('escapes')}"}).encode()


def make_pdf(plant):
    out = io.BytesIO()
    page = canvas.Canvas(out)
    page.drawString(72, 700, plant("page"))
    page.acroForm.textfield(name="field", tooltip=plant("tip"), value=plant("form"), x=72, y=600)
    page.bookmarkPage("one")
    page.addOutlineEntry(plant("outline"), "one")
    page.showPage()
    page.setAuthor(plant("author"))
    page.save()
    document = pikepdf.open(io.BytesIO(out.getvalue()))
    document.attachments["notes.txt"] = plant("attachment").encode()
    document.attachments["book.xlsx"] = small_xlsx(plant("attached workbook"))
    note = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot,
        Subtype=pikepdf.Name.Text,
        Rect=[0, 0, 9, 9],
        Contents=plant("annotation"),
    )
    link = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot,
        Subtype=pikepdf.Name.Link,
        Rect=[0, 0, 9, 9],
        A=pikepdf.Dictionary(S=pikepdf.Name.URI, URI=f"https://e.com/{plant('link')}"),
    )
    document.pages[0].Annots.append(document.make_indirect(note))
    document.pages[0].Annots.append(document.make_indirect(link))
    document.Root.OpenAction = pikepdf.Dictionary(
        S=pikepdf.Name.JavaScript, JS=document.make_stream(f"// {plant('script')}".encode())
    )
    with document.open_metadata(update_docinfo=False) as metadata:
        metadata["dc:description"] = plant("XMP")
    return saved(document) + b"%" + plant("after the end").encode()


def make_pdf_revised(plant):
    """An old revision by hand: object 4 is replaced by an update behind the first end."""
    out = bytearray(b"%PDF-1.4\n")
    offsets = {}

    def put(number, body):
        offsets[number] = len(out)
        out.extend(b"%d 0 obj\n" % number + body + b"\nendobj\n")

    def stream(text):
        content = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET".encode()
        return b"<< /Length %d >>\nstream\n" % len(content) + content + b"\nendstream"

    def table(numbers, previous):
        at = len(out)
        out.extend(b"xref\n")
        for number in numbers:
            out.extend(b"%d 1\n%010d %05d n \n" % (number, offsets[number], 0))
        old = b"/Prev %d " % previous if previous else b""
        out.extend(b"trailer\n<< /Size 6 /Root 1 0 R %s>>\nstartxref\n%d\n%%%%EOF\n" % (old, at))
        return at

    put(1, b"<< /Type /Catalog /Pages 2 0 R >>")
    put(2, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
    put(
        3,
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
    )
    put(4, stream(plant("earlier revision")))
    put(5, b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    first = table([1, 2, 3, 4, 5], 0)
    put(4, stream(plant("page")))
    table([4], first)
    return bytes(out)


def make_html(plant):
    first, second = plant("cut by tags").split(" ", 1)
    address = base64.b64encode(plant("file in an address").encode()).decode()
    return (
        f"<!doctype html><html><head><title>t</title></head><body><p>{first} <b>{second[:5]}</b>"
        f"{second[5:]}</p><!-- {plant('comment')} --><img alt='{plant('attribute')}'"
        f" src='data:text/plain;base64,{address}'><p>{plant('entities').replace('canary', '&#99;anary')}"
        f"</p><script>var x = '{plant('script')}'</script></body></html>"
    ).encode()


def make_eml(plant):
    message = email.message.EmailMessage()
    message["From"] = "a@example.com"
    message["Subject"] = plant("subject, encoded") + " \u00e9"
    message.set_content(plant("body, base64"), cte="base64")
    message.add_alternative(
        f"<p>{plant('HTML body, quoted-printable')}</p>", "html", cte="quoted-printable"
    )
    message.add_attachment(
        make_zip_of(plant("attached archive")),
        maintype="application",
        subtype="zip",
        filename=f"{plant('name of an attachment')}.zip",
    )
    inner = email.message.EmailMessage()
    inner["Subject"] = "inner"
    inner.set_content(plant("forwarded mail"), cte="base64")
    message.add_attachment(inner)
    return message.as_bytes(policy=email.policy.SMTP)


def make_zip_of(value):
    return zipped({"notes.txt": value})


def make_rtf(plant):
    body = plant("body, cut by formatting")
    return (
        r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\info{\author "
        f"{plant('author')}}}}}"
        rf"\pard before {body[:9]}{{\b {body[9:18]}}}{body[18:]}\par "
        rf"{plant('escapes').replace('c', chr(92) + chr(39) + '63')}\par "
        rf"{plant('Unicode').replace('a', chr(92) + 'u97?')}\par "
        rf"{{\v {plant('hidden run')}}}{{\*\annotation {plant('comment')}}}"
        r"{\object{\*\objdata "
        + (b"\x01\x05\0\0" + make_zip_of(plant("embedded archive"))).hex()
        + "}}}"
    ).encode("ascii")


def make_zip(plant):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = plant("comment").encode()
        archive.writestr("a.txt", plant("text"))
        archive.writestr(f"{plant('name')}.txt", "x")
        archive.writestr("in.zip", zipped({"b.tar": tar_of(plant("nested three deep"))}))
        archive.writestr("doc.docx", make_docx(Plant("inner", {"XML comment"})))
    data = bytearray(b"".join([out.getvalue()]))
    return bytes(data)


def tar_of(value, name="c.txt"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(value)
        archive.addfile(member, io.BytesIO(value.encode()))
    return out.getvalue()


def make_tar(plant):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo(plant("name"))
        text = plant("text").encode()
        member.size = len(text)
        member.uname = plant("owner")
        member.pax_headers = {"comment": plant("header")}
        archive.addfile(member, io.BytesIO(text))
        link = tarfile.TarInfo("link")
        link.type = tarfile.SYMTYPE
        link.linkname = plant("link")
        archive.addfile(link)
    return out.getvalue()


def make_gz(plant):
    out = io.BytesIO()
    with gzip.GzipFile(plant("name"), "wb", fileobj=out, mtime=0) as stream:
        stream.write(plant("text").encode())
    return out.getvalue() + gzip.compress(plant("second member").encode(), mtime=0)


def make_sqlite(plant):
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA secure_delete = 0")
    connection.execute("CREATE TABLE t (a TEXT, b BLOB, c INTEGER)")
    connection.execute(f"CREATE VIEW v AS SELECT '{plant('schema')}'")
    connection.execute(
        "INSERT INTO t VALUES (?, ?, ?)", (plant("row"), make_zip_of(plant("archive in a row")), 7)
    )
    connection.execute("CREATE TABLE gone (a TEXT)")
    connection.executemany(
        "INSERT INTO gone VALUES (?)",
        [(plant("dropped table") if n == 50 else "x" * 300,) for n in range(99)],
    )
    connection.commit()
    connection.execute("DROP TABLE gone")
    connection.commit()
    data = connection.serialize()
    connection.close()
    return data


def make_parquet(plant):
    table = pa.table(
        {
            plant("name of a column"): ["a", None],
            "words": [plant("row"), None],
            "inner": [{"list": [None, plant("list in a struct")]}, None],
            "map": pa.array([[("key", plant("map"))], []], pa.map_(pa.string(), pa.string())),
            "repeated": pa.array([plant("dictionary"), "x"]).dictionary_encode(),
            "bytes": [plant("bytes").encode(), make_zip_of(plant("archive in a row"))],
        }
    ).replace_schema_metadata({"note": plant("metadata")})
    out = io.BytesIO()
    pq.write_table(table, out, write_statistics=False)
    return out.getvalue()


def make_ipynb(plant):
    return json.dumps(
        {
            "nbformat": 4,
            "metadata": {},
            "cells": [
                {
                    "cell_type": "code",
                    "source": ["x = 1\n", plant("source")],
                    "outputs": [
                        {
                            "data": {
                                "application/zip": base64.b64encode(
                                    make_zip_of(plant("output"))
                                ).decode(),
                                "text/plain": ["line\n", plant("text output")],
                            }
                        }
                    ],
                },
            ],
        }
    ).encode()


def make_epub(plant):
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": "<container/>",
            "OEBPS/one.xhtml": f"<html><body><p>{plant('chapter')}</p></body></html>",
            "OEBPS/content.opf": f"<package><creator>{plant('author')}</creator></package>",
        },
        zipfile.ZIP_STORED,
    )


def make_mp3(plant):
    def frame(name, body):
        return name + struct.pack(">I", len(body)) + b"\0\0" + body

    body = frame(b"TPE1", b"\x03" + plant("artist").encode())
    body += frame(b"TIT2", b"\x01" + plant("title").encode("utf-16"))
    body += frame(b"COMM", b"\0eng\0" + plant("comment").encode())
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + size + body + b"\xff\xfb\x90\0" + b"\0" * 400


def make_flac(plant):
    vendor, comment = b"vendor", f"ARTIST={plant('artist')}".encode()
    block = struct.pack("<I", len(vendor)) + vendor + struct.pack("<II", 1, len(comment)) + comment
    head = b"fLaC\0\0\0\x22" + b"\0" * 34
    return head + b"\x84" + len(block).to_bytes(3, "big") + block + b"\xff\xf8" + b"\0" * 50


def make_ogg(plant):
    comment = f"ARTIST={plant('artist')}".encode()
    packet = (
        b"OpusTags" + struct.pack("<I", 1) + b"v" + struct.pack("<II", 1, len(comment)) + comment
    )
    return b"OggS\0" + b"\0" * 21 + b"\1" + bytes([len(packet)]) + packet


def make_wav(plant):
    text = plant("artist").encode() + b"\0"
    info = b"INFOIART" + struct.pack("<I", len(text)) + text + b"\0" * (len(text) % 2)
    body = b"WAVEfmt \x10\0\0\0" + b"\0" * 16 + b"LIST" + struct.pack("<I", len(info)) + info
    return b"RIFF" + struct.pack("<I", len(body)) + body


def make_mp4(plant):
    def box(name, *bodies):
        body = b"".join(bodies)
        return struct.pack(">I", len(body) + 8) + name + body

    artist = box(b"\xa9ART", box(b"data", struct.pack(">II", 1, 0), plant("artist").encode()))
    meta = box(
        b"meta", b"\0" * 4, box(b"hdlr", b"\0" * 8, b"mdir", b"\0" * 13), box(b"ilst", artist)
    )
    line = plant("subtitle").encode()
    sample = struct.pack(">H", len(line)) + line
    start = box(b"ftyp", b"isom\0\0\0\0isom")
    media = box(b"mdat", sample)
    tables = box(
        b"stbl",
        box(b"stsz", struct.pack(">IIII", 0, 0, 1, len(sample))),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)),
        box(b"stco", struct.pack(">III", 0, 1, len(start) + 8)),
    )
    track = box(
        b"trak", box(b"mdia", box(b"hdlr", b"\0" * 8, b"sbtl", b"\0" * 13), box(b"minf", tables))
    )
    return start + media + box(b"moov", track, box(b"udta", meta))


def make_webm(plant):
    def element(name, *bodies):
        body = b"".join(bodies)
        return bytes.fromhex(name) + struct.pack(">Q", len(body) | 1 << 56) + body

    tags = element(
        "1254C367", element("7373", element("67C8", element("4487", plant("tag").encode())))
    )
    track = element("1654AE6B", element("AE", element("D7", b"\1"), element("86", b"S_TEXT/UTF8")))
    cluster = element("1F43B675", element("A3", b"\x81\0\0\0" + plant("subtitle").encode()))
    attachment = element(
        "1941A469", element("61A7", element("465C", make_zip_of(plant("attachment"))))
    )
    return element("1A45DFA3", b"") + element("18538067", track, cluster, tags, attachment)


MAKERS = {
    name.removeprefix("make_"): value
    for name, value in sorted(globals().items())
    if name.startswith("make_") and name != "make_zip_of"
} | {
    "bz2": lambda plant: bz2.compress(plant("text").encode()),
    "xz": lambda plant: lzma.compress(plant("text").encode()),
    "zst": lambda plant: zstandard.ZstdCompressor().compress(plant("text").encode()),
    "tgz": lambda plant: gzip.compress(tar_of(plant("text")), mtime=0),
}


def made(kind, fixed=()):
    """The file and its places."""
    plant = Plant(kind, fixed)
    return MAKERS[kind](plant), plant.places


def main() -> None:
    """Write every file into the folder that is named."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for kind in MAKERS:
        (folder / f"planted.{kind}").write_bytes(made(kind)[0])


if __name__ == "__main__":
    main()
