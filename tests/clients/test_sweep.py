"""A canary in every place that the protocols have, in every encoding and framing, through the real
proxy and the real inspection: nothing that arrives may hold it, whatever way it is read.

`LEAKGATE_SWEEP=full` sends every place in every framing with both canaries, to both gateways.
Without it every place goes once to the gateway that redacts, which has most to do with each place,
and every third one of its kind to the gateway that blocks, with the other canary; in framings that rotate. One
place of each request goes in every third framing, from another first one, to one of the two.
"""

from __future__ import annotations

import collections
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from support import golden, readings
from support.golden import Planter, Request
from support.thorough import FULL
from support.wire import ClosedError, GoneError, Http1, Http2, RefusedError, websocket

from gateway.encodings import content_encoding

ENCODINGS = ("", "gzip", "deflate", "br", "zstd", "gzip, br")
VERSIONS = ("1.1", "2")
FRAMINGS = tuple(itertools.product(VERSIONS, ("sized", "chunked"), ENCODINGS))

NOT_TEXT = {("ollama/generate", "JSON number")}
"""Token ids: numbers in the place of text are unread as such, and policy decides about them."""

LEAST = {"block": 3500, "redact": 3500} if FULL else {"block": 1000, "redact": 1800}
"""Requests with a canary that a sweep must have sent, so that it cannot shrink unseen."""


@dataclass
class Tally:
    """What became of a sweep."""

    sent: int = 0
    refused: int = 0
    answered: int = 0
    seconds: float = 0.0
    leaks: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    places: collections.Counter[str] = field(default_factory=collections.Counter)


@dataclass
class Case:
    number: int
    request: Request
    framing: tuple[str, str, str]
    canary: str = field(repr=False)

    def __str__(self):
        return f"{self.request.golden.name}, {self.request.place}, {'/'.join(self.framing)}"


BLOCKS, REDACTS = 0, 1


def cases(canaries, everything, half):
    """Every golden request with every place planted, by request; `half` says for which gateway."""
    numbers = itertools.count(1)
    kinds = collections.Counter()
    for position, each in enumerate(golden.requests()):
        of_one = []
        for turn, canary in enumerate(canaries):
            names = golden.places(each, canary)
            in_body = next((i for i, name in enumerate(names) if name in _BODY), None)
            in_all = everything or (canary == canaries[-1] and position % 2 == half)
            for which, name in enumerate(names):
                all_framings = in_all and (everything or which == in_body)
                if not all_framings and not everything:
                    if (position + which + turn) % 2 != half:
                        continue
                    kinds[name] += 1
                    if half == BLOCKS and kinds[name] % 3 != 1:
                        continue
                request = golden.build(each, Planter(canary, which))
                if name == "trailer" and each.transport != "http":
                    continue
                if (each.name, name) in NOT_TEXT:
                    continue
                possible = [framing for framing in FRAMINGS if fits(request, framing)]
                if not all_framings:
                    possible = [possible[(which + position) % len(possible)]]
                elif not everything and len(possible) > 3:
                    possible = possible[position // 2 % 3 :: 3]
                of_one += [Case(next(numbers), request, framing, canary) for framing in possible]
        yield each, of_one


_BODY = {"JSON string", "raw text", "form value", "multipart field", "file content"}


def fits(request, framing):
    version, how, encoding = framing
    if "websocket" in request.needs:
        return framing == FRAMINGS[0]
    if encoding and not request.body:
        return False
    if "http1" in request.needs and version != "1.1":
        return False
    # A trailer ends a body whose length was not told (HTTP/1.1); HTTP/2 always may have one.
    return not ("chunked" in request.needs and version == "1.1" and how != "chunked")


def send(connections, case, where):
    """Send one case; the status of the answer, or 0 where the connection was ended."""
    request = case.request
    version, how, encoding = case.framing
    headers = [*request.headers, ("X-Case", f"case {case.number}")]
    if "websocket" in request.needs:
        return send_message(request, headers, where)
    body = request.body
    if encoding:
        body = content_encoding.encode(body, encoding)
        headers.append(("Content-Encoding", encoding))
    kind = {"1.1": Http1, "2": Http2}[version]
    if version not in connections:
        connections[version] = kind(request.golden.host, **where)
    arguments = (request.method, request.target, headers, body)
    options = {"chunked": how == "chunked", "trailers": request.trailers}
    try:
        answer = connections[version].request(*arguments, **options)
    except (OSError, GoneError):
        return 0
    # A remote call is refused by an error of its own, under a good status.
    is_refused_call = request.golden.protocol == "mcp" and b'"code": -32602' in answer.body
    return 400 if is_refused_call else answer.status


def send_message(request, headers, where):
    message = request.body
    if request.golden.transport == "websocket_text":
        message = message.decode()
    try:
        with websocket(request.golden.host, request.target, headers, **where) as connection:
            connection.send(message)
            connection.recv(timeout=20)
            return 200
    except RefusedError as refused:
        return refused.status
    except ClosedError as closed:
        return 400 if closed.code == 1008 else 0


def run(place, canaries, everything, half):
    """Send all cases and read all that arrived."""
    tally = Tally()
    known = {}
    place.upstream.seen.clear()
    batches = list(cases(canaries, everything, half))

    def one(batch):
        _, of_one = batch
        connections = {}
        try:
            return [(case, send(connections, case, place.where())) for case in of_one]
        finally:
            for connection in connections.values():
                connection.close()

    began = time.monotonic()
    with ThreadPoolExecutor(3) as pool:
        for results in pool.map(one, batches):
            for case, status in results:
                known[f"case {case.number}"] = case
                tally.sent += 1
                tally.places[case.request.place] += 1
                tally.answered += status == 200
                tally.refused += 400 <= status < 500
    tally.seconds = time.monotonic() - began
    for seen in list(place.upstream.seen):
        case = known[seen.header("x-case")]
        if readings.holds(readings.pieces(seen), *canaries):
            tally.leaks.append(str(case))
        if not still_valid(seen):
            tally.broken.append(str(case))
    return tally


def still_valid(seen):
    """A rewritten body must still be what its headers say it is."""
    body = seen.body
    if not body:
        return True
    try:
        body = content_encoding.decode(body, seen.header("content-encoding") or "", 1 << 24)
        if (seen.header("content-type") or "").startswith("application/json"):
            json.loads(body)
    except (ValueError, content_encoding.EncodingError):
        return False
    length = seen.header("content-length")
    return length is None or int(length) == len(seen.body)


def report(name, tally):
    print(
        f"\n{name}: {tally.sent} requests with a canary in {tally.seconds:.1f} s, "
        f"{tally.refused} refused, {tally.answered} answered, {len(tally.leaks)} leaks; "
        f"{len(tally.places)} kinds of place: "
        + ", ".join(f"{place} {count}" for place, count in tally.places.most_common())
    )


# --- the measure itself ---------------------------------------------------------------------------


def test_every_planted_canary_can_be_read_out_of_its_request(secret, card):
    """Else a sweep without leaks would say nothing."""
    blind = []
    for each in golden.requests():
        for canary in (secret, card):
            for which, name in enumerate(golden.places(each, canary)):
                request = golden.build(each, Planter(canary, which))
                fields = [f"{k}: {v}" for k, v in request.headers + request.trailers]
                whole = [*(each.encode() for each in [request.target, *fields]), request.body]
                if name == "trailer" and each.transport != "http":
                    continue
                if not readings.holds(whole, canary):
                    blind.append(f"{request.golden.name}: {name}")
    assert blind == []


@pytest.mark.parametrize("framing", FRAMINGS, ids="/".join)
def test_recording_sees_the_canary_when_nothing_stands_between(blocking, card, framing):
    """The same clients straight to the same upstream: each framing is read there."""
    each = next(g for g in golden.requests() if g.name == "openai/chat")
    which = golden.places(each, card).index("JSON string")
    request = golden.build(each, Planter(card, which))
    blocking.upstream.seen.clear()
    where = {"proxy": None, "server": blocking.upstream.port, "cafile": None}
    connections = {}
    assert send(connections, Case(0, request, framing, card), where) == 200
    for connection in connections.values():
        connection.close()
    (seen,) = blocking.upstream.seen
    assert seen.http_version == framing[0]
    assert readings.holds(readings.pieces(seen), card)


# --- the sweep ------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["block", "redact"])
def test_clean_requests_arrive_unchanged(blocking, redacting, action, everything):
    """Every golden request without a canary, in framings that rotate: sent equals arrived."""
    place = blocking if action == "block" else redacting
    place.upstream.seen.clear()
    wrong = []
    count = 0
    for position, each in enumerate(golden.requests()):
        request = golden.build(each)
        possible = [framing for framing in FRAMINGS if fits(request, framing)]
        chosen = possible if everything else possible[position % 5 :: 5]
        connections = {}
        for framing in chosen:
            count += 1
            place.upstream.seen.clear()
            status = send(connections, Case(count, request, framing, ""), place.where())
            (seen,) = place.upstream.seen or [None]
            if status != 200 or seen is None:
                wrong.append(f"{each.name} {framing}: {status}")
                continue
            if each.transport == "http":
                sent = content_encoding.encode(request.body, framing[2])
                if seen.body != sent or seen.target != request.target:
                    wrong.append(f"{each.name} {framing}: changed")
            elif b"".join(m.encode() if isinstance(m, str) else m for m in seen.messages[:1]) != (
                request.body
            ):
                wrong.append(f"{each.name}: message changed")
        for connection in connections.values():
            connection.close()
    print(f"\n{action}: {count} clean requests arrived unchanged")
    assert wrong == []
    assert count >= 250


def test_blocked_canaries_never_arrive(blocking, secret, card, everything):
    before = blocking.gateway.stored()
    tally = run(blocking, (secret, card), everything, half=BLOCKS)
    report("block", tally)
    assert tally.leaks == []
    assert tally.sent >= LEAST["block"]
    # Every single one was found: refused, and on record.
    assert tally.refused == tally.sent
    assert blocking.gateway.stored(at_least=before + tally.sent) == before + tally.sent
    assert not any(value.encode() in blocking.gateway.traces() for value in (secret, card))


def test_redacted_canaries_never_arrive(redacting, secret, card, everything):
    before = redacting.gateway.stored()
    tally = run(redacting, (secret, card), everything, half=REDACTS)
    report("redact", tally)
    assert tally.leaks == []
    assert tally.broken == []
    assert tally.sent >= LEAST["redact"]
    # What cannot be rewritten (ids, credentials, names) is refused; the rest goes on.
    assert tally.answered + tally.refused == tally.sent
    assert tally.answered > tally.sent / 3
    assert redacting.gateway.stored(at_least=before + tally.sent) == before + tally.sent
    assert not any(value.encode() in redacting.gateway.traces() for value in (secret, card))
