r"""What is an incident in ArcSight's Common Event Format? One line of `|` and `key=value`.

Law: whatever an incident holds, the line is one line, has seven header fields, fits the 8,192 octets
that every syslog receiver of RFC 5425 should take, and no value reaches into the next: `\`, `|` are
escaped in the header, `\`, `=` and line ends in the extension ("Implementing ArcSight Common Event
Format", 2017).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from gateway import __version__
from gateway.incidents.record import Incident
from gateway.model import Severity

_LEVEL = {
    Severity.INFO: 1,
    Severity.LOW: 3,
    Severity.MEDIUM: 5,
    Severity.HIGH: 8,
    Severity.CRITICAL: 10,
}
"""CEF counts from 0 to 10; 4 begins medium, 7 high, 9 very high."""

_NAME = {
    "forward": "Sensitive data seen",
    "rewrite": "Sensitive data taken out",
    "refuse": "Request refused",
}

NAME_BYTES = 128
PERSON_BYTES = 256
LIST_BYTES = 600


def line(incident: Incident) -> str:
    """The incident as one line of CEF."""
    first = incident.rules[0].rule if incident.rules else incident.cause or "incident"
    header = (
        "CEF:0",
        "Leakgate",
        "Leakgate",
        __version__,
        first,
        _NAME[incident.enforcement],
        str(_LEVEL[incident.severity]),
    )
    head = "|".join(_in_header(bounded(field, NAME_BYTES)) for field in header)
    pairs = ((key, bounded(value, room)) for key, value, room in _extension(incident))
    tail = " ".join(f"{key}={_in_extension(value)}" for key, value in pairs if value)
    return f"{head}|{tail}"


def _extension(incident: Incident) -> Iterable[tuple[str, str, int]]:
    name = NAME_BYTES
    yield "externalId", incident.id, name
    yield "rt", str(int(incident.at.timestamp() * 1000)), name
    yield "act", incident.enforcement, name
    yield "cat", incident.category, name
    yield "reason", incident.cause, name
    yield _source(incident.source_ip), incident.source_ip, name
    if _source(incident.source_ip) == "c6a2":
        yield "c6a2Label", "Source IPv6 Address", name
    yield "suser", incident.actor, PERSON_BYTES
    yield "dhost", incident.host, PERSON_BYTES
    yield "requestMethod", incident.method, name
    for number, (label, text, room) in enumerate(
        (
            ("service", incident.service, name),
            ("operation", incident.operation, name),
            ("rules", joined(rule.rule for rule in incident.rules), LIST_BYTES),
            ("entities", joined(entities(incident)), LIST_BYTES),
            ("unread", joined(place.reason for place in incident.unread), LIST_BYTES),
            ("policyRevision", incident.policy_revision, name),
        ),
        start=1,
    ):
        if text:
            yield f"cs{number}Label", label, name
            yield f"cs{number}", text, room
    for number, (label, count) in enumerate(
        (
            ("findings", incident.findings_total),
            ("unreadPlaces", incident.unread_total),
            ("inspectedBytes", incident.inspected),
        ),
        start=1,
    ):
        yield f"cn{number}Label", label, name
        yield f"cn{number}", str(count), name
    # CEF has a key for what somebody may do, and none for where they belong: one that is for anything.
    if incident.teams:
        yield "flexString1Label", "teams", name
        yield "flexString1", joined(incident.teams), LIST_BYTES


def entities(incident: Incident) -> list[str]:
    """What was found, with how often: `US_SSN:2`."""
    counts: dict[str, int] = {}
    for group in incident.findings:
        counts[group.entity] = counts.get(group.entity, 0) + group.count
    return [f"{entity}:{count}" for entity, count in counts.items()]


def joined(words: Iterable[str]) -> str:
    """Each word once, in order."""
    return ",".join(dict.fromkeys(words))


def _source(address: str) -> str:
    """The key for a source address: `src` takes IPv4 only."""
    try:
        return "src" if ipaddress.ip_address(address).version == 4 else "c6a2"
    except ValueError:
        return "shost"


def bounded(text: str, room: int) -> str:
    """`text` without control characters, in at most `room` bytes of UTF-8."""
    text = "".join(char if char.isprintable() else " " for char in text)
    data = text.encode("utf-8", "replace")
    if len(data) > room:
        data = data[: room - 3].decode("utf-8", "ignore").encode() + "…".encode()
    return data.decode()


def _in_header(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _in_extension(text: str) -> str:
    return text.replace("\\", "\\\\").replace("=", "\\=")
