"""How do Google's Gemini API, Vertex AI and the Gemini command line carry content?

Law: a thought's signature and the ids of calls and files never change; Google's servers take
field names in camel case and in snake case, so both spellings have the same rule.

Source: the SDK's types of August 2026; Imagen fields are from general knowledge.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.model import Refusal
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import (
    FILE_NAME,
    IDENTIFIER,
    MEDIA,
    METADATA,
    RECORDING,
    SAY,
    SYSTEM,
    TOOL_CALL,
    TOOL_DEFINITION,
    TOOL_RESULT,
    USER,
    Rule,
    compile_rules,
)
from gateway.protocols.said import TOOL, TOOL_NAME, Answers, Said


def _parts(prefix: str, text: Rule) -> dict[str, Rule]:
    """The fields of the parts of one content."""
    part = f"{prefix}.parts[]"
    return {
        f"{prefix}.**": text,
        f"{prefix}.role": IDENTIFIER,
        f"{part}.text": text,
        f"{part}.inlineData.mimeType": IDENTIFIER,
        f"{part}.inlineData.data": MEDIA,
        f"{part}.inlineData.displayName": FILE_NAME,
        f"{part}.fileData.fileUri": IDENTIFIER,
        f"{part}.fileData.mimeType": IDENTIFIER,
        f"{part}.functionCall.**": TOOL_CALL,
        f"{part}.functionCall.id": IDENTIFIER,
        f"{part}.functionResponse.**": TOOL_RESULT,
        f"{part}.functionResponse.id": IDENTIFIER,
        f"{part}.functionResponse.parts[].inlineData.data": MEDIA,
        f"{part}.executableCode.**": TOOL_CALL,
        f"{part}.codeExecutionResult.**": TOOL_RESULT,
        f"{part}.toolCall.**": TOOL_CALL,
        f"{part}.toolCall.id": IDENTIFIER,
        f"{part}.toolResponse.**": TOOL_RESULT,
        f"{part}.toolResponse.id": IDENTIFIER,
        f"{part}.thoughtSignature": IDENTIFIER,
    }


_CAMEL: Final[dict[str, Rule]] = {
    "model": IDENTIFIER,
    "project": IDENTIFIER,
    "userPromptId": IDENTIFIER,
    "sessionId": IDENTIFIER,
    **_parts("systemInstruction", SYSTEM),
    **_parts("contents[]", SAY),
    **_parts("content", SAY),
    "contents.**": SAY,
    "title": USER,
    "tools.**": TOOL_DEFINITION,
    "toolConfig.**": TOOL_DEFINITION,
    "generationConfig.**": METADATA,
    "generationConfig.responseSchema.**": TOOL_DEFINITION,
    "generationConfig.responseJsonSchema.**": TOOL_DEFINITION,
    "generationConfig.stopSequences[]": SAY,
    "safetySettings.**": IDENTIFIER,
    "cachedContent": IDENTIFIER,
    "labels.**": METADATA,
    "displayName": FILE_NAME,
    "file.displayName": FILE_NAME,
    "file.display_name": FILE_NAME,
    # Vertex AI prediction, Imagen and embeddings.
    "instances[].**": USER,
    "instances[].image.bytesBase64Encoded": MEDIA,
    "instances[].mask.image.bytesBase64Encoded": MEDIA,
    "instances[].referenceImages[].referenceImage.bytesBase64Encoded": MEDIA,
    "instances[].video.bytesBase64Encoded": MEDIA,
    "parameters.**": METADATA,
    "parameters.negativePrompt": USER,
    # The live API.
    **_parts("setup.systemInstruction", SYSTEM),
    "setup.model": IDENTIFIER,
    "setup.tools.**": TOOL_DEFINITION,
    **_parts("clientContent.turns[]", SAY),
    "realtimeInput.text": USER,
    "realtimeInput.mediaChunks[].data": RECORDING,
    "realtimeInput.audio.data": RECORDING,
    "realtimeInput.video.data": MEDIA,
    "toolResponse.functionResponses[].**": TOOL_RESULT,
    "toolResponse.functionResponses[].id": IDENTIFIER,
}

_HUMP: Final = re.compile(r"(?<=[a-z0-9])([A-Z])")


def _both_spellings(patterns: dict[str, Rule]) -> dict[str, Rule]:
    return {
        spelling: rule
        for pattern, rule in patterns.items()
        for spelling in (pattern, _HUMP.sub(lambda hump: f"_{hump[1].lower()}", pattern))
    }


TABLE: Final = compile_rules(
    _both_spellings(_CAMEL),
    tags=(
        "contents[].role",
        "content.role",
        "clientContent.turns[].role",
        "client_content.turns[].role",
    ),
    # The command line wraps the request; batches hold many.
    same={
        "request": "",
        "requests[]": "",
        "generateContentRequest": "",
        "generate_content_request": "",
    },
)


def error(refusal: Refusal) -> object:
    """Google's standard error."""
    return {
        "error": {
            "code": refusal.status,
            "message": sentence(refusal),
            "status": "INVALID_ARGUMENT",
        }
    }


_TEXT: Final = Said(piece=True, unless="thought")
_CONTENT: Final = {
    "parts[].text": _TEXT,
    "parts[].functionCall.name": TOOL_NAME,
    "parts[].functionCall.args.**": TOOL,
    "parts[].executableCode.code": TOOL,
}

ANSWERS: Final = Answers.of(
    {
        f"{place}.{name}": rule
        for place in (
            "candidates[].content",
            "response.candidates[].content",  # the command line's
            "serverContent.modelTurn",  # the live API's
        )
        for name, rule in _CONTENT.items()
    }
    | {
        "serverContent.outputTranscription.text": _TEXT,
        "toolCall.functionCalls[].name": TOOL_NAME,
        "toolCall.functionCalls[].args.**": TOOL,
    }
)
"""Every event is a whole response whose text goes on in the next; thoughts are kept."""


PROTOCOL: Final = Wire("gemini", TABLE, error, answers=ANSWERS)
