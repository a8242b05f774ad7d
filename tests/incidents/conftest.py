"""Decisions to remember."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from gateway.incidents.record import Incident, from_decision
from gateway.model import (
    Act,
    Decision,
    Finding,
    Locator,
    Outcome,
    PartKind,
    Refuse,
    Role,
    Route,
    RuleHit,
    Scan,
    Severity,
    Unread,
    UnreadReason,
    Verdict,
)

PROMPT = Locator("messages[0].content")


def a_finding(number: int = 0, **changes: object) -> Finding:
    values: dict[str, object] = {
        "locator": PROMPT,
        "role": Role.USER,
        "kind": PartKind.TEXT,
        "editable": True,
        "entity": "US_SSN",
        "start": number * 10,
        "end": number * 10 + 9,
        "confidence": 0.85,
        "detector": "us_ssn",
        "fingerprint": f"{number:032x}",
        "preview": "•••6789",
    }
    return Finding(**(values | changes))  # type: ignore[arg-type]


def a_decision(**changes: object) -> Decision:
    values: dict[str, object] = {
        "exchange": "x-1",
        "at": 1_764_000_000.123456,
        "actor": "ann@example.com",
        "source_ip": "192.0.2.7",
        "method": "POST",
        "host": "api.openai.com",
        "route": Route("openai", "chat", "chat.completions", Act.PROMPT, "openai_chat", {}),
        "scan": Scan(
            findings=(
                a_finding(1),
                a_finding(2, confidence=0.95),
                a_finding(1, locator=Locator("messages[1].content"), entity="EMAIL_ADDRESS"),
            ),
            unread=(Unread(Locator("messages[2].file"), UnreadReason.ENCRYPTED, 512, "pdf"),),
        ),
        "outcome": Outcome(
            Verdict.REDACT,
            Verdict.BLOCK,
            Severity.HIGH,
            (
                RuleHit("block-ssn", Severity.HIGH, "enforce", Verdict.REDACT, (0, 1)),
                RuleHit("log-mail", Severity.LOW, "monitor", Verdict.BLOCK, (2,)),
            ),
        ),
        "enforcement": Refuse("policy", 400, (), b"{}"),
        "policy_revision": "p-1",
        "detector_revision": "d-1",
        "incident": "inc-1",
        "inspected": 2048,
        "timings": {"extract": 0.0005, "detect": 0.002},
    }
    return Decision(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def finding() -> Callable[..., Finding]:
    return a_finding


@pytest.fixture
def decision() -> Callable[..., Decision]:
    return a_decision


@pytest.fixture(scope="session")
def incident() -> Callable[..., Incident]:
    whole = from_decision(a_decision())
    assert whole is not None
    return lambda number=1, **changes: dataclasses.replace(whole, id=f"inc-{number}", **changes)
