"""Files that people send every day pass the shipped policies, and what was read in them is all of it."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from openpyxl.chart import BarChart, Reference
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches
from reportlab.pdfgen import canvas
from support import metafiles
from support.exchanges import exchange
from support.gateway import KEY, patterns

from gateway import bootstrap
from gateway.model import Forward

POLICIES = Path(__file__).parents[1] / "policies"
SHIPPED = ("00-default", "10-secrets", "20-pci")

OUTLINES = (
    "M 469 531 \nQ 828 903 1448 1529 \nQ 2069 2156 2228 2338 \nQ 2531 2678 2651 2914 \nz",
    "M 603 713 \nQ 4111 1111 1111 1111 \nQ 916 691 836 713 \nz",
)
"""Glyphs of fonts and of our own: with numbers that fit the checksums of cards."""
CURVES = (
    "1021 278 1047 347 1047 440 c\n1047 533 1021 602 968 646 c\n916 691 836 713 727 713 c\n403 713 l\n"
    "871 1493 990 1461 1073 1397 c\n874 1308 801 1327 702 1327 c\n824 869 894 809 955 739 c\n"
)
"""The same in PostScript: with Canadian numbers."""


@pytest.fixture(scope="module")
def inspector(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    for name in SHIPPED:
        shutil.copy(POLICIES / f"{name}.yaml", folder)
    rules = bootstrap.load_rules(folder)
    return bootstrap.build_inspector(
        bootstrap.plan(rules, key=KEY, cache=patterns(), max_decoded=1 << 26)
    )


def decided(inspector, name: str, data: bytes):
    """What is decided about an upload of the file."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n%s\r\n--b--\r\n" % (name.encode(), data)
    )
    headers = (
        (b"Content-Type", b"multipart/form-data; boundary=b"),
        (b"Content-Length", str(len(body)).encode()),
    )
    return inspector.inspect(
        exchange(body, headers=headers, host="api.openai.com", target="/v1/files")
    )


def svg() -> bytes:
    glyphs = "".join(f'<path id="g{n}" d="{path}"/>' for n, path in enumerate(OUTLINES * 3))
    return f'<svg xmlns="http://www.w3.org/2000/svg"><defs>{glyphs}</defs></svg>'.encode()


def eps() -> bytes:
    head = "%!PS-Adobe-3.0 EPSF-3.0\n/c { curveto } bind def\n/l { lineto } bind def\n"
    return f"{head}/a{{1139 0 123 -29 1047 1147 setcachedevice\n{CURVES}}} def\n".encode()


def page() -> bytes:
    return (
        b"<html><body>" + svg() + b"<p>The plot of the week\x0b, seen by all\x1a</p></body></html>"
    )


def notebook() -> bytes:
    lines = svg().decode().splitlines(keepends=True)
    output = {"output_type": "display_data", "metadata": {}, "data": {"image/svg+xml": lines}}
    cell = {"cell_type": "code", "metadata": {}, "source": ["plot()\n"], "outputs": [output]}
    return json.dumps(
        {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    ).encode()


def book() -> bytes:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    for number in range(40):
        sheet.append([f"Item {number}", number * 7.5])
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=40))
    sheet.add_chart(chart, "D2")
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def slides() -> bytes:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Results"
    data = CategoryChartData()
    data.categories = ["Q1", "Q2", "Q3"]
    data.add_series("Units", (1.2, 3.4, 2.2))
    sides = [Inches(side) for side in (1, 2, 6, 4)]
    slide.shapes.add_chart(XL_CHART_TYPE.PIE, *sides, data)
    out = io.BytesIO()
    deck.save(out)
    return out.getvalue()


def letter() -> bytes:
    document = docx.Document()
    document.add_paragraph("Minutes of the meeting")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def plots() -> bytes:
    out = io.BytesIO()
    pages = canvas.Canvas(out)
    for number in range(8):
        pages.line(72, 72, 400, 80 + 50 * number)
        pages.showPage()
    pages.save()
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("plot.svg", svg()),
        ("plot.eps", eps()),
        ("report.html", page()),
        ("log.txt", b"started\nstopped, all is well\n\x1a"),
        ("plots.ipynb", notebook()),
        ("book.xlsx", book()),
        ("deck.pptx", slides()),
        ("letter.docx", letter()),
        ("plots.pdf", plots()),
        ("drawing.emf", metafiles.emf([("Plan of the house", 1, 1)])),
        ("drawing.svm", metafiles.svm([("Plan of the house", 1, 1)])),
    ],
)
def test_what_people_send_every_day_passes(inspector, name, data):
    decision = decided(inspector, name, data)
    assert isinstance(decision.enforcement, Forward), decision.outcome.hits
    assert not decision.scan.unread


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("plot.svg", svg().replace(b"</svg>", b"<text>4111 1111 1111 1111</text></svg>")),
        ("plot.eps", eps() + b"(4111 1111) show 2 0 rmoveto ( 1111 1111) show\n"),
        ("report.html", page().replace(b"The plot", b"4111\x0111111111\x011111")),
        ("plots.ipynb", notebook().replace(b"plot()", b'card 4111 1111\\n", "1111 1111')),
        ("drawing.emf", metafiles.emf([("4111 1111 1111 1111", 1, 1)])),
        ("drawing.svm", metafiles.svm([("4111 1111 1111 1111", 1, 1)])),
    ],
)
def test_a_card_in_them_does_not(inspector, name, data):
    assert not isinstance(decided(inspector, name, data).enforcement, Forward)
