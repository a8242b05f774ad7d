"""Why did a rule match, or why not? The first condition that failed, in words.

Law: agrees with `evaluate` about every rule, for it asks the same questions of the same exchange.
Tells names, counts and places, never a value: what was found is named by its entity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gateway.model import (
    Exchange,
    FileInfo,
    Finding,
    Mode,
    Outcome,
    Route,
    RuleHit,
    Scan,
    Verdict,
)
from gateway.policy.evaluate import View, evaluate, is_whole
from gateway.policy.executable import (
    UNKNOWN,
    CompiledRule,
    Exemption,
    FactTest,
    FileTest,
    FindingTest,
    HistoryTest,
    KeyTest,
    PolicySet,
    RouteTest,
    SenderTest,
)
from gateway.policy.rollout import WHOLE
from gateway.policy.words import fact_word, share_word

_LISTED = 3
"""Names that a sentence lists before it counts the rest."""


@dataclass(frozen=True, slots=True)
class Account:
    """What is told of one rule: whether it matched, and why or why not.

    `action` is what it asks for here, which may be stricter than what it says. `notes` are what else
    had a say: exceptions, roll-out.
    """

    rule: str
    title: str
    mode: Mode
    action: Verdict
    matched: bool
    why: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the policies say of one exchange, rule by rule: those that matched first."""

    outcome: Outcome
    accounts: tuple[Account, ...]

    @property
    def deciding(self) -> tuple[str, ...]:
        """The rules that asked for the verdict and are enforced, the most severe first."""
        if self.outcome.verdict is Verdict.ALLOW:
            return ()
        return tuple(
            hit.rule
            for hit in self.outcome.hits
            if hit.mode == "enforce" and hit.action is self.outcome.verdict
        )


def explain(policy: PolicySet, exchange: Exchange, route: Route, scan: Scan) -> Explanation:
    """Every rule's account of `exchange`, which goes to `route`."""
    outcome = evaluate(policy, exchange, route, scan)
    rules = {rule.id: rule for rule in policy.rules}
    hits = {hit.rule for hit in outcome.hits}
    return Explanation(
        outcome,
        (
            *(_matched(rules[hit.rule], hit, View(exchange, route, scan)) for hit in outcome.hits),
            *(
                Account(
                    rule.id,
                    rule.title,
                    rule.mode,
                    rule.action,
                    matched=False,
                    why=why_not(rule, exchange, route, scan),
                    notes=tuple(_ended(rule, View(exchange, route, scan))),
                )
                for rule in policy.rules
                if rule.id not in hits
            ),
        ),
    )


def why_not(
    rule: CompiledRule, exchange: Exchange, route: Route, scan: Scan, *, names: bool = True
) -> str:
    """The first condition of `rule` that does not hold, in words; empty when the rule matches.

    Without `names`, nothing is told that says who the sender is, or with what they sent it.
    """
    view = View(exchange, route, scan)
    return next(_failures(rule, view, names=names), "")


def _failures(rule: CompiledRule, view: View, *, names: bool = True) -> Iterator[str]:
    yield from _route(rule.route, view.route)
    yield from _sender(rule.sender, view, in_doubt=True, names=names)
    if rule.history is not None and not view.history_holds(rule.history):
        yield _history(rule.history, view)
    exemptions = [item for item in rule.unless if view.in_force(item)]
    yield from (
        f"{_exception(item)} applies to the whole request" for item in exemptions if is_whole(item)
    )
    files = None if rule.file is None else view.matching(rule.file)
    if rule.file is not None and not files:
        yield _no_file(rule.file, view.files)
    if rule.finding is not None:
        yield from _findings(rule, rule.finding, view, files, exemptions)
    if rule.unread is not None and not view.select_unread(rule.unread, files, exemptions):
        there = [place for place in view.scan.unread if place.reason in rule.unread]
        if there:
            yield "what could not be read is excepted, or not in such a file"
        else:
            got = _some({place.reason.value for place in view.scan.unread}, "and")
            wanted = _some(reason.value for reason in rule.unread)
            yield f"{f'unread is {got}' if got else 'everything was read'}, the rule wants {wanted}"
    if rule.finding is None and rule.unread is None and files is not None:
        left = view.unexcepted(files, exemptions)
        if not left:
            yield "an exception applies to the file"
        elif rule.clean and not view.needed(rule, left):
            yield f"the file holds no {_some(what for what, _ in rule.clean)} to change"


# --- conditions ----------------------------------------------------------------------------------


def _route(test: RouteTest, route: Route) -> Iterator[str]:
    pairs: tuple[tuple[str, str, Iterable[str] | None], ...] = (
        ("service", route.service, test.services),
        ("category", route.category, test.categories),
        ("operation", route.operation, test.operations),
        ("act", route.act.value, test.acts and [act.value for act in test.acts]),
    )
    for name, got, wanted in pairs:
        if wanted is not None and got not in wanted:
            yield f"{name} is {got}, the rule wants {_some(wanted)}"
    for name, fact in test.facts:
        got = fact_word(route.facts.get(name, UNKNOWN))
        if not fact.holds(got):
            yield f"fact {name} of the service is {got}, the rule wants {_fact(fact)}"


def _fact(test: FactTest) -> str:
    return _some([*sorted(test.words), *(_range(low, high) for low, high in test.ranges)])


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high:g}"
    return f"at least {low:g}" if high is None else f"{low:g} to {high:g}"


def _sender(test: SenderTest, view: View, *, in_doubt: bool, names: bool) -> Iterator[str]:
    def holds(part: SenderTest) -> bool:
        return view.sender_holds(part, in_doubt=in_doubt)

    sender = view.exchange
    if not holds(SenderTest(hosts=test.hosts)):
        yield f"host is {view.host}, the rule wants {_some(glob.text for glob in test.hosts)}"
    if not holds(SenderTest(actors=test.actors)):
        who = _named(sender.actor, names=names)
        yield f"actor is {who}, the rule wants {_some(glob.text for glob in test.actors)}"
    if not holds(SenderTest(groups=test.groups)):
        yield f"{_groups(sender, names=names)}, the rule wants {_some(glob.text for glob in test.groups)}"
    if not holds(SenderTest(devices=test.devices)):
        device = _named(sender.device, names=names)
        yield f"device is {device}, the rule wants {_some(glob.text for glob in test.devices)}"
    if test.keys is not None and not holds(SenderTest(keys=test.keys)):
        wanted = f"one {'not ' if test.keys.outside else ''}in {_some(test.keys.lists)}"
        yield f"the API key is {_keys(sender, test.keys)}, the rule wants {wanted}"
    if not holds(SenderTest(identified=test.identified)):
        wanted = "an anonymous sender" if sender.actor else "a sender who is known"
        yield f"the sender is {'known' if sender.actor else 'not known'}, the rule wants {wanted}"
    if test.time is not None and not holds(SenderTest(time=test.time)):
        local = datetime.fromtimestamp(sender.received_at, test.time.zone)
        yield f"it came on {local:%a} at {local:%H:%M} ({test.time.zone}), the rule wants {test.time}"
    if not holds(SenderTest(networks=test.networks)):
        source = sender.source_ip if names else "elsewhere"
        yield f"it came from {source}, the rule wants {_some(map(str, test.networks))}"


def _named(word: str, *, names: bool) -> str:
    if not word:
        return "not known"
    return word if names else "another"


def _keys(sender: Exchange, test: KeyTest) -> str:
    if not sender.keys:
        return "not known" if sender.keys is None else "none at all"
    return "one of those" if sender.keys & test.prints else "another"


def _groups(sender: Exchange, *, names: bool) -> str:
    if sender.groups is None:
        return "groups are not known"
    if not names:
        return "it is in no such group"
    return f"groups are {_some(sender.groups, 'and')}" if sender.groups else "it is in no group"


def _history(test: HistoryTest, view: View) -> str:
    if not view.scan.portraits:
        return "no picture with a face is in it, and the rule counts those sent over time"
    return (
        f"fewer than {test.at_least} different pictures with faces went to the service within"
        f" {test.seconds} s"
    )


def _no_file(test: FileTest, files: Sequence[FileInfo]) -> str:
    if not files:
        return "it carries no file"
    if len(files) == 1:
        return f"the {files[0].family} of {files[0].size} bytes is not such a file: {_file(test, files[0])}"
    return f"none of its {len(files)} files is such a file; the first: {_file(test, files[0])}"


def _file(test: FileTest, file: FileInfo) -> str:
    """The first condition on a file that `file` does not meet."""
    if test.families is not None and file.family not in test.families:
        return f"it is of family {file.family}, the rule wants {_some(test.families)}"
    types = _some(glob.text for glob in test.media_types)
    for field, said in (
        ("media_types", f"its type is {file.media_type}, the rule wants {types}"),
        ("min_size", f"it has {file.size} bytes, the rule wants {test.min_size}"),
        ("max_size", f"it has {file.size} bytes, the rule wants {test.max_size} at most"),
        ("mismatch", "it is what it was declared to be"),
        ("uploaded", "it was sent within another file"),
    ):
        if not FileTest(**{field: getattr(test, field)}).holds(file):
            return said
    for name in test.marks:
        if file.facts.get(name) is not True:
            return f"nothing says {name}"
    for name, low, high in test.counts:
        if not FileTest(counts=((name, low, high),)).holds(file):
            got = file.facts.get(name, 0)
            return f"{name} is {got}, the rule wants {_range(low or None, None if high == float('inf') else high)}"
    for name, globs in test.words:
        if not FileTest(words=((name, globs),)).holds(file):
            return f"no {name} is {_some(glob.text for glob in globs)}"
    return ""


# --- findings ------------------------------------------------------------------------------------


def _findings(
    rule: CompiledRule,
    test: FindingTest,
    view: View,
    files: Sequence[FileInfo] | None,
    exemptions: Sequence[Exemption],
) -> Iterator[str]:
    left: list[Finding] = list(view.scan.findings)
    for narrow, say in _steps(test):
        before, left = left, [finding for finding in left if narrow.holds(finding)]
        if not left:
            yield say(before)
            return
    if files is not None:
        before = left
        left = [each for each in left if view.within(each.locator, each.kind, files)]
        if not left:
            yield f"found {_entities(before)}, but not in such a file"
            return
    kept = [finding for finding in left if view.excepted(finding, exemptions) is None]
    if not kept:
        by = next(item for each in left if (item := view.excepted(each, exemptions)))
        yield f"found {_entities(left)}, but {_exception(by)} leaves it out"
        return
    if len(kept) < rule.min_count:
        yield f"{len(kept)} such finding{'' if len(kept) == 1 else 's'}, the rule wants {rule.min_count}"
    different = len({finding.fingerprint for finding in kept})
    if different < rule.min_distinct:
        yield f"{different} different value{'' if different == 1 else 's'}, the rule wants {rule.min_distinct}"


def _steps(
    test: FindingTest,
) -> Iterator[tuple[FindingTest, Callable[[Sequence[Finding]], str]]]:
    """The conditions on one finding one by one, each with what is said when none is left."""

    def steps(field: str) -> FindingTest:
        return FindingTest(**{field: getattr(test, field)})

    wanted = "nothing" if test.entities is None else f"no {_some(test.entities)}"
    yield steps("entities"), lambda _: f"found {wanted}"
    if test.kinds is not None:
        kinds = _some(kind.value for kind in test.kinds)
        yield (
            steps("kinds"),
            lambda some: (
                f"found {_entities(some)} in part {_some({f.kind.value for f in some}, 'and')}, the rule wants {kinds}"
            ),
        )
    if test.roles is not None:
        roles = _some(role.value for role in test.roles)
        yield (
            steps("roles"),
            lambda some: (
                f"found {_entities(some)} in role {_some({f.role.value for f in some}, 'and')}, the rule wants {roles}"
            ),
        )
    if test.detectors:
        globs = _some(glob.text for glob in test.detectors)
        yield (
            steps("detectors"),
            lambda some: (
                f"found {_entities(some)} by {_some({f.detector for f in some}, 'and')}, the rule wants {globs}"
            ),
        )
    if test.fingerprints is not None:
        yield (
            steps("fingerprints"),
            lambda some: f"found {_entities(some)}, but no such fingerprint",
        )
    if test.min_length > 1:
        yield (
            steps("min_length"),
            lambda some: (
                f"found {_entities(some)} of {max(f.end - f.start for f in some)} characters,"
                f" the rule wants {test.min_length}"
            ),
        )
    if test.min_confidence > 0:
        yield steps("min_confidence"), lambda some: _unsure(some, test.min_confidence)


def _unsure(some: Sequence[Finding], wanted: float) -> str:
    best = max(some, key=lambda finding: finding.confidence)
    return f"found {best.entity} at {best.confidence:.2f}, the rule wants {wanted:g}"


# --- what matched --------------------------------------------------------------------------------


def _matched(rule: CompiledRule, hit: RuleHit, view: View) -> Account:
    chosen = [view.scan.findings[index] for index in hit.findings]
    unread = [view.scan.unread[index] for index in hit.unread]
    parts = []
    if chosen:
        parts.append(f"found {_entities(chosen)}")
    if unread:
        parts.append(f"could not read {_some({place.reason.value for place in unread}, 'and')}")
    if rule.file is not None and not chosen and not unread:
        families = {file.family for file in view.matching(rule.file)}
        parts.append(f"a file such as it wants ({_some(families)})")
    if not parts:
        parts.append("the request as such")
    notes = []
    if rule.to is not None:
        notes.append(
            f"it goes to {rule.to.title} instead"
            if hit.action is rule.action
            else f"{rule.to.title} speaks another protocol, so it cannot be sent there"
        )
    elif hit.justified:
        notes.append("it coaches, but the sender has given a reason for all of it")
    elif hit.action is not rule.action:
        notes.append("it wants to redact, but what it found cannot be changed where it stands")
    if rule.mode == "enforce" and rule.rollout < WHOLE:
        within = "among" if hit.mode == "enforce" else "not among"
        notes.append(f"rolled out to {share_word(rule.rollout)}: the sender is {within} them")
    return Account(
        rule.id,
        rule.title,
        hit.mode,
        hit.action,
        matched=True,
        why="; ".join(parts),
        notes=(*notes, *_left_out(rule, view), *_ended(rule, view)),
    )


def _left_out(rule: CompiledRule, view: View) -> Iterator[str]:
    """What exceptions took away from a rule that matched all the same."""
    if rule.finding is None:
        return
    exemptions = [item for item in rule.unless if view.in_force(item)]
    for item in exemptions:
        gone = [
            finding
            for finding in view.scan.findings
            if rule.finding.holds(finding) and view.excepted(finding, [item]) is not None
        ]
        if gone:
            yield f"{_exception(item)} leaves out {_entities(gone)}"


def _ended(rule: CompiledRule, view: View) -> Iterator[str]:
    at = view.exchange.received_at
    for item in rule.unless:
        if item.until is not None and at >= item.until and view.in_force(replace(item, until=None)):
            yield f"{_exception(item)} would apply, but has ended"


# --- words ---------------------------------------------------------------------------------------


def _exception(item: Exemption) -> str:
    origin = item.origin
    said = [f"of {origin.owner}"] if origin.owner else []
    if item.until is not None:
        last = origin.last_day or datetime.fromtimestamp(item.until - 1, UTC).date()
        said.append(f"until {last}")
    place = origin.place
    if place.line:
        said.append(f"({place.source}:{place.line})")
    return " ".join(["the exception", *said])


def _entities(findings: Iterable[Finding]) -> str:
    """Entities with the best confidence of each: `US_SSN at 0.85 (2)`."""
    by: dict[str, list[float]] = {}
    for finding in findings:
        by.setdefault(finding.entity, []).append(finding.confidence)
    words = [
        f"{entity} at {max(sure):.2f}" + (f" ({len(sure)})" if len(sure) > 1 else "")
        for entity, sure in by.items()
    ]
    return _some(words, "and")


def _some(words: Iterable[str], link: str = "or") -> str:
    """`a`, `a or b`, `a, b or c`, `a, b, c or 2 others`."""
    listed = sorted(words)
    more = len(listed) - _LISTED
    if more > 0:
        listed = [*listed[:_LISTED], f"{more} other{'' if more == 1 else 's'}"]
    return f" {link} ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)
