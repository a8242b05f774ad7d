"""Incidents to tell, and a meter that notes."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gateway.incidents.record import FindingGroup, FiredRule, Incident, UnreadPlace
from gateway.metrics import NullMeter
from gateway.model import Severity, Verdict

PREVIEW = "•••6789"

WHOLE = Incident(
    id="inc-1",
    exchange="x-1",
    at=datetime(2026, 3, 1, 12, 30, 15, 250_000, UTC),
    actor="ann@example.com",
    source_ip="192.0.2.7",
    service="openai-api",
    category="chat",
    operation="chat.completions",
    act="prompt",
    host="api.openai.com",
    method="POST",
    verdict=Verdict.BLOCK,
    monitored=Verdict.BLOCK,
    enforcement="refuse",
    cause="policy",
    severity=Severity.HIGH,
    policy_revision="p-1",
    detector_revision="d-1",
    inspected=2048,
    rules=(
        FiredRule("block-ssn", "enforce", Verdict.BLOCK, Severity.HIGH),
        FiredRule("log-mail", "monitor", Verdict.BLOCK, Severity.LOW),
    ),
    findings=(
        FindingGroup(
            "US_SSN", "messages[0].content", "user", "text", "us_ssn", 2, 2, 0.95, PREVIEW,
            ("0" * 32, "1" * 32),
        ),
        FindingGroup(
            "EMAIL_ADDRESS", "messages[1].content", "user", "text", "email", 1, 1, 0.9, "a•••",
            ("2" * 32,),
        ),
    ),
    findings_total=3,
    unread=(UnreadPlace("messages[2].file", "encrypted", 512, "pdf"),),
    unread_total=1,
    timings={"extract": 0.0005},
)  # fmt: skip


@pytest.fixture(scope="session")
def incident() -> Callable[..., Incident]:
    return lambda number=1, **changes: dataclasses.replace(WHOLE, id=f"inc-{number}", **changes)


class Notes(NullMeter):
    """A meter that notes what it was told about exports."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.failures: Counter[tuple[str, str]] = Counter()
        self.lags: dict[str, float] = {}

    def exported(self, sink: str, result: str, count: int) -> None:
        self.counts[sink, result] += count

    def export_failed(self, sink: str, cause: str) -> None:
        self.failures[sink, cause] += 1

    def export_lag(self, sink: str, seconds: float) -> None:
        self.lags[sink] = seconds


@pytest.fixture
def notes() -> Notes:
    return Notes()
