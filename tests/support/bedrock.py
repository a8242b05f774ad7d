"""Answers of Amazon Bedrock, as event streams."""

from __future__ import annotations

import base64
import json

from gateway.encodings.eventstream import Frame

MODEL = "anthropic.claude-sonnet-5-v1:0"
STREAM = "application/vnd.amazon.eventstream"
CONVERSE = "/model/anthropic.claude-sonnet-5-v1%3A0/converse-stream"
INVOKE = "/model/anthropic.claude-sonnet-5-v1%3A0/invoke-with-response-stream"


def frame(event: str, payload: object) -> bytes:
    """One event with a JSON payload."""
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\7" + len(value).to_bytes(2, "big") + value.encode()
        for name, value in (
            (":event-type", event),
            (":content-type", "application/json"),
            (":message-type", "event"),
        )
    )
    return Frame(headers, json.dumps(payload).encode()).encode()


def converse_stream(text: str, size: int = 8) -> bytes:
    """ConverseStream's answer: `text`, a few characters at a time."""
    deltas = [{"contentBlockIndex": 0, "delta": {"text": piece}} for piece in _pieces(text, size)]
    return b"".join(
        [
            frame("messageStart", {"role": "assistant"}),
            *(frame("contentBlockDelta", delta) for delta in deltas),
            frame("contentBlockStop", {"contentBlockIndex": 0}),
            frame("messageStop", {"stopReason": "end_turn"}),
        ]
    )


def invoke_stream(text: str, size: int = 8) -> bytes:
    """The answer of a model of Anthropic: events of its own protocol, wrapped."""
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
        for piece in _pieces(text, size)
    ]
    events = [{"type": "message_start"}, *deltas, {"type": "message_stop"}]
    return b"".join(
        frame("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode()})
        for event in events
    )


def _pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]
