"""How is an exchange read when nothing is known of its protocol?

Law: everything is text that someone sent; no place is taken for harmless.
"""

from __future__ import annotations

from gateway.model import Refusal
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import compile_rules

TABLE = compile_rules(
    {},
    # Role fields are harmless to read: they only say who speaks beside them.
    tags=("messages[].role", "messages[].author.role", "input[].role", "history[].role"),
)


def error(refusal: Refusal) -> object:
    """An error that most clients show: `error` with a message, and the message by itself."""
    text = sentence(refusal)
    return {
        "error": {"message": text, "type": "policy_violation", "code": "blocked_by_policy"},
        "message": text,
        "detail": text,
    }


PROTOCOL = Wire("generic", TABLE, error)
