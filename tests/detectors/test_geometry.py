"""Numbers that draw are no identifiers, whatever their checksum; all others are looked at."""

from __future__ import annotations

import base64
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.detectors import geometry

CARD = "4111 1111 1111 1111"
OUTLINE = f"M 603 713 \nQ {CARD} \nQ 916 691 836 713 \nz"
GLYPH = "916 691 836 713 727 713 c\n713 403 327 {} l\n"
PROGRAM = "%!PS-Adobe-3.0 EPSF-3.0\n/l { lineto } bind def\n/c { curveto } bind def\n"


def found(engine, text):
    return {match.entity for match in engine.scan(text).matches}


@pytest.mark.parametrize("quote", ['"', "'", "`"])
@pytest.mark.parametrize("around", ["<path d={}/>", "const icon = {};", '{{"d": {}}}', "svg:d={} "])
def test_a_path_in_quotes_holds_no_identifiers(engine, quote, around):
    text = around.format(f"{quote}{OUTLINE}{quote}")
    assert CARD in text
    assert "CREDIT_CARD" not in found(engine, text)
    assert "CREDIT_CARD" not in found(engine, json.dumps({"text": text}))


def test_a_path_in_lines_of_a_notebook_holds_no_identifiers(engine):
    lines = f'<path d="{OUTLINE}"/>'.splitlines(keepends=True)
    assert "CREDIT_CARD" not in found(engine, json.dumps({"image/svg+xml": lines}, indent=4))
    lines.insert(1, f"Card {CARD}\n")
    assert "CREDIT_CARD" in found(engine, json.dumps({"image/svg+xml": lines}, indent=4))


@pytest.mark.parametrize(
    "text",
    [
        f'<text d="{CARD}">',
        f'<path d="M {CARD}"/>',
        f'<path d="M {CARD} Z"/>',
        f'<path d="M 1 2 L {CARD} Z"/>',
        f'"M\\n{CARD}\\nL"',
        f'"M, {CARD}, L"',
        f'"M 1 2 C {CARD}"',
        '"M 4111111111111111 12 L 3 4 Z"',
        f'<g transform="rotate({CARD})"/>',
        '<g transform="translate(4111111111111111)"/>',
        f'<polygon points="{CARD} 12 13"/>',
        f'say("Mail {CARD} to L 12 and Z 13")',
        f'<path d="{OUTLINE}"/> {CARD}',
        f'<polygon points="{CARD}"/>',
        f"{PROGRAM}(Card {CARD}) show",
        f"{PROGRAM}% Card {CARD}\n",
        f"{PROGRAM}showpage\nCard {CARD}\nnext\n",
        f"{PROGRAM}4111111111111111 12 l",
        f"12 13 l\nCard {CARD} l\n",
    ],
)
def test_a_number_that_no_drawing_needs_is_looked_at(engine, text):
    assert "CREDIT_CARD" in found(engine, text)


@pytest.mark.parametrize(
    "numbers",
    [
        f"{CARD} l\n{CARD} c\n",
        f"/FontBBox [{CARD}] def\n",
        f"[{CARD}] concat\n",
        f"/Widths[ {CARD} ]",
        f"{{{CARD} 1384 1493 setcachedevice",
    ],
)
@pytest.mark.parametrize("head", [PROGRAM, "%PDF-1.4\n"])
def test_operands_of_a_program_that_draws_are_no_identifiers(engine, head, numbers):
    assert "CREDIT_CARD" not in found(engine, head + numbers)


def _data(plain):
    return base64.a85encode(plain, wrapcol=72).decode() + "~>\n"


def test_data_of_a_program_is_no_text_unless_it_stands_for_one(engine):
    rng = random.Random(3)
    picture = _data(rng.randbytes(2000))
    left = geometry.without(f"{PROGRAM}stream\n{picture}showpage")
    assert left.split() == [*PROGRAM.split(), "stream", "~>", "showpage"]
    assert picture in geometry.without(f"words\n{picture}")
    words = _data(f"Please charge my card {CARD} at once. ".encode() * 9)
    assert words in geometry.without(f"{PROGRAM}stream\n{words}")
    assert "CREDIT_CARD" in found(engine, f"{PROGRAM}stream\n<~{words}")


def test_operators_of_a_program_are_no_values(engine):
    assert "IN_PAN" in found(engine, "PAN: array1024z")
    assert "IN_PAN" not in found(engine, f"{PROGRAM}.array1024z 0 1024 glyphs")


def test_what_a_program_defines_itself_is_an_operator():
    assert CARD in geometry.without(f"%!PS\n{CARD} mine\n")
    assert CARD not in geometry.without(f"%!PS\n/mine {{ lineto }} def\n{CARD} mine\n")


@pytest.mark.parametrize(
    "text",
    [
        '<use transform="translate(244.484375 0)"/><g transform="matrix(1 0 0 1 130 692)"/>',
        '<path d="M130.6925441,244.4843751L12.1234567,916.7137271Z"/>',
    ],
)
def test_what_places_and_turns_is_no_identifier(engine, text):
    assert not found(engine, text)


def test_points_of_a_line_are_no_identifiers(engine):
    assert not found(engine, '<polyline points="130 692 544 691 836 713"/>')


@given(st.text(alphabet="%!PSDF- MmLzc 1234.\n\"'`()[]/{}points=", max_size=200))
def test_every_other_character_keeps_its_place(text):
    left = geometry.without(text)
    assert len(left) == len(text)
    assert all(new in {old, " "} for old, new in zip(text, left, strict=True))
    assert geometry.without(left) == left
