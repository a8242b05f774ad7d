"""How is an exchange read when nothing is known of its protocol?

Law: everything is text that someone sent; no place is taken for harmless. The table only says who
speaks, in words that web chats share; what it does not name is read all the same.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import USER, compile_rules

TABLE: Final = compile_rules(
    {
        # What web chats call the text that a person types.
        "prompt.**": USER,
        "query.**": USER,
        "query_str": USER,
        "question": USER,
        "message": USER,
        "inputs.**": USER,
        "messageInput[].text": USER,
        "content[].text": USER,
        "arguments[].message.text": USER,
        # ChatGPT's draft, which leaves before anything is sent.
        "partial_query.content.parts[]": USER,
    },
    # Role fields are harmless to read: they only say who speaks beside them.
    tags=(
        "messages[].role",
        "messages[].author.role^",
        "input[].role",
        "history[].role",
        "chat.messages[].role",
        "body.messages[].role",
    ),
)


def error(refusal: Refusal) -> object:
    """An error that most clients show: `error` with a message, and the message by itself."""
    text = sentence(refusal)
    return {
        "error": {"message": text, "type": "policy_violation", "code": "blocked_by_policy"},
        "message": text,
        "detail": text,
    }


PROTOCOL: Final = Wire("generic", TABLE, error)
