"""Language models: the shipped one, and others that are here; one that is not here is told."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.predefined_recognizers import SpacyRecognizer
from support.gateway import KEY

from gateway.detectors import Engine, ModelMissing, Nlp, Settings, names
from gateway.detectors.names import ShippedEngine

SENTENCE = "Maria Garcia of Lisbon paid ten euros, mail m@example.com"


def found(engine: Engine, text: str) -> set[tuple[str, str, str]]:
    result = engine.scan(text)
    assert result.failures == ()
    return {(m.entity, text[m.start : m.end], m.detector) for m in result.matches}


# --- the shipped model ----------------------------------------------------------------------------


def test_names_are_found_as_the_package_comes(engine):
    assert {
        ("PERSON", "Maria Garcia", "names"),
        ("LOCATION", "Lisbon", "names"),
        ("EMAIL_ADDRESS", "m@example.com", "EmailRecognizer"),
    } <= found(engine, SENTENCE)
    assert {"PERSON", "LOCATION", "ORGANIZATION"} <= engine.entities


CODE = """
```python
from typing import Tuple, Dict

def merge(gene: Dict[str, int], ruff: Tuple[int, ...]) -> bool:
    if len(gene) == 0 or min(ruff) > max(ruff):
        raise ValueError("nothing to merge")
    # reported by Thomas Lindqvist
    return self.cache.lookup(gene, ruff)
```
"""


def test_of_code_only_what_is_surely_a_name_is_reported(engine):
    said = {text for _, text, detector in found(engine, CODE) if detector == "names"}
    assert said <= {"Thomas Lindqvist"}


@pytest.mark.parametrize(
    "text",
    [
        'Reformat:\n```json\n[{"name": "Katarzyna Wojcik"}, {"name": "angela whitfield"}]\n```',
        "```python\npeople = ['Katarzyna Wojcik', 'angela whitfield']\nfor p in people:\n    p()\n```",
        "```\nKatarzyna Wojcik, Gdansk\nangela whitfield, boston\n```",
    ],
)
def test_names_do_not_hide_in_code(engine, text):
    people = {name for entity, name, _ in found(engine, text) if entity == "PERSON"}
    assert people >= {"Katarzyna Wojcik", "angela whitfield"}


@pytest.mark.parametrize(
    "text",
    [
        "*** Begin Patch\n*** Update File: .env\n@@\n-DEBUG=0\n+DEBUG=1\n*** End Patch\n",
        "I mark `INSERT INTO accounts (holder, iban) VALUES ('Marcus Pemberton', 'x');`.",
    ],
)
def test_what_coding_agents_write_around_their_edits_is_no_name(engine, text):
    people = {held for entity, held, _ in found(engine, text) if entity == "PERSON"}
    assert people <= {"Marcus Pemberton"}


def test_small_words_of_another_language_are_no_names(engine):
    for text in (
        "Le marché ouvre à huit heures ; on y trouve des légumes, et les gens sont dans la rue.",
        "Il treno era in ritardo, non so per quanto, e la gente che aspettava si è seduta.",
    ):
        assert not {t for _, t, d in found(engine, text) if d == "names"}


def test_disabled_kinds_are_not_reported(cache):
    engine = Engine.build(Settings(disabled=frozenset({"LOCATION"})), key=KEY, cache_dir=cache)
    assert {e for e, _, d in found(engine, SENTENCE) if d == "names"} == {"PERSON"}
    assert "LOCATION" not in engine.entities


def test_it_stands_behind_presidios_interface():
    model = ShippedEngine()
    assert not model.is_loaded()
    with pytest.raises(ValueError, match="not loaded"):
        model.process_text("x", "en")
    model.load()
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.add_recognizer(SpacyRecognizer())
    analyzer = AnalyzerEngine(nlp_engine=model, registry=registry, supported_languages=["en"])
    results = analyzer.analyze(SENTENCE, "en")
    assert ("PERSON", 0, 12) in {(r.entity_type, r.start, r.end) for r in results}
    assert [text for text, _ in model.process_batch(["a", "b"], "en")] == ["a", "b"]


def test_a_language_with_its_own_model_gets_it(tmp_path):
    for name in ("names.npz", "names-de.npz"):
        (tmp_path / name).write_bytes((names.MODELS / "names.npz").read_bytes())
    shipped = names.Shipped(known=frozenset({"PERSON"}), folder=tmp_path)
    german = shipped.model("Der Vertrag ist nicht mit der Firma, die wir haben.")
    english = shipped.model("The contract is with the company that we have.")
    assert german is not english
    assert shipped.model("x = 1") is english


def test_a_damaged_model_is_told(tmp_path):
    (tmp_path / "names.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ModelMissing, match="cannot be loaded"):
        names.Shipped(known=frozenset({"PERSON"}), folder=tmp_path)


# --- spaCy ----------------------------------------------------------------------------------------


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
def spacy_engine(model: str, cache: Path) -> Engine:
    made = Settings(nlp=Nlp(engine="spacy", model=model))
    return Engine.build(made, key=KEY, cache_dir=cache)


def test_names_and_places_are_found(spacy_engine):
    assert {
        ("PERSON", "Maria Garcia", "nlp:spacy"),
        ("LOCATION", "Lisbon", "nlp:spacy"),
        ("EMAIL_ADDRESS", "m@example.com", "EmailRecognizer"),
    } <= found(spacy_engine, SENTENCE)
    assert {"PERSON", "LOCATION"} <= spacy_engine.entities


def test_names_keep_their_place_in_a_long_text(spacy_engine):
    text = "plain words on a line\n" * 1500 + "Maria Garcia"
    people = [m for m in spacy_engine.scan(text).matches if m.entity == "PERSON"]
    assert [text[m.start : m.end] for m in people] == ["Maria Garcia"]


def test_new_words_do_not_stay(spacy_engine):
    vocabulary = spacy_engine._names._engine.nlp["en"].vocab
    spacy_engine.scan("an inventedword stands here")
    assert "inventedword" not in vocabulary.strings


# --- transformers and GLiNER ----------------------------------------------------------------------


def test_a_transformers_model_is_loaded_from_its_folder(tmp_path):
    transformers = pytest.importorskip("transformers", reason="an extra that is not installed here")
    pytest.importorskip("torch", reason="an extra that is not installed here")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "maria", "garcia", "paid"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        id2label={0: "O", 1: "B-PER"},
        label2id={"O": 0, "B-PER": 1},
    )
    tiny = transformers.BertForTokenClassification(config)
    tiny.classifier.weight.data.zero_()
    tiny.classifier.bias.data[1] = 5.0  # all it knows is people
    tiny.save_pretrained(tmp_path)
    finder = names.Foreign.load(
        Nlp(engine="transformers", model=str(tmp_path)), language="en", known=frozenset({"PERSON"})
    )
    assert {entity for _, _, entity, _ in finder.find("maria garcia paid")} == {"PERSON"}


class _Gliner:
    """What Presidio's recognizer asks of a GLiNER model, without its two gigabytes."""

    asked: types.SimpleNamespace

    @classmethod
    def from_pretrained(cls, folder: str, **options: object) -> _Gliner:
        if not (Path(folder) / "gliner_config.json").is_file():
            raise OSError("no gliner_config.json")
        model = cls()
        cls.asked = types.SimpleNamespace(folder=folder, options=options)
        return model

    def predict_entities(
        self, text: str, labels: list[str], **_: object
    ) -> list[dict[str, object]]:
        at = text.find("Maria")
        if at < 0 or "person" not in labels:
            return []
        return [{"start": at, "end": at + 5, "label": "person", "text": "Maria", "score": 0.9}]


@pytest.fixture
def gliner(monkeypatch: pytest.MonkeyPatch) -> type[_Gliner]:
    from presidio_analyzer.predefined_recognizers.ner import gliner_recognizer

    module = types.ModuleType("gliner")
    module.__spec__ = types.SimpleNamespace(name="gliner")  # what `find_spec` looks at
    monkeypatch.setitem(sys.modules, "gliner", module)
    monkeypatch.setattr(gliner_recognizer, "GLiNER", _Gliner)
    return _Gliner


def test_a_gliner_model_is_loaded_from_its_folder_and_nowhere_else(gliner, tmp_path, cache):
    (tmp_path / "gliner_config.json").write_text("{}")
    made = Settings(nlp=Nlp(engine="gliner", model=str(tmp_path)))
    engine = Engine.build(made, key=KEY, cache_dir=cache)
    assert ("PERSON", "Maria", "nlp:gliner") in found(engine, SENTENCE)
    assert gliner.asked.options["local_files_only"] is True


def test_a_folder_without_a_gliner_model_is_told(gliner, tmp_path):
    with pytest.raises(ModelMissing, match="cannot be loaded"):
        names.finder(
            Settings(nlp=Nlp(engine="gliner", model=str(tmp_path))), known=frozenset({"PERSON"})
        )


# --- none, or one that is missing -----------------------------------------------------------------


def test_blank_loads_no_model(cache):
    made = Engine.build(Settings(nlp=Nlp(engine="blank")), key=KEY, cache_dir=cache)
    assert made._names is None
    assert "LOCATION" not in made.entities


@pytest.mark.parametrize(
    ("nlp", "says"),
    [
        (Nlp(engine="spacy", model="no_such_model"), "`no_such_model` is not installed"),
        (Nlp(engine="transformers", model="no/such"), "not installed"),
        (Nlp(engine="gliner", model="no/such"), "not installed"),
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
