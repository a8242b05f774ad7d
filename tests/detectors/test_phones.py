"""Phone numbers: the same as the library, region by region, at a fraction of the cost."""

from __future__ import annotations

import random

import phonenumbers
import pytest
from presidio_analyzer.predefined_recognizers import PhoneRecognizer

from gateway.detectors.cards import is_card
from gateway.detectors.context import Context, Vocabulary
from gateway.detectors.overlaps import without_contained
from gateway.detectors.phones import _OTHER, MIN_DIGITS, PhoneProbe, _runs

STOCK = PhoneRecognizer()
PROBE = PhoneProbe(
    name="p",
    entity="PHONE_NUMBER",
    regions=STOCK.supported_regions,
    leniency=1,
    confidence=0.4,
    vocabulary=Vocabulary(()),
)


def ours(text: str) -> set[tuple[int, int]]:
    around = Context(text, label="", stop_words=frozenset())
    raws = list(PROBE.find(text, 0, len(text), around))
    return {
        (raws[i].start, raws[i].end)
        for i in without_contained([(r.start, r.end, r.confidence) for r in raws])
    }


def number(rng: random.Random) -> str:
    if rng.random() < 0.6:
        region = rng.choice([*STOCK.supported_regions, "ZA", "ES", "JP", "MX", "JM", "JE"])
        example = phonenumbers.example_number_for_type(region, rng.choice([0, 1, 2]))
        if example is not None:
            text = phonenumbers.format_number(example, rng.choice([0, 1, 2]))
            return "".join(
                rng.choice("0123456789") if c.isdigit() and rng.random() < 0.2 else c for c in text
            )
    return "".join(rng.choice("0123456789" * 6 + " -./()+,:") for _ in range(rng.randint(5, 25)))


@pytest.mark.parametrize("seed", range(4))
def test_one_number_in_a_text_is_judged_as_by_the_library(seed):
    rng = random.Random(seed)
    judged = 0
    for _ in range(150):
        text = (
            rng.choice(["", "call ", "Tel: ", "$", "abc"])
            + number(rng)
            + rng.choice(["", ".", " or so", "x"])
        )
        expected = {
            (r.start, r.end)
            for r in STOCK.analyze(text, ["PHONE_NUMBER"])
            if sum(map(str.isdecimal, text[r.start : r.end])) >= MIN_DIGITS
            and not _OTHER.fullmatch(text[r.start : r.end])
            and not is_card(text[r.start : r.end])
        }
        judged += len(expected)
        assert expected <= ours(text), text
    assert judged > 30


def test_an_extension_belongs_to_the_number():
    text = "call 650-253-0000 ext. 123 now"
    ((start, end),) = ours(text)
    assert text[start:end] == "650-253-0000 ext. 123"


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-02",
        "02.01.2024",
        "10.20.30.40",
        "457-55-5462",
        "3.14159265",
        "02111-1307",
        "Tue Mar 03 2022 -0800",
    ],
)
def test_other_shapes_are_no_phone_numbers(text):
    assert ours(text) == set()


def test_candidates_that_would_not_be_reported_are_not_parsed():
    probe = PhoneProbe(
        name="p",
        entity="PHONE_NUMBER",
        regions=("US",),
        leniency=1,
        confidence=0.4,
        vocabulary=Vocabulary(["phone"]),
        worth=lambda candidate: not candidate.isdecimal(),
    )

    def find(text: str) -> int:
        around = Context(text, label="", stop_words=frozenset())
        return len(list(probe.find(text, 0, len(text), around)))

    assert find("6502530000") == 0
    assert find("phone 6502530000") == 1
    assert find("650-253-0000") == 1


@pytest.mark.parametrize("signs", [".", " .-()[]/~xX,+;\ta", " .-+\uff0b\uff08\u2010\u00a0\u0661a"])
def test_candidates_of_more_than_digits_are_the_same_when_they_alone_are_asked_for(signs):
    rng = random.Random(3)
    for size in (9, 16, 40) * 400:
        text = "".join(rng.choice("0123456789" * 3 + signs) for _ in range(size))
        first, last = rng.choice([(0, size), (2, size), (0, size - 3)])
        every = _runs(text, first, last, odd=False)
        more = [run for run in every if not text[run[0] : run[1]].isdecimal()]
        assert _runs(text, first, last, odd=True) == more, text


@pytest.mark.parametrize(
    "text",
    [
        "001-555-214-3312x912",
        "(555) 214-3312",
        "555.214.3312",
        "+1-555-214-3312",
        "+44 20 7946 0958",
    ],
)
def test_telling_shapes_need_no_assigned_number(engine, text):
    found = {(m.entity, m.start, m.end) for m in engine.scan(f"is {text} right").matches}
    assert ("PHONE_NUMBER", 3, 3 + len(text)) in found


@pytest.mark.parametrize(
    "text", ["1.555.214.33", "x-555-214-3312-9", "12555-214-3312", "2+3 456 789"]
)
def test_other_shapes_are_not_telling(engine, text):
    assert "PhoneShape" not in {m.detector for m in engine.scan(text).matches}


@pytest.mark.parametrize(
    "text",
    [
        "c -0.441406 0.714844 -0.269532 0.390625",
        "MX +1924-09909 America/Mexico_City",
        "RES 4.7K 1% 0603  42653351  Qty 45",
        "Chrome/659.0.4839.947 Safari/537.36",
        "a:  8b 04 25 28 00 00 00  mov",
    ],
)
def test_figures_of_drawings_tables_and_machines_are_no_numbers(engine, text):
    assert not [m for m in engine.scan(text).matches if m.entity == "PHONE_NUMBER"]
