"""Markings and notices: each entry finds its hits and leaves its misses, alone and in the engine."""

from __future__ import annotations

import pytest

from gateway.detectors import entities
from gateway.detectors.company import Entry, entries

HITS = [(entry.name, entry.entity, text) for entry in entries() for text in entry.hits]
MISSES = [(entry.name, text) for entry in entries() for text in entry.misses]
COMPANY = frozenset(name for name, entity in entities().items() if "company" in entity.groups)


@pytest.fixture(scope="module")
def found(engine):
    def find(text):
        result = engine.scan(text)
        assert result.failures == ()
        return {(m.detector, m.entity): text[m.start : m.end] for m in result.matches}

    return find


@pytest.mark.parametrize(("name", "entity", "text"), [*HITS])
def test_an_entry_finds_its_hits(found, name, entity, text):
    assert (name, entity) in found(text), found(text)


@pytest.mark.parametrize(("name", "text"), [*MISSES])
def test_an_entry_leaves_its_misses(found, name, text):
    assert name not in {detector for detector, _ in found(text)}, found(text)


def test_names_are_unique_and_entities_known():
    names = [entry.name for entry in entries()]
    assert len(names) == len(set(names))
    assert {entry.entity for entry in entries()} <= COMPANY


def test_a_bad_pattern_is_told():
    with pytest.raises(ValueError, match="no regular expression"):
        Entry(
            name="marking:x", entity="X_Y", confidence=1, shape="x", regex=("(",), hits=("x",),
            misses=("y",),
        )  # fmt: skip
