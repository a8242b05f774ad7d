"""What do policies say of an exchange of which only the record is left? What is sure, what possible.

Law: bounds. What is `surely` so was so if the record is true, and what is not `possibly` so was not.
A record holds no files, lengths or history, of several findings in one place the best confidence
only, and of their values at most a few. So each question is asked twice: of the least that may have
been there, and of the most. Both use the one `evaluate`; that more findings never weaken a verdict
is what makes its answers bounds. Whether a value could be changed where it stood is told by the kind
of place, but for files and names, where it is open.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.model import (
    Exchange,
    Finding,
    Known,
    Locator,
    PartKind,
    Role,
    Route,
    RuleHit,
    Scan,
    Unread,
)
from gateway.policy.evaluate import View, evaluate
from gateway.policy.executable import CompiledRule, Glob, PolicySet, SenderTest
from gateway.policy.explain import why_not
from gateway.policy.rollout import WHOLE

HIDDEN = "*"
"""The host of an exchange whose host held something."""

_LONG = 10**9
_VERSIONS = 64
"""Versions of the rules, for records with different gaps, that are kept."""
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

    `cut` is true when the record had no room for all of it. `known` is None where nothing was recorded
    of groups, device and API keys.
    """

    at: float
    actor: str
    source_ip: str
    host: str
    route: Route
    groups: tuple[Group, ...] = ()
    unread: tuple[Unread, ...] = ()
    cut: bool = False
    known: Known | None = None

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
            groups=None if self.known is None else self.known.groups,
            device="" if self.known is None else self.known.device,
            keys=None if self.known is None else self.known.keys,
        )

    @property
    def gaps(self) -> Gaps:
        """What of its sender was not recorded."""
        known = self.known
        asked = None
        if known is not None and known.groups is not None:
            asked = frozenset(known.asked)
        return Gaps(
            host=self.host == HIDDEN,
            device=known is None,
            keys=known is None or known.keys is None,
            # Groups that nobody knew were in doubt then as they are now; that is no gap.
            groups=known is None,
            asked=asked,
        )


@dataclass(frozen=True, slots=True)
class Gaps:
    """What a record lacks of its sender: all that it says of it, or (`asked`) some groups.

    With `asked`, of a group that no pattern in it means nothing is known unless it was recorded.
    """

    host: bool
    device: bool
    keys: bool
    groups: bool
    asked: frozenset[str] | None

    def in_groups(self, test: SenderTest) -> bool:
        """Whether the record may not tell that somebody is in none of these groups."""
        asked = self.asked
        return asked is not None and not all(_was_asked(glob, asked) for glob in test.groups)


def _was_asked(group: Glob, asked: frozenset[str]) -> bool:
    """Whether every group that is meant was kept: `eng*` keeps `engineering`, and `*` all."""
    if group.text in asked or "*" in asked:
        return True
    is_name = not set("*?[") & set(group.text)
    return is_name and any(Glob.of(text).match(group.text) for text in asked)


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
        # Whether it matters which values are the same.
        self._values = bool(self._named) or any(rule.min_distinct > 1 for rule in policy.rules)
        self._least_rules: dict[Gaps, PolicySet] = {}
        self._most_rules: dict[Gaps, PolicySet] = {}
        self._personal: dict[Gaps, tuple[CompiledRule, ...]] = {}

    def bounds(self, recorded: Recorded) -> Bounds:
        """What the policies surely and possibly say of `recorded`."""
        gaps = recorded.gaps
        most_rules = self._version(self._most_rules, _possibly, gaps)
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
        least_rules = self._version(self._least_rules, _surely, gaps)
        sure = evaluate(least_rules, exchange, recorded.route, least)
        return Bounds({hit.rule: hit for hit in sure.hits}, possibly)

    def shape(self, recorded: Recorded) -> Hashable:
        """All of `recorded` that `bounds` depends on, so that what is alike is asked about once.

        Rules that know no places and no names see two exchanges as the same when their kinds and
        numbers of findings are, whatever was found. Only modes and actions of the bounds are then the
        same, not which finding brought them.
        """
        gaps = recorded.gaps
        personal = self._about_senders(gaps)
        theirs: list[Hashable] = []
        if personal:
            view = View(recorded.exchange, recorded.route, _NOTHING)
            for rule in personal:
                exempted = tuple(view.in_force(item) for item in rule.unless)
                holds = view.sender_holds(rule.sender, in_doubt=True)
                theirs.append((holds, view.mode_of(rule), exempted))
        numbers: dict[str, int] = {}
        groups = sorted(
            (self._kind(group), group.fingerprints if self._values else ())
            for group in recorded.groups
        )
        return (
            recorded.route.service,
            recorded.route.category,
            recorded.route.operation,
            recorded.route.act,
            gaps,
            recorded.cut,
            tuple(theirs),
            tuple(
                (
                    kind,
                    tuple(
                        value if value in self._named else numbers.setdefault(value, len(numbers))
                        for value in (values if self._named else values[: self._most])
                    ),
                )
                for kind, values in groups
            ),
            tuple(sorted(place.reason for place in recorded.unread)),
        )

    def _about_senders(self, gaps: Gaps) -> tuple[CompiledRule, ...]:
        found = self._personal.get(gaps)
        if found is None:
            both = (
                self._version(self._least_rules, _surely, gaps),
                self._version(self._most_rules, _possibly, gaps),
            )
            found = tuple(rule for each in both for rule in each.rules if _is_personal(rule))
            if len(self._personal) >= _VERSIONS:
                self._personal.clear()
            self._personal[gaps] = found
        return found

    def _kind(self, group: Group) -> tuple[str | int | float, ...]:
        known = len(group.fingerprints)
        # More than some rule counts are as many; but which of them are named is told by all.
        most = self._most if not self._named else _LONG
        return (
            group.entity,
            group.role,
            group.kind,
            group.detector,
            group.confidence,
            min(group.count, most),
            min(group.distinct, most),
            min(known, most),
            group.distinct > known,
            group.count == 1 or group.distinct == 1 == known,
        )

    def taken(self, recorded: Recorded) -> tuple[str, ...]:
        """What surely takes out the findings of each group; empty for those that stay."""
        least, of = self._least(recorded)
        rules = self._version(self._least_rules, _surely, recorded.gaps)
        sure = evaluate(rules, recorded.exchange, recorded.route, least)
        taken = [""] * len(recorded.groups)
        for redaction in sure.redactions:
            params = ", ".join(f"{key}: {value}" for key, value in redaction.params)
            taken[of[redaction.finding]] = redaction.operator + (f" ({params})" if params else "")
        return tuple(taken)

    def why_not(self, rule: CompiledRule, recorded: Recorded) -> str:
        """Why `rule` surely did not match; empty when it possibly did."""
        loose = _possibly(rule, recorded.gaps)
        if loose is None:
            return ""
        # A condition that the record does not know is left out, so what fails is surely so.
        return why_not(
            loose, recorded.exchange, recorded.route, self._most_of(recorded), names=False
        )

    def _version(self, made: dict[Gaps, PolicySet], blind: _Blind, gaps: Gaps) -> PolicySet:
        """The policies as they can be asked of a record with these gaps."""
        found = made.get(gaps)
        if found is None:
            if len(made) >= _VERSIONS:
                made.clear()
            rules = (blind(rule, gaps) for rule in self.policy.rules)
            found = made[gaps] = replace(
                self.policy, rules=tuple(rule for rule in rules if rule is not None)
            )
        return found

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
    def __call__(self, rule: CompiledRule, gaps: Gaps) -> CompiledRule | None: ...


def _surely(rule: CompiledRule, gaps: Gaps) -> CompiledRule | None:
    """Matches only what `rule` matches whatever is not recorded; None when it may match nothing."""
    if rule.file is not None or rule.history is not None or _is_open(rule.sender, gaps):
        return None
    return replace(
        rule,
        unless=tuple(
            replace(item, file=None, sender=_told(item.sender, gaps)) for item in rule.unless
        ),
    )


def _possibly(rule: CompiledRule, gaps: Gaps) -> CompiledRule | None:
    """Matches whatever `rule` may match."""
    return replace(
        rule,
        file=None,
        history=None,
        clean=(),
        sender=_told(rule.sender, gaps),
        unless=tuple(
            item for item in rule.unless if item.file is None and not _is_open(item.sender, gaps)
        ),
    )


def _is_open(test: SenderTest, gaps: Gaps) -> bool:
    """Whether it asks for what is not recorded of a sender.

    Not where some groups were not asked for: then it holds of those that were recorded, or it is not
    sure to hold.
    """
    return bool(
        (gaps.groups and test.groups)
        or (gaps.device and test.devices)
        or (gaps.keys and test.keys)
        or (gaps.host and test.hosts)
    )


def _is_personal(rule: CompiledRule) -> bool:
    """Whether it depends on who sends, or when."""
    return (
        rule.sender != _ANYBODY
        or rule.rollout < WHOLE
        or any(item.sender != _ANYBODY or item.until is not None for item in rule.unless)
    )


_ANYBODY = SenderTest()
_NOTHING = Scan()


def _told(test: SenderTest, gaps: Gaps) -> SenderTest:
    """What it asks for of what is recorded."""
    return replace(
        test,
        groups=() if gaps.groups or gaps.in_groups(test) else test.groups,
        devices=() if gaps.device else test.devices,
        keys=None if gaps.keys else test.keys,
        hosts=() if gaps.host else test.hosts,
    )


def unknown_of(rule: CompiledRule, recorded: Recorded) -> str:
    """What the record would have to hold for `rule` to be decided, in words."""
    if rule.history is not None:
        return "what was sent before is not recorded"
    if rule.file is not None or any(item.file is not None for item in rule.unless):
        return "files are not recorded"
    senders = [rule.sender, *(item.sender for item in rule.unless)]
    gaps = recorded.gaps
    if gaps.device and any(test.groups or test.devices or test.keys for test in senders):
        return "groups, devices and API keys were not recorded then"
    if any(gaps.in_groups(test) for test in senders):
        return "whether the sender was in that group was not asked then"
    if gaps.keys and any(test.keys for test in senders):
        return "API keys are not recorded of it"
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
