"""Shapes of requests and answers: closed words, and no more of what was sent."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Exchange
from gateway.shadow import shapes
from gateway.shadow.names import document


def a_request(target="/", body=b"", **headers):
    return Exchange(
        "x", 0.0, "", "192.0.2.1", "POST", "https", "h.example", 443, target,
        tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()),
        body,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("target", "signs"),
    [
        ("/v1/chat/completions", {"path:openai_chat", "base:openai:/v1"}),
        ("/v1/%63hat/completions?key=secret", {"path:openai_chat", "base:openai:/v1"}),
        ("/tenants/ann/chat/completions", {"path:openai_chat"}),
        ("/v1/responses", {"path:openai_responses", "base:openai:/v1"}),
        ("/api/responses", set()),
        ("/v1/images/generations", {"path:openai_images", "base:openai:/v1"}),
        ("/v1/messages", {"path:anthropic_messages", "base:anthropic:"}),
        ("/anthropic/v1/messages", {"path:anthropic_messages", "base:anthropic:/anthropic"}),
        ("/v1beta/models/m-1:streamGenerateContent", {"path:gemini", "base:gemini:"}),
        ("/api/generate", {"path:ollama", "base:ollama:"}),
        ("/rooms/chat/7", {"path:chat_word"}),
        ("/index.html", set()),
        ("/chatter", set()),
    ],
)
def test_paths_of_known_surfaces_are_known(target, signs):
    assert shapes.of_path(target) == signs


@pytest.mark.parametrize(
    ("body", "signs"),
    [
        ({"model": "m", "messages": []}, {"request:messages"}),
        ({"model": "m", "prompt": "p"}, {"request:prompt"}),
        ({"prompt": "p", "negative_prompt": "n"}, {"request:prompt"}),
        ({"model": "m", "input": "i"}, {"request:embedding"}),
        ({"messages": []}, set()),
        ({"prompt": "p"}, set()),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call"}, {"request:mcp"}),
        ({"jsonrpc": "2.0", "id": 1, "method": "eth_call"}, set()),
        ([{"model": "m", "messages": []}], set()),
    ],
)
def test_bodies_of_ai_services_are_known_by_their_keys(body, signs):
    assert shapes.of_request(a_request(body=json.dumps(body).encode())) == signs
    padded = {"model": "m", "messages": [{"content": "x" * (2 * shapes.HEAD)}]}
    assert shapes.of_request(a_request(body=json.dumps(padded).encode())) == {"request:messages"}


def test_what_is_compressed_is_not_looked_into():
    body = json.dumps({"model": "m", "messages": []}).encode()
    assert shapes.of_request(a_request(body=body, content_encoding="br")) == frozenset()
    assert shapes.of_request(a_request(mcp_session_id="s")) == {"request:mcp"}


@pytest.mark.parametrize(
    ("kind", "head", "signs"),
    [
        ("text/event-stream", b'data: {"choices":[{"delta":{"content":"h"}}]}', {"answer:deltas"}),
        ("Text/Event-Stream; charset=utf-8", b'data: {"type": "message_start"}', {"answer:deltas"}),
        ("text/event-stream", b'data: {"price": 7}', set()),
        ("application/json", b'{"choices":[]}', set()),
    ],
)
def test_answers_that_are_written_word_by_word_are_known(kind, head, signs):
    assert shapes.of_answer(kind, head) == signs
    assert shapes.of_answer(kind, head, mcp=True) == signs | {"answer:mcp"}


@given(st.text(), st.binary(), st.text(alphabet=st.characters(max_codepoint=255)))
def test_no_request_fails_and_nothing_of_it_comes_out(target, body, kind):
    words = set(document().shapes)
    for sent in (body, b"{" + body, b'{"a":' * 50_000):
        found = shapes.of_request(a_request(target, sent))
        found |= shapes.of_answer(kind, body)
        for sign in found:
            surface, _, base = sign.removeprefix("base:").partition(":")
            assert sign in words or (surface in shapes.SURFACES and base in shapes.BASES)
            assert len(sign) <= 64
