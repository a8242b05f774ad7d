"""Which names and places does a language model see? Law: the model is on this machine already, or
the engine does not start; nothing is ever downloaded.

Models are loaded through Presidio's NLP engine provider, so its mapping of a model's labels to
entities holds.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from gateway.detectors.settings import Settings


class ModelMissing(Exception):
    """The language model that the settings name cannot be loaded."""


class NameFinder:
    """Entities that a language model reports."""

    def __init__(self, engine: Any, *, name: str, language: str, known: frozenset[str]) -> None:
        self.name = name
        self._engine = engine
        self._language = language
        self.entities = frozenset(engine.get_supported_entities()) & known

    @classmethod
    def load(cls, settings: Settings, *, known: frozenset[str]) -> NameFinder | None:
        """The finder that `settings` wants, None for `blank`.

        `known` are the entities that may be reported. Raises `ModelMissing`, saying what to
        install.
        """
        nlp = settings.nlp
        if nlp.engine == "blank" or nlp.model is None:
            return None
        import spacy  # noqa: PLC0415  # only with a model
        from presidio_analyzer.nlp_engine import NlpEngineProvider  # noqa: PLC0415

        if nlp.engine == "spacy":
            _needs(nlp.model, here=bool(spacy.util.is_package(nlp.model)))
            model: Any = nlp.model
        else:
            for module in ("transformers", "spacy_huggingface_pipelines"):
                if importlib.util.find_spec(module) is None:
                    raise ModelMissing(
                        f"nlp engine `transformers` needs the package `{module}`, which is not "
                        "installed: pip install 'presidio-analyzer[transformers]'"
                    )
            _needs(nlp.model, here=False)
            model = {"spacy": f"{settings.language}_core_web_sm", "transformers": nlp.model}
            base = model["spacy"]
            _needs(base, here=bool(spacy.util.is_package(base)))
        configuration = {
            "nlp_engine_name": nlp.engine,
            "models": [{"lang_code": settings.language, "model_name": model}],
        }
        try:
            engine = NlpEngineProvider(nlp_configuration=configuration).create_engine()
            if not engine.is_loaded():
                engine.load()
        except (OSError, ValueError, ImportError) as error:
            raise ModelMissing(f"model `{nlp.model}` cannot be loaded: {error}") from None
        return cls(engine, name=f"nlp:{nlp.engine}", language=settings.language, known=known)

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


def _needs(model: str, *, here: bool) -> None:
    if not here and not Path(model).is_dir():
        raise ModelMissing(
            f"model `{model}` is not installed: install its package, or name the folder of a "
            "model; nothing is downloaded at run time"
        )
