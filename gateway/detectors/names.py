"""Which people, places and organisations does a text name? Law: the model is on this machine already,
or the engine does not start; nothing is ever downloaded.

The model that ships with the package is the default (`name_model`). Others are loaded through
Presidio, so its mapping of a model's labels to entities holds; the shipped one can stand behind
Presidio's interface for language models, too (`ShippedEngine`).
"""

from __future__ import annotations

import functools
import importlib.util
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import regex
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

from gateway.detectors import german, hashtags, languages, people
from gateway.detectors.name_model import NameModel
from gateway.detectors.settings import Nlp, Settings

ENTITIES: Mapping[str, str] = MappingProxyType(
    {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION"}
)
"""Kinds of the shipped model as entities."""

MODELS = Path(__file__).with_name("models")
"""Shipped models: `names-<language>.npz`, and `names.npz` for every language without one."""

HOME = "en"
"""The language of `names.npz`."""

ABROAD = 0.75
"""Least confidence of what that model sees in a text of another language, apart from German, where
lists and the words before a name decide (`german`)."""

NO_NAMES = frozenset({"Begin Patch", "End Patch", "iban", "Gecko"})
"""What the shipped model takes for a person, and coding agents write all the time: the lines around
their patches, a column of a table, and what every browser says that it is like."""

_SHORT = (
    "IBAN|BIC|DEA|NPI|SIN|SSN|MRN|VIN|PESEL|CURP|DNI|NIE|NINO|IMEI|ABA|FPI|FEN|PGN|OSPF|BGP|MTU"
    "|URIs?|OTP|EULA|ICE|tsp|tbsp"
)
_NO_NAME = regex.compile(
    # Short names of numbers, notations and measures; bases; the head of an invoice.
    rf"(?:{_SHORT})(?: [A-Z]{{2}})?(?!\w*\p{{Ll}})|\p{{L}}{{24,}}|(?i:bill)(?=(?i: to\b) ?[:\n])"
)
"""More of this kind, which writing tells."""

GLINER_LABELS: Mapping[str, str] = MappingProxyType(
    {"person": "PERSON", "location": "LOCATION", "organization": "ORGANIZATION"}
)
"""What a GLiNER model is asked for, as entities."""


class ModelMissing(Exception):
    """The language model that the settings name cannot be loaded."""


class NameFinder(Protocol):
    """Finds entities that only a language model sees."""

    @property
    def name(self) -> str:
        """The detector, as findings and failures name it."""
        ...

    @property
    def entities(self) -> frozenset[str]:
        """What it can report."""
        ...

    def find(self, text: str) -> Iterator[tuple[int, int, str, float]]:
        """(start, end, entity, confidence) of each entity in `text`."""
        ...


def finder(settings: Settings, *, known: frozenset[str]) -> NameFinder | None:
    """The finder that `settings` want, None for `blank`.

    `known` are the entities that may be reported. Raises `ModelMissing`, saying what to install.
    """
    nlp = settings.nlp
    match nlp.engine:
        case "blank":
            return None
        case "shipped":
            return Shipped(known=known)
        case "gliner":
            return Gliner.load(nlp, language=settings.language, known=known)
        case "spacy" | "transformers":
            return Foreign.load(nlp, language=settings.language, known=known)


# --- the shipped model ----------------------------------------------------------------------------


@functools.cache
def _shipped(path: Path) -> NameModel:
    try:
        return NameModel.load(path)
    except (OSError, ValueError) as error:
        raise ModelMissing(f"the shipped model `{path.name}` cannot be loaded: {error}") from None


class Shipped:
    """The models that ship with the package, one for each language that has its own."""

    name = "names"

    def __init__(self, *, known: frozenset[str], folder: Path = MODELS) -> None:
        self.entities = frozenset(ENTITIES.values()) & known
        self._any = _shipped(folder / "names.npz")
        self._own = {
            language: _shipped(path)
            for language in languages.KNOWN
            if (path := folder / f"names-{language}.npz").is_file()
        }

    def model(self, text: str) -> NameModel:
        """The model for the language of `text`."""
        if not self._own:
            return self._any
        return self._own.get(languages.of(text) or "", self._any)

    def find(self, text: str) -> Iterator[tuple[int, int, str, float]]:
        """(start, end, entity, confidence) of each name in `text`."""
        reading = hashtags.read(text)
        for start, end, entity, sure in self._found(reading.text):
            yield reading.place(start), reading.place(end), entity, sure

    def _found(self, text: str) -> Iterator[tuple[int, int, str, float]]:
        """(start, end, entity, confidence) of each name in the reading of a text."""
        persons: list[tuple[int, int, float]] = []
        others: list[tuple[int, int]] = []
        model = self.model(text)
        for start, end, entity, sure in people.row(
            text, list(self._taken(text, model)), model.lists
        ):
            if entity == "PERSON":
                persons.append((start, end, sure))
            else:
                others.append((start, end))
                if entity in self.entities:
                    yield start, end, entity, sure
        if "PERSON" not in self.entities:
            return
        for start, end, sure in people.people(text, persons, others, model.lists):
            yield start, end, "PERSON", sure

    def _taken(self, text: str, model: NameModel) -> Iterator[tuple[int, int, str, float]]:
        """What the model takes for names, less what other languages and writing tell."""
        abroad: bool | None = None
        language = None
        for name in model.find(text):
            entity = ENTITIES.get(name.kind)
            if entity is None or text[name.start : name.end] in NO_NAMES:
                continue
            if _NO_NAME.fullmatch(text, name.start, name.end):
                continue
            if abroad is None:
                language = languages.of(text)
                abroad = model is self._any and language not in {HOME, None}
            in_german = abroad and language == german.LANGUAGE
            if abroad and text[name.start].islower():
                continue
            if abroad and not in_german and name.confidence < ABROAD:
                continue  # its words are strange to the model
            if in_german:
                for start, end in german.names(text, name.start, name.end, entity, model.lists):
                    yield start, end, entity, name.confidence
            else:
                yield name.start, name.end, entity, name.confidence


class ShippedEngine(NlpEngine):
    """The shipped model as Presidio knows language models, for use with its `AnalyzerEngine`."""

    def __init__(self, *, language: str = "en") -> None:
        self._language = language
        self._finder: Shipped | None = None
        self._blank: Any = None

    def load(self) -> None:
        """Load the model, and spaCy's rules for tokens."""
        import spacy  # noqa: PLC0415  # a second, only for Presidio's sake

        self._finder = Shipped(known=frozenset(ENTITIES.values()))
        self._blank = spacy.blank(self._language)

    def is_loaded(self) -> bool:
        """True after `load`."""
        return self._finder is not None

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """Tokens and entities of `text`."""
        if self._finder is None:
            raise ValueError("the model is not loaded: call `load` first")
        document = self._blank(text)
        for token in document:
            token.lemma_ = token.text.lower()  # without lemmas Presidio sees no context
        spans, scores = [], []
        for start, end, entity, confidence in self._finder.find(text):
            span = document.char_span(start, end, label=entity, alignment_mode="expand")
            if span is not None:
                spans.append(span)
                scores.append(confidence)
        return NlpArtifacts(
            entities=spans,
            tokens=document,
            tokens_indices=[token.idx for token in document],
            lemmas=[token.lemma_ for token in document],
            nlp_engine=self,
            language=language,
            scores=scores,
        )

    def process_batch(
        self, texts: Iterable[str], language: str, *_: object, **__: object
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        """Each text with its tokens and entities."""
        for text in texts:
            yield text, self.process_text(text, language)

    def is_stopword(self, word: str, language: str) -> bool:
        """True for a word that says nothing by itself."""
        return bool(self._blank.vocab[word].is_stop) and language == self._language

    def is_punct(self, word: str, language: str) -> bool:
        """True for punctuation."""
        return bool(self._blank.vocab[word].is_punct) and language == self._language

    def get_supported_entities(self) -> list[str]:
        """What it reports."""
        return sorted(ENTITIES.values())

    def get_supported_languages(self) -> list[str]:
        """The language that it was made for."""
        return [self._language]


# --- other models ---------------------------------------------------------------------------------


class Foreign:
    """A spaCy or transformers model, through Presidio's engine for it."""

    def __init__(self, engine: Any, *, name: str, language: str, known: frozenset[str]) -> None:
        self.name = name
        self._engine = engine
        self._language = language
        self.entities = frozenset(engine.get_supported_entities()) & known

    @classmethod
    def load(cls, nlp: Nlp, *, language: str, known: frozenset[str]) -> Foreign:
        """The model that `nlp` names."""
        import spacy  # noqa: PLC0415  # only with a model of its kind
        from presidio_analyzer.nlp_engine import NlpEngineProvider  # noqa: PLC0415

        named = str(nlp.model)
        model: Any = named
        with tempfile.TemporaryDirectory() as folder:
            if nlp.engine == "spacy":
                _needs(named, here=bool(spacy.util.is_package(named)))
            else:
                for module in ("transformers", "torch"):
                    _needs_package(nlp.engine, module, "presidio-analyzer[transformers] torch")
                _needs(named, here=False)
                # The model brings its own tokens; spaCy's pipeline only carries them.
                spacy.blank(language).to_disk(folder)
                model = {"spacy": folder, "transformers": named}
            try:
                engine = NlpEngineProvider(
                    nlp_configuration={
                        "nlp_engine_name": nlp.engine,
                        "models": [{"lang_code": language, "model_name": model}],
                    }
                ).create_engine()
                if not engine.is_loaded():
                    engine.load()
            except (OSError, ValueError, ImportError) as error:
                raise ModelMissing(f"model `{named}` cannot be loaded: {error}") from None
        return cls(engine, name=f"nlp:{nlp.engine}", language=language, known=known)

    def find(self, text: str) -> Iterator[tuple[int, int, str, float]]:
        """(start, end, entity, confidence) of each entity in `text`."""
        with self._zone():
            artifacts = self._engine.process_text(text, self._language)
            found = [
                (span.start_char, span.end_char, span.label_, float(score))
                for span, score in zip(artifacts.entities, artifacts.scores, strict=True)
            ]
        for start, end, entity, score in found:
            if entity in self.entities and text[start:end].strip():
                yield start, end, entity, score

    def _zone(self) -> AbstractContextManager[Any]:
        """A memory zone: spaCy's vocabulary otherwise keeps every word that it ever saw."""
        pipeline = getattr(self._engine, "nlp", {}).get(self._language)
        return nullcontext() if pipeline is None else pipeline.memory_zone()


class Gliner:
    """A GLiNER model, through Presidio's recognizer for it."""

    name = "nlp:gliner"

    def __init__(self, recognizer: Any, *, known: frozenset[str]) -> None:
        self._recognizer = recognizer
        self.entities = frozenset(GLINER_LABELS.values()) & known

    @classmethod
    def load(cls, nlp: Nlp, *, language: str, known: frozenset[str]) -> Gliner:
        """The model that `nlp` names."""
        _needs_package(nlp.engine, "gliner", "presidio-analyzer[gliner]")
        model = str(nlp.model)
        _needs(model, here=False)
        from presidio_analyzer.predefined_recognizers import GLiNERRecognizer  # noqa: PLC0415

        try:
            recognizer = GLiNERRecognizer(
                model_name=model,
                entity_mapping=dict(GLINER_LABELS),
                supported_language=language,
                map_location="cpu",
                local_files_only=True,
            )
            if recognizer.gliner is None:
                recognizer.load()
        except (OSError, ValueError, ImportError, RuntimeError) as error:
            raise ModelMissing(f"model `{model}` cannot be loaded: {error}") from None
        return cls(recognizer, known=known)

    def find(self, text: str) -> Iterator[tuple[int, int, str, float]]:
        """(start, end, entity, confidence) of each entity in `text`."""
        for result in self._recognizer.analyze(text, entities=sorted(self.entities)):
            if result.entity_type in self.entities and text[result.start : result.end].strip():
                yield result.start, result.end, result.entity_type, float(result.score)


def _needs(model: str, *, here: bool) -> None:
    if not here and not Path(model).is_dir():
        raise ModelMissing(
            f"model `{model}` is not installed: install its package, or name the folder of a "
            "model; nothing is downloaded at run time"
        )


def _needs_package(engine: str, module: str, extra: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise ModelMissing(
            f"nlp engine `{engine}` needs the package `{module}`, which is not installed: "
            f"pip install '{extra}'"
        )
