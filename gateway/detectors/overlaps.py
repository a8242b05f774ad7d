"""Which of several matches of the same characters stand? Law: more sure wins, and no character that
was found is lost.

Policies name entities and groups, so a match that is dropped for one of another group could
silence a rule. Therefore a match is dropped when it is covered: by one of the same entity of at
least its confidence, by surer ones of the same group, or by ones of any group surer by `CLEARLY`.
Equally sure matches of different entities all stand. INVARIANT: the matches that stand cover every
character that any match covers, so redaction loses nothing. Runs in n log n: spans are merged per
level of confidence, and levels are few.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from gateway.model import Match

CLEARLY = 0.3


class _Union:
    """A growing set of spans, merged."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, spans: Iterable[tuple[int, int]]) -> None:
        merged: list[tuple[int, int]] = []
        # The old spans are sorted already: sorting a list of sorted runs is linear.
        for start, end in sorted([*zip(self._starts, self._ends, strict=True), *spans]):
            if merged and start < merged[-1][1]:
                if end > merged[-1][1]:
                    merged[-1] = (merged[-1][0], end)
            else:
                merged.append((start, end))
        self._starts = [start for start, _ in merged]
        self._ends = [end for _, end in merged]

    def covers(self, start: int, end: int) -> bool:
        at = bisect.bisect_right(self._starts, start) - 1
        return at >= 0 and self._ends[at] >= end


def without_contained(spans: Sequence[tuple[int, int, float]]) -> list[int]:
    """Positions of the spans (start, end, confidence) that no surer or equal one contains.

    Of equal spans the first stands.
    """
    if len(spans) < 2:
        return list(range(len(spans)))
    order = sorted(range(len(spans)), key=lambda i: (spans[i][0], -spans[i][1], -spans[i][2], i))
    # For each confidence, how far the spans of it that began so far reach.
    reach: dict[float, int] = {}
    kept = []
    for position in order:
        _, end, confidence = spans[position]
        if any(far >= end and sure >= confidence for sure, far in reach.items()):
            continue
        kept.append(position)
        if reach.get(confidence, -1) < end:
            reach[confidence] = end
    return sorted(kept)


def resolve(matches: Sequence[Match], groups: Mapping[str, frozenset[str]]) -> tuple[Match, ...]:
    """The matches that stand, by place. `groups` maps each entity to its groups."""
    if len(matches) < 2:
        return tuple(matches)
    by_entity: dict[str, list[Match]] = {}
    for match in matches:
        by_entity.setdefault(match.entity, []).append(match)
    single: list[Match] = []
    for same in by_entity.values():
        kept = without_contained([(m.start, m.end, m.confidence) for m in same])
        single.extend(same[position] for position in kept)

    levels = [
        (level, list(members))
        for level, members in groupby(
            sorted(single, key=lambda m: -m.confidence), key=lambda m: m.confidence
        )
    ]
    standing: list[Match] = []
    surer: dict[str, _Union] = {}
    clearly, pending = _Union(), 0
    stood: list[tuple[float, list[Match]]] = []
    for level, members in levels:
        while pending < len(stood) and stood[pending][0] >= level + CLEARLY - 1e-9:
            clearly.add((m.start, m.end) for m in stood[pending][1])
            pending += 1
        kept_here = []
        for match in members:
            if clearly.covers(match.start, match.end):
                continue
            mine = groups.get(match.entity, frozenset())
            if any(
                group in surer and surer[group].covers(match.start, match.end)
                for group in mine
                if group != "pii"
            ):
                continue
            kept_here.append(match)
        by_group: dict[str, list[tuple[int, int]]] = {}
        for match in kept_here:
            for group in groups.get(match.entity, ()):
                by_group.setdefault(group, []).append((match.start, match.end))
        for group, spans in by_group.items():
            surer.setdefault(group, _Union()).add(spans)
        stood.append((level, kept_here))
        standing.extend(kept_here)
    standing.sort(key=lambda m: (m.start, m.end, -m.confidence, m.entity, m.detector))
    return tuple(standing)
