"""How does Anthropic's Messages API carry content, at Anthropic, Vertex and Bedrock alike?

Law: thinking and its signatures, ids, cache marks and encrypted search results go back exactly as
they came; the service refuses a conversation in which they changed.

Source: the SDK's types of August 2026.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import (
    CREDENTIAL,
    FILE_NAME,
    IDENTIFIER,
    MEDIA,
    METADATA,
    SAY,
    SIGNED_REASONING,
    SYSTEM,
    TOOL_CALL,
    TOOL_DEFINITION,
    TOOL_RESULT,
    USER,
    Rule,
    compile_rules,
)
from gateway.protocols.said import KEPT, PIECE, TOOL, TOOL_NAME, TOOL_PIECE, Answers, Said


def _block(content: Rule) -> dict[str, Rule]:
    """The fields of one content block, whose plain text follows the rule `content`."""
    return {
        "type": IDENTIFIER,
        "id": IDENTIFIER,
        "tool_use_id": IDENTIFIER,
        "text": content,
        "title": content,
        "context": content,
        "cache_control.**": IDENTIFIER,
        "citations.**": METADATA,
        "citations[].encrypted_index": IDENTIFIER,
        "thinking": SIGNED_REASONING,
        "signature": IDENTIFIER,
        "data": IDENTIFIER,  # of redacted thinking
        "name": TOOL_CALL,
        "server_name": IDENTIFIER,
        "caller.**": IDENTIFIER,
        "input.**": TOOL_CALL,
        "file_id": IDENTIFIER,
        "encrypted_content": IDENTIFIER,
        "encrypted_stdout": IDENTIFIER,
        "source.type": IDENTIFIER,
        "source.media_type": IDENTIFIER,
        "source.data": MEDIA,
        "source.file_id": IDENTIFIER,
        "source.url": content,
        "source.content.**": content,
        "source.content[].type": IDENTIFIER,
        "source.content[].source.data": MEDIA,
    }


def _message(prefix: str) -> dict[str, Rule]:
    block = f"{prefix}.content[]"
    result = f"{block}.content"  # of a tool result
    return {
        f"{prefix}.role": IDENTIFIER,
        f"{prefix}.content": SAY,
        f"{block}": SAY,
        **{f"{block}.{name}": rule for name, rule in _block(SAY).items()},
        f"{result}.**": TOOL_RESULT,
        **{f"{result}[].{name}": rule for name, rule in _block(TOOL_RESULT).items()},
        f"{result}.encrypted_content": IDENTIFIER,
        f"{result}[].page_age": METADATA,
    }


PATTERNS: Final[dict[str, Rule]] = {
    "model": IDENTIFIER,
    "anthropic_version": IDENTIFIER,
    "system.**": SYSTEM,
    "system[].type": IDENTIFIER,
    "system[].cache_control.**": IDENTIFIER,
    **_message("messages[]"),
    "metadata.**": METADATA,
    "stop_sequences[]": SAY,
    "service_tier": IDENTIFIER,
    "container.**": IDENTIFIER,
    "thinking.**": IDENTIFIER,
    "betas[]": IDENTIFIER,
    "anthropic_beta[]": IDENTIFIER,
    "cache_control.**": IDENTIFIER,
    "context_management.**": METADATA,
    "output_config.**": TOOL_DEFINITION,
    "tools.**": TOOL_DEFINITION,
    "tools[].type": IDENTIFIER,
    "tools[].cache_control.**": IDENTIFIER,
    "tool_choice.**": TOOL_DEFINITION,
    "mcp_servers[].url": METADATA,
    "mcp_servers[].name": METADATA,
    "mcp_servers[].authorization_token": CREDENTIAL,
    # Text completions, an older operation that some clients still use.
    "prompt": USER,
    # Batches: each request holds the body of the operation.
    "requests[].custom_id": METADATA,
    "custom_id": METADATA,
    # Files, skills, agent sessions.
    "display_title": FILE_NAME,
    **{f"events[].{name}": rule for name, rule in _block(USER).items()},
    "events[].content.**": USER,
    "events[].content[].type": IDENTIFIER,
    "events[].content[].source.data": MEDIA,
}

TABLE: Final = compile_rules(
    PATTERNS,
    tags=("messages[].role",),
    same={"requests[].params": "", "params": "", "body": ""},
)


def error(refusal: Refusal) -> object:
    """Claude Code reads 403 as a login problem and shows this shape under 400 as it is."""
    return {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": sentence(refusal)},
    }


SAID: Final[dict[str, Said]] = {
    "content[].name": TOOL_NAME,
    "content[].input.**": TOOL,
    "content[].data": KEPT,
    "content[].content.**": KEPT,  # results of the service's own tools go back as they came
    "completion": PIECE,
}

EVENTS_SAID: Final = (
    (
        "content_block_delta",
        {
            "delta.text": PIECE,
            "delta.partial_json": TOOL_PIECE,
            "delta.thinking": KEPT,
            "delta.signature": KEPT,
        },
    ),
    (
        "content_block_start",
        {
            "content_block.text": PIECE,
            "content_block.name": TOOL_NAME,
            "content_block.input.**": TOOL,
            "content_block.data": KEPT,
            "content_block.content.**": KEPT,
        },
    ),
    ("completion", {"completion": PIECE}),
)

ANSWERS: Final = Answers.of(SAID, EVENTS_SAID)
"""Messages as one document, and their events."""


PROTOCOL: Final = Wire("anthropic", TABLE, error, answers=ANSWERS)
