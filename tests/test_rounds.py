"""Rounds: again and again, longer apart while they fail, told once, and a last one at the end."""

from __future__ import annotations

import logging
import threading

from gateway.rounds import Rounds


class Act:
    """Fails so often as it is told to, and says when it has been called so often."""

    def __init__(self, *, fails, until):
        self.calls, self.fails, self.until = 0, fails, until
        self.reached = threading.Event()

    def __call__(self):
        self.calls += 1
        if self.calls >= self.until:
            self.reached.set()
        if self.calls <= self.fails:
            raise OSError(5, "secret")


def rounds(act, **changes):
    values = {"name": "test", "wrong": "it fails", "every": 0.001, "longest": 0.002} | changes
    return Rounds(act, **values)


def test_the_thread_outlives_errors_and_tells_of_a_kind_once_and_without_its_text(caplog):
    act, failures, ends = Act(fails=3, until=5), [], []
    made = rounds(act, failed=lambda: failures.append(1), last=lambda: ends.append(1))
    with caplog.at_level(logging.DEBUG, logger="leakgate.rounds"):
        made.start()
        assert act.reached.wait(20)
        made.stop()
    assert made.stopping
    assert (len(failures), len(ends)) == (3, 1)
    assert [each.getMessage() for each in caplog.records] == ["it fails: OSError errno 5"]


def test_what_comes_after_a_failure_may_fail_too():
    def breaks():
        raise ValueError

    act = Act(fails=2, until=4)
    made = rounds(act, failed=breaks, last=breaks)
    made.start()
    assert act.reached.wait(20)
    made.stop()


def test_pauses_are_doubled_up_to_the_longest(monkeypatch):
    waited = []
    made = rounds(Act(fails=9, until=99), every=1.0, longest=5.0)

    class Stopping:
        def is_set(self):
            return len(waited) == 5

        def wait(self, seconds):
            waited.append(seconds)

    made._stopping = Stopping()
    made._run()
    assert waited == [2.0, 4.0, 5.0, 5.0, 5.0]


def test_a_round_under_way_is_told_to_end_and_its_rest_with_it():
    begun, done = threading.Event(), []

    def act():
        begun.set()
        made.rest(60)
        done.append(made.stopping)

    made = rounds(act)
    made.start()
    assert begun.wait(20)
    made.stop(timeout=20)
    assert done == [True]
