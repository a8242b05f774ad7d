"""What became worse? Figures against those of a committed file.

Law: a figure below the baseline by more than the tolerance fails, an entity of the baseline that
is no longer looked for fails, and what is better or new is said but never fails.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from gateway.detectors import groups
from gateway.documents import DocumentError, Problem, Strict, load, read, suggest
from gateway.evaluation.score import FIGURES, Mode, Report, Row, per_hundred

TOLERANCE = 0.002
"""A figure may fall by so much: the width of rounding. Patterns give the same result everywhere."""

MODEL_TOLERANCE = 0.02
"""The same for what a language model finds: its arithmetic differs between machines."""

MODELLED = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "NRP", "AGE", "ID"})

OVERALL = "overall"
"""The row of all spans together (micro)."""


class Entry(Strict):
    """The figures of one entity, and where it failed: ids of documents, once per span."""

    expected: int
    strict: dict[str, float | None]
    partial: dict[str, float | None]
    misses: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()

    def figures(self, mode: Mode) -> Mapping[str, float | None]:
        """The figures in `mode`."""
        return self.strict if mode is Mode.STRICT else self.partial


class Baseline(Strict):
    """What was reached once: set of documents to entity to figures."""

    sets: dict[str, dict[str, Entry]]

    @classmethod
    def of(cls, reports: Iterable[Report]) -> Baseline:
        """The baseline that `reports` meet exactly."""
        return cls(sets={report.name: _entries(report) for report in reports})

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """Read a baseline file. Raises `DocumentError`."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise DocumentError(
                [Problem(str(path), 0, 0, f"cannot be read: {error.strerror}")]
            ) from None
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(step) for step in problem["loc"])
            message = f"is no baseline: {where}: {problem['msg']}; make it with --update-baseline"
            raise DocumentError([Problem(str(path), 0, 0, message)]) from None

    def text(self) -> str:
        """The file: sorted, one entity a line, so that a change reads well."""
        blocks = []
        for name, entries in sorted(self.sets.items()):
            rows = ",\n".join(
                f"    {json.dumps(entity)}: {json.dumps(entry.model_dump(exclude_defaults=True))}"
                for entity, entry in sorted(entries.items())
            )
            blocks.append(f"  {json.dumps(name)}: {{\n{rows}\n  }}")
        return '{"sets": {\n' + ",\n".join(blocks) + "\n}}\n"


def _entries(report: Report) -> dict[str, Entry]:
    misses, alarms = report.misses(), report.alarms()
    rows: dict[str, Row] = {**report.entities, OVERALL: report.micro}
    return {
        entity: Entry(
            expected=row.strict.expected,
            strict=row.strict.figures(),
            partial=row.partial.figures(),
            misses=misses.get(entity, ()),
            alarms=alarms.get(entity, ()),
        )
        for entity, row in rows.items()
    }


@dataclass(frozen=True, slots=True)
class Fall:
    """One figure that fell, or (with the figure `false alarms`) a count that rose.

    `documents` are those that are worse than they were.
    """

    set: str
    entity: str
    mode: Mode
    figure: str
    was: float
    now: float
    documents: tuple[str, ...]

    def __str__(self) -> str:
        where = ", ".join(self.documents[:10]) or "no document is worse by itself"
        if len(self.documents) > 10:
            where += f" and {len(self.documents) - 10} more"
        if self.figure == ALARMS:
            change = f"{ALARMS} rose by {self.now - self.was:g}, from {self.was:g} to {self.now:g}"
        else:
            change = (
                f"{self.mode} {self.figure} fell by {self.was - self.now:.4f}, "
                f"from {self.was:.4f} to {self.now:.4f}"
            )
        return f"{self.set}: {self.entity}: {change}: {where}"


ALARMS = "false alarms"


def falls(reports: Sequence[Report], baseline: Baseline) -> Iterator[Fall]:
    """Every figure of `reports` that is below `baseline` by more than the tolerance.

    An entity that is in the baseline but was not looked for, or that is gone from the documents,
    has fallen to nothing. One that is expected nowhere has no figures; there, false alarms are
    counted. Sets that the baseline does not know are not judged.
    """
    for report in reports:
        if report.name not in baseline.sets:
            continue
        now, before = _entries(report), baseline.sets[report.name]
        for entity in sorted(now.keys() | before.keys()):
            old, new = before.get(entity, _NOTHING), now.get(entity, _NOTHING)
            alarms = _more(new.alarms, old.alarms)
            if not old.expected and not new.expected:
                if len(new.alarms) > len(old.alarms):
                    counts = (len(old.alarms), len(new.alarms))
                    yield Fall(report.name, entity, Mode.PARTIAL, ALARMS, *counts, alarms)
                continue
            misses = _more(new.misses, old.misses)
            where = {"precision": alarms, "recall": misses}
            allowed = MODEL_TOLERANCE if entity in MODELLED | {OVERALL} else TOLERANCE
            for mode in Mode:
                for figure in FIGURES:
                    was, found = old.figures(mode).get(figure), new.figures(mode).get(figure)
                    if was is None or (found is None and figure == "precision" and new.expected):
                        continue  # nothing was found, so nothing was wrong: recall tells it
                    if was - (found or 0.0) > allowed + 1e-9:
                        worse = where.get(figure, misses + alarms)
                        yield Fall(report.name, entity, mode, figure, was, found or 0.0, worse)


_NOTHING = Entry(expected=0, strict={}, partial={})


def _more(now: Iterable[str], before: Iterable[str]) -> tuple[str, ...]:
    """What is in `now` more often than `before`."""
    return tuple(sorted((Counter(now) - Counter(before)).elements()))


type _Rate = Annotated[float, Field(ge=0)]


class Budget(Strict):
    """How many false alarms per 100 documents each group of entities may give.

    A group that is not named has none to give.
    """

    false_alarms_per_100: dict[str, _Rate]

    @classmethod
    def read(cls, path: Path) -> Budget:
        """Read a budget file. Raises `DocumentError`."""
        budget = load(read(path), cls, source=str(path))
        known = groups()
        problems = [
            Problem(str(path), 0, 0, f"unknown group `{group}`{suggest(group, known)}")
            for group in budget.false_alarms_per_100
            if group not in known
        ]
        if problems:
            raise DocumentError(problems)
        return budget


@dataclass(frozen=True, slots=True)
class Overdraft:
    """A group that gave more false alarms per 100 documents than its budget."""

    group: str
    rate: float
    budget: float
    documents: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.group}: {self.rate:.2f} false alarms per 100 documents, the budget is "
            f"{self.budget:.2f}: {', '.join(self.documents[:20])}"
        )


def rates(reports: Sequence[Report]) -> dict[str, tuple[float, tuple[str, ...]]]:
    """Group to false alarms per 100 documents over all `reports`, and the documents."""
    documents = sum(report.documents for report in reports)
    result = {}
    for group, members in groups().items():
        where = tuple(
            identity
            for report in reports
            for entity, ids in report.alarms().items()
            if entity in members
            for identity in ids
        )
        if where:
            result[group] = (per_hundred(where, documents), where)
    return result


def overdrawn(reports: Sequence[Report], budget: Budget) -> Iterator[Overdraft]:
    """Every group whose rate over all `reports` is above `budget`."""
    for group, (rate, where) in sorted(rates(reports).items()):
        allowed = budget.false_alarms_per_100.get(group, 0.0)
        if rate > allowed:
            yield Overdraft(group, rate, allowed, where)
