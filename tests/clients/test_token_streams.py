"""Answers that end before their end: the client gets what came, and nothing stays behind.

Law: with a gateway that restores, a stream that its service breaks off ends for the client as it
would without one, after all that came; a client that goes away takes its stream with it.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import time
import zlib

import brotli
import pytest
import zstandard
from support.breaking import RESET, Breaking
from support.gateway import GatewayProcess

HOST, TARGET = "api.openai.com", "/v1/chat/completions"
VALUE = "Angela Whitfield"
POLICY = """\
version: 1
rules:
  - id: people
    severity: medium
    when: {entity: PERSON}
    action: tokenise
"""


class Place:
    def __init__(self, folder, tls):
        self.certificate = tls[1]
        self.service = Breaking(tls[0])
        self.gateway = GatewayProcess(
            folder, policies=POLICY, upstreams={HOST: self.service.url}, trusted_ca=tls[1]
        )
        self.gateway.start()

    def connect(self, *, through):
        """A TLS connection to the service, straight or through the gateway."""
        if not through:
            plain = socket.create_connection(("127.0.0.1", self.service.port), 60)
            context = ssl.create_default_context(cafile=str(self.certificate))
            return context.wrap_socket(plain, server_hostname="127.0.0.1")
        plain = socket.create_connection(("127.0.0.1", self.gateway.port), 60)
        plain.sendall(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += plain.recv(4096)
        assert b" 200 " in answer[:20]
        context = ssl.create_default_context(cafile=str(self.gateway.ca))
        return context.wrap_socket(plain, server_hostname=HOST)

    def ask(self, *, through):
        """What came of the answer's body, and how it ended."""
        with self.connect(through=through) as connection:
            connection.sendall(REQUEST)
            return _answer(connection)

    def quiet(self):
        """Wait until no stream is open, here and at the service."""
        deadline = time.monotonic() + 20
        while self.gateway.metric("leakgate_streams_open") or self.service.open:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def _told():
    text = f"Please call {VALUE} now."
    body = json.dumps(
        {"model": "echo", "stream": True, "messages": [{"role": "user", "content": text}]}
    ).encode()
    head = (
        f"POST {TARGET} HTTP/1.1\r\nHost: {HOST}\r\ncontent-type: application/json\r\n"
        f"accept-encoding: gzip, br, zstd\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


REQUEST = _told()


def _answer(connection):
    """Body and end: `done` at the end that HTTP tells, `cut` before it."""
    data = b""
    with contextlib.suppress(OSError):
        while piece := connection.recv(65536):
            data += piece
            if data.endswith(b"0\r\n\r\n"):
                break
    head, _, body = data.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1]) if head else 0
    headers = head.lower()
    if b"transfer-encoding: chunked" in headers:
        body, end = _unchunked(body)
    elif told := re.search(rb"content-length: *(\d+)", headers):
        end = "done" if len(body) == int(told[1]) else "cut"
    else:
        end = "closed"
    packed = re.search(rb"content-encoding: *(\w+)", headers)
    if packed:
        body = _unpacked(body, packed[1])
    return status, body, end


def _unchunked(body):
    out = b""
    while True:
        line, found, rest = body.partition(b"\r\n")
        if not found:
            return out, "cut"
        size = int(line, 16)
        if size == 0:
            return out, "done"
        out += rest[:size]
        if len(rest) < size + 2:
            return out, "cut"
        body = rest[size + 2 :]


def _unpacked(body, encoding):
    """As much as a decoder gives that decodes as it comes."""
    match encoding:
        case b"gzip":
            return zlib.decompressobj(31).decompress(body)
        case b"br":
            return brotli.Decompressor().process(body)
        case b"zstd":
            return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    raise AssertionError(encoding)


# --- what the service says -----------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"


def _events(name):
    """A stream that says the name twice, in pieces of three characters."""
    text = f"I called {name} and then {name} again."
    pieces = [text[at : at + 3] for at in range(0, len(text), 3)]
    return [
        b"data: %s\n\n"
        % json.dumps({"choices": [{"index": 0, "delta": {"content": piece}}]}).encode()
        for piece in pieces
    ]


def _text(body):
    """What the complete events say, and what is left of one that was cut."""
    whole, _, rest = body.rpartition(b"\n\n")
    events = [json.loads(line[6:]) for line in whole.split(b"\n") if line.startswith(b"data: {")]
    return "".join(e["choices"][0]["delta"]["content"] for e in events), rest


def _chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def _cut_in_a_token(name):
    """Complete events only: the last ones said the beginning of the second name."""
    events = _events(name)
    text, upto = "", 0
    while not text.endswith(name[: len(name) // 2]) or text.count(name) < 1:
        text = _text(b"".join(events[: (upto := upto + 1)]))[0]
        if text.count(name) >= 1 and _begun(text.partition(name)[2], name):
            break
    return events[:upto]


def _begun(text, name):
    return any(text.endswith(name[:size]) for size in range(5, len(name)))


def _cut_in_an_event(name):
    events = _events(name)
    half = len(events) // 2
    return [*events[:half], events[half][: len(events[half]) // 2]]


WHERE = {"in a token": _cut_in_a_token, "in an event": _cut_in_an_event}


def _chunked(parts, *more):
    return [HEAD + b"transfer-encoding: chunked\r\n\r\n", *map(_chunk, parts), *more]


def _until_closed(parts, *more):
    return [HEAD + b"connection: close\r\n\r\n", *parts, *more]


def _within_a_chunk(parts, *more):
    whole = b"".join(parts)
    cut = b"%x\r\n%s" % (len(whole) + 100, whole)
    return [HEAD + b"transfer-encoding: chunked\r\n\r\n", cut, *more]


ENDS = {
    "chunked, closed": _chunked,
    "chunked, closed within a chunk": _within_a_chunk,
    "until closed": _until_closed,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory, tls):
    place = Place(tmp_path_factory.mktemp("streams"), tls)
    yield place
    place.service.close()
    place.gateway.stop()


def _restored(text):
    """A half-said token stays as it is; straight, the half-said name does."""
    return re.sub(r"(PERSON_|Angela )\w*\Z|P[ERSON]*\Z|A[ngela]*\Z", "…", text)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("where", WHERE)
def test_what_came_before_the_service_broke_off_reaches_the_client(place, where, end):
    place.service.answer = lambda name: ENDS[end](WHERE[where](name))
    status, straight, how = place.ask(through=False)
    assert place.ask(through=True)[0] == status == 200
    _, through, same = place.ask(through=True)
    assert same == how
    said, rest = _text(through)
    expected, left = _text(straight)
    if where == "in a token":
        assert VALUE in said
        assert _restored(said) == _restored(expected)
        assert re.search(r"PERSON_?\w*\Z", said), "the half-said token is not there"
    else:
        # Tokens are longer than the name: half of the events say another half of the text.
        assert said.startswith("I called ")
        assert rest.startswith(b"data: {")
        assert left.startswith(b"data: {")
    place.quiet()


def test_a_reset_ends_the_stream_and_nothing_stays(place):
    place.service.answer = lambda name: _chunked(_events(name)[:9], 0.2, RESET)
    _, body, how = place.ask(through=True)
    assert how == "cut"
    assert _text(body)[0].startswith("I called ")
    place.quiet()


# --- compressed ----------------------------------------------------------------------------------


def _packed(parts, encoding):
    """Each part flushed, as services do; and the end."""
    match encoding:
        case "gzip":
            packer = zlib.compressobj(wbits=31)
            return [p for part in parts for p in [packer.compress(part) + packer.flush(2)]], (
                packer.flush()
            )
        case "br":
            press = brotli.Compressor()
            return [press.process(part) + press.flush() for part in parts], press.finish()
        case "zstd":
            pack = zstandard.ZstdCompressor().compressobj()
            flush = zstandard.COMPRESSOBJ_FLUSH_BLOCK
            return [pack.compress(part) + pack.flush(flush) for part in parts], pack.flush()
    raise AssertionError(encoding)


def _compressed(name, encoding, *, ended):
    """The last block is cut in its middle; `ended` still ends the answer as HTTP does."""
    parts, _ = _packed(_events(name), encoding)
    parts[-1] = parts[-1][: len(parts[-1]) // 2]
    head = HEAD + f"content-encoding: {encoding}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    return [head, *map(_chunk, parts), *([b"0\r\n\r\n"] if ended else [])]


@pytest.mark.parametrize("ended", [False, True], ids=["closed", "ended"])
@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
def test_a_compressed_stream_that_is_cut_in_a_block_gives_what_came(place, encoding, ended):
    place.service.answer = lambda name: _compressed(name, encoding, ended=ended)
    _, straight, _ = place.ask(through=False)
    status, through, how = place.ask(through=True)
    assert status == 200
    # Nobody takes it for whole: it is cut, since a decoder's complaint cannot be passed on.
    assert how == "cut"
    said, _ = _text(through)
    assert said.startswith(f"I called {VALUE} and then ")
    assert _text(straight)[0].startswith(f"I called {VALUE} and then ")
    place.quiet()


# --- clients that go -----------------------------------------------------------------------------


def _endless(name):
    events = _events(name)
    yield HEAD + b"transfer-encoding: chunked\r\n\r\n"
    for number in range(100_000):
        yield _chunk(events[number % len(events)])
        yield 0.01


def _leave(place, after):
    """Read `after` bytes of an endless answer, then go."""
    with place.connect(through=True) as connection:
        connection.sendall(REQUEST)
        read = 0
        while read < after:
            read += len(connection.recv(4096))


def test_a_client_that_goes_takes_its_stream_with_it(place):
    place.service.answer = _endless
    place.quiet()
    before = place.gateway.metric("leakgate_streams_total", result="aborted")
    _leave(place, 2000)
    place.quiet()
    assert place.gateway.metric("leakgate_streams_total", result="aborted") == before + 1
