from __future__ import annotations

import numpy as np
import pytest
from corpus.files import pictures as drawn
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from gateway.content.pictures import documents
from gateway.content.pictures.ocr import Line
from gateway.content.reading import Fact, Text
from gateway.encodings import check_digits

# ICAO 9303, parts 4, 5 and 6: the specimens of Utopia.
TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
TD1 = (
    "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
)


def lines(text):
    return [
        Line(row, (0, 40 * at, 900, 40 * at + 30), (), 0.9)
        for at, row in enumerate(text.split("\n"))
    ]


@pytest.mark.parametrize("zone", [TD1, TD2, TD3])
def test_zones_are_known_by_their_check_digits(zone):
    (found,) = documents.zones(lines("Some heading\n" + zone))
    assert found.text == zone
    assert [found.text[start:end] for start, end, _ in found.boxes] == zone.split("\n")


@pytest.mark.parametrize(
    "misread",
    [
        TD3.replace("7408122", "74O8I22"),
        TD3.replace("<<<<<<<<<<<<<<<<<<<", "<<<<<<<<<<<<<<<"),
        TD3.replace("<<<<<10", "<<<<10"),
        TD3.replace("<<ANNA", "«ANNA"),
        TD3.replace("L898902C36UTO", "L898902C36 UTO"),
        TD1.replace("7408122F", "74O8122F"),
    ],
)
def test_zones_are_mended(misread):
    (found,) = documents.zones(lines(misread))
    assert check_digits.mrz(found.text)


@pytest.mark.parametrize(
    "text", [TD3.replace("7408122", "7408132"), "A<<<<B\nC", TD3.split("\n", maxsplit=1)[0]]
)
def test_what_does_not_add_up_is_no_zone(text):
    assert list(documents.zones(lines(text))) == []


@given(st.lists(st.text(alphabet="AB01<« \té", max_size=50), max_size=5))
def test_any_lines_are_read_without_error(texts):
    list(documents.zones([Line(text, (0, 0, 9, 9), (), 0.5) for text in texts]))


def test_a_passport_picture_is_an_identity_document(look, saved):
    page = Image.new("RGB", (1000, 420), "#e8eef0")
    draw = ImageDraw.Draw(page)
    draw.text((60, 60), "PASSPORT  UTOPIA", font=drawn.font("DejaVuSans-Bold", 30), fill="black")
    for row, text in enumerate(TD3.split("\n")):
        draw.text((40, 300 + 50 * row), text, font=drawn.font("DejaVuSansMono", 33), fill="black")
    parts = look(saved(page, "JPEG", quality=85))
    assert Fact("identity_document", value=True) in parts
    assert TD3 in [part.text for part in parts if isinstance(part, Text)]


def card_picture():
    body = "453201511283036"
    number = body + drawn.values.luhn(body)
    picture = Image.new("RGB", (860, 540), "#27408b")
    draw = ImageDraw.Draw(picture)
    draw.text((60, 60), "FIRST NATIONAL BANK", font=drawn.font("DejaVuSans-Bold", 32), fill="white")
    shown = " ".join(number[at : at + 4] for at in range(0, 16, 4))
    draw.text((60, 260), shown, font=drawn.font("DejaVuSansMono-Bold", 50), fill="white")
    draw.text((60, 360), "VALID THRU 09/31", font=drawn.font("DejaVuSans", 26), fill="white")
    draw.text((60, 440), "ANNA ERIKSSON", font=drawn.font("DejaVuSans", 32), fill="white")
    return picture


def test_a_card_picture_is_a_payment_card(look, saved):
    assert Fact("payment_card", value=True) in look(saved(card_picture(), "JPEG", quality=80))


def test_a_number_alone_or_one_that_does_not_add_up_is_no_card():
    assert documents.is_card("4532 0151 1283 0366\nVALID THRU 09/31", 2)
    assert not documents.is_card("4532 0151 1283 0366\nin a long report", 2)
    assert not documents.is_card("4532 0151 1283 0367\nVALID THRU 09/31", 2)
    assert not documents.is_card("4532 0151 1283 0366\nVALID THRU 09/31", 60)


def test_a_screenshot_is_told_from_a_photograph(look, saved, astronaut):
    shot = next(drawn.screenshots(scenes=("form",), sizes=(17,), forms=("q60",)))
    assert Fact("screenshot", value=True) in look(shot.data)
    assert Fact("screenshot", value=True) not in look(saved(astronaut))


def test_a_page_of_paper_is_no_screen():
    assert not documents.looks_like_screen(np.full((1414, 1000, 3), 255, np.uint8), 20)
    assert documents.looks_like_screen(np.full((900, 1600, 3), 255, np.uint8), 20)
    assert not documents.looks_like_screen(np.full((900, 1600, 3), 255, np.uint8), 0)


@pytest.mark.parametrize(
    ("shares", "portrait"),
    [((), False), ((0.2,), True), ((0.02,), False), ((0.1, 0.09), False), ((0.2, 0.03), True)],
)
def test_a_portrait_shows_one_person_above_all(shares, portrait):
    assert documents.is_portrait(shares) is portrait
