"""Realtime and Responses over WebSocket, and compressed requests, as coding agents send them."""

from __future__ import annotations

import base64
import json
import ssl

import httpx
import pytest
import websockets.exceptions
from support import clients, golden

from gateway.encodings import content_encoding

HOST = golden.HOSTS["openai"]


def socket(place, target):
    return clients.websocket(
        f"wss://{HOST}{target}",
        place.gateway.url,
        place.gateway.ca,
        additional_headers={"Authorization": "Bearer none"},
    )


def said(text):
    """What holds `text`, as clients of either interface send it."""
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": content}
    return {
        "/v1/realtime?model=gpt-realtime": [
            {"type": "conversation.item.create", "item": item},
            {"type": "session.update", "session": {"type": "realtime", "instructions": text}},
            {"type": "response.create", "response": {"instructions": text}},
        ],
        "/v1/responses": [
            {"type": "response.create", "model": "gpt-5", "store": False, "input": [item]},
        ],
    }


EVENTS = [(target, number) for target, events in said("").items() for number in range(len(events))]


@pytest.mark.parametrize(("target", "number"), EVENTS)
def test_message_is_redacted_and_the_connection_lives_on(redacting, secret, target, number):
    event = said(f'Why does "{secret}" not work?')[target][number]
    clean = said("What is a héron?")[target][number]
    with socket(redacting, target) as connection:
        connection.send(json.dumps(event))
        echoed = connection.recv(timeout=30)
        assert secret not in echoed
        assert json.loads(echoed)["type"] == event["type"]
        connection.send(json.dumps(clean))
        assert connection.recv(timeout=30) == json.dumps(clean)
    assert secret not in redacting.upstream.everything().decode("latin-1")


@pytest.mark.parametrize(("target", "number"), EVENTS)
def test_refused_message_is_answered_with_an_error_event(blocking, secret, target, number):
    event = said(f'Why does "{secret}" not work?')[target][number]
    with socket(blocking, target) as connection:
        connection.send(json.dumps(event))
        told = json.loads(connection.recv(timeout=30))
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            connection.recv(timeout=30)
    assert told["type"] == "error"
    assert told["status"] == 400
    assert "A secret stands in this request." in told["error"]["message"]
    assert "rule `secrets`" in told["error"]["message"]
    assert closed.value.rcvd.code == 1008
    assert secret not in json.dumps(told)
    assert secret not in blocking.upstream.everything().decode("latin-1")


def test_sound_passes_where_a_rule_lets_it(redacting):
    samples = base64.b64encode(bytes(range(256)) * 16).decode()
    event = json.dumps({"type": "input_audio_buffer.append", "audio": samples})
    with socket(redacting, "/v1/realtime?model=gpt-realtime") as connection:
        connection.send(event)
        assert connection.recv(timeout=30) == event


@pytest.mark.parametrize("encoding", ["zstd", "gzip", "br", "deflate"])
def test_compressed_request_is_redacted_and_compressed_again(redacting, secret, encoding):
    item = {"type": "custom_tool_call_output", "call_id": "call_1", "output": f"key={secret}\n"}
    plain = json.dumps(
        {"model": "gpt-5", "input": [item, {"role": "user", "content": "h\u00e9ron"}]}
    )
    body = content_encoding.encode(plain.encode(), encoding)
    assert secret.encode() not in body
    redacting.upstream.seen.clear()
    context = ssl.create_default_context(cafile=str(redacting.gateway.ca))
    with httpx.Client(proxy=redacting.gateway.url, verify=context, timeout=30) as client:
        answer = client.post(
            f"https://{HOST}/v1/responses",
            content=body,
            headers={"content-type": "application/json", "content-encoding": encoding},
        )
    assert answer.status_code == 200
    (seen,) = redacting.upstream.seen
    assert seen.header("content-encoding") == encoding
    assert seen.header("content-length") in {str(len(seen.body)), None}
    arrived = content_encoding.decode(seen.body, encoding, 1 << 20).decode()
    assert secret not in arrived
    before, after = plain.split(secret)
    assert arrived.startswith(before)
    assert arrived.endswith(after)


def test_compressed_request_that_is_clean_arrives_byte_for_byte(redacting):
    body = content_encoding.encode(b'{"model":"gpt-5","input":"What is a heron?"}', "zstd")
    redacting.upstream.seen.clear()
    context = ssl.create_default_context(cafile=str(redacting.gateway.ca))
    with httpx.Client(proxy=redacting.gateway.url, verify=context, timeout=30) as client:
        client.post(
            f"https://{HOST}/v1/responses",
            content=body,
            headers={"content-type": "application/json", "content-encoding": "zstd"},
        )
    (seen,) = redacting.upstream.seen
    assert seen.body == body
