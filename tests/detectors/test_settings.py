"""What a `detectors:` section may say."""

from __future__ import annotations

import pytest

from gateway.detectors import Settings, entities, entity_names, groups
from gateway.documents import DocumentError, load


def test_an_empty_section_is_the_default():
    assert load("", Settings, source="p.yaml") == Settings()


def test_a_full_section():
    text = """
countries: [us, GB]
disabled: [URL]
min_confidence: {PHONE_NUMBER: 0.6}
nlp: {engine: spacy, model: en_core_web_sm}
secrets: false
language: de
"""
    made = load(text, Settings, source="p.yaml")
    assert made.countries == ("us", "uk")
    assert made.wants_country("US")
    assert not made.wants_country("de")
    assert made.wants_country(None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("disabled: [US_SNN]", "did you mean `US_SSN`?"),
        ("min_confidence: {EMAIL: 0.5}", "unknown entity `EMAIL`"),
        ("min_confidence: {URL: 5}", "less than or equal to 1"),
        ("countries: [xx]", "unknown country `xx`"),
        ("nlp: {engine: spacy}", "needs `model`"),
        ("nlp: {model: x}", "takes no `model`"),
        ("langage: en", "did you mean `language`?"),
    ],
)
def test_mistakes_are_told_with_their_place(text, says):
    with pytest.raises(DocumentError, match=r"p\.yaml:1:\d+: ") as error:
        load(text, Settings, source="p.yaml")
    assert says in str(error.value)


def test_groups_hold_known_entities():
    assert {"secret", "pii", "contact", "financial", "government_id", "health"} <= set(groups())
    for members in groups().values():
        assert members <= entity_names()
    assert all(e.groups and e.title and e.label for e in entities().values())
    assert "GITHUB_TOKEN" in groups()["secret"]
    assert "US_SSN" in groups()["government_id"]
