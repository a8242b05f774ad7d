"""How many people of a group are there in the incidents? Few of them would tell who a pseudonym is.

Law: counted are people of whom there are incidents, for only among those a pseudonym hides. What was
counted is believed for a minute. A group that nobody is in counts as small.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable

from sqlalchemy import Engine, text

from gateway.incidents.record import Incident

SMALL = "small group"
"""What a group is called that has few people."""

SMALLEST = 5
"""People of a group that is called by its name, unless set otherwise."""

_BELIEVED = 60.0
_KEPT = 10_000

_PEOPLE = text(
    """
WITH RECURSIVE people(actor, many) AS (
  SELECT * FROM (
    SELECT actor, 1 FROM incident_teams WHERE team = :team ORDER BY actor LIMIT 1) AS least
  UNION ALL
  SELECT (
    SELECT actor FROM incident_teams WHERE team = :team AND actor > people.actor
    ORDER BY actor LIMIT 1), people.many + 1
  FROM people WHERE people.actor IS NOT NULL AND people.many < :enough
)
SELECT count(actor) FROM people
"""
)
"""One step into the index for each person, and no more steps than there have to be people."""


class Crowds:
    """Which groups of one database are small. Methods raise SQLAlchemy's errors."""

    def __init__(
        self,
        engine: Engine,
        *,
        smallest: int = SMALLEST,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._smallest = smallest
        self._ticks = ticks
        self._known: dict[str, tuple[float, bool]] = {}
        self._lock = threading.Lock()

    def small(self, teams: Iterable[str]) -> frozenset[str]:
        """Those of `teams` that have too few people to be called by name."""
        now, wanted = self._ticks(), set(teams)
        with self._lock:
            told = {
                team: small
                for team in wanted
                if (known := self._known.get(team)) is not None
                for at, small in [known]
                if now - at < _BELIEVED
            }
        if missing := wanted - told.keys():
            fresh = {}
            with self._engine.connect() as connection:
                for team in missing:
                    asked = {"team": team, "enough": self._smallest}
                    people = connection.execute(_PEOPLE, asked).scalar_one()
                    fresh[team] = people < self._smallest
            told |= fresh
            with self._lock:
                if len(self._known) > _KEPT:
                    self._known.clear()
                self._known.update((team, (now, small)) for team, small in fresh.items())
        return frozenset(team for team, small in told.items() if small)

    def named(self, incidents: Iterable[Incident]) -> tuple[Incident, ...]:
        """The incidents, with one name for all groups that are small."""
        given = tuple(incidents)
        small = self.small(team for incident in given for team in incident.teams or ())
        return tuple(_named(incident, small) for incident in given)


def _named(incident: Incident, small: frozenset[str]) -> Incident:
    if incident.teams is None or small.isdisjoint(incident.teams):
        return incident
    large = (team for team in incident.teams if team not in small)
    return dataclasses.replace(incident, teams=(*large, SMALL))
