"""Which edits take out what the outcome wants out? Spans that never overlap.

Law: every redaction is covered by exactly one edit; where several overlap, one edit covers them
all with what shows least. Deterministic: neither the order of findings nor of redactions matters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from gateway.model import Edit, Finding, Locator, Outcome, Redaction, Scan
from gateway.redaction.operators import STRICTNESS, Operator, operator, take_out


@dataclass(frozen=True, slots=True)
class _Wanted:
    finding: Finding
    redaction: Redaction
    call: Operator

    @property
    def weight(self) -> tuple[int, int, int, str, str]:
        """The heaviest of an overlap gives the replacement: strictest, longest, first."""
        finding = self.finding
        return (
            STRICTNESS.index(self.redaction.operator),
            finding.end - finding.start,
            -finding.start,
            finding.entity,
            repr(self.redaction.params),
        )


def edits(
    scan: Scan, outcome: Outcome, value_of: Callable[[Finding], str], *, key: bytes
) -> tuple[Edit, ...]:
    """The edits for `outcome.redactions`, in order of place and position.

    `value_of` gives the text of a finding. Findings that are not editable are left out: the
    outcome blocks for those. Raises `OperatorError` for an operator that does not exist and
    `IndexError` for a finding that the scan does not have.
    """
    by_place: defaultdict[Locator, list[_Wanted]] = defaultdict(list)
    for redaction in outcome.redactions:
        if redaction.finding < 0:
            raise IndexError("a finding's number counts from 0")
        finding = scan.findings[redaction.finding]
        call = operator(redaction.operator, redaction.params)
        if finding.editable and finding.start < finding.end:
            by_place[finding.locator].append(_Wanted(finding, redaction, call))
    return tuple(
        _edit(locator, group, value_of, key)
        for locator in sorted(by_place, key=_place)
        for group in _overlapping(by_place[locator])
    )


def _place(locator: Locator) -> tuple[str, str]:
    return locator.path, repr(locator.steps)


def _overlapping(wanted: list[_Wanted]) -> list[list[_Wanted]]:
    """Groups whose spans overlap, directly or by way of others; touching spans stay apart."""
    groups: list[list[_Wanted]] = []
    end = -1
    for item in sorted(wanted, key=lambda item: (item.finding.start, item.finding.end)):
        if groups and item.finding.start < end:
            groups[-1].append(item)
        else:
            groups.append([item])
        end = max(end, item.finding.end)
    return groups


def _edit(
    locator: Locator, group: list[_Wanted], value_of: Callable[[Finding], str], key: bytes
) -> Edit:
    chosen = max(group, key=lambda item: item.weight)
    replacement = take_out(
        chosen.call,
        value_of(chosen.finding),
        chosen.finding.entity,
        key=key,
        others=[value_of(item.finding) for item in group if item is not chosen],
    )
    return Edit(
        locator,
        min(item.finding.start for item in group),
        max(item.finding.end for item in group),
        replacement,
    )
