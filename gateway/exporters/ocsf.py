"""What is an incident in the Open Cybersecurity Schema Framework? A Data Security Finding.

Law: every required attribute of class 2006 in schema 1.5.0 is there with a value of its enumeration,
and nothing stands in an attribute whose meaning is another; what OCSF has no place for is under
`unmapped`. One incident is one finding: `finding_info.uid` is its id.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from gateway import __version__
from gateway.exporters.cef import entities
from gateway.incidents.record import Enforced, Incident
from gateway.model import Severity

VERSION = "1.5.0"

_CLASS = 2006
_CREATE = 1

_SEVERITY = {
    Severity.INFO: (1, "Informational"),
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}

_OUTCOME: dict[Enforced, tuple[int, str, int, str]] = {
    # action and disposition of the profile `security_control`
    "forward": (1, "Allowed", 15, "Detected"),
    "rewrite": (1, "Allowed", 11, "Corrected"),
    "refuse": (2, "Denied", 2, "Blocked"),
}

_TITLE: dict[Enforced, str] = {
    "forward": "Sensitive data was sent to an AI service",
    "rewrite": "Sensitive data was taken out of a request to an AI service",
    "refuse": "A request to an AI service was refused",
}


def event(incident: Incident) -> dict[str, Any]:
    """The incident as an OCSF event, of plain values."""
    at = int(incident.at.timestamp() * 1000)
    severity, severity_name = _SEVERITY[incident.severity]
    action, action_name, disposition, disposition_name = _OUTCOME[incident.enforcement]
    product = {"name": "Leakgate", "vendor_name": "Leakgate", "version": __version__}
    title = _TITLE[incident.enforcement]
    found: dict[str, Any] = {
        "activity_id": _CREATE,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Data Security Finding",
        "type_uid": _CLASS * 100 + _CREATE,
        "type_name": "Data Security Finding: Create",
        "time": at,
        "severity_id": severity,
        "severity": severity_name,
        "status_id": 1,
        "status": "New",
        "message": title,
        "is_alert": incident.severity >= Severity.MEDIUM,
        "action_id": action,
        "action": action_name,
        "disposition_id": disposition,
        "disposition": disposition_name,
        "metadata": {
            "version": VERSION,
            "product": product,
            "profiles": ["security_control"],
            "uid": incident.id,
            "correlation_uid": incident.exchange,
            "log_name": "incidents",
            "log_provider": "Leakgate",
        },
        "finding_info": {
            "uid": incident.id,
            "title": title,
            "created_time": at,
            "types": entities(incident),
            "data_sources": [incident.service],
            # Type 1 is "Rule".
            "related_analytics": [
                {"type_id": 1, "type": "Rule", "name": rule.rule, "uid": rule.rule}
                for rule in incident.rules
            ],
        },
        "data_security": {
            "detection_system_id": 2,
            "detection_system": "DLP Gateway",
            "data_lifecycle_state_id": 2,
            "data_lifecycle_state": "Data in-Transit",
            "total": incident.findings_total,
            "size": incident.inspected,
            "policy": {
                "uid": incident.policy_revision,
                "name": incident.rules[0].rule if incident.rules else "",
                "version": incident.policy_revision,
                "is_applied": incident.enforcement != "forward",
            },
        },
        "dst_endpoint": {"hostname": incident.host, "svc_name": incident.service},
        "unmapped": {
            "service": incident.service,
            "category": incident.category,
            "operation": incident.operation,
            "act": incident.act,
            "method": incident.method,
            "verdict": incident.verdict.name.lower(),
            "monitored": incident.monitored.name.lower(),
            "cause": incident.cause,
            "detector_revision": incident.detector_revision,
            "rules": [
                {
                    "rule": rule.rule,
                    "mode": rule.mode,
                    "action": rule.action.name.lower(),
                    "severity": rule.severity.name.lower(),
                }
                for rule in incident.rules
            ],
            "findings": [
                {
                    "entity": group.entity,
                    "path": group.path,
                    "role": group.role,
                    "kind": group.kind,
                    "detector": group.detector,
                    "count": group.count,
                    "distinct": group.distinct,
                    "confidence": group.confidence,
                    "fingerprints": list(group.fingerprints),
                }
                for group in incident.findings
            ],
            "unread": [
                {"path": place.path, "reason": place.reason, "size": place.size}
                for place in incident.unread
            ],
            "unread_total": incident.unread_total,
            "omitted": incident.omitted,
        },
    }
    if incident.actor:
        user: dict[str, Any] = {"name": incident.actor}
        if incident.teams:
            user["groups"] = [{"name": team} for team in incident.teams]
        found["actor"] = {"user": user}
    if incident.device:
        found["unmapped"]["device"] = incident.device
    if incident.keys:
        found["unmapped"]["api_keys"] = list(incident.keys)
    if _is_address(incident.source_ip):
        found["src_endpoint"] = {"ip": incident.source_ip}
    return found


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
