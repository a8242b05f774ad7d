"""Watching: bounded, in the background, and of no consequence to anybody's traffic."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from gateway.metrics import Metrics
from gateway.services import Catalogue
from gateway.shadow import watch as watching
from gateway.shadow.watch import Watch

from .conftest import NOON
from .test_shapes import a_request

CATALOGUE = Catalogue.load()
CHAT = json.dumps({"model": "m", "messages": []}).encode()


class Kept:
    """Takes what it is given, or is away."""

    def __init__(self):
        self.batches = []
        self.away = False

    def add(self, seen, signs):
        if self.away:
            raise OSError("away")
        self.batches.append((seen, signs))

    def many(self):
        return len({host for seen, _ in self.batches for host, _, _ in seen})


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def meter():
    return Metrics(version="test")


@pytest.fixture
def watch(kept, meter):
    return Watch(
        kept,
        knows=CATALOGUE.knows,
        harmless=lambda _: True,
        meter=meter,
        clock=lambda: NOON,
    )


def a_chat(host="plain.example", target="/v1/chat/completions", sender="ann"):
    import dataclasses

    return dataclasses.replace(a_request(target, CHAT), host=host, actor=sender)


def test_tunnels_are_counted_by_host_day_and_sender(watch, kept):
    for sender in ("ann", "ann", "192.0.2.7"):
        count = watch.tunnelled("Chat.Shiny.AI.", sender)
        count(100, 0)
        count(0, 1000)
    watch.flush()
    [(seen, signs)] = kept.batches
    assert signs == {"chat.shiny.ai": {"tld:ai", "word:chat"}}
    ann = seen["chat.shiny.ai", NOON.date(), "ann"]
    assert (ann.tunnels, ann.sent, ann.received, ann.requests) == (2, 200, 2000, 0)
    assert seen["chat.shiny.ai", NOON.date(), "192.0.2.7"].tunnels == 1
    count(5, 5)
    watch.flush()
    [_, (later, _)] = kept.batches
    assert later["chat.shiny.ai", NOON.date(), "192.0.2.7"].sent == 5, "a tunnel may last"


def test_nothing_is_remembered_of_other_hosts(watch, kept):
    assert watch.tunnelled("mail.example.com", "ann") is None
    assert watch.tunnelled("api.openai.com", "ann") is None, "the catalogue has it"
    glance = watch.opened(a_chat(target="/index.html"))
    assert watch.opened(a_chat(host="api.openai.com")) is None
    glance.signs -= {"request:messages"}
    glance.end()
    watch.flush()
    assert kept.batches == []


def test_a_request_is_known_by_its_shape_whatever_its_host(watch, kept):
    glance = watch.opened(a_chat())
    glance.answered("text/event-stream", ["*.shiny.ai"])
    glance.note(b'data: {"choices":')
    glance.note(b'[{"delta":{}}]}')
    glance.end()
    glance.end()
    watch.flush()
    [(seen, signs)] = kept.batches
    assert signs["plain.example"] == {
        "path:openai_chat",
        "base:openai:/v1",
        "request:messages",
        "answer:deltas",
        "cert:tld:ai",
    }
    [each] = seen.values()
    assert (each.requests, each.sent, each.received) == (1, len(CHAT), 32)


def test_an_answer_alone_can_tell(watch, kept):
    glance = watch.opened(a_chat(target="/x", host="plain.example"))
    glance.signs = frozenset()
    glance.answered("text/event-stream", ())
    glance.note(b'data: {"delta": {}}')
    glance.end()
    watch.flush()
    assert kept.batches[0][1] == {"plain.example": {"answer:deltas"}}


def test_plain_http_is_known_by_host_and_path(watch, kept):
    watch.in_clear("gpt.example", "192.0.2.7", "/", 10).end()
    watch.in_clear("plain.example", "192.0.2.7", "/v1/chat/completions", 10).end()
    watch.in_clear("plain.example", "192.0.2.7", "/news", 10).end()
    watch.flush()
    [(seen, _)] = kept.batches
    assert {(host, each.requests) for (host, _, _), each in seen.items()} == {
        ("gpt.example", 1),
        ("plain.example", 1),
    }


def test_while_the_database_is_away_it_waits(watch, kept):
    kept.away = True
    watch.tunnelled("a.ai", "ann")(1, 1)
    with pytest.raises(OSError, match="away"):
        watch.flush()
    watch.tunnelled("a.ai", "ann")(2, 2)
    watch.tunnelled("b.ai", "ann")(4, 4)
    kept.away = False
    watch.flush()
    [(seen, signs)] = kept.batches
    assert {host: each.sent for (host, _, _), each in seen.items()} == {"a.ai": 3, "b.ai": 4}
    assert set(signs) == {"a.ai", "b.ai"}


def test_memory_is_bounded_and_what_is_dropped_is_counted(watch, kept, meter, monkeypatch):
    monkeypatch.setattr(watching, "MOST", 10)
    for number in range(30):
        watch.tunnelled(f"h{number}.ai", "ann")
    watch.tunnelled("a" * 300 + ".ai", "ann")
    watch.flush()
    assert len(kept.batches[0][0]) == 10
    assert meter.sums("failures", "cause")["shadow_full",] == 20
    assert meter.sums("suspected", "how")["tunnel",] == 31


def test_days_are_those_of_utc_and_begin_anew(kept, meter):
    now = NOON
    watch = Watch(
        kept, knows=lambda _: False, harmless=lambda _: True, meter=meter, clock=lambda: now
    )
    count = watch.tunnelled("a.ai", "ann")
    now = NOON + timedelta(days=1)
    count(1, 1)
    watch.flush()
    assert {day for _, day, _ in kept.batches[0][0]} == {NOON.date(), now.date()}


def test_the_thread_writes_at_the_end_and_outlives_errors(kept, meter):
    watch = Watch(kept, knows=lambda _: False, harmless=lambda _: True, meter=meter, flush=0.001)
    kept.away = True
    watch.tunnelled("a.ai", "ann")
    watch.start()
    while not meter.sums("failures", "cause").get(("shadow_store",)):
        pass
    kept.away = False
    watch.stop()
    assert kept.many() == 1
    assert meter.sums("suspect_hosts") == {(): 1.0}


def test_what_clients_call_a_host_or_themselves_cannot_hold_up_the_database(watch, kept, ledger):
    for host in ("gpt\x00.example", "gpt'.example", "gpt\ud800.example", "gpt .example"):
        watch.tunnelled(host, "ann")
    watch.tunnelled("gpt.example", "a\x00\ud800n")
    watch.flush()
    [(seen, signs)] = kept.batches
    assert [key[::2] for key in seen] == [("gpt.example", "a\ufffd?n")]
    ledger.add(seen, signs)


def test_a_name_is_written_down_once_it_is_known_to_be_harmless_and_else_never(kept, meter):
    told = {"fine.gpt.example": None, "618-58-1234.gpt.example": None}
    watch = Watch(kept, knows=lambda _: False, harmless=told.get, meter=meter, clock=lambda: NOON)
    for host in told:
        watch.tunnelled(host, "ann")(1, 1)
        watch.in_clear(host, "ann", "/", 10).end()
    watch.flush()
    assert kept.batches == []
    told |= {"fine.gpt.example": True, "618-58-1234.gpt.example": False}
    watch.tunnelled("618-58-1234.gpt.example", "ann")(1, 1)
    watch.flush()
    watch.flush()
    [(seen, signs)] = kept.batches
    assert set(signs) == {"fine.gpt.example"}
    [(key, each)] = seen.items()
    assert (key[0], each.tunnels, each.requests, each.sent) == ("fine.gpt.example", 1, 1, 11)
