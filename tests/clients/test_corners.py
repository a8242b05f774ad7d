"""Places that no client library would use to carry content, but that leave the company all the same.

Each is sent as raw bytes; what counts is only that the canary does not arrive.
"""

from __future__ import annotations

import contextlib
import json
import urllib.parse

import pytest
from support import golden, readings
from support.wire import ClosedError, GoneError, Http1, Http2, RefusedError, connect, websocket
from wsproto.events import CloseConnection, Ping, Pong, TextMessage

HOST = golden.HOSTS["openai"]
CHAT = "/v1/chat/completions"
CLEAN = '{"model":"gpt-5","messages":[{"role":"user","content":"words"}]}'


def http(
    line=f"POST {CHAT} HTTP/1.1", *, headers=(), body=CLEAN, kind="application/json", framing=True
):
    """The bytes of a request."""
    data = body.encode() if isinstance(body, str) else body
    lines = [line, f"Host: {HOST}", *headers]
    if kind:
        lines.append(f"Content-Type: {kind}")
    if framing:
        lines.append(f"Content-Length: {len(data)}")
    return "\r\n".join([*lines, "", ""]).encode() + data


def chunks(*pieces, headers=(), end=b"0\r\n\r\n"):
    """A chunked request; each piece is (extension, data)."""
    head = http(headers=["Transfer-Encoding: chunked", *headers], body=b"", framing=False)
    framed = b"".join(
        b"%x%s\r\n%s\r\n" % (len(data), extension.encode(), data.encode())
        for extension, data in pieces
    )
    return head + framed + end


def form(part_headers, content="words", *, before="", after="", boundary="b0undary"):
    """A multipart request with one part."""
    body = f"{before}--{boundary}\r\n{part_headers}\r\n\r\n{content}\r\n--{boundary}--\r\n{after}"
    return http(
        "POST /v1/files HTTP/1.1", body=body, kind=f"multipart/form-data; boundary={boundary}"
    )


def escaped(text):
    return "".join(f"\\u{ord(c):04x}" for c in text)


def quoted_printable(text):
    return "".join(f"={ord(c):02X}" for c in text)


DISPOSITION = 'Content-Disposition: form-data; name="file"'
FILE = f'{DISPOSITION}; filename="a.txt"\r\nContent-Type: text/plain'

CORNERS = {
    "method": lambda c: http(f"POST{c} {CHAT} HTTP/1.1"),
    "chunk extension": lambda c: chunks((f";note={c}", CLEAN)),
    "extension of the last chunk": lambda c: chunks(("", CLEAN), end=f"0;n={c}\r\n\r\n".encode()),
    "across chunks of one byte": lambda c: chunks(*(("", each) for each in said(c))),
    "name of a trailer": lambda c: chunks(("", CLEAN), end=f"0\r\nX-{c}: v\r\n\r\n".encode()),
    "announced trailer": lambda c: chunks(("", CLEAN), headers=[f"Trailer: X-{c}"]),
    "trailer": lambda c: chunks(("", CLEAN), end=f"0\r\nX-Note: {c}\r\n\r\n".encode()),
    "two trailers of one name": lambda c: chunks(
        ("", CLEAN), end=f"0\r\nX-N: a\r\nX-N: {c}\r\n\r\n".encode()
    ),
    "user in an absolute target": lambda c: http(f"POST https://u:{c}@{HOST}{CHAT} HTTP/1.1"),
    "absolute target": lambda c: http(f"POST https://{HOST}{CHAT}?q={c} HTTP/1.1"),
    "fragment": lambda c: http(f"POST {CHAT}#{c} HTTP/1.1"),
    "path parameter": lambda c: http(f"POST /v1;note={c}/chat/completions HTTP/1.1"),
    "query without a name": lambda c: http(f"POST {CHAT}?{c} HTTP/1.1"),
    "query with semicolons": lambda c: http(f"POST {CHAT}?a=1;b={c};d=2 HTTP/1.1"),
    "percent-encoded query": lambda c: http(
        f"POST {CHAT}?q={''.join(f'%{ord(x):02x}' for x in c)} HTTP/1.1"
    ),
    "percent-encoded path": lambda c: http(
        f"POST {CHAT}/{''.join(f'%{ord(x):02x}' for x in c)} HTTP/1.1"
    ),
    "header on two lines": lambda c: http(headers=["X-Note: one", f" {c}"]),
    "second of two headers": lambda c: http(headers=["X-Note: one", f"X-Note: {c}"]),
    "header known to proxies": lambda c: http(headers=[f"Via: 1.1 {c}"]),
    "connection option": lambda c: http(headers=[f"Connection: keep-alive, x-{c}", f"X-{c}: v"]),
    "upgrade": lambda c: http(headers=["Connection: upgrade", f"Upgrade: x/{c}"]),
    "expectation": lambda c: http(headers=[f"Expect: {c}"]),
    "entity tag": lambda c: http(headers=[f'If-None-Match: "{c}"']),
    "language": lambda c: http(headers=[f"Accept-Language: en;q=0.{c}"]),
    "media type": lambda c: http(kind=f"application/x{c}+json"),
    "parameter of a media type": lambda c: http(kind=f"application/json; note={c}"),
    "boundary": lambda c: form(FILE, boundary=c),
    "before the first part": lambda c: form(FILE, before=f"{c}\r\n"),
    "after the last part": lambda c: form(FILE, after=f"{c}\r\n"),
    "header of a part": lambda c: form(f"{FILE}\r\nX-Note: {c}"),
    "name of a part's header": lambda c: form(f"{FILE}\r\nX-{c}: v"),
    "media type of a part": lambda c: form(f"{DISPOSITION}\r\nContent-Type: text/plain; n={c}"),
    "parameter of a disposition": lambda c: form(f"{FILE.replace('; file', f'; note={c}; file')}"),
    "extended file name": lambda c: form(f"{DISPOSITION}; filename*=utf-8''{c}.txt"),
    "percent-encoded file name": lambda c: form(
        f"{DISPOSITION}; filename*=utf-8''{''.join(f'%{ord(x):02x}' for x in c)}"
    ),
    "part in base64": lambda c: form(
        f"{FILE}\r\nContent-Transfer-Encoding: base64", content=b64(f"some words {c} more")
    ),
    "part in quoted-printable": lambda c: form(
        f"{FILE}\r\nContent-Transfer-Encoding: quoted-printable", content=quoted_printable(c)
    ),
    "part of another multipart": lambda c: form(
        f"{DISPOSITION}\r\nContent-Type: multipart/mixed; boundary=in",
        content=f"--in\r\nContent-Type: text/plain\r\n\r\n{c}\r\n--in--",
    ),
    "escaped JSON string": lambda c: http(body=CLEAN.replace("words", escaped(c))),
    "escaped JSON key": lambda c: http(body=CLEAN.replace('"model"', f'"{escaped(c)}":1,"model"')),
    "first of two equal keys": lambda c: http(
        body=CLEAN.replace('"content":', f'"content":"{c}","content":')
    ),
    "second of two equal keys": lambda c: http(
        body=CLEAN.replace('"content":"words"', f'"content":"words","content":"{c}"')
    ),
    "JSON in JSON in JSON": lambda c: http(
        body=CLEAN.replace('"words"', json.dumps(json.dumps({"a": json.dumps({"b": c})})))
    ),
    "after the JSON": lambda c: http(body=f"{CLEAN}\n{c}"),
    "JSON comment": lambda c: http(body=f"/*{c}*/{CLEAN}"),
    "negative number": lambda c: http(body=CLEAN.replace('"words"', f"-{c}")),
    "fraction": lambda c: http(body=CLEAN.replace('"words"', f"{c}.0")),
    "JSON with a byte order mark": lambda c: http(body="\ufeff" + CLEAN.replace("words", c)),
    "JSON in UTF-16": lambda c: http(body=CLEAN.replace("words", c).encode("utf-16")),
    "JSON in UTF-32": lambda c: http(body=CLEAN.replace("words", c).encode("utf-32")),
    "JSON labelled as a picture": lambda c: http(body=said(c), kind="image/png"),
    "JSON labelled as a form": lambda c: http(
        body=said(c), kind="application/x-www-form-urlencoded"
    ),
    "JSON without a type": lambda c: http(body=said(c), kind=""),
    "UTF-7": lambda c: http(body=f"+{c}-", kind="text/plain; charset=utf-7"),
    "body of a GET": lambda c: http(f"GET {CHAT} HTTP/1.1", body=said(c)),
    "body of a DELETE": lambda c: http(f"DELETE {CHAT} HTTP/1.1", body=said(c)),
    "HTTP/1.0": lambda c: http(f"POST {CHAT} HTTP/1.0", body=said(c)),
    "second of two requests at once": lambda c: http() + http(body=said(c)),
    "length and chunks together": lambda c: http(
        headers=["Transfer-Encoding: chunked"], body=f"0\r\n\r\n{said(c)}"
    ),
    "two lengths": lambda c: http(headers=["Content-Length: 0"], body=said(c)),
    "bytes after the body": lambda c: http() + said(c).encode(),
    "line feeds alone": lambda c: http(body=said(c)).replace(b"\r\n", b"\n"),
    "encoding named twice": lambda c: http(
        headers=["Content-Encoding: identity", "Content-Encoding: identity"], body=said(c)
    ),
    "space before the colon": lambda c: http(headers=[f"X-Note : {c}"]),
}


def said(canary):
    return CLEAN.replace("words", f"my card {canary} is")


def b64(text):
    import base64

    return base64.b64encode(text.encode()).decode()


def arrived(upstream):
    return [piece for seen in upstream.seen for piece in [*readings.pieces(seen), seen.raw]]


@pytest.mark.parametrize("name", CORNERS)
def test_canary_in_a_corner_does_not_arrive(blocking, card, name):
    blocking.upstream.seen.clear()
    connection = Http1(HOST, **blocking.where())
    status = 0
    with contextlib.suppress(OSError, GoneError, ValueError, IndexError):
        status = connection.raw(CORNERS[name](card)).status
        # What else was in the same bytes has an answer of its own.
        if connection._socket is not None:
            connection._socket.settimeout(0.05)
            connection._more()
    connection.close()
    assert not readings.holds(arrived(blocking.upstream), card), status


def test_corners_are_many():
    print(f"\n{len(CORNERS) + len(CORNERS_OF_HTTP2) + len(CORNERS_OF_WEBSOCKETS)} corners")
    assert len(CORNERS) + len(CORNERS_OF_HTTP2) + len(CORNERS_OF_WEBSOCKETS) >= 70


CORNERS_OF_HTTP2 = {
    "method": lambda c: {"method": f"POST{c}"},
    "path": lambda c: {"target": f"{CHAT}/{c}"},
    "query": lambda c: {"target": f"{CHAT}?q={c}"},
    "header": lambda c: {"headers": [("x-note", c)]},
    "name of a header": lambda c: {"headers": [(f"x-{c}", "v")]},
    "crumb of a cookie": lambda c: {"headers": [("cookie", "a=1"), ("cookie", f"b={c}")]},
    "header that never is indexed": lambda c: {"headers": [("authorization", f"Bearer {c}")]},
    "trailer": lambda c: {"trailers": [("x-note", c)]},
    "name of a trailer": lambda c: {"trailers": [(f"x-{c}", "v")]},
}


@pytest.mark.parametrize("name", CORNERS_OF_HTTP2)
def test_canary_in_a_corner_of_http2_does_not_arrive(blocking, card, name):
    blocking.upstream.seen.clear()
    options = {"method": "POST", "target": CHAT, "headers": [], "body": CLEAN.encode()}
    options |= CORNERS_OF_HTTP2[name](card)
    options["headers"] = [*options["headers"], ("content-type", "application/json")]
    connection = Http2(HOST, **blocking.where())
    status = 0
    with contextlib.suppress(OSError, GoneError):
        status = connection.request(**options).status
    connection.close()
    assert not readings.holds(arrived(blocking.upstream), card), status


CORNERS_OF_WEBSOCKETS = {
    "text": lambda s, c: s.send(f"my card {c} is"),
    "binary": lambda s, c: s.send(f"my card {c} is".encode()),
    "across fragments": lambda s, c: s.send_pieces([f"my card {c[:7]}", f"{c[7:]} is"]),
    "across binary fragments": lambda s, c: s.send_pieces(
        [b"my card ", *(bytes([b]) for b in c.encode())]
    ),
    "between fragments": lambda s, c: [
        s.put(TextMessage(data="one ", message_finished=False)),
        s.put(Ping(payload=c.encode())),
        s.put(TextMessage(data="two", message_finished=True)),
    ],
    "ping": lambda s, c: s.put(Ping(payload=c.encode())),
    "pong": lambda s, c: s.put(Pong(payload=c.encode())),
    "reason of a close": lambda s, c: s.put(CloseConnection(code=1000, reason=c)),
}


@pytest.mark.parametrize("name", CORNERS_OF_WEBSOCKETS)
def test_canary_in_a_corner_of_a_websocket_does_not_arrive(blocking, card, name):
    blocking.upstream.seen.clear()
    with (
        contextlib.suppress(ClosedError, TimeoutError),
        websocket(HOST, "/v1/realtime", **blocking.where()) as s,
    ):
        s.send("hello")
        assert s.recv(timeout=10) == "hello"
        CORNERS_OF_WEBSOCKETS[name](s, card)
        s.recv(timeout=0.3)
    assert blocking.upstream.seen[0].messages[0] == "hello"
    assert not readings.holds(arrived(blocking.upstream), card)


@pytest.mark.parametrize("place", ["target", "header", "protocol"])
def test_canary_in_a_websocket_handshake_does_not_arrive(blocking, card, place):
    blocking.upstream.seen.clear()
    target = f"/v1/realtime?q={urllib.parse.quote(card)}" if place == "target" else "/v1/realtime"
    headers = {
        "header": [("X-Note", card)],
        "protocol": [("Sec-WebSocket-Protocol", f"x-{card}")],
    }.get(place, [])
    with pytest.raises(RefusedError):
        websocket(HOST, target, headers, **blocking.where())
    assert not readings.holds(arrived(blocking.upstream), card)


@pytest.mark.parametrize("kind", [Http1, Http2])
def test_canary_in_a_label_of_the_host_does_not_arrive(blocking, card, kind):
    blocking.upstream.seen.clear()
    connection = kind(f"x-{card}.api.openai.com", **blocking.where())
    headers = [("content-type", "application/json")]
    assert connection.request("POST", CHAT, headers, CLEAN.encode()).status == 400
    connection.close()
    assert blocking.upstream.seen == []


def test_canary_for_the_proxy_itself_does_not_arrive(blocking, card):
    """In the CONNECT request, and in the name that TLS asks for."""
    import socket
    import ssl

    blocking.upstream.seen.clear()
    plain = socket.create_connection(("127.0.0.1", blocking.gateway.port), timeout=10)
    plain.sendall(
        f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\nX-Note: {card}\r\n"
        f"Proxy-Authorization: Basic {card}\r\n\r\n".encode()
    )
    assert plain.recv(4096).startswith(b"HTTP/1.1 200")
    context = ssl.create_default_context(cafile=str(blocking.gateway.ca))
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(plain, server_hostname=f"x-{card}.example") as inside:
        inside.sendall(http())
        assert inside.recv(65536).startswith(b"HTTP/1.1 200")
    assert len(blocking.upstream.seen) == 1
    assert not readings.holds(arrived(blocking.upstream), card)


def test_recording_sees_every_corner_when_nothing_stands_between(blocking, card):
    """Some corners are forbidden syntax, but most would arrive: else this file says nothing."""
    reached = 0
    for make in CORNERS.values():
        blocking.upstream.seen.clear()
        with connect(
            HOST, proxy=None, server=blocking.upstream.port, cafile=None, http2=False
        ) as connection:
            connection.sendall(make(card))
            connection.settimeout(0.1)
            with contextlib.suppress(OSError):
                connection.recv(65536)
                connection.recv(65536)
        reached += readings.holds(arrived(blocking.upstream), card)
    print(f"\n{reached} of {len(CORNERS)} corners arrive without a gateway")
    assert reached > len(CORNERS) * 0.8


def test_most_corners_are_open_to_what_is_harmless(blocking):
    """Refused must be the canary, not the corner, or a refusal here would show nothing."""
    shut = []
    for name, make in CORNERS.items():
        blocking.upstream.seen.clear()
        connection = Http1(HOST, **blocking.where())
        with contextlib.suppress(OSError, GoneError, ValueError, IndexError):
            connection.raw(make("harmless"))
        connection.close()
        if not blocking.upstream.seen:
            shut.append(name)
    print(
        f"\n{len(CORNERS) - len(shut)} of {len(CORNERS)} corners are open; shut: {', '.join(shut)}"
    )
    assert len(shut) < len(CORNERS) * 0.4
