"""Documents without who made them, or without what they do not show: all of it gone, nothing shown lost."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import zipfile
from email.message import EmailMessage

import docx
import openpyxl
import pikepdf
import pptx
import pypdfium2 as pdfium
import pytest
from corpus.files import make
from hypothesis import given, settings
from hypothesis import strategies as st
from odf import opendocument
from support import unseen
from support.thorough import examples

from gateway.content import CannotRewrite, open_blob, walk, write_blob
from gateway.content.docclean import sheets, whole
from gateway.content.docclean.tree import Tree
from gateway.content.looking import PictureSettings
from gateway.content.reading import Budget, Fact, FileLimits, Missed, Text
from gateway.content.types import type_of
from gateway.model import BlobPart, Cleaning, Locator, Step

PLACE = Locator("body.file", (Step("body", 0, 0),))
BLIND = PictureSettings(ocr=False, faces=False, codes=False)
OPENS = {
    "docx": docx.Document,
    "xlsx": openpyxl.load_workbook,
    "pptx": pptx.Presentation,
    "odt": opendocument.load,
    "ods": opendocument.load,
    "odp": opendocument.load,
    "pdf": pdfium.PdfDocument,
}


@pytest.fixture(scope="module")
def made():
    return {kind: maker() for kind, maker in unseen.MAKERS.items()}


@functools.cache
def cleaned(data, *what):
    return whole.cleaned(
        data, type_of(data).media_type, metadata="metadata" in what, hidden="hidden" in what
    )


def told(data):
    return list(walk.walk(data, limits=FileLimits(), looking=BLIND))


def facts(data):
    return {said.name: said.value for said in told(data) if isinstance(said, Fact)}


def shown(data):
    """What a person sees of it, as the reader says."""
    texts = [
        said.text
        for said in told(data)
        if isinstance(said, Text)
        and not said.hidden
        and not said.place.startswith(("workbook[", "drawing["))
    ]  # names of sheets and the boxes of comments are said with what is shown
    return "".join("\n".join(texts).split())


def streams(data):
    """Everything in the file, unpacked, with and without the tags."""
    if data.startswith(b"%PDF"):
        with pikepdf.open(io.BytesIO(data)) as document:
            yield document.trailer.unparse(resolved=True)
            for item in document.objects:
                if isinstance(item, pikepdf.Stream):
                    yield item.stream_dict.unparse() if hasattr(item, "stream_dict") else b""
                    yield item.read_bytes()
                else:
                    yield item.unparse(resolved=True)
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            content = archive.read(name)
            yield name.encode()
            yield content
            yield re.sub(rb"<[^>]*>", b"", content)
            if content.startswith(b"PK\x03\x04"):
                yield from streams(content)


def left(data, words):
    """Those of `words` that stand anywhere in the file."""
    held = list(streams(data))
    return {
        word
        for word in words
        if any(
            word.encode() in one or word.encode("utf-16-be").hex().encode() in one for one in held
        )
    }


@pytest.mark.parametrize("kind", unseen.MAKERS)
def test_nothing_planted_is_missing_before(made, kind):
    one = made[kind]
    assert left(one.data, (*one.shown, *one.unseen)) == {*one.shown, *one.unseen}
    assert {"authors", "properties", "hidden"} <= facts(one.data).keys()
    assert not [said for said in told(one.data) if isinstance(said, Missed)]


@pytest.mark.parametrize("kind", unseen.MAKERS)
def test_who_made_it_is_gone_and_the_rest_stays(made, kind):
    one = made[kind]
    after = cleaned(one.data, "metadata")
    assert left(after, one.made_by) == set()
    assert left(after, one.shown) == set(one.shown)
    assert shown(after) == shown(one.data)
    was, now = facts(one.data), facts(after)
    assert not now.keys() & {"authors", "properties"}
    assert now.get("hidden") is True
    assert now.get("label") == was.get("label")
    assert now.get("pages") == was.get("pages")
    assert OPENS[kind](io.BytesIO(after)) is not None


@pytest.mark.parametrize("kind", unseen.MAKERS)
def test_what_is_not_shown_is_gone_and_all_that_is_shown_stays(made, kind):
    one = made[kind]
    after = cleaned(one.data, "hidden")
    assert left(after, one.unseen) == set()
    assert left(after, one.shown) == set(one.shown)
    assert "hidden" not in facts(after)
    if kind != "pdf":  # a reader says what is in a layer that is off, too
        assert shown(after) == shown(one.data)
    assert not [said for said in told(after) if isinstance(said, Missed)]
    assert OPENS[kind](io.BytesIO(after)) is not None


@pytest.mark.parametrize("kind", unseen.MAKERS)
def test_both_at_once_and_once_more_change_nothing_further(made, kind):
    one = made[kind]
    after = cleaned(one.data, "metadata", "hidden")
    assert left(after, (*one.unseen, *one.made_by)) == set()
    again = cleaned(after, "metadata", "hidden")
    if kind != "pdf":  # which is packed anew
        assert list(streams(again)) == list(streams(after))
    assert (facts(again), shown(again)) == (facts(after), shown(after))


@pytest.mark.parametrize("kind", [kind for kind in unseen.MAKERS if kind != "pdf"])
def test_what_is_said_of_parts_is_true(made, kind):
    after = cleaned(made[kind].data, "metadata", "hidden")
    with zipfile.ZipFile(io.BytesIO(after)) as archive:
        names = set(archive.namelist())
        assert {info.date_time[0] for info in archive.infolist()} == {1980}
        if "META-INF/manifest.xml" in names:
            listed = re.findall(rb'full-path="([^"]*[^/"])"', archive.read("META-INF/manifest.xml"))
            assert {name.decode() for name in listed} <= names
            return
        types = archive.read("[Content_Types].xml")
        for name in re.findall(rb'PartName="/([^"]*)"', types):
            assert name.decode() in names
        for rels in [name for name in names if name.endswith(".rels")]:
            folder = rels.partition("_rels/")[0]
            for target, mode in re.findall(
                rb'Target="([^"]*)"(?: TargetMode="(\w+)")?', archive.read(rels)
            ):
                path = target.decode()
                whole_path = path[1:] if path.startswith("/") else f"{folder}{path}"
                while "/../" in whole_path:
                    whole_path = re.sub(r"[^/]+/\.\./", "", whole_path, count=1)
                assert mode or whole_path in names, (rels, path)


def test_changes_are_accepted_and_no_deleted_paragraph_leaves_a_line(made):
    document = docx.Document(io.BytesIO(cleaned(made["docx"].data, "hidden")))
    xml = document.element.xml
    for name in ("w:ins", "w:del", "w:moveTo", "w:moveFrom", "w:rPrChange", "w:comment"):
        assert f"<{name}" not in xml
    said = [paragraph.text for paragraph in document.paragraphs]
    assert said[0].startswith("ShownBody ShownInserted ShownMovedTo")
    assert len(said) == len(docx.Document(io.BytesIO(made["docx"].data)).paragraphs) - 1
    assert len(document.tables[0].rows) == 1


def test_formulas_that_look_at_hidden_cells_leave_what_they_came_to(made):
    data = cleaned(made["xlsx"].data, "hidden")
    formulas = openpyxl.load_workbook(io.BytesIO(data))
    values = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    assert formulas.sheetnames == ["Front", "Back"]
    front, known = formulas["Front"], values["Front"]
    assert (front["C1"].value, known["C1"].value) == (321, 321)  # over the hidden row
    assert (front["C3"].value, known["C3"].value) == ("=B1+B3", 301)  # beside it
    assert front["D1"].value == 42  # of a sheet that is gone
    assert front["D3"].value.startswith("=IF(")
    assert formulas["Back"]["B1"].value == "=Front!B1"
    assert (front["A2"].value, front["B2"].value, front["F1"].value) == (None, None, None)
    assert front.row_dimensions[2].hidden
    assert front["A3"].hyperlink.target == "https://example.com/shown"
    assert formulas.active.title == "Front"
    assert formulas["Back"].print_area == "'Back'!$A$1:$B$2"
    assert "Rates" not in formulas.defined_names


def in_threads(made):
    """The workbook with comments as Excel writes them: names in the text, and a thread."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    threads = "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"
    bold = "<r><rPr><b/></rPr><t>%s</t></r><r><t xml:space='preserve'>\n%s</t></r>"
    who = unseen.WHO
    said = (
        ("A1", 0, bold % (f"{who}:", "KeptFirst")),
        ("A3", 1, bold % ("Jo &amp; Planted:", "KeptSecond")),
        ("B1", 0, f"<r><t>{who}: KeptInOneRun</t></r>"),
        ("B3", 0, "<r><t>KeptWithoutName: 12</t></r>"),
        ("C1", 2, f"<t>[Threaded comment] Comment: @{who} KeptThread</t>"),
    )
    comments = "".join(
        f'<comment ref="{ref}" authorId="{number}"><text>{xml}</text></comment>'
        for ref, number, xml in said
    )
    guid = "{11111111-2222-3333-4444-555555555555}"
    data = make.changed(
        made["xlsx"].data,
        {
            "xl/comments/comment1.xml": f'<comments xmlns="{main}"><authors><author>{who}</author>'
            f"<author>Jo &amp; Planted</author><author>tc={guid}</author></authors>"
            f"<commentList>{comments}</commentList></comments>",
            "xl/threadedComments/threadedComment1.xml": f'<ThreadedComments xmlns="{threads}">'
            f'<threadedComment ref="C1" dT="2031-07-05T04:03:02.00" personId="{guid}" id="{guid}"><text>'
            f"\U0001f600 @{who} KeptThread @{who} KeptEnd</text><mentions>"
            f'<mention mentionpersonId="{guid}" mentionId="{guid}" startIndex="3" length="{len(who) + 1}"/>'
            f'<mention mentionpersonId="{guid}" mentionId="{guid}" startIndex="29" length="{len(who) + 1}"/>'
            "</mentions></threadedComment></ThreadedComments>",
            "xl/persons/person.xml": f'<personList xmlns="{threads}"><person displayName="{who}" id="{guid}"'
            ' userId="mplanted@example.com" providerId="AD"/></personList>',
        },
    )  # fmt: skip
    assert left(data, (who, "Jo &amp; Planted", "mplanted")) == {
        who,
        "Jo &amp; Planted",
        "mplanted",
    }
    return data


def test_names_that_excel_writes_into_comments_go_with_their_authors(made):
    after = cleaned(in_threads(made), "metadata")
    assert left(after, (unseen.WHO, "Jo &amp; Planted", "mplanted", "2031-07-05")) == set()
    kept = "KeptFirst KeptSecond KeptInOneRun KeptThread KeptEnd".split()
    assert left(after, kept) == set(kept)
    assert "authors" not in facts(after)
    front = openpyxl.load_workbook(io.BytesIO(after))["Front"]
    assert front["A1"].comment.text == "Author:\nKeptFirst"
    assert front["A3"].comment.text == "Author:\nKeptSecond"
    assert front["B1"].comment.text == "Author: KeptInOneRun"
    assert front["B3"].comment.text == "KeptWithoutName: 12"
    with zipfile.ZipFile(io.BytesIO(after)) as archive:
        thread = archive.read("xl/threadedComments/threadedComment1.xml").decode()
    said = re.search("<text>(.*)</text>", thread)[1].encode("utf-16-le")
    places = re.findall('startIndex="(\\d+)" length="(\\d+)"', thread)
    assert [
        said[2 * int(start) :][: 2 * int(size)].decode("utf-16-le") for start, size in places
    ] == ["@Author", "@Author"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"results": False}, "not saved"),
        ({"chart": True}, "depends on hidden cells"),
    ],
)
def test_what_cannot_be_done_soundly_is_refused_with_what_helps(more, why):
    data = unseen.book(**more).data
    with pytest.raises(CannotRewrite, match=why):
        cleaned(data, "hidden")
    assert facts(cleaned(data, "metadata"))["hidden"] is True


GONE = sheets._Gone(sheets={"secrets"}, kept={"front", "my own"})
GONE.rows["front"] = {2}
GONE.columns["front"] = {6}


STAY = """
B1 | B3+$B$4 | SUM(A3:E9) | 'My Own'!F2 | LOG10(B1) | 1.5E-3*A1 | Front!A1 | 'My Own'!A1:F9 + 2
IF(B1<2,"F2",B1%)&"Secrets!A1" | SUM(A1,"")
"""
GO = """
B2 | A1:A9 | $A$1:$A$3 | F1 | E1:G1 | Secrets!A1 | 'Secrets'!A1 | A:A | 2:2 | Rates | SUM(Rates)
INDIRECT("A2") | OFFSET(A1,1,0) | Table1[Sum] | [1]Front!A1 | Front:Back!A1 | A1:INDEX(A1:A1,1)
A1# | #REF! | Other!A1 | @A3 | _xlfn.LET(a,1,a) | A1.B2 | "open
"""


def listed(formulas):
    return [one.strip() for line in formulas.strip().splitlines() for one in line.split(" | ")]


@pytest.mark.parametrize("formula", listed(STAY))
def test_formulas_that_stay(formula):
    assert GONE.spares(formula, "front")


@pytest.mark.parametrize("formula", listed(GO))
def test_formulas_that_may_look_at_what_is_gone(formula):
    assert not GONE.spares(formula, "front")


def test_a_slide_that_is_gone_is_led_to_by_nothing(made):
    deck = pptx.Presentation(io.BytesIO(cleaned(made["pptx"].data, "hidden")))
    assert [slide.shapes.title.text for slide in deck.slides] == ["ShownFirst", "ShownLast"]
    assert not any(slide.has_notes_slide for slide in deck.slides)
    assert b"hlinkClick" not in b"".join(streams(cleaned(made["pptx"].data, "hidden")))


def test_a_pdf_is_drawn_as_before(made):
    pictures = []
    for data in (made["pdf"].data, cleaned(made["pdf"].data, "metadata", "hidden")):
        with pdfium.PdfDocument(data) as document:
            pictures.append(bytes(document[0].render(draw_annots=False).buffer))
    assert pictures[0] == pictures[1]


def test_a_mark_on_a_page_stays_without_its_comment(made):
    with pikepdf.open(io.BytesIO(cleaned(made["pdf"].data, "hidden"))) as document:
        kinds = [str(item.Subtype) for item in document.pages[0].Annots]
    assert kinds == ["/Highlight", "/FreeText"]


def bare(data, *what):
    """`data` cleaned as a policy does it, with all that lies within."""
    blob = BlobPart(PLACE, data)
    opened = open_blob(blob, max_bytes=1 << 24, looking=BLIND)
    return write_blob(
        blob,
        opened,
        (),
        [Cleaning(PLACE, one, "strip") for one in what],
        key=b"key",
        looking=BLIND,
    )


@pytest.mark.parametrize("kind", ["zip", "docx", "eml"])
def test_a_document_within_another_file_is_cleaned_too(made, kind):
    inner = made["xlsx"]
    if kind == "zip":
        data = make.zipped({"a.xlsx": inner.data, "b.txt": b"words"})
    elif kind == "docx":
        data = make.changed(
            made["docx"].data, {"word/embeddings/Microsoft_Excel_Sheet1.xlsx": inner.data}
        )
    else:
        mail = EmailMessage()
        mail["Subject"] = "words"
        mail.set_content("words")
        mail.add_attachment(
            inner.data, maintype="application", subtype="octet-stream", filename="a.xlsx"
        )
        data = mail.as_bytes()
    after = bare(data, "metadata", "hidden")
    assert not facts(after).keys() & {"authors", "properties", "hidden"}
    assert "pages" in facts(after)


def test_older_formats_are_refused_with_what_helps():
    data = b"{\\rtf1{\\info{\\author Maria Planted}}words}"
    assert facts(data).keys() >= {"authors", "properties"}
    with pytest.raises(CannotRewrite, match="save it as docx"):
        bare(data, "metadata")
    assert not facts(b"{\\rtf1 words}").keys() & {"authors", "properties"}


def test_a_signed_document_is_refused(made):
    data = make.changed(made["docx"].data, {"_xmlsignatures/sig1.xml": "<a/>"})
    with pytest.raises(CannotRewrite, match="signed"):
        cleaned(data, "metadata")


@pytest.mark.parametrize("kind", unseen.MAKERS)
@settings(max_examples=5, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4
    )
)
def test_damaged_files_end_in_a_refusal(made, kind, changes):
    data = bytearray(made[kind].data)
    for where, byte in changes:
        data[int(where * len(data))] = byte
    media_type = type_of(made[kind].data).media_type
    with contextlib.suppress(CannotRewrite):
        whole.cleaned(bytes(data), media_type, metadata=True, hidden=True)


names = st.sampled_from("a b p:r c".split())
words = st.text(alphabet="xy<&>'\"é \n", max_size=6)


@st.composite
def xml(draw, depth=3):
    name = draw(names)
    said = "".join(
        f" {key}={quote}{word.replace('&', '&amp;').replace('<', '&lt;').replace(quote, '')}{quote}"
        for key, quote, word in zip(
            draw(st.sampled_from([(), ("k",), ("k", "p:x")])),
            "'\"",
            draw(st.lists(words, min_size=2, max_size=2)),
            strict=False,
        )
    )
    inner = [
        draw(xml(depth - 1)) if depth and draw(st.booleans())
        else draw(words).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        for _ in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    if not inner and draw(st.booleans()):
        return f"<{name}{said} />"
    return f"<{name}{said}>{''.join(inner)}</{name}>"


@settings(max_examples=examples(60), deadline=None)
@given(xml(), st.data())
def test_a_tree_in_which_nothing_changes_is_the_same_bytes_and_a_drop_takes_just_that(text, chosen):
    raw = f"<root xmlns:p='p'>{text}</root>".encode()
    tree = Tree(raw, Budget(FileLimits(), len(raw)))
    assert tree.written() == raw
    nodes = list(tree.root.all())
    node = chosen.draw(st.sampled_from(nodes[1:]))
    node.drop()
    assert tree.written() == raw[: node.start] + raw[node.end :]
    assert Tree(tree.written(), Budget(FileLimits(), 1)).root.name == "root"
