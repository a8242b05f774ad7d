"""Files among words: what is found, and what only looks like one."""

import base64
import binascii
import gzip
import hashlib
import io
import random
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.encodings import enclosed, magic, splice

NOISE = random.Random(5).randbytes(700)


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("a.bin", NOISE)
    return out.getvalue()


def tape() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        entry = tarfile.TarInfo("notes/a.bin")
        entry.size = len(NOISE)
        made.addfile(entry, io.BytesIO(NOISE))
    return out.getvalue()


FILES = {
    "tar": tape(),
    "png": b"\x89PNG\r\n\x1a\n" + NOISE,
    "jpeg": b"\xff\xd8\xff\xe0" + NOISE,
    "gif": b"GIF89a" + NOISE,
    "tiff": b"II*\0" + NOISE,
    "bmp": b"BM\x40\1\0\0\0\0\0\0" + NOISE,
    "pdf": b"%PDF-1.7\n" + NOISE,
    "rtf": b"{\\rtf1 " + NOISE,
    "zip": archive(),
    "ole": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + NOISE,
    "gzip": gzip.compress(NOISE),
    "bzip2": b"BZh9" + NOISE,
    "xz": b"\xfd7zXZ\0" + NOISE,
    "zstd": b"\x28\xb5\x2f\xfd" + NOISE,
    "7z": b"7z\xbc\xaf\x27\x1c" + NOISE,
    "rar": b"Rar!\x1a\x07" + NOISE,
    "sqlite": b"SQLite format 3\0" + NOISE,
    "parquet": b"PAR1" + NOISE,
    "mp3": b"ID3\4" + NOISE,
    "webp": b"RIFF\1\2\3\4WEBP" + NOISE,
    "heic": b"\0\0\0\x18ftypheic" + NOISE,
    "webm": b"\x1aE\xdf\xa3" + NOISE,
}


def broken(text: str, width: int, between: str) -> str:
    return between.join(text[at : at + width] for at in range(0, len(text), width))


FORMS = {
    "one line": lambda data: base64.b64encode(data).decode(),
    "without padding": lambda data: base64.b64encode(data).decode().rstrip("="),
    "url": lambda data: base64.urlsafe_b64encode(data).decode(),
    "mime": lambda data: broken(base64.b64encode(data).decode(), 76, "\r\n"),
    "64": lambda data: broken(base64.b64encode(data).decode(), 64, "\n"),
    "indented": lambda data: broken(base64.b64encode(data).decode(), 76, "\n    "),
    "quoted": lambda data: broken(base64.b64encode(data).decode(), 76, "\n> "),
    "literal": lambda data: broken(base64.b64encode(data).decode(), 76, "\\n"),
    "uuencode": lambda data: (
        "begin 644 a.bin\n"
        + "".join(
            binascii.b2a_uu(data[at : at + 45], backtick=True).decode()
            for at in range(0, len(data), 45)
        )
        + "`\nend"
    ),
}
AROUND = (
    "{}",
    "Please read this:\n\n{}\n\nWhat does it say?",
    'the tool said {{"content": "{}", "size": 3}} and no more',
    "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
    "value\\n{}\\nnext",
)


def found(text: str) -> list[bytes]:
    out = []
    for start, end, codec in enclosed.files_in(text):
        data = splice.CODECS[codec].decode(text[start:end], "")
        assert isinstance(data, bytes)
        out.append(data)
    return out


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", FILES)
def test_a_file_among_words_is_found_whole(kind, form):
    assert magic.sniff(FILES[kind])
    for extra in range(3):  # each length of the padding
        data = FILES[kind] + b"." * extra
        for around in AROUND:
            if form == "uuencode" and "\n\n" not in around and around != "{}":
                continue  # it needs lines of its own
            text = around.format(FORMS[form](data))
            assert enclosed.may_hold(text)
            assert found(text) == [data]


def test_a_word_behind_the_last_full_line_is_no_part_of_the_file():
    data = FILES["png"][: 57 * 8]
    coded = FORMS["mime"](data)
    assert len(coded.splitlines()[-1]) == 76
    assert found(f"{coded}\nThanks\n") == [data]
    assert found(f"{FORMS['one line'](data)}\nNote\n") == [data]


def test_each_of_several_files_is_found():
    files = [FILES[kind] for kind in ("png", "pdf", "zip")]
    text = " and ".join(
        FORMS[form](data) for form, data in zip(("64", "url", "mime"), files, strict=True)
    )
    assert found(text) == files


def test_a_file_in_a_data_url_is_found_once():
    url = "data:image/png;base64," + FORMS["one line"](FILES["png"])
    text = f"see ![p]({url}) and {FORMS['one line'](FILES['pdf'])}"
    assert [codec for *_, codec in enclosed.files_in(text)] == ["data-url", "base64"]
    assert found(text) == [FILES["png"], FILES["pdf"]]


@pytest.mark.parametrize(
    "text",
    [
        hashlib.sha512(b"a").hexdigest(),
        base64.b64encode(hashlib.sha512(b"a").digest()).decode(),
        "-----BEGIN CERTIFICATE-----\n" + broken("MIID" + "Ab1/" * 200, 64, "\n"),
        "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiJh" * 20,
        "//Main/Needs/Some/Long/Path/" * 5,
        "AAAA,SAASA,CAAC;" * 30,
        "word\n" * 200,
        "x" * 100 + " AAB1c3Rhc " + "x" * 100,
        "x" * 341 + "AAB1c3Rhc" + "x" * 100,
        "x" * 300,
        "begin 644 of the meeting",
        base64.b64encode(b"wOF2" + NOISE).decode(),
        "iVBORw0KGgo",
    ],
)
def test_what_is_no_file_is_left_alone(text):
    assert not enclosed.may_hold(text)
    assert list(enclosed.files_in(text)) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_written_back_as_it_was_encoded(form):
    data, new = FILES["png"] + b".", FILES["png"] + b"." + NOISE
    text = f"before\n{FORMS[form](data)}\nbehind"
    ((start, end, codec),) = enclosed.files_in(text)
    raw = text[start:end]
    ((first, last, coded),) = splice.CODECS[codec].splice(raw, [(len(data), len(data), NOISE)], "")
    after = text[:start] + raw[:first] + coded + raw[last:] + text[end:]
    assert found(after) == [new]
    assert after == f"before\n{FORMS[form](new)}\nbehind"


PIECES = ["iVBORw0KGgo", "A" * 60, "/", "-", "=", "\n", "\\n", "> ", "begin 644 a\n", "M", " ", "é",
          "data:a/b;base64,"]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=9)), max_size=40))
def test_any_text_has_places_that_lie_apart(pieces):
    text = "".join(pieces)
    places = sorted(enclosed.files_in(text))
    assert not places or enclosed.may_hold(text)
    at = 0
    for start, end, codec in places:
        assert at <= start < end <= len(text)
        at = end
        try:
            splice.CODECS[codec].decode(text[start:end], "")
        except splice.CannotRewrite:
            pass
