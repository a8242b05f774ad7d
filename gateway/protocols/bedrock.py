"""How does Amazon Bedrock carry content: Converse, InvokeModel, guardrails and agents?

Law: a model's signed reasoning, ids and addresses of stored files go back as they came. The body of
InvokeModel is that of the model's maker: its fields are told by their names, since no two makers
mean different things by one.

Source: botocore's model of `bedrock-runtime` (2023-09-30) in version 1.44.8, and of
`bedrock-agent-runtime`; the bodies of Titan, Llama, Nova and Mistral are from general knowledge.
"""

from __future__ import annotations

from typing import Final

from gateway.model import Refusal
from gateway.protocols import anthropic
from gateway.protocols.protocol import Wire
from gateway.protocols.refusals import sentence
from gateway.protocols.rules import (
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
from gateway.protocols.said import KEPT, PIECE, TOOL, TOOL_NAME, TOOL_PIECE, Answers


def _media(prefix: str, content: Rule) -> dict[str, Rule]:
    """Blocks that hold a file, wherever a block may stand."""
    rules: dict[str, Rule] = {}
    for kind in ("image", "document", "video", "audio"):
        block = f"{prefix}.{kind}"
        rules |= {
            f"{block}.format": IDENTIFIER,
            f"{block}.source.bytes": MEDIA,
            f"{block}.source.s3Location.**": METADATA,
            f"{block}.source.text": content,
            f"{block}.source.content[].text": content,
        }
    return rules | {f"{prefix}.document.name": FILE_NAME, f"{prefix}.document.context": content}


def _search_result(prefix: str, content: Rule) -> dict[str, Rule]:
    return {
        f"{prefix}.searchResult.{name}": content for name in ("source", "title", "content[].text")
    }


def _guarded(prefix: str, content: Rule) -> dict[str, Rule]:
    """Text and pictures that a guardrail looks at."""
    return {
        f"{prefix}.text.text": content,
        f"{prefix}.text.qualifiers[]": IDENTIFIER,
        f"{prefix}.image.format": IDENTIFIER,
        f"{prefix}.image.source.bytes": MEDIA,
    }


_BLOCK: Final = "messages[].content[]"

PATTERNS: Final[dict[str, Rule]] = {
    # InvokeModel with a model of Anthropic; Converse shares some of its names and their meaning.
    **anthropic.PATTERNS,
    # Converse, and Nova's InvokeModel, which is the same.
    **_media(_BLOCK, SAY),
    **_search_result(_BLOCK, SAY),
    **_guarded(f"{_BLOCK}.guardContent", SAY),
    f"{_BLOCK}.toolUse.toolUseId": IDENTIFIER,
    f"{_BLOCK}.toolUse.name": TOOL_CALL,
    f"{_BLOCK}.toolUse.input.**": TOOL_CALL,
    f"{_BLOCK}.toolUse.type": IDENTIFIER,
    f"{_BLOCK}.toolResult.toolUseId": IDENTIFIER,
    f"{_BLOCK}.toolResult.status": IDENTIFIER,
    f"{_BLOCK}.toolResult.type": IDENTIFIER,
    f"{_BLOCK}.toolResult.content.**": TOOL_RESULT,
    **_media(f"{_BLOCK}.toolResult.content[]", TOOL_RESULT),
    **_search_result(f"{_BLOCK}.toolResult.content[]", TOOL_RESULT),
    f"{_BLOCK}.reasoningContent.**": IDENTIFIER,
    f"{_BLOCK}.reasoningContent.reasoningText.text": SIGNED_REASONING,
    f"{_BLOCK}.citationsContent.content[].text": SAY,
    f"{_BLOCK}.citationsContent.citations.**": METADATA,
    f"{_BLOCK}.cachePoint.**": IDENTIFIER,
    f"{_BLOCK}.toolAddition.**": TOOL_DEFINITION,
    f"{_BLOCK}.toolRemoval.**": TOOL_DEFINITION,
    **_guarded("system[].guardContent", SYSTEM),
    "system[].cachePoint.**": IDENTIFIER,
    "inferenceConfig.**": IDENTIFIER,
    "inferenceConfig.stopSequences[]": SAY,
    "toolConfig.**": TOOL_DEFINITION,
    "guardrailConfig.**": IDENTIFIER,
    "projectIdentifier": IDENTIFIER,
    "promptVariables.**": USER,
    "additionalModelRequestFields.**": SAY,
    "additionalModelResponseFieldPaths[]": METADATA,
    "requestMetadata.**": METADATA,
    "performanceConfig.**": IDENTIFIER,
    "serviceTier.**": IDENTIFIER,
    "outputConfig.**": TOOL_DEFINITION,
    "schemaVersion": IDENTIFIER,
    # InvokeModel with the models of other makers.
    "inputText": USER,
    "inputTexts[]": USER,
    "inputImage": MEDIA,
    "textGenerationConfig.**": IDENTIFIER,
    "textGenerationConfig.stopSequences[]": SAY,
    "taskType": IDENTIFIER,
    "textToImageParams.**": USER,
    "textToVideoParams.**": USER,
    "textToVideoParams.images[].source.bytes": MEDIA,
    "inPaintingParams.image": MEDIA,
    "outPaintingParams.image": MEDIA,
    "imageVariationParams.images[]": MEDIA,
    "message": USER,
    "preamble": SYSTEM,
    "chat_history[].message": SAY,
    "documents[].**": USER,
    "texts[]": USER,
    "images[]": MEDIA,
    "search_query": USER,
    "query": USER,
    "input_type": IDENTIFIER,
    # Guardrails; `content` is a list of what to look at.
    **_guarded("content[]", USER),
    "source": IDENTIFIER,
    "outputScope": IDENTIFIER,
    "checks.**": IDENTIFIER,
    # Agents, flows and knowledge bases.
    "sessionId": IDENTIFIER,
    "sessionState.**": METADATA,
    "sessionState.files[].source.byteContent.data": MEDIA,
    "sessionState.files[].name": FILE_NAME,
    "inputs[].content.**": USER,
    "input.text": USER,
    "retrievalQuery.text": USER,
    "queries[].textQuery.text": USER,
    "sources[].**": USER,
    # What runs later.
    "clientRequestToken": IDENTIFIER,
    "modelId": IDENTIFIER,
    "outputDataConfig.**": METADATA,
    "tags[].**": METADATA,
}

TABLE: Final = compile_rules(
    PATTERNS,
    tags=("messages[].role", "chat_history[].role"),
    # Counting tokens wraps the body of Converse; what runs later, that of InvokeModel.
    same={"input.converse": "", "modelInput": ""},
)


def error(refusal: Refusal) -> object:
    """AWS's clients show `message` after the error's type, which stands in a header."""
    return {"message": sentence(refusal)}


ANSWERS: Final = Answers.of(
    {
        **anthropic.SAID,
        "output.message.content[].toolUse.name": TOOL_NAME,
        "output.message.content[].toolUse.input.**": TOOL,
        "output.message.content[].reasoningContent.**": KEPT,
        # Chunks of InvokeModel, by the makers of models.
        "outputText": PIECE,
        "generation": PIECE,
        "completion": PIECE,
        "outputs[].text": PIECE,
        "choices[].message.content": PIECE,
        "text": PIECE,
    },
    (
        (
            "contentBlockDelta",
            {
                "delta.text": PIECE,
                "delta.toolUse.input": TOOL_PIECE,
                "delta.reasoningContent.**": KEPT,
            },
        ),
        ("contentBlockStart", {"start.toolUse.name": TOOL_NAME}),
        *anthropic.EVENTS_SAID,
    ),
)
"""Converse and its events; InvokeModel carries what the model's maker sends."""


PROTOCOL: Final = Wire(
    "bedrock",
    TABLE,
    error,
    error_headers=((b"x-amzn-errortype", b"ValidationException"),),
    answers=ANSWERS,
)
