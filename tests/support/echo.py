"""A service that says back what it was told, in the protocol it was asked in.

What it hears is kept, so that a test can tell that no value arrived; what it says is what it heard,
so that a test can tell that the client got its value back.
"""

from __future__ import annotations

import base64
import gzip
import json
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import brotli
import zstandard
from support import bedrock

PIECE = 3
"""Characters of one delta: every token is cut many times."""

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def _pieces(text: str, size: int = PIECE) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def arguments(text: str) -> str:
    """What a tool is called with: the text, and the text in JSON within JSON."""
    return json.dumps({"text": text, "nested": json.dumps({"text": text}, ensure_ascii=False)})


SAYS = "SAYS"
"""A prompt that begins with this word holds, in a spelling of its own, what is said in its place."""


def says(text: str) -> str:
    """A prompt that makes the service say `text`, though `text` does not stand in it."""
    return f"{SAYS}{text[::-1].encode('utf-16-be').hex()}"


def own(text: str) -> str:
    """What is said to a prompt: the prompt, or what `says` asked for."""
    head, word, rest = text.partition(SAYS)
    return bytes.fromhex(rest).decode("utf-16-be")[::-1] if word and not head else text


def _said(content: Any) -> str:
    """The text of a message's content, whatever its protocol's shape."""
    if isinstance(content, str):
        return own(content)
    if isinstance(content, list):
        return "".join(_said(part) for part in content)
    if isinstance(content, dict):
        return _said(content.get("text") or content.get("content") or content.get("output") or "")
    return ""


def _sse(events: list[Any], *, named: bool = False) -> list[bytes]:
    out = []
    for event in events:
        name = f"event: {event['type']}\n" if named else ""
        out.append(f"{name}data: {json.dumps(event)}\n\n".encode())
    return out


# --- OpenAI --------------------------------------------------------------------------------------


def chat(body: dict[str, Any]) -> tuple[str, list[bytes]]:
    text = _said(body["messages"][-1]["content"])
    tools = body.get("tools")
    call = {"name": tools[0]["function"]["name"], "arguments": arguments(text)} if tools else None
    if not body.get("stream"):
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if call:
            message |= {"tool_calls": [{"id": "call_1", "type": "function", "function": call}]}
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": "stop"}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [_logprob(piece) for piece in _pieces(text)]}
        answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "echo"}
        return "application/json", [
            json.dumps(answer | {"choices": [choice], "usage": USAGE}).encode()
        ]

    def chunk(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "echo",
            "choices": [{"index": 0, "delta": delta, "finish_reason": None} | more],
        }  # fmt: skip

    events = [chunk({"role": "assistant", "content": ""})]
    for piece in _pieces(text):
        more = {"logprobs": {"content": [_logprob(piece)]}} if body.get("logprobs") else {}
        events.append(chunk({"content": piece}, **more))
    if call:
        head = {"index": 0, "id": "call_1", "type": "function"}
        events.append(
            chunk({"tool_calls": [head | {"function": {"name": call["name"], "arguments": ""}}]})
        )
        events += [
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
            for piece in _pieces(call["arguments"])
        ]
    events.append(chunk({}, finish_reason="tool_calls" if call else "stop"))
    return "text/event-stream", [*_sse(events), b"data: [DONE]\n\n"]


def _logprob(text: str) -> dict[str, Any]:
    return {"token": text, "logprob": -0.5, "bytes": list(text.encode()), "top_logprobs": []}


def responses(body: dict[str, Any]) -> tuple[str, list[bytes]]:
    told = body["input"]
    text = _said(told) if isinstance(told, str) else _said(told[-1])
    content = {"type": "output_text", "text": text, "annotations": []}
    message = {
        "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [content],
    }  # fmt: skip
    items: list[dict[str, Any]] = [message]
    if body.get("tools"):
        items.append(
            {
                "type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed",
                "name": body["tools"][0]["name"], "arguments": arguments(text),
            }
        )  # fmt: skip
    response = {
        "id": "resp_1", "object": "response", "created_at": 1, "status": "completed",
        "model": "echo", "output": items, "parallel_tool_calls": True, "tool_choice": "auto",
        "tools": [],
    }  # fmt: skip
    if not body.get("stream"):
        return "application/json", [json.dumps(response).encode()]
    started = response | {"output": [], "status": "in_progress"}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": started},
        {
            "type": "response.output_item.added", "output_index": 0,
            "item": message | {"content": [], "status": "in_progress"},
        },
        {"type": "response.content_part.added", "part": content | {"text": ""}, **place},
        *(
            {"type": "response.output_text.delta", "delta": piece, "logprobs": [], **place}
            for piece in _pieces(text)
        ),
        {"type": "response.output_text.done", "text": text, "logprobs": [], **place},
        {"type": "response.content_part.done", "part": content, **place},
        {"type": "response.output_item.done", "output_index": 0, "item": message},
    ]  # fmt: skip
    if len(items) > 1:
        call = items[1]
        place = {"item_id": "fc_1", "output_index": 1}
        events += [
            {
                "type": "response.output_item.added", "output_index": 1,
                "item": call | {"arguments": "", "status": "in_progress"},
            },
            *(
                {"type": "response.function_call_arguments.delta", "delta": piece, **place}
                for piece in _pieces(call["arguments"])
            ),
            {
                "type": "response.function_call_arguments.done", "name": call["name"],
                "arguments": call["arguments"], **place,
            },
            {"type": "response.output_item.done", "output_index": 1, "item": call},
        ]  # fmt: skip
    events.append({"type": "response.completed", "response": response})
    for number, event in enumerate(events):
        event["sequence_number"] = number
    return "text/event-stream", _sse(events, named=True)


# --- Anthropic -----------------------------------------------------------------------------------


def messages(body: dict[str, Any]) -> tuple[str, list[bytes]]:
    text = _said(body["messages"][-1]["content"])
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text}]
    if body.get("tools"):
        blocks.append(
            {
                "type": "tool_use", "id": "toolu_1", "name": body["tools"][0]["name"],
                "input": json.loads(arguments(text)),
            }
        )  # fmt: skip
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "echo",
        "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }  # fmt: skip
    if not body.get("stream"):
        return "application/json", [json.dumps(message | {"content": blocks}).encode()]
    begin = {"type": "message_start", "message": message | {"content": [], "stop_reason": None}}
    events: list[dict[str, Any]] = [begin]
    for number, block in enumerate(blocks):
        if block["type"] == "text":
            empty, deltas = (
                block | {"text": ""},
                [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])],
            )
        else:
            empty, deltas = (
                block | {"input": {}},
                [
                    {"type": "input_json_delta", "partial_json": piece}
                    for piece in _pieces(json.dumps(block["input"]))
                ],
            )
        events.append({"type": "content_block_start", "index": number, "content_block": empty})
        events += [
            {"type": "content_block_delta", "index": number, "delta": delta} for delta in deltas
        ]
        events.append({"type": "content_block_stop", "index": number})
    events += [
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 2},
        },
        {"type": "message_stop"},
    ]
    return "text/event-stream", _sse(events, named=True)


# --- Gemini --------------------------------------------------------------------------------------


def gemini(body: dict[str, Any], *, stream: bool, sse: bool) -> tuple[str, list[bytes]]:
    text = _said(body["contents"][-1]["parts"])

    def response(parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {"candidates": [{"index": 0, "content": {"role": "model", "parts": parts}} | more]}

    calls = []
    if body.get("tools"):
        name = body["tools"][0]["functionDeclarations"][0]["name"]
        calls = [{"functionCall": {"name": name, "args": json.loads(arguments(text))}}]
    if not stream:
        answer = response([{"text": text}, *calls], finishReason="STOP")
        return "application/json", [json.dumps(answer).encode()]
    events = [response([{"text": piece}]) for piece in _pieces(text)]
    events.append(response(calls, finishReason="STOP"))
    if sse:
        return "text/event-stream", _sse(events)
    pieces = [json.dumps(event, indent=1).encode() for event in events]
    return "application/json", [b"[", *(p + b",\r\n" for p in pieces[:-1]), pieces[-1], b"]"]


# --- Bedrock and Ollama --------------------------------------------------------------------------


def converse(body: dict[str, Any], *, stream: bool) -> tuple[str, list[bytes]]:
    text = _said(body["messages"][-1]["content"])
    tools = body.get("toolConfig", {}).get("tools")
    call = {"toolUseId": "t1", "name": tools[0]["toolSpec"]["name"]} if tools else None
    if not stream:
        content: list[dict[str, Any]] = [{"text": text}]
        if call:
            content.append({"toolUse": call | {"input": json.loads(arguments(text))}})
        usage = {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}
        answer = {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1},
        }  # fmt: skip
        return "application/json", [json.dumps(answer).encode()]
    events: list[tuple[str, Any]] = [("messageStart", {"role": "assistant"})]
    events += [
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}})
        for piece in _pieces(text)
    ]
    events.append(("contentBlockStop", {"contentBlockIndex": 0}))
    if call:
        events.append(("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": call}}))
        events += [
            ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": piece}}})
            for piece in _pieces(arguments(text))
        ]
        events.append(("contentBlockStop", {"contentBlockIndex": 1}))
    events.append(("messageStop", {"stopReason": "end_turn"}))
    return bedrock.STREAM, [bedrock.frame(name, payload) for name, payload in events]


def invoke(body: dict[str, Any], *, stream: bool) -> tuple[str, list[bytes]]:
    kind, parts = messages(body | {"stream": stream})
    if not stream:
        return kind, parts
    events = [part.partition(b"data: ")[2].strip() for part in parts]
    return bedrock.STREAM, [
        bedrock.frame("chunk", {"bytes": base64.b64encode(event).decode()}) for event in events
    ]


def ollama(body: dict[str, Any]) -> tuple[str, list[bytes]]:
    text = _said(body["messages"][-1]["content"])
    base = {"model": "echo", "created_at": "2026-01-01T00:00:00Z"}
    end = base | {"message": {"role": "assistant", "content": ""}, "done": True}
    if body.get("stream") is False:
        message = {"role": "assistant", "content": text}
        return "application/json", [json.dumps(end | {"message": message}).encode()]
    lines = [
        base | {"message": {"role": "assistant", "content": piece}, "done": False}
        for piece in _pieces(text)
    ]
    return "application/x-ndjson", [json.dumps(line).encode() + b"\n" for line in (*lines, end)]


type Script = Callable[[str, dict[str, Any]], tuple[str, list[bytes]]]
"""What is answered to the path and body of a request: media type, and the body in pieces."""


def _answer(path: str, body: dict[str, Any]) -> tuple[str, list[bytes]]:
    path, _, query = path.partition("?")
    if path.endswith("/chat/completions"):
        return chat(body)
    if path.endswith("/responses"):
        return responses(body)
    if path.endswith("/messages"):
        return messages(body)
    if "generateContent" in path or "GenerateContent" in path:
        return gemini(body, stream="stream" in path, sse="alt=sse" in query)
    if "/converse" in path:
        return converse(body, stream=path.endswith("-stream"))
    if "/invoke" in path:
        return invoke(body, stream=path.endswith("-stream"))
    if path.endswith("/api/chat"):
        return ollama(body)
    return "application/json", [json.dumps({"echo": body}).encode()]


def _encoded(parts: list[bytes], encoding: str) -> Iterator[bytes]:
    """Each part in a compressed block of its own, flushed, as services do."""
    match encoding:
        case "gzip" | "deflate" | "bare deflate":
            packer = zlib.compressobj(wbits={"gzip": 31, "deflate": 15}.get(encoding, -15))
            for part in parts:
                yield packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH)
            yield packer.flush()
        case "br":
            press = brotli.Compressor()
            for part in parts:
                yield press.process(part) + press.flush()
            yield press.finish()
        case "zstd":
            pack = zstandard.ZstdCompressor().compressobj()
            for part in parts:
                yield pack.compress(part) + pack.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
            yield pack.flush()
        case _:
            yield from parts


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.heard.append((self.path, self.headers.items(), data))
        encoding = self.headers.get("content-encoding", "")
        if encoding == "gzip":
            data = gzip.decompress(data)
        elif encoding == "zstd":
            data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
        kind, parts = self.server.script(self.path, json.loads(data))
        self.send_response(200)
        self.send_header("content-type", kind)
        pressed = self.headers.get("x-echo-encoding", self.server.encoding)
        if pressed:
            self.send_header("content-encoding", pressed.removeprefix("bare "))
        if len(parts) == 1 and not pressed:
            self.send_header("content-length", str(len(parts[0])))
            self.end_headers()
            self.wfile.write(parts[0])
            return
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for part in _encoded(parts, pressed):
            if part:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
                if self.server.pause:
                    time.sleep(self.server.pause)
        self.wfile.write(b"0\r\n\r\n")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    heard: list[tuple[str, list[tuple[str, str]], bytes]]
    encoding: str
    pause: float
    script: Script

    def handle_error(self, *_: object) -> None:
        """A client that has gone is nothing to print."""


class Echo:
    """Runs in a thread on a free port of 127.0.0.1; `heard` is every request so far."""

    def __init__(
        self,
        pem: Path | None = None,
        *,
        encoding: str = "",
        pause: float = 0.0,
        script: Script | None = None,
    ) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.heard, self._server.encoding, self._server.pause = [], encoding, pause
        self.script = script or _answer
        self.port = self._server.server_address[1]
        self.scheme = "http"
        if pem is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self.scheme = "https"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def script(self) -> Script:
        """What it answers to path and body: media type, and the body in pieces; may be changed."""
        return self._server.script

    @script.setter
    def script(self, script: Script) -> None:
        self._server.script = script

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def pause(self) -> float:
        """Seconds between two parts of an answer."""
        return self._server.pause

    @pause.setter
    def pause(self, seconds: float) -> None:
        self._server.pause = seconds

    @property
    def heard(self) -> list[tuple[str, list[tuple[str, str]], bytes]]:
        """Path, headers and body of every request."""
        return self._server.heard

    def everything(self) -> bytes:
        """All that arrived, on any request."""
        return b"\n".join(
            path.encode() + repr(headers).encode() + body for path, headers, body in self.heard
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
