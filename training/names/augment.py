"""How could the same text have been written? Other names in it, other cases, other carriers."""

from __future__ import annotations

import random
from collections.abc import Callable

from training.names.corpora import Document
from training.names.generate import Names, carried


def document(original: Document, rng: random.Random, names: Names) -> Document:
    """`original`, or a variant of it."""
    if original.source == "code":
        return original
    made = original
    if rng.random() < 0.35:
        made = _renamed(made, rng, names)
    luck = rng.random()
    if luck < 0.10:
        made = _in_case(made, made.text.lower())
    elif luck < 0.16:
        made = _names_in_case(made, str.lower)
    elif luck < 0.20:
        made = _names_in_case(made, str.upper)
    elif luck < 0.23:
        made = _in_case(made, made.text.upper())
    return carried(made, rng) if rng.random() < 0.1 else made


def _in_case(made: Document, text: str) -> Document:
    """The document as `text`, unless the change of case moved its names."""
    if len(text) != len(made.text):
        return made
    return Document(text, made.spans, made.silent, made.source)


def _names_in_case(made: Document, change: Callable[[str], str]) -> Document:
    text = made.text
    for start, end, _ in made.spans:
        changed = change(text[start:end])
        if len(changed) == end - start:
            text = text[:start] + changed + text[end:]
    return Document(text, made.spans, made.silent, made.source)


def _renamed(made: Document, rng: random.Random, names: Names) -> Document:
    """Some of the names replaced by others of their kind."""
    out: list[str] = []
    spans: list[tuple[int, int, str]] = []
    reached, size = 0, 0
    for start, end, kind in made.spans:
        value = made.text[start:end]
        if kind == "PER" and rng.random() < 0.7 and value[0].isupper():
            count = len(value.split())
            value = (
                names.forename(rng)
                if count == 1 and rng.random() < 0.5
                else (names.surname(rng) if count == 1 else names.person(rng))
            )
        elif kind == "LOC" and rng.random() < 0.5 and value[0].isupper() and " " not in value:
            value = names.city(rng)
        out.append(made.text[reached:start])
        size += start - reached
        out.append(value)
        spans.append((size, size + len(value), kind))
        size += len(value)
        reached = end
    out.append(made.text[reached:])
    return Document("".join(out), tuple(spans), made.silent, made.source)
