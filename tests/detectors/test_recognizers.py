"""Our engine against the stock recognizers: the same raw matches, on a generated mixed corpus."""

from __future__ import annotations

import functools
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import phonenumbers
import pytest
import spacy
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import EmailRecognizer

from gateway.detectors import Engine, ScanResult, Settings, catalogue, recognizers
from gateway.detectors.cards import is_card
from gateway.detectors.context import BOOST, Context
from gateway.detectors.overlaps import CLEARLY, without_contained
from gateway.detectors.phones import _OTHER, MIN_DIGITS
from gateway.detectors.prefilter import Prefilter
from gateway.detectors.probes import Probe, UrlProbe
from gateway.detectors.settings import Nlp

WORDS = (
    "the order was placed by our customer and please check account number for invoice date "
    "member claim rx prescription authorization referral provider tax id passport driver license "
    "IBAN visa phone call DE US total amount https://www.example.com/a?b=c file.py foo.bar(x) "
    "self.name std::vector x[::3] 10.0.0.1 fe80::1 café naïve Straße 日本 मेरा ٣٤٥ １２３４ ſecret"
).split()


def shapes(rng: random.Random) -> Iterator[str]:
    """Values in, and near, the shapes that recognizers look for."""

    def digits(count: int) -> str:
        return "".join(rng.choice("0123456789") for _ in range(count))

    def letters(count: int) -> str:
        return "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(count))

    while True:
        yield rng.choice(WORDS)
        yield rng.choice(WORDS)
        yield digits(rng.randint(2, 18))
        yield letters(rng.randint(1, 3)) + digits(rng.randint(2, 10)) + letters(rng.randint(0, 3))
        yield f"{digits(3)}-{digits(2)}-{digits(4)}"
        yield f"{digits(4)} {digits(4)} {digits(4)} {digits(4)}"
        yield f"{digits(3)} {digits(3)} {digits(3)}"
        yield f"{digits(3)}-{digits(3)}-{digits(4)}"
        yield f"{digits(6)}-{digits(4)}"
        yield f"{rng.randint(1, 31)}.{rng.randint(1, 12)}.{rng.randint(1950, 2025)}"
        yield f"{rng.randint(1950, 2025)}-0{rng.randint(1, 9)}-{rng.randint(10, 28)}T10:11:12Z"
        yield f"{letters(5).lower()}.{letters(4).lower()}@{letters(4).lower()}.{rng.choice(['com', 'de', 'local', 'co.uk'])}"
        yield f"{letters(2)}{digits(2)} {digits(4)} {digits(4)} {digits(4)} {digits(2)}"
        yield "GB82 WEST 1234 5698 7654 32"
        yield "DE89370400440532013000"
        yield f"{digits(3)}.{digits(2)}.{digits(1)}.{digits(3)}/24"
        yield ":".join(f"{rng.randrange(256):02x}" for _ in range(6))
        yield f"{rng.getrandbits(32):08x}-{digits(4)}-4{digits(3)}-a{digits(3)}-{digits(12)}"
        region = rng.choice(["US", "GB", "DE", "IN", "ZA", "BR", "IL"])
        number = phonenumbers.example_number(region)
        yield phonenumbers.format_number(number, rng.choice([0, 1, 2]))
        yield f"{rng.choice(['claim', 'rx', 'referral', 'pre-auth'])} #{digits(rng.randint(5, 12))}"
        yield "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
        yield f"www.{letters(6).lower()}.org/x/{digits(3)}"


def corpus(seed: int, count: int) -> list[str]:
    rng = random.Random(seed)
    pool = shapes(rng)
    values = [next(pool) for _ in range(4000)]
    gaps = [" ", " ", " ", " ", ", ", "\n", ": ", "\t", "=", "'", "-", "/"]
    texts = []
    for _ in range(count):
        size = rng.choice([1, 3, 20, 150])
        texts.append("".join(rng.choice(values) + rng.choice(gaps) for _ in range(size)))
    return texts


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
    found = list(recognizers.predefined_recognizers())
    for recognizer in found:
        if isinstance(recognizer, EmailRecognizer):
            # The stock check downloads the public suffix list.
            recognizer.validate_result = recognizers._has_public_domain
    return found


def justified(text: str, difference: tuple[str, str, int, int, float], *, ours_only: bool) -> bool:
    """Differences that are meant.

    Phone numbers: those of fewer than `MIN_DIGITS` digits are left out, and so are dates, Internet
    addresses, cards and US social security numbers; numbers that the stock recognizer drops
    because a date or another number is glued to them are found here. Addresses without a scheme
    that go on after their ending, or have a rare one, are half as sure; so are Internet
    addresses of the machine itself, list slices and what follows a word for a version. A part of a
    longer run of letters and digits is no identifier, and a date with dots and a year of two digits
    is as weak as the weakest dates. A letter with one or two digits is a version, a page or a cell, and
    no driver's licence. Indian PAN, weakest
    pattern: the stock one takes any ten characters that digits follow anywhere later.
    """
    name, _, start, end, sure = difference
    value = text[start:end]
    if name in {"PhoneRecognizer", "ZaMobileNumberRecognizer", "ZaTelephoneNumberRecognizer"}:
        few = sum(map(str.isdecimal, value)) < MIN_DIGITS
        named = start > 1 and text[start - 1] in "-_" and text[start - 2].isalpha()
        return ours_only or few or named or bool(_OTHER.fullmatch(value)) or is_card(value)
    if name == "UrlRecognizer":
        follows = text[end : end + 1]
        goes_on = follows.isalnum() or follows in set("_-(")
        return sure in {0.25, 0.5} and (
            goes_on
            or value.partition("/")[0].rpartition(".")[2].lower()
            not in UrlProbe._TELLING.split("|")
        )
    if name == "IpRecognizer":
        return sure in {0.3, 0.6, 0.05, 0.1}
    if name == "DateRecognizer":
        return re.fullmatch(r"\d{1,2}\.\d{1,2}\.\d{2}", value) is not None
    if name == "UsLicenseRecognizer":
        return not ours_only and re.fullmatch(r"(?i)[a-z]\d{1,2}", value) is not None
    if name in BARE:
        beside = text[max(0, start - 1) : start] + text[end : end + 1]
        return re.search("[A-Za-z0-9]", beside) is not None
    return name == "InPanRecognizer" and sure == 0.01


BARE = {
    "FiPersonalIdentityCodeRecognizer",
    "ItFiscalCodeRecognizer",
    "MedicalLicenseRecognizer",
    "PlPeselRecognizer",
    "SeOrganisationsnummerRecognizer",
    "SePersonnummerRecognizer",
}
"""Recognizers whose patterns say nothing of what stands beside a match."""


def test_results_equal_the_stock_recognizers(probes, prefilter, known):
    differences = []
    found = 0
    for text in corpus(7, 60):
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

    engine = Engine.build(Settings(nlp=NO_NAMES), key=b"test", cache_dir=cache)
    monkeypatch.setattr(module, "_wanted", lambda _probe, expression, _settings: expression)
    eager = Engine.build(Settings(nlp=NO_NAMES), key=b"test", cache_dir=cache)
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
        "Part number 679-66873-45, drug code 0777-3105-02",
        "GenServer.start_link(start)",
        "the license v1 applies, and license: V12",
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
        ("see brightwater.com for more", "URL"),
    ],
)
def test_and_what_is_meant_is_found(engine, text, entity):
    assert entity in {match.entity for match in engine.scan(text).matches}


# --- the whole engine against `AnalyzerEngine.analyze` -------------------------------------------

NO_NAMES = Nlp(engine="blank")

type Result = tuple[str, int, int, float]


def analyzer() -> Callable[[str], dict[tuple[str, int, int], float]]:
    """`AnalyzerEngine.analyze` with the recognizers of all countries and no language model."""
    blank = spacy.blank("en")
    if not spacy.Language.has_factory("own_lemmas"):

        def lemmas(doc):
            # Without lemmas the stock engine sees no context words, and says nothing of it.
            for token in doc:
                token.lemma_ = token.text
            return doc

        spacy.Language.component("own_lemmas", func=lemmas)
    blank.add_pipe("own_lemmas")
    nlp = SpacyNlpEngine(ner_model_configuration=NerModelConfiguration())
    nlp.nlp = {"en": blank}
    registry = RecognizerRegistry()
    for recognizer in recognizers.predefined_recognizers():
        recognizer.supported_language = "en"
        if isinstance(recognizer, EmailRecognizer):
            recognizer.validate_result = recognizers._has_public_domain
        registry.add_recognizer(recognizer)
    engine = AnalyzerEngine(nlp_engine=nlp, registry=registry)
    return lambda text: {
        (r.entity_type, r.start, r.end): r.score for r in engine.analyze(text, "en")
    }


@functools.cache
def stock_recognizers() -> tuple[EntityRecognizer, ...]:
    return tuple(recognizers.predefined_recognizers())


class Difference:
    """A match that one of the engines reports and the other does not, or with another confidence."""

    def __init__(self, text: str, result: Result, *, ours: ScanResult, by_us: bool) -> None:
        self.entity, self.start, self.end, self.sure = result
        self.text, self.by_us, self.ours = text, by_us, ours
        self.value = text[self.start : self.end]
        self.known = catalogue.entities()[self.entity]
        self.mine = [m for m in ours.matches if m.start <= self.start and m.end >= self.end]

    def detectors(self) -> set[str]:
        return {m.detector for m in self.mine if m.entity == self.entity}


# Every kind of difference that is meant, with its reason (docs/detection.md, "What differs from
# Presidio"); what fits none of them fails the test.
MEANT: dict[str, Callable[[Difference], bool]] = {
    "one that is clearly surer covers it, or a longer one of the same entity": lambda d: (
        not d.by_us
        and any(
            m.entity == d.entity or m.confidence >= min(d.sure, d.known.cap(d.value)) + CLEARLY
            for m in d.mine
        )
    ),
    "a shape that proves little is capped where no word speaks for it": lambda d: (
        min(d.known.at_most, d.known.cap(d.value)) < 1.0
    ),
    "words: a short one within another one speaks there only": lambda d: (
        not d.by_us and d.sure - BOOST < d.known.min_confidence
    ),
    "words: phrases, parts of identifiers, words after the value speak here only": lambda d: (
        d.by_us and d.sure - BOOST < d.known.min_confidence + 0.05
    ),
    "entities that Presidio has no recognizer for": lambda d: (
        d.by_us and d.entity not in {e for r in stock_recognizers() for e in r.supported_entities}
    ),
    "detectors of our own find more of an entity that it has": lambda d: (
        d.by_us and d.detectors().isdisjoint({r.name for r in stock_recognizers()})
    ),
    "disguised values are seen here": lambda d: (
        d.by_us and any("+" in detector for detector in d.detectors())
    ),
    "cards in ranges that are left out there": lambda d: (
        d.by_us and "CardNumber" in d.detectors() and is_card(d.value)
    ),
    "phone numbers in a telling writing need not be assigned": lambda d: (
        d.by_us and "PhoneShape" in d.detectors()
    ),
    "other shapes, and short ones, are no phone numbers": lambda d: (
        d.entity == "PHONE_NUMBER"
        and justified(d.text, ("PhoneRecognizer", "", d.start, d.end, d.sure), ours_only=d.by_us)
    ),
    "doubtful addresses without a scheme are half as sure": lambda d: (
        d.entity == "URL" and not d.value.lower().startswith("http")
    ),
    "Internet addresses of the machine itself, and list slices": lambda d: (
        d.entity == "IP_ADDRESS" and d.sure <= 0.6 and not d.by_us
    ),
    "dates with dots and two digits for the year are weak": lambda d: (
        d.entity == "DATE_TIME" and re.fullmatch(r"\d{1,2}\.\d{1,2}\.\d\d", d.value) is not None
    ),
    "identifiers are no parts of longer runs of letters and digits": lambda d: (
        d.entity in recognizers._WHOLE
        and re.search(
            r"[A-Za-z0-9]", d.text[max(0, d.start - 1) : d.start] + d.text[d.end : d.end + 1]
        )
        is not None
    ),
    "a letter with one or two digits is no driver's licence": lambda d: (
        d.entity == "US_DRIVER_LICENSE"
        and not d.by_us
        and re.fullmatch(r"(?i)[a-z]\d{1,2}", d.value) is not None
    ),
    "the weakest pattern of Indian PANs asks for its digits in place": lambda d: (
        d.entity == "IN_PAN" and d.sure <= 0.36
    ),
}


def differences(
    text: str, expected: dict[tuple[str, int, int], float], engine: Engine
) -> list[Difference]:
    result = engine.scan(text)
    assert not result.failures
    floors = {name: entity.min_confidence for name, entity in catalogue.entities().items()}
    theirs = {key: sure for key, sure in expected.items() if sure >= floors[key[0]]}
    actual = {(m.entity, m.start, m.end): m.confidence for m in result.matches}
    found = []
    for key in theirs.keys() | actual.keys():
        if abs(theirs.get(key, 0.0) - actual.get(key, 0.0)) < 1e-4:
            continue
        by_us = key in actual and actual[key] > theirs.get(key, 0.0)
        sure = max(theirs.get(key, 0.0), actual.get(key, 0.0))
        found.append(Difference(text, (*key, sure), ours=result, by_us=by_us))
    return found


def compare(texts: Iterable[str], engine: Engine) -> tuple[int, Counter[str], list[str]]:
    """Matches of the stock engine, meant differences by kind, and the others."""
    analyze, total, kinds, others = analyzer(), 0, Counter[str](), []
    for text in texts:
        expected = analyze(text)
        total += len(expected)
        for difference in differences(text, expected, engine):
            kind = next((name for name, fits in MEANT.items() if fits(difference)), None)
            if kind is None:
                d = difference
                around = text[max(0, d.start - 30) : d.end + 20]
                others.append(f"{d.entity} {d.value!r} {d.sure} by us: {d.by_us} in {around!r}")
            else:
                kinds[kind] += 1
    return total, kinds, others


@pytest.fixture(scope="module")
def plain_engine(cache: Path) -> Engine:
    return Engine.build(Settings(secrets=False, nlp=NO_NAMES), key=b"test", cache_dir=cache)


def test_the_engine_differs_from_the_stock_engine_only_where_it_is_meant_to(plain_engine):
    total, kinds, others = compare(corpus(3, 40), plain_engine)
    assert total > 1000
    assert not others, "\n".join(others)
    assert len(kinds) > 5  # the table is of use


if __name__ == "__main__":  # a longer run: `python tests/detectors/test_recognizers.py 500`
    made = Engine.build(Settings(secrets=False, nlp=NO_NAMES), key=b"test", cache_dir=None)
    total, kinds, others = compare(corpus(int(sys.argv[1]), int(sys.argv[1])), made)
    print(total, "matches", *kinds.most_common(), *others, sep="\n")
    sys.exit(bool(others))
