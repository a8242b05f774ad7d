"""Does a redaction in a file of lines change its own line, and no byte of the others?"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.exchanges import exchange

from gateway import protocols
from gateway.encodings import splice
from gateway.model import Edit, TextPart, UnreadReason

WORD = "Zq7CANARY"
BODIES = [
    ("openai", lambda text: {"messages": [{"role": "user", "content": text}]}),
    ("openai", lambda text: {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions",
                             "body": {"messages": [{"role": "user", "content": text}]}}),
    ("openai", lambda text: {"url": "/v1/responses", "body": {"instructions": text, "input": "x"}}),
    ("openai", lambda text: {"url": "/v1/embeddings", "body": {"input": ["x", text]}}),
    ("openai", lambda text: {"prompt": "x", "completion": text}),
    ("openai", lambda text: {"preferred_output": [{"role": "assistant", "content": text}]}),
    ("anthropic", lambda text: {"custom_id": "1", "params": {"messages": [{"role": "user",
                                "content": [{"type": "text", "text": text}]}]}}),
    ("gemini", lambda text: {"key": "1", "request": {"contents": [{"parts": [{"text": text}]}]}}),
]  # fmt: skip

SPELLINGS = [
    b'{ "messages":[ {"role" : "user","content":"h\\u00e9ron  \\/ "} ] , "n":1.50 }',
    b'{"custom_id":"2","body":{"input":"stands"},"body":{"input":"twice"}}',
    '{"prompt":"naïve","completion":"\\ud83d\\udc26"}'.encode(),
    b"[]",
    b"",
]


def form(data):
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="lines.jsonl"\r\n'
    kind = b"Content-Type: application/jsonl\r\n\r\n"
    return exchange(
        head + kind + data + b"\r\n--b--\r\n",
        target="/v1/files",
        headers=((b"content-type", b"multipart/form-data; boundary=b"),),
    )


def taken_out(protocol, data):
    """The file after `WORD` was taken out wherever it is read."""
    request = form(data)
    parts = protocols.get(protocol).extract(request, protocols.Limits()).parts
    edits = [
        Edit(part.locator, at, at + len(WORD), "[GONE]")
        for part in parts
        if isinstance(part, TextPart) and (at := part.text.find(WORD)) >= 0
    ]
    assert edits
    body = splice.apply(request, edits).body
    return body[body.index(b"\r\n\r\n") + 4 : body.rindex(b"\r\n--b--")]


@given(
    which=st.integers(0, len(BODIES) - 1),
    before=st.lists(st.sampled_from(SPELLINGS), max_size=4),
    after=st.lists(st.sampled_from(SPELLINGS), max_size=4),
    ending=st.sampled_from([b"\n", b"\r\n"]),
    closed=st.booleans(),
)
def test_only_the_line_with_the_value_changes(which, before, after, ending, closed):
    protocol, body = BODIES[which]
    line = json.dumps(body(f"say {WORD} now")).encode()
    end = ending if closed else b""
    data = ending.join([*before, line, *after]) + end
    want = ending.join([*before, line.replace(WORD.encode(), b"[GONE]"), *after]) + end
    assert taken_out(protocol, data) == want


@pytest.mark.parametrize("size", [1, 2000])
def test_every_line_is_read(size):
    lines = [json.dumps(BODIES[1][1](f"line {n} {WORD}")).encode() for n in range(size)]
    out = taken_out("openai", b"\n".join(lines))
    assert out == b"\n".join(lines).replace(WORD.encode(), b"[GONE]")


def test_a_file_with_a_broken_line_is_read_as_text():
    request = form(b'{"messages":[]}\n{"messages": [{"content": "' + WORD.encode() + b'"}],}\n')
    parts = protocols.get("openai").extract(request, protocols.Limits()).parts
    assert any(WORD.encode() in part.data for part in parts if not isinstance(part, TextPart))


def test_token_ids_in_a_line_are_unread():
    line = json.dumps({"url": "/v1/embeddings", "body": {"input": [[101, 2023, 2003]]}})
    unread = protocols.get("openai").extract(form(line.encode()), protocols.Limits()).unread
    assert [each.reason for each in unread] == [UnreadReason.TOKEN_IDS]
