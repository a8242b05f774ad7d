"""Does a request or an answer look like one of an AI service? Closed words for what it looks like.

Law: pure and cheap, for it runs beside the proxy: of a body no more than `HEAD` bytes are looked at.
What comes out is a word of `signs.yaml`; nothing of what was sent, nor of its path, goes on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from gateway.model import Exchange
from gateway.services.paths import normalise

HEAD = 65_536
"""Bytes of a body that are looked at."""

_PATHS = (
    ("path:openai_chat", re.compile(r"(/chat/completions)\Z")),
    ("path:openai_responses", re.compile(r"(?<=/v1)(/responses)\Z")),
    ("path:openai_completions", re.compile(r"(?<=/v1)(/completions)\Z")),
    ("path:openai_images", re.compile(r"(/images/(?:generations|edits|variations))\Z")),
    ("path:openai_embeddings", re.compile(r"(?<=/v1)(/embeddings)\Z")),
    ("path:openai_audio", re.compile(r"(/audio/(?:speech|transcriptions|translations))\Z")),
    ("path:anthropic_messages", re.compile(r"(/v1/messages(?:/count_tokens)?)\Z")),
    ("path:gemini", re.compile(r"(/v1(?:beta|alpha)?/models/[^/]+:(?:stream)?generatecontent)\Z")),
    ("path:ollama", re.compile(r"(/api/(?:generate|chat|embed|embeddings))\Z")),
    ("path:chat_word", re.compile(r"(?:\A|/)(chat|conversation|conversations|generate|prompt)(?:/|\Z)")),
)  # fmt: skip
"""Paths in normal form; the group is where the surface begins, which tells its base."""

SURFACES = ("openai", "anthropic", "gemini", "ollama")
"""Operation sets of the catalogue that paths tell of."""

BASES = frozenset(
    {
        "", "/v1", "/v2", "/v1beta", "/v1beta/openai", "/api", "/api/v1", "/api/v2", "/api/openai",
        "/api/openai/v1", "/openai", "/openai/v1", "/inference", "/inference/v1", "/compatible-mode/v1",
        "/anthropic", "/api/anthropic", "/proxy/v1", "/llm/v1", "/ai/v1", "/api/paas/v4",
    }
)  # fmt: skip
"""Where such a set begins, as far as it is remembered: what else stands there may name somebody."""

_KEYS: tuple[tuple[str, tuple[frozenset[str], ...]], ...] = (
    ("request:messages", (frozenset({"model", "messages"}), frozenset({"model", "contents"}))),
    (
        "request:prompt",
        (
            frozenset({"model", "prompt"}),
            frozenset({"prompt", "negative_prompt"}),
            frozenset({"prompt", "max_tokens"}),
            frozenset({"prompt", "temperature"}),
            frozenset({"model", "input", "instructions"}),
        ),
    ),
    ("request:embedding", (frozenset({"model", "input"}),)),
)
"""Keys at the top of a JSON object that stand together in requests of AI services."""

_MCP = re.compile(
    r"initialize|ping|(?:tools|resources|prompts|completion|notifications)/[a-zA-Z/]+"
)

_DELTAS = re.compile(
    rb'"(?:delta|choices|candidates|content_block|completion_tokens|finish_reason|output_text)"\s*:'
    rb'|"type"\s*:\s*"(?:message_start|content_block_delta|response\.[a-z_.]+)"'
)
"""What stands in the events of an answer that is written word by word."""

STREAM = "text/event-stream"


def of_request(exchange: Exchange) -> frozenset[str]:
    """What `exchange` looks like."""
    found = set(of_path(exchange.target))
    if exchange.header("mcp-session-id") or exchange.header("mcp-protocol-version"):
        found.add("request:mcp")
    found.update(_of_json(exchange.body, exchange.header("content-encoding") or ""))
    return frozenset(found)


def of_path(target: str) -> frozenset[str]:
    """What a request target looks like."""
    path = normalise(target)
    found: set[str] = set()
    for name, pattern in _PATHS:
        # The last one, a word alone, says nothing more of a path that is known.
        if (match := pattern.search(path)) is None or (name == "path:chat_word" and found):
            continue
        found.add(name)
        surface, base = name.removeprefix("path:").partition("_")[0], path[: match.start(1)]
        if surface in SURFACES and base in BASES:
            found.add(f"base:{surface}:{base}")
    return frozenset(found)


def of_answer(content_type: str, head: bytes, *, mcp: bool = False) -> frozenset[str]:
    """What an answer looks like that begins with `head`; `mcp` when it has a session of MCP's."""
    found = {"answer:mcp"} if mcp else set()
    if content_type.partition(";")[0].strip().lower() == STREAM and _DELTAS.search(head):
        found.add("answer:deltas")
    return frozenset(found)


def _of_json(body: bytes, encoding: str) -> Iterator[str]:
    if encoding not in {"", "identity"} or body.lstrip()[:1] != b"{":
        return
    if len(body) > HEAD:
        # The keys of a long request stand at its ends; it is not worth reading all of it.
        ends = body[: HEAD // 2] + body[-HEAD // 2 :]
        keys = {word.decode() for word in re.findall(rb'"([a-z_]{1,24})"\s*:', ends)}
        value: Mapping[str, object] = dict.fromkeys(keys)
    else:
        try:
            read = json.loads(body)
        except (ValueError, RecursionError):
            return
        if not isinstance(read, dict):
            return
        value, keys = read, set(read)
    for name, together in _KEYS:
        if any(some <= keys for some in together):
            yield name
            break
    method = value.get("method")
    if value.get("jsonrpc") == "2.0" and isinstance(method, str) and _MCP.fullmatch(method):
        yield "request:mcp"
