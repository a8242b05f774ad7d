"""How does one rule become executable? Its names are resolved, and its effect is proved possible.

Law: a name that nothing knows is a problem, and so is a rule that can have no effect: a rule that
silently does nothing is a hole. All problems of a rule are collected.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time

from gateway.documents import Marks, Problem, suggest
from gateway.model import CLEANED, Approved, Severity, UnreadReason, Verdict
from gateway.policy.clock import time_test
from gateway.policy.document import (
    COUNT_KEYS,
    COUNTS,
    FINDING_KEYS,
    GRANTED_KEYS,
    MARKS,
    WORDS,
    FileConditions,
    Operator,
    Range,
    Rule,
    Tenant,
    Unless,
    When,
    Whence,
    Where,
)
from gateway.policy.executable import (
    REPLACE,
    UNKNOWN,
    Coaching,
    CompiledRule,
    Exemption,
    FactTest,
    FileTest,
    FindingTest,
    Glob,
    HistoryTest,
    KeyTest,
    OperatorCall,
    Origin,
    RouteTest,
    SenderTest,
    TenantRule,
    normal_host,
    strictest,
)
from gateway.policy.names import Names
from gateway.policy.rollout import WHOLE
from gateway.policy.words import TAKES_OUT, fact_word
from gateway.policy.written import Placed

_DAY = 86_400
"""Seconds. POSIX time knows no other length of a day."""

_VERDICTS = {
    "allow": Verdict.ALLOW,
    "log": Verdict.LOG,
    "redact": Verdict.REDACT,
    "tokenise": Verdict.REDACT,
    "coach": Verdict.COACH,
    "block": Verdict.BLOCK,
    # What goes elsewhere goes, and is recorded; what cannot go there does not go at all.
    "redirect": Verdict.LOG,
}


class _WhenceCompiler:
    """Resolves conditions on where requests go and who sends them; collects what is wrong."""

    def __init__(self, told: str, names: Names, marks: Marks, at: tuple[str | int, ...]) -> None:
        self._told = told
        self.names = names
        self.marks = marks
        self.at = at
        self.problems: list[Problem] = []

    def wrong(self, at: Sequence[str | int], message: str) -> None:
        """Note a problem."""
        self.problems.append(self.marks.problem((*self.at, *at), f"{self._told}: {message}"))

    def _known(
        self, kind: str, words: Sequence[str], known: Iterable[str], at: Sequence[str | int]
    ) -> frozenset[str] | None:
        if not words:
            return None
        known = set(known)
        for position, word in enumerate(words):
            if word not in known and self.names.complete:
                self.wrong((*at, position), f"unknown {kind} `{word}`{suggest(word, known)}")
        return frozenset(words)

    def _route(self, where: Whence, at: tuple[str | int, ...]) -> RouteTest:
        names = self.names
        services = self._known("service", where.service, names.services, (*at, "service"))
        categories = self._known("category", where.category, names.categories, (*at, "category"))
        if services and categories:
            of_services = {names.services[name] for name in services if name in names.services}
            if of_services and not of_services & categories:
                self.wrong((*at, "service"), "no such `service` is in such a `category`")
        return RouteTest(
            services=services,
            categories=categories,
            operations=self._known(
                "operation", where.operation, names.operations, (*at, "operation")
            ),
            acts=frozenset(where.act) or None,
            facts=tuple(
                (name, self._fact(name, tests, (*at, "facts", name)))
                for name, tests in sorted(where.facts.items())
            ),
        )

    def _sender(self, where: Whence, at: tuple[str | int, ...]) -> SenderTest:
        test = _sender(where)
        given = where.api_key
        if given is None:
            return test
        key, lists = ("not_in", given.not_in) if given.not_in else ("in", given.within)
        known = self.names.api_keys
        self._known("list of API keys", lists, known, (*at, "api_key", key))
        prints = frozenset().union(*(known.get(name, frozenset()) for name in lists))
        return dataclasses.replace(test, keys=KeyTest(prints, bool(given.not_in), lists))

    def _fact(self, name: str, tests: Sequence[str | Range], at: tuple[str | int, ...]) -> FactTest:
        if name not in self.names.facts:
            self.wrong(at, f"unknown fact `{name}`{suggest(name, self.names.facts)}")
        values = self.names.facts.get(name)
        allowed = None if values is None else {fact_word(value) for value in values}
        words = [test for test in tests if isinstance(test, str)]
        for position, test in enumerate(tests):
            if allowed is None:
                continue
            if isinstance(test, Range):
                self.wrong((*at, position), f"fact `{name}` is not a number")
            elif test != UNKNOWN and test not in allowed:
                choices = ", ".join(f"`{word}`" for word in sorted({*allowed, UNKNOWN}))
                self.wrong(
                    (*at, position),
                    f"fact `{name}` has no value `{test}` (it has {choices})"
                    + suggest(test, allowed),
                )
        return FactTest(
            frozenset(words),
            tuple((test.at_least, test.at_most) for test in tests if isinstance(test, Range)),
        )


class TenantCompiler(_WhenceCompiler):
    """Compiles one restriction to tenants."""

    def __init__(self, name: str, names: Names, marks: Marks, at: tuple[str | int, ...]) -> None:
        super().__init__(f"tenant `{name}`", names, marks, at)

    def compile(self, tenant: Tenant) -> TenantRule:
        """The executable form. Only of use when `problems` stays empty."""
        if tenant.when.identified is True:
            self.wrong(("when", "identified"), "would spare those whom nobody knows; leave it out")
        for position, item in enumerate(tenant.unless):
            if item.identified is False or (item.api_key is not None and item.api_key.not_in):
                self.wrong(("unless", position), "would except what nobody knows")
        return TenantRule(
            tenant.id,
            self._route(tenant.when, ("when",)),
            self._sender(tenant.when, ("when",)),
            tuple(
                (
                    self._route(item, ("unless", position)),
                    self._sender(item, ("unless", position)),
                )
                for position, item in enumerate(tenant.unless)
            ),
            tuple(tenant.headers.items()),
            self.marks.problem((*self.at, "when"), ""),
        )


class RuleCompiler(_WhenceCompiler):
    """Compiles one rule and collects what is wrong with it."""

    def __init__(self, rule: Rule, names: Names, marks: Marks, at: tuple[str | int, ...]) -> None:
        super().__init__(f"rule `{rule.id}`", names, marks, at)
        self.rule = rule

    def compile(self, further: Sequence[Placed] = ()) -> CompiledRule:
        """The executable rule, with `further` exceptions from elsewhere.

        Only of use when `problems` stays empty.
        """
        rule, when = self.rule, self.rule.when
        at = ("when",)
        finding = self._finding(when, at)
        self._effect(finding)
        operators, default = self._operators(finding)
        return CompiledRule(
            id=rule.id,
            title=rule.title,
            severity=Severity[rule.severity.upper()],
            mode=rule.mode,
            action=_VERDICTS[rule.action],
            message=rule.message.strip(),
            route=self._route(when, at),
            sender=self._sender(when, at),
            finding=finding,
            min_count=when.min_count,
            min_distinct=when.min_distinct,
            file=_file(when) or (FileTest() if when.has_files else None),
            unread=_unread(when),
            unless=(
                *(
                    self._exemption(unless, ("unless", position))
                    for position, unless in enumerate(rule.unless)
                ),
                *(self._placed_exemption(placed) for placed in further),
            ),
            operators=operators,
            default_operator=default,
            clean=tuple(
                (what, style)
                for what in CLEANED
                if (style := getattr(rule.clean, what)) is not None
            ),
            history=None
            if when.history is None
            else HistoryTest(when.history.face_pictures.at_least, when.history.within),
            rollout=rule.rollout,
            to=self._to(),
            coaching=self._coaching(),
        )

    def _finding(self, where: Where, at: tuple[str | int, ...]) -> FindingTest | None:
        given = where.model_fields_set
        if not given & FINDING_KEYS and not (isinstance(where, When) and given & COUNT_KEYS):
            return None
        names = self.names
        entities = self._known("entity", where.entity, names.entities, (*at, "entity"))
        groups = self._known("group", where.entity_group, names.groups, (*at, "entity_group"))
        if groups is not None:
            members = frozenset().union(*(names.groups.get(name, frozenset()) for name in groups))
            if entities is not None and not entities & members and entities <= names.entities:
                self.wrong(
                    (*at, "entity"),
                    "no such `entity` is in such an `entity_group`, and both must hold;"
                    " write two rules, or a group of your own under `entity_groups`",
                )
            entities = members if entities is None else entities & members
        return FindingTest(
            entities=entities,
            roles=frozenset(where.role) or None,
            kinds=frozenset(where.part) or None,
            fingerprints=frozenset(where.fingerprint) or None,
            detectors=self._detectors(where, at),
            min_confidence=where.min_confidence if isinstance(where, When) else 0.0,
            min_length=where.min_length if isinstance(where, When) else 1,
        )

    def _detectors(self, where: Where, at: tuple[str | int, ...]) -> tuple[Glob, ...]:
        known = self.names.detectors | {f"custom:{name}" for name in self.names.own_entities}
        known |= self.names.registered
        patterns = tuple(Glob.of(name) for name in where.detector)
        for position, (name, pattern) in enumerate(zip(where.detector, patterns, strict=True)):
            if self.names.complete and not any(map(pattern.match, known)):
                hint = suggest(name, known)
                self.wrong((*at, "detector", position), f"unknown detector `{name}`{hint}")
        return patterns

    def _coaching(self) -> Coaching | None:
        """How the rule coaches."""
        rule, known = self.rule, self.names.lessons
        if rule.action != "coach":
            if "coach" in rule.model_fields_set:
                self.wrong(("coach",), f"has no effect with `action: {rule.action}`")
            return None
        coach = rule.coach
        if coach.lesson not in known and self.names.complete:
            self.wrong(
                ("coach", "lesson"),
                f"unknown lesson `{coach.lesson}`{suggest(coach.lesson, known)}",
            )
        return Coaching(
            coach.lesson, coach.reasons, coach.valid_for, coach.ask_text, coach.use_instead.strip()
        )

    def _to(self) -> Approved | None:
        """Where the rule redirects to."""
        name, known = self.rule.to, self.names.approved
        if self.rule.action != "redirect":
            if name is not None:
                self.wrong(("to",), f"has no effect with `action: {self.rule.action}`")
            return None
        if name is None:
            self.wrong(("action",), "`redirect` needs `to`, a name under `approved`")
        elif name not in known and self.names.complete:
            self.wrong(("to",), f"nothing is approved as `{name}`{suggest(name, known)}")
        return known.get(name or "")

    def _placed_exemption(self, placed: Placed) -> Exemption:
        own = self.marks, self.at
        self.marks, self.at = placed.marks, ()
        try:
            return self._exemption(placed.unless, placed.at)
        finally:
            self.marks, self.at = own

    def _exemption(self, unless: Unless, at: tuple[str | int, ...]) -> Exemption:
        until = None
        if unless.until is not None:
            until = datetime.combine(unless.until, time(), tzinfo=UTC).timestamp() + _DAY
        when = self.rule.when
        finding, file, unread = self._finding(unless, at), _file(unless), _unread(unless)
        has_findings = bool(when.model_fields_set & (FINDING_KEYS | COUNT_KEYS))
        has_files = bool(when.model_fields_set & {"file", "has_files"})
        if finding is not None and not has_findings:
            self.wrong(at, "excepts findings, but `when` selects none")
        if unread is not None and not when.unread:
            self.wrong(at, "excepts unread places, but `when` selects none")
        if unless.api_key is not None and unless.api_key.not_in:
            self.wrong((*at, "api_key"), "would except keys that nobody knows; write `in`")
        if unless.identified is False:
            self.wrong(
                (*at, "identified"),
                "would except those whom nobody knows; write `identified: true`",
            )
        if file is not None and not (has_findings or has_files or when.unread):
            self.wrong(at, "excepts files, but `when` selects no finding, file or unread place")
        return Exemption(
            route=self._route(unless, at),
            sender=self._sender(unless, at),
            finding=finding,
            file=file,
            unread=unread,
            until=until,
            origin=Origin(
                place=self.marks.problem((*self.at, *at), ""),
                owner=unless.owner,
                reason=unless.reason,
                last_day=unless.until,
                granted=not self.at or bool(unless.model_fields_set & GRANTED_KEYS),
            ),
        )

    def _effect(self, finding: FindingTest | None) -> None:
        """Refuse a rule that could match but never do what it says."""
        rule = self.rule
        never = finding is not None and finding.entities is not None and not finding.entities
        if never and self.names.complete and not self.problems:
            self.wrong(("when",), "selects no entity at all, so it never matches")
        cleans = "clean" in rule.model_fields_set
        takes_out = rule.action in TAKES_OUT
        if takes_out and finding is None and not cleans:
            self.wrong(
                ("action",),
                f"`{rule.action}` takes out findings, but `when` selects none;"
                " add `entity` or `entity_group`, say with `clean` what to take out of files,"
                " or use `block`",
            )
        if cleans and not takes_out:
            self.wrong(("clean",), f"has no effect with `action: {rule.action}`")
        if cleans and finding is not None:
            self.wrong(("clean",), "works on files, but `when` selects findings; write two rules")
        elif cleans and not rule.when.model_fields_set & {"file", "has_files"}:
            self.wrong(("clean",), "works on files, but `when` selects none; add `file`")
        if cleans and rule.when.unread:
            self.wrong(("clean",), "works on files that were read; leave `unread` out")
        if rule.redact and not takes_out:
            self.wrong(("redact",), f"has no effect with `action: {rule.action}`")
        if rule.mode == "monitor" and rule.rollout != WHOLE:
            self.wrong(("rollout",), "has no effect with `mode: monitor`")
        if rule.when.identified is False and rule.when.model_fields_set & {"actor", "group"}:
            self.wrong(("when", "identified"), "is false, so there is no `actor` and no `group`")
        # INVARIANT: to know less of a sender never weakens a verdict.
        if rule.when.identified is True:
            self.wrong(
                ("when", "identified"),
                "would spare those whom nobody knows; leave it out, or write `identified: false`",
            )
        if rule.action == "allow" and rule.message:
            self.wrong(("message",), "nobody sees it with `action: allow`")
        if rule.when.min_count > 1 and rule.when.min_count <= rule.when.min_distinct:
            self.wrong(("when", "min_count"), "has no effect beside `min_distinct`")

    def _operators(
        self, finding: FindingTest | None
    ) -> tuple[dict[str, OperatorCall], OperatorCall]:
        names = self.names
        selected = names.entities if finding is None else (finding.entities or names.entities)
        by_group: dict[str, OperatorCall] = {}
        by_entity: dict[str, OperatorCall] = {}
        default = OperatorCall("token") if self.rule.action == "tokenise" else REPLACE
        for key, operator in self.rule.redact.items():
            call = _call(operator)
            if key == "default":
                default = call
                continue
            if key not in names.entities and key not in names.groups:
                known = [*names.entities, *names.groups, "default"]
                if names.complete:
                    self.wrong(
                        ("redact", key), f"unknown entity or group `{key}`{suggest(key, known)}"
                    )
                continue
            if not (names.groups.get(key, frozenset({key})) & selected):
                self.wrong(("redact", key), f"has no effect: `when` never selects `{key}`")
            if key in names.entities:
                by_entity[key] = call
                continue
            for entity in names.groups[key]:
                # An entity in several groups gets the operator that shows least, whatever
                # the order in the file.
                other = by_group.get(entity)
                by_group[entity] = call if other is None else strictest(call, other)
        operators = {**by_group, **by_entity}
        secrets = selected & names.groups.get("secret", frozenset())
        if any(operators.get(entity, default).operator == "partial" for entity in secrets):
            self.wrong(
                ("redact",),
                "`partial` would leave part of a secret in sight;"
                " use `replace`, `mask` or `hash` for secrets",
            )
        # Tokens of secrets are one-way, unless it is written that they are not.
        for entity in secrets:
            call = operators.get(entity, default)
            if call.operator == "token" and "restore" not in dict(call.params):
                params = tuple(sorted((*call.params, ("restore", False))))
                operators[entity] = OperatorCall("token", params)
        return operators, default


def _call(operator: Operator) -> OperatorCall:
    given = operator.model_dump(exclude_none=True, exclude={"operator"})
    return OperatorCall(operator.operator, tuple(sorted(given.items())))


def _sender(where: Whence) -> SenderTest:
    return SenderTest(
        hosts=tuple(Glob.of(normal_host(host)) for host in where.host),
        actors=tuple(Glob.of(actor.lower()) for actor in where.actor),
        networks=tuple(ipaddress.ip_network(network) for network in where.source_network),
        time=None
        if where.time is None
        else time_test(where.time.days, where.time.hours, where.time.zone),
        groups=tuple(Glob.of(group.lower()) for group in where.group),
        devices=tuple(Glob.of(device.lower()) for device in where.device),
        identified=where.identified,
    )


def _file(where: Where) -> FileTest | None:
    if "file" not in where.model_fields_set:
        return None
    file: FileConditions = where.file
    return FileTest(
        families=frozenset(file.family) or None,
        media_types=tuple(Glob.of(kind.lower()) for kind in file.media_type),
        min_size=file.min_size,
        max_size=file.max_size if "max_size" in file.model_fields_set else None,
        mismatch=bool(file.mismatch),
        uploaded=bool(file.uploaded),
        counts=tuple(
            (name, bounds.at_least or 0.0, math.inf if bounds.at_most is None else bounds.at_most)
            for name in sorted(COUNTS)
            if (bounds := getattr(file, name)) is not None
        ),
        marks=tuple(name for name in sorted(MARKS) if getattr(file, name)),
        words=tuple(
            (name, tuple(Glob.of(word.lower()) for word in getattr(file, name)))
            for name in sorted(WORDS)
            if getattr(file, name)
        ),
    )


def _unread(where: Where) -> frozenset[UnreadReason] | None:
    if not where.unread:
        return None
    if "any" in where.unread:
        return frozenset(UnreadReason)
    return frozenset(UnreadReason(reason) for reason in where.unread)
