"""How services answer in pieces, and what their clients make of it.

A `Case` writes an answer whose text comes in the pieces given, and reads one as a client does: with
another parser than the gateway's. What is read is a list of texts by name; texts under `kept` are
those that nothing may change.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway import protocols
from gateway.answers import AnswerStream, Shape, Vault
from gateway.model import Issued, Restoring
from gateway.redaction.tokens import Keys, Minter

KEYS = Keys({"a": b"k" * 32})
ENTITIES = ("PERSON", "EMAIL_ADDRESS", "IP_ADDRESS", "US_SSN")
VAULT = Vault.of(ENTITIES, similar=False)


def free(_token: str) -> bool:
    """Every token is."""
    return True


def mint(value: str, entity: str = "PERSON", shape: str = "opaque", keys: Keys = KEYS) -> str:
    """A token for a value."""
    scopes = {"actor": "anna", "conversation": "c", "organisation": ""}
    return Minter(keys, scopes).mint(value, entity, shape=shape, scope="actor", free=free)


def issue(values: Sequence[tuple[str, str]], shape: str = "opaque") -> dict[str, Issued]:
    """Issued tokens for pairs of value and entity, by token."""
    issued = [
        Issued(mint(value, entity, shape), value, restorable=True) for value, entity in values
    ]
    return {one.token: one for one in issued}


def stream(
    case: Case | None, issued: dict[str, Issued], *, vault: bool = False, **options: Any
) -> AnswerStream:
    """A stream for an answer of `case`."""
    shape = options.pop("shape", None) or (case.shape if case else Shape.EVENTS)
    labels = options.pop("labels", VAULT)
    protocol = options.pop("protocol", None) or (case.protocol if case else "openai")
    return AnswerStream(
        shape,
        protocols.get(protocol).answers,
        () if vault else issued.values(),
        KEYS,
        vault=labels if vault else None,
        restoring=options.pop("restoring", Restoring()),
        **options,
    )


def run(
    answers: AnswerStream, chunks: Sequence[bytes], known: dict[str, Issued] | None = None
) -> bytes:
    """All that comes out; look-ups give what `known` holds."""
    out = []

    def look_up() -> None:
        while answers.wanted:
            found = {
                token: known[token].value for token in answers.wanted if token in (known or {})
            }
            answers.answer(found)
        out.append(answers.take())

    for chunk in chunks:
        answers.feed(chunk)
        look_up()
    answers.end()
    look_up()
    return b"".join(out)


def swapped(said: Any, values: dict[str, str]) -> Any:
    """What the client would have got without the gateway."""
    if isinstance(said, str):
        for token, value in values.items():
            said = said.replace(token, value)
        return said
    if isinstance(said, dict):
        return {swapped(key, values): swapped(some, values) for key, some in said.items()}
    if isinstance(said, list):
        return [swapped(some, values) for some in said]
    return said


def nested(text: str) -> Any:
    """JSON text, and JSON text in its strings."""

    def deep(value: Any) -> Any:
        if isinstance(value, str) and value[:1] in ("{", "["):
            try:
                return deep(json.loads(value))
            except ValueError:
                return value
        if isinstance(value, dict):
            return {key: deep(some) for key, some in value.items()}
        if isinstance(value, list):
            return [deep(some) for some in value]
        return value

    return deep(json.loads(text))


# --- wires ---------------------------------------------------------------------------------------


def event(value: object, name: str = "", newline: str = "\n") -> bytes:
    """One event of a text/event-stream."""
    data = value if isinstance(value, str) else json.dumps(value)
    head = f"event: {name}{newline}" if name else ""
    return f"{head}data: {data}{newline}{newline}".encode()


def events(data: bytes) -> Iterator[str]:
    """The data of every event, as WHATWG HTML 9.2.6 has it."""
    text = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    said: list[str] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line:
            if said:
                yield "\n".join(said)
            said = []
            continue
        name, _, value = line.partition(":")
        if name == "data":
            said.append(value.removeprefix(" "))
    if said:
        yield "\n".join(said)


def parsed(data: bytes) -> list[Any]:
    """The JSON of every event."""
    return [json.loads(some) for some in events(data) if some != "[DONE]"]


def frame(name: str, payload: object) -> bytes:
    """One message of an AWS event stream."""
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\7" + struct.pack("!H", len(value)) + value.encode()
        for key, value in (
            (":event-type", name),
            (":content-type", "application/json"),
            (":message-type", "event"),
        )
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    prelude += struct.pack("!I", binascii.crc32(prelude))
    message = prelude + headers + body
    return message + struct.pack("!I", zlib.crc32(message))


def frames(data: bytes) -> list[tuple[str, Any]]:
    """Name and payload of every message; botocore checks both sums."""
    from botocore.eventstream import EventStreamBuffer

    buffer = EventStreamBuffer()
    buffer.add_data(data)
    found = [(some.headers[":event-type"], json.loads(some.payload)) for some in buffer]
    assert sum(len(frame(*some)) for some in found) >= 0
    return found


@dataclass(frozen=True)
class Case:
    """One way to answer."""

    name: str
    protocol: str
    shape: Shape
    write: Callable[[list[str]], bytes]
    read: Callable[[bytes], dict[str, Any]]
    arguments: bool = False  # the text is JSON, with JSON in it
    kept: tuple[str, ...] = field(default=())
    wide: bool = True  # texts go on from piece to piece


THOUGHT = mint("thought of")  # a token where nothing may be restored
KEPT = ("kept", "usage")


def _joined(found: dict[str, list[str]]) -> dict[str, Any]:
    return {name: "".join(some) for name, some in found.items()}


class Said(dict):
    """Texts by name, added to piece by piece."""

    def add(self, name: str, text: str | None) -> None:
        if text is not None:
            self[name] = self.get(name, "") + text


def _chat(pieces: list[str]) -> bytes:
    head = {
        "id": "chatcmpl-8",
        "object": "chat.completion.chunk",
        "created": 1729555555,
        "model": "m",
    }
    out = [
        {**head, "choices": [{"index": n, "delta": {"role": "assistant", "content": ""}}]}
        for n in (0, 1)
    ]
    out.append({**head, "choices": [{"index": 0, "delta": {"reasoning_content": f"hm {THOUGHT}"}}]})
    for piece in pieces:
        for n in (0, 1):
            tokens = [
                {"token": piece, "bytes": list(piece.encode()), "logprob": -0.1, "top_logprobs": []}
            ]
            choice = {
                "index": n,
                "delta": {"content": piece},
                "logprobs": {"content": tokens},
                "finish_reason": None,
            }
            out.append({**head, "choices": [choice]})
    out += [
        {**head, "choices": [{"index": n, "delta": {}, "finish_reason": "stop"}]} for n in (0, 1)
    ]
    out.append({**head, "choices": [], "usage": {"total_tokens": 12345}})
    return b"".join(map(event, out)) + event("[DONE]")


def _read_chat(data: bytes) -> dict[str, Any]:
    said = Said()
    for one in parsed(data):
        for choice in one["choices"]:
            n, delta = choice["index"], choice["delta"]
            said.add(f"content {n}", delta.get("content"))
            said.add("kept", delta.get("reasoning_content"))
            for some in (choice.get("logprobs") or {}).get("content", ()):
                said.add(f"logprob {n}", some["token"])
                said.add(f"bytes {n}", bytes(some["bytes"]).decode("utf-8", "surrogatepass"))
        if one.get("usage"):
            said["usage"] = one["usage"]
    return said


def _chat_tools(pieces: list[str]) -> bytes:
    def call(n: int, function: dict[str, str], **more: str) -> bytes:
        delta = {"tool_calls": [{"index": n, **more, "function": function}]}
        return event({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})

    out = [
        call(n, {"name": f"tool{n}", "arguments": ""}, id=f"call_{n}", type="function")
        for n in (0, 1)
    ]
    out += [call(n, {"arguments": piece}) for piece in pieces for n in (0, 1)]
    out.append(
        event({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    )
    return b"".join(out) + event("[DONE]")


def _read_chat_tools(data: bytes) -> dict[str, Any]:
    said = Said()
    for one in parsed(data):
        for choice in one["choices"]:
            for call in choice["delta"].get("tool_calls", ()):
                said.add(str(call["index"]), call["function"].get("arguments"))
    return {name: nested(some) for name, some in said.items()}


def _legacy(pieces: list[str]) -> bytes:
    out = [
        {
            "object": "text_completion",
            "choices": [{"text": piece, "index": 0, "finish_reason": None}],
        }
        for piece in pieces
    ]
    out.append(
        {
            "object": "text_completion",
            "choices": [{"text": "", "index": 0, "finish_reason": "stop"}],
        }
    )
    return b"".join(map(event, out)) + event("[DONE]")


def _read_legacy(data: bytes) -> dict[str, Any]:
    said = Said()
    for one in parsed(data):
        said.add("text", one["choices"][0]["text"])
    return said


def _typed(values: list[dict[str, Any]]) -> bytes:
    return b"".join(event(some, some["type"]) for some in values)


def _responses(pieces: list[str], numbers: bool = True) -> bytes:
    where = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
    text = "".join(pieces)
    logprobs = [
        {"token": piece, "bytes": list(piece.encode()), "logprob": -1, "top_logprobs": []}
        for piece in pieces
    ]
    reasoning = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": THOUGHT}],
        "encrypted_content": f"x{THOUGHT}",
    }
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}
    item = {
        "type": "message",
        "id": "msg_1",
        "status": "completed",
        "role": "assistant",
        "content": [part],
    }
    out = [
        {"type": "response.created", "response": {"id": "r", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": reasoning},
        {
            "type": "response.reasoning_summary_text.delta",
            "item_id": "rs_1",
            "output_index": 0,
            "summary_index": 0,
            "delta": THOUGHT,
        },
        {"type": "response.output_item.done", "output_index": 0, "item": reasoning},
        {"type": "response.output_item.added", "output_index": 1, "item": {**item, "content": []}},
        {
            "type": "response.content_part.added",
            **where,
            "part": {**part, "text": "", "logprobs": []},
        },
    ]
    out += [
        {
            "type": "response.output_text.delta",
            **where,
            "delta": piece,
            "logprobs": [some],
            "obfuscation": "k3J9x",
        }
        for piece, some in zip(pieces, logprobs, strict=True)
    ]
    out += [
        {"type": "response.output_text.done", **where, "text": text, "logprobs": logprobs},
        {"type": "response.content_part.done", **where, "part": part},
        {"type": "response.output_item.done", "output_index": 1, "item": item},
        {
            "type": "response.completed",
            "response": {"id": "r", "output": [reasoning, item], "usage": {"total_tokens": 12345}},
        },
    ]
    return _typed(
        [{**some, "sequence_number": n} for n, some in enumerate(out)] if numbers else out
    )


def _read_responses(data: bytes) -> dict[str, Any]:
    said = Said()

    def part(name: str, some: dict[str, Any]) -> None:
        said.add(name, some["text"])
        for one in some["logprobs"]:
            said.add(f"{name} logprobs", one["token"])
            said.add(f"{name} bytes", bytes(one["bytes"]).decode("utf-8", "surrogatepass"))

    for one in parsed(data):
        match one["type"]:
            case "response.output_text.delta":
                part("delta", {**one, "text": one["delta"]})
            case "response.output_text.done":
                part("done", one)
            case "response.content_part.done":
                part("part", one["part"])
            case "response.output_item.done" if one["output_index"] == 1:
                part("item", one["item"]["content"][0])
            case "response.completed":
                part("completed", one["response"]["output"][1]["content"][0])
                said["usage"] = one["response"]["usage"]
                said.add("kept", json.dumps(one["response"]["output"][0]))
            case "response.reasoning_summary_text.delta":
                said.add("kept", one["delta"])
            case "response.output_item.added" | "response.output_item.done":
                if one["output_index"] == 0:
                    said.add("kept", json.dumps(one["item"]))
    return said


def _responses_calls(pieces: list[str]) -> bytes:
    text = "".join(pieces)
    call = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "c1",
        "name": "get",
        "arguments": text,
    }
    custom = {
        "type": "custom_tool_call",
        "id": "ct_1",
        "call_id": "c2",
        "name": "patch",
        "input": text,
    }
    out: list[dict[str, Any]] = []
    for n, (item, key, kind) in enumerate(
        (
            (call, "arguments", "function_call_arguments"),
            (custom, "input", "custom_tool_call_input"),
        )
    ):
        where = {"item_id": item["id"], "output_index": n}
        out.append(
            {"type": "response.output_item.added", "output_index": n, "item": {**item, key: ""}}
        )
        out += [{"type": f"response.{kind}.delta", **where, "delta": piece} for piece in pieces]
        out.append({"type": f"response.{kind}.done", **where, key: text})
        out.append({"type": "response.output_item.done", "output_index": n, "item": item})
    out.append({"type": "response.completed", "response": {"output": [call, custom]}})
    return _typed(out)


def _read_responses_calls(data: bytes) -> dict[str, Any]:
    said = Said()
    for one in parsed(data):
        kind = one["type"]
        if kind.endswith(".delta"):
            said.add(kind, one["delta"])
        elif kind.endswith(("arguments.done", "input.done")):
            said.add(kind, one.get("arguments", one.get("input")))
        elif kind == "response.output_item.done":
            said.add(
                f"item {one['output_index']}",
                one["item"].get("arguments", one["item"].get("input")),
            )
        elif kind == "response.completed":
            for n, item in enumerate(one["response"]["output"]):
                said.add(f"completed {n}", item.get("arguments", item.get("input")))
    return {name: nested(some) for name, some in said.items()}


def _anthropic_events(pieces: list[str]) -> list[dict[str, Any]]:
    def block(n: int, start: dict[str, Any], deltas: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {"type": "content_block_start", "index": n, "content_block": start},
            *({"type": "content_block_delta", "index": n, "delta": some} for some in deltas),
            {"type": "content_block_stop", "index": n},
        ]

    cited = {
        "type": "char_location",
        "cited_text": "".join(pieces),
        "document_index": 0,
        "start_char_index": 0,
        "end_char_index": 5,
    }
    return [
        {
            "type": "message_start",
            "message": {"id": "m", "content": [], "usage": {"input_tokens": 12345}},
        },
        *block(
            0,
            {"type": "thinking", "thinking": ""},
            [
                {"type": "thinking_delta", "thinking": f"hm {THOUGHT}"},
                {"type": "signature_delta", "signature": f"sig{THOUGHT}"},
            ],
        ),
        {"type": "ping"},
        *block(
            1,
            {"type": "text", "text": ""},
            [
                *({"type": "text_delta", "text": piece} for piece in pieces),
                {"type": "citations_delta", "citation": cited},
            ],
        ),
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 12345},
        },
        {"type": "message_stop"},
    ]


def _anthropic(pieces: list[str]) -> bytes:
    return _typed(_anthropic_events(pieces))


def _read_anthropic_events(found: list[dict[str, Any]]) -> dict[str, Any]:
    said = Said()
    for one in found:
        if one["type"] == "content_block_delta":
            delta = one["delta"]
            said.add("text", delta.get("text"))
            said.add("kept", delta.get("thinking"))
            said.add("kept", delta.get("signature"))
            if "citation" in delta:
                said.add("cited", delta["citation"]["cited_text"])
        elif one["type"] == "message_delta":
            said["usage"] = one["usage"]
    return said


def _read_anthropic(data: bytes) -> dict[str, Any]:
    return _read_anthropic_events(parsed(data))


def _anthropic_tool(pieces: list[str]) -> bytes:
    out: list[dict[str, Any]] = [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "tool_use", "id": "t", "name": "x", "input": {}},
        }
    ]
    out += [
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": piece},
        }
        for piece in pieces
    ]
    out += [{"type": "content_block_stop", "index": 0}, {"type": "message_stop"}]
    return _typed(out)


def _read_anthropic_tool(data: bytes) -> dict[str, Any]:
    found = [
        one["delta"]["partial_json"] for one in parsed(data) if one["type"] == "content_block_delta"
    ]
    return {"input": nested("".join(found))}


def _gemini_values(pieces: list[str]) -> list[dict[str, Any]]:
    def answer(parts: list[dict[str, Any]], **more: str) -> dict[str, Any]:
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0, **more}
        return {
            "candidates": [candidate],
            "usageMetadata": {"totalTokenCount": 12345},
            "modelVersion": "g",
        }

    return [
        answer(
            [
                {"text": f"hm {THOUGHT}", "thought": True},
                {"text": "", "thoughtSignature": f"s{THOUGHT}"},
            ]
        ),
        *(answer([{"text": piece}]) for piece in pieces),
        answer(
            [
                {
                    "functionCall": {
                        "name": "f",
                        "args": {"a": "".join(pieces), "b": ["".join(pieces)]},
                    }
                }
            ]
        ),
        answer([{"text": ""}], finishReason="STOP"),
    ]


def _read_gemini_values(found: list[dict[str, Any]]) -> dict[str, Any]:
    said = Said()
    for one in found:
        said["usage"] = one["usageMetadata"]
        for part in one["candidates"][0]["content"]["parts"]:
            said.add("kept" if part.get("thought") else "text", part.get("text"))
            said.add("kept", part.get("thoughtSignature"))
            if "functionCall" in part:
                said["args"] = part["functionCall"]["args"]
    return said


def _gemini(pieces: list[str]) -> bytes:
    return b"".join(event(some, newline="\r\n") for some in _gemini_values(pieces))


def _gemini_array(pieces: list[str]) -> bytes:
    return (
        "["
        + "\n,\r\n".join(json.dumps(some, indent=1) for some in _gemini_values(pieces))
        + "\n]\n"
    ).encode()


def _cohere1(pieces: list[str]) -> bytes:
    text = "".join(pieces)
    out: list[dict[str, Any]] = [{"event_type": "stream-start", "is_finished": False}]
    out += [
        {"is_finished": False, "event_type": "text-generation", "text": piece} for piece in pieces
    ]
    out.append(
        {
            "is_finished": True,
            "event_type": "stream-end",
            "finish_reason": "COMPLETE",
            "response": {"text": text, "tool_calls": [{"name": "t", "parameters": {"a": text}}]},
        }
    )
    return b"".join(json.dumps(some).encode() + b"\n" for some in out)


def _read_cohere1(data: bytes) -> dict[str, Any]:
    said = Said()
    for line in data.decode().splitlines():
        one = json.loads(line)
        if one["event_type"] == "text-generation":
            said.add("text", one["text"])
        if "response" in one:
            said["response"] = one["response"]
    return said


def _cohere2(pieces: list[str]) -> bytes:
    out: list[dict[str, Any]] = [
        {"type": "message-start", "id": "i", "delta": {"message": {"role": "assistant"}}},
        *(
            {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}}
            for piece in pieces
        ),
        {
            "type": "content-start",
            "index": 0,
            "delta": {"message": {"content": {"type": "text", "text": ""}}},
        },
        *(
            {
                "type": "content-delta",
                "index": 0,
                "delta": {"message": {"content": {"text": piece}}},
            }
            for piece in pieces
        ),
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {"tokens": 12345}}},
    ]
    return _typed(out)


def _read_cohere2(data: bytes) -> dict[str, Any]:
    said = Said()
    for one in parsed(data):
        if one["type"] == "tool-plan-delta":
            said.add("plan", one["delta"]["message"]["tool_plan"])
        if one["type"] == "content-delta":
            said.add("text", one["delta"]["message"]["content"]["text"])
        if one["type"] == "message-end":
            said["usage"] = one["delta"]["usage"]
    return said


def _cohere2_tool(pieces: list[str]) -> bytes:
    def call(kind: str, function: dict[str, str]) -> dict[str, Any]:
        return {
            "type": kind,
            "index": 0,
            "delta": {"message": {"tool_calls": {"function": function}}},
        }

    return _typed([
        call("tool-call-start", {"name": "t", "arguments": ""}),
        *(call("tool-call-delta", {"arguments": piece}) for piece in pieces),
        {"type": "tool-call-end", "index": 0},
    ])  # fmt: skip


def _read_cohere2_tool(data: bytes) -> dict[str, Any]:
    calls = [
        one["delta"]["message"]["tool_calls"]
        for one in parsed(data)
        if one["type"] == "tool-call-delta"
    ]
    return {"args": nested("".join(some["function"]["arguments"] for some in calls))}


def _mistral(pieces: list[str]) -> bytes:
    out: list[dict[str, Any]] = [
        {
            "id": "m",
            "choices": [
                {
                    "index": 0,
                    "delta": {
                        "content": [
                            {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}
                        ]
                    },
                }
            ],
        },
        *(
            {
                "id": "m",
                "choices": [
                    {
                        "index": 0,
                        "delta": {"content": [{"type": "text", "text": piece}]},
                        "finish_reason": None,
                    }
                ],
            }
            for piece in pieces
        ),
        {
            "id": "m",
            "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}],
            "usage": {"total_tokens": 12345},
        },
    ]
    return b"".join(map(event, out)) + event("[DONE]")


def _read_mistral(data: bytes) -> dict[str, Any]:
    said = Said()
    for one in parsed(data):
        content = one["choices"][0]["delta"]["content"]
        for part in content if isinstance(content, list) else []:
            said.add("text", part.get("text"))
            said.add("kept", part["thinking"][0]["text"] if "thinking" in part else None)
    return said


def _conversation(pieces: list[str]) -> bytes:
    out: list[dict[str, Any]] = [{"type": "conversation.response.started", "conversation_id": "c"}]
    out += [
        {
            "type": "message.output.delta",
            "output_index": 0,
            "content_index": 0,
            "id": "m",
            "content": piece,
        }
        for piece in pieces
    ]
    out.append({"type": "conversation.response.done", "usage": {"total_tokens": 12345}})
    return _typed(out)


def _read_conversation(data: bytes) -> dict[str, Any]:
    said = Said()
    for one in parsed(data):
        said.add("text", one.get("content"))
    return said


def _conversation_tool(pieces: list[str]) -> bytes:
    out = [
        {
            "type": "function.call.delta",
            "output_index": 1,
            "id": "f",
            "name": "t",
            "tool_call_id": "c",
            "arguments": piece,
        }
        for piece in pieces
    ]
    return _typed([*out, {"type": "conversation.response.done"}])


def _read_conversation_tool(data: bytes) -> dict[str, Any]:
    return {"args": nested("".join(one.get("arguments", "") for one in parsed(data)))}


def _lines(values: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(some, ensure_ascii=False).encode() + b"\n" for some in values)


def _ollama(pieces: list[str]) -> bytes:
    text = "".join(pieces)
    out: list[dict[str, Any]] = [
        {
            "model": "m",
            "message": {"role": "assistant", "content": "", "thinking": THOUGHT},
            "done": False,
        }
    ]
    out += [
        {
            "model": "m",
            "created_at": f"2026-01-01T00:00:0{n}Z",
            "message": {"role": "assistant", "content": piece},
            "done": False,
        }
        for n, piece in enumerate(pieces)
    ]
    out.append(
        {
            "model": "m",
            "message": {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"function": {"name": "t", "arguments": {"a": text}}}],
            },
            "done": False,
        }
    )
    out.append(
        {
            "model": "m",
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "eval_count": 12345,
        }
    )
    return _lines(out)


def _read_ollama(data: bytes) -> dict[str, Any]:
    said = Said()
    for line in data.decode().split("\n"):
        if line:
            message = json.loads(line)["message"]
            said.add("text", message["content"])
            said.add("kept", message.get("thinking"))
            for call in message.get("tool_calls", ()):
                said["args"] = call["function"]["arguments"]
    return said


def _generate(pieces: list[str]) -> bytes:
    out: list[dict[str, Any]] = [
        {"model": "m", "response": piece, "done": False} for piece in pieces
    ]
    return _lines([*out, {"model": "m", "response": "", "done": True, "context": [1, 2, 3]}])


def _read_generate(data: bytes) -> dict[str, Any]:
    said = Said()
    for line in data.decode().split("\n"):
        if line:
            said.add("text", json.loads(line)["response"])
    return said


def _converse(pieces: list[str]) -> bytes:
    at = {"contentBlockIndex": 0}
    return b"".join([
        frame("messageStart", {"role": "assistant"}),
        frame("contentBlockDelta", {**at, "delta": {"reasoningContent": {"text": THOUGHT}}}),
        frame("contentBlockStop", at),
        *(frame("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": piece}, "p": "abcde"}) for piece in pieces),
        frame("contentBlockStop", {"contentBlockIndex": 1}),
        frame("messageStop", {"stopReason": "end_turn"}),
        frame("metadata", {"usage": {"totalTokens": 12345}}),
    ])  # fmt: skip


def _read_converse(data: bytes) -> dict[str, Any]:
    said = Said()
    for name, one in frames(data):
        delta = one.get("delta", {})
        said.add("text", delta.get("text"))
        said.add("kept", delta.get("reasoningContent", {}).get("text"))
        if name == "metadata":
            said["usage"] = one["usage"]
    return said


def _converse_tool(pieces: list[str]) -> bytes:
    at = {"contentBlockIndex": 0}
    return b"".join([
        frame("contentBlockStart", {**at, "start": {"toolUse": {"toolUseId": "t", "name": "x"}}}),
        *(frame("contentBlockDelta", {**at, "delta": {"toolUse": {"input": piece}}}) for piece in pieces),
        frame("contentBlockStop", at),
    ])  # fmt: skip


def _read_converse_tool(data: bytes) -> dict[str, Any]:
    found = [
        one["delta"]["toolUse"]["input"]
        for name, one in frames(data)
        if name == "contentBlockDelta"
    ]
    return {"input": nested("".join(found))}


def _invoke(pieces: list[str]) -> bytes:
    return b"".join(
        frame("chunk", {"bytes": base64.b64encode(json.dumps(some).encode()).decode(), "p": "abc"})
        for some in _anthropic_events(pieces)
    )


def _read_invoke(data: bytes) -> dict[str, Any]:
    return _read_anthropic_events(
        [json.loads(base64.b64decode(one["bytes"])) for _, one in frames(data)]
    )


def _pages(pieces: list[str]) -> bytes:
    """ChatGPT's page: patches, the path left out when it is the same as before."""
    out: list[Any] = [
        {
            "p": "",
            "o": "add",
            "v": {"message": {"id": "m", "content": {"content_type": "text", "parts": [""]}}},
            "c": 0,
        }
    ]
    path = "/message/content/parts/0"
    for n, piece in enumerate(pieces):
        if n == 0:
            out.append({"p": path, "o": "append", "v": piece})
        elif n == len(pieces) - 1:
            out.append({"p": "", "o": "patch", "v": [
                {"p": path, "o": "append", "v": piece},
                {"p": "/message/status", "o": "replace", "v": "finished_successfully"},
            ]})  # fmt: skip
        else:
            out.append({"v": piece})
    return (
        b"".join(event(some, "delta") for some in out)
        + event({"type": "message_stream_complete"})
        + event("[DONE]")
    )


def _read_pages(data: bytes) -> dict[str, Any]:
    said = Said()
    path = ""
    for one in parsed(data):
        path = one.get("p", path)
        patches = one["v"] if isinstance(one.get("v"), list) else [{"p": path, "v": one.get("v")}]
        for patch in patches:
            if patch["p"].endswith("parts/0"):
                said.add("text", patch["v"])
    return said


def _generic_events(pieces: list[str]) -> bytes:
    return b"".join(event({"data": {"text": piece}, "status": "ok"}) for piece in pieces)


def _read_generic_events(data: bytes) -> dict[str, Any]:
    return {"text": "".join(one["data"]["text"] for one in parsed(data))}


def _plain_events(pieces: list[str]) -> bytes:
    return b"".join(event(piece) for piece in pieces if piece)


def _read_plain_events(data: bytes) -> dict[str, Any]:
    return {"text": "".join(events(data))}


def _string_events(pieces: list[str]) -> bytes:
    return b"".join(event(json.dumps(piece)) for piece in pieces)


def _read_string_events(data: bytes) -> dict[str, Any]:
    return {"text": "".join(parsed(data))}


def _generic_lines(pieces: list[str]) -> bytes:
    return _lines([{"result": {"response": {"token": piece}}} for piece in pieces])


def _read_generic_lines(data: bytes) -> dict[str, Any]:
    return {
        "text": "".join(
            json.loads(line)["result"]["response"]["token"]
            for line in data.decode().split("\n")
            if line
        )
    }


def _document(pieces: list[str]) -> bytes:
    text = "".join(pieces)
    return json.dumps(
        {"a": [text, {text: 1}], "text": text, "usage": {"n": 12345}, "d": json.dumps({"x": text})}
    ).encode()


def _read_document(data: bytes) -> dict[str, Any]:
    return nested(data.decode())


def _strings(pieces: list[str]) -> bytes:
    text = "".join(pieces)
    return json.dumps([text, 5, {"a": text}, text, [text], None, text]).encode()


def _text(pieces: list[str]) -> bytes:
    return "".join(pieces).encode()


def _read_text(data: bytes) -> dict[str, Any]:
    return {"text": data.decode()}


def _parts(pieces: list[str]) -> bytes:
    """The AI SDK's data streams."""
    lines = [
        'f:{"messageId":"m"}',
        *(f"0:{json.dumps(piece)}" for piece in pieces),
        'd:{"finishReason":"stop"}',
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _read_parts(data: bytes) -> dict[str, Any]:
    return {
        "text": "".join(
            json.loads(line[2:]) for line in data.decode().split("\n") if line[:2] == "0:"
        )
    }


CASES = (
    Case("chat", "openai", Shape.EVENTS, _chat, _read_chat),
    Case("chat tools", "openai", Shape.EVENTS, _chat_tools, _read_chat_tools, arguments=True),
    Case("legacy", "openai", Shape.EVENTS, _legacy, _read_legacy),
    Case("responses", "openai", Shape.EVENTS, _responses, _read_responses),
    Case(
        "responses calls",
        "openai",
        Shape.EVENTS,
        _responses_calls,
        _read_responses_calls,
        arguments=True,
    ),
    Case("anthropic", "anthropic", Shape.EVENTS, _anthropic, _read_anthropic),
    Case(
        "anthropic tool",
        "anthropic",
        Shape.EVENTS,
        _anthropic_tool,
        _read_anthropic_tool,
        arguments=True,
    ),
    Case("gemini", "gemini", Shape.EVENTS, _gemini, lambda data: _read_gemini_values(parsed(data))),
    Case(
        "gemini array",
        "gemini",
        Shape.JSON,
        _gemini_array,
        lambda data: _read_gemini_values(json.loads(data)),
    ),
    Case("cohere 1", "cohere", Shape.LINES, _cohere1, _read_cohere1),
    Case("cohere 2", "cohere", Shape.EVENTS, _cohere2, _read_cohere2),
    Case(
        "cohere 2 tool", "cohere", Shape.EVENTS, _cohere2_tool, _read_cohere2_tool, arguments=True
    ),
    Case("mistral", "mistral", Shape.EVENTS, _mistral, _read_mistral),
    Case("conversation", "mistral", Shape.EVENTS, _conversation, _read_conversation),
    Case(
        "conversation tool",
        "mistral",
        Shape.EVENTS,
        _conversation_tool,
        _read_conversation_tool,
        arguments=True,
    ),
    Case("ollama", "ollama", Shape.LINES, _ollama, _read_ollama),
    Case("ollama generate", "ollama", Shape.LINES, _generate, _read_generate),
    Case("converse", "bedrock", Shape.EVENT_STREAM, _converse, _read_converse),
    Case(
        "converse tool",
        "bedrock",
        Shape.EVENT_STREAM,
        _converse_tool,
        _read_converse_tool,
        arguments=True,
    ),
    Case("invoke", "bedrock", Shape.EVENT_STREAM, _invoke, _read_invoke),
    Case("pages", "generic", Shape.EVENTS, _pages, _read_pages),
    Case("generic events", "generic", Shape.EVENTS, _generic_events, _read_generic_events),
    Case("plain events", "generic", Shape.EVENTS, _plain_events, _read_plain_events),
    Case("string events", "generic", Shape.EVENTS, _string_events, _read_string_events),
    Case("generic lines", "generic", Shape.LINES, _generic_lines, _read_generic_lines),
    Case("document", "generic", Shape.JSON, _document, _read_document),
    Case("strings", "generic", Shape.JSON, _strings, lambda data: {"all": json.loads(data)}),
    Case("text", "generic", Shape.TEXT, _text, _read_text),
    Case("parts", "generic", Shape.TEXT, _parts, _read_parts),
)
