"""Which words stand in which list? Made from the name lists and from the words of the texts."""

from __future__ import annotations

import collections
import csv
from collections.abc import Iterable
from pathlib import Path

from gateway.detectors.name_words import LISTS, WORD, folded

BIT = {name: 1 << number for number, name in enumerate(LISTS)}
COMMON, VERY_COMMON = 3, 25


def lists(data: Path, texts: Iterable[tuple[str, list[tuple[int, int]]]]) -> dict[str, int]:
    """The lists of each folded word, as bits; `texts` come with the places of their names."""
    result: collections.Counter[str] = collections.Counter()

    def put(name: str, bit: str) -> None:
        for word in WORD.findall(name):
            if word.isalpha() and (len(word) > 1):
                plain = folded(word)
                result[plain] |= BIT[bit]

    for row in _rows(data / "names/forenames.csv"):
        put(row["Romanized Name"], "forename")
        put(row["Localized Name"], "forename")
    for row in _rows(data / "names/surnames.csv"):
        put(row["Romanized Name"], "surname")
        put(row["Localized Name"], "surname")
    base = data / "names/gaz/NamesDatabases"
    for folder, bit in (("first names", "forename"), ("surnames", "surname")):
        for file, kind in (("us.txt", f"{bit}_us"), ("all.txt", f"{bit}_any")):
            for line in (base / folder / file).read_text("utf-8").splitlines():
                put(line, kind)
    for row in _rows(data / "names/gaz/world-cities.csv"):
        words = [w for w in WORD.findall(row["name"]) if w.isalpha()]
        put(row["name"], "city" if len(words) == 1 else "city_part")
        put(row["country"], "country")
        put(row["subcountry"], "region")
    counts: collections.Counter[str] = collections.Counter()
    for text, spans in texts:
        inside = iter([*spans, (len(text) + 1, len(text) + 1)])
        start, end = next(inside)
        for match in WORD.finditer(text):
            while match.start() >= end:
                start, end = next(inside)
            if match.start() < start and match[0].islower():
                counts[folded(match[0])] += 1
    for word, count in counts.items():
        if count >= COMMON:
            result[word] |= BIT["common"]
        if count >= VERY_COMMON:
            result[word] |= BIT["very_common"]
    return dict(result)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
