"""How do figures read? As a table for people, as plain data for programs.

Law: ids of documents and places in them, never a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gateway.evaluation.baseline import rates
from gateway.evaluation.score import FIGURES, Mode, Outcome, Report, Row

_HEAD = ("", "spans", "found", "P", "R", "F1", "F2", "P", "R", "F1", "F2")


def show(reports: Sequence[Report], *, by: str) -> str:
    """Tables of `reports`: `by` entity, group or document."""
    parts = []
    for report in reports:
        parts.append(f"{report.name}: {report.documents} documents")
        if by == "document":
            parts.extend(_outcomes(report.outcomes))
        else:
            rows = report.groups if by == "group" else report.entities
            parts.append(_table(rows, report, totals=by == "entity"))
        parts.extend(
            f"  not looked for: {entity} ({count})" for entity, count in report.unlooked.items()
        )
        alarms = rates([report])
        parts.append(
            "  false alarms per 100 documents: "
            + (", ".join(f"{g} {rate:.2f}" for g, (rate, _) in alarms.items()) or "none")
        )
        parts.append("")
    return "\n".join(parts).rstrip()


def _table(rows: Mapping[str, Row], report: Report, *, totals: bool) -> str:
    lines = [_line(name, row) for name, row in rows.items()]
    if totals and rows:
        lines.append(_line("(all spans)", report.micro))
        means = [report.macro(mode)[figure] for mode in Mode for figure in FIGURES]
        lines.append(("(mean of entities)", "", "", *map(_figure, means)))
    widths = [max(len(line[i]) for line in [_HEAD, *lines]) for i in range(len(_HEAD))]
    left = sum(widths[1:3]) + widths[0] + 6
    strict = sum(widths[3:7]) + 8
    head = " " * (left + 2) + "strict".ljust(strict) + "partial"
    return "\n".join([head, *("  " + _row(line, widths) for line in [_HEAD, *lines])])


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = cells
    padded = [c.rjust(width) for c, width in zip(others, widths[1:], strict=True)]
    return "  ".join([first.ljust(widths[0]), *padded]).rstrip()


def _line(name: str, row: Row) -> tuple[str, ...]:
    figures = [row.score(mode).figures()[figure] for mode in Mode for figure in FIGURES]
    return (name, str(row.strict.expected), str(row.strict.found), *map(_figure, figures))


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _outcomes(outcomes: Iterable[Outcome]) -> list[str]:
    lines = []
    for outcome in outcomes:
        lines += [f"  {outcome.id}: missed {s.entity} at {s.start}:{s.end}" for s in outcome.missed]
        lines += [
            f"  {outcome.id}: false {m.entity} at {m.start}:{m.end} "
            f"({m.confidence:.2f}, {m.detector})"
            for m in outcome.alarms
        ]
        lines += [
            f"  {outcome.id}: other ends for {s.entity} at {s.start}:{s.end}"
            for s in outcome.inexact
        ]
    return lines


def plain(report: Report) -> dict[str, object]:
    """Everything of a report, as JSON has it."""
    return {
        "set": report.name,
        "documents": report.documents,
        "entities": {name: _row_data(row) for name, row in report.entities.items()},
        "groups": {name: _row_data(row) for name, row in report.groups.items()},
        "micro": _row_data(report.micro),
        "macro": {str(mode): report.macro(mode) for mode in Mode},
        "not_looked_for": dict(report.unlooked),
        "false_alarms_per_100": {group: rate for group, (rate, _) in rates([report]).items()},
        "outcomes": [_outcome_data(outcome) for outcome in report.outcomes],
    }


def _row_data(row: Row) -> dict[str, object]:
    return {
        "expected": row.strict.expected,
        "found": row.strict.found,
        **{str(mode): row.score(mode).figures() for mode in Mode},
    }


def _outcome_data(outcome: Outcome) -> dict[str, object]:
    def spans(them: Iterable[object], *keys: str) -> list[dict[str, object]]:
        return [{key: getattr(each, key) for key in keys} for each in them]

    where = ("entity", "start", "end")
    return {
        "id": outcome.id,
        "missed": spans(outcome.missed, *where),
        "false": spans(outcome.alarms, *where, "confidence", "detector"),
        "other_ends": spans(outcome.inexact, *where),
    }
