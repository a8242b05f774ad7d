"""Disguised values are found where the documentation says so, and stand where they stood."""

from __future__ import annotations

import base64
import binascii
import codecs
import gzip
import html
import random
import re
import textwrap
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.detectors import Engine, disguise
from gateway.detectors import codes as hidden

DOCS = Path(__file__).parents[2] / "docs" / "detection.md"


def _key() -> str:
    rng = random.Random(7)
    return "AKIA" + "".join(rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZ234567", k=16))


VALUES = {
    "card": ("Please charge my card ", "4111111111111111", "CREDIT_CARD"),
    "SSN": ("My SSN is ", "457-55-5462", "US_SSN"),
    "e-mail": ("write to ", "bob.smith@example.com", "EMAIL_ADDRESS"),
    "key": ("aws key ", _key(), "AWS_ACCESS_KEY"),
}


def _b64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _each(form: str) -> Callable[[str], str]:
    return lambda value: "".join(form.format(ord(c)) for c in value)


def _half(by: str) -> Callable[[str], str]:
    return lambda value: value[: len(value) // 2] + by + value[len(value) // 2 :]


def _math(value: str) -> str:
    bold = {**{c: 0x1D7CE + i for i, c in enumerate("0123456789")}}
    bold |= {chr(65 + i): 0x1D400 + i for i in range(26)}
    bold |= {chr(97 + i): 0x1D41A + i for i in range(26)}
    return value.translate(str.maketrans({c: chr(code) for c, code in bold.items()}))


def _shifted(low: str, first: int) -> Callable[[str], str]:
    return lambda value: "".join(
        chr(first + ord(c) - ord(low)) if c.isdigit() else c for c in value
    )


# Cyrillic letters with the shape of Latin ones, and of the digit 1 between digits.
_CYRILLIC = str.maketrans(
    "aeopcAIK03", "\u0430\u0435\u043e\u0440\u0441\u0410\u0406\u041a\u041e\u0417"
)


def _cyrillic(value: str) -> str:
    return value[0] + value[1:].translate(_CYRILLIC).replace("11", "1\u0406")


def _spelt(words: str) -> Callable[[str], str]:
    return lambda value: re.sub(r"\d", lambda m: f" {words.split()[int(m[0])]}", value).strip()


def _xxd(value: str) -> str:
    lines = []
    for at in range(0, len(value), 16):
        part = value[at : at + 16]
        lines.append(f"{at:08x}: {part.encode().hex(' ', -2):39}  {part}")
    return "\n" + "\n".join(lines) + "\n"


def _hexdump(value: str) -> str:
    lines = []
    for at in range(0, len(value), 16):
        part = value[at : at + 16]
        left, right = part[:8].encode().hex(" "), part[8:].encode().hex(" ")
        lines.append(f"{at:08x}  {left:23}  {right:23}  |{part}|")
    return "\n" + "\n".join(lines) + "\n"


def _morse(value: str) -> str:
    signs = {sign: code for code, sign in hidden._MORSE.items()}
    return " ".join(signs[c.upper()] for c in value)


def _groups(value: str) -> list[str]:
    if "-" in value:
        return value.split("-")
    return [value[i : i + 4] for i in range(0, len(value), 4)]


def _base58(value: str) -> str:
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, run = int.from_bytes(value.encode()), ""
    while number:
        number, digit = divmod(number, 58)
        run = alphabet[digit] + run
    return run


DISGUISES: dict[str, Callable[[str], str]] = {
    "full-width characters": lambda v: "".join(chr(ord(c) + 0xFEE0) for c in v),
    "mathematical letters and digits": _math,
    "Arabic-Indic digits": _shifted("0", 0x660),
    "look-alikes of other scripts": _cyrillic,
    "zero-width characters": "\u200b".join,
    "variation selectors": "\ufe0f".join,
    "soft hyphen": _half("\u00ad"),
    "bidirectional controls": _half("\u202e\u202c"),
    "control characters": _half("\x01"),
    "colours of terminals": _half("\x1b[01;31m\x1b[K"),
    "combining marks": lambda v: "".join(c + "\u0336" for c in v),
    "tag characters": lambda v: "".join(chr(0xE0000 + ord(c)) for c in v),
    "HTML entities": _each("&#{};"),
    "HTML entities, hexadecimal": _each("&#x{:x};"),
    "HTML entities, twice": _each("&amp;#{};"),
    "percent-encoding": _each("%{:02X}"),
    "percent-encoding, twice": _each("%25{:02X}"),
    r"`\u0034`": _each("\\u{:04x}"),
    r"`\x34`": _each("\\x{:02x}"),
    r"`\u{34}`": lambda v: "".join(f"\\u{{{ord(c):x}}}" for c in v),
    r"`\064`": _each("\\{:03o}"),
    "quoted-printable": _each("={:02X}"),
    "quoted-printable, soft line break": _half("=\n"),
    "base64": _b64,
    "base64 without padding": lambda v: _b64(v).rstrip("="),
    "base64 of a sentence": lambda v: _b64(f"here it is: {v} ok?"),
    "base64, URL-safe": lambda v: base64.urlsafe_b64encode(f"?>{v}~~?".encode()).decode(),
    "base64 over several lines": lambda v: "\n".join(
        textwrap.wrap(_b64(f"long enough a text before it so that lines wrap, {v} and after"), 32)
    ),
    "base64 of UTF-16": lambda v: base64.b64encode(v.encode("utf-16-le")).decode(),
    "base64 of gzip": lambda v: base64.b64encode(gzip.compress(v.encode())).decode(),
    "base64 of zlib": lambda v: base64.b64encode(zlib.compress(v.encode())).decode(),
    "base64, twice": lambda v: _b64(_b64(v)),
    "base64, three times": lambda v: _b64(_b64(_b64(v))),
    "base32": lambda v: base64.b32encode(v.encode()).decode(),
    "hexadecimal": lambda v: v.encode().hex(),
    "hexadecimal, spaced": lambda v: v.encode().hex(" "),
    "hexadecimal, `0x34, 0x31`": lambda v: ", ".join(f"0x{c:02x}" for c in v.encode()),
    "percent-encoded base64": lambda v: "".join(f"%{ord(c):02x}" for c in _b64(v)),
    "payload of a JWT": lambda v: f"{_b64('{"alg":"HS256"}').rstrip('=')}.{_b64(f'{{"v":"{v}"}}').rstrip('=')}.c2ln",
    "character by character, spaces": " ".join,
    "digit by digit, dots": lambda v: ".".join(v.replace("-", "")),
    "groups of four, dots": lambda v: ".".join(v[i : i + 4] for i in range(0, len(v), 4)),
    "line break": _half("\n"),
    "line break, quoted": _half("\n> "),
    "line break, continued": _half("\\\n"),
    "joined strings": _half('" +\n    "'),
    "reversed": lambda v: v[::-1],
    "base85": lambda v: base64.b85encode(v.encode()).decode(),
    "decimal codes": lambda v: ", ".join(str(ord(c)) for c in v),
    "decimal codes, spaces": lambda v: " ".join(str(ord(c)) for c in v),
    "`chr(52)+chr(49)`": lambda v: "+".join(f"chr({ord(c)})" for c in v),
    "`String.fromCharCode(52,49)`": lambda v: f"String.fromCharCode({','.join(str(ord(c)) for c in v)})",
    "rot13": lambda v: codecs.encode(v, "rot13"),
    "Ascii85": lambda v: f"<~{base64.a85encode(v.encode()).decode()}~>",
    "uuencode": lambda v: f"\nbegin 644 a.txt\n{binascii.b2a_uu(v.encode()).decode()}`\nend\n",
    "dump of `xxd`": _xxd,
    "dump of `hexdump -C`": _hexdump,
    "Morse code": _morse,
    "digits as words": _spelt("zero one two three four five six seven eight nine"),
    "digits as words, German": _spelt("null eins zwei drei vier f\u00fcnf sechs sieben acht neun"),
    "digits as words, Spanish": _spelt("cero uno dos tres cuatro cinco seis siete ocho nueve"),
    "`at` and `dot`": lambda v: v.replace("@", " at ").replace(".", " dot "),
    "`[at]` and `[dot]`": lambda v: v.replace("@", " [at] ").replace(".", "[dot]"),
    "data: URI": lambda v: f"data:text/plain;base64,{_b64(v)}",
    "UTF-7": lambda v: f"+{base64.b64encode(v.encode('utf-16-be')).decode().rstrip('=')}-",
    "`\\u0034` in JSON in JSON": _each("\\\\\\\\u{:04x}"),
    "zero-width characters and spaces": "\u200b ".join,
    "groups of four, spaces and dots": lambda v: " . ".join(v[i : i + 4] for i in range(0, len(v), 4)),
    "groups of four, lines": lambda v: "\n".join(v[i : i + 4] for i in range(0, len(v), 4)),
    "groups in table cells": lambda v: " | ".join(_groups(v)),
    "halves in table cells": _half(" | "),
    "letters for digits": lambda v: v.translate(str.maketrans("1052", "lOSZ")),
    "digits in circles": lambda v: v.translate(str.maketrans("0123456789", "\u24ff\u2776\u2777\u2778\u2779\u277a\u277b\u277c\u277d\u277e")),
    "raised digits": lambda v: v.translate(str.maketrans("0123456789", "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")),
    "right-to-left override": lambda v: f"\u202e{v[::-1]}\u202c",
    "tags of HTML within": lambda v: f"{v[:4]}<b>{v[4:8]}</b>{v[8:]}",
    "a tag of HTML around each character": lambda v: "".join(f"<span>{c}</span>" for c in v),
    "stars of emphasis within": lambda v: f"{v[:4]}**{v[4:8]}**{v[8:]}",
    "list of characters": lambda v: ", ".join(f"'{c}'" for c in v),
    "bits": lambda v: " ".join(f"{ord(c):08b}" for c in v),
    "other signs between groups": lambda v: "_".join(_groups(v)),
    "`arroba` and `punto`": lambda v: v.replace("@", " arroba ").replace(".", " punto "),
    "rot13 of base64": lambda v: codecs.encode(_b64(v), "rot13"),
    "base58": _base58,
}  # fmt: skip


ENVELOPED = {
    "a tag of HTML around each character",
    "payload of a JWT",
    "`String.fromCharCode(52,49)`",
    "data: URI",
    "uuencode",
}
"""Where what holds the value is enough, or what it stands in may stay."""


def _table() -> dict[str, dict[str, str]]:
    """The table of the documentation: disguise to value to `yes`, `no`, or `–` where it changes nothing."""
    section = DOCS.read_text().split("## Disguised values", 1)[1].split("\n## ", 1)[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    head = rows[0]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows[2:]}


CASES = [(row, value, cell) for row, cells in _table().items() for value, cell in cells.items()]


ESCAPED = {
    "percent, of a blank": "https://x.example/?note=Social%20security%20number%3A%20{}&page=2",
    "percent, of a sign": "https://x.example/?social%20security%20number%3D{}",
    "percent, of JSON": "https://x.example/?body=%7B%22social%20security%20number%22%3A%22{}%22%7D",
    "hexadecimal, of a sign": '{{"url": "https://x.example/?social security number\\u003d{}"}}',
    "line break of a string": 'note = "social security number\\n{}\\n"',
    "line break of a string in a string": r'{{"log": "\"social security number\\n{}\\n\""}}',
    "tabulator of a log": '2026-11-02 INFO body="social security number\\t{}\\tyes"',
}


@pytest.mark.parametrize("form", ESCAPED.values(), ids=ESCAPED)
@pytest.mark.parametrize("kind", ["SSN", "key"])
def test_an_escape_before_a_value_does_not_hide_where_it_begins(engine, form, kind):
    _, value, entity = VALUES[kind]
    text = form.format(value)
    found = engine.scan(text).matches
    assert (text.index(value), entity) in {(match.start, match.entity) for match in found}


def test_the_documentation_tells_of_every_disguise_here():
    assert list(_table()) == list(DISGUISES)
    assert {cell for _, _, cell in CASES} == {"yes", "no", "\u2013"}


@pytest.mark.parametrize(("row", "kind", "cell"), CASES)
def test_the_table_of_the_documentation_is_true(engine, row, kind, cell):
    before, value, entity = VALUES[kind]
    hidden = DISGUISES[row](value)
    assert (hidden == value) == (cell == "\u2013")
    result = engine.scan(f"{before}{hidden} and thanks")
    assert result.failures == ()
    first, last = len(before), len(before) + len(hidden)
    held = [m for m in result.matches if m.entity == entity and m.start < last and m.end > first]
    if cell == "no":
        assert held == []
        return
    assert held
    if row not in ENVELOPED:
        # What is invisible at the end may stay; a sign of the value may not.
        assert min(m.start for m in held) <= first + 1
        assert max(m.end for m in held) >= last - 1


def test_doubled_digits_as_words_count_twice(engine):
    said = "four " + "double one " * 6 + "triple one"
    (match,) = [m for m in engine.scan(f"card {said}").matches if m.entity == "CREDIT_CARD"]
    assert match.end - match.start == len(said)


def test_a_dash_of_the_next_string_is_of_the_value(engine):
    text = 'ssn = "457-55" + "-5462"'
    assert "US_SSN" in {m.entity for m in engine.scan(text).matches}


def test_zipped_bytes_in_hexadecimal_are_read(engine):
    text = f"see {gzip.compress(b'card 4111111111111111', mtime=0).hex()}"
    assert "CREDIT_CARD" in {m.entity for m in engine.scan(text).matches}


def test_a_value_in_plain_sight_is_reported_once_and_as_before(engine):
    text = "card 4111 1111 1111 1111 and 457-55-5462, bob@example.com &#65; \u200bx\u200by"
    matches = engine.scan(text).matches
    assert [m.detector for m in matches if "+" in m.detector] == []
    assert len([m for m in matches if m.entity == "CREDIT_CARD"]) == 1


def test_a_disguised_match_is_a_little_less_sure_and_says_how_it_was_found(engine):
    (match,) = engine.scan(f"it is {_b64('4111111111111111')}").matches
    assert match.detector.endswith("+base64")
    assert match.confidence == 0.95


def test_a_run_is_one_span_with_its_padding(engine):
    run = _b64("my card: 4111 1111 1111 1111.")
    assert run.endswith("=")
    text = f"decode {run} please"
    (match,) = [m for m in engine.scan(text).matches if m.entity == "CREDIT_CARD"]
    assert text[match.start : match.end] == run


def test_a_word_in_the_next_line_does_not_belong_to_a_run(engine):
    text = f"{_b64('card 4111111111111111 x')}\nthanks\nBob"
    (match,) = [m for m in engine.scan(text).matches if m.entity == "CREDIT_CARD"]
    assert "thanks" not in text[match.start : match.end]


def test_values_in_a_long_text_keep_their_places(engine):
    filler = "Nothing to see here, only words that go on for a while.\n" * 700
    hidden = "".join(f"&#{ord(c)};" for c in "4111111111111111")
    text = f"{filler}pay {hidden} {filler}and {hidden} {filler}"
    spans = [text[m.start : m.end] for m in engine.scan(text).matches if m.entity == "CREDIT_CARD"]
    assert spans == [hidden, hidden]


@pytest.mark.parametrize(
    "text",
    [
        "4111\n1111\n1111\n1111\n1111\n1111\n",
        "x = 1\ny = 2\nz = [1, 2, 3,\n     4, 5, 6]",
        "1.3.6.1.4.1.311.21.20 and 2019 | 2020 | 2021 | 2022",
        "def internationalization_of_the_configuration(self, some_long_argument_name): pass",
        "d41d8cd98f00b204e9800998ecf8427e e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b",
        "Fish &amp; chips &lt;3 100%25 na\u00efve r\u00e9sum\u00e9 \u2013 1990\u20131995 \U0001f468\u200d\U0001f469\u200d\U0001f467",
        "Обычный русский текст, в котором нет ничего тайного – 2024 г.",
        "a = b + c - d * e / f % g ; h = i",
        "12 m\u00b2 and 30 m\u00b3, note\u00b9; 2**10 - 3**2; <td>4111</td><td>1111</td><td>1111</td><td>1111</td>",
        "look at some point in time, at the period in question, we arrive at noon . in the end",
    ],
)
def test_what_is_no_disguise_is_left_alone(engine, text):
    assert engine.scan(text).matches == ()


def test_what_lies_too_deep_is_told(engine):
    text = "4111111111111111 my card"
    for _ in range(disguise.DEPTH):
        text = _b64(text)
    assert engine.scan(text).failures == ()
    assert engine.scan(_b64(text)).failures == ("disguise",)


def test_what_expands_too_far_is_told(engine):
    bomb = base64.b64encode(gzip.compress(b"a" * (disguise.INFLATED + 1))).decode()
    assert engine.scan(f"see {bomb}").failures == ("disguise",)


@pytest.mark.parametrize(
    "unit",
    [
        "&#x26;", "&#x26;#x26;#x26;#52;", "1\u200b", "1 ", "1.", "34 ", "NDEx", "a\u0301",
        "a\u0430e\u0435", "%25", "\\", "\U000e0041", "=34", "12345678\n", "1\u2013", "a1b2c3d4\n", "1l", "1O5-", "4lll ", "a@\n", "AKIA | ",
        base64.b64encode(random.Random(1).randbytes(3072) + b"printable text here " * 60).decode(),
    ],
)  # fmt: skip
def test_views_take_linear_time(unit):
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        started = time.process_time()
        try:
            for _ in disguise.views(text):
                pass
        except disguise.TooMuch:
            pass
        return time.process_time() - started

    disguise.prepare(None, key=b"k")
    small, large = min(seconds(10_000) for _ in range(2)), min(seconds(40_000) for _ in range(2))
    assert large < 8 * small + 0.05


def test_views_are_bounded():
    text = "".join(f"&#{ord(c)};" for c in _b64("4111111111111111 ")) * 3_000
    total = sum(len(view.text) for view in disguise.views(text))
    assert 0 < total <= disguise.ALLOWANCE + disguise.FACTOR * len(text)


_PIECES = st.sampled_from(
    ["4111111111111111", "457-55-5462", "a@b.com", "&#", "&amp;", "x41;", "%25", "%34", "\\u00",
     "31", "\\x", "=\n", "=3D", "NDEx", "MTEx", "\u200b", "\ufe0f", "\u0336", "\u0430", "\uff14",
     "\U000e0034", "\ud800", "\n> ", "\\\n", '" + "', " ", "-", ".", "4 1 1 1 ", "H4sI", "eJw",
     "GQYTCMJR", "\u2013", "\u0661", "\U0001d7d2", "ssn "]
)  # fmt: skip


@settings(max_examples=examples(200), deadline=None)
@given(text=st.lists(_PIECES | st.text(max_size=4), max_size=40).map("".join))
def test_every_view_stands_for_places_of_its_text(text):
    try:
        for view in disguise.views(text):
            assert len(view.starts) == len(view.ends) == len(view.text)
            assert len(view.changed) == len(view.names)
            for at in range(len(view.text)):
                for end in (at + 1, min(len(view.text), at + 20)):
                    place = view.place(at, end)
                    if place is not None:
                        assert 0 <= place[0] < place[1] <= len(text)
    except disguise.TooMuch:
        pass


@settings(max_examples=examples(80), deadline=None)
@given(text=st.lists(_PIECES | st.text(max_size=4), max_size=40).map("".join))
def test_undoing_disguises_only_adds(engine: Engine, text: str):
    failures: set[str] = set()
    clean = re.sub("[\ud800-\udfff]", "\ufffd", text)
    plain = engine._plain(clean, "", failures) if text else ()
    result = engine.scan(text)
    covered = {i for m in result.matches for i in range(m.start, m.end)}
    for match in plain:
        assert set(range(match.start, match.end)) <= covered
    for match in result.matches:
        assert 0 <= match.start < match.end <= len(text)
        assert "+" in match.detector or match in plain


@pytest.mark.parametrize(
    ("before", "value", "after", "entity"),
    [
        ("私のメールは", "haruka26@brightwater.jp", "です。", "EMAIL_ADDRESS"),
        ("我的手机号是", "18146079123", "，谢谢。", "PHONE_NUMBER"),
        ("제 카드는 ", "4539 5787 6362 1486", "입니다.", "CREDIT_CARD"),
    ],
)
def test_a_value_that_touches_a_script_without_spaces_is_found(
    engine, before, value, after, entity
):
    text = before + value + after
    found = [m for m in engine.scan(text).matches if m.entity == entity]
    assert [(m.start, m.end) for m in found] == [(len(before), len(before) + len(value))]


@pytest.mark.parametrize(
    "text",
    [
        "Ping me @\nexample.com is down",
        "class A:\n    @property\n    def b(self): ...\nuser@\n",
        "| handle | site |\n| bob@ | none |",
        "BOSS SOLO 2025 IS LOSS, lOOSe Z8 BIOS S3 SSO, Zoll 10 SOS",
        "card of a row: SO01 BS22 ISO8 O123",
        "my ssn is not SOS-IS-B0SS",
        "name | date | time | zone | code\nAKIA | name | date | time | zone",
    ],
)
def test_words_that_only_look_like_parts_are_not_joined(engine, text):
    found = {m.entity for m in engine.scan(text).matches}
    assert found <= {"PERSON", "LOCATION", "ORGANIZATION", "SOURCE_CODE", "DATE_TIME", "URL"}


@pytest.mark.parametrize(
    "text",
    [
        "41111111\n11111111\n737",
        "no\n737\n41111111\n11111111",
        "card number:\n40128888\n88881881\n123\n456",
        "x\n4012888888\n881881\n737\nend",
        "1\n2\n3\n40128888\n88881881\n99\n",
    ],
)
def test_a_number_in_two_lines_is_found_among_lines_of_other_numbers(engine, text):
    assert "CREDIT_CARD" in {match.entity for match in engine.scan(text).matches}


def test_a_column_of_long_numbers_is_not_joined(engine):
    rows = "\n".join(str(1_000_000_007 * step % 10**10).zfill(10) for step in range(1, 400))
    assert not list(disguise.views(rows))
    assert "CREDIT_CARD" not in {match.entity for match in engine.scan(rows).matches}


def test_no_value_is_joined_from_a_part_of_a_surer_one(engine):
    text = "SSN: 457-55-5462\n1\n2013-12-23T23:15:00Z\n2013-12-23T23:15:00Z\n"
    assert [
        (m.entity, m.start, m.end) for m in engine.scan(text).matches if m.entity == "US_SSN"
    ] == [("US_SSN", 5, 16)]


def test_a_value_that_is_joined_beside_another_is_found(engine):
    text = "SSN: 457-55-5462\nSSN: 536-22-\n8145\n"
    spans = {text[m.start : m.end] for m in engine.scan(text).matches if m.entity == "US_SSN"}
    assert {"457-55-5462", "536-22-\n8145"} <= spans


def test_a_table_of_numbers_is_no_disguise():
    chance = random.Random(5)
    rows = [
        f"{number}\t{chance.random() * 1e9:.7f}\t{chance.randrange(10**9)}\tpaid\t{chance.randrange(100)}"
        for number in range(40_000, 41_000)
    ]
    assert not list(disguise.views("\n".join(rows)))


@pytest.mark.parametrize(
    "text", ["card 4111.1111.1111.1111", "card 3782~822463~10005", "card 4111 - 1111 - 1111 - 1111"]
)
def test_groups_set_apart_are_still_undone(engine, text):
    assert any(match.entity == "CREDIT_CARD" for match in engine.scan(text).matches)


def _diagram(value: str) -> str:
    """As diagrams.net writes a page: percent-encoded, deflated, base64."""
    cell = f'<mxCell value="{html.escape(value)}" x="10"/>'
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(quote(cell).encode()) + packer.flush()
    return f'<diagram id="a">{base64.b64encode(packed).decode()}</diagram>'


@pytest.mark.parametrize(("lead", "value", "entity"), VALUES.values(), ids=VALUES)
@pytest.mark.parametrize(
    "within",
    [
        lambda made: f"<mxfile>{made}</mxfile>",
        lambda made: f'<svg content="{html.escape(f"<mxfile>{made}</mxfile>")}">',
        lambda made: quote(f"<mxfile>{made}</mxfile>", safe=""),
        lambda made: "https://app.diagrams.net/?t=x#R" + quote(made.split(">")[1][:-9], safe=""),
    ],
    ids=["file", "picture", "text of a picture", "link"],
)
def test_a_value_in_a_packed_diagram_is_found(engine, within, lead, value, entity):
    text = within(_diagram(f"{lead}<b>{value}</b>"))
    found = [match for match in engine.scan(text).matches if match.entity == entity]
    assert [match.detector.rpartition("+")[2] for match in found] == ["diagram"]
    assert "<" not in text[found[0].start : found[0].end]


def test_a_diagram_that_becomes_too_much_is_told(engine):
    assert engine.scan(_diagram("x" * 6_000_000)).failures == ("disguise",)
    assert not engine.scan("<diagram>" + "7V" * 40 + "</diagram>").failures
