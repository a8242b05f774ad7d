"""The real gateway with the real inspector, whose stages fail on command.

Run as a program it takes the arguments of `leakgate`. A request says what fails by its header
`x-fault: STAGE/FAULT`; without it everything works. For WebSocket messages the handshake's header
`x-message-fault` says it.
"""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from gateway import bootstrap, content, inspection, protocols
from gateway.detectors import ScanResult
from gateway.encodings import splice
from gateway.model import Decision, Exchange, Rewrite, Transport

STAGES = (
    "match", "extract", "open", "detect", "fingerprint", "evaluate", "redact", "rewrite", "again"
)  # fmt: skip
FAULTS = ("raise", "hang", "kill", "memory", "exit")


class BrokenError(Exception):
    """Carries content on purpose, as careless exceptions do."""


_wanted = ["", "", b""]


def _fail(stage: str) -> None:
    if _wanted[0] != stage:
        return
    fault, body = _wanted[1:]
    _wanted[0] = ""
    match fault:
        case "raise":
            raise BrokenError(body)
        case "hang":
            time.sleep(3600)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "memory":
            bytearray(64 << 30)
        case "exit":
            os._exit(0)


def _failing[**P, R](stage: str, function: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        _fail(stage)
        return function(*args, **kwargs)

    return wrapped


class Faulty(inspection.Inspector):
    """The real inspector; every stage first looks whether it has to fail."""

    def inspect(self, exchange: Exchange) -> Decision:
        name = "x-fault" if exchange.transport is Transport.HTTP else "x-message-fault"
        stage, _, fault = (exchange.header(name) or "").partition("/")
        _wanted[:] = [stage, fault, exchange.body]
        return super().inspect(exchange)

    def _read(self, *args: Any, **options: Any) -> Any:
        if _wanted[0] == "again" and getattr(self, "_rewritten", False):
            _fail("again")
        return super()._read(*args, **options)


def build(plan: bootstrap.InspectorPlan) -> Faulty:
    """In the worker: the real inspector with every stage wrapped."""
    real = bootstrap.build_inspector(plan)
    faulty = Faulty.__new__(Faulty)
    faulty.__dict__.update(real.__dict__)

    def rewriting(exchange: Exchange, edits: Any, blobs: Any = ()) -> Rewrite:
        _fail("rewrite")
        faulty._rewritten = True
        try:
            return splice_apply(exchange, edits, blobs)
        finally:
            faulty._rewritten = True

    def scanning(text: str, *, label: str = "") -> ScanResult:
        if _wanted[0] == "detect" and _wanted[1] == "partial":
            _wanted[0] = ""
            return ScanResult((), ("broken",))
        _fail("detect")
        return engine_scan(text, label=label)

    splice_apply, engine_scan = splice.apply, faulty.engine.scan
    splice.apply = rewriting
    faulty.engine.scan = scanning
    content.open_blob = _failing("open", content.open_blob)
    inspection.route_of = _failing("match", inspection.route_of)
    inspection.fingerprint = _failing("fingerprint", inspection.fingerprint)
    inspection.evaluate = _failing("evaluate", inspection.evaluate)
    inspection.plan = _failing("redact", inspection.plan)
    of = protocols.of

    class Wrapped:
        def __init__(self, name: str, exchange: Exchange) -> None:
            self._real = of(name, exchange)
            self.extract = _failing("extract", self._real.extract)
            self.refuse = self._real.refuse
            self.calls = self._real.calls

    protocols.of = Wrapped
    return faulty


if __name__ == "__main__":
    from gateway import cli, daemon

    daemon.run = functools.partial(daemon.run, inspector="support.faulty:build")
    cli.main()
