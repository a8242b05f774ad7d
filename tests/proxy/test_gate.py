"""The proxy itself, from outside: what it opens, what it forwards, and that it fails closed."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
import ssl
import subprocess
import time
from pathlib import Path

import httpx
import pytest
import websockets.exceptions
from support.clients import client, issuer, tunnel
from support.clients import websocket as opened
from support.gate import AI_HOST, Boom, GateThread, decision, refusing
from support.upstream import Upstream
from support.wire import Http2

from gateway.model import Refuse, Rewrite
from gateway.proxy import layers
from gateway.workers import InspectionFault

PROMPT = b'{"model":"gpt-5","messages":[{"role":"user","content":"h\\u00e9llo  \\/ world"}]}'


@pytest.fixture(scope="module")
def upstream(tls):
    with Upstream(tls[0]) as running:
        yield running


@pytest.fixture(scope="module")
def upstream2(tls):
    with Upstream(tls[0], http2=True) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(tmp_path_factory, tls, upstream, upstream2):
    with GateThread(
        tmp_path_factory.mktemp("gate"),
        upstreams={
            AI_HOST: upstream.url,
            "api.anthropic.com": upstream2.url,
            "api.mistral.ai": f"{upstream.url}/base",
            "api.cohere.com": "https://127.0.0.1:1",
        },
        trusted_ca=tls[1],
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def reset(proxy, upstream, upstream2):
    upstream.seen.clear()
    upstream2.seen.clear()
    proxy.exchanges.clear()
    proxy.recorded.clear()
    proxy.inspect = proxy.allow
    proxy.record = proxy.recorded.append


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("host", [AI_HOST, "api.anthropic.com"])
def test_clean_request_arrives_byte_for_byte(proxy, upstream, upstream2, http2, host):
    with client(proxy, http2=http2) as session:
        answer = session.post(
            f"https://{host}/v1/messages?x=%41&y=a+b",
            content=PROMPT,
            headers={"content-type": "application/json", "x-odd": "caf\xe9".encode("latin-1")},
        )
    assert answer.json() == {"ok": True}
    (seen,) = upstream.seen + upstream2.seen
    assert seen.body == PROMPT
    assert seen.target == "/v1/messages?x=%41&y=a+b"
    assert seen.header("x-odd") == "caf\xe9"


def test_answer_loses_the_offer_of_http3(proxy):
    with client(proxy) as session:
        assert "alt-svc" not in session.get(f"https://{AI_HOST}/v1/models").headers


def test_upstream_path_is_put_in_front(proxy, upstream):
    with client(proxy) as session:
        session.post("https://api.mistral.ai/v1/chat/completions", content=PROMPT)
    assert upstream.seen[0].target == "/base/v1/chat/completions"
    assert proxy.exchanges[0].host == "api.mistral.ai"


def test_refused_request_reaches_nobody(proxy, upstream):
    proxy.inspect = refusing(proxy)
    before = upstream.connections
    with client(proxy) as session:
        answer = session.post(f"https://{AI_HOST}/v1/chat/completions", content=PROMPT)
    assert answer.status_code == 400
    assert answer.content == b'{"error":{}}'
    assert upstream.seen == []
    assert upstream.connections == before


def test_rewritten_request_arrives_rewritten(proxy, upstream):
    async def inspect(exchange, _):
        body = exchange.body.replace(b"world", b"[X]")
        headers = tuple(
            (k, str(len(body)).encode()) if k.lower() == b"content-length" else (k, v)
            for k, v in exchange.headers
        )
        return decision(exchange, proxy.catalogue, Rewrite("/v1/other?q=1", headers, body, ()))

    proxy.inspect = inspect
    with client(proxy) as session:
        answer = session.post(f"https://{AI_HOST}/v1/chat/completions", content=PROMPT)
    assert answer.status_code == 200
    assert upstream.seen[0].body == PROMPT.replace(b"world", b"[X]")
    assert upstream.seen[0].target == "/v1/other?q=1"


@pytest.mark.parametrize("cause", ["timeout", "worker_died", "exception", "overloaded"])
def test_inspection_fault_refuses_in_the_services_shape(proxy, upstream, cause):
    async def inspect(exchange, _):
        raise InspectionFault(cause)

    proxy.inspect = inspect
    before = proxy.metric("leakgate_failures_total", cause=cause)
    with client(proxy) as session:
        answer = session.post(f"https://{AI_HOST}/v1/chat/completions", content=PROMPT)
    assert answer.status_code == 400
    assert answer.headers["x-should-retry"] == "false"
    assert proxy.recorded[0].incident in answer.text
    assert upstream.seen == []
    assert proxy.metric("leakgate_failures_total", cause=cause) == before + 1


@pytest.mark.parametrize(
    "error", [Boom, KeyError, RecursionError, MemoryError, asyncio.TimeoutError]
)
def test_exception_in_the_request_hook_refuses(proxy, upstream, error):
    async def inspect(exchange, _):
        raise error("secret text")

    proxy.inspect = inspect
    with client(proxy) as session:
        answer = session.post(f"https://{AI_HOST}/v1/chat/completions", content=PROMPT)
    assert answer.status_code == 400
    assert upstream.seen == []
    assert "secret text" not in answer.text


def test_unrecordable_incident_refuses(proxy, upstream):
    async def inspect(exchange, _):
        made = decision(exchange, proxy.catalogue)
        return type(made)(**{f: getattr(made, f) for f in made.__slots__} | {"incident": "i1"})

    def record(_):
        raise OSError(28, "No space left on device")

    proxy.inspect, proxy.record = inspect, record
    with client(proxy) as session:
        answer = session.post(f"https://{AI_HOST}/v1/chat/completions", content=PROMPT)
    assert answer.status_code == 400
    assert upstream.seen == []


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("http2", [False, True])
def test_body_over_the_limit_is_refused_while_it_arrives(proxy, upstream, chunked, http2):
    body = b"x" * (3 << 20)
    with client(proxy, http2=http2) as session:
        answer = session.post(
            f"https://{AI_HOST}/v1/chat/completions",
            content=(body[i : i + 65536] for i in range(0, len(body), 65536)) if chunked else body,
        )
        assert answer.status_code == 400
        assert "error" in answer.json()
        # The connection still works afterwards.
        assert session.get(f"https://{AI_HOST}/v1/models").status_code == 200
    assert [seen.method for seen in upstream.seen] == ["GET"]
    assert proxy.recorded[0].enforcement.cause == "too_large"


@pytest.mark.parametrize(
    ("kind", "version"),
    [("application/vnd.amazon.eventstream", "--http2"), ("application/grpc+proto", "--http2"),
     ("application/connect+proto", "--http1.1")],
)  # fmt: skip
def test_client_that_waits_for_answers_before_its_request_ends_is_told(
    proxy, upstream, monkeypatch, kind, version
):
    bounds = dataclasses.replace(layers.HttpStream.bounds, pause=0.5)
    monkeypatch.setattr(layers.HttpStream, "bounds", bounds)
    sending = subprocess.Popen(
        [
            *("curl", "-sS", version, "--proxy", proxy.url, "-X", "POST", "-T", "."),
            *("--cacert", str(proxy.authority.certificate_path)),
            *("-H", f"content-type: {kind}", f"https://{AI_HOST}/v1/chat/completions"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    sending.stdin.write(b"the first of many")
    sending.stdin.flush()
    said = json.loads(sending.stdout.readline())
    sending.communicate(timeout=20)
    assert sending.returncode == 0
    assert "waits for answers before it ends" in said["error"]["message"]
    assert upstream.seen == []
    assert proxy.recorded[0].enforcement.cause == "two_way"


@pytest.mark.parametrize("trailers", [False, True])
def test_http2_body_without_a_length_is_one_request_to_an_http1_service(proxy, upstream, trailers):
    inner = b"POST /v1/files HTTP/1.1\r\nHost: api.openai.com\r\nContent-Length: 2\r\n\r\nhi"
    more = {"chunked": True} | ({"trailers": [("x-sum", "1")]} if trailers else {})
    session = Http2(AI_HOST, proxy=proxy.port, cafile=proxy.authority.certificate_path)
    try:
        answer = session.request("POST", "/v1/x", [("content-type", "text/plain")], inner, **more)
        assert answer.status == 200
    finally:
        session.close()
    time.sleep(0.2)
    assert [(seen.target, seen.body) for seen in upstream.seen] == [("/v1/x", inner)]


def test_body_that_pauses_shorter_arrives(proxy, upstream, monkeypatch):
    bounds = dataclasses.replace(layers.HttpStream.bounds, pause=1.0)
    monkeypatch.setattr(layers.HttpStream, "bounds", bounds)

    def pieces():
        for _ in range(4):
            time.sleep(0.4)
            yield b"piece"

    with client(proxy, http2=True) as session:
        headers = {"content-type": "application/grpc"}
        url = f"https://{AI_HOST}/v1/chat/completions"
        assert session.post(url, content=pieces(), headers=headers).status_code == 200
    assert [seen.body for seen in upstream.seen] == [b"piece" * 4]


def test_expect_continue_is_refused_before_the_body(proxy, upstream, tmp_path):
    big = tmp_path / "big"
    big.write_bytes(b"x" * (2 << 20))
    result = curl(
        proxy, "-H", "Expect: 100-continue", "--data-binary", f"@{big}", "-w", "%{size_upload}"
    )
    assert result.stdout.rsplit("}", 1)[1] == "0"
    assert upstream.seen == []


def test_expect_continue_is_answered_when_the_body_may_come(proxy, upstream, tmp_path):
    small = tmp_path / "small"
    small.write_bytes(PROMPT)
    curl(proxy, "-H", "Expect: 100-continue", "--data-binary", f"@{small}")
    assert upstream.seen[0].body == PROMPT


def curl(proxy, *arguments):
    return subprocess.run(
        [
            "curl",
            "-sS",
            "--proxy",
            proxy.url,
            "--cacert",
            str(proxy.authority.certificate_path),
            *arguments,
            f"https://{AI_HOST}/v1/chat/completions",
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )


def raw_tls(proxy, host=AI_HOST):
    """A TLS connection through the proxy, for bytes that no client library would send."""
    plain = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
    plain.sendall(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
    assert plain.recv(4096).startswith(b"HTTP/1.1 200")
    context = ssl.create_default_context(cafile=str(proxy.authority.certificate_path))
    return context.wrap_socket(plain, server_hostname=host)


def test_http1_trailers_are_inspected_and_arrive(proxy, upstream):
    with raw_tls(proxy) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\n"
            b"Transfer-Encoding: chunked\r\nTrailer: X-Note\r\n\r\n"
            b"5\r\nhello\r\n0\r\nX-Note: a trailer\r\n\r\n"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    assert proxy.exchanges[0].trailers == ((b"x-note", b"a trailer"),) or proxy.exchanges[
        0
    ].trailers == ((b"X-Note", b"a trailer"),)
    assert [(k.lower(), v) for k, v in upstream.seen[0].trailers] == [("x-note", "a trailer")]
    assert upstream.seen[0].body == b"hello"


def test_answer_trailers_arrive(proxy):
    with raw_tls(proxy) as connection:
        connection.sendall(b"GET /trailers HTTP/1.1\r\nHost: api.openai.com\r\n\r\n")
        received = b""
        while not received.endswith(b"x-sum: 7\r\n\r\n"):
            data = connection.recv(4096)
            assert data, received
            received += data


def test_two_requests_on_one_connection_are_both_inspected(proxy, upstream):
    with client(proxy) as session:
        for number in range(3):
            session.post(f"https://{AI_HOST}/v1/chat/completions", content=b"%d" % number)
    assert [exchange.body for exchange in proxy.exchanges] == [b"0", b"1", b"2"]


def test_streamed_answer_arrives_chunk_by_chunk(proxy):
    arrivals = []
    with client(proxy) as session, session.stream("GET", f"https://{AI_HOST}/sse") as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                arrivals.append(time.time() - json.loads(line[5:])["t"])
    assert len(arrivals) == 5
    # Buffered, the first event would come 0.8 s after it was sent.
    assert max(arrivals) < 0.3


# --- which connections are opened -----------------------------------------------------------------


def test_unknown_host_passes_untouched_and_is_counted(proxy, upstream):
    labels = {"class": "name", "why": "not_catalogued"}
    before = proxy.metric("leakgate_passthrough_connections_total", **labels)
    with tunnel(proxy, "127.0.0.1", upstream.port, "files.example.org", None) as connection:
        assert "upstream test" in issuer(connection)  # the upstream's own certificate
        connection.sendall(
            b"POST /x HTTP/1.1\r\nHost: files.example.org\r\nContent-Length: 2\r\n\r\nhi"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    assert proxy.exchanges == []
    assert upstream.seen[0].body == b"hi"
    assert proxy.metric("leakgate_passthrough_connections_total", **labels) == before + 1
    entry = proxy.ledger.hosts["files.example.org"]
    assert entry.sent > 300
    assert entry.received > 300


@pytest.mark.parametrize(
    ("connect", "sni"),
    [(AI_HOST, "harmless.example.org"), ("127.0.0.1", AI_HOST), ("harmless.example.org", AI_HOST)],
)
def test_false_names_do_not_hide_a_connection(proxy, connect, sni):
    with tunnel(proxy, connect, 443, sni, None) as connection:
        assert "Leakgate" in issuer(connection)


def test_catalogued_host_by_ip_without_sni_is_counted_as_nameless(proxy, upstream):
    labels = {"class": "internal", "why": "no_name"}
    before = proxy.metric("leakgate_passthrough_connections_total", **labels)
    with tunnel(proxy, "127.0.0.1", upstream.port, None, None) as connection:
        assert "upstream test" in issuer(connection)
    assert proxy.metric("leakgate_passthrough_connections_total", **labels) == before + 1


def test_plain_http_to_a_catalogued_host_is_inspected(proxy, upstream):
    answer = httpx.post(
        "http://api.openai.com/v1/chat/completions", content=PROMPT, proxy=proxy.url
    )
    assert answer.status_code == 200
    assert proxy.exchanges[0].body == PROMPT


def test_plain_http_to_an_unknown_host_streams_through(proxy, tmp_path):
    with Upstream() as plain:
        size = 3 << 20  # over the limit of what is inspected
        answer = httpx.post(f"{plain.url}/upload", content=b"x" * size, proxy=proxy.url)
        assert answer.status_code == 200
        assert len(plain.seen[0].body) == size
    assert proxy.exchanges == []


def test_false_host_header_does_not_hide_plain_http(proxy):
    with Upstream() as plain:
        httpx.post(plain.url, content=PROMPT, proxy=proxy.url, headers={"host": AI_HOST})
    assert proxy.exchanges[0].host == AI_HOST


def test_proxy_credentials_do_not_reach_the_service(proxy, upstream):
    httpx.post(
        "http://api.openai.com/v1/x",
        content=b"{}",
        proxy=proxy.url,
        headers={"proxy-authorization": "Basic dTpw"},
    )
    assert upstream.seen[0].header("proxy-authorization") is None
    assert proxy.exchanges[0].header("proxy-authorization") is None


# --- WebSocket ------------------------------------------------------------------------------------


def websocket(proxy):
    return opened(f"wss://{AI_HOST}/ws", proxy.url, proxy.authority.certificate_path)


@pytest.mark.parametrize("message", ["hello", b"\x00\x01binary", "x" * 20_000])
def test_websocket_message_is_inspected_and_echoed(proxy, message):
    with websocket(proxy) as connection:
        connection.send(message)
        assert connection.recv(timeout=10) == message
    sent = message.encode() if isinstance(message, str) else message
    assert proxy.exchanges[-1].body == sent


def test_refused_websocket_message_closes_the_connection(proxy, upstream):
    with websocket(proxy) as connection:
        connection.send("fine")
        assert connection.recv(timeout=10) == "fine"
        proxy.inspect = refusing(proxy)
        connection.send("secret")
        # What it says reaches the client before the end does.
        assert connection.recv(timeout=10) == '{"error":{}}'
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            connection.recv(timeout=10)
    assert closed.value.rcvd.code == 1008
    assert "secret" not in upstream.seen[0].messages


def test_refused_websocket_message_without_an_answer_just_closes(proxy):
    async def inspect(exchange, _):
        return decision(exchange, proxy.catalogue, Refuse("policy", 400, (), b""))

    with websocket(proxy) as connection:
        proxy.inspect = inspect
        connection.send("secret")
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            connection.recv(timeout=10)
    assert closed.value.rcvd.code == 1008


def test_failing_inspection_of_a_websocket_message_closes_the_connection(proxy, upstream):
    async def inspect(exchange, _):
        raise Boom

    with websocket(proxy) as connection:
        proxy.inspect = inspect
        connection.send("secret")
        with pytest.raises(websockets.exceptions.ConnectionClosed):
            connection.recv(timeout=10)
    assert b"secret" not in upstream.everything()


def test_control_frames_carry_nothing_out(proxy, upstream):
    with websocket(proxy) as connection:
        assert connection.ping("canary-ping").wait(10)
        connection.pong("canary-pong")
        connection.send("x")
        connection.recv(timeout=10)
        connection.close(1000, "canary-close")
    deadline = time.time() + 5
    while time.time() < deadline and len(upstream.seen[0].messages) < 2:
        time.sleep(0.02)
    assert b"canary" not in upstream.everything()


def test_websocket_compression_is_not_negotiated(proxy, upstream):
    with websocket(proxy) as connection:
        connection.send("x")
        connection.recv(timeout=10)
    assert upstream.seen[0].header("sec-websocket-extensions") is None


# --- the authority's files ------------------------------------------------------------------------


def test_ca_key_is_readable_by_its_owner_alone(proxy):
    mode = proxy.authority.key_path.stat().st_mode
    assert mode & 0o777 == 0o600
    assert Path(proxy.authority.folder).stat().st_mode & 0o077 == 0
