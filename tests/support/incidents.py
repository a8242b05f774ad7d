"""Incidents made by hand."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.incidents.record import FindingGroup, FiredRule, Incident, UnreadPlace
from gateway.model import Severity, Verdict


def an_incident(number=1, **changes):
    """An incident with two rules, one finding whose value has a fingerprint, and one unread file."""
    values = {
        "id": f"inc-{number}",
        "exchange": f"x-{number}",
        "at": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "actor": "ann@example.com",
        "source_ip": "192.0.2.7",
        "service": "openai-api",
        "category": "chat",
        "operation": "chat_completions",
        "act": "prompt",
        "host": "api.openai.com",
        "method": "POST",
        "verdict": Verdict.REDACT,
        "monitored": Verdict.BLOCK,
        "enforcement": "rewrite",
        "cause": "",
        "severity": Severity.HIGH,
        "policy_revision": "p-1",
        "detector_revision": "d-1",
        "inspected": 2048,
        "rules": (
            FiredRule("block-ssn", "enforce", Verdict.REDACT, Severity.HIGH),
            FiredRule("log-mail", "monitor", Verdict.BLOCK, Severity.LOW),
        ),
        "findings": (
            FindingGroup(
                entity="US_SSN",
                path="messages[0].content",
                role="user",
                kind="text",
                detector="us_ssn",
                count=2,
                distinct=1,
                confidence=0.85,
                preview="•••6789",
                fingerprints=(f"{1:032x}",),
            ),
        ),
        "findings_total": 2,
        "unread": (UnreadPlace("messages[2].file", "encrypted", 512, "pdf"),),
        "unread_total": 1,
        "timings": {"extract": 0.0005, "detect": 0.002},
    }
    return Incident(**(values | changes))
