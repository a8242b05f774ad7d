"""Which entities exist, and what is known of each? Law: an entity that is reported is listed.

`entities.yaml` lists what recognizers and language models report; the files in `rules/` list the
secrets. Both are read once and strictly.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from gateway.detectors import secret_rules
from gateway.documents import DocumentError, Marks, Strict, load, read, suggest
from gateway.model import Severity

type Confidence = Annotated[float, Field(ge=0, le=1)]

_FILE = Path(__file__).with_name("entities.yaml")


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of sensitive thing.

    `label` stands in redacted text. The confidences are told in `entities.yaml`; None of the caps
    means no cap. What stands `apart` hides no other finding, and none hides it.
    """

    name: str
    title: str
    groups: frozenset[str]
    severity: Severity
    label: str
    min_confidence: float
    without_context: float | None = None
    digits_alone: float | None = None
    at_most: float = 1.0
    context: tuple[str, ...] = ()
    apart: bool = False

    def cap(self, value: str) -> float:
        """The most that a match of `value` can be worth without a context word."""
        cap = 1.0 if self.without_context is None else self.without_context
        if self.digits_alone is not None and value.isdecimal():
            cap = min(cap, self.digits_alone)
        return cap


class _Entry(Strict):
    title: str
    groups: tuple[str, ...]
    severity: str
    label: str | None = None
    min_confidence: Confidence | None = None
    without_context: Confidence | None = None
    digits_alone: Confidence | None = None
    at_most: Confidence = 1.0
    context: tuple[str, ...] = ()
    apart: bool = False


class _File(Strict):
    floor: Confidence
    groups: dict[str, str]
    entities: dict[str, _Entry]


@functools.cache
def entities() -> Mapping[str, Entity]:
    """Every entity by name."""
    text = read(_FILE)
    file = load(text, _File, source=_FILE.name)
    marks, problems = Marks(text, _FILE.name), []
    result: dict[str, Entity] = {}
    for name, entry in file.entities.items():
        place = ("entities", name)
        for group in entry.groups:
            if group not in file.groups:
                hint = suggest(group, file.groups)
                problems.append(marks.problem((*place, "groups"), f"unknown group `{group}`{hint}"))
        if entry.severity.upper() not in Severity.__members__:
            hint = suggest(entry.severity, [s.name.lower() for s in Severity])
            problems.append(
                marks.problem((*place, "severity"), f"unknown severity `{entry.severity}`{hint}")
            )
            continue
        floor = file.floor if entry.min_confidence is None else entry.min_confidence
        result[name] = Entity(
            name=name,
            title=entry.title,
            groups=frozenset(entry.groups),
            severity=Severity[entry.severity.upper()],
            label=entry.label or name,
            min_confidence=floor,
            without_context=entry.without_context,
            digits_alone=entry.digits_alone,
            at_most=entry.at_most,
            context=entry.context,
            apart=entry.apart,
        )
    if problems:
        raise DocumentError(problems)
    for rule in secret_rules.load_rules():
        result.setdefault(
            rule.entity,
            Entity(
                name=rule.entity,
                title=rule.title,
                groups=frozenset(rule.groups),
                severity=rule.severity,
                label=rule.entity,
                min_confidence=file.floor,
            ),
        )
    return MappingProxyType(result)


@functools.cache
def groups() -> Mapping[str, frozenset[str]]:
    """Group name to the names of its entities."""
    file = load(read(_FILE), _File, source=_FILE.name)
    return MappingProxyType(
        {
            group: frozenset(e.name for e in entities().values() if group in e.groups)
            for group in file.groups
        }
    )


def entity_names() -> frozenset[str]:
    """The names of all entities."""
    return frozenset(entities())
