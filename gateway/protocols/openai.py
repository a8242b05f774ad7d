"""How do OpenAI's API and the many services that copy it carry content?

Law: one table for all operations, since field names mean the same in each; what must go back to
the service unchanged (ids, encrypted reasoning, fingerprints) is never editable.

Source: openai/openai-openapi at f85dbe22 (2026-08-21).
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import (
    ASSISTANT,
    CREDENTIAL,
    FILE_NAME,
    IDENTIFIER,
    MEDIA,
    METADATA,
    REASONING,
    RECORDING,
    SAY,
    SYSTEM,
    TOKENS,
    TOOL_CALL,
    TOOL_DEFINITION,
    TOOL_RESULT,
    USER,
    Rule,
    compile_rules,
)
from gateway.protocols.said import (
    KEPT,
    LOGPROB,
    PIECE,
    TOOL,
    TOOL_NAME,
    TOOL_PIECE,
    Answers,
    Said,
)

_CHAT_MESSAGE: Final[dict[str, Rule]] = {
    "role": IDENTIFIER,
    "content.**": SAY,
    "content[].type": IDENTIFIER,
    "content[].image_url.detail": IDENTIFIER,
    "content[].input_audio.data": RECORDING,
    "content[].input_audio.format": IDENTIFIER,
    "content[].file.file_data": MEDIA,
    "content[].file.filename": FILE_NAME,
    "content[].file.file_id": IDENTIFIER,
    "content[].cache_control.**": IDENTIFIER,
    "refusal": SAY,
    "reasoning": REASONING,
    "reasoning_content": REASONING,
    "reasoning_details.**": REASONING,
    "reasoning_opaque": IDENTIFIER,
    "tool_call_id": IDENTIFIER,
    "tool_calls[].id": IDENTIFIER,
    "tool_calls[].type": IDENTIFIER,
    "tool_calls[].function.name": TOOL_CALL,
    "tool_calls[].function.arguments": TOOL_CALL,
    "tool_calls[].custom.**": TOOL_CALL,
    "function_call.**": TOOL_CALL,
    "audio.id": IDENTIFIER,
}

_ITEM: Final[dict[str, Rule]] = {
    **_CHAT_MESSAGE,
    "id": IDENTIFIER,
    "type": IDENTIFIER,
    "status": IDENTIFIER,
    "call_id": IDENTIFIER,
    "approval_request_id": IDENTIFIER,
    "fingerprint": IDENTIFIER,
    "encrypted_content": IDENTIFIER,
    "content[].file_data": MEDIA,
    "content[].file_id": IDENTIFIER,
    "content[].filename": FILE_NAME,
    "content[].audio": RECORDING,
    "content[].transcript": SAY,
    "content[].annotations.**": METADATA,
    "summary.**": REASONING,
    "name": TOOL_CALL,
    "arguments": TOOL_CALL,
    "input": TOOL_CALL,
    "action.**": TOOL_CALL,
    "operation.**": TOOL_CALL,
    "code": TOOL_CALL,
    "queries.**": TOOL_CALL,
    "output.**": TOOL_RESULT,
    "output[].type": IDENTIFIER,
    "output[].file_id": IDENTIFIER,
    "outputs.**": TOOL_RESULT,
    "results.**": TOOL_RESULT,
    "tools.**": TOOL_DEFINITION,
    "error": TOOL_RESULT,
    "program.code": TOOL_CALL,
    "program.fingerprint": IDENTIFIER,
}


def _under[R](prefix: str, rules: dict[str, R]) -> dict[str, R]:
    return {f"{prefix}.{name}": rule for name, rule in rules.items()}


PATTERNS: Final[dict[str, Rule]] = {
    # What every operation shares.
    "model": IDENTIFIER,
    "user": METADATA,
    "safety_identifier": METADATA,
    "prompt_cache_key": METADATA,
    "metadata.**": METADATA,
    "stop.**": SAY,
    "response_format.**": TOOL_DEFINITION,
    "response_format.type": IDENTIFIER,
    "text.**": USER,
    "text.format.**": TOOL_DEFINITION,
    "service_tier": IDENTIFIER,
    "reasoning_effort": IDENTIFIER,
    "reasoning.**": IDENTIFIER,
    "include[]": IDENTIFIER,
    "stream_options.**": IDENTIFIER,
    "tools.**": TOOL_DEFINITION,
    "tools[].type": IDENTIFIER,
    "tools[].authorization": CREDENTIAL,
    "tools[].headers.**": CREDENTIAL,
    "functions.**": TOOL_DEFINITION,
    "tool_choice.**": TOOL_DEFINITION,
    # Chat completions.
    **_under("messages[]", _CHAT_MESSAGE),
    "prediction.content.**": SAY,
    "web_search_options.**": METADATA,
    # Responses, conversations.
    "instructions": SYSTEM,
    "input.**": TOKENS,
    "input[].**": SAY,
    "input[]": TOKENS,
    "input[][]": TOKENS,
    **_under("input[]", _ITEM),
    **_under("items[]", _ITEM),
    "prompt.**": TOKENS,
    "prompt[][]": TOKENS,
    "prompt.id": IDENTIFIER,
    "prompt.version": IDENTIFIER,
    "prompt.variables.**": USER,
    "previous_response_id": IDENTIFIER,
    "conversation.id": IDENTIFIER,
    # Completions, embeddings, images, audio, video.
    "suffix": USER,
    "negative_prompt": USER,
    "images[].image_url": MEDIA,
    "images[].file_id": IDENTIFIER,
    "image.**": MEDIA,
    "mask": MEDIA,
    "input_reference": MEDIA,
    "voice": IDENTIFIER,
    "size": IDENTIFIER,
    "quality": IDENTIFIER,
    "encoding_format": IDENTIFIER,
    # Files and batches: a line of a batch file holds the body of another operation.
    "purpose": IDENTIFIER,
    "custom_id": METADATA,
    "method": IDENTIFIER,
    "input_file_id": IDENTIFIER,
    "completion_window": IDENTIFIER,
    # Lines of training data: what was asked, and what is to be answered.
    "completion": ASSISTANT,
    **_under("input.messages[]", _CHAT_MESSAGE),
    "input.tools.**": TOOL_DEFINITION,
    **_under("preferred_output[]", _CHAT_MESSAGE),
    **_under("non_preferred_output[]", _CHAT_MESSAGE),
    "file_ids[]": IDENTIFIER,
    # Assistants, threads, vector stores.
    "role": IDENTIFIER,
    "content.**": SAY,
    "content[].type": IDENTIFIER,
    "assistant_id": IDENTIFIER,
    "thread_id": IDENTIFIER,
    "additional_instructions": SYSTEM,
    **_under("additional_messages[]", _CHAT_MESSAGE),
    **_under("thread.messages[]", _CHAT_MESSAGE),
    "thread.metadata.**": METADATA,
    "tool_outputs[].output": TOOL_RESULT,
    "tool_outputs[].tool_call_id": IDENTIFIER,
    "attachments[].file_id": IDENTIFIER,
    "query.**": USER,
    "state_variables.**": USER,
    # Realtime, and Responses over WebSocket.
    "type": IDENTIFIER,
    "event_id": IDENTIFIER,
    "audio": RECORDING,
    **_under("item", _ITEM),
    "session.instructions": SYSTEM,
    "session.tools.**": TOOL_DEFINITION,
    "session.type": IDENTIFIER,
    "session.model": IDENTIFIER,
    "session.prompt.id": IDENTIFIER,
    "session.prompt.variables.**": USER,
    "session.audio.input.transcription.prompt": USER,
    "previous_item_id": IDENTIFIER,
    "item_id": IDENTIFIER,
    # Code completion in editors.
    "extra.**": METADATA,
}

TAGS: Final = (
    "messages[].role",
    "input.messages[].role",
    "preferred_output[].role",
    "non_preferred_output[].role",
    "input[].role",
    "items[].role",
    "item.role",
    "role",
    "additional_messages[].role",
    "thread.messages[].role",
)

SAME: Final = {"body": "", "response": ""}
"""A line of a batch file, and a WebSocket event, hold the body of an operation."""

TABLE: Final = compile_rules(PATTERNS, tags=TAGS, same=SAME)


def error(refusal: Refusal) -> object:
    """All four keys are required by the specification; the SDKs show `message`."""
    return {
        "error": {
            "message": sentence(refusal),
            "type": "invalid_request_error",
            "param": None,
            "code": "blocked_by_policy",
        }
    }


def event(refusal: Refusal) -> object:
    """The error event of the Realtime API, and of Responses over WebSocket, which adds a status."""
    return {
        "type": "error",
        "event_id": f"event_{refusal.incident}",
        "status": refusal.status,
        "error": {
            "type": "invalid_request_error",
            "code": "blocked_by_policy",
            "message": sentence(refusal),
            "param": None,
            "event_id": None,
        },
    }


_CALLS: Final[dict[str, Said]] = {
    "tool_calls[].function.name": TOOL_NAME,
    "tool_calls[].custom.name": TOOL_NAME,
    "function_call.name": TOOL_NAME,
}

SAID: Final[dict[str, Said]] = {
    # Chat completions and completions, as one document or in pieces.
    "choices[].delta.content": PIECE,
    "choices[].delta.content[].text": PIECE,
    "choices[].delta.content[].thinking.**": KEPT,
    "choices[].delta.refusal": PIECE,
    "choices[].delta.audio.transcript": PIECE,
    "choices[].delta.tool_calls[].function.arguments": TOOL_PIECE,
    "choices[].delta.tool_calls[].custom.input": TOOL_PIECE,
    "choices[].delta.function_call.arguments": TOOL_PIECE,
    **{f"choices[].delta.{name}": rule for name, rule in _CALLS.items()},
    "choices[].text": PIECE,
    "choices[].message.tool_calls[].function.arguments": TOOL,
    "choices[].message.tool_calls[].custom.input": TOOL,
    "choices[].message.function_call.arguments": TOOL,
    **{f"choices[].message.{name}": rule for name, rule in _CALLS.items()},
    "choices[].logprobs.content[].token": LOGPROB,
    "choices[].logprobs.refusal[].token": LOGPROB,
    "choices[].logprobs.content[].top_logprobs.**": KEPT,
}

_ITEM_SAID: Final[dict[str, Said]] = {
    "name": TOOL_NAME,
    "arguments": TOOL,
    "input": TOOL,
    "code": TOOL,
    "action.**": TOOL,
    "operation.**": TOOL,
    "summary.**": KEPT,
    "content[].logprobs[].token": LOGPROB,
    "content[].logprobs[].top_logprobs.**": KEPT,
}

_ARGUMENTS: Final = (
    r"response\.(?:function_call_arguments|mcp_call_arguments|custom_tool_call_input"
    r"|code_interpreter_call_code|apply_patch_call_operation_diff|shell_call_command)"
)

ANSWERS: Final = Answers.of(
    {
        **SAID,
        **_under("output[]", _ITEM_SAID),
    },
    (
        (r"response\.reasoning.*", {"**": KEPT}),
        (rf"{_ARGUMENTS}\.delta", {"delta": TOOL_PIECE}),
        (
            rf"{_ARGUMENTS}\.done",
            {"arguments": TOOL, "input": TOOL, "code": TOOL, "diff": TOOL, "name": TOOL_NAME},
        ),
        # Responses, the Realtime API, transcriptions; Mistral's conversations; assistants.
        (
            r".*\.delta",
            {
                "delta": PIECE,
                "logprobs[].token": LOGPROB,
                "logprobs[].top_logprobs.**": KEPT,
                "content": PIECE,
                "content[].text": PIECE,
                "content.text": PIECE,
                "arguments": TOOL_PIECE,
                "name": TOOL_NAME,
                "data.delta.content[].text.value": PIECE,
            },
        ),
        (
            r"response\..*|conversation\.item\..*",
            {
                **_under("item", _ITEM_SAID),
                **_under("response.output[]", _ITEM_SAID),
                "part.summary.**": KEPT,
                "part.logprobs[].token": LOGPROB,
                "part.logprobs[].top_logprobs.**": KEPT,
                "logprobs[].token": LOGPROB,
                "logprobs[].top_logprobs.**": KEPT,
            },
        ),
    ),
)
"""Answers of OpenAI's operations and of those who copy them, in one document or in events."""


PROTOCOL: Final = Wire("openai", TABLE, error, event=event, answers=ANSWERS)
