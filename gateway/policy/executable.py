"""What are policies when they are evaluated? Rules with every name resolved, in one `PolicySet`.

Law: immutable, picklable, and without content. It says what is tested, not how that was written:
whoever evaluates policies needs this and no compiler. A test's `holds` tells by itself what it wants.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from gateway.documents import Marks, Problem, check
from gateway.model import (
    Act,
    Approved,
    Cleaned,
    FileInfo,
    Finding,
    Mode,
    PartKind,
    Restoring,
    Role,
    Route,
    Severity,
    UnreadReason,
    Verdict,
)
from gateway.policy.clock import TimeTest
from gateway.policy.rollout import WHOLE
from gateway.policy.words import fact_word

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNKNOWN = "unknown"
"""Service, category and fact value of what no catalogue knows."""


@dataclass(frozen=True, slots=True)
class FactTest:
    """A fact's wanted values and number ranges; any of them is enough."""

    words: frozenset[str]
    ranges: tuple[tuple[int | None, int | None], ...] = ()

    def holds(self, value: str) -> bool:
        """Whether the fact with this value (as `fact_word` writes it) is wanted."""
        if value in self.words:
            return True
        if not self.ranges:
            return False
        if value == "indefinite":
            return any(low is not None and high is None for low, high in self.ranges)
        if not value.isdecimal():
            return False
        number = int(value)
        return any(
            (low is None or number >= low) and (high is None or number <= high)
            for low, high in self.ranges
        )


@dataclass(frozen=True, slots=True)
class RouteTest:
    """Conditions on the route alone; None stands for any."""

    services: frozenset[str] | None = None
    categories: frozenset[str] | None = None
    operations: frozenset[str] | None = None
    acts: frozenset[Act] | None = None
    facts: tuple[tuple[str, FactTest], ...] = ()

    def holds(self, route: Route) -> bool:
        """Whether an exchange on this route can match."""
        return (
            (self.services is None or route.service in self.services)
            and (self.categories is None or route.category in self.categories)
            and (self.operations is None or route.operation in self.operations)
            and (self.acts is None or route.act in self.acts)
            and all(
                test.holds(fact_word(route.facts.get(name, UNKNOWN))) for name, test in self.facts
            )
        )


@dataclass(frozen=True, slots=True)
class Glob:
    """A word with `*` for anything, as it is written and as it is compared."""

    text: str
    pattern: re.Pattern[str] = field(compare=False, repr=False)

    def match(self, word: str) -> bool:
        """Whether `word` is meant."""
        return self.pattern.match(word) is not None

    @classmethod
    def of(cls, text: str) -> Glob:
        """The glob that is written `text`."""
        return cls(text, re.compile(fnmatch.translate(text)))


@dataclass(frozen=True, slots=True)
class KeyTest:
    """Whether the keys of a request are among `prints`, or (`outside`) are not.

    `lists` are the names of the lists, as they are written.
    """

    prints: frozenset[str]
    outside: bool
    lists: tuple[str, ...]

    def holds(self, keys: frozenset[str] | None, *, in_doubt: bool) -> bool:
        """Of several keys one decides against the sender: nobody knows which the service takes."""
        if keys is None:
            return in_doubt
        if self.outside:
            return not keys or not keys <= self.prints
        return bool(keys & self.prints) if in_doubt else bool(keys) and keys <= self.prints


@dataclass(frozen=True, slots=True)
class SenderTest:
    """Conditions on the exchange beyond its route; an empty tuple stands for any."""

    hosts: tuple[Glob, ...] = ()
    actors: tuple[Glob, ...] = ()
    networks: tuple[Network, ...] = ()
    time: TimeTest | None = None
    groups: tuple[Glob, ...] = ()
    devices: tuple[Glob, ...] = ()
    identified: bool | None = None
    keys: KeyTest | None = None


@dataclass(frozen=True, slots=True)
class FindingTest:
    """Conditions on one finding; None stands for any."""

    entities: frozenset[str] | None = None
    roles: frozenset[Role] | None = None
    kinds: frozenset[PartKind] | None = None
    fingerprints: frozenset[str] | None = None
    detectors: tuple[Glob, ...] = ()
    min_confidence: float = 0.0
    min_length: int = 1

    def holds(self, finding: Finding) -> bool:
        """Whether this finding is selected."""
        return (
            finding.confidence >= self.min_confidence
            and finding.end - finding.start >= self.min_length
            and (self.entities is None or finding.entity in self.entities)
            and (self.roles is None or finding.role in self.roles)
            and (self.kinds is None or finding.kind in self.kinds)
            and (self.fingerprints is None or finding.fingerprint in self.fingerprints)
            and (
                not self.detectors
                # A disguise is told after the name: `code:python+base64`.
                or any(name.match(finding.detector.partition("+")[0]) for name in self.detectors)
            )
        )


@dataclass(frozen=True, slots=True)
class FileTest:
    """Conditions on one file; None stands for any. Sizes in bytes.

    `counts` are facts with the least and the most that they may be, `marks` facts that must be
    there, `words` facts of which one word must match one of the patterns.
    """

    families: frozenset[str] | None = None
    media_types: tuple[Glob, ...] = ()
    min_size: int = 0
    max_size: int | None = None
    mismatch: bool = False
    uploaded: bool = False
    counts: tuple[tuple[str, float, float], ...] = ()
    marks: tuple[str, ...] = ()
    words: tuple[tuple[str, tuple[Glob, ...]], ...] = ()

    def holds(self, file: FileInfo) -> bool:
        """Whether this file is selected."""
        return (
            (self.families is None or file.family in self.families)
            and (
                not self.media_types
                or any(pattern.match(file.media_type.lower()) for pattern in self.media_types)
            )
            and file.size >= self.min_size
            and (self.max_size is None or file.size <= self.max_size)
            and (not self.mismatch or mismatched(file))
            and (not self.uploaded or not any(step.codec == "file" for step in file.locator.steps))
            and all(file.facts.get(name) is True for name in self.marks)
            and all(low <= _count(file, name) <= high for name, low, high in self.counts)
            and all(_says(file, name, patterns) for name, patterns in self.words)
        )


def _count(file: FileInfo, name: str) -> float:
    value = file.facts.get(name, 0)
    return float(value) if isinstance(value, int | float) else 0.0


def _says(file: FileInfo, name: str, patterns: Sequence[Glob]) -> bool:
    said = str(file.facts.get(name, "")).lower().split("; ")
    return any(word and pattern.match(word) for word in said for pattern in patterns)


_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "application/x-zip-compressed": "application/zip",
    "application/x-zip": "application/zip",
    "application/x-pdf": "application/pdf",
    "application/x-gzip": "application/gzip",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/mp3": "audio/mpeg",
}

_NO_CLAIM = frozenset({"", "application/octet-stream", "binary/octet-stream"})


def mismatched(file: FileInfo) -> bool:
    """Whether a file is not what it was declared to be.

    A declaration that claims nothing is no mismatch, nor is one kind of text sent as another
    (source code has no type of its own that senders agree on).
    """
    if file.facts.get("mismatch") is True:
        return True
    declared = file.declared_type.partition(";")[0].strip().lower()
    if declared in _NO_CLAIM:
        return False
    if file.family == "text":
        return declared.partition("/")[0] in {"image", "audio", "video"} or declared in {
            "application/pdf",
            "application/zip",
        }
    true = file.media_type.partition(";")[0].strip().lower()
    return _ALIASES.get(declared, declared) != _ALIASES.get(true, true)


@dataclass(frozen=True, slots=True)
class HistoryTest:
    """How many pictures with faces, this request's among them, in how many seconds."""

    at_least: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an exception stands, and what is said of it; nothing that has a say in a verdict.

    `granted` is true of an exception that somebody was given, and false of one that belongs to the
    rule's own meaning (that an identifier must go out as it is, say).
    """

    place: Problem = field(default_factory=lambda: Problem("", 0, 0, ""))
    owner: str = ""
    reason: str = ""
    last_day: date | None = None
    granted: bool = False


@dataclass(frozen=True, slots=True)
class Exemption:
    """A compiled `unless`: a route and sender, and which items of theirs are left out.

    With no item test at all it leaves out the whole rule. `until` is Unix time in seconds.
    """

    route: RouteTest
    sender: SenderTest
    finding: FindingTest | None
    file: FileTest | None
    unread: frozenset[UnreadReason] | None
    until: float | None
    origin: Origin = field(default_factory=Origin, compare=False)


@dataclass(frozen=True, slots=True)
class Coaching:
    """How people are coached by a rule. `valid_for` in seconds; a reason is a word or a sentence."""

    lesson: str
    reasons: tuple[str, ...]
    valid_for: int
    ask_text: Literal["optional", "required", "never"]
    use_instead: str = ""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson in one language, as Markdown; `source` is the file that it stands in."""

    name: str
    language: str
    text: str = field(repr=False)
    source: str = ""


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule, resolved: groups are entities, names are known, operators are per entity.

    `rollout` is the share of the senders for whom it is enforced, in hundredths of a percent.
    """

    id: str
    title: str
    severity: Severity
    mode: Mode
    action: Verdict
    message: str
    route: RouteTest
    sender: SenderTest
    finding: FindingTest | None
    min_count: int
    min_distinct: int
    file: FileTest | None
    unread: frozenset[UnreadReason] | None
    unless: tuple[Exemption, ...]
    operators: Mapping[str, OperatorCall]
    default_operator: OperatorCall
    clean: tuple[tuple[Cleaned, str], ...] = ()
    history: HistoryTest | None = None
    rollout: int = WHOLE
    to: Approved | None = None
    coaching: Coaching | None = None


@dataclass(frozen=True, slots=True)
class TenantRule:
    """Headers that are set on requests, and on which."""

    id: str
    route: RouteTest
    sender: SenderTest
    unless: tuple[tuple[RouteTest, SenderTest], ...]
    headers: tuple[tuple[str, str], ...]
    place: Problem = field(default_factory=lambda: Problem("", 0, 0, ""), compare=False)


@dataclass(frozen=True, slots=True)
class OperatorCall:
    """An operator's name and its parameters, in the form that `model.Redaction` carries."""

    operator: str
    params: tuple[tuple[str, str | int], ...] = ()


REPLACE = OperatorCall("replace")

STRICTNESS = ("partial", "token", "hash", "mask", "replace")
"""Operators from the one that shows most to the one that shows nothing, not even a length."""


def strictest(first: OperatorCall, second: OperatorCall) -> OperatorCall:
    """The operator that shows less; of two alike, one chosen by content, so order is no matter."""
    return max(first, second, key=_strictness)


def _strictness(call: OperatorCall) -> tuple[int, bool, str]:
    one_way = dict(call.params).get("restore") is False
    return STRICTNESS.index(call.operator), one_way, repr(call.params)


class RouteIndex:
    """Which rules can match on a route, worked out once per route. Bounded; holds no content."""

    __slots__ = ("_cache", "_rules")

    CAPACITY = 4096

    def __init__(self, rules: tuple[CompiledRule, ...]) -> None:
        self._rules = rules
        self._cache: dict[object, Candidates] = {}

    def candidates(self, route: Route) -> Candidates:
        """The rules whose route conditions hold, split by what they look at."""
        # The facts belong to the key: a reloaded catalogue may say otherwise of the same service.
        key = (
            route.service,
            route.category,
            route.operation,
            route.act,
            tuple(route.facts.items()),
        )
        found = self._cache.get(key)
        if found is None:
            found = Candidates.of(rule for rule in self._rules if rule.route.holds(route))
            if len(self._cache) >= self.CAPACITY:
                self._cache.clear()
            self._cache[key] = found
        return found


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rules of one route by what they need: nothing more, findings, unread places or files."""

    plain: tuple[CompiledRule, ...]
    finding: tuple[CompiledRule, ...]
    unread: tuple[CompiledRule, ...]
    file: tuple[CompiledRule, ...]

    @classmethod
    def of(cls, rules: Iterable[CompiledRule]) -> Candidates:
        """Split `rules`; one that needs several things stands under the first of them."""
        plain, finding, unread, file = [], [], [], []
        for rule in rules:
            if rule.finding is not None:
                finding.append(rule)
            elif rule.unread is not None:
                unread.append(rule)
            elif rule.file is not None:
                file.append(rule)
            else:
                plain.append(rule)
        return cls(tuple(plain), tuple(finding), tuple(unread), tuple(file))


@dataclass(frozen=True, slots=True)
class Section:
    """A raw part of a policy file that another stage checks, and where it stands.

    `value` is plain YAML data; `at` is its path in the document whose text is `text`.
    """

    value: Mapping[str, Any]
    source: str
    at: tuple[str | int, ...]
    text: str

    def check[T](self, shape: type[T], *, context: object = None) -> T:
        """The value as `shape`; `DocumentError` with file, line and column else."""
        return check(
            self.value, shape, text=self.text, source=self.source, at=self.at, context=context
        )

    def problem(self, place: Sequence[str | int], message: str) -> Problem:
        """Something wrong at a path within the value."""
        return Marks(self.text, self.source).problem((*self.at, *place), message)


@dataclass(frozen=True, slots=True)
class PolicySet:
    """All policies of a directory, ready to evaluate. Immutable, and picklable for workers.

    `revision` is a hash of the files' names and contents. `services` and `detectors` are raw:
    the stages that own them check them. `own_entities` are those that the detectors of the files
    define. `sources` are the files, in the order of merging. `answers` are the rules for answers,
    `api_keys` lists of fingerprints, `lessons` those of the folder `lessons`.
    """

    revision: str
    rules: tuple[CompiledRule, ...]
    pass_through: tuple[str, ...] = ()
    inspect_hosts: tuple[str, ...] = ()
    services: tuple[Section, ...] = ()
    detectors: tuple[Section, ...] = ()
    entity_groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    own_entities: frozenset[str] = frozenset()
    sources: tuple[str, ...] = ()
    restoring: Restoring = field(default_factory=Restoring)
    answers: tuple[CompiledRule, ...] = ()
    api_keys: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tenants: tuple[TenantRule, ...] = ()
    lessons: tuple[Lesson, ...] = ()
    index: RouteIndex = field(init=False, repr=False, compare=False)
    answer_index: RouteIndex = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "index", RouteIndex(self.rules))
        object.__setattr__(self, "answer_index", RouteIndex(self.answers))

    def keys_named(self, name: str) -> frozenset[str]:
        """What a request carries whose key is in the list `name`, or in none that is known."""
        if not name:
            return frozenset()
        return frozenset(sorted(self.api_keys.get(name, {f"not in a list: {name}"}))[:1])

    def sender_tests(self) -> Iterator[SenderTest]:
        """Every condition on senders: of rules, of exceptions, of restrictions to tenants."""
        for rule in self.every_rule:
            yield from (rule.sender, *(item.sender for item in rule.unless))
        for tenant in self.tenants:
            yield from (tenant.sender, *(sender for _, sender in tenant.unless))

    @property
    def asks_for_keys(self) -> bool:
        """Whether some rule or exception is about API keys."""
        return any(test.keys is not None for test in self.sender_tests())

    @property
    def coaches(self) -> bool:
        """Whether some rule coaches."""
        return any(rule.action is Verdict.COACH for rule in self.rules)

    @property
    def every_rule(self) -> tuple[CompiledRule, ...]:
        """The rules for requests and those for answers; no two have the same id."""
        return (*self.rules, *self.answers)

    def operators(self, name: str) -> Iterator[tuple[OperatorCall, frozenset[str] | None]]:
        """Each use of operator `name`, and the entities that it is used on; None for any."""
        for rule in self.rules:
            for entity, call in rule.operators.items():
                if call.operator == name:
                    yield call, frozenset({entity})
            if rule.default_operator.operator == name and rule.finding is not None:
                entities = rule.finding.entities
                yield (
                    rule.default_operator,
                    None if entities is None else entities - rule.operators.keys(),
                )


def normal_host(host: str) -> str:
    """A host as rules compare it: lower case, without the root's dot."""
    return host.lower().rstrip(".")
