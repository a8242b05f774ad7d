"""Are labels told, wherever a format keeps them?"""

import io

import docx
import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.content.readers import labels, mail, office, pdf
from gateway.content.reading import Budget, Fact, FileLimits, Text

GUID = "9fbde396-1a24-4c79-8edf-9254a0f35055"


def budget(data):
    return Budget(FileLimits(), len(data))


def told(reader, data):
    return [
        each.value
        for each in reader(data, budget(data))
        if isinstance(each, Fact) and each.name == "label"
    ]


def a_pdf(*, info=(), xmp=""):
    document = pikepdf.new()
    document.add_blank_page()
    if info:
        document.docinfo.update({f"/{key}": value for key, value in info})
    if xmp:
        stream = document.make_stream(
            xmp.encode(), Type=pikepdf.Name.Metadata, Subtype=pikepdf.Name.XML
        )
        document.Root.Metadata = stream
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def test_labels_in_the_information_of_a_pdf():
    info = [
        (f"MSIP_Label_{GUID}_Enabled", "true"),
        (f"MSIP_Label_{GUID}_Name", "Confidential"),
        ("Title", "x"),
    ]
    assert told(pdf.read, a_pdf(info=info)) == ["Confidential"]
    assert told(pdf.read, a_pdf(info=info[:1])) == [GUID]
    assert told(pdf.read, a_pdf(info=info[2:])) == []


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:pdfx="http://ns.adobe.com/pdfx/1.3/"{}</rdf:RDF></x:xmpmeta>'
)


@pytest.mark.parametrize(
    "shape",
    [
        "><pdfx:MSIP_Label_{0}_Name>Strictly &amp; Confidential</pdfx:MSIP_Label_{0}_Name></rdf:Description>",
        ' pdfx:MSIP_Label_{0}_Name="Strictly &amp; Confidential"/>',
    ],
)
def test_labels_in_the_xmp_of_a_pdf(shape):
    data = a_pdf(xmp=XMP.format(shape.format(GUID)))
    assert told(pdf.read, data) == ["Strictly & Confidential"]


def test_labels_of_a_mail():
    data = (
        f"Subject: Plan\nmsip_labels: MSIP_Label_{GUID}_Enabled=True;\n MSIP_Label_{GUID}_Name=Confidential;"
        f"MSIP_Label_{GUID}_SiteId=x;\nSensitivity: Company-Confidential\n\nHello\n"
    ).encode()
    assert told(mail.read, data) == ["Confidential", "Company-Confidential"]
    assert told(mail.read, b"Subject: Plan\nSensitivity: Normal\n\nHello\n") == []


@given(st.text(max_size=80), st.text(max_size=80))
def test_anything_in_a_header_is_a_label_or_none(name, value):
    for header in (name, "msip_labels", "Sensitivity"):
        for label in labels.of_headers([(header, value)]):
            assert label.strip()
    list(labels.of_xmp(value.encode("utf-8", "replace")))


def test_headers_and_footers_are_read():
    paper = docx.Document()
    paper.add_paragraph("The plan.")
    paper.sections[0].header.paragraphs[0].text = "CONFIDENTIAL"
    paper.sections[0].footer.paragraphs[0].text = "Acme - for internal use only"
    file = io.BytesIO()
    paper.save(file)
    data = file.getvalue()
    texts = [each.text for each in office.read(data, budget(data)) if isinstance(each, Text)]
    assert any("CONFIDENTIAL" in text for text in texts)
    assert any("for internal use only" in text for text in texts)
