"""Uploads in pieces through the gateway: OpenAI's parts by its SDK, and Google's commands by hand."""

from __future__ import annotations

import json
import random
import ssl

import httpx
import pytest

openai = pytest.importorskip("openai")

GEMINI = "https://generativelanguage.googleapis.com/upload/v1beta/files?upload_id=%s"


@pytest.fixture
def client(mocked, monkeypatch):
    mocked.upstream.seen.clear()
    monkeypatch.setenv("HTTPS_PROXY", mocked.gateway.url)
    monkeypatch.setenv("SSL_CERT_FILE", str(mocked.gateway.ca))
    with openai.OpenAI(api_key="none") as made:
        yield made


@pytest.fixture
def google(mocked):
    mocked.upstream.seen.clear()
    context = ssl.create_default_context(cafile=str(mocked.gateway.ca))
    with httpx.Client(proxy=mocked.gateway.url, verify=context, timeout=60) as made:
        yield made


def upload(client, data, size):
    return client.uploads.upload_file_chunked(
        file=data,
        filename="lines.jsonl",
        bytes=len(data),
        mime_type="application/jsonl",
        purpose="batch",
        part_size=size,
    )


def lines(words):
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": words}]}
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(line).encode() + b"\n"


def parts(mocked):
    return [each for each in mocked.upstream.seen if each.target.endswith("/parts")]


def test_text_in_parts_arrives(mocked, client):
    data = lines("What is a heron?") * 20
    assert upload(client, data, 512).status == "completed"
    assert len(parts(mocked)) == -(-len(data) // 512)


def test_a_value_cut_between_two_parts_is_refused(mocked, client, ssn):
    data = lines("What is a heron?") + lines(f"Is my social security number {ssn} valid?")
    cut = data.index(ssn.encode()) + 5
    with pytest.raises(openai.BadRequestError) as raised:
        upload(client, data, cut)
    assert "incident `" in str(raised.value)
    (first,) = parts(mocked)
    assert ssn[:5].encode() in first.body
    assert ssn[5:].encode() not in first.body
    # What was refused may be mended and sent again.
    assert upload(client, lines("Thank you."), 512).status == "completed"


def test_a_document_in_parts_is_refused(mocked, client):
    data = b"PK\x03\x04" + random.Random(7).randbytes(2000)
    with pytest.raises(openai.BadRequestError) as raised:
        upload(client, data, 1000)
    assert "rule `unread-pieces`" in str(raised.value)
    assert parts(mocked) == []


def put(google, name, at, data, command):
    headers = {"X-Goog-Upload-Command": command, "X-Goog-Upload-Offset": str(at)}
    return google.post(GEMINI % name, content=data, headers=headers)


def test_a_value_cut_between_two_commands_is_refused(mocked, google, ssn):
    data = f"Notes. My social security number is {ssn}, by the way.".encode()
    cut = data.index(ssn.encode()) + 7
    put(google, "one", 0, data[:cut], "upload")
    answer = put(google, "one", cut, data[cut:], "upload, finalize")
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert [seen.body for seen in mocked.upstream.seen] == [data[:cut]]


def test_a_piece_out_of_order_is_refused(mocked, google):
    put(google, "two", 0, b"some words, ", "upload")
    answer = put(google, "two", 20, b"and more of them", "upload, finalize")
    assert answer.status_code == 400
    assert "unread-pieces" in answer.text
    assert len(mocked.upstream.seen) == 1


def test_an_upload_in_one_piece_is_read_as_any_file_but_keeps_its_size(mocked, google, ssn):
    clean = b'{"note": "a h\\u00e9ron"}'
    put(google, "three", 0, clean, "upload, finalize")
    held = json.dumps({"note": f"My social security number is {ssn}"}).encode()
    answer = put(google, "four", 0, held, "upload, finalize")
    # The size was said when the upload began.
    assert answer.status_code == 400
    assert "size must not change" in answer.text
    assert [seen.body for seen in mocked.upstream.seen] == [clean]
