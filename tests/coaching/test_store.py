from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from coaching.conftest import NOON, ask, grants
from sqlalchemy import func, select

from gateway.audit.log import Log
from gateway.coaching.store import (
    LINK_FOR,
    STATES,
    Answer,
    Concern,
    NotGranted,
    in_state,
    purge,
    state_of,
    withdraw,
)
from gateway.coaching.tables import CoachingRow, ConcernRow, GrantRow, LinkRow

ANN = "ann@example.com"
HOUR = timedelta(hours=1)
YES = Answer("justified", "work", "Agreed.", HOUR)
LINK = "l" * 24


def test_a_reason_grants_what_was_asked_for_its_time_and_to_its_sender(store, clock):
    identity = store.ask(ask("f1", "f2"), link=LINK, identity="c1")
    assert store.live(ANN, grants("f1", "f2")) == {}
    assert store.answer(identity, YES)
    wanted = grants("f1", "f2", "f3") | grants("f1", rule="other") | grants("f1", service="poe")
    assert set(store.live(ANN, wanted)) == grants("f1", "f2")
    assert store.live("bob", wanted) == {}
    clock.move(minutes=59)
    assert len(store.live(ANN, wanted)) == 2
    clock.move(minutes=1)
    assert store.live(ANN, wanted) == {}


def test_a_grant_reaches_every_gateway_of_the_same_key_and_no_other(stores):
    here, there, elsewhere = stores(), stores(), stores(bytes(32))
    here.answer(here.ask(ask("f1"), link=LINK, identity="c1"), YES)
    assert set(there.live(ANN, grants("f1"))) == grants("f1")
    assert elsewhere.live(ANN, grants("f1")) == {}


def test_of_several_answers_the_first_counts(store, clock):
    identity = store.ask(ask("f1"), link=LINK, identity="c1")
    answers = [Answer("cancelled"), YES] * 4
    won = []
    threads = [
        threading.Thread(target=lambda a=a: won.append(store.answer(identity, a))) for a in answers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]
    told = store.follow(LINK)
    assert bool(store.live(ANN, grants("f1"))) is (told.state == "justified")


def test_an_answer_after_the_link_has_expired_is_too_late(store, clock):
    identity = store.ask(ask("f1"), link=LINK, identity="c1")
    clock.move(seconds=LINK_FOR.total_seconds())
    assert store.follow(LINK).state == "expired"
    assert not store.answer(identity, YES)
    assert store.live(ANN, grants("f1")) == {}
    assert store.expire() == (("think", "chatgpt"),)
    assert store.expire() == ()


def test_the_same_asked_again_is_one_coaching_until_it_is_answered(store, clock):
    first = store.ask(ask("f1", "f2"), link="a" * 24, identity="c1")
    clock.move(minutes=30)
    assert store.ask(ask("f2", "f1", incident="inc-2"), link="b" * 24, identity="c2") == first
    for link in ("a" * 24, "b" * 24):
        told = store.follow(link)
        assert (told.id, told.times, told.expires_at) == (first, 2, NOON + HOUR * 1.5)
    for other in (ask("f1"), ask("f1", "f2", actor="bob"), ask("f1", "f2", "f3")):
        assert store.ask(other, link=f"{id(other):024d}", identity=f"c{id(other)}") != first
    store.answer(first, Answer("cancelled"))
    assert store.ask(ask("f1", "f2"), link="d" * 24, identity="c9") == "c9"


def test_a_longer_grant_is_not_made_shorter(store, clock):
    first = store.ask(ask("f1"), link=LINK, identity="c1")
    store.answer(first, Answer("justified", "work", "", HOUR * 8))
    second = store.ask(ask("f1", "f2"), link="b" * 24, identity="c2")
    store.answer(second, YES)
    clock.move(hours=2)
    assert set(store.live(ANN, grants("f1", "f2"))) == grants("f1")


def test_the_database_holds_no_link_no_item_and_no_sender_in_clear(store):
    identity = store.ask(
        ask("secretitem", actor="", source_ip="192.0.2.7"), link=LINK, identity="c"
    )
    store.answer(identity, YES)
    with store.engine.connect() as connection:
        rows = repr([connection.execute(select(table)).all() for table in (LinkRow, GrantRow)])
        asked = repr(connection.execute(select(CoachingRow.marks, CoachingRow.sender)).all())
    for clear in (LINK, "secretitem", "192.0.2.7", "think"):
        assert clear not in rows + asked
    assert "Agreed" not in repr(store.follow(LINK))


def test_what_is_old_goes_with_its_links_and_grants_but_not_while_it_counts(store, clock):
    done = store.ask(ask("f1"), link=LINK, identity="c1")
    store.answer(done, Answer("justified", "work", "", timedelta(days=30)))
    store.ask(ask("f2"), link="b" * 24, identity="c2")
    clock.move(days=20)
    assert purge(store.engine, clock.now - timedelta(days=1), now=clock.now, limit=10) == 1
    assert store.follow("b" * 24) is None
    assert store.live(ANN, grants("f1"))
    clock.move(days=20)
    assert purge(store.engine, clock.now - timedelta(days=1), now=clock.now, limit=10) == 1
    with store.engine.connect() as connection:
        assert [connection.execute(select(t)).all() for t in (LinkRow, GrantRow)] == [[], []]


def test_thousands_of_items_are_asked_for_and_granted_at_once(store):
    items = [f"f{number}" for number in range(1200)]
    store.answer(store.ask(ask(*items), link=LINK, identity="c1"), YES)
    assert len(store.live(ANN, grants(*items, "other"))) == 1200


def test_a_link_that_was_never_given_leads_nowhere(store):
    assert store.follow("x" * 24) is None
    assert store.follow("\ud800") is None


def test_the_same_asked_many_times_at_once_is_one_coaching(stores):
    asking = [stores() for _ in range(6)]
    for store in asking:
        store.follow("x" * 24)  # connected
    start = threading.Barrier(len(asking))
    known = []

    def run(number, store):
        start.wait()
        known.append(store.ask(ask("f1"), link=f"{number:024d}", identity=f"c{number}"))

    threads = [threading.Thread(target=run, args=each) for each in enumerate(asking)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(known) == 6
    assert len(set(known)) == 1
    assert asking[0].follow("0" * 24).times == 6


def test_who_asks_again_after_the_link_has_run_out_is_asked_anew_and_the_old_one_is_told_once(
    store, clock
):
    store.ask(ask("f1"), link=LINK, identity="c1")
    clock.move(seconds=LINK_FOR.total_seconds())
    assert store.ask(ask("f1"), link="b" * 24, identity="c2") == "c2"
    assert store.follow(LINK).state == "expired"
    assert store.expire() == (("think", "chatgpt"),)
    assert store.expire() == ()
    assert store.follow("b" * 24).state == "open"


def test_all_rules_that_ask_are_kept_in_their_order(store):
    further = (Concern("b", "secrets"), Concern("a", "pii"))
    store.ask(ask("f1", further=further), link=LINK, identity="c1")
    store.ask(ask("f1", further=further), link="b" * 24, identity="c2")
    told = store.follow("b" * 24)
    assert told.concerns == (Concern("think", "pii"), *further)
    with store.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(ConcernRow)) == 2


def test_what_is_taken_back_holds_nowhere_and_is_noted(stores, clock):
    here, there = stores(), stores()
    log = Log(here.engine, bytes(32), clock=clock)
    for number, items in enumerate((("f1",), ("f1", "f2"), ("f3",)), start=1):
        here.ask(ask(*items), link=f"{number:024d}", identity=f"c{number}")
        here.answer(f"c{number}", YES)
    withdraw("c2", log, now=clock.now, who="kim", reason="too much")
    assert set(there.live(ANN, grants("f1", "f2", "f3"))) == grants("f3")
    assert here.follow(f"{2:024d}").state == "withdrawn"
    for again in ("c2", "c9", "x" * 300):
        with pytest.raises(NotGranted):
            withdraw(again, log, now=clock.now, who="kim", reason="too much")
    told = [(entry.who, entry.action, entry.target, entry.reason) for entry in log.list()]
    assert told == [("kim", "coaching.withdrawn", "c2", "too much")]
    # Asked and answered again it holds again.
    there.answer(there.ask(ask("f1"), link="d" * 24, identity="c4"), YES)
    assert set(here.live(ANN, grants("f1", "f2"))) == grants("f1")


def test_nothing_is_taken_back_of_what_nobody_was_given(store, clock):
    log = Log(store.engine, bytes(32), clock=clock)
    for number, answer in enumerate((None, Answer("cancelled"), YES), start=1):
        store.ask(ask(f"f{number}"), link=f"{number:024d}", identity=f"c{number}")
        if answer is not None:
            store.answer(f"c{number}", answer)
    clock.move(hours=1)
    for identity in ("c1", "c2", "c3"):
        with pytest.raises(NotGranted):
            withdraw(identity, log, now=clock.now, who="kim", reason="why not")
    assert log.list() == ()


def test_a_state_is_the_same_as_a_value_and_as_a_condition(store, clock):
    log = Log(store.engine, bytes(32), clock=clock)
    for number, answer in enumerate((None, YES, YES, Answer("cancelled"), None), start=1):
        if number == 5:
            clock.move(minutes=30)
        store.ask(ask(f"f{number}"), link=f"{number:024d}", identity=f"c{number}")
        if answer is not None:
            store.answer(f"c{number}", answer)
    withdraw("c2", log, now=clock.now, who="kim", reason="too much")
    for minutes in (0, 30):
        clock.move(minutes=minutes)
        with store.engine.connect() as connection:
            rows = connection.execute(select(CoachingRow.__table__)).all()
            for state in STATES:
                found = connection.execute(
                    select(CoachingRow.id).where(in_state(state, clock.now))
                ).scalars()
                assert set(found) == {r.id for r in rows if state_of(r, clock.now) == state}, state
    assert {state_of(row, clock.now) for row in rows} == set(STATES)
