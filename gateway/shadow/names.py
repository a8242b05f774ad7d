"""Does a host's name look like that of an AI service? A chance, and the words that make it.

Law: words are looked for where words are, between dots, hyphens and digits, so that `mail` and `paint`
hold no `ai`. What is known of words is data (`signs.yaml`), and is checked as it is read.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Annotated

from pydantic import Field

from gateway.documents import Strict, load
from gateway.services.hosts import normalise

type Chance = Annotated[float, Field(gt=0, lt=1)]

MAX_NAMES = 10
"""Names of a certificate beyond which it says nothing of one host: many share it."""

_UNMISTAKABLE = 0.8
_LONG = 6
_KEPT = 50_000


class Brand(Strict):
    """A name of a model or maker, and the services that are called so themselves."""

    chance: Chance
    of: tuple[str, ...] = ()


class Ending(Strict):
    """That a part ends with `ai`, `after` one of these letters."""

    chance: Chance
    after: str


class Document(Strict):
    """The shape of `signs.yaml`."""

    suspect_from: Chance
    top_level: dict[str, Chance]
    words: dict[str, Chance]
    inside: dict[str, Chance]
    edges: dict[str, Chance]
    joined: Chance
    stems: str
    ending: Ending
    brands: dict[str, Brand]
    shapes: dict[str, Chance]


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of signs. `chances` is by sign: `tld:ai`, `word:gpt`, `cert:…`, `path:…`."""

    suspect_from: float
    chances: Mapping[str, float] = field(repr=False)
    _document: Document = field(repr=False)
    _stems: frozenset[str] = field(repr=False)
    _without: frozenset[str] = field(repr=False)

    @classmethod
    def of(cls, document: Document, *, without: Iterable[str] = ()) -> Signs:
        """The signs of a document; `without` brands of these services."""
        left = frozenset(without)
        words = document.words | document.inside | document.edges
        words |= {
            name: brand.chance
            for name, brand in document.brands.items()
            if left.isdisjoint(brand.of)
        }
        chances = {f"tld:{name}": chance for name, chance in document.top_level.items()}
        chances |= {f"word:{name}": chance for name, chance in words.items()}
        chances["word:…ai"] = document.joined
        chances["word:-ai"] = document.ending.chance
        # What a certificate says is as good as what the host says, for it was issued to be seen.
        chances |= {f"cert:{sign}": chance for sign, chance in chances.items()}
        chances |= document.shapes
        return cls(
            document.suspect_from, chances, document, frozenset(document.stems.split()), left
        )

    def chance(self, signs: Iterable[str]) -> float:
        """The chance that somewhere with these signs is an AI service; signs of nobody say nothing."""
        missing = 1.0
        for sign in set(signs):
            missing *= 1 - self.chances.get(sign, 0.0)
        return round(1 - missing, 4)

    def of_name(self, host: str) -> frozenset[str]:
        """The signs of a host name; none of an address."""
        labels = _labels(host)
        if not labels:
            return frozenset()
        found = {f"tld:{labels[-1]}"} if labels[-1] in self._document.top_level else set()
        for label in labels[:-1]:
            if label.startswith("xn--"):
                continue  # its letters are no words
            for part in re.findall(r"[a-z]+(?:2[a-z]+)?", label):
                found.update(f"word:{word}" for word in self._words(part))
                found.update(f"word:{word}" for word in self._brands(part))
        return frozenset(found)

    def of_certificate(self, names: Iterable[str]) -> frozenset[str]:
        """The signs of the names in a certificate; none where it is one of many hosts."""
        named = list(names)
        if len(named) > MAX_NAMES:
            return frozenset()
        return frozenset(
            f"cert:{sign}" for name in named for sign in self.of_name(name.removeprefix("*."))
        )

    def _words(self, part: str) -> Iterator[str]:
        document = self._document
        if part in document.words:
            yield part
        yield from (word for word in document.inside if word in part)
        yield from (word for word in document.edges if part.startswith(word) or part.endswith(word))
        rests = {part.removesuffix("ai"), part.removeprefix("ai")} - {part}
        if rests & self._stems:
            yield "…ai"
        elif len(part) >= _LONG and part.endswith("ai") and part[-3] in document.ending.after:
            yield "-ai"

    def _brands(self, part: str) -> Iterator[str]:
        for name, brand in self._document.brands.items():
            # A name that is a word, too, has to stand alone: not in `claudel`.
            there = name in part if brand.chance >= _UNMISTAKABLE else name == part
            if there and self._without.isdisjoint(brand.of):
                yield name


def _labels(host: str) -> list[str]:
    name = normalise(host)
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name.split(".")
    return []


@functools.cache
def document() -> Document:
    """What ships with the gateway."""
    text = (resources.files("gateway.shadow") / "signs.yaml").read_text(encoding="utf-8")
    return load(text, Document, source="shadow/signs.yaml")


@functools.cache
def shipped() -> Signs:
    """The signs that ship with the gateway."""
    return Signs.of(document())


@functools.lru_cache(_KEPT)
def signs_of_name(host: str) -> frozenset[str]:
    """The signs of a host name, by what ships with the gateway."""
    return shipped().of_name(host)
