"""What do policies say of an exchange of which only the record is left? What is sure, what possible.

Law: bounds. What is `surely` so was so if the record is true, and what is not `possibly` so was not.
A record holds no files, lengths or history, of several findings in one place the best confidence
only, and of their values at most a few. So each question is asked twice: of the least that may have
been there, and of the most. Both use the one `evaluate`; that more findings never weaken a verdict
is what makes its answers bounds. Whether a value could be changed where it stood is told by the kind
of place, but for files and names, where it is open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.model import (
    Exchange,
    Finding,
    Locator,
    PartKind,
    Role,
    Route,
    RuleHit,
    Scan,
    Unread,
)
from gateway.policy.compile import CompiledRule, PolicySet, SenderTest
from gateway.policy.evaluate import evaluate
from gateway.policy.explain import why_not

HIDDEN = "*"
"""The host of an exchange whose host held something."""

_LONG = 10**9
_FIXED = frozenset(
    {
        PartKind.IDENTIFIER,
        PartKind.NUMBER,
        PartKind.REASONING,
        PartKind.CREDENTIAL,
        PartKind.PROTOCOL_HEADER,
    }
)
"""Kinds of places that go out as they are."""
_OPEN = frozenset(
    {
        PartKind.FILE,
        PartKind.FILE_NAME,
        PartKind.HEADER,
        PartKind.TRAILER,
        PartKind.KEY,
        PartKind.URL_PATH,
    }
)
"""Kinds of places of which some can be changed and some not."""


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one entity by one detector in one place, as they were recorded."""

    entity: str
    path: str
    role: Role
    kind: PartKind
    detector: str
    count: int
    distinct: int
    confidence: float
    fingerprints: tuple[str, ...]
    preview: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One exchange as it was recorded; `route` is made of the catalogue of today.

    `cut` is true when the record had no room for all of it.
    """

    at: float
    actor: str
    source_ip: str
    host: str
    route: Route
    groups: tuple[Group, ...] = ()
    unread: tuple[Unread, ...] = ()
    cut: bool = False

    @property
    def exchange(self) -> Exchange:
        """The exchange, as far as rules ask for it."""
        return Exchange(
            id="",
            received_at=self.at,
            actor=self.actor,
            source_ip=self.source_ip,
            method="POST",
            scheme="https",
            host=self.host,
            port=443,
            target="/",
            headers=(),
            body=b"",
        )


@dataclass(frozen=True, slots=True)
class Bounds:
    """What rules say by the least, and by the most, that may have been there."""

    surely: Mapping[str, RuleHit]
    possibly: Mapping[str, RuleHit]

    def decided(self, rule: str) -> bool:
        """Whether it is known what `rule` did."""
        sure, possible = self.surely.get(rule), self.possibly.get(rule)
        if sure is None or possible is None:
            return sure is possible
        return sure.action is possible.action


class Hindsight:
    """Asks one set of policies about recorded exchanges."""

    def __init__(self, policy: PolicySet) -> None:
        self.policy = policy
        tests = [
            test
            for rule in policy.rules
            for test in (rule.finding, *(item.finding for item in rule.unless))
        ]
        self._named = frozenset(
            print_
            for test in tests
            if test is not None and test.fingerprints is not None
            for print_ in test.fingerprints
        )
        # More findings of a kind than some rule counts are the same as so many.
        self._most = max(
            (max(rule.min_count, rule.min_distinct) for rule in policy.rules), default=1
        )
        self._least_rules = _versions(policy, _surely)
        self._most_rules = _versions(policy, _possibly)

    def bounds(self, recorded: Recorded) -> Bounds:
        """What the policies surely and possibly say of `recorded`."""
        hidden = recorded.host == HIDDEN
        most_rules = self._most_rules[hidden]
        candidates = most_rules.index.candidates(recorded.route)
        if not (candidates.plain or candidates.finding or candidates.unread):
            return _NONE
        exchange, most = recorded.exchange, self._most_of(recorded)
        possible = evaluate(most_rules, exchange, recorded.route, most)
        possibly = {hit.rule: hit for hit in possible.hits}
        if recorded.cut:
            for rule in (*candidates.finding, *candidates.unread):
                possibly.setdefault(
                    rule.id, RuleHit(rule.id, rule.severity, rule.mode, rule.action)
                )
        if not possibly:
            return _NONE
        least, _ = self._least(recorded)
        sure = evaluate(self._least_rules[hidden], exchange, recorded.route, least)
        return Bounds({hit.rule: hit for hit in sure.hits}, possibly)

    def taken(self, recorded: Recorded) -> tuple[str, ...]:
        """What surely takes out the findings of each group; empty for those that stay."""
        least, of = self._least(recorded)
        rules = self._least_rules[recorded.host == HIDDEN]
        sure = evaluate(rules, recorded.exchange, recorded.route, least)
        taken = [""] * len(recorded.groups)
        for redaction in sure.redactions:
            params = ", ".join(f"{key}: {value}" for key, value in redaction.params)
            taken[of[redaction.finding]] = redaction.operator + (f" ({params})" if params else "")
        return tuple(taken)

    def why_not(self, rule: CompiledRule, recorded: Recorded) -> str:
        """Why `rule` surely did not match; empty when it possibly did."""
        loose = _possibly(rule, hidden=recorded.host == HIDDEN)
        if loose is None:
            return ""
        # A condition that the record does not know is left out, so what fails is surely so.
        return why_not(loose, recorded.exchange, recorded.route, self._most_of(recorded))

    # --- what may have been there ----------------------------------------------------------------

    def _least(self, recorded: Recorded) -> tuple[Scan, list[int]]:
        findings: list[Finding] = []
        of: list[int] = []
        for number, group in enumerate(recorded.groups):
            known = group.fingerprints or ("",)
            open_ = group.distinct > len(group.fingerprints)
            single = group.count == 1 or (group.distinct == 1 and not open_)
            # With names in play it matters which value has the best confidence, or is repeated.
            named = (
                bool(self._named) and not single and (open_ or not self._named.isdisjoint(known))
            )
            # More values, or more findings, than some rule counts tell it nothing more.
            prints = list(known if named else known[: self._most])
            if not named:
                prints += [known[0]] * (min(group.count, self._most) - len(prints))
            for position, print_ in enumerate(prints):
                best = position == 0 and not named
                of.append(number)
                findings.append(
                    _finding(
                        group,
                        print_,
                        confidence=group.confidence if best else 0.0,
                        length=1,
                        editable=group.kind not in _FIXED,
                    )
                )
        return Scan(tuple(findings), recorded.unread), of

    def _most_of(self, recorded: Recorded) -> Scan:
        return Scan(
            tuple(
                _finding(
                    group,
                    print_,
                    confidence=group.confidence,
                    length=_LONG,
                    editable=group.kind not in _FIXED and group.kind not in _OPEN,
                )
                for number, group in enumerate(recorded.groups)
                for print_ in self._prints(group, number)
            ),
            recorded.unread,
        )

    def _prints(self, group: Group, number: int) -> Iterator[str]:
        """Every fingerprint that may have been there, as often as it may."""
        known = group.fingerprints
        if not self._named:
            count = min(max(group.count, 1), self._most)
            values = [
                *known[:count],
                *(f"?{number}.{extra}" for extra in range(count - len(known))),
            ]
            different = max(1, min(group.distinct, count))
            yield from values[:different]
            yield from values[:1] * (count - different)
            return
        others = min(group.distinct - len(known), self._most)
        repeats = min(max(group.count - max(group.distinct, 1), 0), self._most)
        listed = [*known, *(f"?{number}.{extra}" for extra in range(others))] or [""]
        if others > 0:
            listed += self._named.difference(known)
        yield from listed
        plain = next((print_ for print_ in listed if print_ not in self._named), None)
        for print_ in {*self._named.intersection(listed), *([] if plain is None else [plain])}:
            yield from [print_] * repeats


def _finding(
    group: Group, fingerprint: str, *, confidence: float, length: int, editable: bool
) -> Finding:
    return Finding(
        locator=Locator(group.path),
        role=group.role,
        kind=group.kind,
        editable=editable,
        entity=group.entity,
        start=0,
        end=length,
        confidence=confidence,
        detector=group.detector,
        fingerprint=fingerprint,
        preview="",
    )


_NONE = Bounds({}, {})


# --- rules without what is not recorded ----------------------------------------------------------


class _Blind(Protocol):
    def __call__(self, rule: CompiledRule, *, hidden: bool) -> CompiledRule | None: ...


def _versions(policy: PolicySet, blind: _Blind) -> dict[bool, PolicySet]:
    return {
        hidden: replace(
            policy,
            rules=tuple(
                changed
                for rule in policy.rules
                if (changed := blind(rule, hidden=hidden)) is not None
            ),
        )
        for hidden in (False, True)
    }


def _surely(rule: CompiledRule, *, hidden: bool) -> CompiledRule | None:
    """Matches only what `rule` matches whatever is not recorded; None when it may match nothing."""
    if rule.file is not None or rule.history is not None or _is_open(rule.sender, hidden=hidden):
        return None
    return replace(
        rule,
        unless=tuple(
            replace(item, file=None, sender=_told(item.sender, hidden=hidden))
            for item in rule.unless
        ),
    )


def _possibly(rule: CompiledRule, *, hidden: bool) -> CompiledRule | None:
    """Matches whatever `rule` may match."""
    return replace(
        rule,
        file=None,
        history=None,
        clean=(),
        sender=_told(rule.sender, hidden=hidden),
        unless=tuple(
            item
            for item in rule.unless
            if item.file is None and not _is_open(item.sender, hidden=hidden)
        ),
    )


def _is_open(test: SenderTest, *, hidden: bool) -> bool:
    """Whether it asks for what is not recorded of a sender."""
    return bool(test.groups or test.devices or test.keys or (hidden and test.hosts))


def _told(test: SenderTest, *, hidden: bool) -> SenderTest:
    """What it asks for of what is recorded."""
    return replace(test, groups=(), devices=(), keys=None, hosts=() if hidden else test.hosts)


def unknown_of(rule: CompiledRule, recorded: Recorded) -> str:
    """What the record would have to hold for `rule` to be decided, in words."""
    if rule.history is not None:
        return "what was sent before is not recorded"
    if rule.file is not None or any(item.file is not None for item in rule.unless):
        return "files are not recorded"
    senders = [rule.sender, *(item.sender for item in rule.unless)]
    if any(test.groups or test.devices or test.keys for test in senders):
        return "groups, devices and API keys are not recorded"
    if recorded.cut:
        return "the record had no room for all of it"
    if recorded.host == HIDDEN and (
        rule.sender.hosts or any(item.sender.hosts for item in rule.unless)
    ):
        return "the host was hidden, for it held something"
    test = rule.finding
    if test is not None and test.min_length > 1:
        return "lengths are not recorded"
    if rule.min_distinct > 1 or rule.min_count > 1:
        return "of many values only some are recorded"
    if test is not None and test.min_confidence > 0:
        return "of several findings in a place only the best confidence is recorded"
    if any(item.finding is not None and item.finding.fingerprints for item in rule.unless) or (
        test is not None and test.fingerprints
    ):
        return "of many values only some are recorded"
    return "whether it could be changed where it stood is not recorded"
