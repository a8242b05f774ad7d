"""What does a person see who was asked to think first, and what may they answer?

Law: a coaching is told to nobody but its sender, and answered by nobody else; an answer has to come from
the page itself; what somebody writes is kept only when the detectors found nothing in it. Pages need
no script, and nothing from elsewhere.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, assert_never
from urllib.parse import parse_qsl

import jinja2

from gateway.coaching.front import Front
from gateway.coaching.lessons import Lessons
from gateway.coaching.store import Answer, Coaching
from gateway.coaching.tables import TEXT_CHARS
from gateway.coaching.words import WORDS, Words, entity, facts, language, reason, span
from gateway.model import Headers
from gateway.policy import PolicySet
from gateway.policy.executable import Coaching as Plan
from gateway.policy.executable import CompiledRule
from gateway.services import Catalogue

MAX_BODY = 16 << 10
"""A longer answer is none of ours."""

EVERYDAY = frozenset({"AGE", "DATE_TIME", "LOCATION", "NRP", "ORGANIZATION"})
"""What stands in most sentences that give a reason: a day, a town, a company. It may be kept."""

type Check = Callable[[str], Awaitable[tuple[str, ...] | None]]
"""What is found in a text, as names of entities; None when it could not be checked."""

_ASKING = ("never", "optional", "required")
_PATH = re.compile(r"/c/([A-Za-z0-9_-]{16,64})")
_FIELDS = frozenset({"form", "answer", "reason", "text"})
_TEMPLATES = Path(__file__).parent / "templates"

_HEADERS: Headers = (
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not `no-referrer`: a browser would then send `Origin: null` with the form.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a page. `origin` is how the browser names us; names of headers are lower case."""

    method: str
    path: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    sender: str
    origin: str


@dataclass(frozen=True, slots=True)
class Given:
    """The answer to it."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it came."""

    form: str = field(repr=False)
    answer: str
    reason: str = ""
    text: str = field(default="", repr=False)


class NotAForm(ValueError):
    """A body that no form of ours sends."""


def filled(body: bytes, content_type: str) -> Filled:
    """The fields of a form; `NotAForm` for anything else."""
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise NotAForm("another type")
    if len(body) > MAX_BODY:
        raise NotAForm("too long")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=len(_FIELDS),
        )
    except ValueError:
        # No text of the library's: it quotes the body.
        raise NotAForm("not readable") from None
    fields = dict(pairs)
    if len(fields) < len(pairs) or not fields.keys() <= _FIELDS:
        raise NotAForm("other fields")
    if not {"form", "answer"} <= fields.keys():
        raise NotAForm("fields are missing")
    text = fields.get("text", "").replace("\r\n", "\n").replace("\r", "\n").strip()
    if any(not char.isprintable() and char != "\n" for char in text):
        raise NotAForm("control characters")
    return Filled(fields["form"], fields["answer"], fields.get("reason", ""), text)


class Pages:
    """All pages. `check` looks into what somebody writes; `key` keys the tokens of forms."""

    def __init__(self, front: Front, *, check: Check, key: bytes) -> None:
        self._front = front
        self._check = check
        self._key = hmac.digest(key, b"forms of coaching", "sha256")
        self._rules: Mapping[str, CompiledRule] = {}
        self._catalogue: Catalogue | None = None
        self._lessons = Lessons()
        self._css = (_TEMPLATES / "coach.css").read_bytes()
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def adopt(self, policy: PolicySet, catalogue: Catalogue) -> None:
        """Go over to other policies, their lessons, and what is known of services."""
        self._rules = {rule.id: rule for rule in policy.rules}
        self._lessons = Lessons(policy.lessons)
        self._catalogue = catalogue

    async def answer(self, asked: Asked) -> Given:
        """The answer to a request."""
        given = await self._answer(asked)
        if asked.method == "HEAD":
            return Given(given.status, given.headers, b"")
        return given

    async def _answer(self, asked: Asked) -> Given:
        tongue = language(asked.headers.get("accept-language", ""))
        if asked.method not in {"GET", "HEAD", "POST"}:
            return self._told(tongue, "bad", 405)
        if asked.method != "POST" and asked.path == "/coach.css":
            kind = ((b"content-type", b"text/css; charset=utf-8"),)
            return Given(200, (*kind, *_HEADERS), self._css)
        if asked.method != "POST" and asked.path == "/":
            return self._told(tongue, "home", 200)
        found = _PATH.fullmatch(asked.path)
        if found is None:
            return self._told(tongue, "unknown", 404)
        reached, coaching = await self._front.follow(found[1])
        if not reached:
            return self._told(tongue, "away", 503)
        if coaching is None:
            return self._told(tongue, "unknown", 404)
        if not self._front.is_sender(coaching, asked.sender):
            return self._told(tongue, "not_yours", 403)
        if asked.method == "POST":
            return await self._post(asked, tongue, coaching)
        return self._get(asked, tongue, coaching)

    def _get(self, asked: Asked, tongue: str, coaching: Coaching) -> Given:
        match coaching.state:
            case "open":
                plan = self._plan(coaching)
                if plan is None:
                    return self._told(tongue, "changed", 409)
                return self._form(asked, tongue, coaching, plan)
            case "justified" | "cancelled":
                return self._done(tongue, coaching)
            case "expired" | "withdrawn":
                return self._told(tongue, coaching.state, 410)
            case other:
                assert_never(other)

    async def _post(self, asked: Asked, tongue: str, coaching: Coaching) -> Given:
        if not _is_from_here(asked):
            return self._told(tongue, "bad", 403)
        try:
            form = filled(asked.body, asked.headers.get("content-type", ""))
        except NotAForm:
            return self._told(tongue, "bad", 400)
        if not hmac.compare_digest(form.form.encode(), self._form_token(coaching).encode()):
            return self._told(tongue, "bad", 403)
        if coaching.state != "open":
            # Answered already, here or in another window: what was decided is shown.
            return self._get(asked, tongue, coaching)
        plan = self._plan(coaching)
        if plan is None:
            return self._told(tongue, "changed", 409)
        match form.answer:
            case "cancel":
                answer = Answer("cancelled")
            case "go":
                wrong = await self._wrong(form, plan, WORDS[tongue])
                if wrong:
                    return self._form(asked, tongue, coaching, plan, form=form, wrong=wrong)
                text = form.text if plan.ask_text != "never" else ""
                answer = Answer("justified", form.reason, text, timedelta(seconds=plan.valid_for))
            case _:
                return self._told(tongue, "bad", 400)
        if await self._front.answer(coaching, answer) is None:
            return self._told(tongue, "away", 503)
        # Too late or not: the page tells what was decided.
        return Given(303, ((b"location", asked.path.encode("ascii")), *_HEADERS), b"")

    async def _wrong(self, form: Filled, plan: Plan, words: Words) -> str:
        """What is wrong with a reason, for people; empty when nothing is."""
        if form.reason not in plan.reasons:
            return words["choose"]
        if plan.ask_text == "never":
            return ""
        if not form.text:
            return words["write"] if plan.ask_text == "required" else ""
        if len(form.text) > TEXT_CHARS:
            return words["too_long"]
        found = await self._check(form.text)
        if found is None:
            without = words["or_without"] if plan.ask_text == "optional" else ""
            return words["unchecked"].format(or_without=without)
        if found := tuple(name for name in found if name not in EVERYDAY):
            what = ", ".join(dict.fromkeys(entity(words, name) for name in found))
            return words["in_text"].format(what=what)
        return ""

    # --- what is known ---------------------------------------------------------------------------

    def _plan(self, coaching: Coaching) -> Plan | None:
        """How its rules coach now, together; None when one of them does not any more."""
        plans = [
            rule.coaching
            for each in coaching.concerns
            if (rule := self._rules.get(each.rule)) is not None and rule.coaching is not None
        ]
        return _together(plans) if len(plans) == len(coaching.concerns) else None

    def _form_token(self, coaching: Coaching) -> str:
        return hmac.digest(self._key, coaching.id.encode(), "sha256").hex()

    def _service(self, coaching: Coaching) -> tuple[str, Mapping[str, Any]]:
        """What a service is called, and what is known of it."""
        known = None if self._catalogue is None else self._catalogue.get(coaching.service)
        if known is not None:
            return known.name, known.facts
        return (coaching.host if coaching.host != "*" else coaching.service), {}

    # --- pages -----------------------------------------------------------------------------------

    def _form(
        self,
        asked: Asked,
        tongue: str,
        coaching: Coaching,
        plan: Plan,
        *,
        form: Filled | None = None,
        wrong: str = "",
    ) -> Given:
        words = WORDS[tongue]
        rules = [self._rules[each.rule] for each in coaching.concerns]
        plans = [rule.coaching for rule in rules if rule.coaching is not None]
        name, known = self._service(coaching)
        terms = known.get("terms_url", "unknown")
        return self._page(
            "ask.html",
            tongue,
            words["title"],
            status=422 if wrong else 200,
            wrong=wrong,
            service=name,
            concerns=[(rule.title or rule.id, rule.message) for rule in rules],
            found=[
                (words[what] if what.islower() else entity(words, what), count)
                for what, count in coaching.found.items()
            ],
            lessons=[
                self._lessons.html(lesson, tongue)
                for lesson in dict.fromkeys(each.lesson for each in plans)
            ],
            facts=facts(words, known) if known else (),
            terms_url="" if terms == "unknown" else terms,
            use_instead=list(dict.fromkeys(filter(None, (each.use_instead for each in plans)))),
            path=asked.path,
            form=self._form_token(coaching),
            reasons=[(each, reason(words, each)) for each in plan.reasons],
            chosen=form.reason if form is not None else "",
            text=form.text[: 2 * TEXT_CHARS] if form is not None else "",
            ask_text=plan.ask_text,
            span=span(words, plan.valid_for),
            until=_moment(coaching.expires_at),
        )

    def _done(self, tongue: str, coaching: Coaching) -> Given:
        words = WORDS[tongue]
        name, _ = self._service(coaching)
        state = coaching.state
        until = coaching.valid_until
        if state == "justified" and until is not None and until <= self._front.now():
            return self._told(tongue, "expired", 410)
        return self._page(
            "done.html",
            tongue,
            words[f"{state}_title"],
            tone="good",
            told=words[state].format(service=name, at=_moment(until) if until else ""),
            reason=reason(words, coaching.reason) if coaching.reason else "",
            text=coaching.text,
            host="" if state == "cancelled" or coaching.host == "*" else coaching.host,
        )

    def _told(self, tongue: str, what: str, status: int) -> Given:
        words = WORDS[tongue]
        tone = "bad" if status >= 400 else "good"
        return self._page(
            "base.html",
            tongue,
            words[f"{what}_title"],
            status=status,
            tone=tone,
            lines=[words[what]],
        )

    def _page(
        self,
        template: str,
        tongue: str,
        heading: str,
        *,
        status: int = 200,
        tone: str = "",
        **values: Any,
    ) -> Given:
        text = self._environment.get_template(template).render(
            language=tongue,
            words=WORDS[tongue],
            heading=heading,
            tone=tone,
            **{"lines": [], **values},
        )
        kind = (
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-language", tongue.encode("ascii")),
            (b"vary", b"accept-language"),
        )
        return Given(status, (*kind, *_HEADERS), text.encode("utf-8", "replace"))


def _together(plans: Sequence[Plan]) -> Plan:
    """How rules coach together on one request: the shortest time, and whoever wants words gets them.

    A reason is one that all of them take; the first, the strictest, says which there are when there is
    none such.
    """
    first, *others = plans
    reasons = [each for each in first.reasons if all(each in other.reasons for other in others)]
    return replace(
        first,
        reasons=tuple(reasons) or first.reasons,
        valid_for=min(each.valid_for for each in plans),
        ask_text=max((each.ask_text for each in plans), key=_ASKING.index),
    )


def _is_from_here(asked: Asked) -> bool:
    """Whether a form was sent from our own page, as far as the browser says.

    What says nothing is no browser that somebody else's page could use.
    """
    origin = asked.headers.get("origin")
    if origin is not None:
        return origin == asked.origin
    return asked.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"
