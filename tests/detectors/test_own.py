"""A company's own detectors as the engine runs them."""

from __future__ import annotations

import pytest
from support.gateway import KEY

from gateway.detectors import Custom, Engine, Nlp, Settings

PROJECT = Custom(entity="PROJECT_NAME", keywords=("Bluebird",), hits=("bluebird",), misses=("x",))
RECORD = Custom(
    entity="CUSTOMER_RECORD",
    regex=(r"customer: .{1,80}",),
    confidence=1.0,
    hits=("customer: a",),
    misses=("x",),
)
CODE = Custom(entity="PARTS", regex=(r"größe \d+", r"№\d{3}"), hits=("größe 1",), misses=("x",))


@pytest.fixture(scope="module")
def ours(cache):
    settings = Settings(custom=(PROJECT, RECORD, CODE), nlp=Nlp(engine="blank"))
    return Engine.build(settings, key=KEY, cache_dir=cache)


def found(result, text):
    return {(m.entity, m.detector, text[m.start : m.end]) for m in result.matches}


def test_words_and_patterns_are_found(ours):
    text = "The BLUEBIRD plan: größe 12, №123"
    assert found(ours.scan(text), text) == {
        ("PROJECT_NAME", "custom:PROJECT_NAME", "BLUEBIRD"),
        ("PARTS", "custom:PARTS", "größe 12"),
        ("PARTS", "custom:PARTS", "№123"),
    }


def test_they_silence_nothing_within_them(ours):
    text = "customer: Ann, SSN 457-55-5462"
    assert {m.entity for m in ours.scan(text).matches} >= {"CUSTOMER_RECORD", "US_SSN"}


def test_they_are_found_in_long_texts_and_in_disguise(ours):
    text = "words and more words\n" * 3000 + "about bluebird\n" + "words again\n" * 3000
    assert ("PROJECT_NAME", "custom:PROJECT_NAME", "bluebird") in found(ours.scan(text), text)
    hidden = ours.scan("about Blue\u200bbird")
    assert [m.detector for m in hidden.matches] == ["custom:PROJECT_NAME+unicode"]


def test_a_disabled_one_is_silent(cache):
    settings = Settings(custom=(PROJECT, RECORD), disabled=frozenset({"PROJECT_NAME"}))
    engine = Engine.build(settings, key=KEY, cache_dir=cache)
    assert "PROJECT_NAME" not in engine.entities
    assert "CUSTOMER_RECORD" in engine.entities
    assert engine.scan("about bluebird").matches == ()


def test_the_revision_changes_with_them(cache, engine, ours):
    other = PROJECT.model_copy(update={"keywords": ("Bluebird", "Redbird")})
    made = Settings(custom=(other, RECORD, CODE), nlp=Nlp(engine="blank"))
    changed = Engine.build(made, key=KEY, cache_dir=cache)
    assert len({engine.revision, ours.revision, changed.revision}) == 3
