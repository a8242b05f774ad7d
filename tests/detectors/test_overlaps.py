"""Which matches stand: the rules, and a slow model of them."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st
from support.thorough import examples

from gateway.detectors.overlaps import CLEARLY, beside, resolve, without_contained
from gateway.model import Match

ENTITIES = ["SSN", "ITIN", "PHONE", "URL"]


def match(entity: str, start: int, end: int, sure: float) -> Match:
    return Match(entity, start, end, sure, "d")


def test_a_clearly_surer_match_wins():
    kept = resolve([match("SSN", 0, 11, 0.85), match("ITIN", 0, 11, 0.5)])
    assert [m.entity for m in kept] == ["SSN"]


def test_about_equally_sure_matches_stand():
    assert len(resolve([match("SSN", 0, 11, 0.5), match("ITIN", 2, 11, 0.5)])) == 2
    assert len(resolve([match("SSN", 0, 11, 0.6), match("PHONE", 0, 11, 0.4)])) == 2


def test_chains_do_not_drop_what_nothing_covers():
    kept = resolve(
        [match("SSN", 0, 10, 1.0), match("URL", 5, 20, 0.6), match("PHONE", 12, 19, 0.4)]
    )
    assert [m.entity for m in kept] == ["SSN", "URL", "PHONE"]


def test_what_is_not_covered_stands():
    kept = resolve([match("URL", 0, 30, 0.5), match("SSN", 10, 20, 1.0)])
    assert len(kept) == 2


spans = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 12), st.sampled_from([0.3, 0.5, 0.85, 1.0])),
    max_size=25,
)


@settings(max_examples=examples(200), deadline=None)
@given(spans=spans)
def test_contained_ones_are_dropped_as_in_the_slow_way(spans):
    items = [(a, a + n, c) for a, n, c in spans]
    kept = [items[i] for i in without_contained(items)]
    for item in items:
        covered = any(k[0] <= item[0] and k[1] >= item[1] and k[2] >= item[2] for k in kept)
        assert covered
    assert len(set(kept)) == len(kept)
    for one in kept:
        for other in kept:
            if one is not other and one != other:
                assert not (other[0] <= one[0] and other[1] >= one[1] and other[2] >= one[2])


@settings(max_examples=examples(200), deadline=None)
@given(
    matches=st.lists(
        st.builds(
            lambda e, a, n, c: match(e, a, a + n, c),
            st.sampled_from(ENTITIES),
            st.integers(0, 40),
            st.integers(1, 12),
            st.sampled_from([0.4, 0.5, 0.6, 0.85, 1.0]),
        ),
        max_size=20,
    )
)
def test_no_character_that_was_found_is_lost(matches):
    kept = resolve(matches)
    assert set(kept) <= set(matches)
    assert {i for m in kept for i in range(m.start, m.end)} == {
        i for m in matches for i in range(m.start, m.end)
    }
    for lost in set(matches) - set(kept):
        reasons = [
            other
            for other in set(matches) - {lost}
            if other.start < lost.end
            and other.end > lost.start
            and (
                (other.entity == lost.entity and other.confidence >= lost.confidence)
                or other.confidence >= lost.confidence + CLEARLY - 1e-9
            )
        ]
        assert reasons


@settings(max_examples=200, deadline=None)
@given(
    matches=st.lists(
        st.builds(
            lambda e, a, n, c: match(e, a, a + n, c),
            st.sampled_from(ENTITIES),
            st.integers(0, 40),
            st.integers(1, 12),
            st.sampled_from([0.4, 0.5, 0.6, 0.85, 1.0]),
        ),
        max_size=20,
    ),
    lines=st.lists(st.integers(0, 60), max_size=6, unique=True),
)
def test_what_stands_apart_is_put_beside_as_it_would_be_resolved(matches, lines):
    edges = sorted(lines)
    apart = [match("CODE", a, b, 0.9) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    whole = resolve([*matches, *apart], apart=frozenset({"CODE"}))
    assert sorted(beside(resolve(matches), apart), key=repr) == sorted(whole, key=repr)


def test_many_matches_take_little_time():
    many = [match("SSN", i, i + 11, 0.4 + (i % 7) / 20) for i in range(30_000)]
    started = time.process_time()
    assert resolve(many)
    assert time.process_time() - started < 5
