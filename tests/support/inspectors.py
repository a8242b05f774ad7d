"""Inspectors that misbehave on command, built inside real worker processes."""

from __future__ import annotations

import os
import re
import signal
import time

from gateway.model import (
    Act,
    Decision,
    Exchange,
    Forward,
    Looked,
    Outcome,
    Reply,
    Route,
    Scan,
    Severity,
    Verdict,
)


class Obedient:
    """Does what the request's target says: /hang, /raise, /kill, /exit, /memory, /slow, /pid."""

    def __init__(self, argument: object) -> None:
        self.argument = argument

    def inspect(self, exchange: Exchange) -> Decision:
        match exchange.target.strip("/").split("/"):
            case ["hang"]:
                time.sleep(3600)
            case ["regex"]:
                re.match(r"(a+)+$", "a" * 40 + "b")
            case ["raise"]:
                raise ValueError(exchange.body.decode())
            case ["kill"]:
                os.kill(os.getpid(), signal.SIGKILL)
            case ["kill-once", flag]:
                path = f"/tmp/{flag}"
                if not os.path.exists(path):
                    open(path, "w").close()
                    os.kill(os.getpid(), signal.SIGKILL)
                os.unlink(path)
            case ["memory"]:
                bytearray(8 << 30)
            case ["slow", seconds]:
                time.sleep(float(seconds))
            case _:
                pass
        return Decision(
            exchange=exchange.id,
            at=exchange.received_at,
            actor=str(self.argument),
            source_ip="",
            method=exchange.method,
            host=str(os.getpid()),
            route=Route("s", "c", "o", Act.OTHER, "generic", {}),
            scan=Scan(),
            outcome=Outcome(Verdict.ALLOW, Verdict.ALLOW, Severity.INFO),
            enforcement=Forward(),
            policy_revision="",
            detector_revision="",
            inspected=len(exchange.body),
        )

    def look(self, reply: Reply) -> Looked:
        self.inspect(reply.exchange)
        lengths = tuple(len(passage.text) for passage in reply.passages)
        return Looked((), Outcome(Verdict.ALLOW, Verdict.ALLOW, Severity.INFO), upto=lengths)


def build(argument: object) -> Obedient:
    if argument == "broken":
        raise RuntimeError("cannot build")
    return Obedient(argument)
