"""What is remembered of an exchange that policy wants remembered? An `Incident`, without content.

Law: an incident is made from a decision alone, holds names, places, counts, masked previews and
keyed fingerprints, and is bounded: whatever was sent, it fits its columns and one spool record.
What the bounds leave out is counted in `omitted`, so that a cut incident never looks whole.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, assert_never

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
)

from gateway.model import (
    Decision,
    Enforcement,
    Finding,
    Forward,
    Mode,
    Refuse,
    Rewrite,
    Severity,
    Verdict,
)

SCHEMA: Literal[1] = 1
"""Version of the JSON form. Raise it when a field changes meaning; readers refuse other versions."""

NAME_CHARS = 128
"""Longest name of ours (rule, entity, service, revision, …) that is kept."""

PERSON_CHARS = 256
"""Longest actor or host that is kept; a DNS name has at most 253 characters."""

PATH_CHARS = 512
"""Longest place that is kept."""

PREVIEW_CHARS = 64
"""Longest masked preview that is kept."""

MAX_RULES = 200
MAX_GROUPS = 200
MAX_UNREAD = 100
MAX_FINGERPRINTS = 20  # per group
MAX_STAGES = 32

type Enforced = Literal["forward", "rewrite", "refuse"]
"""What the wire did, in one word."""


class IncidentError(ValueError):
    """Bytes that are no incident of this schema version. The text never quotes the bytes."""


def _verdict(value: object) -> object:
    return Verdict[value.upper()] if isinstance(value, str) else value


def _severity(value: object) -> object:
    return Severity[value.upper()] if isinstance(value, str) else value


def _word(value: Verdict | Severity) -> str:
    return value.name.lower()


type _Verdict = Annotated[
    Verdict, BeforeValidator(_verdict), PlainSerializer(_word, return_type=str)
]
type _Severity = Annotated[
    Severity, BeforeValidator(_severity), PlainSerializer(_word, return_type=str)
]

# An unknown key is an error: a record of another version must not be read as half of one.
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class FiredRule:
    """One rule that matched: its id, its mode, and what it asked for.

    `justified`: it would have coached, but its sender had given a reason for all of it.
    """

    __pydantic_config__ = _STRICT

    rule: str
    mode: Mode
    action: _Verdict
    severity: _Severity
    justified: bool = False


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """All findings of one entity by one detector in one place.

    `confidence` is the highest of the group, `preview` is of that finding. `fingerprints` holds at
    most `MAX_FINGERPRINTS` of the `distinct` keyed fingerprints, in order of appearance.
    """

    __pydantic_config__ = _STRICT

    entity: str
    path: str
    role: str
    kind: str
    detector: str
    count: int
    distinct: int
    confidence: float
    preview: str
    fingerprints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnreadPlace:
    """One place that was not inspected: why, and how many bytes as sent."""

    __pydantic_config__ = _STRICT

    path: str
    reason: str
    size: int
    detail: str


@dataclass(frozen=True, slots=True)
class Incident:
    """One exchange worth remembering.

    `at` is UTC with microseconds. `cause` tells why the wire refused, and is empty otherwise.
    `inspected` counts bytes of decoded content that detectors saw. `findings_total` and
    `unread_total` count everything, also what the bounds left out of the tuples. `omitted` counts
    rules, groups and places left out. `timings` maps stage to seconds. `evidence` is sealed, in Base64;
    it goes to a table of its own, and is empty in what comes from the store.

    `teams` are those groups of the sender that a pattern of `asked` means, None when theirs were not
    known; `keys` are fingerprints of the API keys, None when nobody looked. `asked` is None in records
    of earlier versions, which hold nothing of the three and no device.
    """

    __pydantic_config__ = _STRICT

    id: str
    exchange: str
    at: AwareDatetime
    actor: str
    source_ip: str
    service: str
    category: str
    operation: str
    act: str
    host: str
    method: str
    verdict: _Verdict
    monitored: _Verdict
    enforcement: Enforced
    cause: str
    severity: _Severity
    policy_revision: str
    detector_revision: str
    inspected: int
    rules: tuple[FiredRule, ...] = ()
    findings: tuple[FindingGroup, ...] = ()
    findings_total: int = 0
    unread: tuple[UnreadPlace, ...] = ()
    unread_total: int = 0
    omitted: int = 0
    timings: Mapping[str, float] = field(default_factory=dict)
    evidence: str = field(default="", repr=False)
    teams: tuple[str, ...] | None = None
    asked: tuple[str, ...] | None = None
    device: str = ""
    keys: tuple[str, ...] | None = None
    schema: Literal[1] = SCHEMA


_ADAPTER: TypeAdapter[Incident] = TypeAdapter(Incident)


def from_decision(decision: Decision) -> Incident | None:
    """The incident of `decision`, or None when it is not to be remembered (empty `incident`)."""
    if not decision.incident:
        return None
    enforcement, cause = _enforced(decision.enforcement)
    outcome, route, scan = decision.outcome, decision.route, decision.scan
    groups, groups_omitted = _groups(scan.findings)
    known = decision.known
    return Incident(
        id=_clean(decision.incident, NAME_CHARS),
        exchange=_clean(decision.exchange, NAME_CHARS),
        at=_time(decision.at),
        actor=_clean(decision.actor, PERSON_CHARS),
        source_ip=_clean(decision.source_ip, NAME_CHARS),
        service=_clean(route.service, NAME_CHARS),
        category=_clean(route.category, NAME_CHARS),
        operation=_clean(route.operation, NAME_CHARS),
        act=route.act.value,
        host=_clean(decision.host, PERSON_CHARS),
        method=_clean(decision.method, 32),
        verdict=outcome.verdict,
        monitored=outcome.monitored,
        enforcement=enforcement,
        cause=_clean(cause, NAME_CHARS),
        severity=outcome.severity,
        policy_revision=_clean(decision.policy_revision, NAME_CHARS),
        detector_revision=_clean(decision.detector_revision, NAME_CHARS),
        inspected=decision.inspected,
        rules=tuple(
            FiredRule(
                _clean(hit.rule, NAME_CHARS), hit.mode, hit.action, hit.severity, hit.justified
            )
            for hit in outcome.hits[:MAX_RULES]
        ),
        findings=groups,
        findings_total=len(scan.findings),
        unread=tuple(
            UnreadPlace(
                _clean(unread.locator.path, PATH_CHARS),
                unread.reason.value,
                unread.size,
                _clean(unread.detail, NAME_CHARS),
            )
            for unread in scan.unread[:MAX_UNREAD]
        ),
        unread_total=len(scan.unread),
        omitted=max(0, len(outcome.hits) - MAX_RULES)
        + groups_omitted
        + max(0, len(scan.unread) - MAX_UNREAD),
        timings=_timings(decision.timings),
        evidence=base64.b64encode(decision.evidence).decode("ascii"),
        teams=None if known is None else _sorted(known.groups),
        asked=None if known is None else tuple(_clean(text, NAME_CHARS) for text in known.asked),
        device="" if known is None else _clean(known.device, PERSON_CHARS),
        keys=None if known is None else _sorted(known.keys),
    )


def to_json(incident: Incident) -> bytes:
    """One line of UTF-8 JSON without line breaks."""
    return _ADAPTER.dump_json(incident)


def from_json(data: bytes) -> Incident:
    """The incident that `to_json` wrote; `IncidentError` for anything else."""
    try:
        return _ADAPTER.validate_json(data)
    except (ValidationError, KeyError) as error:
        # KeyError is an unknown verdict or severity. No text of pydantic's: it quotes its input.
        raise IncidentError(f"no incident of schema {SCHEMA} ({_complaint(error)})") from None


def _complaint(error: ValidationError | KeyError) -> str:
    """The kind of the first error, of a closed vocabulary of pydantic's."""
    if isinstance(error, ValidationError):
        return error.errors(include_url=False, include_context=False, include_input=False)[0][
            "type"
        ]
    return "unknown word"


def to_data(incident: Incident) -> dict[str, Any]:
    """The JSON form as plain values, for whoever renders or exports incidents; without evidence."""
    data: dict[str, Any] = _ADAPTER.dump_python(incident, mode="json")
    del data["evidence"]
    return data


def _enforced(enforcement: Enforcement) -> tuple[Enforced, str]:
    match enforcement:
        case Forward():
            return "forward", ""
        case Rewrite():
            return "rewrite", ""
        case Refuse():
            return "refuse", enforcement.cause
        case other:
            assert_never(other)


def _groups(findings: Iterable[Finding]) -> tuple[tuple[FindingGroup, ...], int]:
    """Findings grouped by what and where, and how many groups the bound left out.

    Groups are kept in order of appearance: it is the order in which a person reads the request.
    """
    gathered: dict[tuple[str, str, str, str, str], list[Finding]] = {}
    for finding in findings:
        key = (
            finding.entity,
            finding.locator.path,
            finding.role.value,
            finding.kind.value,
            finding.detector,
        )
        gathered.setdefault(key, []).append(finding)
    groups = []
    for (entity, path, role, kind, detector), members in list(gathered.items())[:MAX_GROUPS]:
        prints = dict.fromkeys(member.fingerprint for member in members if member.fingerprint)
        best = max(members, key=lambda member: member.confidence)
        groups.append(
            FindingGroup(
                entity=_clean(entity, NAME_CHARS),
                path=_clean(path, PATH_CHARS),
                role=role,
                kind=kind,
                detector=_clean(detector, NAME_CHARS),
                count=len(members),
                distinct=len(prints),
                confidence=_finite(best.confidence),
                preview=_clean(best.preview, PREVIEW_CHARS),
                fingerprints=tuple(
                    dict.fromkeys(
                        _clean(value, NAME_CHARS) for value in list(prints)[:MAX_FINGERPRINTS]
                    )
                ),
            )
        )
    return tuple(groups), max(0, len(gathered) - MAX_GROUPS)


def _sorted(words: Iterable[str] | None) -> tuple[str, ...] | None:
    if words is None:
        return None
    return tuple(sorted({_clean(word, NAME_CHARS) for word in words}))


def _timings(timings: Mapping[str, float]) -> dict[str, float]:
    return {
        _clean(stage, NAME_CHARS): round(_finite(seconds), 6)
        for stage, seconds in list(timings.items())[:MAX_STAGES]
    }


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(_finite(at), UTC)


def _finite(number: float) -> float:
    return float(number) if math.isfinite(number) else 0.0


def _clean(text: str, limit: int) -> str:
    """`text` that every store takes: no NUL, no lone surrogate, no control character, bounded.

    PostgreSQL refuses U+0000 in text, and no database takes a lone surrogate; one such value
    would hold up every incident behind it.
    """
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(char if char.isprintable() else "�" for char in text)
