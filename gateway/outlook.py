"""How does the running gateway look from the console? As `gateway.console.gateway` wants it told.

Law: everything here is read, from threads of the console's; what is tried goes to the scratch process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway import __version__, bootstrap, rehearsal
from gateway.console.gateway import (
    Attempt,
    CannotTry,
    ExportState,
    Loaded,
    Part,
    PassedHost,
    Traffic,
    Use,
)
from gateway.exporters.running import Exports
from gateway.incidents.record import Incident
from gateway.incidents.recorder import Recorder
from gateway.metrics import Metrics
from gateway.policy import page
from gateway.policy.cases import CaseResult
from gateway.proxy.ledger import PassedLedger
from gateway.rehearsal import Sending, TryCases, TryOut
from gateway.scratch import Scratch
from gateway.workers import InspectionFault, Pool

_LONGEST = 200.0
"""Seconds that a thread waits for the scratch process, its start included."""

_FAULTS = {
    "timeout": "that took too long to inspect, and would be refused",
    "worker_died": "inspecting it took more memory than there is, and it would be refused",
    "overloaded": "others are trying things just now; please wait",
    "stopped": "the gateway is stopping",
}


@dataclass(frozen=True, slots=True)
class Outlook:
    """The gateway, for the console."""

    loaded_now: Callable[[], Loaded]
    rules: Callable[[], bootstrap.Rules]
    metrics: Metrics
    ledger: PassedLedger
    recorder: Recorder
    pool: Pool
    every_export: Exports
    ca_ends: datetime
    proxies: Callable[[], Sequence[tuple[str, int]]]
    scratch: Scratch
    loop: asyncio.AbstractEventLoop
    started: datetime
    clock: Callable[[], datetime]
    version: str = __version__

    def loaded(self) -> Loaded:
        """The policies in force."""
        return self.loaded_now()

    def traffic(self) -> Traffic:
        """What was counted since the start."""
        uses: dict[str, dict[str, int]] = {}
        requests = self.metrics.sums("requests", "service", "enforcement")
        for (service, enforcement), number in requests.items():
            uses.setdefault(service, {})[enforcement] = int(number)
        return Traffic(
            self.started,
            {
                service: Use(use.get("forward", 0), use.get("rewrite", 0), use.get("refuse", 0))
                for service, use in uses.items()
            },
            _whole(self.metrics.sums("uninspected_places", "reason")),
            _whole(self.metrics.sums("refusals", "cause")),
            sum(map(int, self.metrics.sums("inspected_bytes").values())),
            _whole(self.metrics.sums("rule_hits", "rule")),
        )

    def passed(self) -> Sequence[PassedHost]:
        """What passed unopened, of earlier runs too."""
        return tuple(
            PassedHost(
                host,
                each.why,
                each.connections,
                each.sent,
                each.received,
                each.first_seen,
                each.last_seen,
            )
            for host, each in tuple(self.ledger.hosts.items())
        )

    def parts(self) -> Sequence[Part]:
        """How the gateway is."""
        health = self.recorder.health()
        depth = health.depth
        listening = ", ".join(f"{host}:{port}" for host, port in self.proxies())
        waiting = self.pool.waiting
        left = (self.ca_ends - self.clock()).days
        loaded = self.loaded_now()
        return (
            Part("Proxy", bool(listening), listening or "does not listen"),
            Part(
                "Inspection",
                self.pool.ready > 0,
                f"{self.pool.ready} workers ready, {waiting} requests waiting",
            ),
            Part(
                "Policies",
                not loaded.rejected,
                f"revision {loaded.policy.revision[:12]}"
                + ("; a change was not taken over" if loaded.rejected else ""),
            ),
            Part(
                "Incident spool",
                health.running and not health.full,
                f"{depth.records} incidents waiting, {depth.size} of {depth.capacity} bytes",
            ),
            Part(
                "Database",
                not health.problem,
                f"{health.problem}, tried {health.failures} times"
                if health.problem
                else f"{health.stored} incidents stored since the start",
            ),
            Part("CA certificate", left > 30, f"ends {self.ca_ends:%Y-%m-%d}, in {left} days"),
        )

    def exports(self) -> Sequence[ExportState]:
        """How exports go."""
        told = []
        for each in self.every_export.exporters:
            health = each.health()
            told.append(
                ExportState(
                    each.name,
                    each.kind,
                    health.telling,
                    health.problem,
                    health.delivered,
                    each.lag(),
                )
            )
        return told

    def try_out(self, attempt: Attempt) -> Mapping[str, Any]:
        """What would happen. Raises `CannotTry`."""
        sending = Sending(
            attempt.service,
            attempt.operation,
            attempt.upload,
            attempt.name,
            at=self.clock().timestamp(),
        )
        told: Mapping[str, Any] = self._ask(TryOut(attempt.data, sending), len(attempt.data))
        return told

    def run_cases(self) -> Sequence[CaseResult]:
        """The test cases. Raises `CannotTry`."""
        results: tuple[Any, ...] = self._ask(TryCases(), 0)
        problems = [str(each) for each in results if not isinstance(each, CaseResult)]
        if problems:
            raise CannotTry(f"the test cases are not sound: {'; '.join(problems[:5])}")
        return results

    def _ask(self, asked: object, size: int) -> Any:
        waiting = asyncio.run_coroutine_threadsafe(self.scratch.ask(asked, size=size), self.loop)
        try:
            return waiting.result(_LONGEST)
        except TimeoutError:
            waiting.cancel()
            raise CannotTry(_FAULTS["timeout"]) from None
        except InspectionFault as fault:
            why = _FAULTS.get(fault.cause, "the inspection failed, and it would be refused")
            raise CannotTry(why) from None

    def explain(self, incident: Incident) -> Sequence[Mapping[str, Any]]:
        """What the rules of today say of an incident."""
        told = rehearsal.explain_incident(self.rules(), incident)
        return [page.account(each) for each in told]


def _whole(sums: Mapping[tuple[str, ...], float]) -> dict[str, int]:
    return {key[0]: int(number) for key, number in sums.items()}


def utc_now() -> datetime:
    """The clock of the console."""
    return datetime.now(UTC)
