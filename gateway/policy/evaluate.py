"""What do the policies say of one exchange? All matching rules apply, the strictest wins.

Law: neither the order of rules nor of findings matters, and adding a finding never weakens the
verdict. So an exception works item by item: it takes items away from a rule, and what is left
still counts; so does a grant, which takes nothing away unless it covers every item. Pure: no clock, no I/O; the exchange carries its own time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from gateway.model import (
    Approved,
    Cleaned,
    Cleaning,
    Exchange,
    FileInfo,
    Finding,
    Grant,
    Locator,
    Look,
    Mode,
    Outcome,
    PartKind,
    Redaction,
    Route,
    RuleHit,
    Scan,
    Severity,
    UnreadReason,
    Verdict,
)
from gateway.policy.executable import (
    UNKNOWN,
    Candidates,
    CompiledRule,
    Exemption,
    FileTest,
    Glob,
    HistoryTest,
    OperatorCall,
    PolicySet,
    SenderTest,
    normal_host,
    strictest,
)
from gateway.policy.rollout import WHOLE, Address, address_of, enforced

STYLES = ("no_training", "deidentify", "strip", "blur", "pixelate", "fill")
"""Ways to change a picture; of those for the same thing, from the one that shows most."""

IN_FILE = "files of this kind cannot be changed on their way"
IN_PICTURE = "pictures of this format cannot be changed on their way; send a PNG or JPEG"
IN_PLACE = "what stands there has to go out as it is"
"""Why a finding that a rule wanted to redact is not editable."""


def evaluate(policy: PolicySet, exchange: Exchange, route: Route, scan: Scan) -> Outcome:
    """The outcome of all rules for what was found in `exchange`, which goes to `route`."""
    return _outcome(policy.index.candidates(route), View(exchange, route, scan))


def evaluate_answer(policy: PolicySet, exchange: Exchange, route: Route, scan: Scan) -> Outcome:
    """The outcome of all rules for answers for what was found in the answer to `exchange`.

    Reasoning has to reach the client as it is, for it goes back to the service: `redact` only
    records what is found there. `block` ends the answer.
    """
    return _outcome(policy.answer_index.candidates(route), View(exchange, route, scan, answer=True))


def look_at_answer(policy: PolicySet, exchange: Exchange, route: Route) -> Look:
    """Whether some rule looks at the answer to `exchange`, and whether it may change it."""
    candidates = policy.answer_index.candidates(route).finding
    if not candidates:
        return Look.NONE
    view = View(exchange, route, Scan(), answer=True)
    return max(
        (
            Look.AHEAD if view.enforces(rule) and rule.action > Verdict.LOG else Look.BEHIND
            for rule in candidates
            if view.may_hit(rule)
        ),
        default=Look.NONE,
    )


def asks_identity(policy: PolicySet, exchange: Exchange, route: Route) -> bool:
    """Whether rules refuse those whom nobody knows, on a connection of which no more is known yet.

    What is done on it is not known either, so a rule for some operations asks for all.
    """
    view = View(exchange, route, Scan())
    return any(
        rule.sender.identified is False
        and rule.action is Verdict.BLOCK
        and not any((rule.finding, rule.unread, rule.file, rule.history))
        and replace(rule.route, operations=None, acts=None).holds(route)
        and view.enforces(rule)
        and view.may_hit(rule)
        for rule in policy.rules
    )


def _outcome(candidates: Candidates, view: View) -> Outcome:
    scan = view.scan
    hits = [hit for rule in candidates.plain if (hit := view.hit(rule)) is not None]
    if scan.findings:
        present = view.entities()
        hits += [
            hit
            for rule in candidates.finding
            # Asked first, for it is the cheapest question, and most rules ask for what is not there.
            if (
                (test := rule.finding) is None
                or test.entities is None
                or not test.entities.isdisjoint(present)
            )
            and (hit := view.hit(rule)) is not None
        ]
    if scan.unread:
        hits += [hit for rule in candidates.unread if (hit := view.hit(rule)) is not None]
    if view.files:
        hits += [hit for rule in candidates.file if (hit := view.hit(rule)) is not None]
    if not hits:
        return Outcome(Verdict.ALLOW, Verdict.ALLOW, Severity.INFO)
    hits.sort(key=_rank, reverse=True)
    enforced = [hit for hit in hits if hit.mode == "enforce"]
    told = [hit for hit in enforced if hit.action >= Verdict.REDACT]
    return Outcome(
        verdict=max((hit.action for hit in enforced), default=Verdict.ALLOW),
        monitored=max(hit.action for hit in hits),
        severity=max(
            (hit.severity for hit in hits if hit.action > Verdict.ALLOW), default=Severity.INFO
        ),
        hits=tuple(hits),
        redactions=view.redactions(),
        message=told[0].message if told else "",
        cleanings=view.cleanings(),
        redirect=next(
            (view.redirects[hit.rule] for hit in hits if hit.rule in view.redirects), None
        ),
    )


def merged(one: Outcome, other: Outcome) -> Outcome:
    """What two evaluations of the same scan say together: the stricter of both, item by item.

    Where it goes is said by the first.
    """
    first, second = (one, other) if one.verdict >= other.verdict else (other, one)
    hits: dict[str, RuleHit] = {}
    for hit in (*one.hits, *other.hits):
        known = hits.get(hit.rule)
        hits[hit.rule] = hit if known is None else _both(known, hit)
    calls: dict[int, OperatorCall] = {}
    for taken in (*one.redactions, *other.redactions):
        call = OperatorCall(taken.operator, taken.params)
        before = calls.get(taken.finding)
        calls[taken.finding] = call if before is None else strictest(call, before)
    cleanings: dict[tuple[Locator, Cleaned], Cleaning] = {}
    for clean in (*one.cleanings, *other.cleanings):
        kept = cleanings.setdefault((clean.file, clean.what), clean)
        if STYLES.index(clean.style) > STYLES.index(kept.style):
            cleanings[clean.file, clean.what] = clean
    return Outcome(
        verdict=first.verdict,
        monitored=max(one.monitored, other.monitored),
        severity=max(one.severity, other.severity),
        hits=tuple(sorted(hits.values(), key=_rank, reverse=True)),
        redactions=tuple(
            Redaction(finding, call.operator, call.params)
            for finding, call in sorted(calls.items())
        ),
        message=first.message or second.message,
        cleanings=tuple(cleanings.values()),
        redirect=one.redirect,
    )


def _both(one: RuleHit, other: RuleHit) -> RuleHit:
    """Two hits of one rule: the stricter. Whoever is coached on both is so once, about both."""
    first = max(one, other, key=_rank)
    if not one.action == other.action == Verdict.COACH:
        return first
    return replace(first, asks=tuple(dict.fromkeys((*one.asks, *other.asks))))


def _rank(hit: RuleHit) -> tuple[int, int, str]:
    return hit.action, hit.severity, hit.rule


class View:
    """One exchange as rules look at it; what several rules need is worked out once."""

    __slots__ = (
        "_actor",
        "_address",
        "_answer",
        "_by_entity",
        "_cleanings",
        "_operators",
        "exchange",
        "files",
        "host",
        "redirects",
        "route",
        "scan",
    )

    def __init__(
        self, exchange: Exchange, route: Route, scan: Scan, *, answer: bool = False
    ) -> None:
        self._answer = answer
        self.exchange = exchange
        self.route = route
        self.scan = scan
        self.host = normal_host(exchange.host)
        self.files = _files(scan) if scan.files or scan.unread else ()
        self._actor = exchange.actor.lower()
        self._address: Address | bool | None = False
        self._by_entity: Mapping[str, Sequence[int]] | None = None
        self._operators: dict[int, OperatorCall] = {}
        self._cleanings: dict[tuple[Locator, Cleaned], str] = {}
        self.redirects: dict[str, Approved] = {}

    def hit(self, rule: CompiledRule) -> RuleHit | None:
        """What `rule` says, or None. INVARIANT: `rule.route` was tested for this route."""
        if not self.sender_holds(rule.sender, in_doubt=True):
            return None
        if rule.history is not None and not self.history_holds(rule.history):
            return None
        exemptions = [item for item in rule.unless if self.in_force(item)]
        if any(is_whole(item) for item in exemptions):
            return None
        files = None if rule.file is None else self.matching(rule.file)
        if files is not None and not files:
            return None
        findings: tuple[int, ...] = ()
        unread: tuple[int, ...] = ()
        if rule.finding is not None:
            findings = self._select_findings(rule, files, exemptions)
            if not self._enough(rule, findings):
                return None
        if rule.unread is not None:
            unread = self.select_unread(rule.unread, files, exemptions)
            if not unread:
                return None
        if rule.finding is None and rule.unread is None and files is not None:
            files = self.unexcepted(files, exemptions)
            if not files or (rule.clean and not self._clean(rule, files)):
                return None
        return self._told(rule, findings, unread, files or ())

    def may_hit(self, rule: CompiledRule) -> bool:
        """Whether `rule` can say anything, whatever is found. INVARIANT: as for `hit`."""
        return self.sender_holds(rule.sender, in_doubt=True) and not any(
            is_whole(item) for item in rule.unless if self.in_force(item)
        )

    def enforces(self, rule: CompiledRule) -> bool:
        """Whether `rule` is enforced for this sender."""
        return self.mode_of(rule) == "enforce"

    def redactions(self) -> tuple[Redaction, ...]:
        """One operator per finding that an enforced rule takes out, in order of findings."""
        return tuple(
            Redaction(finding, call.operator, call.params)
            for finding, call in sorted(self._operators.items())
        )

    def cleanings(self) -> tuple[Cleaning, ...]:
        """What enforced rules take out of files, each once, in the style that shows least."""
        return tuple(Cleaning(file, what, style) for (file, what), style in self._cleanings.items())

    def needed(self, rule: CompiledRule, files: Sequence[FileInfo]) -> list[Cleaning]:
        """What `rule` takes out of `files`, as far as it is there."""
        return [
            cleaning
            for file in files
            for what, style in rule.clean
            if (cleaning := Cleaning(file.locator, what, style)).needed(file)
        ]

    def unexcepted(
        self, files: Sequence[FileInfo], exemptions: Iterable[Exemption]
    ) -> tuple[FileInfo, ...]:
        """The files that no exception for files leaves out."""
        exempt = [item.file for item in exemptions if item.file is not None]
        return tuple(file for file in files if not any(test.holds(file) for test in exempt))

    def _clean(self, rule: CompiledRule, files: Sequence[FileInfo]) -> bool:
        """Whether any of `files` holds what `rule` takes out; if so, that is noted."""
        needed = self.needed(rule, files)
        if self.mode_of(rule) == "enforce":
            for one in needed:
                other = self._cleanings.get((one.file, one.what), one.style)
                style = max(one.style, other, key=STYLES.index)
                self._cleanings[one.file, one.what] = style
        return bool(needed)

    def asks(
        self,
        rule: CompiledRule,
        findings: Iterable[int],
        unread: Iterable[int],
        files: Iterable[FileInfo],
    ) -> tuple[Grant, ...]:
        """What a coaching rule that hit all this wants leave for, each once.

        Values by their fingerprints, files by their digests, unread places by reason and file; the
        service, where a rule is about nothing in the request. An item that is empty has no digest:
        nobody is given leave for it.
        """
        items: list[str]
        if rule.finding is not None or rule.unread is not None:
            items = [self.scan.findings[index].fingerprint for index in findings]
            for index in unread:
                place = self.scan.unread[index]
                within = (each.digest for each in self.files if _covers(each, place.locator))
                digest = next(filter(None, within), "")
                items.append(f"unread:{place.reason.value}:{digest}")
        elif rule.file is not None:
            items = [file.digest and f"file:{file.digest}" for file in files]
        else:
            items = ["service"]
        known = self.route.service != UNKNOWN
        service = self.route.service if known else f"{UNKNOWN}:{self.host}"
        return tuple(Grant(rule.id, service, item) for item in dict.fromkeys(items))

    def _told(
        self,
        rule: CompiledRule,
        findings: tuple[int, ...],
        unread: tuple[int, ...],
        files: Iterable[FileInfo],
    ) -> RuleHit:
        asks: tuple[Grant, ...] = ()
        justified = False
        action, message, mode = rule.action, rule.message, self.mode_of(rule)
        if rule.to is not None:
            if rule.to.protocol != self.route.protocol:
                action = Verdict.BLOCK
                message = message or (
                    f"This was not sent: company policy wants {rule.to.title} used instead."
                )
            elif mode == "enforce":
                self.redirects[rule.id] = rule.to
        if action is Verdict.COACH:
            asks = self.asks(rule, findings, unread, files)
            justified = all(ask.item and ask in self.exchange.grants for ask in asks)
            if justified:
                action, message = Verdict.LOG, ""
        if not message and action >= Verdict.REDACT:
            entities = [self.scan.findings[index].entity for index in findings]
            message = (
                _answer_message(rule, entities)
                if self._answer
                else _default_message(rule, entities)
            )
        if action is Verdict.REDACT:
            for index in findings:
                finding = self.scan.findings[index]
                if self._answer and finding.kind is PartKind.REASONING:
                    continue
                if not finding.editable:
                    action = Verdict.BLOCK
                elif mode == "enforce":
                    call = rule.operators.get(finding.entity, rule.default_operator)
                    other = self._operators.get(index)
                    self._operators[index] = call if other is None else strictest(call, other)
            if action is Verdict.BLOCK and not self._answer:
                message = _stuck([self.scan.findings[index] for index in findings], self.files)
        return RuleHit(
            rule=rule.id,
            severity=rule.severity,
            mode=mode,
            action=action,
            findings=findings,
            unread=unread,
            message=message,
            asks=asks,
            justified=justified,
        )

    # --- who sends it ----------------------------------------------------------------------------

    def sender_holds(self, test: SenderTest, *, in_doubt: bool) -> bool:
        """Whether the sender meets `test`. `in_doubt` answers for what nobody knows of them.

        INVARIANT: to know less of a sender never weakens a verdict. So rules take the unknown for
        what they look for, and exceptions do not.
        """
        if test.hosts and not _any(test.hosts, self.host):
            return False
        if test.identified is not None and test.identified is not bool(self._actor):
            return False
        if test.actors and not self._is_meant(test.actors, self._actor, in_doubt=in_doubt):
            return False
        if test.groups and not self._is_member(test.groups, in_doubt=in_doubt):
            return False
        if test.devices and not self._is_meant(
            test.devices, self.exchange.device.lower(), in_doubt=in_doubt
        ):
            return False
        if test.keys is not None and not test.keys.holds(self.exchange.keys, in_doubt=in_doubt):
            return False
        if test.time is not None and not test.time.holds(self.exchange.received_at):
            return False
        if not test.networks:
            return True
        if self._address is False:
            self._address = address_of(self.exchange.source_ip)
        address = self._address
        if address is None or isinstance(address, bool):
            return in_doubt
        return any(address.version == net.version and address in net for net in test.networks)

    @staticmethod
    def _is_meant(patterns: Sequence[Glob], word: str, *, in_doubt: bool) -> bool:
        return _any(patterns, word) or (not word and in_doubt)

    def _is_member(self, patterns: Sequence[Glob], *, in_doubt: bool) -> bool:
        groups = self.exchange.groups
        if groups is None:
            return in_doubt
        return any(_any(patterns, group.lower()) for group in groups)

    def mode_of(self, rule: CompiledRule) -> Mode:
        """The rule's mode for this sender; no content has a say in it."""
        if rule.mode == "monitor" or rule.rollout >= WHOLE:
            return rule.mode
        sender = self.exchange
        theirs = enforced(rule.id, rule.rollout, actor=sender.actor, source_ip=sender.source_ip)
        return "enforce" if theirs else "monitor"

    def history_holds(self, test: HistoryTest) -> bool:
        """Whether the sender's pictures with faces, those of now among them, are so many.

        Only for a request that has one: nobody is kept from writing for what they sent before.
        """
        now = set(self.scan.portraits)
        if not now:
            return False
        since = self.exchange.received_at - test.seconds
        before = {
            sent.mark
            for sent in self.exchange.history
            if sent.at > since and sent.service == self.route.service
        }
        return len(now | before) >= test.at_least

    def in_force(self, item: Exemption) -> bool:
        """Whether the exception holds now, for this sender and route."""
        return (
            (item.until is None or self.exchange.received_at < item.until)
            and item.route.holds(self.route)
            and self.sender_holds(item.sender, in_doubt=False)
        )

    # --- what is in it ---------------------------------------------------------------------------

    def matching(self, test: FileTest) -> tuple[FileInfo, ...]:
        """The files that `test` selects."""
        return tuple(file for file in self.files if test.holds(file))

    def excepted(self, finding: Finding, exemptions: Iterable[Exemption]) -> Exemption | None:
        """The first exception that leaves `finding` out."""
        for item in exemptions:
            if (
                item.unread is None
                and (item.finding is None or item.finding.holds(finding))
                and (item.file is None or self.surely_within(finding.locator, item.file))
            ):
                return item
        return None

    def _select_findings(
        self,
        rule: CompiledRule,
        files: Sequence[FileInfo] | None,
        exemptions: Sequence[Exemption],
    ) -> tuple[int, ...]:
        test = rule.finding
        if test is None:
            return ()
        indices: Iterable[int] = range(len(self.scan.findings))
        if test.entities is not None:
            present = self.entities()
            # Those that were found are few, those that a rule asks for many.
            asked = [entity for entity in present if entity in test.entities]
            # Sorted, so that the hit lists findings in the order of the scan.
            indices = (
                present[asked[0]]
                if len(asked) == 1
                else sorted(index for entity in asked for index in present[entity])
            )
        chosen = []
        for index in indices:
            finding = self.scan.findings[index]
            if not test.holds(finding):
                continue
            if files is not None and not self.within(finding.locator, finding.kind, files):
                continue
            if exemptions and self.excepted(finding, exemptions) is not None:
                continue
            chosen.append(index)
        return tuple(chosen)

    def _enough(self, rule: CompiledRule, findings: Sequence[int]) -> bool:
        if len(findings) < rule.min_count:
            return False
        if rule.min_distinct == 1:
            return True
        # One value that is found as several entities has one fingerprint, and counts once.
        different = {self.scan.findings[index].fingerprint for index in findings}
        return len(different) >= rule.min_distinct

    def select_unread(
        self,
        reasons: frozenset[UnreadReason],
        files: Sequence[FileInfo] | None,
        exemptions: Sequence[Exemption],
    ) -> tuple[int, ...]:
        """The unread places with such a reason, in `files`, that no exception leaves out."""
        return tuple(
            index
            for index, place in enumerate(self.scan.unread)
            if place.reason in reasons
            and (files is None or any(_covers(file, place.locator) for file in files))
            and not any(
                item.finding is None
                and (item.unread is None or place.reason in item.unread)
                and (item.file is None or self.surely_within(place.locator, item.file))
                for item in exemptions
            )
        )

    def entities(self) -> Mapping[str, Sequence[int]]:
        """What was found, and where in the scan."""
        if self._by_entity is None:
            by_entity: defaultdict[str, list[int]] = defaultdict(list)
            for index, finding in enumerate(self.scan.findings):
                by_entity[finding.entity].append(index)
            self._by_entity = by_entity
        return self._by_entity

    def within(self, locator: Locator, kind: PartKind, files: Sequence[FileInfo]) -> bool:
        """Whether a finding is in one of `files`; in doubt it is, so that the rule applies."""
        if any(_covers(file, locator) for file in files):
            return True
        # A file of which nothing is known but that it was not read settles nothing.
        return kind is PartKind.FILE and not any(_covers(file, locator) for file in self.scan.files)

    def surely_within(self, locator: Locator, test: FileTest) -> bool:
        """Whether everything that may hold `locator` is excepted; in doubt it is not."""
        covering = [file for file in self.files if _covers(file, locator)]
        return bool(covering) and all(test.holds(file) for file in covering)


def is_whole(item: Exemption) -> bool:
    """Whether it leaves out the rule, and not items of it."""
    return item.finding is None and item.file is None and item.unread is None


def _any(patterns: Sequence[Glob], word: str) -> bool:
    return any(pattern.match(word) for pattern in patterns)


_OPAQUE = frozenset({UnreadReason.UNSUPPORTED_FILE, UnreadReason.ENCRYPTED})


def _files(scan: Scan) -> tuple[FileInfo, ...]:
    """The files of a scan; an unread file that nobody described is one of unknown family."""
    undescribed = (
        FileInfo(place.locator, media_type="", family="unknown", size=place.size)
        for place in scan.unread
        if place.reason in _OPAQUE and not any(_covers(file, place.locator) for file in scan.files)
    )
    return (*scan.files, *undescribed)


def _covers(file: FileInfo, locator: Locator) -> bool:
    """Whether `locator` is the file's place or a place inside it."""
    outer, inner = file.locator, locator
    steps = len(outer.steps)
    if steps and inner.steps[:steps] == outer.steps:
        return True
    if not inner.path.startswith(outer.path):
        return False
    rest = inner.path[len(outer.path) :]
    return not rest or not (rest[0].isalnum() or rest[0] in "_-")


def _stuck(findings: Iterable[Finding], files: Sequence[FileInfo]) -> str:
    """What is told when a rule wanted to redact, and some of `findings` cannot be."""
    fixed = [finding for finding in findings if not finding.editable]
    what = ", ".join(sorted({finding.entity for finding in fixed})[:3])
    is_file = all(finding.kind is PartKind.FILE for finding in fixed)
    where = "a file of this request" if is_file else "this request"
    why = IN_FILE if is_file else IN_PLACE
    outer = [file for file in files if any(_covers(file, finding.locator) for finding in fixed)]
    if is_file and outer and all(file.family == "image" for file in outer):
        why = IN_PICTURE
    return f"This was not sent: {where} holds {what}, and {why}. Please take it out and send again."


def _answer_message(rule: CompiledRule, entities: Iterable[str]) -> str:
    what = ", ".join(sorted(set(entities))[:3]) or "sensitive values"
    if rule.action is Verdict.BLOCK:
        return f"Rule `{rule.id}` stopped this answer because it contains {what}."
    return f"Rule `{rule.id}` took {what} out of this answer."


def _default_message(rule: CompiledRule, entities: Iterable[str]) -> str:
    what = ", ".join(sorted(set(entities))[:3])
    why = f" because it contains {what}" if what else ""
    match rule.action:
        case Verdict.BLOCK:
            return f"Rule `{rule.id}` stopped this request{why}. Please take it out and try again."
        case Verdict.COACH:
            return f"This was not sent yet: rule `{rule.id}` asks you to think about it first{why}."
        case Verdict.REDACT:
            return f"Rule `{rule.id}` took out {what or 'sensitive values'} before sending."
        case Verdict.ALLOW | Verdict.LOG:
            return ""
        case other:
            assert_never(other)
