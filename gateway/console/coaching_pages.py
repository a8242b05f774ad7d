"""What does a browser get of coaching? Who was coached on what, and whether it helped.

Law: as of `pages`; people are pseudonyms, and nothing is changed here.
"""

from __future__ import annotations

from starlette.responses import Response

from gateway.coaching.store import STATES
from gateway.console.figures import PERIODS
from gateway.console.pages import Shown
from gateway.console.roles import Permission
from gateway.console.visits import Page, Visit
from gateway.incidents.coached import Coached

SHOWN = 50
DAYS = 90


class CoachingPages:
    """The page about coaching."""

    def __init__(self, coached: Coached, shown: Shown) -> None:
        self._coached = coached
        self._shown = shown

    def all(self) -> tuple[Page, ...]:
        """Every page, and whom it is for."""
        return (Page("GET", "/console/coaching", Permission.SEE_COACHING, self.coaching),)

    def coaching(self, visit: Visit) -> Response:
        """Figures, and the last coachings."""
        days = next((each for each in PERIODS if str(each) == visit.asked("days")), DAYS)
        state = next((each for each in STATES if each == visit.asked("state")), None)
        rule = visit.asked("rule")
        return self._shown.page(
            visit,
            "coaching.html",
            figures=self._coached.figures(days),
            lines=self._coached.list(state=state, rule=rule, limit=SHOWN),
            days=days,
            periods=PERIODS,
            state_asked=state or "",
            states=STATES,
            rule=rule,
        )
