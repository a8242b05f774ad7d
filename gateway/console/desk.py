"""What can be read, and what can be done, by those who may? Plain values, for pages and API alike.

Law: nothing here asks who may; whoever calls has asked `roles`. Nothing that was sent is in any
value, for nothing of it was recorded, and what is tried out leaves with its answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import yaml

from gateway.console.accounts import NotSo
from gateway.console.figures import Figures, last
from gateway.console.gateway import Attempt, Gateway, Known, PassedHost, Use
from gateway.incidents.counts import Counts
from gateway.incidents.crowds import Crowds
from gateway.policy.cases import CaseResult
from gateway.policy.exceptions import notices
from gateway.policy.executable import CompiledRule
from gateway.services import UNKNOWN_SERVICE, Service

type Weight = Literal["good", "bad", "unknown", "plain"]
"""What a term means for somebody whose data goes there."""

TERMS: Mapping[str, tuple[str, Mapping[str, Weight]]] = {
    "trains_on_input": (
        "Trains on input",
        {"yes": "bad", "opt_out": "bad", "opt_in": "good", "no": "good"},
    ),
    "retention_days": ("Keeps input (days)", {"indefinite": "bad"}),
    "human_review": ("People read input", {"yes": "bad", "no": "good"}),
    "licence_perpetual": ("Licence for ever", {"yes": "bad", "no": "good"}),
    "licence_irrevocable": ("Licence cannot be taken back", {"yes": "bad", "no": "good"}),
    "licence_transferable": ("Licence can be passed on", {"yes": "bad", "no": "good"}),
    "licence_sublicensable": ("Licence can be given to others", {"yes": "bad", "no": "good"}),
    "public_by_default": ("Public by default", {"yes": "bad", "no": "good"}),
    "biometric": ("Faces and voices", {"retained": "bad", "none": "good"}),
    "jurisdiction": ("Where", {}),
    "dpa": ("Data processing agreement", {"yes": "good", "no": "bad"}),
    "opt_out": ("Can be opted out of", {"yes": "good", "no": "bad"}),
    "tier": ("Offer", {}),
    "evidence": ("Known from", {}),
    "checked": ("Checked", {}),
    "terms_url": ("Terms", {}),
}
"""Facts of a service for people: what they are called, and which values are good or bad news."""

SHORT = ("trains_on_input", "retention_days", "licence_irrevocable", "jurisdiction", "dpa")
"""The terms that a line of a table has room for."""


@dataclass(frozen=True, slots=True)
class Term:
    """One fact of a service, for people."""

    name: str
    title: str
    value: str
    weight: Weight


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """A service, its use by this gateway since it started, and on what terms."""

    id: str
    name: str
    category: str
    use: Use
    terms: tuple[Term, ...]
    built_in: bool


@dataclass(frozen=True, slots=True)
class ServicePage:
    """Everything that is known of a service."""

    line: ServiceLine
    hosts: tuple[str, ...]
    operations: tuple[Mapping[str, Any], ...]
    notes: str
    sources: tuple[Mapping[str, Any], ...]
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule, and how often it matched in this gateway since it started."""

    id: str
    title: str
    severity: str
    mode: str
    action: str
    of_answers: bool
    rollout_percent: float
    exceptions: int
    hits: int


@dataclass(frozen=True, slots=True)
class RulePage:
    """A rule as it is in force, with its overrides, as YAML."""

    line: RuleLine
    message: str
    written: str
    exceptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """What is loaded."""

    revision: str
    loaded_at: datetime
    files: tuple[str, ...]
    rules: tuple[RuleLine, ...]
    rejected: tuple[str, ...]
    rejected_at: datetime | None
    notices: tuple[str, ...]
    registers: tuple[Known, ...] = ()


@dataclass(frozen=True, slots=True)
class Tests:
    """How the test cases went, for which revision."""

    revision: str
    at: datetime
    passed: int
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Uninspected:
    """What this gateway did not look into since it started, and which hosts passed unopened."""

    since: datetime
    inspected_bytes: int
    requests: int
    unread: tuple[tuple[str, int], ...]
    passed_connections: int
    passed_bytes: int
    passed: tuple[PassedHost, ...] = field(default=())


class Desk:
    """All but incidents."""

    def __init__(
        self, gateway: Gateway, counts: Counts, crowds: Crowds, clock: Callable[[], datetime]
    ) -> None:
        self.gateway = gateway
        self._counts = counts
        self._crowds = crowds
        self.clock = clock
        self._tests: Tests | None = None
        self._testing = threading.Lock()

    def figures(self, days: int, *, every_team: bool = False) -> Figures:
        """What happened in the last days. Small groups have names with `every_team` only."""
        crowds = None if every_team else self._crowds
        return last(self._counts, days, self.clock, crowds=crowds)

    # --- services ---------------------------------------------------------------------------------

    def services(self, *, category: str = "", text: str = "") -> tuple[ServiceLine, ...]:
        """The catalogue, the most used first; `text` is looked for in names and hosts."""
        wanted = text.strip().lower()
        uses = self.gateway.traffic().services
        found = [
            _service_line(service, uses.get(service.id, Use()))
            for service in self.gateway.loaded().catalogue.services()
            if (not category or service.category == category)
            and (not wanted or any(wanted in word for word in _words(service)))
        ]
        return tuple(sorted(found, key=lambda line: _most_used_first(line.use, line.name)))

    def service_names(self) -> Mapping[str, str]:
        """Ids and names of all services, the most used first; without their facts, which cost more."""
        uses = self.gateway.traffic().services
        found = sorted(
            self.gateway.loaded().catalogue.services(),
            key=lambda each: _most_used_first(uses.get(each.id, Use()), each.name),
        )
        return {each.id: each.name for each in found}

    def service(self, identity: str) -> ServicePage | None:
        """One service."""
        loaded = self.gateway.loaded()
        service = loaded.catalogue.get(identity)
        if service is None:
            return None
        summary: Mapping[str, Any] = service.summary()
        use = self.gateway.traffic().services.get(service.id, Use())
        return ServicePage(
            _service_line(service, use),
            tuple(summary["hosts"]),
            tuple(summary["operations"]),
            service.notes,
            tuple(summary["sources"]),
            tuple(
                rule.id
                for rule in loaded.policy.every_rule
                if _concerns(rule, service.id, service.category)
            ),
        )

    def in_use(self) -> tuple[ServiceLine, ...]:
        """The services that this gateway has seen requests to, the most used first."""
        seen = self.gateway.traffic().services
        lines = [
            _service_line(service, use)
            for service in self.gateway.loaded().catalogue.services()
            if (use := seen.get(service.id, Use())).requests
        ]
        if unknown := seen.get(UNKNOWN_SERVICE):
            name = "Hosts without a service"
            lines.append(ServiceLine(UNKNOWN_SERVICE, name, "unknown", unknown, (), False))  # noqa: FBT003  # a field
        return tuple(sorted(lines, key=lambda line: _most_used_first(line.use, line.name)))

    def uninspected(self, *, hosts: int = 20) -> Uninspected:
        """What nobody looked into; of hosts those with the most bytes."""
        traffic = self.gateway.traffic()
        passed = sorted(self.gateway.passed(), key=lambda each: -(each.sent + each.received))
        return Uninspected(
            traffic.since,
            traffic.inspected_bytes,
            sum(use.requests for use in traffic.services.values()),
            tuple(
                sorted(
                    ((reason, count) for reason, count in traffic.unread.items() if count),
                    key=lambda each: -each[1],
                )
            ),
            sum(each.connections for each in passed),
            sum(each.sent + each.received for each in passed),
            tuple(passed[:hosts]),
        )

    # --- policies ---------------------------------------------------------------------------------

    def policies(self) -> PolicyPage:
        """What is loaded, and what wants attention."""
        loaded = self.gateway.loaded()
        hits = self.gateway.traffic().rules
        answers = {rule.id for rule in loaded.policy.answers}
        return PolicyPage(
            loaded.policy.revision,
            loaded.at,
            loaded.policy.sources,
            tuple(_rule_line(rule, answers, hits) for rule in loaded.policy.every_rule),
            tuple(map(str, loaded.rejected)),
            loaded.rejected_at,
            tuple(notice.problem.message for notice in notices(loaded.policy, self.clock().date())),
            loaded.registers,
        )

    def rule(self, identity: str) -> RulePage | None:
        """One rule."""
        loaded = self.gateway.loaded()
        rules = {rule.id: rule for rule in loaded.policy.every_rule}
        rule = rules.get(identity)
        if rule is None:
            return None
        answers = {each.id for each in loaded.policy.answers}
        written = {"id": rule.id, **loaded.written.rules.get(rule.id, {})}
        return RulePage(
            _rule_line(rule, answers, self.gateway.traffic().rules),
            rule.message,
            yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=90),
            tuple(
                f"{item.origin.owner or 'nobody'}: {item.origin.reason or 'no reason given'}"
                + (f", until {item.origin.last_day}" if item.origin.last_day else "")
                for item in rule.unless
                if item.origin.granted
            ),
        )

    def lists_of(self, keys: Iterable[str]) -> tuple[str, ...]:
        """The lists of API keys that hold one of these fingerprints."""
        lists = self.gateway.loaded().policy.api_keys
        wanted = frozenset(keys)
        return tuple(sorted(name for name, prints in lists.items() if prints & wanted))

    def tests(self) -> Tests | None:
        """How the test cases went when they were last run."""
        return self._tests

    def run_tests(self) -> Tests:
        """Run the test cases. Raises `CannotTry`, or `NotSo` when they are being run."""
        if not self._testing.acquire(blocking=False):
            raise NotSo("the test cases are being run; wait for them")
        try:
            revision = self.gateway.loaded().policy.revision
            results: Sequence[CaseResult] = self.gateway.run_cases()
            self._tests = Tests(
                revision,
                self.clock(),
                sum(result.passed for result in results),
                tuple(str(result) for result in results if not result.passed),
            )
        finally:
            self._testing.release()
        return self._tests

    def try_out(self, attempt: Attempt) -> Mapping[str, Any]:
        """What would happen to something that is sent. Raises `CannotTry`, or `NotSo`."""
        catalogue = self.gateway.loaded().catalogue
        service = catalogue.get(attempt.service)
        if service is None and attempt.service != UNKNOWN_SERVICE:
            raise NotSo(f"there is no service `{attempt.service}`")
        if attempt.operation and attempt.operation not in {
            each.id for each in (service.operations if service is not None else ())
        }:
            raise NotSo(f"`{attempt.service}` has no operation `{attempt.operation}`")
        return self.gateway.try_out(attempt)


def term(name: str, value: object) -> Term:
    """A fact for people."""
    title, weights = TERMS.get(name, (name.replace("_", " "), {}))
    word = {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else value
    text = str(word)
    weight: Weight = "unknown" if text == "unknown" else weights.get(text, "plain")
    return Term(name, title, text.replace("_", " ") if name != "terms_url" else text, weight)


def _most_used_first(use: Use, name: str) -> tuple[int, str]:
    """What services are sorted by."""
    return -use.requests, name.lower()


def _service_line(service: Service, use: Use) -> ServiceLine:
    facts = service.facts
    names = [*(name for name in TERMS if name in facts), *(n for n in facts if n not in TERMS)]
    return ServiceLine(
        service.id,
        service.name,
        service.category,
        use,
        tuple(term(name, facts[name]) for name in names),
        service.built_in,
    )


def _words(service: Service) -> list[str]:
    words = [service.id, service.name, *service.aliases, *(host.text for host in service.hosts)]
    return [word.lower() for word in words]


def _concerns(rule: CompiledRule, service: str, category: str) -> bool:
    """Whether a rule speaks of this service or its category by name."""
    route = rule.route
    return (route.services is not None and service in route.services) or (
        route.categories is not None and category in route.categories
    )


def _rule_line(rule: CompiledRule, answers: set[str], hits: Mapping[str, int]) -> RuleLine:
    return RuleLine(
        rule.id,
        rule.title,
        rule.severity.name.lower(),
        rule.mode,
        rule.action.name.lower(),
        rule.id in answers,
        rule.rollout / 100,
        sum(item.origin.granted for item in rule.unless),
        hits.get(rule.id, 0),
    )
