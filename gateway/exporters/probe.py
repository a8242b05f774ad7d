"""What is sent to try an export out? One incident that says of itself that it is none.

Law: it is marked in every form, and goes neither through the database nor through a cursor.
"""

from __future__ import annotations

from datetime import datetime

from gateway.incidents.record import FiredRule, Incident
from gateway.model import Severity, Verdict

RULE = "leakgate-export-test"


def incident(number: str, at: datetime) -> Incident:
    """A test, with `number` to find it again."""
    return Incident(
        id=f"test-{number}",
        exchange=f"test-{number}",
        at=at,
        actor="leakgate-test",
        source_ip="192.0.2.1",  # for documentation (RFC 5737)
        service="leakgate-test",
        category="test",
        operation="test",
        act="prompt",
        host="leakgate-test.invalid",
        method="POST",
        verdict=Verdict.ALLOW,
        monitored=Verdict.ALLOW,
        enforcement="forward",
        cause="",
        severity=Severity.INFO,
        policy_revision="test",
        detector_revision="test",
        inspected=0,
        rules=(FiredRule(RULE, "monitor", Verdict.ALLOW, Severity.INFO),),
    )
