"""Every format: what is planted is found, wherever it stands, and nothing is left unread in silence."""

from __future__ import annotations

import datetime as dt
import email.message
import io
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib

import openpyxl
import pikepdf
import pytest
from corpus.files import make
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from PIL import Image
from support import compound, metafiles

from gateway.content import open_blob, walk, write_blob
from gateway.content.looking import PictureSettings
from gateway.content.readers import compound as compound_reader
from gateway.content.reading import Budget, Fact, FileLimits, Text
from gateway.model import BlobPart, Edit, Locator, PartKind, Step, UnreadReason

RECORDINGS = {"mp3", "flac", "ogg", "wav", "mp4", "webm"}
"""Their sound is not read, and that is said."""


def opened(data, **changes):
    return open_blob(BlobPart(Locator("body.file"), data, **changes), max_bytes=1 << 28)


@pytest.mark.parametrize("kind", sorted(make.MAKERS))
def test_what_is_planted_is_found(kind):
    data, places = make.made(kind)
    found = opened(data)
    texts = [part.text for part in found.parts]
    missing = [place for place, value in places.items() if not any(value in t for t in texts)]
    assert missing == []
    reasons = [(unread.reason, unread.detail) for unread in found.unread]
    if kind in RECORDINGS:
        assert reasons == [(UnreadReason.UNSUPPORTED_FILE, found.info.media_type)]
    else:
        assert reasons == []
    assert all(part.kind is PartKind.FILE for part in found.parts)
    locators = [part.locator for part in found.parts]
    assert len(set(locators)) == len(locators)


LOADED = """
import pickle, sys
from gateway.content import walk
from gateway.content.looking import PictureSettings
from gateway.content.reading import FileLimits
looking = PictureSettings(ocr=False, faces=False)
files = pickle.load(sys.stdin.buffer)
before = set(sys.modules)
for data in files:
    list(walk.walk(data, limits=FileLimits(), looking=looking))
print(sorted(set(sys.modules) - before))
"""


def test_reading_loads_no_module():
    """In the sandbox there are no files to load one from: it would look like a damaged file."""
    files = pickle.dumps([make.made(kind)[0] for kind in make.MAKERS])
    result = subprocess.run([sys.executable, "-c", LOADED], input=files, capture_output=True)
    assert result.stdout.decode().strip() == "[]", result.stderr.decode()


# Pages of workbooks inside (an attachment, the data of a chart) count too.
FACTS = {
    "docx": {"label": "Confidential", "hidden": True},
    "xlsx": {"hidden": True, "pages": 2},
    "pptx": {"hidden": True, "pages": 3},
    "pdf": {"macros": True, "pages": 2},
    "pdf_revised": {"hidden": True},
    "sqlite": {"hidden": True},
}


@pytest.mark.parametrize("kind", sorted(FACTS))
def test_what_policy_may_ask_is_said(kind):
    facts = opened(make.made(kind)[0]).info.facts
    assert {name: facts.get(name) for name in FACTS[kind]} == FACTS[kind]


def test_a_name_that_claims_another_type_is_a_mismatch():
    data = make.made("zip")[0]
    assert opened(data, filename="holiday.png").info.facts["mismatch"] is True
    assert "mismatch" not in opened(data, filename="all.zip").info.facts
    inside = opened(make.zipped({"photo.png": "words"}))
    assert inside.info.facts["mismatch"] is True
    assert inside.files[0].facts["mismatch"] is True


def _rows(changed: dict[int, str]) -> list[str]:
    """The texts of a sheet of many rows, some of them with other words."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for number in range(6_000):
        sheet.append([number, changed.get(number, "ordinary words"), number * 7919 % 10_007])
    out = io.BytesIO()
    book.save(out)
    found = open_blob(BlobPart(Locator("file"), out.getvalue()), max_bytes=1 << 28)
    return [part.text for part in found.parts if ".rows[" in part.locator.path]


def test_a_row_that_is_written_anew_leaves_the_texts_of_the_others_as_they_were():
    before = _rows({})
    after = _rows({40: "something much longer", 41: "", 3_000: "x"})
    assert len(before) >= 6
    # What was found in the others is remembered: only texts that changed are looked at again.
    assert len(set(after) - set(before)) <= 4
    assert "\n".join(before).count("\n") == "\n".join(after).count("\n") == 5_999


OPENED = """
import sys
from gateway.content import open_blob
from gateway.model import BlobPart, Locator
found = open_blob(BlobPart(Locator("file"), sys.stdin.buffer.read()), max_bytes=1 << 20)
print([part.text for part in found.parts if "page" in part.locator.path], found.unread)
"""


def test_a_pdf_that_is_encrypted_without_a_password_is_read_whole():
    """In a process of its own: the first cipher looks into `/dev`, which is shut in the sandbox."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(make.made("pdf")[0])) as document:
        document.save(out, encryption=pikepdf.Encryption(owner="owner", user=""))
    done = subprocess.run([sys.executable, "-c", OPENED], input=out.getvalue(), capture_output=True)
    assert done.stdout.decode().strip().endswith("] ()"), done.stderr.decode()
    assert done.stdout.decode().startswith("['")


def test_an_empty_part_is_no_damage():
    """LibreOffice and pandoc write `Configurations2/accelerator/current.xml` so."""
    out = io.BytesIO(make.made("odt")[0])
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("Configurations2/accelerator/current.xml", b"")
    assert opened(out.getvalue()).unread == ()


@pytest.mark.parametrize(
    "before", [b"", b"\n", b"\r\n\r\n", b"Exported: today\n\nfrom the archive\n"]
)
@pytest.mark.parametrize("between", [b"\n", b""])
@pytest.mark.parametrize(
    "envelope",
    [b"From a@b Mon Jan  1 00:00:00 2026\n", b"From a@b\n", b"From - Mon, 1 Jan 2026\n"],
)
def test_every_mail_of_a_file_of_mails_is_read(envelope, between, before):
    box = before
    for number in range(3):
        message = email.message.EmailMessage()
        message["Subject"] = f"subject{number}"
        message["From"] = "a@example.com"
        message.set_content(f"body{number}", cte="base64")
        message.add_attachment(
            make.made("docx")[0] if number == 1 else b"\0", maintype="application", subtype="x"
        )
        box += envelope + message.as_bytes() + between
    found = opened(box)
    assert found.info.media_type == "message/rfc822"
    texts = [part.text for part in found.parts]
    words = [f"{word}{number}" for word in ("subject", "body") for number in range(3)]
    words += make.made("docx")[1].values()
    assert [word for word in words if not any(word in text for text in texts)] == []


class _Streams:
    """A compound file by its streams."""

    def __init__(self, streams):
        self.streams = streams

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def listdir(self, **_):
        return [[name] for name in self.streams]

    def openstream(self, path):
        return io.BytesIO(self.streams["/".join(path)])


def test_who_commented_and_who_changed_an_old_word_document_is_read(monkeypatch):
    names = ["Фаддей Иванов", "Ольга Петрова"]
    owner, changer = (struct.pack("<H", len(one)) + one.encode("utf-16-le") for one in names)
    changer = struct.pack("<HHH", 0xFFFF, 1, 0) + changer
    head = bytearray(0x300)
    struct.pack_into("<H", head, 0x0A, 0x0200)
    struct.pack_into("<II", head, 0x01BA, 0, len(owner))
    struct.pack_into("<II", head, 0x0232, len(owner), len(changer))
    streams = _Streams({"WordDocument": bytes(head), "1Table": owner + changer})
    monkeypatch.setattr(compound_reader.olefile, "OleFileIO", lambda _: streams)
    told = list(compound_reader.read(b"", Budget(FileLimits(), 1 << 20)))
    assert "\n".join(names) in [one.text for one in told if isinstance(one, Text)]
    assert Fact("authors", value=True) in told


def shown_and_not(data: bytes) -> tuple[set[str], set[str], bool]:
    """Words of sheets and slides that are shown, those that are not, and whether anything is hidden."""
    told = list(walk.walk(data, limits=FileLimits(), looking=PictureSettings()))
    words: tuple[set[str], set[str]] = set(), set()
    for one in told:
        if isinstance(one, Text) and one.place.startswith(("sheet[", "stream[0]")):
            words[one.hidden].update(one.text.split())
    return *words, any(isinstance(one, Fact) and one.name == "hidden" for one in told)


def _blip(kind, instance, content, *, deflated=None):
    """A picture of an old document (MS-ODRAW 2.2.23)."""
    body = bytes(32 if instance & 1 else 16)
    if deflated is None:
        body += b"\xff" + content
    else:
        head = (
            struct.pack("<I", len(content)) + bytes(28) + (b"\0" if deflated else b"\xfe") + b"\xfe"
        )
        body += head + (zlib.compress(content) if deflated else content)
    return struct.pack("<HHI", instance << 4, kind, len(body)) + body


def _picture(form):
    out = io.BytesIO()
    Image.effect_noise((90, 90), 50).save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(
    ("blip", "kind"),
    [
        (_blip(0xF01A, 0x3D4, metafiles.emf(), deflated=True), "image/emf"),
        (_blip(0xF01A, 0x3D5, metafiles.emf(), deflated=False), "image/emf"),
        (_blip(0xF01B, 0x216, metafiles.wmf(placeable=False), deflated=True), "image/wmf"),
        (_blip(0xF01E, 0x6E0, _picture("PNG")), "image/png"),
        (_blip(0xF01F, 0x7A8, _picture("BMP")[14:]), "image/bmp"),
        (_blip(0xF029, 0x6E4, _picture("TIFF")), "image/tiff"),
    ],
    ids=["emf", "emf as it is", "wmf", "png", "bitmap", "tiff"],
)
def test_pictures_of_old_documents_are_opened(blip, kind):
    seen = opened(compound.compound("Pictures", blip + bytes(4096)))
    assert [file.media_type for file in seen.files] == [kind]
    assert not seen.unread


def test_a_picture_that_goes_on_over_records_of_a_workbook_is_whole():
    picture = _picture("PNG")
    first, second = picture[:5000], picture[5000:]
    stream = b"".join(
        struct.pack("<HH", kind, len(body)) + body for kind, body in ((0xEB, first), (0x3C, second))
    )
    seen = opened(compound.compound("Workbook", stream))
    assert [file.size for file in seen.files] == [len(picture)]


def test_an_object_of_an_old_presentation_is_inflated():
    inner = compound.compound("Contents", "SECRET-CHART".encode("utf-16-le"))
    body = struct.pack("<I", len(inner)) + zlib.compress(inner)
    stream = struct.pack("<HHI", 0x10, 0x1011, len(body)) + body
    stream += struct.pack("<HHI", 0, 0x1011, len(inner)) + inner
    seen = opened(compound.compound("PowerPoint Document", stream))
    assert sum("SECRET-CHART" in part.text for part in seen.parts) == 2
    assert not seen.unread


def test_a_picture_that_does_not_inflate_is_told():
    broken = _blip(0xF01A, 0x3D4, metafiles.emf(), deflated=True).replace(b"\x78\x9c", b"\0\0")
    seen = opened(compound.compound("Pictures", broken + bytes(4096)))
    assert [each.reason for each in seen.unread] == [UnreadReason.MALFORMED]


def test_a_hidden_sheet_of_an_old_workbook_is_told():
    book = compound.workbook({"A": ("shown", False), "B": ("covered", True)})
    shown, unseen, hides = shown_and_not(book)
    assert shown == {"shown"}
    assert "covered" in unseen
    assert hides
    shown, _, hides = shown_and_not(compound.workbook({"A": ("shown", False), "B": ("o", False)}))
    assert shown == {"shown", "o"}
    assert not hides


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ([("shown", "remark", False)], ({"shown"}, {"remark"}, True)),
        ([("shown", "", False), ("covered", "", True)], ({"shown"}, {"covered"}, True)),
        ([("shown", "", False), ("open", "7", False)], ({"shown", "open"}, {"7"}, False)),
    ],
)
def test_notes_and_hidden_slides_of_an_old_presentation_are_told(made, expected):
    assert shown_and_not(compound.slides(*made)) == expected


def test_dates_of_a_workbook_that_counts_from_1904_are_read_and_replaced_as_they_are_shown():
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    book.active.append(["born", dt.date(1990, 7, 1)])
    out = io.BytesIO()
    book.save(out)
    blob = BlobPart(Locator("body.file", (Step("body", 0, 0),)), out.getvalue())
    seen = open_blob(blob, max_bytes=1 << 20)
    (part,) = [part for part in seen.parts if "born" in part.text and "1990" in part.text]
    assert part.text == "born\t1990-07-01"
    new = write_blob(blob, seen, [Edit(part.locator, 5, 15, "[DATE]")], (), key=b"k" * 32)
    assert openpyxl.load_workbook(io.BytesIO(new)).active.cell(1, 2).value == "[DATE]"
