"""Do the policies do what their authors meant? Test cases in YAML beside the policies.

Law: a case goes through the same `evaluate` as an exchange, with the real detectors, and a case
that fails says where it stands, what was wanted and what came. Nothing here is looser than the
real thing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from gateway import documents
from gateway.documents import DocumentError, Marks, Problem, suggest
from gateway.model import (
    Act,
    Exchange,
    FactValue,
    FileInfo,
    Finding,
    Locator,
    Match,
    Outcome,
    PartKind,
    Role,
    Route,
    Scan,
    Sent,
    Unread,
    UnreadReason,
)
from gateway.policy.directory import TEST_SUFFIX
from gateway.policy.document import COUNTS, FILE_FACTS, MARKS, WORDS, Node
from gateway.policy.evaluate import evaluate, evaluate_answer
from gateway.policy.executable import UNKNOWN, PolicySet
from gateway.policy.words import MOST_PICTURES, Family, Many, Seconds, Size, UnreadWord

type ScanText = Callable[[str, str], Sequence[Match]]
"""The detectors: a text and its label (the name of the field that holds it) to matches."""

type RouteOf = Callable[[str, str], Route | None]
"""The catalogue: a service id and an operation to their route; None when it knows neither."""

type VerdictWord = Literal["allow", "log", "redact", "coach", "block"]

_FIXED = frozenset({PartKind.IDENTIFIER, PartKind.NUMBER, PartKind.REASONING, PartKind.CREDENTIAL})
"""Kinds of places that go out as they are, unless a case says otherwise."""


class HistorySketch(Node):
    """What the sender has sent to the same service before."""

    face_pictures: Annotated[int, Field(ge=1, le=MOST_PICTURES)]
    """So many different pictures with faces."""
    ago: Seconds
    """So long ago: seconds, or e.g. `30 min`."""


class Request(Node):
    """Who sends what kind of request to whom. What is left out is unknown."""

    service: str = UNKNOWN
    """Service id; the catalogue gives its category, operations and facts."""
    category: str = ""
    """Instead of what the catalogue says."""
    operation: str = ""
    """Operation of the service."""
    act: Act | None = None
    """Instead of what the catalogue says of the operation."""
    facts: dict[str, str | bool | int] = Field(default_factory=dict)
    """Instead of what the catalogue says, fact by fact."""
    host: str = "host.invalid"
    """Host of the request."""
    actor: str = "someone"
    """Who sends it."""
    groups: Literal["unknown"] | Many[str] = ()
    """Groups that the sender is in; the word `unknown` when nobody knows them."""
    device: str = "a-device"
    """What it is sent with; empty when that is not known."""
    api_key: str = ""
    """A list of `api_keys` that its key is in, another word for another key; empty for no key."""
    source_ip: str = "192.0.2.1"
    """Where it comes from."""
    at: date | datetime = date(2000, 1, 1)
    """Day, or day and time (UTC without a zone); the default is before any exception ended."""
    history: Many[HistorySketch] = ()
    """What the sender has sent before."""
    justified: Many[str] = ()
    """Rules that coach, and were given a reason for all that is in this request."""


class PartSketch(Node):
    """A text in the request."""

    text: Many[str]
    """The text; a list is joined without a space, so that no live secret stands in a file."""
    role: Role = Role.USER
    """Who speaks."""
    part: PartKind = PartKind.TEXT
    """What kind of place it is."""
    label: str = ""
    """Name of the field that holds the text."""
    editable: bool | None = None
    """Whether it can be rewritten; ids, numbers, reasoning and credentials are not, by default."""
    file: Annotated[int, Field(ge=0)] | None = None
    """The text is in this file of the case, counted from 0."""


class FindingSketch(Node):
    """A finding, for cases that are about the policy alone."""

    entity: str
    """Entity that was found."""
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.95
    """How sure the detector is."""
    detector: Annotated[str, Field(min_length=1)] = "case"
    """Name of the detector, e.g. `code:python`."""
    length: Annotated[int, Field(ge=1)] = 1
    """Characters that it found."""
    count: Annotated[int, Field(ge=1, le=10_000)] = 1
    """So many findings with different values."""
    role: Role = Role.USER
    """Who speaks."""
    part: PartKind = PartKind.TEXT
    """What kind of place it is."""
    editable: bool | None = None
    """Whether it can be rewritten; ids, numbers, reasoning and credentials are not, by default."""
    file: Annotated[int, Field(ge=0)] | None = None
    """The finding is in this file of the case, counted from 0."""


class FileSketch(Node):
    """A file in the request."""

    family: Family
    """True kind, by content."""
    media_type: str = ""
    """True type, by content."""
    declared_type: str = ""
    """Type that the sender claims."""
    size: Size = 1000
    """Bytes, or e.g. `10 MB`."""
    facts: dict[str, bool | int | float | str] = Field(default_factory=dict)
    """What its readers say of it, e.g. `{faces: 2, gps: true, label: Confidential}`."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, value in self.facts.items():
            if name not in FILE_FACTS:
                raise ValueError(f"unknown fact `{name}`{suggest(name, FILE_FACTS)}")
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if name in COUNTS and not number:
                raise ValueError(f"fact `{name}` is a number")
            if name in WORDS and not isinstance(value, str):
                raise ValueError(f"fact `{name}` is a word")
            if name in MARKS and value is not True:
                raise ValueError(f"fact `{name}` is `true`, or left out")
        return self


class UnreadSketch(Node):
    """A place that could not be read."""

    reason: UnreadWord
    """Why."""
    size: Size = 1000
    """Bytes, or e.g. `10 MB`."""
    file: Annotated[int, Field(ge=0)] | None = None
    """It is this file of the case, counted from 0, or stands in it."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"reason": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.reason == "any":
            raise ValueError("`any` is not a reason; name one")
        return self


class AnswerSketch(Node):
    """A text in the answer."""

    text: Many[str]
    """The text; a list is joined without a space, so that no live secret stands in a file."""
    part: Literal["text", "tool_call", "reasoning", "key"] = "text"
    """What kind of place it is; reasoning reaches the client as it is."""


class Want(Node):
    """What must come out."""

    verdict: VerdictWord
    """The strictest action of all enforced rules."""
    monitored: VerdictWord | None = None
    """What the verdict would be if every rule enforced."""
    severity: Literal["info", "low", "medium", "high", "critical"] | None = None
    """The highest severity of the rules that matched."""
    rules: Many[str] = ()
    """Rules that must match, in whatever mode; others may match too."""
    not_rules: Many[str] = ()
    """Rules that must not match."""
    entities: Many[str] = ()
    """Entities that the matching rules must have selected; others may be too."""
    redacts: tuple[str, ...] | None = None
    """Exactly the entities that are taken out."""
    cleans: (
        tuple[Literal["metadata", "hidden", "faces", "codes", "medical", "mark"], ...] | None
    ) = None
    """Exactly what is done to files."""


class Case(Node):
    """One case: a request and what must come of it."""

    name: Annotated[str, Field(min_length=1)]
    """What the case shows, in one line."""
    request: Request = Request()
    """Who sends it to whom."""
    parts: tuple[PartSketch, ...] = ()
    """Texts in it, which the real detectors scan."""
    findings: tuple[FindingSketch, ...] = ()
    """Findings, beside those that the detectors make."""
    files: tuple[FileSketch, ...] = ()
    """Files in it."""
    unread: tuple[UnreadSketch, ...] = ()
    """What could not be read."""
    answer: tuple[AnswerSketch, ...] = ()
    """Texts of the answer; then `want` is what comes of the answer, by the rules for answers.
    Values that stand in `parts`, too, were sent by the client itself."""
    want: Want
    """What must come out."""

    @model_validator(mode="after")
    def _files_exist(self) -> Self:
        items: tuple[PartSketch | FindingSketch | UnreadSketch, ...] = (
            *self.parts,
            *self.findings,
            *self.unread,
        )
        for item in items:
            if item.file is not None and item.file >= len(self.files):
                raise ValueError(f"names file {item.file}, but `files` has {len(self.files)}")
        return self


class CasesDocument(Node):
    """One file of cases."""

    version: Literal[1]
    """Version of this format."""
    cases: tuple[Case, ...]
    """The cases."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case went. `differences` are sentences for people; none means that it passed."""

    name: str
    source: str
    line: int
    differences: tuple[str, ...]
    rules: frozenset[str]

    @property
    def passed(self) -> bool:
        """Whether all that was wanted came."""
        return not self.differences

    def __str__(self) -> str:
        """`file:line: passed: name`, or the same with what differs on lines of its own."""
        if self.passed:
            return f"{self.source}:{self.line}: passed: {self.name}"
        lines = "".join(f"\n    {difference}" for difference in self.differences)
        return f"{self.source}:{self.line}: FAILED: {self.name}{lines}"


def run_cases(
    directory: Path,
    policy: PolicySet,
    scan_text: ScanText,
    *,
    route_of: RouteOf | None = None,
) -> tuple[CaseResult, ...]:
    """Run all `*_test.yaml` of `directory` against `policy`, in order of files and lines.

    Raises `DocumentError` with all problems when a file of cases is not sound.
    """
    problems: list[Problem] = []
    results: list[CaseResult] = []
    known = {rule.id for rule in policy.every_rule}
    for case, marks, at in _all_cases(directory, problems):
        wrong = list(_unknown_rules(case, known, marks, at))
        problems.extend(wrong)
        if not wrong:
            outcome, scan = _outcome(case, policy, scan_text, route_of)
            results.append(
                CaseResult(
                    name=case.name,
                    source=marks.source,
                    line=marks.problem((*at, "name"), "").line,
                    differences=tuple(_differences(case.want, outcome, scan)),
                    rules=frozenset(hit.rule for hit in outcome.hits),
                )
            )
    if problems:
        raise DocumentError(problems)
    return tuple(results)


def outcomes(
    directory: Path,
    policy: PolicySet,
    scan_text: ScanText,
    *,
    route_of: RouteOf | None = None,
) -> tuple[tuple[tuple[str, str, int], Outcome], ...]:
    """Name, file and line of all cases of `directory`, and what `policy` says, whatever is wanted.

    The policies need not be those beside the cases.
    """
    problems: list[Problem] = []
    found = tuple(
        (
            (case.name, marks.source, marks.problem((*at, "name"), "").line),
            _outcome(case, policy, scan_text, route_of)[0],
        )
        for case, marks, at in _all_cases(directory, problems)
    )
    if problems:
        raise DocumentError(problems)
    return found


def _all_cases(
    directory: Path, problems: list[Problem]
) -> Iterator[tuple[Case, Marks, tuple[str | int, ...]]]:
    """Every case with its place, in order of files and lines; what is wrong goes to `problems`."""
    for path in sorted(directory.glob(f"*{TEST_SUFFIX}")):
        try:
            text = documents.read(path)
            document = documents.load(text, CasesDocument, source=str(path))
        except DocumentError as error:
            problems.extend(error.problems)
            continue
        marks = Marks(text, str(path))
        for position, case in enumerate(document.cases):
            yield case, marks, ("cases", position)


def untested(policy: PolicySet, results: Iterable[CaseResult]) -> tuple[str, ...]:
    """Rules that no passing case made match: nothing shows that they work."""
    shown = {rule for result in results if result.passed for rule in result.rules}
    return tuple(sorted(rule.id for rule in policy.every_rule if rule.id not in shown))


def _unknown_rules(
    case: Case, known: set[str], marks: Marks, at: tuple[str | int, ...]
) -> Iterable[Problem]:
    for where, key, names in (
        ("want", "rules", case.want.rules),
        ("want", "not_rules", case.want.not_rules),
        ("request", "justified", case.request.justified),
    ):
        for position, name in enumerate(names):
            if name not in known:
                yield marks.problem(
                    (*at, where, key, position), f"unknown rule `{name}`{suggest(name, known)}"
                )


def _outcome(
    case: Case, policy: PolicySet, scan_text: ScanText, route_of: RouteOf | None
) -> tuple[Outcome, Scan]:
    request = case.request
    at = _moment(request.at)
    exchange = Exchange(
        id="case",
        received_at=at.timestamp(),
        actor=request.actor,
        source_ip=request.source_ip,
        method="POST",
        scheme="https",
        host=request.host,
        port=443,
        target="/",
        headers=(),
        body=b"",
        groups=None
        if request.groups == "unknown" or not request.actor
        else frozenset(request.groups),
        device=request.device,
        keys=policy.keys_named(request.api_key),
        history=tuple(
            Sent(at.timestamp() - sketch.ago, request.service, f"before-{number}-{picture}")
            for number, sketch in enumerate(request.history)
            for picture in range(sketch.face_pictures)
        ),
    )
    scan = Scan(
        findings=(
            *(f for n, part in enumerate(case.parts) for f in _found(part, n, scan_text)),
            *(f for n, sketch in enumerate(case.findings) for f in _sketched(sketch, n)),
        ),
        unread=tuple(
            Unread(
                _file_locator(sketch.file) if sketch.file is not None else Locator(f"unread[{n}]"),
                UnreadReason(sketch.reason),
                sketch.size,
            )
            for n, sketch in enumerate(case.unread)
        ),
        files=tuple(
            FileInfo(
                _file_locator(n),
                file.media_type,
                file.family,
                file.size,
                file.declared_type,
                file.facts,
                digest=f"file-{n}",
            )
            for n, file in enumerate(case.files)
        ),
        portraits=tuple(
            f"now-{n}-{picture}"
            for n, file in enumerate(case.files)
            for picture in range(_portraits(file))
        ),
    )
    route = _route(request, route_of)
    if not case.answer:
        outcome = evaluate(policy, exchange, route, scan)
        given = {ask for hit in outcome.hits if hit.rule in request.justified for ask in hit.asks}
        if given:
            exchange = replace(exchange, grants=frozenset(given))
            outcome = evaluate(policy, exchange, route, scan)
        return outcome, scan
    sent = {finding.fingerprint for finding in scan.findings}
    said = (
        PartSketch(text=sketch.text, part=PartKind(sketch.part), role=Role.ASSISTANT)
        for sketch in case.answer
    )
    scan = Scan(
        tuple(
            finding
            for n, part in enumerate(said)
            for finding in _found(part, n, scan_text)
            if finding.fingerprint not in sent
        )
    )
    return evaluate_answer(policy, exchange, route, scan), scan


def _moment(at: date | datetime) -> datetime:
    """The moment that is meant: noon of a day, and UTC where no zone is written."""
    if not isinstance(at, datetime):
        return datetime.combine(at, time(12), tzinfo=UTC)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _portraits(file: FileSketch) -> int:
    """Pictures with faces in the file: one, or those of a file that holds several."""
    pictures, faces = (int(file.facts.get(name, 0)) for name in ("pictures", "faces"))
    return min(max(pictures, 1), faces)


def _route(request: Request, route_of: RouteOf | None) -> Route:
    known = route_of(request.service, request.operation) if route_of is not None else None
    base: dict[str, FactValue] = dict(known.facts) if known is not None else {}
    return Route(
        service=request.service,
        category=request.category or (known.category if known is not None else UNKNOWN),
        operation=request.operation or (known.operation if known is not None else "other"),
        act=request.act or (known.act if known is not None else Act.OTHER),
        protocol=known.protocol if known is not None else "generic",
        facts={**base, **request.facts},
    )


def _file_locator(number: int) -> Locator:
    return Locator(f"files[{number}]")


def _place(kind: str, number: int, file: int | None) -> Locator:
    inside = f"{_file_locator(file).path}." if file is not None else ""
    return Locator(f"{inside}{kind}[{number}]")


def _found(sketch: PartSketch, number: int, scan_text: ScanText) -> Iterable[Finding]:
    text = "".join(sketch.text)
    editable = sketch.part not in _FIXED if sketch.editable is None else sketch.editable
    for match in scan_text(text, sketch.label):
        # Values of cases are made up, so a plain digest does for telling them apart.
        value = text[match.start : match.end].encode("utf-8", "surrogatepass")
        yield Finding(
            locator=_place("parts", number, sketch.file),
            role=sketch.role,
            kind=sketch.part,
            editable=editable,
            entity=match.entity,
            start=match.start,
            end=match.end,
            confidence=match.confidence,
            detector=match.detector,
            fingerprint=hashlib.blake2b(value, digest_size=12).hexdigest(),
            preview="",
        )


def _sketched(sketch: FindingSketch, number: int) -> Iterable[Finding]:
    editable = sketch.part not in _FIXED if sketch.editable is None else sketch.editable
    for position in range(sketch.count):
        yield Finding(
            locator=_place("findings", number, sketch.file),
            role=sketch.role,
            kind=sketch.part,
            editable=editable,
            entity=sketch.entity,
            start=position,
            end=position + sketch.length,
            confidence=sketch.confidence,
            detector=sketch.detector,
            fingerprint=f"{number}-{position}",
            preview="",
        )


def _differences(want: Want, outcome: Outcome, scan: Scan) -> Iterable[str]:
    hits = {hit.rule: hit for hit in outcome.hits}
    listed = ", ".join(
        f"`{hit.rule}` ({hit.mode}, {hit.action.name.lower()})" for hit in outcome.hits
    )
    why = f"; rules that matched: {listed or 'none'}"
    if outcome.verdict.name.lower() != want.verdict:
        yield f"verdict: wanted {want.verdict}, got {outcome.verdict.name.lower()}{why}"
    if want.monitored is not None and outcome.monitored.name.lower() != want.monitored:
        yield f"monitored: wanted {want.monitored}, got {outcome.monitored.name.lower()}{why}"
    if want.severity is not None and outcome.severity.name.lower() != want.severity:
        yield f"severity: wanted {want.severity}, got {outcome.severity.name.lower()}{why}"
    for name in want.rules:
        if name not in hits:
            yield f"rules: wanted `{name}` to match{why}{_seen(scan)}"
    for name in want.not_rules:
        if name in hits:
            chosen = sorted({scan.findings[index].entity for index in hits[name].findings})
            yield f"not_rules: `{name}` matched ({', '.join(chosen) or 'without findings'})"
    selected = {scan.findings[index].entity for hit in outcome.hits for index in hit.findings}
    for entity in want.entities:
        if entity not in selected:
            yield f"entities: wanted {entity} to be selected{_seen(scan)}"
    taken = {scan.findings[redaction.finding].entity for redaction in outcome.redactions}
    if want.redacts is not None and taken != set(want.redacts):
        wanted, got = (", ".join(sorted(some)) or "nothing" for some in (want.redacts, taken))
        yield f"redacts: wanted {wanted}, got {got}{_seen(scan)}"
    yield from _cleaned(want, outcome)


def _cleaned(want: Want, outcome: Outcome) -> Iterable[str]:
    taken = {cleaning.what for cleaning in outcome.cleanings}
    if want.cleans is not None and taken != set(want.cleans):
        wanted, got = (", ".join(sorted(some)) or "nothing" for some in (want.cleans, taken))
        yield f"cleans: wanted {wanted}, got {got}"


def _seen(scan: Scan) -> str:
    seen = sorted({f"{finding.entity} {finding.confidence:.2f}" for finding in scan.findings})
    return f"; found: {', '.join(seen) or 'nothing'}"
