"""What the gate does with what is coached: grants of any gateway count at once, links lead on."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from mitmproxy.test import tflow
from support.tables import sqlite

from gateway import refusals
from gateway.audit.log import Log
from gateway.coaching.front import Front
from gateway.coaching.pages import Pages
from gateway.coaching.store import Answer, Store, withdraw
from gateway.model import (
    Act,
    Decision,
    Exchange,
    Finding,
    Forward,
    Locator,
    PartKind,
    Role,
    Route,
    Scan,
    Verdict,
)
from gateway.policy import Vocabulary, compile_text, evaluate
from gateway.proxy.coaching import Coach
from gateway.proxy.routing import HostList, Routing

KEY = bytes(32)
ROUTE = Route("openai-api", "api", "chat", Act.PROMPT, "openai", {})
VOCABULARY = Vocabulary(
    {}, frozenset(), frozenset(), {}, frozenset({"PERSON"}), {}, lessons=frozenset({"pii"})
)
POLICY = compile_text(
    "version: 1\nrules: [{id: think, when: {entity: PERSON}, action: coach, coach: {lesson: pii}}]",
    VOCABULARY,
)


SEVERAL = compile_text(
    """version: 1
rules:
- {id: later, severity: low, when: {entity: PERSON}, action: coach, coach: {lesson: pii}}
- {id: think, severity: high, when: {entity: PERSON}, action: coach, coach: {lesson: pii}}""",
    VOCABULARY,
)


class Nobody(Counter):
    def coached(self, *_):
        self["coached"] += 1

    def coaching_answered(self, *_, seconds):
        self["answered"] += seconds >= 0

    def failed(self, cause):
        self[cause] += 1


@pytest.fixture
def url(tmp_path):
    return sqlite(tmp_path / "coaching.db")


@pytest.fixture
def gateways(url):
    """Two gateways of one database."""
    stores = [Store.open(url, KEY) for _ in range(2)]
    yield [coach(store) for store in stores]
    for store in stores:
        store.close()


def coach(store):
    front = Front(store, base_url="https://leakgate.internal", watch=Nobody())

    async def check(_):
        return ()

    pages = Pages(front, check=check, key=KEY)
    return Coach(
        front,
        pages,
        frozenset({"leakgate.internal"}),
        plan_of={each.id: each.coaching for each in POLICY.rules}.get,
    )


def exchange(**changes):
    values = {
        "id": "x1",
        "received_at": 0.0,
        "actor": "ann",
        "source_ip": "192.0.2.1",
        "method": "POST",
        "scheme": "https",
        "host": "api.openai.com",
        "port": 443,
        "target": "/v1/chat/completions",
        "headers": (),
        "body": b"",
    }
    return Exchange(**(values | changes))


class Desk:
    """Decides by the policy about an exchange that holds these values."""

    def __init__(self, *prints):
        self.asked = 0
        self.scan = Scan(
            tuple(
                Finding(
                    Locator("body"), Role.USER, PartKind.TEXT, True, "PERSON", 0, 3, 0.9, "d", p, ""
                )
                for p in prints
            )
        )

    async def decide(self, sent, policy=POLICY):
        self.asked += 1
        outcome = evaluate(policy, sent, ROUTE, self.scan)
        coaches = outcome.verdict is Verdict.COACH
        return Decision(
            exchange=sent.id,
            at=sent.received_at,
            actor=sent.actor,
            source_ip=sent.source_ip,
            method=sent.method,
            host=sent.host,
            route=ROUTE,
            scan=self.scan,
            outcome=outcome,
            enforcement=refusals.coached(sent, ROUTE, outcome) if coaches else Forward(),
            policy_revision="p",
            detector_revision="d",
            incident=sent.id,
        )

    def sent(self, through, one, policy=POLICY):
        decide = partial(self.decide, policy=policy)

        async def send():
            prepared = through.prepared(one)
            return await through.settled(prepared, await decide(prepared), decide)

        return asyncio.run(send())


def link_in(decision):
    text = decision.enforcement.body.decode()
    return text.partition("https://leakgate.internal/c/")[2][:24]


def answer(through, link):
    async def give():
        _, coaching = await through.front.follow(link)
        return await through.front.answer(coaching, Answer("justified", "work", "", HOUR))

    return asyncio.run(give())


HOUR = timedelta(hours=1)


def test_a_reason_given_at_one_gateway_counts_at_once_at_every_other(gateways):
    here, there = gateways
    one = exchange()
    desk = Desk("f1")
    coached = desk.sent(here, one)
    assert coached.enforcement.cause == "coach"
    assert answer(here, link_in(coached))
    desk.asked = 0
    assert isinstance(desk.sent(there, one).enforcement, Forward)
    assert desk.asked == 2
    # From then on it is known there.
    assert isinstance(desk.sent(there, one).enforcement, Forward)
    assert desk.asked == 3
    more = Desk("f1", "f2").sent(there, one)
    assert len(link_in(more)) == 24
    assert more.outcome.hits[0].findings == (0, 1)


def test_what_is_taken_back_asks_again_at_once_at_every_gateway(gateways):
    here, there = gateways
    one, desk = exchange(), Desk("f1", "f2")
    coached = desk.sent(here, one)
    answer(here, link_in(coached))
    for gateway in gateways:
        assert isinstance(desk.sent(gateway, one).enforcement, Forward)
    assert there.front.known("ann")
    _, coaching = asyncio.run(here.front.follow(link_in(coached)))
    store = here.front._store
    log = Log(store.engine, bytes(32))
    withdraw(coaching.id, log, now=store.now(), who="kim", reason="too much")
    for gateway in gateways:
        again = desk.sent(gateway, one)
        assert again.enforcement.cause == "coach"
        assert len(link_in(again)) == 24
        assert not gateway.front.known("ann")


def test_what_is_remembered_lets_nothing_by_that_the_database_does_not_confirm(
    gateways, monkeypatch
):
    here, _ = gateways
    desk = Desk("f1")
    answer(here, link_in(desk.sent(here, exchange())))
    assert isinstance(desk.sent(here, exchange()).enforcement, Forward)

    def away(*_, **__):
        raise OSError

    monkeypatch.setattr(here.front._store, "live", away)
    assert desk.sent(here, exchange()).enforcement.cause == "coach"


def test_every_rule_that_coaches_is_asked_about(gateways):
    here, _ = gateways
    decision = Desk("f1").sent(here, exchange(), SEVERAL)
    _, coaching = asyncio.run(here.front.follow(link_in(decision)))
    assert [(each.rule, each.lesson) for each in coaching.concerns] == [
        ("think", "pii"),
        ("later", ""),
    ]
    answer(here, link_in(decision))
    assert isinstance(Desk("f1").sent(here, exchange(), SEVERAL).enforcement, Forward)


def test_without_a_link_it_is_a_refusal_that_names_none(gateways, monkeypatch):
    here, _ = gateways

    def away(*_, **__):
        raise OSError

    monkeypatch.setattr(here.front._store, "ask", away)
    decision = Desk("f1").sent(here, exchange())
    assert decision.enforcement.status == 400
    assert link_in(decision) == ""
    assert Desk("").sent(here, exchange()).enforcement.cause == "coach"
    assert here.front._watch["coached"] == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (((b"sec-fetch-mode", b"navigate"),), 303),
        (((b"accept", b"text/html,*/*"),), 303),
        (((b"sec-fetch-mode", b"cors"), (b"accept", b"text/html")), 400),
        ((), 400),
    ],
)
def test_who_loads_a_page_is_taken_there_and_programs_get_an_error(gateways, headers, status):
    decision = Desk("f1").sent(gateways[0], exchange(headers=headers))
    assert decision.enforcement.status == status
    if status == 303:
        location = dict(decision.enforcement.headers)[b"location"]
        assert location.startswith(b"https://leakgate.internal/c/")


def test_what_was_found_is_counted_by_value(gateways):
    here, _ = gateways
    decision = Desk("f1", "f1", "f2").sent(here, exchange())
    _, coaching = asyncio.run(here.front.follow(link_in(decision)))
    assert (coaching.found, coaching.lesson) == ({"PERSON": 2}, "pii")


@pytest.mark.parametrize(
    ("names", "own"),
    [
        (("leakgate.internal",), "leakgate.internal"),
        (("LEAKGATE.internal.",), "leakgate.internal"),
        (("api.openai.com", "leakgate.internal"), "leakgate.internal"),
        (("x.leakgate.internal", "leakgate.internal.example"), None),
    ],
)
def test_the_names_of_our_own(gateways, names, own):
    assert gateways[0].own(names) == own


def test_a_page_is_answered_without_a_body_that_is_too_long(gateways):
    flow = tflow.tflow()
    flow.request.method = "POST"
    flow.request.path = "/c/" + "x" * 24
    flow.request.content = b"x" * 100_000
    response = asyncio.run(gateways[0].page(flow, "leakgate.internal", "ann"))
    assert response.status_code == 404


def test_connections_to_our_own_name_are_opened():
    class Hosts:
        def inspects(self, _):
            return False

    routing = Routing(
        Hosts(), HostList.of(["leakgate.internal"]), None, own=HostList.of(["leakgate.internal"])
    )
    assert routing._why_passed(["leakgate.internal"], b"\x16\x03\x01") is None
    assert routing._why_passed(["x.example", "leakgate.internal"], b"\x16\x03\x01") is None
    routing = Routing(Hosts(), HostList.of([]), None, own=HostList.of(["leakgate.internal"]))
    assert routing._why_passed(["x.example", "y.example"], b"\x16\x03\x01") == "not_catalogued"
