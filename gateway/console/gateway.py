"""What is the console told of the running gateway, and what may it ask of it?

Law: the daemon fills this in; nothing here can change what the gateway does. What is asked may take
seconds, so it is asked from threads of the console's own, never on the gateway's event loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from gateway.documents import Problem
from gateway.incidents.record import Incident
from gateway.policy.cases import CaseResult
from gateway.policy.executable import PolicySet
from gateway.policy.written import Written
from gateway.services import Catalogue


@dataclass(frozen=True, slots=True)
class Known:
    """One register of the company's own data: how much it holds, and since when (ISO 8601)."""

    name: str
    kind: str
    entity: str
    size: str
    at: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is in force since `at`, and why a later change was not taken over (`rejected`)."""

    policy: PolicySet
    catalogue: Catalogue = field(repr=False)
    written: Written = field(repr=False)
    at: datetime
    rejected: tuple[Problem, ...] = ()
    rejected_at: datetime | None = None
    registers: tuple[Known, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """What this gateway saw of a service since it started, in requests."""

    forwarded: int = 0
    rewritten: int = 0
    refused: int = 0

    @property
    def requests(self) -> int:
        """All of them."""
        return self.forwarded + self.rewritten + self.refused


@dataclass(frozen=True, slots=True)
class PassedHost:
    """A host whose traffic passed unopened. Times are Unix seconds, sizes bytes."""

    host: str
    why: str
    connections: int
    sent: int
    received: int
    first_seen: float
    last_seen: float


@dataclass(frozen=True, slots=True)
class ExportState:
    """How an export goes."""

    name: str
    kind: str
    telling: bool
    problem: str
    delivered: int
    lag_seconds: float


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the gateway, whether it works, and what there is to say of it."""

    name: str
    well: bool
    said: str


@dataclass(frozen=True, slots=True)
class Traffic:
    """What this gateway counted since `since`: by service, and what was not inspected by reason."""

    since: datetime
    services: Mapping[str, Use]
    unread: Mapping[str, int]
    refusals: Mapping[str, int]
    inspected_bytes: int
    rules: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something to try the policies on. INVARIANT: kept nowhere, and in no `repr`."""

    data: bytes = field(repr=False)
    service: str
    operation: str = ""
    name: str = field(default="", repr=False)
    upload: bool = False


class CannotTry(Exception):
    """The policies could not be tried; the text says why, for people."""


class Gateway(Protocol):
    """The running gateway."""

    @property
    def version(self) -> str:
        """Which one it is."""
        ...

    def loaded(self) -> Loaded:
        """The policies in force."""
        ...

    def traffic(self) -> Traffic:
        """What was counted."""
        ...

    def passed(self) -> Sequence[PassedHost]:
        """What passed unopened, all of it."""
        ...

    def parts(self) -> Sequence[Part]:
        """How the gateway is."""
        ...

    def exports(self) -> Sequence[ExportState]:
        """How exports go."""
        ...

    def try_out(self, attempt: Attempt) -> Mapping[str, Any]:
        """What would happen, as `leakgate policy explain --json` tells it. Raises `CannotTry`."""
        ...

    def run_cases(self) -> Sequence[CaseResult]:
        """The test cases beside the policies in force. Raises `CannotTry`."""
        ...

    def explain(self, incident: Incident) -> Sequence[Mapping[str, Any]]:
        """What the rules of today say of an incident, as far as its record tells."""
        ...
