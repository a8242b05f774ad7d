"""What may a policy document say about detection? Law: strict, and every name in it must exist."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from gateway.detectors import catalogue
from gateway.documents import Strict, suggest

COUNTRIES: frozenset[str] = frozenset(
    {
        "au",
        "ca",
        "de",
        "es",
        "fi",
        "in",
        "it",
        "kr",
        "ng",
        "ph",
        "pl",
        "se",
        "sg",
        "th",
        "tr",
        "uk",
        "us",
        "za",
    }
)
"""Countries (ISO 3166-1 alpha-2, lower case) whose identifiers can be detected."""

type Confidence = Annotated[float, Field(ge=0, le=1)]


class Nlp(Strict):
    """Which language model finds names and places.

    `blank` loads none. `spacy` and `transformers` load the model `model` (an installed package
    or a folder) and report what its entity recognition reports.
    """

    engine: Literal["blank", "spacy", "transformers"] = "blank"
    model: str | None = None

    @model_validator(mode="after")
    def _named(self) -> Nlp:
        if self.engine != "blank" and not self.model:
            raise ValueError(f"engine `{self.engine}` needs `model`: a package name or a folder")
        if self.engine == "blank" and self.model:
            raise ValueError("engine `blank` takes no `model`: set `engine: spacy`")
        return self


class Settings(Strict):
    """The `detectors:` section of a policy document.

    `countries` chooses national identifiers; what belongs to no country is always on. `disabled`
    names entities that are never reported. `min_confidence` overrides, per entity, the confidence
    below which nothing is reported. `secrets` switches the secret rules. `language` is the
    language of the model and of the stop words, as an ISO 639-1 code.
    """

    countries: Literal["all"] | tuple[str, ...] = "all"
    disabled: frozenset[str] = frozenset()
    min_confidence: dict[str, Confidence] = Field(default_factory=dict)
    nlp: Nlp = Field(default_factory=Nlp)
    secrets: bool = True
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = "en"

    @field_validator("countries")
    @classmethod
    def _countries_exist(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(value, str):
            return value
        codes = tuple("uk" if code.lower() == "gb" else code.lower() for code in value)
        for code in codes:
            if code not in COUNTRIES:
                known = ", ".join(sorted(COUNTRIES))
                raise ValueError(f"unknown country `{code}`; known are {known}")
        return codes

    @field_validator("disabled")
    @classmethod
    def _disabled_exist(cls, value: frozenset[str]) -> frozenset[str]:
        for name in sorted(value):
            _known(name)
        return value

    @field_validator("min_confidence")
    @classmethod
    def _entities_exist(cls, value: dict[str, float]) -> dict[str, float]:
        for name in value:
            _known(name)
        return value

    def wants_country(self, code: str | None) -> bool:
        """True when recognizers of country `code` are on; None means of no country."""
        return code is None or self.countries == "all" or code.lower() in self.countries


def _known(name: str) -> None:
    known = catalogue.entity_names()
    if name not in known:
        raise ValueError(f"unknown entity `{name}`{suggest(name, known)}")
