"""What can policies be asked about an incident? The exchange as far as it was recorded.

Law: nothing is added to the record but what the catalogue of today says of the service. Words that
this version does not know are an error, for an incident that is half understood would be counted
wrong.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.incidents.record import Incident
from gateway.model import Act, Known, Locator, PartKind, Role, Route, Unread, UnreadReason
from gateway.policy.recorded import Group, Recorded
from gateway.policy.simulate import Fired, Happened

OF_RULES = frozenset({"policy", "coach"})
"""The causes of refusals that a rule wanted."""

type RouteOf = Callable[[str, str, str, Act], Route]
"""Service, category, operation and act of a record to the route that they are today."""


def is_of_answer(incident: Incident) -> bool:
    """Whether it is about what the service said, and not about what was sent."""
    paths = [group.path for group in incident.findings]
    paths += [place.path for place in incident.unread]
    return bool(paths) and all(path.partition(".")[0] == "answer" for path in paths)


def recorded(incident: Incident, route_of: RouteOf) -> Recorded:
    """The exchange of `incident`. Raises `ValueError` for a word that nobody knows."""
    return Recorded(
        at=incident.at.timestamp(),
        actor=incident.actor,
        source_ip=incident.source_ip,
        host=incident.host,
        route=route_of(incident.service, incident.category, incident.operation, Act(incident.act)),
        groups=tuple(
            Group(
                entity=group.entity,
                path=group.path,
                role=Role(group.role),
                kind=PartKind(group.kind),
                detector=group.detector,
                count=group.count,
                distinct=group.distinct,
                confidence=group.confidence,
                fingerprints=group.fingerprints,
                preview=group.preview,
            )
            for group in incident.findings
        ),
        unread=tuple(
            Unread(Locator(place.path), UnreadReason(place.reason), place.size, place.detail)
            for place in incident.unread
        ),
        cut=incident.omitted > 0,
        known=_known(incident),
    )


def _known(incident: Incident) -> Known | None:
    if incident.asked is None:
        return None
    return Known(
        None if incident.teams is None else frozenset(incident.teams),
        incident.asked,
        incident.device,
        None if incident.keys is None else frozenset(incident.keys),
    )


def happened(incident: Incident) -> Happened:
    """What came of it."""
    return Happened(
        verdict=incident.verdict,
        fault=incident.enforcement == "refuse" and incident.cause not in OF_RULES,
        revision=incident.policy_revision,
        fired={
            fired.rule: Fired(fired.mode, fired.action, fired.justified) for fired in incident.rules
        },
    )
