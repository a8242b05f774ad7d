"""What may a policy document say about detection? Law: strict, and every name in it must exist."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from gateway.detectors import catalogue, identifier_rules
from gateway.detectors.custom import ONE_OR_MANY, Custom
from gateway.detectors.custom import entities as every
from gateway.detectors.examples import Ignored
from gateway.detectors.registered import Registered
from gateway.documents import Strict, suggest

# Those of Presidio's recognizers.
_PRESIDIO = frozenset(
    {"au", "ca", "de", "es", "fi", "in", "it", "kr", "ng", "ph", "pl", "se", "sg", "th", "tr", "uk",
     "us", "za"}
)  # fmt: skip


def countries() -> frozenset[str]:
    """Countries (ISO 3166-1 alpha-2, lower case) whose identifiers can be detected."""
    return _PRESIDIO | identifier_rules.countries()


type Confidence = Annotated[float, Field(ge=0, le=1)]


class Nlp(Strict):
    """Which language model finds names of people, places and organisations.

    `shipped` is the small model that comes with the package, `blank` is none. `spacy`,
    `transformers` and `gliner` load the model `model` (an installed package or a folder) and report
    what its entity recognition reports.
    """

    engine: Literal["shipped", "blank", "spacy", "transformers", "gliner"] = "shipped"
    model: str | None = None

    @model_validator(mode="after")
    def _named(self) -> Nlp:
        brings_its_own = self.engine in {"shipped", "blank"}
        if not brings_its_own and not self.model:
            raise ValueError(f"engine `{self.engine}` needs `model`: a package name or a folder")
        if brings_its_own and self.model:
            raise ValueError(f"engine `{self.engine}` takes no `model`: set `engine: spacy`")
        return self


_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"


def _domain(value: str) -> str:
    name = value.lower()
    if not re.fullmatch(rf"{_LABEL}(?:\.{_LABEL})*", name):
        raise ValueError(f"`{value}` is not a domain; write e.g. `corp.example.com`")
    return name


def _package(value: str) -> str:
    if not re.fullmatch(r"[@\w][\w.@/:-]{2,99}", value):
        raise ValueError(
            f"`{value}` begins no package names; write e.g. `com.acme`, `@acme/` or `acme_internal`"
        )
    return value


class Internal(Strict):
    """What is internal to the company, by name.

    `hosts` are domains: they and all names below them are internal hosts. `packages` are how names
    of internal packages begin, e.g. `com.acme`, `@acme/` or `acme_internal`.
    """

    hosts: Annotated[tuple[Annotated[str, AfterValidator(_domain)], ...], ONE_OR_MANY] = ()
    packages: Annotated[tuple[Annotated[str, AfterValidator(_package)], ...], ONE_OR_MANY] = ()


class Settings(Strict):
    """The `detectors:` section of a policy document.

    `countries` chooses national identifiers; what belongs to no country is always on. `disabled`
    names entities that are never reported. `min_confidence` overrides, per entity, the confidence
    below which nothing is reported. `secrets` switches the secret rules. `ignore_examples` says which
    values that documentation shows are not reported: `none`, `secrets` (and numbers that were never
    given to anybody) or `all`. `language` is the
    language of the model and of the stop words, as an ISO 639-1 code. `custom` are detectors of
    the company's own, `registered` its own data that `leakgate register` made known, `internal`
    the names of its hosts and packages.

    Names of entities must exist: built in, in `custom` or `registered`, or in the context of the validation, which
    holds those that other documents define.
    """

    # Before whatever may name its entities.
    custom: tuple[Custom, ...] = ()
    registered: tuple[Registered, ...] = ()
    internal: Internal = Field(default_factory=Internal)

    countries: Literal["all"] | tuple[str, ...] = "all"
    disabled: frozenset[str] = frozenset()
    min_confidence: dict[str, Confidence] = Field(default_factory=dict)
    nlp: Nlp = Field(default_factory=Nlp)
    secrets: bool = True
    ignore_examples: Ignored = "secrets"
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$")] = "en"

    @field_validator("countries")
    @classmethod
    def _countries_exist(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(value, str):
            return value
        codes = tuple("uk" if code.lower() == "gb" else code.lower() for code in value)
        for code in codes:
            if code not in countries():
                known = ", ".join(sorted(countries()))
                raise ValueError(f"unknown country `{code}`; known are {known}")
        return codes

    @field_validator("disabled")
    @classmethod
    def _disabled_exist(cls, value: frozenset[str], info: ValidationInfo) -> frozenset[str]:
        _known(value, info)
        return value

    @field_validator("min_confidence")
    @classmethod
    def _entities_exist(cls, value: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        _known(value, info)
        return value

    @field_serializer("disabled")
    def _in_order(self, value: frozenset[str]) -> list[str]:
        return sorted(value)  # a set has another order in each process

    @classmethod
    def merged(cls, parts: Sequence[Settings]) -> Settings:
        """The settings of all documents: a later one wins key by key, lists of names are joined."""
        values: dict[str, object] = {}
        for part in parts:
            values |= {key: getattr(part, key) for key in part.model_fields_set}
        values["custom"] = tuple(own for part in parts for own in part.custom)
        values["registered"] = tuple(one for part in parts for one in part.registered)
        values["internal"] = Internal(
            hosts=tuple(dict.fromkeys(name for part in parts for name in part.internal.hosts)),
            packages=tuple(
                dict.fromkeys(name for part in parts for name in part.internal.packages)
            ),
        )
        return cls().model_copy(update=values)

    def entities(self) -> Mapping[str, catalogue.Entity]:
        """Every entity by name: those that ship, and those of `custom` and `registered`."""
        known = every(self.custom)
        if not self.registered:
            return known
        return MappingProxyType({**known, **{one.says: one.described() for one in self.registered}})

    def wants_country(self, code: str | None) -> bool:
        """True when recognizers of country `code` are on; None means of no country."""
        return code is None or self.countries == "all" or code.lower() in self.countries


def _known(names: Collection[str], info: ValidationInfo) -> None:
    if "custom" not in info.data or "registered" not in info.data:
        return  # it is told what is wrong there; which entities there are cannot be known
    own = {each.entity for each in info.data["custom"]}
    own |= {each.says for each in info.data["registered"]}
    known = {*catalogue.entity_names(), *own, *(info.context or ())}
    for name in sorted(names):
        if name not in known:
            raise ValueError(f"unknown entity `{name}`{suggest(name, known)}")
