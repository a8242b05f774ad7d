from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from gateway.audit.log import Log
from gateway.coaching.store import Answer, Ask, Concern, NotGranted
from gateway.coaching.store import Store as CoachingStore
from gateway.incidents.coached import Coached
from gateway.incidents.people import Pseudonyms
from gateway.incidents.record import FiredRule
from gateway.incidents.retention import House, Retention
from gateway.incidents.store import Store
from gateway.model import Grant, Severity, Verdict

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Clock:
    now = NOON

    def __call__(self):
        return self.now


@pytest.fixture
def place(migrated_url, incident):
    clock = Clock()
    store, coaching = (
        Store.open(migrated_url),
        CoachingStore.open(migrated_url, bytes(32), clock=clock),
    )
    coached = Coached(store.engine, Pseudonyms(bytes(32)), clock)

    def sends(
        number, at, *, actor="ann", service="chatgpt", justified=False, source_ip="192.0.2.7"
    ):
        action = Verdict.LOG if justified else Verdict.COACH
        rule = FiredRule("think", "enforce", action, Severity.HIGH, justified)
        store.add(
            [
                incident(
                    number, at=at, actor=actor, service=service, rules=(rule,), source_ip=source_ip
                )
            ]
        )

    def asks(number, at, *, actor="ann", item="f1", answer=None, source_ip="192.0.2.7", **changes):
        clock.now = at
        values = {
            "incident": f"inc-{number}",
            "actor": actor,
            "source_ip": source_ip,
            "service": "chatgpt",
            "host": "chatgpt.com",
            "rule": "think",
            "lesson": "pii",
            "found": {"PERSON": 2},
            "asks": frozenset({Grant("think", "chatgpt", item)}),
        } | changes
        identity = coaching.ask(Ask(**values), link=f"{number:024d}", identity=f"c{number}")
        if answer is not None:
            clock.now = at + timedelta(seconds=40)
            assert coaching.answer(identity, answer)
        return identity

    yield clock, sends, asks, coached, store
    coaching.close()
    store.close()


def test_people_are_pseudonyms_and_answers_are_told(place):
    clock, sends, asks, coached, _ = place
    sends(1, NOON)
    asks(1, NOON, answer=Answer("justified", "work", "Agreed.", timedelta(hours=1)))
    asks(2, NOON + DAY, actor="", item="f2")
    asks(3, NOON + DAY, actor="", item="f2")
    clock.now = NOON + 2 * DAY
    second, first = coached.list()
    assert (first.person, second.person[:8]) == (Pseudonyms(bytes(32)).person("ann"), "address-")
    assert (first.state, first.reason, first.text, first.seconds) == (
        "justified",
        "work",
        "Agreed.",
        40,
    )
    assert (second.state, second.times, second.incident) == ("expired", 2, "inc-2")
    assert coached.list(state="expired") == (second,)
    assert coached.list(state="open") == ()
    assert coached.list(rule="other") == ()
    assert coached.of_incident("inc-3") == dataclasses.replace(second)
    assert coached.of_incident("inc-9") is None
    assert "ann" not in repr(coached.list())


def test_what_came_of_it_is_counted_by_rule_and_reason(place):
    clock, _, asks, coached, _ = place
    yes, no = Answer("justified", "work", "", timedelta(hours=1)), Answer("cancelled")
    for number, answer in enumerate((yes, yes, no, None)):
        asks(number, NOON, item=f"f{number}", answer=answer)
    clock.now = NOON + timedelta(minutes=5)
    figures = coached.figures(30)
    (rule,) = figures.rules
    assert (rule.asked, rule.justified, rule.cancelled, rule.open, rule.seconds) == (4, 2, 1, 1, 40)
    assert figures.reasons == (("work", 2),)
    clock.now = NOON + 40 * DAY
    assert coached.figures(30).rules == ()


def test_the_same_sent_again_and_again_is_one_that_was_asked(place):
    clock, _, asks, coached, _ = place
    yes, no = Answer("justified", "work", "", timedelta(hours=1)), Answer("cancelled")
    # Tried three times, given up, tried again days later, with a reason at last; and something else.
    for number, (at, answer) in enumerate(
        (
            (NOON, None),
            (NOON + timedelta(minutes=1), None),
            (NOON + timedelta(minutes=2), no),
            (NOON + DAY, None),
            (NOON + 2 * DAY, yes),
        )
    ):
        asks(number, at, answer=answer)
    asks(9, NOON, item="f2", answer=no)
    clock.now = NOON + 3 * DAY
    (rule,) = coached.figures(30).rules
    assert (rule.asked, rule.justified, rule.cancelled) == (2, 1, 1)


def test_every_rule_of_several_is_counted_and_found(place):
    clock, _, asks, coached, _ = place
    further = (Concern("cards", "payment"),)
    asks(1, NOON, further=further, answer=Answer("cancelled"))
    asks(2, NOON, item="f2")
    clock.now = NOON + timedelta(minutes=5)
    figures = coached.figures(30)
    assert [(each.rule, each.asked) for each in figures.rules] == [("think", 2), ("cards", 1)]
    assert [(each.lesson, each.pairs) for each in figures.lessons] == [("payment", 1), ("pii", 1)]
    (line,) = coached.list(rule="cards")
    assert (line.rule, line.further) == ("think", further)
    assert len(coached.list(rule="think")) == 2


def test_what_is_taken_back_is_told_and_still_counts_as_a_reason(place):
    clock, _, asks, coached, store = place
    asks(1, NOON, answer=Answer("justified", "work", "", timedelta(hours=1)))
    log = Log(store.engine, bytes(32), clock=clock)
    (line,) = coached.list()
    assert line.holds
    line = coached.withdraw(line.id, log, who="kim", reason="too much")
    assert (line.state, line.holds) == ("withdrawn", False)
    assert coached.list(state="withdrawn") == (line,)
    assert coached.list(state="justified") == ()
    with pytest.raises(NotGranted):
        coached.withdraw(line.id, log, who="kim", reason="too much")
    (rule,) = coached.figures(30).rules
    assert rule.justified == 1


def test_trying_again_while_the_question_stands_is_the_same_try(place):
    clock, sends, asks, coached, _ = place
    for number, minutes in enumerate((0, 50, 100), start=1):
        at = NOON + timedelta(minutes=minutes)
        sends(number, at)
        asks(number, at)
    clock.now = NOON + 10 * DAY
    (helped,) = coached.figures(90).lessons
    assert (helped.before, helped.after) == (0, 0)


def test_whether_it_helped_is_who_sent_the_same_kind_again(place):
    clock, sends, asks, coached, _ = place
    # Before: Ann, Bob and somebody without a name. After: Bob only.
    number = 0
    for who, before, after in (
        ({"actor": "ann"}, True, False),
        ({"actor": "bob"}, True, True),
        ({"actor": "", "source_ip": "192.0.2.9"}, True, False),
        ({"actor": "kim"}, False, False),
    ):
        if before:
            sends(number := number + 1, NOON - 5 * DAY, **who)
        sends(number := number + 1, NOON - timedelta(seconds=1), **who)
        asks(number, NOON, **who)
        sends(number := number + 1, NOON + timedelta(minutes=30), **who)  # the same try
        sends(number := number + 1, NOON + 2 * DAY, justified=True, **who)
        sends(number := number + 1, NOON + 2 * DAY, **(who | {"service": "poe"}))
        sends(number := number + 1, NOON + 31 * DAY, **who)
        if after:
            sends(number := number + 1, NOON + 3 * DAY, **who)
    clock.now = NOON + 10 * DAY
    (helped,) = coached.figures(90).lessons
    assert (helped.lesson, helped.people, helped.pairs) == ("pii", 4, 4)
    assert (helped.before, helped.after, helped.whole) == (3, 1, 0)
    clock.now = NOON + 31 * DAY
    (helped,) = coached.figures(90).lessons
    assert helped.whole == 4


def test_coachings_are_purged_with_the_rest(place):
    clock, _, asks, coached, store = place
    asks(1, NOON)

    class Log:
        def note(self, *_, **__):
            pass

    clock.now = NOON + 400 * DAY
    house = House(store.engine, Log(), Retention(coachings=365 * DAY), me="a", clock=clock)
    assert house.hold()
    while house.step():
        pass
    assert coached.list() == ()
