"""What do programs get of coaching, and what may they do about it? The same as browsers.

Law: as of `api`; people are pseudonyms.
"""

# Annotations are read while the program runs, within functions too: no `annotations` of the future.

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from pydantic import StringConstraints

from gateway.audit.chain import LEAST_REASON, REASON_CHARS
from gateway.audit.log import Log
from gateway.coaching.store import Concern, NotGranted, State
from gateway.console.api import Body, Calls
from gateway.console.door import Caller
from gateway.console.pages import sentence
from gateway.console.roles import Permission
from gateway.incidents.coached import Coached, CoachedLine, Figures


class Why(Body):
    """Why somebody may not send it any more."""

    reason: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=LEAST_REASON, max_length=REASON_CHARS),
    ]


@dataclass(frozen=True, slots=True)
class CoachingTold:
    """One coaching. `rule` is the strictest that asked; `holds` while something passes by it."""

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
    further: tuple[Concern, ...]
    holds: bool


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
        further=line.further,
        holds=line.holds,
    )


def router(calls: Calls, coached: Coached, log: Log) -> APIRouter:
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

    @made.post(
        "/coachings/{coaching}/withdrawal",
        tags=["coaching"],
        **calls.needs(Permission.WITHDRAW_GRANT, 404),
    )
    def withdraw(
        coaching: Annotated[str, Path(max_length=32)],
        why: Why,
        caller: Annotated[Caller, Depends(calls.who)],
    ) -> CoachingTold:
        """Take back what somebody may send on their reason: they are asked again, at every gateway."""
        try:
            return told(coached.withdraw(coaching, log, who=caller.account, reason=why.reason))
        except NotGranted as error:
            raise HTTPException(404, sentence(error)) from None

    return made
