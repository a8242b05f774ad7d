"""How does Replicate carry content?

Law: `input` belongs to the model and may hold anything; all of it is what a person sent.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import IDENTIFIER, METADATA, SYSTEM, USER, compile_rules

TABLE: Final = compile_rules(
    {
        "version": IDENTIFIER,
        "model": IDENTIFIER,
        "input.**": USER,
        "input.system_prompt": SYSTEM,
        "webhook": METADATA,
        "webhook_events_filter[]": IDENTIFIER,
        "metadata.**": METADATA,
    }
)


def error(refusal: Refusal) -> object:
    """A problem document, as Replicate writes it."""
    return {
        "title": "Request blocked by policy",
        "detail": sentence(refusal),
        "status": refusal.status,
    }


PROTOCOL: Final = Wire("replicate", TABLE, error)
