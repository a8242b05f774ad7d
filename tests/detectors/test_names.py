"""Language models: one that is here is used, one that is not is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy

from gateway.detectors import Engine, ModelMissing, Nlp, Settings


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    pipeline = spacy.blank("en")
    ruler = pipeline.add_pipe("entity_ruler")
    ruler.add_patterns(
        [
            {"label": "PERSON", "pattern": "Maria Garcia"},
            {"label": "GPE", "pattern": "Lisbon"},
            {"label": "MONEY", "pattern": "ten euros"},
        ]
    )
    folder = tmp_path_factory.mktemp("models") / "tiny"
    pipeline.to_disk(folder)
    return str(folder)


@pytest.fixture(scope="module")
def engine(model: str, cache: Path) -> Engine:
    made = Settings(nlp=Nlp(engine="spacy", model=model))
    return Engine.build(made, key=b"test", cache_dir=cache)


def test_names_and_places_are_found(engine):
    text = "Maria Garcia of Lisbon paid ten euros, mail m@example.com"
    found = {(m.entity, text[m.start : m.end], m.detector) for m in engine.scan(text).matches}
    assert ("PERSON", "Maria Garcia", "nlp:spacy") in found
    assert ("LOCATION", "Lisbon", "nlp:spacy") in found
    assert ("EMAIL_ADDRESS", "m@example.com", "EmailRecognizer") in found
    assert {"PERSON", "LOCATION"} <= engine.entities


def test_names_keep_their_place_in_a_long_text(engine):
    text = "plain words on a line\n" * 1500 + "Maria Garcia"
    people = [m for m in engine.scan(text).matches if m.entity == "PERSON"]
    assert [text[m.start : m.end] for m in people] == ["Maria Garcia"]


def test_new_words_do_not_stay(engine):
    vocabulary = engine._names._engine.nlp["en"].vocab
    engine.scan("an inventedword stands here")
    assert "inventedword" not in vocabulary.strings


def test_blank_loads_no_model(cache):
    made = Engine.build(Settings(), key=b"test", cache_dir=cache)
    assert made._names is None
    assert "PERSON" not in made.entities


@pytest.mark.parametrize(
    ("nlp", "says"),
    [
        (Nlp(engine="spacy", model="no_such_model"), "`no_such_model` is not installed"),
        (Nlp(engine="transformers", model="no/such"), "not installed"),
    ],
)
def test_a_missing_model_is_told_before_anything_runs(nlp, says):
    with pytest.raises(ModelMissing, match=says):
        Engine.build(Settings(nlp=nlp), key=b"t", cache_dir=None)


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(ModelMissing, match="cannot be loaded"):
        Engine.build(
            Settings(nlp=Nlp(engine="spacy", model=str(tmp_path))), key=b"t", cache_dir=None
        )
