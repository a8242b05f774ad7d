"""Figures mean what the page says: their laws hold for any spans."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.detectors import groups
from gateway.evaluation.corpus import Document, Span
from gateway.evaluation.score import Mode, Row, Score, _overlapping, accepts, evaluate
from gateway.model import Match

any_machine = settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

ENTITIES = ["US_SSN", "EMAIL_ADDRESS", "PHONE_NUMBER", "GITHUB_TOKEN", "PASSWORD"]
ALL = frozenset(ENTITIES) | {"URL", "DATE_TIME", "LOCATION", "DE_TAX_ID"}

spans = st.lists(
    st.builds(
        lambda start, size, entity: Span(start, start + size, entity),
        st.integers(0, 60),
        st.integers(1, 12),
        st.sampled_from(ENTITIES),
    ),
    max_size=8,
    unique=True,
)


def match(start, end, entity):
    return Match(entity, start, end, 0.9, "test")


def matches(them):
    return [match(span.start, span.end, span.entity) for span in them]


def report(expected, found, *, unlabelled=(), looked_for=ALL):
    document = Document("d", "x" * 100, tuple(sorted(expected)), unlabelled=frozenset(unlabelled))
    return evaluate("set", [document], [found], looked_for=looked_for)


@any_machine
@given(spans)
def test_all_found_and_nothing_else_is_perfect(expected):
    result = report(expected, matches(expected))
    for row in (*result.entities.values(), *result.groups.values()):
        for mode in Mode:
            assert set(row.score(mode).figures().values()) == {1.0}
    assert result.outcomes == ()
    assert result.micro.strict.expected == len(expected)


@any_machine
@given(spans)
def test_nothing_found_has_no_precision_and_no_recall(expected):
    result = report(expected, [])
    assert result.micro.strict.met == 0
    for row in result.entities.values():
        assert row.partial.figures() == {"precision": None, "recall": 0.0, "f1": 0.0, "f2": 0.0}
    assert sum(map(len, result.misses().values())) == len(expected)


@any_machine
@given(spans)
def test_nothing_expected_makes_everything_a_false_alarm(found):
    result = report([], matches(found))
    assert sum(map(len, result.alarms().values())) == len(found)
    assert result.micro.partial.right == 0


@any_machine
@given(spans, spans)
def test_counts_are_of_spans_and_strict_is_never_better(expected, found):
    result = report(expected, matches(found))
    micro = result.micro
    assert micro.strict.expected == micro.partial.expected == len(expected)
    assert micro.strict.found == micro.partial.found == len(found)
    assert micro.strict.met <= micro.partial.met <= len(expected)
    assert micro.strict.right <= micro.partial.right <= len(found)
    for row in result.entities.values():
        for mode in Mode:
            figures = row.score(mode).figures()
            assert all(value is None or 0 <= value <= 1 for value in figures.values())


@any_machine
@given(spans, spans)
def test_precision_one_way_is_recall_the_other_way(expected, found):
    there = report(expected, matches(found)).micro
    back = report(found, matches(expected)).micro
    for mode in Mode:
        assert there.score(mode).precision == back.score(mode).recall
        assert there.score(mode).recall == back.score(mode).precision


@any_machine
@given(spans, spans, st.randoms(use_true_random=False))
def test_order_does_not_matter(expected, found, rng):
    shuffled = matches(found)
    rng.shuffle(shuffled)
    assert report(expected, matches(found)).entities == report(expected, shuffled).entities


@any_machine
@given(spans, spans)
def test_the_sweep_finds_every_pair_that_overlaps(expected, found):
    pairs = {
        (e, f)
        for e, span in enumerate(expected)
        for f, other in enumerate(found)
        if span.start < other.end and other.start < span.end
    }
    swept = list(_overlapping(expected, matches(found)))
    assert len(swept) == len(set(swept))
    assert set(swept) == pairs


def test_the_figures_of_a_known_case():
    score = Score(expected=4, found=5, met=3, right=4)
    assert score.figures() == {"precision": 0.8, "recall": 0.75, "f1": 0.7742, "f2": 0.7595}


def test_a_value_found_in_two_pieces_counts_once_as_expected():
    result = report([Span(0, 10, "US_SSN")], [match(0, 4, "US_SSN"), match(5, 10, "US_SSN")])
    assert result.entities["US_SSN"] == Row(Score(1, 2, 0, 0), Score(1, 2, 1, 2))
    (outcome,) = result.outcomes
    assert outcome.inexact == (Span(0, 10, "US_SSN"),)


def test_another_entity_is_a_false_alarm_in_its_own_name_but_right_for_the_group():
    result = report([Span(0, 9, "DE_TAX_ID")], [match(0, 9, "US_SSN")])
    assert result.alarms() == {"US_SSN": ("d",)}
    assert result.misses() == {"DE_TAX_ID": ("d",)}
    assert result.groups["government_id"].strict == Score(1, 1, 1, 1)


@pytest.mark.parametrize(
    ("expected", "found", "fits"),
    [
        ("GITHUB_TOKEN", "GENERIC_SECRET", True),
        ("SECRET", "GITHUB_TOKEN", True),
        ("GOVERNMENT_ID", "US_SSN", True),
        ("GOVERNMENT_ID", "EMAIL_ADDRESS", False),
        ("DATE_OF_BIRTH", "DATE_TIME", True),
        ("STREET_ADDRESS", "UK_POSTCODE", True),
        ("LOCATION", "UK_POSTCODE", False),
        ("UK_PASSPORT", "PASSPORT_NUMBER", True),
        ("PASSPORT_NUMBER", "UK_PASSPORT", True),
        ("UK_PASSPORT", "US_PASSPORT", False),
        ("US_SSN", "GITHUB_TOKEN", False),
    ],
)
def test_what_is_accepted_for_what(expected, found, fits):
    assert accepts(expected, found) is fits


def test_every_entity_accepts_itself():
    for entity in groups()["pii"] | groups()["secret"]:
        assert accepts(entity, entity)


def test_what_nobody_looks_for_is_counted_apart():
    result = report([Span(0, 5, "VIN"), Span(6, 9, "US_SSN")], [match(6, 9, "US_SSN")])
    assert result.unlooked == {"VIN": 1}
    assert result.micro.strict == Score(1, 1, 1, 1)


def test_unlabelled_entities_are_no_false_alarms_but_count_where_expected():
    found = [match(0, 5, "DATE_TIME"), match(20, 25, "DATE_TIME")]
    result = report([Span(0, 5, "DATE_OF_BIRTH")], found, unlabelled=["DATE_TIME"])
    assert result.entities == {"DATE_OF_BIRTH": Row(Score(1, 1, 1, 1), Score(1, 1, 1, 1))}


def test_an_address_around_a_password_is_no_false_alarm():
    expected = [Span(10, 20, "PASSWORD")]
    assert report(expected, [match(0, 30, "URL")]).alarms() == {}
    assert report(expected, [match(40, 60, "URL")]).alarms() == {"URL": ("d",)}


def test_thousands_of_findings_take_no_time():
    rng = random.Random(1)
    many = sorted({Span(s := rng.randrange(10**6), s + 9, "US_SSN") for _ in range(20_000)})
    document = Document("d", "x" * (10**6 + 9), tuple(many))
    result = evaluate("set", [document], [matches(many)], looked_for=ALL)
    assert result.micro.strict.figures()["f1"] == 1.0
