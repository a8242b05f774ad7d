from __future__ import annotations

import threading

import pytest

from gateway.content.pictures import beside
from gateway.content.pictures.beside import Hands


@pytest.fixture(params=[1, 2])
def hands(request, monkeypatch):
    monkeypatch.setattr(beside, "available", lambda: 2)
    with Hands(request.param) as some:
        yield some


def test_results_are_those_of_the_work_however_often_they_are_asked_for(hands):
    done = []
    results = [hands.start(lambda n=n: done.append(n) or n) for n in range(5)]
    assert [result() for result in (*results, *results)] == [*range(5)] * 2
    assert sorted(done) == [*range(5)]


def test_what_the_work_raises_is_raised_where_its_result_is_asked_for(hands):
    def fails():
        raise KeyError("none")

    result = hands.start(fails)
    with pytest.raises(KeyError):
        result()


def test_two_hands_work_at_the_same_time(monkeypatch):
    monkeypatch.setattr(beside, "available", lambda: 2)
    meet = threading.Barrier(2, timeout=20)
    with Hands(2) as hands:
        for result in [hands.start(meet.wait), hands.start(meet.wait)]:
            result()


def test_one_hand_does_nothing_before_it_is_asked():
    done = []
    with Hands(1) as hands:
        hands.start(lambda: done.append(1))
    assert done == []


def test_threads_end_with_the_picture_and_what_was_not_begun_is_left(monkeypatch):
    monkeypatch.setattr(beside, "available", lambda: 2)
    before, begun, hold, done = (
        set(threading.enumerate()),
        threading.Barrier(3),
        threading.Event(),
        [],
    )

    def held():
        begun.wait(20)
        hold.wait(20)

    with Hands(2) as hands:
        hands.start(held), hands.start(held)
        begun.wait(20)
        hands.start(lambda: done.append(1))
        pool, shutdown = hands._pool, hands._pool.shutdown

        def ends(**how):
            pool.shutdown = shutdown
            pool.shutdown(wait=False, **how)
            hold.set()
            pool.shutdown()

        pool.shutdown = ends
    assert done == []
    assert set(threading.enumerate()) == before


def test_there_are_never_more_hands_than_cores(monkeypatch):
    monkeypatch.setattr(beside, "available", lambda: 1)
    assert Hands(4).count == 1
