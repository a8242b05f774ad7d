"""What does a browser get of coaching? Who was coached on what, whether it helped, and taking back.

Law: as of `pages`; people are pseudonyms. Whoever takes back what somebody may send says why.
"""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from gateway.audit.chain import LEAST_REASON
from gateway.audit.log import Log
from gateway.coaching.store import STATES, NotGranted
from gateway.console.figures import PERIODS
from gateway.console.pages import Shown, sentence
from gateway.console.roles import Permission
from gateway.console.visits import Page, Visit
from gateway.incidents.coached import Coached

SHOWN = 50
DAYS = 90


class CoachingPages:
    """The page about coaching."""

    def __init__(self, coached: Coached, log: Log, shown: Shown) -> None:
        self._coached = coached
        self._log = log
        self._shown = shown

    def all(self) -> tuple[Page, ...]:
        """Every page, and whom it is for."""
        one = "/console/coaching/{coaching}"
        return (
            Page("GET", "/console/coaching", Permission.SEE_COACHING, self.coaching),
            Page("POST", f"{one}/withdraw", Permission.WITHDRAW_GRANT, self.withdraw),
        )

    def withdraw(self, visit: Visit) -> Response:
        """Take back what somebody may send on their reason."""
        reason = visit.given("reason").strip()
        if len(reason) < LEAST_REASON:
            return self._shown.refused(visit, 400, "Say why it is taken back.")
        coaching = visit.request.path_params["coaching"]
        try:
            self._coached.withdraw(coaching, self._log, who=visit.who.account, reason=reason)
        except NotGranted as why:
            return self._shown.refused(visit, 404, sentence(why))
        return RedirectResponse("/console/coaching?said=withdrawn#last", 303)

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
            may_withdraw=visit.who.may(Permission.WITHDRAW_GRANT),
        )
