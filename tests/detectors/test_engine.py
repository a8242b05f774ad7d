"""The laws of the engine: it never raises, never forgets a failure, and finds the same anywhere."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.gateway import KEY
from support.thorough import examples

from gateway.detectors import Engine, Nlp, ScanResult, Settings, entity_names
from gateway.detectors.probes import PatternProbe
from gateway.model import Match


def found(result: ScanResult, text: str) -> set[tuple[str, str]]:
    return {(m.entity, text[m.start : m.end]) for m in result.matches}


@pytest.mark.parametrize(
    ("text", "entity", "value"),
    [
        ("My SSN is 457-55-5462.", "US_SSN", "457-55-5462"),
        ("mail bob.smith@example.com now", "EMAIL_ADDRESS", "bob.smith@example.com"),
        ("card 4111 1111 1111 1111", "CREDIT_CARD", "4111 1111 1111 1111"),
        ("card 2223003122003222", "CREDIT_CARD", "2223003122003222"),
        ("call +44 20 7946 0958 today", "PHONE_NUMBER", "+44 20 7946 0958"),
        ("IBAN DE89370400440532013000 2 days", "IBAN_CODE", "DE89370400440532013000"),
        ("NHS number 943 476 5919", "UK_NHS", "943 476 5919"),
        ("his tax file number: 123456782", "AU_TFN", "123456782"),
        ("codice fiscale RSSMRA85T10A562S", "IT_FISCAL_CODE", "RSSMRA85T10A562S"),
        ("PESEL 44051401359", "PL_PESEL", "44051401359"),
        ("host 192.168.17.4 is down", "IP_ADDRESS", "192.168.17.4"),
        ("see https://www.example.com/a?b=c", "URL", "https://www.example.com/a?b=c"),
        ("born 04/12/1985", "DATE_TIME", "04/12/1985"),
        ("wallet 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "CRYPTO", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
        ("mac aa:bb:cc:dd:ee:1f", "MAC_ADDRESS", "aa:bb:cc:dd:ee:1f"),
        ("Rx # 1234567", "US_PRESCRIPTION_NUMBER", "1234567"),
    ],
)  # fmt: skip
def test_examples_are_found(engine, text, entity, value):
    assert (entity, value) in found(engine.scan(text), text)


@pytest.mark.parametrize(
    "text",
    [
        "for i in range(1024): x[::3] = y[1::2] + z[10]",
        "threading.Thread(target=self.run).start()  # main.py, line 120",
        "version 1.2.3.4.5, released build 20240102",
        "there were 1234567 rows and 12345678901 bytes",
        "0.1234567 + 3.1415926535",
        "listen on 127.0.0.1 and 0.0.0.0",
        "models gpt-4.1-mini and claude-3-5-sonnet-20241022",
        "the status of the report says nothing",
    ],
)
def test_code_and_numbers_are_left_alone(engine, text):
    assert engine.scan(text).matches == ()


@pytest.mark.parametrize("address", ["0.1.2.3", "10.1.2.3", "126.0.0.1"])
def test_only_addresses_of_the_machine_itself_tell_nothing(engine, address):
    (match,) = engine.scan(f"from {address} today").matches
    assert (match.entity, match.confidence) == ("IP_ADDRESS", 0.6)


def test_label_is_context(engine):
    assert engine.scan("457555462").matches == ()
    text = "457555462"
    assert ("US_SSN", text) in found(engine.scan(text, label="customerSsn"), text)
    assert ("US_SSN", text) in found(engine.scan(text, label="ssn"), text)


@settings(max_examples=examples(150), deadline=None)
@given(text=st.text(st.characters(), max_size=300), label=st.text(max_size=10))
def test_any_text_is_scanned(engine, text, label):
    result = engine.scan(text, label=label)
    assert result.failures == ()
    for match in result.matches:
        assert 0 <= match.start < match.end <= len(text)
        assert match.entity in engine.entities
        assert 0 < match.confidence <= 1


@settings(max_examples=examples(60), deadline=None)
@given(
    before=st.text(st.characters(codec="utf-8"), max_size=40),
    after=st.text(st.characters(codec="utf-8"), max_size=40),
)
def test_offsets_count_code_points(engine, before, after):
    text = f"{before} bob@example.com {after}"
    assert ("EMAIL_ADDRESS", "bob@example.com") in found(engine.scan(text), text)


def test_lone_surrogates_keep_the_offsets(engine):
    text = "\ud83d x \udc00 bob@example.com"
    assert ("EMAIL_ADDRESS", "bob@example.com") in found(engine.scan(text), text)


def test_digits_of_other_scripts_are_digits(engine):
    number = "４１１１１１１１１１１１１１１１"
    text = f"my card is {number} ok"
    assert ("CREDIT_CARD", number) in found(engine.scan(text), text)


def test_a_value_is_found_wherever_it_stands_in_a_long_text(engine):
    line = "nothing to see here, only words and more words on a line\n"
    for size in (900, 1000, 1023, 1024, 1030, 5000, 11_990, 12_001, 40_000):
        for pad in (line * 1000, "word " * 9000, "x" * 50_000 + " "):
            text = pad[:size] + " bob.smith@example.com " + pad[:3000]
            assert ("EMAIL_ADDRESS", "bob.smith@example.com") in found(engine.scan(text), text), (
                size,
                pad[:5],
            )


def test_one_long_text_gives_what_its_lines_give(engine):
    rng = random.Random(4)
    lines = []
    for number in range(900):
        lines.append(f"{rng.choice('abcdef') * rng.randint(3, 60)} item number{number}")
        lines.append(f"user{number}@example.com wrote")
    text = "\n".join(lines)
    assert len(text) > 30_000
    emails = [m for m in engine.scan(text).matches if m.entity == "EMAIL_ADDRESS"]
    assert len(emails) == 900
    assert [m.start for m in emails] == sorted(m.start for m in emails)


def test_a_private_key_across_pieces_is_one_match(engine):
    rng = random.Random(9)
    body = "\n".join(
        "".join(rng.choice("ABCDEFGHabcdefgh0123456789+/") for _ in range(64)) for _ in range(50)
    )
    kind = "RSA PRIVATE KEY"
    key = f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----"
    text = "some words\n" * 1100 + key + "\nmore words\n" * 2000
    keys = [m for m in engine.scan(text).matches if m.entity == "PRIVATE_KEY"]
    assert [text[m.start : m.end] for m in keys] == [key]


def test_a_long_line_takes_linear_time(engine):
    for unit in ("a", "1", "a.", "1-", "@", "x@", "ab12 ", "(", "password=", "sk-"):
        started = time.process_time()
        assert engine.scan(unit * (60_000 // len(unit))).failures == ()
        assert time.process_time() - started < 12, unit


def test_results_are_remembered_and_the_text_is_not(cache):
    engine = Engine.build(Settings(), key=KEY, cache_dir=cache)
    text = "Unmistakable words, mail carla.canary@example.com\n" * 400
    first = engine.scan(text)
    started = time.perf_counter()
    assert engine.scan(text) == first
    assert time.perf_counter() - started < 0.02
    held = repr(vars(engine._memory)) + repr(engine._memory._entries)
    assert "canary" not in held
    assert "Unmistakable" not in held


class Stuck:
    """A probe that runs out of time."""

    def __init__(self, probe):
        self.name, self.entity, self.strongest = "Stuck", probe.entity, 1.0
        self.expressions, self.vocabulary = probe.expressions, probe.vocabulary

    def find(self, *_):
        raise TimeoutError("regex timed out")
        yield


def test_a_detector_that_fails_is_named_and_the_others_go_on(cache):
    engine = Engine.build(Settings(), key=KEY, cache_dir=cache)
    position = next(
        i
        for i, probe in enumerate(engine._probes)
        if isinstance(probe, PatternProbe) and probe.entity == "UUID"
    )
    probes = list(engine._probes)
    probes[position] = Stuck(probes[position])
    engine._probes = tuple(probes)
    text = "id 12345678-1234-4234-8234-123456789012 of bob@example.com"
    for _ in range(2):  # and a failure is not remembered as an answer
        result = engine.scan(text)
        assert result.failures == ("Stuck",)
        assert ("EMAIL_ADDRESS", "bob@example.com") in found(result, text)


def test_settings_choose_what_is_found(cache):
    text = "passport A12345678, PESEL 44051401359, mail a.b@example.com"
    german = Engine.build(
        Settings(
            countries=("de",),
            disabled=frozenset({"EMAIL_ADDRESS"}),
            secrets=False,
            nlp=Nlp(engine="blank"),
        ),
        key=KEY,
        cache_dir=cache,
    )
    assert "PL_PESEL" not in german.entities
    assert "EMAIL_ADDRESS" not in german.entities
    assert "GITHUB_TOKEN" not in german.entities
    assert {"DE_PASSPORT", "CREDIT_CARD"} <= german.entities
    assert {m.entity for m in german.scan(text).matches} <= {
        "DE_PASSPORT",
        "DE_ID_CARD",
        "PASSPORT_NUMBER",
        "URL",
    }


def test_min_confidence_is_per_entity(cache):
    text = "call 0171 5550123"
    assert Engine.build(Settings(), key=KEY, cache_dir=cache).scan(text).matches
    strict = Settings(min_confidence={"PHONE_NUMBER": 0.99})
    matches = Engine.build(strict, key=KEY, cache_dir=cache).scan(text).matches
    assert "PHONE_NUMBER" not in {m.entity for m in matches}


def test_revision_changes_with_the_settings(cache, engine):
    other = Engine.build(Settings(min_confidence={"URL": 0.9}), key=KEY, cache_dir=cache)
    assert other.revision != engine.revision
    same = Engine.build(Settings(), key=KEY, cache_dir=cache)
    assert same.revision == engine.revision


def test_every_entity_is_in_the_catalogue(engine):
    assert engine.entities <= entity_names()


def test_matches_do_not_show_text(engine):
    (match,) = engine.scan("mail bob.smith@example.com").matches
    assert isinstance(match, Match)
    assert "bob" not in repr(match)
