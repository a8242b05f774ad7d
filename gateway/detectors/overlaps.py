"""Which of several matches of the same characters stand? Law: more sure wins, and no character that
was found is lost.

A match is dropped when it is covered: by one of the same entity of at least its confidence, or by
ones of any entity surer by `CLEARLY`. About equally sure matches all stand, because policies name
entities: dropping one for another that is hardly surer could silence a rule. Matches that stand
`apart` tell what a stretch of text is, not what a value is: they are dropped only for one of their
own entity, and no other is dropped for them. INVARIANT: the matches that stand cover every
character that any match covers, so redaction loses nothing. Runs in n log n: spans are merged per
level of confidence, and levels are few.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

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
    if all(left[1] <= right[0] for left, right in pairwise(spans)):
        return list(range(len(spans)))  # as they are found: by place, apart from each other
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


def resolve(matches: Sequence[Match], *, apart: frozenset[str] = frozenset()) -> tuple[Match, ...]:
    """The matches that stand, by place; those of the entities `apart` beside all others."""
    if len(matches) < 2:
        return tuple(matches)
    result: list[Match] = []
    # What touches nothing stands as it is: that is most of what is found.
    for together in _clusters(sorted(matches, key=_place)):
        if len(together) == 1:
            result.append(together[0])
        else:
            result.extend(_resolved(together, apart))
    return tuple(result)


def beside(standing: Sequence[Match], apart: Sequence[Match]) -> tuple[Match, ...]:
    """Matches that are resolved, with others by place that stand apart, of another entity."""
    return tuple(sorted((*standing, *apart), key=_order))


def _order(match: Match) -> tuple[int, int, float, str, str]:
    return match.start, match.end, -match.confidence, match.entity, match.detector


def _place(match: Match) -> tuple[int, int]:
    return match.start, match.end


def _clusters(matches: Sequence[Match]) -> Iterator[list[Match]]:
    """Matches by place, those together that overlap, one with the next."""
    cluster: list[Match] = []
    reached = -1
    for match in matches:
        if match.start >= reached and cluster:
            yield cluster
            cluster = []
        cluster.append(match)
        reached = max(reached, match.end)
    if cluster:
        yield cluster


def _resolved(matches: Sequence[Match], apart: frozenset[str]) -> list[Match]:
    by_entity: dict[str, list[Match]] = {}
    for match in matches:
        by_entity.setdefault(match.entity, []).append(match)
    single: list[Match] = []
    beside: list[Match] = []
    for entity, same in by_entity.items():
        kept = without_contained([(m.start, m.end, m.confidence) for m in same])
        chosen = beside if entity in apart else single
        chosen.extend(same[position] for position in kept)
    single.sort(key=lambda m: -m.confidence)

    standing: list[Match] = []
    surer, merged = _Union(), 0
    for level, members in groupby(single, key=lambda m: m.confidence):
        reached = merged
        while reached < len(standing) and standing[reached].confidence >= level + CLEARLY - 1e-9:
            reached += 1
        surer.add((m.start, m.end) for m in standing[merged:reached])
        merged = reached
        standing.extend([m for m in members if not surer.covers(m.start, m.end)])
    standing.extend(beside)
    standing.sort(key=_order)
    return standing
