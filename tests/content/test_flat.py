"""Office documents that are one file of XML: text joined over formatting, files opened."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image
from support import metafiles

from gateway.content import open_blob, write_blob
from gateway.content.looking import PictureSettings
from gateway.model import BlobPart, Edit, Locator

ODF = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.3">'
    "<office:body>{}</office:body></office:document>"
)
WORD = (
    '<?xml version="1.0"?>\n<?mso-application progid="Word.Document"?>\n'
    '<{0} xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage"'
    ' xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml">{{}}</{0}>'
)


def opened(data):
    looking = PictureSettings(ocr=False, faces=False, codes=False)
    blob = BlobPart(Locator("body.file"), data)
    return blob, open_blob(blob, max_bytes=1 << 20, looking=looking)


@pytest.mark.parametrize(
    ("form", "body"),
    [
        (ODF, "<text:p>anna<text:span>@exa</text:span>mple.com</text:p><text:p>b</text:p>"),
        (WORD.format("w:wordDocument"), "<w:p><w:r><w:t>anna@</w:t></w:r><w:r><w:t>example.com</w:t></w:r></w:p>"),
        (WORD.format("pkg:package"), "<w:p><w:r><w:t>anna@</w:t></w:r><w:r><w:t>example.com</w:t></w:r></w:p>"),
    ],
    ids=["OpenDocument", "Word 2003", "flat OPC"],
)  # fmt: skip
def test_words_that_formatting_cuts_are_joined(form, body):
    _, found = opened(form.format(body).encode())
    assert found.info.media_type == "text/xml"
    assert not found.unread
    assert any("anna@example.com" in part.text for part in found.parts)


def test_files_in_it_are_opened():
    out = io.BytesIO()
    Image.new("RGB", (40, 40)).save(out, "PNG")
    files = (out.getvalue(), metafiles.svm([("SECRET-PREVIEW", 1, 1)]), b"\0\1\2\3" * 50)
    body = "".join(
        f"<office:binary-data>{base64.encodebytes(file).decode()}</office:binary-data>"
        for file in files
    )
    _, found = opened(ODF.format(body).encode())
    assert {file.media_type for file in found.files} >= {"image/png", "image/x-svm"}
    assert any("SECRET-PREVIEW" in part.text for part in found.parts)
    assert len(found.unread) == 1


def test_a_value_in_its_source_is_replaced():
    data = ODF.format("<text:p>card 4111 1111 1111 1111</text:p>").encode()
    blob, found = opened(data)
    (part,) = (part for part in found.parts if "4111" in part.text)
    start = part.text.index("4111")
    edit = Edit(part.locator, start, start + 19, "[CARD]")
    new = write_blob(blob, found, [edit], [], key=b"k" * 32)
    assert new == data.replace(b"4111 1111 1111 1111", b"[CARD]")


def test_what_is_no_xml_is_told():
    _, found = opened(ODF.format("<text:p>anna</text:q>").encode())
    assert found.unread
