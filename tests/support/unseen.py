"""Documents with words in places that are shown, in places that are not, and names of people.

Each maker gives the file, the words that a person sees, those that nobody sees, and the marks of who
made it (names, dates, paths). The libraries that make them are others' than those that read them.
"""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from typing import NamedTuple

import docx
import openpyxl
import pikepdf
import pptx
from corpus.files.make import changed, saved
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from odf import dc, draw, meta, office, opendocument, presentation, style, table, text
from odf.namespaces import TEXTNS
from openpyxl.comments import Comment
from pikepdf import Array, Dictionary, Name, String
from pptx.opc.package import Part as SlidePart
from pptx.opc.packuri import PackURI as SlideURI

WHO = "Maria Planted"
COMPANY = "Planted Holding"
WHEN = dt.datetime(2031, 7, 5, 4, 3, 2)  # noqa: DTZ001  # as the libraries want it
LABEL = "MSIP_Label_0a1b2c3d-1111-2222-3333-444455556666_Name"
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_BY = f'w:author="{WHO}" w:date="2031-07-05T04:03:02Z"'


class Made(NamedTuple):
    data: bytes
    shown: tuple[str, ...]
    unseen: tuple[str, ...]
    made_by: tuple[str, ...]


def _w(xml):
    head, _, rest = xml.partition(">")
    closed = "/" if head.endswith("/") else ""
    return parse_xml(f'{head.rstrip("/")} xmlns:w="{W}" xmlns:r="{R}"{closed}>{rest}')


def _run(words, form=""):
    return f"<w:r w:rsidR='00AB12CD'>{f'<w:rPr>{form}</w:rPr>' if form else ''}<w:t>{words}</w:t></w:r>"


def word():
    document = docx.Document()
    body = document.element.body
    paragraph = document.add_paragraph("ShownBody ")
    for xml in (
        f'<w:ins w:id="1" {_BY}>{_run("ShownInserted ")}</w:ins>',
        f'<w:del w:id="2" {_BY}><w:r><w:delText>UnseenDeleted</w:delText></w:r></w:del>',
        f'<w:moveFrom w:id="3" {_BY}>{_run("UnseenMovedFrom")}</w:moveFrom>',
        f'<w:moveTo w:id="4" {_BY}>{_run("ShownMovedTo ")}</w:moveTo>',
        _run("UnseenVanished", "<w:vanish/>"),
        _run("ShownNotVanished ", '<w:vanish w:val="0"/>'),
        _run("ShownInPrint ", "<w:webHidden/>"),
        _run("UnseenByStyle", '<w:rStyle w:val="Secretive"/>'),
        (
            f'<w:r><w:rPr><w:b/><w:rPrChange w:id="5" {_BY}><w:rPr><w:i/></w:rPr></w:rPrChange></w:rPr>'
            "<w:t>ShownBold</w:t></w:r>"
        ),
    ):
        paragraph._p.append(_w(xml))
    body.insert(
        len(body) - 1,
        _w(
            f'<w:p><w:pPr><w:rPr><w:del w:id="6" {_BY}/></w:rPr></w:pPr>'
            f'<w:del w:id="7" {_BY}><w:r><w:delText>UnseenParagraph</w:delText></w:r></w:del></w:p>'
        ),
    )
    body.insert(
        len(body) - 1,
        _w(
            '<w:p><w:sdt><w:sdtPr><w:dataBinding w:xpath="/a" w:storeItemID="{1}"/></w:sdtPr>'
            f"<w:sdtContent>{_run('ShownBound')}</w:sdtContent></w:sdt></w:p>"
        ),
    )
    grid = document.add_table(2, 1)
    grid.rows[0].cells[0].text = "ShownCell"
    grid.rows[1].cells[0].paragraphs[0]._p.append(
        _w(f'<w:del w:id="8" {_BY}><w:r><w:delText>UnseenRow</w:delText></w:r></w:del>')
    )
    grid.rows[1]._tr.insert(0, _w(f'<w:trPr><w:del w:id="9" {_BY}/></w:trPr>'))
    document.add_paragraph("ShownLast")
    document.sections[0].header.paragraphs[0].text = "ShownHeader"
    document.styles.element.append(
        _w(
            '<w:style w:type="character" w:styleId="Secretive"><w:name w:val="S"/><w:rPr><w:vanish/></w:rPr></w:style>'
        )
    )
    document.add_comment(paragraph.runs[:1], text="UnseenComment", author=WHO, initials="MP")
    settings = document.settings.element
    settings.append(
        _w('<w:rsids><w:rsidRoot w:val="00AB12CD"/><w:rsid w:val="00AB12CD"/></w:rsids>')
    )
    settings.append(_w('<w:docVars><w:docVar w:name="x" w:val="UnseenVariable"/></w:docVars>'))
    template = document.part._settings_part.relate_to(
        "file:///C:/Users/mplanted/Offer.dotx", f"{R}/attachedTemplate", is_external=True
    )
    settings.insert(0, _w(f'<w:attachedTemplate r:id="{template}"/>'))
    _part(document, "/word/people.xml", "people",
          f'<w15:people xmlns:w15="w15"><w15:person w15:author="{WHO}"><w15:presenceInfo w15:providerId="AD"'
          ' w15:userId="S::mplanted@example.com::1"/></w15:person></w15:people>')  # fmt: skip
    _part(document, "/word/glossary/document.xml", "glossaryDocument",
          f'<w:glossaryDocument xmlns:w="{W}"><w:p><w:r><w:t>UnseenGlossary</w:t></w:r></w:p></w:glossaryDocument>')  # fmt: skip
    _part(
        document,
        "/customXml/item7.xml",
        "customXml",
        f"<data><who>{WHO}</who><v>UnseenData</v></data>",
    )
    core = document.core_properties
    core.author = core.last_modified_by = WHO
    core.created = core.modified = WHEN
    core.title, core.revision = "UnseenTitle", 17
    out = io.BytesIO()
    document.save(out)
    data = _with_properties(out.getvalue(), "word/document.xml")
    return Made(
        data,
        tuple("ShownBody ShownInserted ShownMovedTo ShownNotVanished ShownInPrint ShownBold ShownBound"
              " ShownCell ShownHeader ShownLast".split()),
        tuple("UnseenDeleted UnseenMovedFrom UnseenVanished UnseenByStyle UnseenParagraph UnseenRow"
              " UnseenComment UnseenVariable UnseenGlossary UnseenData".split()),
        (WHO, COMPANY, "mplanted", "2031-07-05", "00AB12CD", "UnseenTitle", "UnseenProject"),
    )  # fmt: skip


def _part(document, path, kind, xml):
    part = Part(PackURI(path), "application/xml", xml.encode(), document.part.package)
    document.part.relate_to(part, f"{R}/{kind}")


def _with_properties(data, main):
    """`data` with properties that the libraries do not write."""
    app = (
        '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties">'
        f"<Template>Offer.dotx</Template><Pages>3</Pages><Manager>{WHO}</Manager><Company>{COMPANY}</Company>"
        "<AppVersion>16.0000</AppVersion></Properties>"
    )
    custom = (
        '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"'
        ' xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes">'
        f'<property fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" pid="2" name="{LABEL}"><vt:lpwstr>Internal'
        '</vt:lpwstr></property><property fmtid="{D5CDD505-2E9C-101B-9397-08002B2CF9AE}" pid="3" name="Project">'
        "<vt:lpwstr>UnseenProject</vt:lpwstr></property></Properties>"
    )
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/custom-properties"
    return changed(
        data,
        {
            "docProps/app.xml": app,
            "docProps/custom.xml": custom,
            "_rels/.rels": lambda raw: raw.replace(
                b"</Relationships>",
                f'<Relationship Id="rIdC" Type="{kind}" Target="docProps/custom.xml"/></Relationships>'.encode(),
            ),
            "[Content_Types].xml": lambda raw: raw.replace(
                b"</Types>",
                b'<Override PartName="/docProps/custom.xml" ContentType="application/vnd.openxmlformats-'
                b'officedocument.custom-properties+xml"/></Types>',
            ),
        },
    )


def book(results=True, chart=False, formulas=()):
    """A workbook. Without `results` its formulas were never calculated, as libraries leave them."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "Front"
    sheet["A1"], sheet["B1"] = "ShownHead", 1
    sheet["A2"], sheet["B2"] = "UnseenRow", 20
    sheet.row_dimensions[2].hidden = True
    sheet["A3"], sheet["B3"] = "ShownThird", 300
    sheet["F1"] = "UnseenColumn"
    sheet.column_dimensions["F"].hidden = True
    sheet["C1"], sheet["C3"] = "=SUM(B1:B3)", "=B1+B3"
    sheet["D1"], sheet["D3"] = "=Secrets!A2*2", '=IF(B1>0,"ShownYes","no")'
    for place, formula in formulas:
        sheet[place] = formula
    sheet["A1"].comment = Comment("UnseenComment", WHO)
    sheet["A3"].hyperlink = "https://example.com/shown"
    first = made.create_sheet("Secrets", 0)
    first.sheet_state = "hidden"
    first["A1"], first["A2"] = "UnseenSheet", 21
    made.active = 1
    back = made.create_sheet("Back")
    back["A1"], back["B1"] = "ShownBack", "=Front!B1"
    made.defined_names["Rates"] = openpyxl.workbook.defined_name.DefinedName(
        "Rates", attr_text="Secrets!$A$1:$A$2"
    )
    back.print_area = "A1:B2"
    if chart:
        drawn = openpyxl.chart.BarChart()
        drawn.add_data(openpyxl.chart.Reference(sheet, min_col=2, min_row=1, max_row=3))
        sheet.add_chart(drawn, "H9")
    made.properties.creator = made.properties.lastModifiedBy = WHO
    made.properties.created = made.properties.modified = WHEN
    made.properties.title = "UnseenTitle"
    out = io.BytesIO()
    made.save(out)
    data = _with_properties(out.getvalue(), "xl/workbook.xml")
    came_to = {b"SUM(B1:B3)": b"321", b"B1+B3": b"301", b"Secrets!A2*2": b"42", b"Front!B1": b"1"}

    def calculated(raw):
        for formula, value in came_to.items():
            raw = raw.replace(b"<f>%s</f><v/>" % formula, b"<f>%s</f><v>%s</v>" % (formula, value))
            raw = raw.replace(
                b"<f>%s</f><v></v>" % formula, b"<f>%s</f><v>%s</v>" % (formula, value)
            )
        return raw

    if results:
        names = [
            name for name in zipfile.ZipFile(io.BytesIO(data)).namelist() if "sheets/sheet" in name
        ]
        data = changed(data, dict.fromkeys(names, calculated))
    else:
        names = [
            name for name in zipfile.ZipFile(io.BytesIO(data)).namelist() if "sheets/sheet" in name
        ]
        data = changed(
            data,
            dict.fromkeys(
                names,
                lambda raw: raw.replace(b"</f><v/>", b"</f>").replace(b"</f><v></v>", b"</f>"),
            ),
        )
    return Made(
        data,
        ("ShownHead", "ShownThird", "ShownBack"),
        ("UnseenRow", "UnseenColumn", "UnseenComment", "UnseenSheet", "Secrets"),
        (WHO, COMPANY, "2031-07-05", "UnseenTitle", "UnseenProject"),
    )


def deck():
    made = pptx.Presentation()
    layout = made.slide_layouts[5]
    slides = [made.slides.add_slide(layout) for _ in range(3)]
    for slide, words in zip(slides, ("ShownFirst", "UnseenSlide", "ShownLast"), strict=True):
        slide.shapes.title.text = words
    slides[1]._element.set("show", "0")
    slides[0].notes_slide.notes_text_frame.text = "UnseenNotes"
    inch = pptx.util.Inches(1)
    link = slides[0].shapes.add_textbox(inch, inch, inch, inch)
    link.text_frame.text = "ShownLink"
    link.click_action.target_slide = slides[1]
    shape = slides[2].shapes.add_textbox(inch, inch, inch, inch)
    shape.text_frame.text = "UnseenShape"
    shape._element.nvSpPr.cNvPr.set("hidden", "1")
    p = "http://schemas.openxmlformats.org/presentationml/2006/main"
    for part, path, kind, xml in (
        (made.part, "/ppt/commentAuthors.xml", "commentAuthors",
         f'<p:cmAuthorLst xmlns:p="{p}"><p:cmAuthor id="0" name="{WHO}" initials="MP" lastIdx="1" clrIdx="0"/></p:cmAuthorLst>'),
        (slides[0].part, "/ppt/comments/comment1.xml", "comments",
         (f'<p:cmLst xmlns:p="{p}"><p:cm authorId="0" dt="2031-07-05T04:03:02.000" idx="1"><p:pos x="1" y="1"/>'
         "<p:text>UnseenComment</p:text></p:cm></p:cmLst>")),
    ):  # fmt: skip
        content = f"application/vnd.openxmlformats-officedocument.presentationml.{kind}+xml"
        part.relate_to(
            SlidePart(SlideURI(path), content, made.part.package, xml.encode()), f"{R}/{kind}"
        )
    core = made.core_properties
    core.author = core.last_modified_by = WHO
    core.created = core.modified = WHEN
    core.title = "UnseenTitle"
    out = io.BytesIO()
    made.save(out)
    return Made(
        _with_properties(out.getvalue(), "ppt/presentation.xml"),
        ("ShownFirst", "ShownLast", "ShownLink"),
        ("UnseenSlide", "UnseenNotes", "UnseenShape", "UnseenComment"),
        (WHO, COMPANY, "2031-07-05", "UnseenTitle", "UnseenProject"),
    )


def _annotation(words):
    note = office.Annotation()
    note.addElement(dc.Creator(text=WHO))
    note.addElement(dc.Date(text="2031-07-05T04:03:02"))
    note.addElement(text.P(text=words))
    return note


def _by(document):
    document.meta.addElement(dc.Creator(text=WHO))
    document.meta.addElement(meta.InitialCreator(text=WHO))
    document.meta.addElement(meta.CreationDate(text="2031-07-05T04:03:02"))
    document.meta.addElement(dc.Title(text="UnseenTitle"))
    document.meta.addElement(meta.UserDefined(name="Project", text="UnseenProject"))
    document.meta.addElement(meta.UserDefined(name=LABEL, text="Internal"))
    return saved(document)


def _hiding(document, name, family, **properties):
    made = style.Style(name=name, family=family)
    kind = {
        "text": style.TextProperties,
        "table": style.TableProperties,
        "drawing-page": style.DrawingPageProperties,
    }[family]
    made.addElement(kind(**properties))
    document.automaticstyles.addElement(made)
    return made


_MADE_BY_ODF = (WHO, "2031-07-05", "UnseenTitle", "UnseenProject")


def writer():
    document = opendocument.OpenDocumentText()
    hidden = _hiding(document, "T1", "text", display="none")
    changes = text.TrackedChanges()
    region = text.ChangedRegion(check_grammar=False)
    region.setAttrNS(TEXTNS, "id", "ct1")
    deletion = text.Deletion()
    info = office.ChangeInfo()
    info.addElement(dc.Creator(text=WHO))
    info.addElement(dc.Date(text="2031-07-05T04:03:02"))
    deletion.addElement(info)
    deletion.addElement(text.P(text="UnseenDeleted"))
    region.addElement(deletion)
    changes.addElement(region)
    document.text.addElement(changes)
    paragraph = text.P(text="ShownBody ")
    paragraph.addElement(text.Change(changeid="ct1"))
    paragraph.addElement(text.Span(stylename=hidden, text="UnseenSpan"))
    paragraph.addElement(_annotation("UnseenComment"))
    paragraph.addText(" ShownAfter")
    document.text.addElement(paragraph)
    section = text.Section(name="s", display="none")
    section.addElement(text.P(text="UnseenSection"))
    document.text.addElement(section)
    document.text.addElement(text.P(text="ShownLast"))
    unseen = ("UnseenDeleted", "UnseenSpan", "UnseenComment", "UnseenSection")
    return Made(_by(document), ("ShownBody", "ShownAfter", "ShownLast"), unseen, _MADE_BY_ODF)


def calc():
    document = opendocument.OpenDocumentSpreadsheet()
    _hiding(document, "ta1", "table", display="true")
    hidden = _hiding(document, "ta2", "table", display="false")

    def cell(words, **more):
        made = table.TableCell(valuetype="string", **more)
        made.addElement(text.P(text=words))
        return made

    front = table.Table(name="Front", stylename="ta1")
    front.addElement(table.TableColumn())
    front.addElement(table.TableColumn(visibility="collapse"))
    front.addElement(table.TableColumn(numbercolumnsrepeated=3))
    first = table.TableRow()
    noted = cell("ShownHead")
    noted.addElement(_annotation("UnseenComment"))
    for one in (noted, cell("UnseenColumn"), cell("ShownSum", formula="of:=[.A2]&[Secrets.A1]")):
        first.addElement(one)
    second = table.TableRow(visibility="collapse")
    second.addElement(cell("UnseenRow"))
    back = table.Table(name="Secrets", stylename=hidden)
    third = table.TableRow()
    third.addElement(cell("UnseenSheet"))
    front.addElement(first)
    front.addElement(second)
    back.addElement(third)
    document.spreadsheet.addElement(front)
    document.spreadsheet.addElement(back)
    unseen = ("UnseenColumn", "UnseenComment", "UnseenRow", "UnseenSheet", "Secrets")
    return Made(_by(document), ("ShownHead", "ShownSum"), unseen, _MADE_BY_ODF)


def impress():
    document = opendocument.OpenDocumentPresentation()
    layout = style.PageLayout(name="layout")
    document.automaticstyles.addElement(layout)
    master = style.MasterPage(name="master", pagelayoutname=layout)
    document.masterstyles.addElement(master)
    hidden = _hiding(document, "dp2", "drawing-page", visibility="hidden")

    def frame(words):
        made = draw.Frame(width="9cm", height="2cm", x="1cm", y="1cm")
        box = draw.TextBox()
        box.addElement(text.P(text=words))
        made.addElement(box)
        return made

    first = draw.Page(name="one", masterpagename=master)
    first.addElement(frame("ShownFirst"))
    notes = presentation.Notes()
    notes.addElement(frame("UnseenNotes"))
    first.addElement(notes)
    second = draw.Page(name="two", masterpagename=master, stylename=hidden)
    second.addElement(frame("UnseenSlide"))
    document.presentation.addElement(first)
    document.presentation.addElement(second)
    return Made(_by(document), ("ShownFirst",), ("UnseenNotes", "UnseenSlide"), _MADE_BY_ODF)


def portable():
    document = pikepdf.new()
    page = document.add_blank_page(page_size=(400, 300))
    off, on = (
        document.make_indirect(Dictionary(Type=Name.OCG, Name=String(name)))
        for name in ("UnseenLayerName", "Layer")
    )
    document.Root.OCProperties = Dictionary(
        OCGs=Array([off, on]), D=Dictionary(OFF=Array([off]), Order=Array([off, on]))
    )
    font = document.make_indirect(
        Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    )
    form = document.make_stream(b"BT /F1 12 Tf 9 9 Td (UnseenForm) Tj ET")
    form.Type, form.Subtype, form.BBox, form.OC = (
        Name.XObject,
        Name.Form,
        Array([0, 0, 99, 99]),
        off,
    )
    form.Resources = Dictionary(Font=Dictionary(F1=font))
    page.obj.Resources = Dictionary(
        Font=Dictionary(F1=font), Properties=Dictionary(MC0=off, MC1=on), XObject=Dictionary(X=form)
    )
    page.obj.Contents = document.make_stream(
        b"BT /F1 12 Tf 20 200 Td (ShownBody) Tj ET /OC /MC0 BDC BT /F1 12 Tf 20 150 Td (UnseenLayer) Tj"
        b" 0 -20 Td (UnseenToo) ' ET 9 9 20 20 re f EMC /OC /MC1 BDC BT /F1 12 Tf 20 90 Td (ShownLayer) Tj"
        b" ET EMC /X Do"
    )
    attached = document.make_stream(b"UnseenAttachment")
    attached.Type = Name.EmbeddedFile
    spec = document.make_indirect(
        Dictionary(Type=Name.Filespec, F=String("UnseenName.txt"), EF=Dictionary(F=attached))
    )
    document.Root.Names = Dictionary(
        EmbeddedFiles=Dictionary(Names=Array([String("UnseenKey"), spec]))
    )
    by = {"T": String(WHO), "M": String("D:20310705040302"), "Type": Name.Annot}
    box = Array([20, 20, 60, 40])
    page.obj.Annots = Array(
        document.make_indirect(item)
        for item in (
            Dictionary(Subtype=Name.Text, Rect=box, Contents=String("UnseenComment"), **by),
            Dictionary(Subtype=Name.Highlight, Rect=box, Contents=String("UnseenRemark"), **by,
                       QuadPoints=Array([20, 40, 60, 40, 20, 20, 60, 20])),
            Dictionary(Subtype=Name.FileAttachment, Rect=box, FS=spec, **by),
            Dictionary(Subtype=Name.FreeText, Rect=box, Contents=String("ShownFree"), DA=String("/F1 9 Tf"), **by),
            Dictionary(Subtype=Name.Widget, Rect=box, F=2, FT=Name.Tx, T=String("field"), V=String("UnseenField"),
                       Type=Name.Annot),
        )
    )  # fmt: skip
    document.Root.AcroForm = Dictionary(Fields=Array([page.obj.Annots[4]]))
    document.Root.StructTreeRoot = document.make_indirect(
        Dictionary(Type=Name.StructTreeRoot, K=Dictionary(Type=Name.OBJR, Obj=page.obj.Annots[0]))
    )
    document.docinfo["/Author"] = WHO
    document.docinfo["/Producer"] = f"{COMPANY} writer"
    document.docinfo["/CreationDate"] = "D:20310705040302"
    with document.open_metadata(set_pikepdf_as_editor=False) as xmp:
        xmp["dc:creator"] = [WHO]
    page.obj.PieceInfo = Dictionary(App=Dictionary(Private=String(f"by {COMPANY}")))
    out = io.BytesIO()
    document.save(out, static_id=True)
    return Made(
        out.getvalue(),
        ("ShownBody", "ShownLayer"),
        tuple("UnseenLayerName UnseenForm UnseenLayer UnseenToo UnseenAttachment UnseenName UnseenKey UnseenComment"
              " UnseenRemark UnseenField".split()),
        (WHO, COMPANY, "20310705"),
    )  # fmt: skip


MAKERS = {
    "docx": word,
    "xlsx": book,
    "pptx": deck,
    "odt": writer,
    "ods": calc,
    "odp": impress,
    "pdf": portable,
}
