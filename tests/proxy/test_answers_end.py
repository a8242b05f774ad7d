"""Restored answers that end early: by the client, by the service, by a vault that fails.

Law: whatever ends an answer, nothing of it stays in the proxy, and no other answer ends with it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time

import httpx
import pytest
from mitmproxy import http
from support.breaking import RESET
from support.clients import client, trusting
from support.gate import AI_HOST, GateThread, decision
from support.shelf import Shelf

from gateway.answers import AnswerStream, Vault
from gateway.model import Issued, Restoring, Rewrite
from gateway.proxy.answering import Running, Tokenising
from gateway.redaction import Keys, Minter

VALUE = "Angela Whitfield"
EARLIER = "Marcus Pemberton"
KEYS = Keys({"k1": bytes(range(32))})
URL = f"https://{AI_HOST}/v1/chat/completions"


def _token(value):
    minter = Minter(KEYS, {"actor": "a"})
    return minter.mint(value, "PERSON", shape="opaque", scope="actor", free=lambda _: True)


TOKEN, OTHER = _token(VALUE), _token(EARLIER)
BODY = {"messages": [{"role": "user", "content": f"Please call {VALUE} now."}], "stream": True}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory, tls, service):
    with GateThread(
        tmp_path_factory.mktemp("gate"), upstreams={AI_HOST: service.url}, trusted_ca=tls[1]
    ) as running:

        async def inspect(exchange, _):
            body = exchange.body.replace(VALUE.encode(), TOKEN.encode())
            length = (b"content-length", b"%d" % len(body))
            headers = tuple(f for f in exchange.headers if f[0].lower() != b"content-length")
            issued = (Issued(TOKEN, VALUE, restorable=True),) if body != exchange.body else ()
            rewrite = Rewrite(
                exchange.target, (*headers, length), body, (), tokens=issued, token_key="k1"
            )
            return decision(exchange, running.catalogue, rewrite)

        running.inspect = inspect
        running.shelf = Shelf({OTHER: EARLIER})
        running.gate.tokenising = Tokenising(
            KEYS, running.shelf, Restoring(), Vault.of(["PERSON"], similar=False)
        )
        yield running


@pytest.fixture(autouse=True)
def whole(proxy):
    proxy.shelf.fails = False


def _event(text):
    event = json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]})
    return f"data: {event}\n\n".encode()


def _chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _endless(name):
    yield HEAD
    for number in range(2000):
        # A token that is never said to its end waits when the answer breaks off.
        yield _chunk(_event(name if number % 3 else name[:9]))
        yield 0.01


def _quiet(proxy, service):
    deadline = time.monotonic() + 20
    while proxy.metric("leakgate_streams_open") or service.open:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _left(proxy):
    """What is left in memory of answers: streams, and the flows that they belonged to."""
    kinds = (Running, AnswerStream, http.HTTPFlow)
    deadline = time.monotonic() + 10
    while True:
        gc.collect()
        left = [type(one).__name__ for one in gc.get_objects() if isinstance(one, kinds)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_clients_that_go_leave_nothing_behind(proxy, service, http2):
    service.answer = _endless
    for _ in range(10):
        with (
            client(proxy, http2=http2) as one,
            one.stream("POST", URL, json=BODY) as answer,
        ):
            texts = answer.iter_text()  # when it goes, the connection does
            assert any(VALUE in text for text in texts)
            assert any(isinstance(one, Running) for one in gc.get_objects())
    _quiet(proxy, service)
    assert _left(proxy) == []


def test_services_that_break_off_leave_nothing_behind(proxy, service):
    for end in ([], [RESET], [b"5\r\nda"], [_chunk(b"data: {")]):
        said = [HEAD, _chunk(_event(TOKEN)), _chunk(_event(TOKEN[:11])), 0.1, *end]
        service.answer = lambda _, said=said: said
        with client(proxy) as one, pytest.raises(Exception, match=r"peer closed|incomplete"):
            one.post(URL, json=BODY)
    _quiet(proxy, service)
    assert _left(proxy) == []


def test_an_answer_that_cannot_be_restored_is_cut_and_counted_and_leaves_nothing(proxy, service):
    service.answer = lambda _: [
        HEAD,
        _chunk(_event("It was ")),
        0.1,
        *([_chunk(_event(OTHER))] * 9),
    ]
    proxy.shelf.fails = True
    before = proxy.metric("leakgate_failures_total", cause="answer")
    with client(proxy) as one, pytest.raises(Exception, match=r"peer closed|incomplete"):
        one.post(URL, json=BODY)
    _quiet(proxy, service)
    assert proxy.metric("leakgate_failures_total", cause="answer") == before + 1
    assert _left(proxy) == []


def test_an_answer_that_fails_on_http2_ends_alone(proxy, service):
    """One of two on a connection cannot be restored; the other goes on to its end."""

    def answer(name):
        yield HEAD
        if name == TOKEN:
            yield 0.3
            yield _chunk(_event(OTHER))
            yield 0.5
            return
        for number in range(30):
            yield _chunk(_event(f"{number} "))
            yield 0.03
        yield b"0\r\n\r\n"

    service.answer = answer
    proxy.shelf.fails = True
    text = "Please call the office now."
    calm = {"messages": [{"role": "user", "content": text}], "stream": True}
    got = {}

    async def ask(one, name, body):
        try:
            got[name] = (await one.post(URL, json=body)).text
        except Exception as error:  # the kind is what is looked at
            got[name] = type(error).__name__

    async def both():
        context = trusting(proxy.authority.certificate_path, http2=True)
        async with httpx.AsyncClient(
            proxy=proxy.url, verify=context, http2=True, timeout=20
        ) as one:
            await asyncio.gather(ask(one, "calm", calm), ask(one, "bad", BODY))

    asyncio.run(both())
    assert got["bad"].endswith("ProtocolError")
    assert "29 " in got["calm"]
    _quiet(proxy, service)
    assert _left(proxy) == []
