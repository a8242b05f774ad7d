"""How does Mistral's API differ from OpenAI's? Conversations, documents and code to fill in.

Law: the tables of OpenAI hold where the names are the same. Source: Mistral's API specification.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols import openai
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import (
    FILE_NAME,
    IDENTIFIER,
    SAY,
    TOOL_CALL,
    TOOL_RESULT,
    USER,
    compile_rules,
)

TABLE: Final = compile_rules(
    {
        **openai.PATTERNS,
        "inputs.**": USER,
        "inputs[].content.**": SAY,
        "inputs[].content[].type": IDENTIFIER,
        "inputs[].role": IDENTIFIER,
        "inputs[].type": IDENTIFIER,
        "inputs[].object": IDENTIFIER,
        "inputs[].id": IDENTIFIER,
        "inputs[].tool_call_id": IDENTIFIER,
        "inputs[].arguments": TOOL_CALL,
        "inputs[].result": TOOL_RESULT,
        "agent_id": IDENTIFIER,
        "document.**": USER,
        "document.type": IDENTIFIER,
        "document.document_name": FILE_NAME,
    },
    tags=(*openai.TAGS, "inputs[].role"),
    same=openai.SAME,
)


def error(refusal: Refusal) -> object:
    """The flat error of Mistral's API."""
    return {
        "object": "error",
        "message": sentence(refusal),
        "type": "invalid_request_error",
        "param": None,
        "code": "blocked_by_policy",
    }


PROTOCOL: Final = Wire("mistral", TABLE, error, answers=openai.ANSWERS)
