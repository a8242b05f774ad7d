"""What does a browser get? One page per path, each for those who have its permission.

Law: `PAGES` of an instance is all there is; each page names whom it is for. A page that changes
something is a form, and answers with the way back or with what is shown once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any, Literal
from urllib.parse import urlencode

import jinja2
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.audit.log import Log
from gateway.console import charts
from gateway.console.accounts import SHORTEST, NotSo
from gateway.console.casework import Casework
from gateway.console.desk import SHORT, TERMS, Desk
from gateway.console.door import Door, TooOften
from gateway.console.figures import PERIODS
from gateway.console.gateway import Attempt, CannotTry
from gateway.console.guard import MAX_UPLOAD
from gateway.console.oidc import Provider
from gateway.console.roles import MAY, Permission, Role
from gateway.console.visits import Page, Visit
from gateway.incidents.crowds import SMALL
from gateway.incidents.states import Status
from gateway.model import Severity
from gateway.services import CATEGORIES, UNKNOWN_SERVICE

MENU = (
    ("/console/", "Overview", Permission.SEE_OVERVIEW),
    ("/console/incidents", "Incidents", Permission.SEE_INCIDENTS),
    ("/console/people", "Unmasking", Permission.ASK_PERSON),
    ("/console/coaching", "Coaching", Permission.SEE_COACHING),
    ("/console/services", "Services", Permission.SEE_SERVICES),
    ("/console/policies", "Policies", Permission.SEE_POLICIES),
    ("/console/scratch", "Scratch pad", Permission.TRY_POLICIES),
    ("/console/health", "Health", Permission.SEE_HEALTH),
    ("/console/audit", "Audit log", Permission.SEE_AUDIT),
    ("/console/accounts", "Accounts", Permission.MANAGE_ACCOUNTS),
)

SAID: Mapping[str, str] = {
    "password": "Your password is changed.",
    "account": "The account is changed.",
    "revoked": "The key is revoked.",
    "changed": "The incident is changed.",
    "noted": "The note is written.",
    "asked": "Somebody else has to agree now.",
    "sorted": "The host is sorted.",
    "withdrawn": "It is taken back: the same is asked about again.",
    "decided": "Your decision is written down.",
}
"""What is said after a change; the address carries the word, so that nobody else's text is shown."""

_AUDIT_PAGE = 100


class Shown:
    """The templates, and what all of them need."""

    def __init__(self, *, version: str, stamp: str) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader("gateway.console"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            moment=lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            day=lambda at: f"{at.astimezone(UTC):%Y-%m-%d}",
            words=lambda word: str(word).replace("_", " "),
            figure=lambda number: f"{number:,}",
            short=charts.short,
            size=size,
            named=lambda words: [(word.value, str(word.value).replace("_", " ")) for word in words],
            levels=lambda levels: [(level.name.lower(), level.name.lower()) for level in levels],
        )
        self._environment.globals.update(
            version=version,
            stamp=stamp,
            menu=MENU,
            all_roles=tuple(Role),
            all_permissions=tuple(Permission),
            may=MAY,
            titles={name: title for name, (title, _) in TERMS.items()},
            bar=charts.bar,
        )

    def page(
        self, visit: Visit, template: str, *, status: int = 200, wrong: str = "", **values: Any
    ) -> HTMLResponse:
        """A page."""
        path = visit.request.url.path
        here = next(
            (
                each
                for each, _, _ in reversed(MENU)
                if path.startswith(each) and each != "/console/"
            ),
            path,
        )
        text = self._environment.get_template(template).render(
            visitor=visit.caller,
            here=here,
            said=SAID.get(visit.asked("said"), ""),
            wrong=wrong,
            **values,
        )
        return HTMLResponse(text, status_code=status)

    def refused(self, visit: Visit, status: int, reason: str) -> Response:
        """A page that says why there is none."""
        return self.page(visit, "refused.html", status=status, code=status, reason=reason)


def size(number: int) -> str:
    """Bytes for people."""
    for limit, unit in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if number >= limit:
            return f"{number / limit:.1f} {unit}"
    return f"{number} bytes"


class Pages:
    """All pages but those about incidents."""

    def __init__(
        self,
        desk: Desk,
        cases: Casework,
        door: Door,
        log: Log,
        shown: Shown,
        *,
        provider: Provider | None,
        cookie: str,
        secure: bool,
    ) -> None:
        self._desk = desk
        self._cases = cases
        self._door = door
        self._log = log
        self._shown = shown
        self._provider = provider
        self._cookie = cookie
        self._login_cookie = f"{cookie}_login"
        self._secure = secure

    def all(self) -> tuple[Page, ...]:
        """Every page, and whom it is for."""
        see, may = Permission, Permission
        return (
            Page("GET", "/console/sign-in", "anybody", self.sign_in_form),
            Page("POST", "/console/sign-in", "anybody", self.sign_in),
            Page("GET", "/console/oidc", "anybody", self.leave),
            Page("GET", "/console/oidc/back", "anybody", self.back),
            Page("POST", "/console/sign-out", "somebody", self.sign_out),
            Page("GET", "/console/password", "somebody", self.password_form),
            Page("POST", "/console/password", "somebody", self.password),
            Page("GET", "/console/", see.SEE_OVERVIEW, self.overview),
            Page("GET", "/console/me", may.OWN, self.me),
            Page("POST", "/console/me/keys", may.OWN, self.make_key),
            Page("POST", "/console/me/keys/revoke", may.OWN, self.revoke_key),
            Page("GET", "/console/services", see.SEE_SERVICES, self.services),
            Page("GET", "/console/services/{service}", see.SEE_SERVICES, self.service),
            Page("GET", "/console/policies", see.SEE_POLICIES, self.policies),
            Page("GET", "/console/policies/{rule}", see.SEE_POLICIES, self.rule),
            Page("POST", "/console/policies/tests", may.TRY_POLICIES, self.run_tests),
            Page("GET", "/console/scratch", may.TRY_POLICIES, self.scratch),
            Page("POST", "/console/scratch", may.TRY_POLICIES, self.try_out),
            Page("GET", "/console/health", see.SEE_HEALTH, self.health),
            Page("GET", "/console/audit", see.SEE_AUDIT, self.audit),
            Page("GET", "/console/accounts", may.MANAGE_ACCOUNTS, self.accounts),
            Page("POST", "/console/accounts", may.MANAGE_ACCOUNTS, self.create_account),
            Page("POST", "/console/accounts/set", may.MANAGE_ACCOUNTS, self.set_account),
        )

    # --- coming in --------------------------------------------------------------------------------

    def sign_in_form(self, visit: Visit) -> Response:
        """Where somebody says who they are."""
        if visit.caller is not None:
            return RedirectResponse("/console/", 303)
        return self._sign_in_page(visit)

    def _sign_in_page(self, visit: Visit, status: int = 200, wrong: str = "") -> Response:
        return self._shown.page(
            visit,
            "sign_in.html",
            status=status,
            wrong=wrong,
            local=self._door.local,
            provider=self._provider.title if self._provider is not None else "",
        )

    def sign_in(self, visit: Visit) -> Response:
        """By password."""
        try:
            token = self._door.sign_in(
                visit.given("name"),
                visit.given("password"),
                address=visit.address,
                old=visit.token,
            )
        except TooOften as often:
            wrong = f"Too many tries. Please wait {often.seconds} seconds."
            answer = self._sign_in_page(visit, 429, wrong)
            answer.headers["retry-after"] = str(often.seconds)
            return answer
        if token is None:
            return self._sign_in_page(visit, 403, "That name and password do not open anything.")
        return self._with_session(RedirectResponse("/console/", 303), token)

    def leave(self, visit: Visit) -> Response:
        """To the provider."""
        if self._provider is None:
            return self._shown.refused(visit, 404, "There is no provider.")
        try:
            self._door.knock(visit.address)
            address, state, nonce, verifier = self._provider.leave()
        except TooOften as often:
            wrong = f"Too many tries. Please wait {often.seconds} seconds."
            return self._sign_in_page(visit, 429, wrong)
        except NotSo as why:
            return self._sign_in_page(visit, 502, str(why))
        self._door.sessions.leave(state, nonce, verifier)
        answer = RedirectResponse(address, 303)
        # Lax: the way back comes from another site.
        self._put(answer, self._login_cookie, state, 600, "lax")
        return answer

    def back(self, visit: Visit) -> Response:
        """From the provider."""
        if self._provider is None:
            return self._shown.refused(visit, 404, "There is no provider.")
        state = visit.asked("state")
        left = self._door.sessions.returned(state) if state else None
        if left is None or visit.request.cookies.get(self._login_cookie, "") != state:
            return self._sign_in_page(
                visit, 403, "That took too long, or began in another browser."
            )
        try:
            code = "" if visit.asked("error") else visit.asked("code")
            _want(code, "the provider did not let you in")
            person = self._provider.person(code, *left, visit.asked("iss"))
            _want(person.roles, "none of your groups may use the console")
            token = self._door.vouched(
                person.name, person.subject, person.roles, address=visit.address, old=visit.token
            )
        except NotSo as why:
            return self._sign_in_page(visit, 403, f"You could not be signed in: {why}.")
        # No redirect: browsers would count it to the provider's site, and keep a strict cookie back.
        answer = self._shown.page(visit, "onward.html")
        answer.delete_cookie(self._login_cookie, path="/", secure=self._secure, httponly=True)
        return self._with_session(answer, token)

    def sign_out(self, visit: Visit) -> Response:
        """Out of this browser."""
        self._door.sign_out(visit.who, visit.token)
        answer = RedirectResponse("/console/sign-in", 303)
        answer.delete_cookie(self._cookie, path="/", secure=self._secure, httponly=True)
        return answer

    def password_form(self, visit: Visit, status: int = 200, wrong: str = "") -> Response:
        """Where somebody changes their password."""
        if not visit.who.local:
            return self._shown.refused(visit, 404, "The provider keeps your password.")
        return self._shown.page(
            visit, "password.html", status=status, wrong=wrong, shortest=SHORTEST
        )

    def password(self, visit: Visit) -> Response:
        """Change it."""
        try:
            _want(visit.given("new") == visit.given("again"), "the two new passwords differ")
            token = self._door.change_password(visit.who, visit.given("old"), visit.given("new"))
        except (NotSo, TooOften) as why:
            return self.password_form(visit, 400, sentence(why))
        return self._with_session(RedirectResponse("/console/?said=password", 303), token)

    def _with_session[R: Response](self, answer: R, token: str) -> R:
        age = int(self._door.sessions.lifetime.total_seconds())
        self._put(answer, self._cookie, token, age, "strict")
        return answer

    def _put(
        self, answer: Response, name: str, value: str, age: int, site: Literal["lax", "strict"]
    ) -> None:
        answer.set_cookie(
            name, value, max_age=age, path="/", secure=self._secure, httponly=True, samesite=site
        )

    # --- overview ---------------------------------------------------------------------------------

    def overview(self, visit: Visit) -> Response:
        """What leaves, what happens, what nobody looks into."""
        asked = visit.asked("days")
        days = next((each for each in PERIODS if str(each) == asked), 30)
        figures = self._desk.figures(days, every_team=visit.who.may(Permission.ASK_PERSON))
        services = self._desk.in_use()
        uses = [line.use for line in services]
        chart = charts.columns(
            "Incidents by day",
            ("forward", "rewrite", "refuse"),
            [
                charts.Column(f"{day:%d %b}", (done.forward, done.rewrite, done.refuse))
                for day, done in figures.days
            ],
        )
        return self._shown.page(
            visit,
            "overview.html",
            days=days,
            periods=PERIODS,
            figures=figures,
            small=SMALL,
            backlog=_backlog(self._cases.backlog()),
            services=services,
            seen=sum(use.requests for use in uses),
            changed=sum(use.rewritten for use in uses),
            stopped=sum(use.refused for use in uses),
            chart=chart,
            coverage=self._desk.uninspected(),
            short=[name for name in TERMS if name in SHORT],
            since=self._desk.gateway.traffic().since,
        )

    # --- oneself ----------------------------------------------------------------------------------

    def me(self, visit: Visit, status: int = 200, wrong: str = "", **made: object) -> Response:
        """Roles and API keys."""
        return self._shown.page(
            visit,
            "me.html",
            status=status,
            wrong=wrong,
            keys=self._door.keys.list(visit.who.account),
            made=made.get("made"),
            secret=made.get("secret", ""),
        )

    def make_key(self, visit: Visit) -> Response:
        """An API key, shown once."""
        try:
            role = _roles([visit.given("role")])[0]
            days = number(visit.given("days"), "days")
            made, secret = self._door.make_key(visit.who, visit.given("title"), role, days)
        except NotSo as why:
            return self.me(visit, 400, sentence(why))
        return self.me(visit, made=made, secret=secret)

    def revoke_key(self, visit: Visit) -> Response:
        """End an API key."""
        back = "accounts" if visit.given("back") == "accounts" else "me"
        try:
            self._door.revoke_key(visit.who, visit.given("key"))
        except NotSo as why:
            return self._shown.refused(visit, 404, sentence(why))
        return RedirectResponse(f"/console/{back}?said=revoked", 303)

    # --- services and policies --------------------------------------------------------------------

    def services(self, visit: Visit) -> Response:
        """The catalogue."""
        category = visit.asked("category")
        return self._shown.page(
            visit,
            "services.html",
            services=self._desk.services(category=category, text=visit.asked("q")),
            categories=CATEGORIES,
            category=category,
            q=visit.asked("q"),
            short=[name for name in TERMS if name in SHORT],
            since=self._desk.gateway.traffic().since,
        )

    def service(self, visit: Visit) -> Response:
        """One service."""
        page = self._desk.service(visit.request.path_params["service"])
        if page is None:
            return self._shown.refused(visit, 404, "There is no such service.")
        return self._shown.page(
            visit, "service.html", page=page, since=self._desk.gateway.traffic().since
        )

    def policies(self, visit: Visit, status: int = 200, wrong: str = "") -> Response:
        """What is loaded."""
        return self._shown.page(
            visit,
            "policies.html",
            status=status,
            wrong=wrong,
            page=self._desk.policies(),
            tests=self._desk.tests(),
            precision={each.rule: each for each in self._cases.precision()},
            may_try=visit.who.may(Permission.TRY_POLICIES),
            since=self._desk.gateway.traffic().since,
        )

    def rule(self, visit: Visit) -> Response:
        """One rule."""
        page = self._desk.rule(visit.request.path_params["rule"])
        if page is None:
            return self._shown.refused(visit, 404, "There is no such rule.")
        return self._shown.page(visit, "rule.html", page=page)

    def run_tests(self, visit: Visit) -> Response:
        """Run the test cases."""
        try:
            self._desk.run_tests()
        except (NotSo, CannotTry) as why:
            return self.policies(visit, 409, sentence(why))
        return RedirectResponse("/console/policies", 303)

    def scratch(
        self, visit: Visit, status: int = 200, wrong: str = "", **tried: object
    ) -> Response:
        """Where something is tried."""
        services = sorted(
            self._desk.gateway.loaded().catalogue.services(), key=lambda each: each.name.lower()
        )
        return self._shown.page(
            visit,
            "scratch.html",
            status=status,
            wrong=wrong,
            services=services,
            chosen=tried.get("chosen") or visit.asked("service"),
            trial=tried.get("trial"),
            largest=(MAX_UPLOAD >> 20) - 1,
        )

    def try_out(self, visit: Visit) -> Response:
        """Try it. INVARIANT: what was sent is in no answer, so that no browser keeps it either."""
        upload, text = visit.upload, visit.given("text")
        chosen = visit.given("service") or UNKNOWN_SERVICE
        try:
            _want(upload is not None or text.strip(), "give a text or a file")
            attempt = Attempt(
                upload.data if upload is not None else text.encode("utf-8", "surrogatepass"),
                chosen,
                visit.given("operation"),
                upload.name if upload is not None else "",
                upload is not None,
            )
            trial = self._desk.try_out(attempt)
        except (NotSo, CannotTry) as why:
            return self.scratch(visit, 400, sentence(why), chosen=chosen)
        return self.scratch(visit, trial=trial, chosen=chosen)

    # --- the gateway ------------------------------------------------------------------------------

    def health(self, visit: Visit) -> Response:
        """How the gateway is."""
        traffic = self._desk.gateway.traffic()
        refusals = sorted(traffic.refusals.items(), key=lambda each: -each[1])
        return self._shown.page(
            visit,
            "health.html",
            gateway_parts=self._desk.gateway.parts(),
            exports=self._desk.gateway.exports(),
            refusals=refusals,
            since=traffic.since,
        )

    def audit(self, visit: Visit) -> Response:
        """Who did what."""
        asked = {name: visit.asked(name).strip() for name in ("who", "action", "target")}
        before = visit.asked("before")
        entries = self._log.list(
            who=asked["who"] or None,
            action=asked["action"] or None,
            target=asked["target"] or None,
            before=int(before)
            if before.isascii() and before.isdigit() and len(before) < 18
            else None,
            limit=_AUDIT_PAGE,
        )
        more = ""
        if len(entries) == _AUDIT_PAGE:
            more = urlencode({**asked, "before": entries[-1].seq})
        return self._shown.page(
            visit,
            "audit.html",
            entries=entries,
            more=more,
            who=asked["who"],
            action=asked["action"],
            target=asked["target"],
        )

    # --- accounts ---------------------------------------------------------------------------------

    def accounts(
        self, visit: Visit, status: int = 200, wrong: str = "", made: tuple[str, str] | None = None
    ) -> Response:
        """Who may sign in."""
        return self._shown.page(
            visit,
            "accounts.html",
            status=status,
            wrong=wrong,
            accounts=self._door.accounts.list(),
            keys=self._door.keys.list(),
            one_time=made[0] if made else "",
            one_time_of=made[1] if made else "",
        )

    def create_account(self, visit: Visit) -> Response:
        """A new one."""
        name = visit.given("name").strip()
        try:
            roles = _roles(visit.form.get("role", ()))
            password = self._door.create(visit.who.account, name, roles)
        except NotSo as why:
            return self.accounts(visit, 400, sentence(why))
        return self.accounts(visit, made=(password, name))

    def set_account(self, visit: Visit) -> Response:
        """Change one."""
        name, who = visit.given("name"), visit.who.account
        try:
            match visit.given("do"):
                case "reset":
                    password = self._door.reset(who, name)
                    return self.accounts(visit, made=(password, name))
                case "disable":
                    self._door.set(who, name, disabled=True)
                case "enable":
                    self._door.set(who, name, disabled=False)
                case _:
                    self._door.set(who, name, roles=_roles(visit.form.get("role", ())))
        except NotSo as why:
            return self.accounts(visit, 400, sentence(why))
        return RedirectResponse("/console/accounts?said=account", 303)


def _roles(words: Iterable[str]) -> list[Role]:
    try:
        return [Role(word) for word in words]
    except ValueError:
        raise NotSo("there is no such role") from None


def _backlog(found: Mapping[Status, Mapping[Severity, int]]) -> list[tuple[str, int, int]]:
    """Per severity, the worst first: how many nobody has begun with, and how many somebody has."""
    new, begun = found.get(Status.OPEN, {}), found.get(Status.IN_PROGRESS, {})
    return [
        (level.name.lower(), new.get(level, 0), begun.get(level, 0)) for level in reversed(Severity)
    ]


def number(text: str, name: str) -> int:
    """A number from a form. Raises `NotSo`."""
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise NotSo(f"`{name}` is not a number")
    return int(text)


def _want(it: object, otherwise: str) -> None:
    if not it:
        raise NotSo(otherwise)


def sentence(why: Exception) -> str:
    """What an error says, for people."""
    text = str(why)
    return f"{text[:1].upper()}{text[1:]}."
