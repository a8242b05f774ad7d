"""Our engine against the stock recognizers: the same raw matches, on a generated mixed corpus."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from presidio_analyzer import EntityRecognizer
from presidio_analyzer.predefined_recognizers import IbanRecognizer
from support.gateway import KEY
from support.stock import compare, corpus, every_recognizer, justified, mixtures
from support.thorough import FULL

from gateway.detectors import Engine, Settings, catalogue, recognizers
from gateway.detectors.context import Context
from gateway.detectors.overlaps import without_contained
from gateway.detectors.prefilter import Prefilter
from gateway.detectors.probes import Probe
from gateway.detectors.settings import Nlp

NO_NAMES = Nlp(engine="blank")

type Found = set[tuple[str, str, int, int, float]]


def stock(text: str, known: list[EntityRecognizer]) -> Found:
    return {
        (r.name, found.entity_type, found.start, found.end, found.score)
        for r in known
        for found in r.analyze(text, r.supported_entities)
    }


def ours(text: str, probes: list[Probe], prefilter: Prefilter) -> Found:
    around = Context(text, label="", stop_words=frozenset())
    by_recognizer: dict[str, list[tuple[str, int, int, float]]] = {}
    for number, hit in prefilter.candidates(text).items():
        probe = probes[number]
        for first, last in hit:
            for raw in probe.find(text, first, last, around):
                by_recognizer.setdefault(probe.name, []).append(
                    (raw.entity, raw.start, raw.end, raw.confidence)
                )
    result: Found = set()
    for name, raws in by_recognizer.items():
        for i in without_contained([raw[1:] for raw in raws]):
            result.add((name, *raws[i]))
    return result


@pytest.fixture(scope="module")
def probes() -> list[Probe]:
    everything = dict.fromkeys(catalogue.entity_names(), 0.0)
    return [
        p
        for p in recognizers.probes(Settings(min_confidence=everything))
        if p.name not in {"CardNumber", "PhoneShape"}
    ]


@pytest.fixture(scope="module")
def prefilter(probes: list[Probe]) -> Prefilter:
    return Prefilter.build([p.expressions[0] for p in probes], key=b"k", cache_dir=None)


@pytest.fixture(scope="module")
def known() -> list[EntityRecognizer]:
    return every_recognizer()


def test_results_equal_the_stock_recognizers(probes, prefilter, known):
    differences = []
    found = 0
    for text in [*corpus(7, 60), *mixtures(7, 150)]:
        expected, actual = stock(text, known), ours(text, probes, prefilter)
        found += len(expected)
        differences.extend(
            (text[max(0, d[2] - 30) : d[3] + 20], d, d in expected)
            for d in expected ^ actual
            if not justified(text, d, ours_only=d in actual)
        )
    assert found > 1000
    assert not differences, "\n".join(map(repr, differences))


def test_patterns_that_wait_for_a_word_find_the_same(cache, monkeypatch):
    from gateway.detectors import engine as module

    engine = Engine.build(Settings(nlp=NO_NAMES), key=KEY, cache_dir=cache)
    monkeypatch.setattr(module, "_wanted", lambda _probe, expression, _settings: expression)
    eager = Engine.build(Settings(nlp=NO_NAMES), key=KEY, cache_dir=cache)
    assert eager._prefilter._topics is not None  # those of secrets remain
    found_any = 0
    for text in corpus(11, 30):
        result = engine.scan(text)
        assert result == eager.scan(text)
        found_any += len(result.matches)
    assert found_any > 200


@pytest.mark.parametrize(
    "text",
    [
        "sha256:b5679d5f4debe359bbe2149ed560441112924129bb225eb5fd",
        "2.71828182845904523536",
        "image: registry.local/api:12.11.19",
        "from 19.6.36 to 19.6.40",
        "Version 10.4.2.1 and older",
        "the firmware is now 2.81.0.134",
        "numpy==1.26.4.12",
        "EAN 5901234123457",
        '{"ts": 6465956210586, "seq": 43470721}',
        "1055716494 1905 /usr/include/utime.h",
        "C -1 ; WX 600 ; N Scaron ; B 87 -16 514 784 ;",
        "v 3 c 0.554688 0 1 0.445312 1 1 v 3 s -0.894531 2 -2 2 s -2 -0.894531 z",
        "+1.73205080756887729",
        "cmake_policy(SET CMP0054 NEW)",
        "@memberof Address6",
        "the colours #00cc33 and #33CC66",
        "compiler VERSION_EQUAL 16.00.30319.01",
        "set each {0 2 14 4 6 8 10 12}",
        "char  0 1 2 3 4 5 6 7 8 9",
        "    b5c3:\t48 83 43 18 08       \taddq   $0x8,0x18(%rbx)",
        " 7  AC Milan   28 13 11 12  84:29  97",
        "Part number 679-66873-45, drug code 0777-3105-02",
        "GenServer.start_link(start)",
        "the license v1 applies, and license: V12",
        "loss=2.34567891e-03 and 1.14395607e-01",
        "[-1.6742681353491076, 1.4739040597962576]",
        "-1.6742681353491076\n1.4739040597962576\n0.6296837316481818\n0.0842722964452568",
        "cc6d7355 7877819c and 1655842a were reverted",
        "at 0x74562311 and 0x2025550143",
        "EAN 4006381333931, row 630000000000000018",
    ],
)
def test_what_is_like_a_version_a_hash_or_a_part_is_silent(engine, text):
    found = {match.entity for match in engine.scan(text).matches}
    assert found <= {"PERSON", "LOCATION", "ORGANIZATION"}  # the model's business


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("PESEL 44051401359", "PL_PESEL"),
        ("DEA number BJ6125341.", "MEDICAL_LICENSE"),
        ("Datum: 12.11.19", "DATE_TIME"),
        ("am 12.11.2019", "DATE_TIME"),
        ("server 10.4.2.1 is down", "IP_ADDRESS"),
        ("주민등록번호 9007281358989", "KR_RRN"),
        ("call 679-668-7345", "PHONE_NUMBER"),
        ("Registrant Phone: +1.2025550143", "PHONE_NUMBER"),
        ("fax 06 12 34 56 78 until 18:30", "PHONE_NUMBER"),
        ("my card number is 6465956210586", "CREDIT_CARD"),
        ("6228480402564890018 is hers", "CREDIT_CARD"),
        ("card 4000000000000000006", "CREDIT_CARD"),
        ("NIF 7877819c", "ES_NIF"),
        ("7877819C", "ES_NIF"),
        ("6069 8512 3456 7890", "CREDIT_CARD"),
        ("see brightwater.com for more", "URL"),
    ],
)
def test_and_what_is_meant_is_found(engine, text, entity):
    assert entity in {match.entity for match in engine.scan(text).matches}


@pytest.mark.parametrize("host", ["a" * 60 + ".example.com", "-".join(["bright"] * 20) + ".io"])
def test_an_address_with_a_long_name_is_found_from_its_scheme_on(engine, host):
    text = f"see https://{host}/x?y=1 for more"
    found = [text[m.start : m.end] for m in engine.scan(text).matches if m.entity == "URL"]
    assert found == [f"https://{host}/x?y=1"]


# --- the whole engine against `AnalyzerEngine.analyze` -------------------------------------------


@pytest.fixture(scope="module")
def plain_engine(cache: Path) -> Engine:
    return Engine.build(Settings(secrets=False, nlp=NO_NAMES), key=KEY, cache_dir=cache)


def test_the_engine_differs_from_the_stock_engine_only_where_it_is_meant_to(plain_engine):
    pages, mixed, least = (80, 320, 1000) if FULL else (40, 160, 500)
    result = compare([*corpus(3, pages), *mixtures(3, mixed)], plain_engine)
    assert result.matches > least
    assert not result.others, "\n".join(map(str, result.others))
    assert len(result.meant) > 5  # the table is of use


def test_every_iban_begins_as_the_matcher_looks_for_it(probes):
    """A Presidio whose pattern began otherwise would find what the matcher never asks it about."""
    (asked,) = next(each for each in probes if isinstance(each, recognizers.IbanProbe)).expressions
    (whole,) = IbanRecognizer().patterns
    assert whole.regex.startswith(rf"(?<![A-Z0-9])({asked.pattern.removesuffix('}')},")
    for value in ("DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "NO93-8601-1117-947"):
        assert re.search(whole.regex, value)
        assert re.search(asked.pattern, value)
