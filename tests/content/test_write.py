"""Writing into files: what is named is gone, and everything else is as it was."""

from __future__ import annotations

import importlib.util
import io
import re
import zipfile
from pathlib import Path

import cv2
import docx
import numpy as np
import openpyxl
import pptx
import pydicom
import pytest
from corpus.files import medical
from corpus.files import metadata as planted
from PIL import Image, ImageDraw
from support import metafiles

from gateway.content import CannotRewrite, open_blob, sandbox, write_blob
from gateway.content.rewriting import REASONS
from gateway.model import BlobPart, Cleaning, Edit, Locator, Step

KEY = b"a key of the test"
PLACE = Locator("body.file", (Step("body", 0, 0),))
TEXT = "card 4111 1111 1111 1111 thanks"
FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"]


def drawn(words=TEXT, form="PNG", **more):
    image = Image.new("RGB", (700, 120), "white")
    ImageDraw.Draw(image).text((20, 40), words, fill="black", font_size=28)
    out = io.BytesIO()
    image.save(out, form, **more)
    return out.getvalue()


def portrait(form="JPEG"):
    shipped = importlib.util.find_spec("skimage").submodule_search_locations[0]
    out = io.BytesIO()
    Image.open(Path(shipped) / "data/astronaut.png").convert("RGB").save(out, form)
    return out.getvalue()


def zipped(**entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def opened(data, **changes):
    blob = BlobPart(PLACE, data, **changes)
    return blob, open_blob(blob, max_bytes=1 << 24)


def said(data):
    return "\n".join(part.text for part in opened(data)[1].parts)


def taken_out(data, value):
    """`data` without `value`, wherever it was read."""
    blob, found = opened(data)
    edits = [
        Edit(part.locator, match.start(), match.end(), "gone")
        for part in found.parts
        for match in re.finditer(value, part.text)
    ]
    assert edits
    assert all(part.editable for part in found.parts if re.search(value, part.text))
    return write_blob(blob, found, edits, (), key=KEY)


def cleaned(data, what, style="fill", file=None):
    blob, found = opened(data)
    return write_blob(blob, found, (), [Cleaning(file or found.info.locator, what, style)], key=KEY)


@pytest.mark.parametrize("form", FORMATS)
def test_text_in_a_picture_is_covered_and_the_rest_stays(form):
    before = drawn(form=form, **({"quality": 95} if form == "JPEG" else {}))
    after = taken_out(before, r"4[1\s]{12,}1")
    assert "card" in said(after)
    assert "thanks" in said(after)
    assert "1111" not in said(after)
    old, new = (Image.open(io.BytesIO(data)).convert("RGB") for data in (before, after))
    assert old.size == new.size
    # OpenCV decodes with libraries of its own.
    seen = cv2.imdecode(np.frombuffer(after, np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    assert seen.shape[:2] == (120, 700)
    changed = np.any(np.abs(np.asarray(old).astype(int) - np.asarray(new)) > 24, axis=2)
    columns = np.flatnonzero(changed.any(axis=0))
    assert columns[0] > 60  # behind the word `card`
    assert columns[-1] < 480  # before the word `thanks`


def test_only_the_frame_with_the_finding_is_covered():
    frames = [Image.open(io.BytesIO(drawn(words))) for words in ("first page", TEXT)]
    out = io.BytesIO()
    frames[0].save(out, "TIFF", save_all=True, append_images=frames[1:])
    after = taken_out(out.getvalue(), r"4[1\s]{12,}1")
    first = Image.open(io.BytesIO(after))
    assert np.array_equal(np.asarray(first.convert("RGB")), np.asarray(frames[0].convert("RGB")))
    assert "1111" not in said(after)


def test_what_is_found_in_metadata_goes_with_all_of_it():
    data = planted.jpeg()
    hidden = [part.text for part in opened(data)[1].parts if len(part.text) > 8]
    after = taken_out(data, re.escape(hidden[0]))
    assert opened(after)[1].parts == ()
    assert not opened(after)[1].info.facts.keys() & {"gps", "camera", "rights", "hidden"}
    pixels = [np.asarray(Image.open(io.BytesIO(one)).convert("RGB")) for one in (data, after)]
    assert np.array_equal(*pixels)


@pytest.mark.parametrize("form", ["jpeg", "avif", "heic"])
def test_metadata_is_stripped_when_asked_for(form):
    before = planted.MAKERS[form]()
    assert opened(before)[1].info.facts["gps"] is True
    facts = opened(cleaned(before, "metadata", "strip"))[1].info.facts
    assert not {"gps", "camera", "serial", "rights", "credentials", "appended"} & facts.keys()


def test_what_is_found_in_the_metadata_of_a_heic_goes_with_all_of_it():
    after = taken_out(planted.heic(), "PLANTED-OWNER")
    assert b"PLANTED" not in after
    assert len(after) == len(planted.heic())


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_faces_are_filled(form):
    after = cleaned(portrait(form), "faces")
    assert "faces" not in opened(after)[1].info.facts
    seen = np.asarray(Image.open(io.BytesIO(after)).convert("RGB"))
    assert seen[80:150, 200:250].max() < 30
    assert seen[300:, :].mean() > 30


def test_pictures_in_archives_are_rewritten_and_the_other_entries_stay():
    before = zipped(**{"a.txt": b"words", "shot.png": drawn(), "b.bin": bytes(100)})
    after = taken_out(before, r"4[1\s]{12,}1")
    with zipfile.ZipFile(io.BytesIO(after)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.txt", "shot.png", "b.bin"]
        assert archive.read("a.txt") == b"words"
        assert archive.read("b.bin") == bytes(100)
    assert "1111" not in said(after)


def test_archives_in_archives_are_rewritten():
    after = taken_out(zipped(inner=zipped(shot=drawn())), r"4[1\s]{12,}1")
    assert "1111" not in said(after)


def test_metadata_of_pictures_in_an_archive_is_stripped():
    after = cleaned(zipped(shot=planted.jpeg(), words=b"x"), "metadata", "strip")
    assert "gps" not in opened(after)[1].info.facts


def office(name, picture):
    """A document with a picture, as the usual libraries write it; and how they read it."""
    out = io.BytesIO()
    match name:
        case "docx":
            made = docx.Document()
            made.add_paragraph("The words stay.")
            made.add_picture(io.BytesIO(picture))
            made.save(out)
            return out.getvalue(), lambda data: docx.Document(io.BytesIO(data)).paragraphs[0].text
        case "pptx":
            made = pptx.Presentation()
            slide = made.slides.add_slide(made.slide_layouts[5])
            slide.shapes.title.text = "The words stay."
            slide.shapes.add_picture(io.BytesIO(picture), 0, 0)
            made.save(out)
            return (
                out.getvalue(),
                lambda data: pptx.Presentation(io.BytesIO(data)).slides[0].shapes.title.text,
            )
        case _:
            made = openpyxl.Workbook()
            made.active["A1"] = "The words stay."
            made.active.add_image(openpyxl.drawing.image.Image(io.BytesIO(picture)), "B2")
            made.save(out)
            return (
                out.getvalue(),
                lambda data: openpyxl.load_workbook(io.BytesIO(data)).active["A1"].value,
            )


@pytest.mark.parametrize("name", ["docx", "pptx", "xlsx"])
def test_pictures_in_documents_are_covered_and_the_documents_open(name):
    before, text_of = office(name, drawn())
    after = taken_out(before, r"4[1\s]{12,}1")
    assert text_of(after) == "The words stay."
    assert "1111" not in said(after)
    with zipfile.ZipFile(io.BytesIO(after)) as new, zipfile.ZipFile(io.BytesIO(before)) as old:
        assert new.namelist() == old.namelist()
        changed = [entry for entry in old.namelist() if new.read(entry) != old.read(entry)]
    assert len(changed) == 1
    assert changed[0].endswith(".png")


def left(data):
    """Planted words in the bytes of a DICOM file, and in what is read in its pixels."""
    found = said(data)
    return [word for word in medical.PLANTED if word.encode() in data or word in found]


def test_a_medical_picture_is_de_identified_header_and_pixels():
    before = medical.made(burned=True, frames=2)
    assert set(left(before)) == set(medical.PLANTED)
    after = cleaned(before, "medical", "deidentify")
    assert left(after) == []
    assert "identified" not in opened(after)[1].info.facts


@pytest.mark.parametrize("value", ["PID-PLANTED", "ERIKSSON"])
def test_a_finding_in_a_medical_picture_de_identifies_it(value):
    assert left(taken_out(medical.made(burned=True), value)) == []


def test_medical_pictures_in_archives_are_de_identified_and_one_series_stays_one():
    series = [medical.made(), medical.made(compress=True)]
    before = zipped(**{"1.dcm": series[0], "2.dcm": series[1], "words.txt": b"words"})
    after = cleaned(before, "medical", "deidentify")
    with zipfile.ZipFile(io.BytesIO(after)) as archive:
        assert archive.read("words.txt") == b"words"
        files = [archive.read(name) for name in ("1.dcm", "2.dcm")]
    assert [left(file) for file in files] == [[], []]
    one, two = (pydicom.dcmread(io.BytesIO(file)) for file in files)
    assert one.StudyInstanceUID == two.StudyInstanceUID != "1.2.826.0.1.9.2"


def test_only_the_medical_picture_that_needs_it_is_de_identified():
    ready = cleaned(medical.made(), "medical", "deidentify")
    before = zipped(**{"1.dcm": ready, "2.dcm": medical.made()})
    after = cleaned(before, "medical", "deidentify")
    with zipfile.ZipFile(io.BytesIO(after)) as archive:
        assert archive.read("1.dcm") == ready
        assert left(archive.read("2.dcm")) == []


def test_a_document_in_a_medical_file_is_refused_with_the_reason():
    with pytest.raises(CannotRewrite, match="send it as a PDF"):
        cleaned(medical.made(document=b"%PDF-1.4 x"), "medical", "deidentify")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_is_marked_against_training_and_no_pixel_changes(form):
    before = drawn("hello there", form)
    after = cleaned(before, "mark", "no_training")
    facts = opened(after)[1].info.facts
    assert facts["no_training"] is True
    # The mark alone is no reason to strip what the picture says of itself.
    assert not Cleaning(PLACE, "metadata", "strip").needed(opened(after)[1].info)
    assert not Cleaning(PLACE, "mark", "no_training").needed(opened(after)[1].info)
    pixels = [np.asarray(Image.open(io.BytesIO(one)).convert("RGB")) for one in (before, after)]
    assert np.array_equal(*pixels)


def test_a_picture_in_an_archive_is_marked():
    blob, found = opened(zipped(shot=drawn("hello there"), words=b"x"))
    (picture,) = [info for info in found.files if info.family == "image"]
    wish = Cleaning(picture.locator, "mark", "no_training")
    after = write_blob(blob, found, (), [wish], key=KEY)
    assert opened(after)[1].info.facts["no_training"] is True


def test_a_picture_is_stripped_and_marked():
    blob, found = opened(planted.jpeg())
    wishes = [Cleaning(PLACE, "metadata", "strip"), Cleaning(PLACE, "mark", "no_training")]
    facts = opened(write_blob(blob, found, (), wishes, key=KEY))[1].info.facts
    assert not facts.keys() & {"gps", "camera", "rights", "hidden"}
    assert facts["no_training"] is True


@pytest.mark.parametrize("data", [drawn(form="BMP"), drawn(form="TIFF"), medical.made()])
def test_a_format_without_a_mark_is_refused(data):
    with pytest.raises(CannotRewrite, match="cannot be marked"):
        cleaned(data, "mark", "no_training")


def test_a_signed_document_is_not_rewritten():
    data = zipped(**{"_xmlsignatures/sig1.xml": b"<x/>", "shot.png": drawn()})
    with pytest.raises(CannotRewrite, match="signed"):
        taken_out(data, r"4[1\s]{12,}1")


def test_a_format_without_a_writer_is_refused():
    data = drawn(form="ICO", sizes=[(256, 44)])
    blob, found = opened(data)
    (part,) = found.parts
    assert not part.editable
    with pytest.raises(CannotRewrite, match="send a PNG or JPEG"):
        write_blob(blob, found, [Edit(part.locator, 5, 9, "")], (), key=KEY)


def test_a_place_that_must_not_change_is_refused():
    blob, found = opened(drawn(), editable=False)
    assert not any(part.editable for part in found.parts)
    with pytest.raises(CannotRewrite, match="place"):
        write_blob(blob, found, (), [Cleaning(PLACE, "metadata", "strip")], key=KEY)


def test_nothing_asked_changes_nothing():
    blob, found = opened(drawn())
    assert write_blob(blob, found, (), (), key=KEY) == blob.data


def test_what_a_writer_says_besides_its_reasons_is_not_believed():
    def lie():
        raise CannotRewrite("the password is hunter2")

    bounds = sandbox.Bounds(5, 1 << 28, 1 << 20)
    with pytest.raises(CannotRewrite, match="too long or too much"):
        sandbox.make(lie, bounds)
    with pytest.raises(CannotRewrite, match="too long or too much"):
        sandbox.make(lambda: bytes(2 << 20) * 100, sandbox.Bounds(5, 1 << 26, 1 << 20))
    assert sandbox.make(lambda: b"made", bounds) == b"made"


def test_every_reason_is_known():
    source = Path(sandbox.__file__).parent
    given = set()
    for path in source.rglob("*.py"):
        text = path.read_text("utf-8")
        given.update(re.findall(r'CannotRewrite\(\s*"([^"]+)"\s*\)', text))
        for name in re.findall(r"CannotRewrite\((\w+)\)", text):
            given.update(re.findall(rf'^{name} = "([^"]+)"$', text, re.MULTILINE))
    assert given == REASONS


def presentation(*values):
    """An OpenDocument whose chart says `values`, with a preview of it."""
    chart = "".join(f"<text:p>{value}</text:p>" for value in values)
    content = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
        f' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">{chart}'
        "</office:document-content>"
    )
    listed = "".join(
        f'<manifest:file-entry manifest:full-path="{name}" manifest:media-type=""/>\n'
        for name in ("ObjectReplacements/Object 1", "ObjectReplacements/Object 2", "content.xml")
    )
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f"{listed}</manifest:manifest>"
    )
    words = [(value, 10, 20 * number) for number, value in enumerate(values)]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in (
            ("mimetype", b"application/vnd.oasis.opendocument.presentation"),
            ("ObjectReplacements/Object 1", metafiles.svm(words)),
            ("ObjectReplacements/Object 2", metafiles.svm([("other", 1, 1)])),
            ("Object 1/content.xml", content.encode()),
            ("content.xml", content.replace(chart, "").encode()),
            ("META-INF/manifest.xml", manifest.encode()),
        ):
            archive.writestr(name, data)
    return out.getvalue()


def test_a_preview_that_shows_a_value_goes_and_what_it_shows_is_drawn_anew():
    data = presentation("Anna 4111 1111 1111 1111", "Bob")
    assert not opened(data)[1].unread
    new = taken_out(data, "4111 1111 1111 1111")
    with zipfile.ZipFile(io.BytesIO(new)) as archive:
        names = archive.namelist()
        manifest = archive.read("META-INF/manifest.xml").decode()
    assert "ObjectReplacements/Object 1" not in names
    assert 'Object 1"' not in manifest
    assert "ObjectReplacements/Object 2" in names
    assert "ObjectReplacements/Object 2" in manifest
    assert "content.xml" in manifest
    assert "Bob" in said(new)
