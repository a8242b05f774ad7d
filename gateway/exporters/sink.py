"""What is a sink? Something that takes incidents, all of a batch, or says why it did not.

Law: `send` returns only when the receiver has what it was sent, as far as its protocol tells; every
failure is an `Undelivered` with a cause of the closed set, and never with text that came from
outside or with a secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, get_args

from gateway.incidents.record import Incident

type Cause = Literal[
    "resolve",
    "denied",
    "connect",
    "tls",
    "timeout",
    "closed",
    "auth",
    "refused",
    "redirect",
    "busy",
    "server",
    "protocol",
    "secret",
    "file",
    "database",
    "error",
]
"""Why incidents were not delivered."""

CAUSES: tuple[Cause, ...] = get_args(Cause.__value__)


class Undelivered(Exception):
    """A batch, or some part of it, was not taken.

    `at_fault`: the receiver is well and refuses these very incidents, so that sending them again
    will not help. `after` is the number of seconds that the receiver asked to be left alone for.
    """

    def __init__(self, cause: Cause, *, at_fault: bool = False, after: float = 0.0) -> None:
        super().__init__(cause)
        self.cause: Cause = cause
        self.at_fault = at_fault
        self.after = after


class Sink(Protocol):
    """One receiver. Used by one task at a time."""

    @property
    def batch(self) -> int:
        """Most incidents that `send` is given at once."""

    async def send(self, incidents: Sequence[Incident]) -> None:
        """Deliver all of `incidents`. Raises `Undelivered`; any of them may have arrived then."""

    async def close(self) -> None:
        """Let go of connections; `send` may be called again."""
