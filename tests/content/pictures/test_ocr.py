from __future__ import annotations

import io
import os
import re
from random import Random

import numpy as np
import pytest
from corpus.files import pictures as drawn
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from gateway.content.pictures import beside, ocr
from gateway.content.pictures.ocr import Line, folded, in_order, may_hold_text
from gateway.content.reading import Budget, FileLimits


def written(*lines, size=22, ink="black", back="white", wide=900):
    picture = Image.new("RGB", (wide, 60 + 50 * len(lines)), back)
    draw = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        draw.text((30, 30 + 50 * row), line, font=drawn.font("DejaVuSans", size), fill=ink)
    return picture


def read(eyes, picture):
    budget = Budget(FileLimits(seconds=600), 1)
    return eyes.ocr.lines(np.asarray(picture.convert("RGB")), budget)[0]


@pytest.mark.parametrize(("ink", "back"), [("black", "white"), ("#d5dae1", "#0d1117")])
def test_text_is_read_on_light_and_dark(eyes, ink, back):
    lines = read(
        eyes, written("Invoice 4711 for Chiara Lindqvist", "Total 1,234.50 EUR", ink=ink, back=back)
    )
    text, _ = in_order(lines)
    assert text == "Invoice 4711 for Chiara Lindqvist\nTotal 1,234.50 EUR"


def test_boxes_are_where_the_words_stand(eyes):
    picture = written("alpha beta gamma")
    text, boxes = in_order(read(eyes, picture))
    face = drawn.font("DejaVuSans", 22)
    for start, end, box in boxes:
        left = 30 + face.getlength(text[:start])
        right = 30 + face.getlength(text[:end])
        assert abs(box[0] - left) < 12
        assert abs(box[2] - right) < 12
        assert box[1] <= 36
        assert box[3] >= 46
    assert [text[start:end] for start, end, _ in boxes] == ["alpha", "beta", "gamma"]


def test_cells_of_a_row_stand_in_one_line(eyes):
    picture = written("Name", "Phone", wide=900)
    draw = ImageDraw.Draw(picture)
    draw.text((500, 30), "Imran Novak", font=drawn.font("DejaVuSans", 22), fill="black")
    draw.text((500, 80), "555 0134", font=drawn.font("DejaVuSans", 22), fill="black")
    assert in_order(read(eyes, picture))[0] == "Name\tImran Novak\nPhone\t555 0134"


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_on_its_side_or_head_is_read_and_its_lines_have_boxes(eyes, turn):
    picture = written("Invoice 4711 for Chiara Lindqvist", "Total 1,234.50 EUR")
    lines = read(eyes, picture.rotate(turn, expand=True))
    assert {line.text for line in lines} == {
        "Invoice 4711 for Chiara Lindqvist",
        "Total 1,234.50 EUR",
    }
    for line in lines:
        assert line.words == ((0, len(line.text), line.box),)


def test_a_tilted_line_is_read(eyes):
    picture = written("the margin fell again after April", size=26).rotate(
        9, expand=True, fillcolor="white"
    )
    assert "margin fell again" in in_order(read(eyes, picture))[0]


@pytest.mark.parametrize("scene", ["chat", "terminal", "form"])
def test_planted_values_are_read(eyes, scene):
    shot = next(drawn.screenshots(scenes=(scene,), sizes=(17,), forms=("q60",)))
    text, _ = in_order(read(eyes, Image.open(io.BytesIO(shot.data))))
    missing = [kind for kind, value in shot.planted if alike(value) not in alike(text)]
    assert missing == []


def alike(text):
    return re.sub(r"[^0-9a-z]", "", text.translate(ocr._LOOKALIKES).lower())


def test_a_picture_without_anything_like_text_is_not_read():
    smooth = Image.linear_gradient("L").resize((640, 480)).convert("RGB")
    assert not may_hold_text(np.asarray(smooth))
    assert not may_hold_text(np.zeros((480, 640, 3), np.uint8))


@pytest.mark.parametrize("size", [9, 13, 40])
@pytest.mark.parametrize(("ink", "back"), [("#888", "#fff"), ("#ddd", "#222"), ("#555", "#888")])
def test_anything_written_may_be_text(size, ink, back):
    assert may_hold_text(np.asarray(written("key", size=size, ink=ink, back=back)))


@pytest.mark.parametrize(
    ("read_as", "meant"),
    [
        ("4l11 O111 1l11 11ll", "4111 0111 1111 1111"),
        ("DE89 37O4 0044 O532 0130 OO", "DE89 3704 0044 0532 0130 00"),
        ("SSN 1Z3-4S-67B9", "SSN 123-45-6789"),
        ("Oslo is nice", "Oslo is nice"),
        ("IBIS 2024", "IBIS 2024"),
    ],
)
def test_look_alikes_become_digits_where_digits_stand(read_as, meant):
    assert folded(read_as) == meant


@given(st.text(alphabet="0123456789OolIS B-DE\n", max_size=80))
def test_a_folded_text_is_as_long_as_the_text(text):
    assert len(folded(text)) == len(text)


def test_a_child_reads_with_what_the_parent_loaded(eyes):
    back, forth = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            text = in_order(read(eyes, written("read after a fork")))[0]
            os.write(forth, text.encode())
        finally:
            os._exit(0)
    os.close(forth)
    with os.fdopen(back, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    assert said == "read after a fork"


def test_long_lines_are_cut_and_read_whole(eyes):
    words = " ".join(Random(3).choices(drawn.WORDS, k=34))
    text = in_order(read(eyes, written(words, size=15, wide=2600)))[0]
    assert sum(word in text for word in words.split()) >= 32


def test_lines_over_the_bound_are_counted(eyes):
    from dataclasses import replace

    from gateway.content.pictures import PictureSettings

    few = ocr.Ocr(replace(PictureSettings(), ocr_lines=1))
    lines, left = few.lines(
        np.asarray(written("one line", "and one more")), Budget(FileLimits(seconds=600), 1)
    )
    assert (len(lines), left) == (1, 1)


def test_threads_read_the_same():
    from gateway.content.pictures import PictureSettings

    picture = np.asarray(written("one line", "and one more", "and the last"))
    budget = Budget(FileLimits(seconds=600), 1)
    one, two = (ocr.Ocr(PictureSettings(threads=number)) for number in (1, 2))
    assert one.lines(picture, budget) == two.lines(picture, budget)


def test_two_threads_find_the_lines_of_a_screen_that_one_finds(monkeypatch):
    from gateway.content.pictures import PictureSettings

    monkeypatch.setattr(beside, "available", lambda: 2)
    shot = next(iter(drawn.screenshots()))
    picture = np.asarray(Image.open(io.BytesIO(shot.data)).convert("RGB"))
    one, two = (
        [place.box for place in ocr.Ocr(PictureSettings()).places(picture, hands)()]
        for hands in (beside.Hands(1), beside.Hands(2))
    )
    assert len(one) == len(two) > 10
    assert all(
        abs(a - b) <= 6
        for ours, theirs in zip(one, two, strict=True)
        for a, b in zip(ours, theirs, strict=True)
    )


def test_rows_keep_their_boxes():
    lines = [
        Line(
            "b c", (200, 12, 260, 30), ((0, 1, (200, 12, 220, 30)), (2, 3, (240, 12, 260, 30))), 0.9
        ),
        Line("a", (10, 10, 20, 30), ((0, 1, (10, 10, 20, 30)),), 0.9),
        Line("d", (10, 50, 20, 70), ((0, 1, (10, 50, 20, 70)),), 0.9),
    ]
    text, boxes = in_order(lines)
    assert text == "a\tb c\nd"
    assert [text[start:end] for start, end, _ in boxes] == ["a", "b", "c", "d"]


def test_bars_and_frames_beside_a_word_do_not_hide_it(eyes):
    picture = Image.new("RGB", (760, 120), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((20, 40), "my card is", fill="black", font_size=28)
    draw.rectangle((150, 40, 430, 80), fill="black")
    draw.text((432, 40), "thanks", fill="black", font_size=28)
    assert ocr.may_hold_text(np.asarray(picture))


def test_shapes_without_a_word_need_no_network():
    assert not ocr.may_hold_text(np.asarray(drawn.plain()))
