"""Coaching in the console: listed, and what somebody may send taken back, by those who may."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.coaching.store import Answer, Ask, Store
from gateway.console.roles import Role
from gateway.model import Grant

PAGE = "/console/coaching"
GRANT = Grant("think", "chatgpt", "f1")


@pytest.fixture
def given(place):
    """Ann gave a reason: the coaching, and whether she may send it now."""
    store = Store(place.engine, bytes(32), clock=place.clock)
    ask = Ask(
        *("inc", "ann@example.com", "192.0.2.7", "chatgpt", "chatgpt.com", "think", "pii"),
        {"PERSON": 1},
        frozenset({GRANT}),
    )
    store.ask(ask, link="l" * 24, identity="c1")
    store.answer("c1", Answer("justified", "work", "", timedelta(hours=8)))
    return place, lambda: bool(store.live("ann@example.com", {GRANT}))


def test_who_takes_back_what_somebody_may_send_says_why_and_it_is_noted(given):
    place, may = given
    analyst = place.browser(Role.ANALYST, name="kim")
    assert "Take it back" in analyst.open(PAGE).text
    assert "Take it back" not in place.browser(Role.POLICY_AUTHOR).open(PAGE).text
    assert analyst.send(f"{PAGE}/c1/withdraw", reason=" ").status_code == 400
    assert analyst.send(f"{PAGE}/none/withdraw", reason="too much").status_code == 404
    assert may()
    assert analyst.send(f"{PAGE}/c1/withdraw", reason="too much").status_code == 303
    assert not may()
    page = analyst.open(PAGE, state="withdrawn").text
    assert "Take it back" not in page
    assert "ann@" not in page
    assert analyst.send(f"{PAGE}/c1/withdraw", reason="too much").status_code == 404
    (entry,) = place.log.list(action="coaching.*")
    assert (entry.who, entry.action, entry.target, entry.reason) == (
        "kim",
        "coaching.withdrawn",
        "c1",
        "too much",
    )


def test_programs_take_it_back_too(given):
    place, may = given
    program = place.program(Role.PRIVACY_OFFICER)
    (told,) = program.get("/api/v1/coachings").json()
    assert (told["state"], told["holds"]) == ("justified", True)
    path = "/api/v1/coachings/c1/withdrawal"
    assert program.post(path, json={"reason": ""}).status_code == 422
    assert program.post(path, json={"reason": "    "}).status_code == 422
    assert place.program(Role.POLICY_AUTHOR).post(path, json={"reason": "why"}).status_code == 403
    told = program.post(path, json={"reason": "too much"}).json()
    assert (told["state"], told["holds"]) == ("withdrawn", False)
    assert not may()
    assert program.post(path, json={"reason": "too much"}).status_code == 404
