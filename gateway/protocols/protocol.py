"""What is a wire protocol to the gateway?

Law: a protocol is data, tables of places and the shape of an error; how an exchange is read, how it
is rewritten and how its answer is restored is the same for all.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.encodings.json_text import Table
from gateway.model import Exchange, Extraction, Headers, Refusal, Refuse
from gateway.protocols import reading, refusals
from gateway.protocols.reading import Limits
from gateway.protocols.rules import Rule
from gateway.protocols.said import GENERIC, Answers


class Protocol(typing.Protocol):
    """How a service's requests carry content, and what its refusals look like."""

    @property
    def name(self) -> str:
        """The name by which the service catalogue calls this protocol."""

    @property
    def calls(self) -> bool:
        """Whether its requests may be remote calls, whose refusals name the call."""

    def extract(self, exchange: Exchange, limits: Limits) -> Extraction:
        """All content of an exchange. Never raises for what an exchange holds."""

    @property
    def answers(self) -> Answers:
        """Where the service's answers carry text."""

    def refuse(self, refusal: Refusal) -> Refuse:
        """The answer that the service's own clients show as an error, and do not retry."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A protocol made of a table, and a function from a refusal to the JSON of an error.

    `event` is the same for the message that says so over a WebSocket, where clients know one.
    `calls`: requests are, or may be, remote calls, whose refusals name the call.
    """

    name: str
    table: Table[Rule] = field(repr=False)
    error: Callable[[Refusal], object] = field(repr=False)
    error_headers: Headers = ()
    event: Callable[[Refusal], object] | None = field(default=None, repr=False)
    calls: bool = False
    answers: Answers = field(default=GENERIC, repr=False)

    def extract(self, exchange: Exchange, limits: Limits) -> Extraction:
        """See `Protocol.extract`."""
        return reading.extract(exchange, self.table, limits)

    def refuse(self, refusal: Refusal) -> Refuse:
        """See `Protocol.refuse`."""
        if refusal.over_socket:
            return refusals.refuse_message(refusal, self.event and self.event(refusal))
        return refusals.refuse(refusal, self.error(refusal), self.error_headers)
