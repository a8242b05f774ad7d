"""Names are looked at behind everybody's back, and not called harmless before."""

from __future__ import annotations

import asyncio
import contextlib

from gateway.shadow import harmless as names
from gateway.shadow.harmless import TRIES, Harmless


class Looks:
    """Says of names what it is told to, and which it was asked about."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    async def __call__(self, host):
        self.asked.append(host)
        return self.answers.get(host, True)


def test_a_name_is_not_known_before_it_was_looked_at_and_looked_at_once():
    looks = Looks(number=False)
    harmless = Harmless(looks)
    assert [harmless(host) for host in ("fine", "number", "fine")] == [None, None, None]
    assert asyncio.run(harmless.look_at_all())
    assert [harmless(host) for host in ("fine", "number", "new")] == [True, False, None]
    assert looks.asked == ["fine", "number"]


def test_a_name_that_cannot_be_looked_at_holds_up_no_other_and_is_never_harmless():
    looks = Looks(broken=None)
    harmless = Harmless(looks)
    for host in ("broken", "fine"):
        harmless(host)
    assert not asyncio.run(harmless.look_at_all())
    assert not asyncio.run(harmless.look_at_all())
    assert (harmless("broken"), harmless("fine")) == (None, True)
    for _ in range(TRIES):
        asyncio.run(harmless.look_at_all())
    assert harmless("broken") is False
    assert looks.asked.count("broken") == TRIES


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(names, "MOST", 5)
    monkeypatch.setattr(names, "WAITING", 10)
    harmless = Harmless(Looks())
    for number in range(30):
        harmless(str(number))
    asyncio.run(harmless.look_at_all())
    assert [harmless(str(number)) for number in range(12)] == [None] * 5 + [True] * 5 + [None] * 2


def test_the_task_looks_again_after_a_failure():
    looks = Looks(once=None)
    harmless = Harmless(looks, pause=0.0)

    async def run():
        harmless("once")
        task = asyncio.create_task(harmless.keep_looking(0.0))
        while not looks.asked:  # noqa: ASYNC110  # nothing here tells an event
            await asyncio.sleep(0)
        looks.answers["once"] = True
        while harmless("once") is None:  # noqa: ASYNC110  # nothing here tells an event
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(run(), 20))
    assert harmless("once") is True
