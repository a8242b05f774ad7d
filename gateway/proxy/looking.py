"""What do the policies say of one answer, and what becomes of it? Asked as it goes by.

Law: where a rule may change an answer, nothing of it leaves that was not looked at; what cannot be
looked at ends the answer. Where rules only watch, the answer passes as if nobody looked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from gateway import refusals
from gateway.answers import Ahead, Shape
from gateway.encodings import eventstream
from gateway.model import (
    Decision,
    Enforcement,
    Exchange,
    Finding,
    Forward,
    Look,
    Looked,
    Outcome,
    Refuse,
    Reply,
    Rewrite,
    Scan,
    Severity,
    Unread,
    Verdict,
)
from gateway.protocols.said import Answers
from gateway.workers import InspectionFault

LOOKING: Final = "leakgate.looking"
"""Metadata key of what looks at a flow's answer: a `Looking`."""

MOST: Final = 4 << 20
"""Bytes of an answer that are kept to be looked at once it has gone."""

_MOST_FINDINGS: Final = 1000

_NOTHING: Final = Outcome(Verdict.ALLOW, Verdict.ALLOW, Severity.INFO)

type Ask = Callable[[Reply, str], Awaitable[Looked]]

type Result = Literal["clean", "logged", "redacted", "blocked", "failed", "cut"]
"""What became of an answer, for people who count; `cut` was looked at in part."""


@dataclass(slots=True)
class Looking:
    """One answer that is looked at.

    `decision` is that about its request; `incident` is the id for what is found.
    """

    exchange: Exchange
    decision: Decision
    incident: str
    ask: Ask
    ahead: Ahead | None = None
    shape: Shape = Shape.OPAQUE
    content_type: str = ""
    content_encoding: str = ""
    stopped: Refuse | None = None
    sent: frozenset[str] = field(default=frozenset(), repr=False)
    _body: bytearray = field(default_factory=bytearray, repr=False)
    _cut: bool = False
    _failed: str = ""
    _changed: bool = False
    _findings: tuple[Finding, ...] = ()
    _unread: tuple[Unread, ...] = ()
    _outcome: Outcome = _NOTHING
    _inspected: int = 0
    _seconds: float = 0.0
    _revisions: tuple[str, str] = ("", "")
    _asked: bool = False

    @classmethod
    def of(cls, exchange: Exchange, decision: Decision, *, incident: str, ask: Ask) -> Looking:
        """For the answer to `exchange`."""
        bare = replace(exchange, body=b"", history=(), before=None, taken=frozenset())
        return cls(bare, decision, incident, ask, sent=decision.sent)

    @property
    def is_ahead(self) -> bool:
        """Whether the answer waits for it."""
        return self.decision.look is Look.AHEAD

    @property
    def _service(self) -> str:
        """The service that a rule sent the request to; empty for the one that was asked."""
        there = self.decision.outcome.redirect
        return "" if there is None else there.service

    def goes_on(self, decision: Decision) -> None:
        """The client has sent more on the same connection."""
        self.sent |= decision.sent
        if decision.look > self.decision.look and self.ahead is None and not self._body:
            self.decision = decision

    def begin(self, shape: Shape, answers: Answers) -> None:
        """The answer begins, and waits to be looked at."""
        self.shape = shape
        self.ahead = Ahead(shape, answers)

    # --- ahead ------------------------------------------------------------------------------------

    @property
    def waits(self) -> bool:
        """Whether something has to be looked at before the answer goes on."""
        return self.ahead is not None and bool(self.ahead.wanted) and self.stopped is None

    async def look(self) -> None:
        """Look at what waits."""
        ahead = self.ahead
        if ahead is None:
            return
        reply = Reply(
            self.exchange,
            self.sent,
            ahead.wanted,
            self._findings[:_MOST_FINDINGS],
            service=self._service,
        )
        looked = await self._answered(reply)
        if looked is None:
            self.stop(self._failed)
        elif looked.unread:
            self._failed = "unread"
            self.stop("unread")
        elif looked.outcome.verdict is Verdict.BLOCK:
            self.stop(refusals.BLOCKED)
        else:
            self._changed = self._changed or bool(looked.stretches)
            ahead.answer(looked)

    def stop(self, cause: str) -> None:
        """The answer ends here."""
        if cause != refusals.BLOCKED:
            self._failed = cause
        self.stopped = refusals.refuse_answer(
            self.exchange, self.decision.route, self._outcome, cause=cause, incident=self.incident
        )

    def last_words(self) -> bytes:
        """What ends a stopped answer that has begun, in the words of its stream."""
        if self.stopped is None or self.ahead is None:
            return b""
        return _last_words(self.ahead, self.shape, self.stopped.body)

    # --- behind -----------------------------------------------------------------------------------

    def note(self, data: bytes) -> None:
        """Bytes of an answer that nobody holds back."""
        room = MOST - len(self._body)
        self._cut = self._cut or len(data) > room
        self._body += data[:room]

    async def look_behind(self) -> None:
        """Look at what has gone."""
        if not self._body:
            return
        reply = Reply(
            self.exchange,
            self.sent,
            body=bytes(self._body),
            content_type=self.content_type,
            content_encoding=self.content_encoding,
            service=self._service,
        )
        self._body.clear()
        await self._answered(reply)

    async def _answered(self, reply: Reply) -> Looked | None:
        self._asked = True
        started = time.perf_counter()
        try:
            looked = await self.ask(reply, self.exchange.source_ip)
        except InspectionFault as fault:
            self._failed = fault.cause
            return None
        finally:
            self._seconds += time.perf_counter() - started
        self._findings, self._outcome = looked.findings, looked.outcome
        self._unread += looked.unread
        self._inspected += looked.inspected
        self._revisions = looked.policy_revision, looked.detector_revision
        return looked

    # --- what is told of it -----------------------------------------------------------------------

    @property
    def failure(self) -> str:
        """Why it could not be looked at; empty when it could."""
        return self._failed

    @property
    def result(self) -> Result | None:
        """What became of the answer; None when there was nothing to look at."""
        if not self._asked and self.stopped is None:
            return None
        if self._failed or self._unread:
            return "failed"
        if self.stopped is not None:
            return "blocked"
        if self._changed:
            return "redacted"
        if self._outcome.hits:
            return "logged"
        return "cut" if self._cut else "clean"

    def told(self) -> Decision:
        """The decision about the answer, for the record; `incident` is empty when there is none."""
        enforcement: Enforcement = Forward()
        outcome = self._outcome
        if self.stopped is not None:
            enforcement = self.stopped
            if self._failed:
                outcome = replace(outcome, verdict=Verdict.BLOCK, monitored=Verdict.BLOCK)
        elif self._changed:
            enforcement = Rewrite("", (), b"", ())
        remember = outcome.monitored > Verdict.ALLOW or self.stopped is not None
        policy, detectors = self._revisions
        return replace(
            self.decision,
            at=time.time(),
            scan=Scan(self._findings if remember else (), self._unread),
            outcome=outcome,
            enforcement=enforcement,
            policy_revision=policy or self.decision.policy_revision,
            detector_revision=detectors or self.decision.detector_revision,
            incident=self.incident if remember else "",
            inspected=self._inspected,
            found={},
            timings={"answer": self._seconds},
            quoted=frozenset(),
            sent=frozenset(),
        )


def _last_words(ahead: Ahead, shape: Shape, error: bytes) -> bytes:
    match shape:
        case Shape.EVENTS:
            if not ahead.named:
                return b"data: " + error + b"\n\n"
            return b"event: error\ndata: " + _event(error, ahead.left) + b"\n\n"
        case Shape.LINES:
            return error + b"\n"
        case Shape.JSON:
            last = ahead.last.rstrip()
            if not last:
                return error
            if not ahead.in_array:
                return b""
            return (b"" if last.endswith((b",", b"[")) else b",") + error + b"]"
        case Shape.EVENT_STREAM:
            headers = {
                ":message-type": "exception",
                ":exception-type": "validationException",
                ":content-type": "application/json",
            }
            return eventstream.Frame(eventstream.encode_headers(headers), error).encode()
        case Shape.MESSAGE | Shape.TEXT | Shape.TABLE | Shape.MARKUP | Shape.UNTYPED | Shape.OPAQUE:
            return b""


def _event(error: bytes, number: int) -> bytes:
    """The error as an event that says its type.

    OpenAI's Responses have `code`, `message` and a number in it; the SDKs look at `error`.
    """
    told: dict[str, Any] = json.loads(error)
    if "type" not in told:
        inner = told.get("error")
        flat = {
            name: inner.get(name)
            for name in ("code", "message", "param")
            if isinstance(inner, dict)
        }
        told = {"type": "error", **flat, "sequence_number": number, **told}
    return json.dumps(told, ensure_ascii=True).encode("ascii")
