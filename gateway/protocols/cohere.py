"""How does Cohere carry content, in both versions of its API?

Law: one table; a field has one meaning in every operation. Source: Cohere's API specification.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import (
    IDENTIFIER,
    MEDIA,
    METADATA,
    SAY,
    SYSTEM,
    TOOL_CALL,
    TOOL_DEFINITION,
    TOOL_RESULT,
    USER,
    compile_rules,
)
from gateway.protocols.said import KEPT, PIECE, TOOL, TOOL_NAME, TOOL_PIECE, Answers

TABLE: Final = compile_rules(
    {
        "model": IDENTIFIER,
        # Version 1.
        "message": USER,
        "preamble": SYSTEM,
        "chat_history[].role": IDENTIFIER,
        "chat_history[].message": SAY,
        "chat_history[].tool_calls.**": TOOL_CALL,
        "chat_history[].tool_results.**": TOOL_RESULT,
        "tool_results.**": TOOL_RESULT,
        "conversation_id": IDENTIFIER,
        "connectors.**": METADATA,
        # Version 2.
        "messages[].role": IDENTIFIER,
        "messages[].content.**": SAY,
        "messages[].content[].type": IDENTIFIER,
        "messages[].tool_plan": TOOL_CALL,
        "messages[].tool_calls.**": TOOL_CALL,
        "messages[].tool_calls[].id": IDENTIFIER,
        "messages[].tool_call_id": IDENTIFIER,
        "response_format.**": TOOL_DEFINITION,
        # Both.
        "documents.**": USER,
        "tools.**": TOOL_DEFINITION,
        "prompt": USER,
        "text": USER,
        "texts[]": USER,
        "images[]": MEDIA,
        "inputs.**": USER,
        "examples.**": USER,
        "query": USER,
        "additional_command": USER,
        "stop_sequences[]": SAY,
    },
    tags=("messages[].role", "chat_history[].role"),
)


def error(refusal: Refusal) -> object:
    """A message, and an id by which support can find the request: ours."""
    return {"id": refusal.incident, "message": sentence(refusal)}


ANSWERS: Final = Answers.of(
    {
        "message.tool_calls[].function.name": TOOL_NAME,
        "message.tool_calls[].function.arguments": TOOL,
        "tool_calls[].name": TOOL_NAME,
        "tool_calls[].parameters.**": TOOL,
    },
    (
        (
            "content-(?:start|delta)",
            {"delta.message.content.text": PIECE, "delta.message.content.thinking": KEPT},
        ),
        ("tool-plan-delta", {"delta.message.tool_plan": PIECE}),
        (
            "tool-call-(?:start|delta)",
            {
                "delta.message.tool_calls.function.name": TOOL_NAME,
                "delta.message.tool_calls.function.arguments": TOOL_PIECE,
            },
        ),
        # Version 1.
        ("text-generation", {"text": PIECE}),
        (
            "tool-calls-chunk",
            {
                "text": PIECE,
                "tool_call_delta.name": TOOL_NAME,
                "tool_call_delta.parameters": TOOL_PIECE,
            },
        ),
        (
            "stream-end",
            {
                "response.tool_calls[].name": TOOL_NAME,
                "response.tool_calls[].parameters.**": TOOL,
            },
        ),
    ),
)
"""Both versions, as one document and in events."""


PROTOCOL: Final = Wire("cohere", TABLE, error, answers=ANSWERS)
