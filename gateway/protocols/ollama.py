"""How does Ollama carry content?

Law: its own API and the one it copies share a table; a context of token ids cannot be read.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols import openai
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import (
    IDENTIFIER,
    MEDIA,
    REASONING,
    SAY,
    SYSTEM,
    TOKENS,
    TOOL_CALL,
    USER,
    compile_rules,
)
from gateway.protocols.said import PIECE, TOOL, TOOL_NAME, Answers

TABLE: Final = compile_rules(
    {
        **openai.PATTERNS,
        "system": SYSTEM,
        "template": SYSTEM,
        "prompt": USER,
        "suffix": USER,
        "context[]": TOKENS,
        "images[]": MEDIA,
        "messages[].images[]": MEDIA,
        "messages[].thinking": REASONING,
        "messages[].tool_name": IDENTIFIER,
        "messages[].tool_calls[].function.arguments.**": TOOL_CALL,
        "format.**": SAY,
        "keep_alive": IDENTIFIER,
    },
    tags=openai.TAGS,
    same=openai.SAME,
)


def error(refusal: Refusal) -> object:
    """The client shows `error` as it is."""
    return {"error": sentence(refusal)}


ANSWERS: Final = Answers.of(
    {
        **openai.SAID,
        "message.content": PIECE,
        "message.tool_calls[].function.name": TOOL_NAME,
        "message.tool_calls[].function.arguments.**": TOOL,
        "response": PIECE,
    }
)
"""A line each; `thinking` is kept wherever it stands."""


PROTOCOL: Final = Wire("ollama", TABLE, error, answers=ANSWERS)
