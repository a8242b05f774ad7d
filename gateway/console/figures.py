"""What happened in the last days, in figures that stand ready in the database?

Law: days are those of UTC. Nothing here names a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gateway.incidents.counts import Counts, Tally
from gateway.incidents.crowds import SMALL, Crowds

PERIODS = (1, 7, 30, 90)
"""Days that somebody may look back."""


@dataclass(frozen=True, slots=True)
class Done:
    """How many incidents there were, by what the gateway did with their requests."""

    forward: int = 0
    rewrite: int = 0
    refuse: int = 0

    @property
    def all(self) -> int:
        """All of them."""
        return self.forward + self.rewrite + self.refuse


@dataclass(frozen=True, slots=True)
class Figures:
    """The incidents since `since`: by day, every day of them; by service, team and rule, most first."""

    since: date
    days: tuple[tuple[date, Done], ...]
    services: tuple[tuple[str, Done], ...]
    teams: tuple[tuple[str, Done], ...]
    rules: tuple[tuple[str, int], ...]
    entities: tuple[tuple[str, int], ...]

    @property
    def all(self) -> int:
        """All incidents."""
        return sum(done.all for _, done in self.days)


def last(
    counts: Counts, days: int, clock: Callable[[], datetime], *, crowds: Crowds | None = None
) -> Figures:
    """The figures of the last `days`, today included; with `crowds`, small groups have one name."""
    until = clock().date() + timedelta(days=1)
    since = until - timedelta(days=days)
    by_day: dict[str, dict[str, int]] = {}
    by_service: dict[str, dict[str, int]] = {}
    for tally in counts.days("service", since=since, until=until):
        _add(by_day, str(tally.day), tally)
        _add(by_service, tally.name, tally)
    by_team: dict[str, dict[str, int]] = {}
    tallies = counts.totals("team", since=since, until=until)
    small = frozenset[str]() if crowds is None else crowds.small(each.name for each in tallies)
    for tally in tallies:
        _add(by_team, SMALL if tally.name in small else tally.name, tally)
    every = [since + timedelta(days=number) for number in range(days)]
    return Figures(
        since,
        tuple((day, _done(by_day.get(str(day), {}))) for day in every),
        _most_first(by_service),
        _most_first(by_team),
        _names(counts.totals("rule", since=since, until=until)),
        _names(counts.totals("entity", since=since, until=until)),
    )


def _most_first(by: Mapping[str, Mapping[str, int]]) -> tuple[tuple[str, Done], ...]:
    done = [(name, _done(counted)) for name, counted in by.items()]
    return tuple(sorted(done, key=lambda each: (-each[1].all, each[0])))


def _add(to: dict[str, dict[str, int]], name: str, tally: Tally) -> None:
    counted = to.setdefault(name, {})
    counted[tally.outcome] = counted.get(tally.outcome, 0) + tally.count


def _done(counted: Mapping[str, int]) -> Done:
    return Done(counted.get("forward", 0), counted.get("rewrite", 0), counted.get("refuse", 0))


def _names(tallies: tuple[Tally, ...]) -> tuple[tuple[str, int], ...]:
    counted: dict[str, int] = {}
    for tally in tallies:
        counted[tally.name] = counted.get(tally.name, 0) + tally.count
    return tuple(sorted(counted.items(), key=lambda each: (-each[1], each[0])))
