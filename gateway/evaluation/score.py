"""How much of what should be found was found, and how much of what was found should be?

Law: pure functions over spans, symmetric and free of order.

A found span fits an expected one when its entity is accepted for it (`accepts`) and

- **strict**: both begin and end at the same code points,
- **partial**: they share at least one code point (`type` of SemEval-2013 task 9.1, where any
  overlap with the right type counts in full).

Recall is the share of expected spans that at least one found span fits; precision the share of
found spans that fit at least one expected span: so a value that was found in two pieces counts
once as expected and twice as found. F1 weighs both alike, F2 counts recall for more, since what is
missed has left (Presidio's research publishes F2 as well). `micro` sums spans of all entities,
`macro` averages the figures of the entities.

Sources: https://aclanthology.org/S13-2056/ (SemEval-2013 task 9), section on evaluation metrics;
https://github.com/microsoft/presidio-research (F2, overlap).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from gateway.detectors import entity_names, groups
from gateway.evaluation.corpus import Document, Span
from gateway.model import Match

type Accepts = Callable[[str, str], bool]
"""Whether a found entity (second) will do where another (first) is expected."""

FIGURES = ("precision", "recall", "f1", "f2")


class Mode(StrEnum):
    """How far a found span must be where the expected one is."""

    STRICT = "strict"
    PARTIAL = "partial"


_SAME: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        # The year of birth is a date, whoever says which.
        "DATE_OF_BIRTH": frozenset({"DATE_TIME"}),
        "DATE_TIME": frozenset({"DATE_OF_BIRTH"}),
        "LOCATION": frozenset({"STREET_ADDRESS"}),
        # One shape, and people use the words for one another.
        "DE_ID_CARD": frozenset({"DE_PASSPORT"}),
        "DE_PASSPORT": frozenset({"DE_ID_CARD"}),
        "US_EIN": frozenset({"US_PROVIDER_TAX_ID"}),
        "PHONE_NUMBER": frozenset({"ZA_MOBILE_NUMBER", "ZA_TELEPHONE_NUMBER"}),
    }
)

_GENERAL: Mapping[str, str] = MappingProxyType(
    {
        "PASSPORT_NUMBER": r"[A-Z]{2}_PASSPORT",
        "ID_CARD_NUMBER": r"[A-Z]{2}_ID_CARD|IT_IDENTITY_CARD",
        "DRIVER_LICENSE": r"[A-Z]{2}_(?:DRIV\w+_LICEN[CS]E|FUEHRERSCHEIN)",
        "BANK_ACCOUNT": r"US_BANK_NUMBER|[A-Z]{2}_BANK_ACCOUNT",
        "HEALTH_INSURANCE_NUMBER": r"[A-Z]{2}_HEALTH_\w+",
        "LICENSE_PLATE": r"[A-Z]{2}_(?:VEHICLE_REGISTRATION|LICENSE_PLATE|KFZ)",
    }
)
"""Names of a kind of number, and what one country's is called: either will do for the other."""

_FORMS = frozenset({"URL", "UUID"})
"""Names of a form, true of whatever has it: an address that holds a password is still an address.
They are judged only where nothing else is expected."""


def accepts(expected: str, found: str) -> bool:
    """Whether `found` will do where `expected` stands in the annotation.

    The same entity does; any secret for any secret (`GENERIC_SECRET` for a vendor's token: what
    policies name is the group); any place within a street address; any entity of a group for the
    group's name in capitals where that is no entity itself; one country's passport number for a
    passport number and the other way round; and the pairs of `_SAME`.
    """
    return found == expected or found in _accepted(expected)


@functools.cache
def _accepted(expected: str) -> frozenset[str]:
    known = groups()
    accepted = _SAME.get(expected, frozenset()) | _members(expected)
    if expected in known["secret"]:
        accepted |= known["secret"]
    for general, particular in _GENERAL.items():
        if re.fullmatch(particular, expected):
            accepted |= {general}
        elif expected == general:
            accepted |= {name for name in entity_names() if re.fullmatch(particular, name)}
    if expected == "STREET_ADDRESS":
        accepted |= known["location"]
    return accepted


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of spans, and the figures that follow.

    `expected` and `found` are all spans of each side, `met` the expected ones that were found,
    `right` the found ones that were expected. A figure is None where it has no meaning: precision
    of nothing found, recall of nothing expected.
    """

    expected: int = 0
    found: int = 0
    met: int = 0
    right: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.expected + other.expected,
            self.found + other.found,
            self.met + other.met,
            self.right + other.right,
        )

    @property
    def precision(self) -> float | None:
        """Share of the found spans that were expected."""
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """Share of the expected spans that were found."""
        return self.met / self.expected if self.expected else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall."""
        return self._f(1)

    @property
    def f2(self) -> float | None:
        """The same, with recall counted four times as much (van Rijsbergen's beta of 2)."""
        return self._f(2)

    def _f(self, beta: float) -> float | None:
        if not self.expected and not self.found:
            return None
        precision, recall = self.precision or 0.0, self.recall or 0.0
        if not precision or not recall:
            return 0.0
        weight = beta * beta
        return (1 + weight) * precision * recall / (weight * precision + recall)

    def figures(self) -> dict[str, float | None]:
        """The figures by name, to four places."""
        values = (self.precision, self.recall, self.f1, self.f2)
        return {
            name: None if value is None else round(value, 4)
            for name, value in zip(FIGURES, values, strict=True)
        }


@dataclass(frozen=True, slots=True)
class Row:
    """The scores of one entity or group."""

    strict: Score = Score()
    partial: Score = Score()

    def __add__(self, other: Row) -> Row:
        return Row(self.strict + other.strict, self.partial + other.partial)

    def score(self, mode: Mode) -> Score:
        """The score in `mode`."""
        return self.strict if mode is Mode.STRICT else self.partial


@dataclass(frozen=True, slots=True)
class Outcome:
    """One document: what was missed and what was found for nothing (partial)."""

    id: str
    missed: tuple[Span, ...] = ()
    alarms: tuple[Match, ...] = ()
    inexact: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one set of documents.

    `outcomes` holds the documents with something missed, found for nothing or found with other
    ends. `unlooked` counts expected spans of entities that the detectors do not look for: they
    are in no figure.
    """

    name: str
    documents: int
    entities: Mapping[str, Row] = field(default_factory=dict)
    groups: Mapping[str, Row] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    unlooked: Mapping[str, int] = field(default_factory=dict)

    @property
    def micro(self) -> Row:
        """All spans together."""
        return sum(self.entities.values(), Row())

    def macro(self, mode: Mode) -> dict[str, float | None]:
        """The mean of each figure over the entities that are expected at all."""
        rows = [row.score(mode) for row in self.entities.values() if row.strict.expected]
        figures = [score.figures() for score in rows]
        return {
            # Of an entity that is never found nothing is right.
            name: round(sum(each[name] or 0.0 for each in figures) / len(figures), 4)
            if figures
            else None
            for name in FIGURES
        }

    def alarms(self) -> dict[str, tuple[str, ...]]:
        """Entity to the documents in which it was found for nothing, once per span."""
        result: dict[str, list[str]] = {}
        for outcome in self.outcomes:
            for match in outcome.alarms:
                result.setdefault(match.entity, []).append(outcome.id)
        return {entity: tuple(ids) for entity, ids in sorted(result.items())}

    def misses(self) -> dict[str, tuple[str, ...]]:
        """Entity to the documents in which it was missed, once per span."""
        result: dict[str, list[str]] = {}
        for outcome in self.outcomes:
            for span in outcome.missed:
                result.setdefault(span.entity, []).append(outcome.id)
        return {entity: tuple(ids) for entity, ids in sorted(result.items())}


def evaluate(
    name: str,
    documents: Sequence[Document],
    found: Sequence[Sequence[Match]],
    *,
    looked_for: frozenset[str],
) -> Report:
    """Compare `found`, the matches of each of `documents`, with what was expected.

    `looked_for` is what the detectors can report at all.
    """
    entities: dict[str, Row] = {}
    by_group: dict[str, Row] = {}
    outcomes: list[Outcome] = []
    unlooked: dict[str, int] = {}
    for document, matches in zip(documents, found, strict=True):
        expected = []
        for span in document.spans:
            if any(accepts(span.entity, entity) for entity in looked_for):
                expected.append(span)
            else:
                unlooked[span.entity] = unlooked.get(span.entity, 0) + 1
        judged = [match for match in matches if _is_judged(match, document)]
        rows, outcome = _entities(document.id, expected, judged)
        for entity, row in rows.items():
            entities[entity] = entities.get(entity, Row()) + row
        for group, row in _groups(expected, judged).items():
            by_group[group] = by_group.get(group, Row()) + row
        if outcome.missed or outcome.alarms or outcome.inexact:
            outcomes.append(outcome)
    return Report(
        name,
        len(documents),
        dict(sorted(entities.items())),
        dict(sorted(by_group.items())),
        tuple(outcomes),
        dict(sorted(unlooked.items())),
    )


def _is_judged(match: Match, document: Document) -> bool:
    """Whether a match counts: not where nobody said what there is of it, unless it was expected."""
    if match.entity not in document.unlabelled and match.entity not in _FORMS:
        return True
    near = [s for s in document.spans if s.start < match.end and match.start < s.end]
    if any(accepts(span.entity, match.entity) for span in near):
        return True
    return match.entity not in document.unlabelled and not near


def _entities(
    identity: str, expected: Sequence[Span], found: Sequence[Match]
) -> tuple[dict[str, Row], Outcome]:
    fits = {mode: _fits(expected, found, mode, accepts) for mode in Mode}
    rows: dict[str, dict[Mode, Score]] = {}

    def add(entity: str, mode: Mode, score: Score) -> None:
        scores = rows.setdefault(entity, dict.fromkeys(Mode, Score()))
        scores[mode] += score

    for mode, (met, right) in fits.items():
        for number, span in enumerate(expected):
            add(span.entity, mode, Score(expected=1, met=int(number in met)))
        for number, match in enumerate(found):
            # What fits counts for the entity that was expected there, not for its own name.
            partner = fits[Mode.PARTIAL][1].get(number)
            entity = match.entity if partner is None else expected[partner].entity
            add(entity, mode, Score(found=1, right=int(number in right)))
    met, right = fits[Mode.PARTIAL]
    strictly, _ = fits[Mode.STRICT]
    outcome = Outcome(
        identity,
        missed=tuple(span for number, span in enumerate(expected) if number not in met),
        alarms=tuple(match for number, match in enumerate(found) if number not in right),
        inexact=tuple(
            span for number, span in enumerate(expected) if number in met and number not in strictly
        ),
    )
    return {entity: Row(*scores.values()) for entity, scores in rows.items()}, outcome


def _groups(expected: Sequence[Span], found: Sequence[Match]) -> dict[str, Row]:
    """Per group: any entity of the group will do for any other, as in a policy that names it."""
    rows: dict[str, Row] = {}
    for group, members in groups().items():
        wanted = {i for i, span in enumerate(expected) if _belongs(span.entity, group)}
        seen = {i for i, match in enumerate(found) if match.entity in members}
        if not wanted and not seen:
            continue
        scores = []
        for mode in Mode:
            met, right = _fits(expected, found, mode, functools.partial(_within, group))
            scores.append(
                Score(len(wanted), len(seen), len(wanted & met.keys()), len(seen & right.keys()))
            )
        rows[group] = Row(*scores)
    return rows


def _belongs(entity: str, group: str) -> bool:
    return entity in groups()[group] or (entity == group.upper() and bool(_members(entity)))


def _members(label: str) -> frozenset[str]:
    """The entities of the group that `label` names in capitals; none where it names an entity."""
    if label in entity_names():
        return frozenset()
    return groups().get(label.lower(), frozenset())


def _within(group: str, expected: str, found: str) -> bool:
    """Whether `found` will do for `expected` to whoever asks for `group`."""
    return accepts(expected, found) or (_belongs(expected, group) and found in groups()[group])


def _fits(
    expected: Sequence[Span], found: Sequence[Match], mode: Mode, fit: Accepts
) -> tuple[dict[int, int], dict[int, int]]:
    """Positions of expected spans to one of the found that fit them, and the other way round.

    Of several partners the one with the same name stands, else the first.
    """
    met: dict[int, int] = {}
    right: dict[int, int] = {}
    for e, f in _overlapping(expected, found):
        span, match = expected[e], found[f]
        if mode is Mode.STRICT and (span.start, span.end) != (match.start, match.end):
            continue
        if fit(span.entity, match.entity):
            met.setdefault(e, f)
            if f not in right or span.entity == match.entity:
                right[f] = e
    return met, right


def _overlapping(expected: Sequence[Span], found: Sequence[Match]) -> Iterator[tuple[int, int]]:
    """Positions of all pairs that share a code point, by a sweep over both."""
    first = sorted(range(len(expected)), key=lambda i: (expected[i].start, expected[i].end))
    second = sorted(range(len(found)), key=lambda i: (found[i].start, found[i].end))
    waiting = iter(second)
    upcoming = next(waiting, None)
    near: list[int] = []
    for e in first:
        span = expected[e]
        while upcoming is not None and found[upcoming].start < span.end:
            near.append(upcoming)
            upcoming = next(waiting, None)
        # Later expected spans do not begin earlier, so what ends before this one is done with.
        near = [f for f in near if found[f].end > span.start]
        for f in near:
            if found[f].start < span.end:
                yield e, f


def per_hundred(alarms: Iterable[object], documents: int) -> float:
    """False alarms per 100 documents, to two places."""
    return round(100 * sum(1 for _ in alarms) / documents, 2) if documents else 0.0
