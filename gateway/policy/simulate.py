"""What would changed policies have done to the recorded exchanges? Counted, with what is not known.

Law: counts what is sure, and what cannot be known under a name of its own; simulating the policies
by which the exchanges were decided finds no change. A rule that stays as it is did what the record
says that it did; only rules that changed are asked again. One exchange at a time: memory grows with
the number of senders, services and rules, not of exchanges.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from gateway.model import Mode, Route, Severity, Verdict
from gateway.policy.executable import CompiledRule, PolicySet
from gateway.policy.recorded import Bounds, Hindsight, Recorded, unknown_of

type Change = Literal[
    "new block",
    "lifted block",
    "new coaching",
    "lifted coaching",
    "new redaction",
    "lifted redaction",
    "other redaction",
    "not known",
]

CHANGES: tuple[Change, ...] = (
    "new block",
    "lifted block",
    "new coaching",
    "lifted coaching",
    "new redaction",
    "lifted redaction",
    "other redaction",
    "not known",
)


@dataclass(frozen=True, slots=True)
class Fired:
    """What one rule did, as it was recorded. `justified`: it would have coached, but for a grant."""

    mode: Mode
    action: Verdict
    justified: bool = False


@dataclass(frozen=True, slots=True)
class _Answered:
    """What rules say of exchanges that look the same to them; `undecided` are rules that stay."""

    surely: Mapping[str, Fired]
    possibly: Mapping[str, Fired]
    undecided: tuple[str, ...]


REMEMBERED = 20_000
"""Of how many kinds of exchanges the answers are kept."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What came of an exchange. `fault` is true when the gateway refused it, and no rule."""

    verdict: Verdict
    fault: bool
    revision: str
    fired: Mapping[str, Fired]


@dataclass(slots=True)
class Tally:
    """What was counted so far.

    `by_rule` counts a change under the rule that brought it: the one that blocks now, or that
    blocked then. `unknown` counts rules and why nobody can say what they did. `guessed` are
    exchanges where a rule that stays as it is was taken to have been the same under another revision,
    `unreadable` records with words that this version does not know.
    """

    exchanges: int = 0
    first: float = 0.0
    last: float = 0.0
    faults: int = 0
    guessed: int = 0
    unreadable: int = 0
    changes: Counter[Change] = field(default_factory=Counter)
    by_service: defaultdict[str, Counter[Change]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    by_sender: defaultdict[str, Counter[Change]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    by_team: defaultdict[str, Counter[Change]] = field(default_factory=lambda: defaultdict(Counter))
    by_rule: defaultdict[str, Counter[Change]] = field(default_factory=lambda: defaultdict(Counter))
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)
    revisions: Counter[str] = field(default_factory=Counter)


class Simulation:
    """Asks what `after` would have done to exchanges that were decided by `before`, or earlier."""

    def __init__(self, before: PolicySet, after: PolicySet) -> None:
        self.before, self.after = before, after
        old = {rule.id: rule for rule in before.rules}
        self._rules = {rule.id: rule for rule in after.rules}
        self._kept = frozenset(
            rule.id
            for rule in after.rules
            if rule.id in old and _effect(old[rule.id]) == _effect(rule)
        )
        changed = [rule for rule in after.rules if rule.id not in self._kept]
        self._whole = Hindsight(after)
        self._part = Hindsight(replace(after, rules=tuple(changed)))
        self._then = Hindsight(before)
        self.tally = Tally()
        self._remembered: dict[Hashable, _Answered] = {}

    @property
    def changed(self) -> tuple[str, ...]:
        """Rules that are new or do something else than before."""
        return tuple(sorted(self._rules.keys() - self._kept))

    @property
    def removed(self) -> tuple[str, ...]:
        """Rules that are no more."""
        return tuple(sorted({rule.id for rule in self.before.rules} - self._rules.keys()))

    def limits(self) -> Iterator[str]:
        """What such a simulation cannot tell, in sentences."""
        yield (
            "Exchanges that no rule had anything to say about are not recorded: what the new rules"
            " would do to those is not counted."
        )
        asked, new = _asked(self.before), _asked(self.after)
        if asked is not None:
            unasked = "any other entity" if new is None else ", ".join(sorted(new - asked))
            if unasked:
                yield f"No rule asked for {unasked} before, so such findings are not recorded."
        if self.before.detectors != self.after.detectors:
            yield "Settings of the detectors differ: what they would find otherwise is not known."
        if (self.before.services, self.before.inspect_hosts, self.before.pass_through) != (
            self.after.services,
            self.after.inspect_hosts,
            self.after.pass_through,
        ):
            yield "Services or hosts differ: requests are taken to go where they went."
        other = self.tally.exchanges - self.tally.revisions[self.before.revision]
        if other:
            yield (
                f"{other} of the exchanges were decided by other policies than the present ones;"
                f" in {self.tally.guessed} of them a rule that cannot be asked again was taken to"
                " have been the same then."
            )

    def add(
        self,
        recorded: Recorded,
        happened: Happened,
        *,
        sender: str,
        then: Route,
        teams: Iterable[str] = (),
    ) -> None:
        """Count one exchange. `then` is its route by the catalogue of `before`; it counts for each team."""
        tally = self.tally
        tally.exchanges += 1
        tally.first = min(tally.first or recorded.at, recorded.at)
        tally.last = max(tally.last, recorded.at)
        tally.revisions[happened.revision] += 1
        if happened.fault:
            tally.faults += 1
            return
        same = then == recorded.route
        known = same and happened.revision == self.before.revision
        answered = self._ask(recorded, known=known)
        surely, possibly, guessed = self._answers(answered, happened, same=same, known=known)
        tally.guessed += guessed
        low = _strictest(surely.values())
        high = max(low, _strictest(possibly.values()))
        low, high = self._given_up(happened, surely, low, high)
        change = self._change(happened.verdict, low, high)
        redacted = low is high is happened.verdict is Verdict.REDACT
        if change is None and redacted and self._touched(happened, possibly):
            after = self._whole.taken(recorded)
            before = self._then.taken(replace(recorded, route=then))
            change = "other redaction" if after != before else None
        if change is None:
            return
        tally.changes[change] += 1
        tally.by_service[recorded.route.service][change] += 1
        tally.by_sender[sender][change] += 1
        for team in teams:
            tally.by_team[team][change] += 1
        for rule in self._blamed(change, happened, surely, possibly):
            tally.by_rule[rule][change] += 1
            if change == "not known" and rule in self._rules:
                tally.unknown[rule, unknown_of(self._rules[rule], recorded)] += 1

    def _touched(self, happened: Happened, possibly: Mapping[str, Fired]) -> bool:
        """Whether a rule that changed takes something out, or took it."""
        return any(
            rule not in self._kept and fired.action is Verdict.REDACT
            for answers in (happened.fired, possibly)
            for rule, fired in answers.items()
        )

    def _ask(self, recorded: Recorded, *, known: bool) -> _Answered:
        """What the rules say; of exchanges that look the same to them only the first is asked about."""
        hindsight = self._part if known else self._whole
        shape = known, hindsight.shape(recorded)
        answered = self._remembered.get(shape)
        if answered is None:
            bounds = hindsight.bounds(recorded)
            answered = _Answered(
                {rule: Fired(hit.mode, hit.action) for rule, hit in bounds.surely.items()},
                {rule: Fired(hit.mode, hit.action) for rule, hit in bounds.possibly.items()},
                () if known else tuple(self._undecided(bounds)),
            )
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[shape] = answered
        return answered

    def _undecided(self, bounds: Bounds) -> Iterator[str]:
        """Rules that stay as they are, of which it is not known what they did; of most it is, nothing."""
        for rule in {*bounds.surely, *bounds.possibly}:
            if rule in self._kept and not bounds.decided(rule):
                yield rule

    def _answers(
        self, answered: _Answered, happened: Happened, *, same: bool, known: bool
    ) -> tuple[Mapping[str, Fired], Mapping[str, Fired], bool]:
        """What the rules surely and possibly do, and whether a guess was needed for it.

        Known is what a rule did that stays as it is, under the same policies. Under earlier ones it
        may have been another; it is asked again, and the record believed where it cannot be.
        """
        surely, possibly = answered.surely, answered.possibly
        if any(fired.justified for fired in happened.fired.values()):
            surely, possibly = _excused(surely, happened), _excused(possibly, happened)
        if known:
            kept = {rule: fired for rule, fired in happened.fired.items() if rule in self._kept}
            return {**surely, **kept}, {**possibly, **kept}, False
        if not same or not answered.undecided:
            return surely, possibly, False
        both = dict(surely), dict(possibly)
        for rule in answered.undecided:
            fired = happened.fired.get(rule)
            for answers in both:
                answers.pop(rule, None)
                if fired is not None:
                    answers[rule] = fired
        return *both, True

    def _given_up(
        self, happened: Happened, surely: Mapping[str, Fired], low: Verdict, high: Verdict
    ) -> tuple[Verdict, Verdict]:
        """Bounds for an exchange that was to be redacted and was refused, for it could not be."""
        if happened.verdict is not Verdict.BLOCK or high is not Verdict.REDACT:
            return low, high
        wanted = {rule for rule, fired in happened.fired.items() if fired.mode == "enforce"}
        if any(happened.fired[rule].action is Verdict.BLOCK for rule in wanted):
            return low, high
        redact = {rule for rule in wanted if happened.fired[rule].action is Verdict.REDACT}
        still = all(rule in surely and surely[rule].mode == "enforce" for rule in redact)
        return (Verdict.BLOCK if still else low), Verdict.BLOCK

    @staticmethod
    def _change(was: Verdict, low: Verdict, high: Verdict) -> Change | None:
        for bar, more, less in (
            (Verdict.BLOCK, "new block", "lifted block"),
            (Verdict.COACH, "new coaching", "lifted coaching"),
            (Verdict.REDACT, "new redaction", "lifted redaction"),
        ):
            if low < bar <= high:
                return "not known"
            if was < bar <= low:
                return _as_change(more)
            if high < bar <= was:
                return _as_change(less)
        return None

    def _blamed(
        self,
        change: Change,
        happened: Happened,
        surely: Mapping[str, Fired],
        possibly: Mapping[str, Fired],
    ) -> tuple[str, ...]:
        """The rules that bring a change: of several blocks the most severe rule."""
        match change:
            case "new block" | "new coaching" | "new redaction":
                return self._first(surely, _BARS[change.partition(" ")[2]])
            case "lifted block" | "lifted coaching" | "lifted redaction":
                first = self._first(happened.fired, _BARS[change.partition(" ")[2]])
                return first or self._first(happened.fired, Verdict.REDACT)
            case "other redaction":
                then = {rule for rule, fired in happened.fired.items() if rule not in self._kept}
                now = {rule for rule in surely if rule not in self._kept}
                return tuple(sorted(then | now))
            case "not known":
                return tuple(
                    rule
                    for rule, fired in sorted(possibly.items())
                    if fired.mode == "enforce" and surely.get(rule) != fired
                )

    def _first(self, answers: Mapping[str, Fired], bar: Verdict) -> tuple[str, ...]:
        def rank(rule: str) -> tuple[Severity, str]:
            known = self._rules.get(rule)
            return (known.severity if known is not None else Severity.INFO), rule

        among = [
            rule
            for rule, fired in answers.items()
            if fired.mode == "enforce" and fired.action >= bar
        ]
        return (max(among, key=rank),) if among else ()


_BARS = {"block": Verdict.BLOCK, "coaching": Verdict.COACH, "redaction": Verdict.REDACT}


def _excused(answers: Mapping[str, Fired], happened: Happened) -> Mapping[str, Fired]:
    """Answers of rules that coach: whoever had given a reason for all of it would have one now."""
    was = happened.fired
    return {
        rule: replace(now, action=Verdict.LOG)
        if now.action is Verdict.COACH and rule in was and was[rule].justified
        else now
        for rule, now in answers.items()
    }


def _as_change(word: str) -> Change:
    return next(change for change in CHANGES if change == word)


def _strictest(answers: Iterable[Fired]) -> Verdict:
    return max(
        (fired.action for fired in answers if fired.mode == "enforce"), default=Verdict.ALLOW
    )


def _effect(rule: CompiledRule) -> CompiledRule:
    """The rule without what has no say in what happens."""
    return replace(rule, title="", message="", severity=Severity.INFO)


def _asked(policy: PolicySet) -> frozenset[str] | None:
    """Entities that some rule asks for; None when a rule asks for any."""
    tests = [rule.finding for rule in policy.rules if rule.finding is not None]
    if any(test.entities is None for test in tests):
        return None
    return frozenset().union(*(test.entities or () for test in tests))
