"""How do policy files become something that can be evaluated? Merged, checked and resolved.

Law: all or nothing. Either every file is sound and one immutable `PolicySet` comes out, or
`DocumentError` names every problem in every file. A name that nothing knows is an error, and so
is a rule that can have no effect: a rule that silently does nothing is a hole.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import ipaddress
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Literal

from gateway import documents
from gateway.documents import DocumentError, Marks, Problem, suggest
from gateway.model import (
    CLEANED,
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
from gateway.policy.clock import TimeTest, time_test
from gateway.policy.document import (
    COUNT_KEYS,
    COUNTS,
    FINDING_KEYS,
    GRANTED_KEYS,
    MARKS,
    TAKES_OUT,
    WORDS,
    Answers,
    Coach,
    FileConditions,
    Node,
    Operator,
    PolicyDocument,
    Range,
    Rule,
    Section,
    Tenant,
    Unless,
    When,
    Whence,
    Where,
    fact_word,
)
from gateway.policy.rollout import WHOLE
from gateway.registers import SHARES, detector_of, entity_of

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNKNOWN = "unknown"
"""Service, category and fact value of what no catalogue knows."""

_DAY = 86_400
"""Seconds. POSIX time knows no other length of a day."""

OWN_GROUPS = ("company",)
"""Groups of an entity that a company's own detector defines and that names none (a test keeps it
in step with the detectors)."""

LESSONS = "lessons"
"""The folder of lessons, beside the policy files."""

LESSON_BYTES = 20_000
"""A longer lesson is no lesson."""

TEST_SUFFIX = "_test.yaml"
"""Files that hold test cases, not policies."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names that policies may use; the composition root fills it from the other stages.

    `services` maps id to category. `facts` maps a fact to its closed set of values, written as
    `gateway.policy.document.fact_word` writes them, or to None when any value is possible
    (numbers, dates). `groups` maps a group to its entities. `detectors` are the names of detectors
    that tell kinds of an entity apart. `lessons` are those that come with the gateway.
    """

    services: Mapping[str, str]
    categories: frozenset[str]
    operations: frozenset[str]
    facts: Mapping[str, frozenset[str] | None]
    entities: frozenset[str]
    groups: Mapping[str, frozenset[str]]
    detectors: frozenset[str] = frozenset()
    protocols: frozenset[str] = frozenset()
    lessons: frozenset[str] = frozenset()


# --- the executable form -------------------------------------------------------------------------


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


# --- reading the directory -----------------------------------------------------------------------


def policy_files(directory: Path) -> tuple[Path, ...]:
    """The policy files of `directory` in the order of merging; `DocumentError` when none."""
    if not directory.is_dir():
        raise DocumentError([Problem(str(directory), 0, 0, "is not a directory of policies")])
    names = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    # INVARIANT: a file that looks like a policy is never passed over in silence.
    odd = [path for path in names if path.suffix.lower() in {".yml", ".yaml"} - {path.suffix}]
    odd += [path for path in names if path.suffix == ".yml"]
    if odd:
        raise DocumentError(
            Problem(str(path), 0, 0, "would not be read; name policy files `*.yaml`")
            for path in set(odd)
        )
    files = tuple(
        path for path in names if path.suffix == ".yaml" and not path.name.endswith(TEST_SUFFIX)
    )
    if not files:
        raise DocumentError(
            [Problem(str(directory), 0, 0, "holds no policy; put at least one `*.yaml` there")]
        )
    return files


def fingerprint(directory: Path) -> str:
    """A cheap mark of the directory's state: changes when any policy file does. Never raises.

    Made of names, sizes, times and inodes, not of contents; equal marks mean "nothing to reload".
    """
    state = hashlib.blake2b(digest_size=16)
    try:
        lessons = directory / LESSONS
        inside = lessons.iterdir() if lessons.is_dir() else ()
        for path in sorted((*directory.iterdir(), *inside)):
            if path.suffix.lower() in {".yaml", ".yml", ".md"}:
                info = path.stat()
                mark = (path.name, info.st_mtime_ns, info.st_size, info.st_ino)
                state.update(repr(mark).encode())
    except OSError as error:
        state.update(f"unreadable {error.errno}".encode())
    return state.hexdigest()


@dataclass(frozen=True, slots=True)
class _File:
    source: str
    text: str
    document: PolicyDocument


def load(directory: Path, vocabulary: Vocabulary) -> PolicySet:
    """Read, check and compile all policies of `directory`.

    Raises `DocumentError` with all problems of all files; nothing is half loaded.
    """
    problems: list[Problem] = []
    files: list[_File] = []
    digest = hashlib.blake2b(digest_size=8)
    for path in policy_files(directory):
        try:
            text = documents.read(path)
            digest.update(f"{len(path.name)}:{path.name}:{len(text)}:".encode())
            digest.update(text.encode())
            document = documents.load(text, PolicyDocument, source=str(path))
        except DocumentError as error:
            problems.extend(error.problems)
        else:
            files.append(_File(str(path), text, document))
    lessons = _lessons(directory / LESSONS, problems)
    for lesson in lessons:
        digest.update(f"{lesson.name}.{lesson.language}:{len(lesson.text)}:{lesson.text}".encode())
    return _compile(
        files, vocabulary, revision=digest.hexdigest(), problems=problems, lessons=lessons
    )


_LESSON_FILE = re.compile(r"([a-z0-9][a-z0-9_-]{0,39})\.([a-z]{2})\.md")


def _lessons(folder: Path, problems: list[Problem]) -> tuple[Lesson, ...]:
    """The lessons of a folder; what is wrong with their files goes to `problems`."""
    lessons: list[Lesson] = []
    if not folder.is_dir():
        return ()
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        found = _LESSON_FILE.fullmatch(path.name)
        if found is None:
            message = "is not a lesson; name it by lesson and language, e.g. `secrets.en.md`"
            problems.append(Problem(str(path), 0, 0, message))
            continue
        try:
            text = documents.read(path)
        except DocumentError as error:
            problems.extend(error.problems)
            continue
        if len(text) > LESSON_BYTES or not text.strip():
            message = f"a lesson has 1 to {LESSON_BYTES} characters, this one {len(text.strip())}"
            problems.append(Problem(str(path), 1, 1, message))
        lessons.append(Lesson(found[1], found[2], text, str(path)))
    return tuple(lessons)


@dataclass(frozen=True, slots=True)
class Written:
    """What is written in a directory, with all overrides applied: plain data, by name.

    Not checked beyond its shape; `load` does that.
    """

    rules: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, Sequence[str]]
    services: Mapping[str, Mapping[str, Any]]
    detectors: Mapping[str, Any]
    settings: Mapping[str, Any]


def written(directory: Path) -> Written:
    """The policies of `directory` as their authors wrote them, for comparing."""
    files = []
    for path in policy_files(directory):
        text = documents.read(path)
        document = documents.load(text, PolicyDocument, source=str(path))
        files.append(_File(str(path), text, document))
    marks = {file.source: Marks(file.text, file.source) for file in files}
    rules: dict[str, Mapping[str, Any]] = {}
    for file in files:
        for _, rule, _ in _written(file.document, [], []):
            changes = _Changes.of(rule.id, files, marks)
            if changes.enabled:
                whole = changes.applied(rule)
                if changes.unless:
                    more = (*rule.unless, *(placed.unless for placed in changes.unless))
                    whole = whole.model_copy(update={"unless": more})
                rules[rule.id] = _plain(whole, exclude={"id"})
    documents_ = [file.document for file in files]
    detectors: dict[str, Any] = {}
    for number, document in enumerate(documents_):
        for key, value in document.detectors.items():
            # Of lists, each file's own is told by itself; of all else the later file wins.
            detectors[
                f"{key} of {Path(files[number].source).name}" if isinstance(value, list) else key
            ] = value
    return Written(
        rules=rules,
        groups={name: list(each) for d in documents_ for name, each in d.entity_groups.items()},
        services={
            str(service.get("id", position)): service
            for d in documents_
            for position, service in enumerate(d.services)
        },
        detectors=detectors,
        settings={
            "inspect_hosts": [host for d in documents_ for host in d.inspect_hosts],
            "pass_through": [host for d in documents_ for host in d.pass_through],
            "api_keys": {
                name: list(prints) for d in documents_ for name, prints in d.api_keys.items()
            },
            "approved": {name: _plain(one) for d in documents_ for name, one in d.approved.items()},
            "tenants": {
                one.id: _plain(one, exclude={"id"}) for d in documents_ for one in d.tenants
            },
            "answers": {
                key: value
                for d in documents_
                for key, value in _plain(d.answers, exclude={"rules"}).items()
            },
        },
    )


def _plain(model: Node, *, exclude: set[str] | None = None) -> dict[str, Any]:
    plain: dict[str, Any] = model.model_dump(mode="json", exclude_unset=True, exclude=exclude)
    return plain


def compile_text(text: str, vocabulary: Vocabulary, *, source: str = "policy.yaml") -> PolicySet:
    """Compile one document that is not in a directory, e.g. from a check of a draft."""
    document = documents.load(text, PolicyDocument, source=source)
    revision = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return _compile([_File(source, text, document)], vocabulary, revision=revision, problems=[])


def _compile(
    files: Sequence[_File],
    vocabulary: Vocabulary,
    *,
    revision: str,
    problems: list[Problem],
    lessons: tuple[Lesson, ...] = (),
) -> PolicySet:
    # A file that does not parse may define services and groups that others name: then a name
    # that nothing knows is not reported, so that every reported problem is a real one.
    complete = not problems
    services = tuple(
        Section(service, file.source, ("services", position), file.text)
        for file in files
        for position, service in enumerate(file.document.services)
    )
    names = _Names(vocabulary, services, complete=complete)
    names.lessons |= {lesson.name for lesson in lessons}
    marks = {file.source: Marks(file.text, file.source) for file in files}
    for file in files:
        names.add_entities(file, marks[file.source], problems)
    for file in files:
        names.add_groups(file, marks[file.source], problems)
    names.resolve_groups(problems)
    for file in files:
        names.add_approved(file, marks[file.source], problems)
    for file in files:
        names.add_keys(file, marks[file.source], problems)
    rules: list[CompiledRule] = []
    answers: list[CompiledRule] = []
    places: dict[str, Problem] = {}
    for file in files:
        for at, rule, into in _written(file.document, rules, answers):
            here = marks[file.source].problem((*at, "id"), "")
            if (first := places.get(rule.id)) is not None:
                problems.append(
                    marks[file.source].problem(
                        (*at, "id"),
                        f"rule `{rule.id}` exists already at {first.source}:{first.line};"
                        " give one of them another id",
                    )
                )
                continue
            places[rule.id] = here
            changes = _Changes.of(rule.id, files, marks)
            if not changes.enabled:
                continue
            if into is answers:
                problems.extend(changes.outward)
            compiler = _RuleCompiler(changes.applied(rule), names, marks[file.source], at)
            into.append(compiler.compile(changes.unless))
            problems.extend(compiler.problems)
    tenants: list[TenantRule] = []
    for file in files:
        for position, tenant in enumerate(file.document.tenants):
            maker = _TenantCompiler(tenant.id, names, marks[file.source], ("tenants", position))
            if tenant.id in {made.id for made in tenants}:
                maker.wrong(("id",), "exists already; give one of them another id")
            tenants.append(maker.compile(tenant))
            problems.extend(maker.problems)
    problems.extend(
        marks[file.source].problem(
            ("overrides", name), f"unknown rule `{name}`{suggest(name, places)}"
        )
        for file in files
        for name in file.document.overrides
        if name not in places and complete
    )
    if problems:
        raise DocumentError(problems)
    return PolicySet(
        revision=revision,
        rules=tuple(rules),
        pass_through=_unique(file.document.pass_through for file in files),
        inspect_hosts=_unique(file.document.inspect_hosts for file in files),
        services=services,
        detectors=tuple(
            Section(file.document.detectors, file.source, ("detectors",), file.text)
            for file in files
            if file.document.detectors
        ),
        entity_groups={name: names.groups[name] for name in names.own},
        own_entities=frozenset(names.own_entities),
        sources=tuple(file.source for file in files),
        restoring=_restoring([file.document.answers for file in files]),
        answers=tuple(answers),
        api_keys=names.api_keys,
        tenants=tuple(tenants),
        lessons=lessons,
    )


def _written(
    document: PolicyDocument, rules: list[CompiledRule], answers: list[CompiledRule]
) -> Iterator[tuple[tuple[str | int, ...], Rule, list[CompiledRule]]]:
    """The rules of a document: where each stands, and with which others it belongs."""
    for position, rule in enumerate(document.rules):
        yield ("rules", position), rule, rules
    for position, one in enumerate(document.answers.rules):
        yield ("answers", "rules", position), one.as_rule(), answers


def _restoring(documents: Sequence[Answers]) -> Restoring:
    given = {
        key: getattr(document, key) for document in documents for key in document.model_fields_set
    }
    restore = given.get("restore", ("text", "tool_calls"))
    return Restoring(
        text="text" in restore,
        tools="tool_calls" in restore,
        url_hosts=tuple(normal_host(host) for host in given.get("restore_in_urls", ())),
        not_in_tools=tuple(name.lower() for name in given.get("keep_in_tools", ())),
    )


def _unique(hosts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(normal_host(host) for some in hosts for host in some))


@dataclass(frozen=True, slots=True)
class _Placed:
    """An exception and where it stands, which may be another file than its rule's."""

    unless: Unless
    marks: Marks
    at: tuple[str | int, ...]


_OUTWARD = frozenset({"tokenise", "coach"})
"""Actions for what leaves, and for nothing else."""


@dataclass(frozen=True, slots=True)
class _Changes:
    """What all files together change of one rule."""

    enabled: bool
    values: Mapping[str, object]
    unless: tuple[_Placed, ...]
    outward: tuple[Problem, ...] = ()
    """Where something is asked for that a rule for answers cannot do."""

    @classmethod
    def of(cls, name: str, files: Sequence[_File], marks: Mapping[str, Marks]) -> _Changes:
        enabled, unless = True, list[_Placed]()
        outward: tuple[Problem, ...] = ()
        values: dict[str, object] = {}
        for file in files:
            change = file.document.overrides.get(name)
            if change is None:
                continue
            given = change.model_fields_set
            enabled = change.enabled if "enabled" in given else enabled
            values |= {key: getattr(change, key) for key in given - {"enabled", "unless"}}
            if "action" in given:
                wrong = marks[file.source].problem(
                    ("overrides", name, "action"),
                    f"rule `{name}`: `{change.action}` is for what leaves; in answers use `redact`",
                )
                outward = (wrong,) if change.action in _OUTWARD else ()
            unless += [
                _Placed(item, marks[file.source], ("overrides", name, "unless", position))
                for position, item in enumerate(change.unless)
            ]
        return cls(enabled, values, tuple(unless), outward)

    def applied(self, rule: Rule) -> Rule:
        """The rule with its changed values; operators go when it no longer redacts, shares when it monitors."""
        update: dict[str, object] = dict(self.values)
        if self.values.get("action", "redact") not in TAKES_OUT:
            update["redact"] = {}
        if self.values.get("action", "coach") != "coach":
            update["coach"] = Coach.model_construct(_fields_set=set())
        if "action" in self.values:
            update["to"] = None
        if self.values.get("mode") == "monitor" and "rollout" not in self.values:
            update["rollout"] = WHOLE
        if not update:
            return rule
        changed = rule.model_copy(update=update)
        if "coach" in update and "coach" not in self.values:
            changed.model_fields_set.discard("coach")
        return changed


# --- names ---------------------------------------------------------------------------------------


def _own_entities(
    detectors: Mapping[str, Any],
) -> Iterator[tuple[tuple[str | int, ...], str, Sequence[Any]]]:
    """Place, name and groups of each entity that the detectors of a file define."""
    for kind in ("custom", "registered"):
        listed = detectors.get(kind)
        for position, each in enumerate(listed if isinstance(listed, list) else []):
            if not isinstance(each, dict):
                continue
            key, name = "entity", each.get("entity")
            if name is None and kind == "registered" and isinstance(each.get("name"), str):
                key, name = "name", entity_of(each["name"])
            if isinstance(name, str):
                groups = each.get("groups", OWN_GROUPS)
                listed_groups = groups if isinstance(groups, list | tuple) else ()
                yield (kind, position, key), name, listed_groups


def _own_detectors(registered: Mapping[str, Any]) -> frozenset[str]:
    """The detectors that findings of a register name."""
    columns = registered.get("columns")
    parts = {
        "table": tuple(columns) if isinstance(columns, dict) else (),
        "documents": SHARES,
    }.get(str(registered.get("kind")), ("",))
    return frozenset(detector_of(registered["name"], str(part)) for part in parts)


class _Names:
    """Every name that rules may use: the vocabulary, and what the policies themselves add."""

    def __init__(
        self, vocabulary: Vocabulary, services: Sequence[Section], *, complete: bool
    ) -> None:
        self.complete = complete
        self.services = {UNKNOWN: UNKNOWN, **vocabulary.services}
        self.categories = {UNKNOWN, *vocabulary.categories}
        self.operations = {"other", UNKNOWN, *vocabulary.operations}
        self.facts = vocabulary.facts
        self.entities = set(vocabulary.entities)
        self.detectors = vocabulary.detectors
        self.own_entities: dict[str, Problem] = {}
        self.registered: frozenset[str] = frozenset()
        self.groups = dict(vocabulary.groups)
        self.own: dict[str, tuple[Problem, tuple[str, ...]]] = {}
        self.api_keys: dict[str, frozenset[str]] = {}
        self.protocols = vocabulary.protocols
        self.lessons = set(vocabulary.lessons)
        self.approved: dict[str, Approved] = {}
        self._mentioned: list[tuple[str, str, Problem]] = []
        for section in services:
            # Only the names are looked at; the stage that owns services checks the rest.
            name, category = section.value.get("id"), section.value.get("category")
            if isinstance(category, str):
                self.categories.add(category)
            if isinstance(name, str):
                known = self.services.get(name, UNKNOWN)
                self.services[name] = category if isinstance(category, str) else known
            operations = section.value.get("operations")
            if isinstance(operations, dict):
                self.operations.update(key for key in operations if isinstance(key, str))
            for operation in operations if isinstance(operations, list) else []:
                if isinstance(operation, dict) and isinstance(operation.get("id"), str):
                    self.operations.add(operation["id"])

    def add_entities(self, file: _File, marks: Marks, problems: list[Problem]) -> None:
        """Take the entities that one file's detectors define; a name taken twice is a problem.

        Only names are looked at; the stage that owns detectors checks the rest.
        """
        for place, name, groups in _own_entities(file.document.detectors):
            here = marks.problem(("detectors", *place), "")
            if (first := self.own_entities.get(name)) is not None:
                message = f"entity `{name}` exists already at {first.source}:{first.line}"
                problems.append(dataclasses.replace(here, message=message))
                continue
            if name in self.entities:
                continue  # a built-in one: the stage says so
            self.own_entities[name] = here
            self.entities.add(name)
            for group in groups:
                if isinstance(group, str) and group in self.groups:
                    self.groups[group] |= {name}
        registered = file.document.detectors.get("registered")
        for each in registered if isinstance(registered, list) else []:
            if isinstance(each, dict) and isinstance(each.get("name"), str):
                self.registered |= _own_detectors(each)

    def add_groups(self, file: _File, marks: Marks, problems: list[Problem]) -> None:
        """Take the groups that one file defines; a name that is taken is a problem."""
        for name, members in file.document.entity_groups.items():
            here = marks.problem(("entity_groups", name), "")
            if name in self.own:
                first = self.own[name][0]
                message = f"group `{name}` exists already at {first.source}:{first.line}"
            elif name in self.groups or name in self.entities:
                message = f"`{name}` is a built-in name; choose another"
            else:
                self.own[name] = (here, members)
                for position, member in enumerate(members):
                    place = marks.problem(("entity_groups", name, position), "")
                    self._mentioned.append((name, member, place))
                continue
            problems.append(marks.problem(("entity_groups", name), message))

    def add_approved(self, file: _File, marks: Marks, problems: list[Problem]) -> None:
        """Take the endpoints that one file approves."""
        for name, one in file.document.approved.items():

            def wrong(key: str, message: str, name: str = name) -> None:
                problems.append(marks.problem(("approved", name, *filter(None, [key])), message))

            if name in self.approved:
                wrong("", f"`{name}` is approved already in another file")
            if one.protocol not in self.protocols:
                wrong(
                    "protocol",
                    f"unknown protocol `{one.protocol}`{suggest(one.protocol, self.protocols)}",
                )
            if one.service and one.service not in self.services and self.complete:
                wrong(
                    "service",
                    f"unknown service `{one.service}`{suggest(one.service, self.services)}",
                )
            self.approved[name] = Approved(
                name, one.title or name, one.url, one.protocol, one.service
            )

    def add_keys(self, file: _File, marks: Marks, problems: list[Problem]) -> None:
        """Take the lists of API keys that one file defines; a name that is taken is a problem."""
        for name, prints in file.document.api_keys.items():
            if name in self.api_keys:
                message = f"list `{name}` of API keys exists already in another file"
                problems.append(marks.problem(("api_keys", name), message))
            self.api_keys[name] = frozenset(prints)

    def resolve_groups(self, problems: list[Problem]) -> None:
        """Turn own groups, which may name each other, into sets of entities."""
        known = {*self.entities, *self.groups, *self.own}
        problems.extend(
            dataclasses.replace(
                place,
                message=f"group `{name}`: unknown entity or group `{member}`"
                + suggest(member, known),
            )
            for name, member, place in self._mentioned
            if member not in known and self.complete
        )
        for name, (here, _) in self.own.items():
            try:
                self.groups[name] = self._members(name, ())
            except RecursionError:
                problems.append(
                    Problem(here.source, here.line, here.column, f"group `{name}` holds itself")
                )
                self.groups[name] = frozenset()

    def _members(self, name: str, path: tuple[str, ...]) -> frozenset[str]:
        if name in path:
            raise RecursionError
        if name in self.entities:
            return frozenset({name})
        if name in self.own:
            parts = [self._members(member, (*path, name)) for member in self.own[name][1]]
            return frozenset().union(*parts)
        return self.groups.get(name, frozenset())


# --- rules ---------------------------------------------------------------------------------------


class _WhenceCompiler:
    """Resolves conditions on where requests go and who sends them; collects what is wrong."""

    def __init__(self, told: str, names: _Names, marks: Marks, at: tuple[str | int, ...]) -> None:
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


class _TenantCompiler(_WhenceCompiler):
    """Compiles one restriction to tenants."""

    def __init__(self, name: str, names: _Names, marks: Marks, at: tuple[str | int, ...]) -> None:
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


class _RuleCompiler(_WhenceCompiler):
    """Compiles one rule and collects what is wrong with it."""

    def __init__(self, rule: Rule, names: _Names, marks: Marks, at: tuple[str | int, ...]) -> None:
        super().__init__(f"rule `{rule.id}`", names, marks, at)
        self.rule = rule

    def compile(self, further: Sequence[_Placed] = ()) -> CompiledRule:
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

    def _placed_exemption(self, placed: _Placed) -> Exemption:
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


STRICTNESS = ("partial", "token", "hash", "mask", "replace")
"""Operators from the one that shows most to the one that shows nothing, not even a length."""


def strictest(first: OperatorCall, second: OperatorCall) -> OperatorCall:
    """The operator that shows less; of two alike, one chosen by content, so order is no matter."""
    return max(first, second, key=_strictness)


def _strictness(call: OperatorCall) -> tuple[int, bool, str]:
    one_way = dict(call.params).get("restore") is False
    return STRICTNESS.index(call.operator), one_way, repr(call.params)


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


def normal_host(host: str) -> str:
    """A host as rules compare it: lower case, without the root's dot."""
    return host.lower().rstrip(".")


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
