"""What do programs get of coaching? The same as browsers.

Law: as of `api`; people are pseudonyms.
"""

# Annotations are read while the program runs, within functions too: no `annotations` of the future.

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from gateway.coaching.store import State
from gateway.console.api import Calls
from gateway.console.roles import Permission
from gateway.incidents.coached import Coached, CoachedLine, Figures


@dataclass(frozen=True, slots=True)
class CoachingTold:
    """One coaching."""

    id: str
    incident: str
    at: datetime
    person: str
    service: str
    rule: str
    lesson: str
    found: Mapping[str, int]
    times: int
    state: State
    answered_at: datetime | None
    valid_until: datetime | None
    reason: str
    text: str


def told(line: CoachedLine) -> CoachingTold:
    """The same, for programs."""
    return CoachingTold(
        id=line.id,
        incident=line.incident,
        at=line.at,
        person=line.person,
        service=line.service,
        rule=line.rule,
        lesson=line.lesson,
        found=line.found,
        times=line.times,
        state=line.state,
        answered_at=line.answered_at,
        valid_until=line.valid_until,
        reason=line.reason,
        text=line.text,
    )


def router(calls: Calls, coached: Coached) -> APIRouter:
    """The calls."""
    made = APIRouter()
    see = calls.needs(Permission.SEE_COACHING)

    @made.get("/coachings", tags=["coaching"], **see)
    def listed(
        state: State | None = None,
        rule: Annotated[str, StringConstraints(max_length=128)] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> list[CoachingTold]:
        """Who was coached, the newest first."""
        return [told(line) for line in coached.list(state=state, rule=rule, limit=limit)]

    @made.get("/coachings/figures", tags=["coaching"], **see)
    def figures(days: Annotated[int, Query(ge=1, le=366)] = 90) -> Figures:
        """What came of coaching in the last days, and whether it helped."""
        return coached.figures(days)

    return made
