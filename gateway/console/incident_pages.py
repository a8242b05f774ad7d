"""What does a browser get of incidents? The list, one incident, and the forms to work on them.

Law: as of `pages`. What somebody filters by stands in the address, in the words of `Filters`; people
in it are pseudonyms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from gateway.console.accounts import NotSo
from gateway.console.casework import COUNTED, Casework
from gateway.console.desk import Desk
from gateway.console.pages import Shown, number, sentence
from gateway.console.roles import Permission
from gateway.console.visits import Page, Visit
from gateway.incidents.filters import Filters, Place
from gateway.incidents.people import Person
from gateway.incidents.states import Change, Resolution, StaleEdit, Status, WorkError
from gateway.model import Severity, UnreadReason, Verdict

ENFORCEMENTS = ("forward", "rewrite", "refuse")
CHANGED = "changed"


class IncidentPages:
    """All pages about incidents."""

    def __init__(self, desk: Desk, cases: Casework, shown: Shown) -> None:
        self._desk = desk
        self._cases = cases
        self._shown = shown

    def all(self) -> tuple[Page, ...]:
        """Every page, and whom it is for."""
        see, work = Permission.SEE_INCIDENTS, Permission.WORK_INCIDENTS
        one = "/console/incidents/{incident}"
        return (
            Page("GET", "/console/incidents", see, self.list),
            Page("POST", "/console/incidents", work, self.bulk),
            Page("GET", one, see, self.one),
            Page("POST", f"{one}/change", work, self.change),
            Page("POST", f"{one}/note", work, self.note),
            Page("POST", f"{one}/exception", Permission.DRAFT_EXCEPTION, self.exception),
            Page("POST", f"{one}/person", Permission.ASK_PERSON, self.person),
            Page("GET", "/console/people", Permission.ASK_PERSON, self.requests),
            Page("POST", "/console/people", Permission.GRANT_PERSON, self.decide),
        )

    # --- the list ---------------------------------------------------------------------------------

    def list(self, visit: Visit, status: int = 200, wrong: str = "") -> Response:
        """Those that a filter holds for."""
        query = dict(visit.request.query_params)
        text = query.get("q", "").strip()
        try:
            filters = read(query)
            before = _place(query.get("before", ""))
        except NotSo as why:
            filters, before, wrong, status = Filters(), None, sentence(why), 400
        if text and self._cases.get(text) is not None:
            return RedirectResponse(f"/console/incidents/{text}", 303)
        found = self._cases.list(
            filters, before=before, every_team=visit.who.may(Permission.ASK_PERSON)
        )
        kept = {name: value for name, value in query.items() if value and name in KNOWN}
        more = ""
        if found.next is not None:
            more = urlencode({**kept, "before": f"{found.next.at.isoformat()}_{found.next.id}"})
        return self._shown.page(
            visit,
            "incidents.html",
            status=status,
            wrong=wrong,
            found=found,
            kept=kept,
            more=more,
            counted=COUNTED,
            statuses=tuple(Status),
            severities=tuple(reversed(Severity)),
            resolutions=tuple(Resolution),
            enforcements=ENFORCEMENTS,
            reasons=tuple(UnreadReason),
            services=self._desk.service_names(),
            rules=self._desk.policies().rules,
            may_work=visit.who.may(Permission.WORK_INCIDENTS),
            bulk_said=_bulk_said(visit),
        )

    def bulk(self, visit: Visit) -> Response:
        """Change those that are ticked, or all that the filter holds for."""
        chosen = list(visit.form.get("incident", ()))
        try:
            change = _change(visit)
            if change == Change():
                raise NotSo("choose what to change")  # noqa: TRY301  # with the other errors
            kept = {name: visit.given(f"f_{name}") for name in KNOWN if visit.given(f"f_{name}")}
            which: Filters | Sequence[str] = chosen
            if visit.given("which") == "all":
                which = read(kept)
            elif not chosen:
                raise NotSo("tick the incidents that you mean, or choose all")  # noqa: TRY301
            done = self._cases.bulk(
                which,
                change,
                who=visit.who.account,
                reason=visit.given("reason").strip(),
                every_team=visit.who.may(Permission.ASK_PERSON),
            )
        except (NotSo, WorkError) as why:
            return self.list(visit, 400, sentence(why))
        told = {**kept, "changed": done.changed, "left": done.unchanged + done.missing}
        return RedirectResponse(f"/console/incidents?{urlencode(told)}", 303)

    # --- one --------------------------------------------------------------------------------------

    def one(
        self,
        visit: Visit,
        status: int = 200,
        wrong: str = "",
        person: Person | None = None,
        drafted: tuple[str, str] | None = None,
    ) -> Response:
        """All about one."""
        page = self._cases.get(
            visit.request.path_params["incident"],
            every_team=visit.who.may(Permission.ASK_PERSON),
        )
        if page is None:
            return self._shown.refused(visit, 404, "There is no such incident.")
        who = visit.who
        return self._shown.page(
            visit,
            "incident.html",
            status=status,
            wrong=wrong,
            page=page,
            incident=page.incident,
            state=page.state,
            person=person,
            drafted=drafted,
            see_coaching=Permission.SEE_COACHING,
            until=self._desk.clock().date() + timedelta(days=90),
            may_draft=who.may(Permission.DRAFT_EXCEPTION),
            statuses=tuple(Status),
            severities=tuple(reversed(Severity)),
            resolutions=tuple(Resolution),
            may_work=who.may(Permission.WORK_INCIDENTS),
            may_ask=who.may(Permission.ASK_PERSON),
            granted=any(
                each.decided == "granted" and each.asked_by == who.account for each in page.requests
            ),
            known={rule.id for rule in self._desk.policies().rules},
            key_lists=self._desk.lists_of(page.incident.keys or ()),
        )

    def change(self, visit: Visit) -> Response:
        """Status, severity, assignee, resolution, labels."""
        incident = visit.request.path_params["incident"]
        try:
            self._cases.change(
                incident,
                _change(visit, whole=True),
                who=visit.who.account,
                version=number(visit.given("version"), "version"),
                reason=visit.given("reason").strip(),
            )
        except StaleEdit as stale:
            return self.one(visit, 409, sentence(stale))
        except (NotSo, WorkError) as why:
            return self.one(visit, 400, sentence(why))
        return RedirectResponse(f"/console/incidents/{incident}?said={CHANGED}", 303)

    def note(self, visit: Visit) -> Response:
        """Write a note."""
        incident = visit.request.path_params["incident"]
        try:
            self._cases.note(incident, visit.given("text"), who=visit.who.account)
        except WorkError as why:
            return self.one(visit, 400, sentence(why))
        return RedirectResponse(f"/console/incidents/{incident}?said=noted#notes", 303)

    def exception(self, visit: Visit) -> Response:
        """A false alarm as the text of an exception, for the team to commit."""
        try:
            until = _day(visit.given("until"), "until", after=False).date()
            drafted = self._cases.draft(
                visit.request.path_params["incident"],
                visit.given("rule"),
                list(visit.form.get("value", ())) or None,
                who=visit.given("owner").strip() or visit.who.account,
                reason=visit.given("reason"),
                until=until,
            )
        except (NotSo, WorkError) as why:
            return self.one(visit, 400, sentence(why))
        return self.one(visit, drafted=drafted)

    # --- people -----------------------------------------------------------------------------------

    def person(self, visit: Visit) -> Response:
        """Who it is, in this answer only; or the question to a second person."""
        incident = visit.request.path_params["incident"]
        who, reason = visit.who.account, visit.given("reason")
        try:
            if visit.given("do") == "ask":
                self._cases.ask(incident, who=who, reason=reason)
                return RedirectResponse(f"/console/incidents/{incident}?said=asked", 303)
            person = self._cases.unmask(incident, who=who, reason=reason)
        except WorkError as why:
            return self.one(visit, 400, sentence(why))
        return self.one(visit, person=person)

    def requests(self, visit: Visit, status: int = 200, wrong: str = "") -> Response:
        """Who asks to see whom an incident is about."""
        return self._shown.page(
            visit,
            "people.html",
            status=status,
            wrong=wrong,
            requests=self._cases.requests(),
            now=self._desk.clock(),
            may_grant=visit.who.may(Permission.GRANT_PERSON),
        )

    def decide(self, visit: Visit) -> Response:
        """Agree or deny."""
        try:
            self._cases.decide(
                visit.given("request"),
                who=visit.who.account,
                grant=visit.given("do") == "grant",
                reason=visit.given("reason"),
            )
        except WorkError as why:
            return self.requests(visit, 400, sentence(why))
        return RedirectResponse("/console/people?said=decided", 303)


# --- words in addresses and forms ----------------------------------------------------------------

KNOWN = (*(field.name for field in fields(Filters)), "q")
"""What may stand in the address of a list."""


def read(asked: Mapping[str, str]) -> Filters:
    """The filter that an address says. Raises `NotSo`. `q` is looked for as a fingerprint."""
    values: dict[str, Any] = {
        name: asked[name].strip() for name in KNOWN if name != "q" and asked.get(name, "").strip()
    }
    for name, words in (
        ("status", Status),
        ("resolution", Resolution),
    ):
        if name in values:
            values[name] = _one_of(words, values[name], name)
    for name, levels in (("min_severity", Severity), ("verdict", Verdict)):
        if name in values:
            word = values[name].upper()
            if word not in levels.__members__:
                raise NotSo(f"`{name}` is not one of {_names(levels)}")
            values[name] = levels[word]
    if "enforcement" in values and values["enforcement"] not in ENFORCEMENTS:
        raise NotSo(f"`enforcement` is not one of {', '.join(ENFORCEMENTS)}")
    for name in ("since", "until"):
        if name in values:
            values[name] = _day(values[name], name, after=name == "until")
    if values.get("assignee") == NOBODY:
        values["assignee"] = ""
    if text := asked.get("q", "").strip():
        values["fingerprint"] = text
    return Filters(**values)


NOBODY = "-"
"""Asks for incidents that nobody has."""


def _one_of(words: Any, word: str, name: str) -> Any:
    try:
        return words(word)
    except ValueError:
        raise NotSo(f"`{name}` is not one of {', '.join(words)}") from None


def _names(levels: Any) -> str:
    return ", ".join(level.name.lower() for level in levels)


def _day(text: str, name: str, *, after: bool) -> datetime:
    """The beginning of a day in UTC, or its end; or a time with its zone."""
    try:
        if len(text) == len("2026-03-01"):
            day = date.fromisoformat(text) + timedelta(days=1 if after else 0)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise NotSo(f"`{name}` is not a day such as 2026-03-01") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _place(text: str) -> Place | None:
    if not text:
        return None
    at, _, identity = text.partition("_")
    return Place(_day(at, "before", after=False), identity)


def _change(visit: Visit, *, whole: bool = False) -> Change:
    """The change that a form says; an empty field changes nothing, but for the assignee of `whole`."""
    status, resolution = visit.given("status"), visit.given("resolution")
    severity, assignee = visit.given("severity"), visit.given("assignee").strip()
    if severity and severity.upper() not in Severity.__members__:
        raise NotSo(f"`severity` is not one of {_names(Severity)}")
    rules = tuple(visit.form.get("rule", ()))
    wanted = _one_of(Status, status, "status") if status else None
    verdict = _one_of(Resolution, resolution, "resolution") if resolution else None
    if whole:
        person: str | None = assignee
    elif assignee == NOBODY:
        person = ""
    else:
        person = assignee or None
    if verdict is not None and wanted is not Status.CLOSED and whole and wanted is not None:
        # The form shows both; who opens an incident again means its status.
        verdict = None
    return Change(
        status=wanted,
        severity=Severity[severity.upper()] if severity else None,
        assignee=person,
        resolution=verdict,
        rules=rules or None,
        add_labels=frozenset(visit.given("add_label").split()),
        remove_labels=frozenset(visit.form.get("remove_label", ())),
    )


def _bulk_said(visit: Visit) -> str:
    """What a bulk action did; the address has the figures."""
    changed, left = visit.asked("changed"), visit.asked("left")
    if not (changed.isdecimal() and left.isdecimal() and len(changed + left) < 20):
        return ""
    return f"{int(changed)} incidents changed, {int(left)} left as they were."
