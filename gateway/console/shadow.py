"""Which hosts look like AI services and are in no catalogue, and what does the team do about them?

Law: as of `pages` and `api`. A draft is a text: nothing is opened by it before somebody puts it beside
the policies. A host is counted by its people; none of them is named.
"""

# Annotations are read while the program runs, within functions too: no `annotations` of the future.

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path
from pydantic import StringConstraints
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from gateway.audit.chain import LEAST_REASON
from gateway.audit.log import Log
from gateway.console.accounts import NotSo
from gateway.console.api import Body, Calls, missing
from gateway.console.door import Caller
from gateway.console.gateway import Gateway
from gateway.console.pages import Shown, sentence
from gateway.console.roles import Permission
from gateway.console.visits import Page, Visit
from gateway.shadow import drafts
from gateway.shadow.ledger import REASON_CHARS, Dismissal, Ledger, NotSeen, Suspect

PERIODS = (7, 30, 90)


@dataclass(frozen=True, slots=True)
class SuspectTold:
    """A host that looks like an AI service. Sizes in bytes; `chance` is 0 to 1."""

    host: str
    people: int
    tunnels: int
    requests: int
    sent: int
    received: int
    first_at: datetime
    last_at: datetime
    chance: float
    reasons: tuple[str, ...]
    dismissed: Dismissal | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A service as the text of a policy file, and under which name it may lie."""

    service: str
    file: str
    text: str


class Why(Body):
    """Why a host is no AI service, or none that matters."""

    reason: Annotated[str, StringConstraints(min_length=LEAST_REASON, max_length=REASON_CHARS)]


class Shadows:
    """Shadow AI as the console has it."""

    def __init__(
        self, ledger: Ledger, gateway: Gateway, log: Log, clock: Callable[[], datetime]
    ) -> None:
        self._ledger = ledger
        self._gateway = gateway
        self._log = log
        self._clock = clock

    def ranked(self, *, days: int, dismissed: bool) -> tuple[Suspect, ...]:
        """Suspects that no service owns by now, those with most people first."""
        knows = self._gateway.loaded().catalogue.knows
        return self._ledger.ranked(days=days, dismissed=dismissed, known=knows)

    def get(self, host: str) -> Suspect:
        """One. Raises `NotSeen`."""
        return self._ledger.get(host)

    def draft(self, suspect: Suspect) -> Draft:
        """A service to begin with."""
        taken = self._gateway.loaded().catalogue.names()
        service, text = drafts.draft(suspect, taken, self._clock().date())
        return Draft(service, f"{service}.yaml", text)

    def owner(self, host: str) -> str:
        """The service that owns a host by now, or nothing."""
        catalogue = self._gateway.loaded().catalogue
        if not catalogue.knows(host):
            return ""
        return catalogue.route(host=host, method="POST", target="/").service

    def dismiss(self, host: str, *, who: str, reason: str) -> Suspect:
        """Say that it is none. Raises `NotSeen`, and `NotSo` without a reason."""
        if len(reason.strip()) < LEAST_REASON:
            raise NotSo("say why it is no AI service")
        return self._ledger.dismiss(host, self._log, who=who, reason=reason)

    def restore(self, host: str, *, who: str) -> Suspect:
        """Take that back. Raises `NotSeen`."""
        return self._ledger.restore(host, self._log, who=who)


class ShadowPages:
    """The pages."""

    def __init__(self, shadows: Shadows, shown: Shown) -> None:
        self._shadows = shadows
        self._shown = shown

    def all(self) -> tuple[Page, ...]:
        """Every page, and whom it is for."""
        see, one = Permission.SEE_SERVICES, "/console/services/shadow/{host}"
        return (
            Page("GET", "/console/services/shadow", see, self.list),
            Page("GET", one, see, self.one),
            Page("GET", f"{one}/draft", see, self.file),
            Page("POST", one, Permission.SORT_HOSTS, self.sort),
        )

    def list(self, visit: Visit) -> Response:
        """The ranking."""
        asked = visit.asked("days")
        days = next((each for each in PERIODS if str(each) == asked), 30)
        dismissed = visit.asked("dismissed") == "yes"
        return self._shown.page(
            visit,
            "shadow.html",
            suspects=self._shadows.ranked(days=days, dismissed=dismissed),
            days=days,
            periods=PERIODS,
            dismissed=dismissed,
        )

    def one(self, visit: Visit, status: int = 200, wrong: str = "") -> Response:
        """One host, and its draft."""
        try:
            suspect = self._shadows.get(visit.request.path_params["host"])
        except NotSeen as why:
            return self._shown.refused(visit, 404, sentence(why))
        return self._shown.page(
            visit,
            "suspect.html",
            status=status,
            wrong=wrong,
            suspect=suspect,
            draft=self._shadows.draft(suspect),
            owner=self._shadows.owner(suspect.host),
            may_sort=visit.who.may(Permission.SORT_HOSTS),
            path=_path(suspect.host),
        )

    def file(self, visit: Visit) -> Response:
        """The draft as a file."""
        try:
            draft = self._shadows.draft(self._shadows.get(visit.request.path_params["host"]))
        except NotSeen as why:
            return self._shown.refused(visit, 404, sentence(why))
        # The name is letters, digits and hyphens.
        named = {"content-disposition": f'attachment; filename="{draft.file}"'}
        return PlainTextResponse(draft.text, media_type="application/yaml", headers=named)

    def sort(self, visit: Visit) -> Response:
        """Dismiss it, or take that back."""
        host, who = visit.request.path_params["host"], visit.who.account
        try:
            if visit.given("do") == "restore":
                self._shadows.restore(host, who=who)
            else:
                self._shadows.dismiss(host, who=who, reason=visit.given("reason"))
        except NotSeen as why:
            return self._shown.refused(visit, 404, sentence(why))
        except NotSo as why:
            return self.one(visit, 400, sentence(why))
        return RedirectResponse(f"{_path(host)}?said=sorted", 303)


def _path(host: str) -> str:
    return f"/console/services/shadow/{quote(host, safe='')}"


def router(calls: Calls, shadows: Shadows) -> APIRouter:
    """The calls."""
    made = APIRouter(tags=["shadow AI"])
    see = Permission.SEE_SERVICES
    type Host = Annotated[str, Path(max_length=253)]

    @made.get("/shadow", **calls.needs(see))
    def ranked(days: Literal[7, 30, 90] = 30, *, dismissed: bool = False) -> list[SuspectTold]:
        """Hosts that look like AI services and are in no catalogue, those with most people first."""
        return list(map(_told, shadows.ranked(days=days, dismissed=dismissed)))

    @made.get("/shadow/{host}", **calls.needs(see, 404))
    def one(host: Host) -> SuspectTold:
        """One of them."""
        return _told(_found(shadows.get, host))

    @made.get("/shadow/{host}/draft", **calls.needs(see, 404))
    def draft(host: Host) -> Draft:
        """A policy file that makes it a service, to begin with. Nothing is changed by it."""
        return shadows.draft(_found(shadows.get, host))

    @made.post("/shadow/{host}/dismissal", **calls.needs(Permission.SORT_HOSTS, 404))
    def dismiss(host: Host, why: Why, caller: Annotated[Caller, Depends(calls.who)]) -> SuspectTold:
        """Say that it is no AI service, or none that matters."""
        who = caller.account
        return _told(_found(lambda host: shadows.dismiss(host, who=who, reason=why.reason), host))

    @made.delete("/shadow/{host}/dismissal", **calls.needs(Permission.SORT_HOSTS, 404))
    def restore(host: Host, caller: Annotated[Caller, Depends(calls.who)]) -> SuspectTold:
        """Take that back."""
        return _told(_found(lambda host: shadows.restore(host, who=caller.account), host))

    return made


def _told(suspect: Suspect) -> SuspectTold:
    return SuspectTold(
        suspect.host,
        suspect.people,
        suspect.tunnels,
        suspect.requests,
        suspect.sent,
        suspect.received,
        suspect.first_at,
        suspect.last_at,
        suspect.chance,
        suspect.reasons,
        suspect.dismissed,
    )


def _found(act: Callable[[str], Suspect], host: str) -> Suspect:
    try:
        return act(host)
    except NotSeen:
        raise missing("host") from None
