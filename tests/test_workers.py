"""Every inspection ends in a decision or a fault, and one bad exchange harms no other."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.model import Exchange
from gateway.workers import InspectionFault, Pool, WorkerSpec, is_light


class Watch:
    def __init__(self) -> None:
        self.restarts: list[str] = []
        self.ready = 0

    def worker_restarted(self, cause: str) -> None:
        self.restarts.append(cause)

    def workers(self, count: int) -> None:
        self.ready = count


def exchange(target: str, body: bytes = b"") -> Exchange:
    return Exchange(
        id=uuid.uuid4().hex,
        received_at=0,
        actor="",
        source_ip="",
        method="POST",
        scheme="https",
        host="h",
        port=443,
        target=target,
        headers=(),
        body=body,
    )


def spec(argument: object = "first") -> WorkerSpec:
    return WorkerSpec("support.inspectors:build", argument, memory=1 << 30)


def with_pool(story, **options):
    watch = Watch()

    async def live():
        pool = Pool(
            spec(),
            size=options.pop("size", 2),
            deadline=options.pop("deadline", 2.0),
            watch=watch,
            **options,
        )
        await pool.start()
        try:
            return await story(pool, watch)
        finally:
            await pool.stop()

    return asyncio.run(live())


async def settled(pool, size=2):
    deadline = time.monotonic() + 10
    while pool.ready < size:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def test_decisions_come_back_for_their_exchanges_in_any_order():
    async def story(pool, watch):
        exchanges = [exchange("/x", b"y" * (n * 997)) for n in range(200)]
        decisions = await asyncio.gather(*(pool.inspect(each) for each in exchanges))
        assert [d.exchange for d in decisions] == [e.id for e in exchanges]
        assert [d.inspected for d in decisions] == [n * 997 for n in range(200)]

    with_pool(story)


def test_bodies_larger_than_the_socket_buffer_travel():
    async def story(pool, watch):
        big = exchange("/x", os.urandom(20 << 20))
        results = await asyncio.gather(*(pool.inspect(big) for _ in range(4)))
        assert all(result.inspected == 20 << 20 for result in results)

    with_pool(story, deadline=30.0)


@pytest.mark.parametrize("how", ["/hang", "/regex"])
def test_exchange_that_hangs_faults_in_time_and_its_worker_is_replaced(how):
    async def story(pool, watch):
        before = set(pool.pids())
        started = time.monotonic()
        with pytest.raises(InspectionFault) as fault:
            await pool.inspect(exchange(how))
        assert fault.value.cause == "timeout"
        assert time.monotonic() - started < 1.5
        await settled(pool)
        assert len(before & set(pool.pids())) == 1
        assert watch.restarts == ["timeout"]
        assert (await pool.inspect(exchange("/x"))).exchange

    with_pool(story, deadline=0.5)


def test_exception_faults_without_its_text_and_keeps_the_worker():
    async def story(pool, watch):
        before = pool.pids()
        with pytest.raises(InspectionFault) as fault:
            await pool.inspect(exchange("/raise", b"canary-7f"))
        assert fault.value.cause == "exception"
        assert "ValueError" in fault.value.detail
        assert "canary" not in fault.value.detail + str(fault.value)
        assert pool.pids() == before

    with_pool(story)


def test_exchange_that_kills_its_worker_is_tried_once_more_then_faults():
    async def story(pool, watch):
        with pytest.raises(InspectionFault) as fault:
            await pool.inspect(exchange("/kill"))
        assert fault.value.cause == "worker_died"
        assert watch.restarts == ["worker_died"] * 2
        await settled(pool)
        await pool.inspect(exchange("/x"))

    with_pool(story, deadline=10.0)


def test_each_lost_worker_is_replaced_once():
    async def story(pool, watch):
        for pid in pool.pids():
            os.kill(pid, signal.SIGKILL)
        ends = time.monotonic() + 10
        while len(watch.restarts) < 2:
            assert time.monotonic() < ends
            await asyncio.sleep(0.01)
        await settled(pool)
        assert watch.restarts == ["worker_died", "worker_died"]
        # A third one would cost seconds of processor time, to be thrown away.
        await asyncio.sleep(0.1)
        assert not pool._starts
        assert pool._numbers == 4

    with_pool(story)


def test_worker_that_started_before_a_change_of_policy_does_not_join_after_it():
    async def story(pool, watch):
        spawn = pool._spawn_one
        started, room = asyncio.Event(), asyncio.Event()
        spawned = []

        async def slowly(wanted):
            worker = await spawn(wanted)
            spawned.append(wanted.argument)
            if wanted.argument == "first":
                started.set()
                await room.wait()
            elif len(spawned) > 3:
                await asyncio.sleep(0.5)
            return worker

        pool._spawn_one = slowly
        os.kill(pool.pids()[0], signal.SIGKILL)
        await asyncio.wait_for(started.wait(), 10)
        await pool.replace(spec("second"))
        # There is room for the late one again, just when it is ready.
        os.kill(pool.pids()[0], signal.SIGKILL)
        ends = time.monotonic() + 10
        while pool.ready > 1:
            assert time.monotonic() < ends
            await asyncio.sleep(0.01)
        room.set()
        await asyncio.gather(*pool._starts)
        assert pool.ready == 2
        decisions = [await pool.inspect(exchange("/x"), affinity=str(n)) for n in range(20)]
        assert {decision.actor for decision in decisions} == {"second"}

    with_pool(story, deadline=10.0)


def test_worker_killed_from_outside_loses_no_exchange():
    async def story(pool, watch):
        jobs = [asyncio.ensure_future(pool.inspect(exchange("/slow/0.1"))) for _ in range(12)]
        await asyncio.sleep(0.15)
        os.kill(pool.pids()[0], signal.SIGKILL)
        decisions = await asyncio.gather(*jobs)
        assert len(decisions) == 12
        await settled(pool)

    with_pool(story, deadline=10.0)


def test_hanging_exchange_does_not_take_the_waiting_one_with_it():
    async def story(pool, watch):
        hanging = asyncio.ensure_future(pool.inspect(exchange("/hang")))
        await asyncio.sleep(1.8)
        other = asyncio.ensure_future(pool.inspect(exchange("/x")))
        with pytest.raises(InspectionFault):
            await hanging
        assert (await other).exchange

    with_pool(story, size=1, deadline=2.0)


def test_crowd_that_comes_too_late_costs_no_worker():
    """Each exchange is quick; only waiting makes them late."""

    async def story(pool, watch):
        before = pool.pids()
        jobs = [asyncio.ensure_future(pool.inspect(exchange("/slow/0.2"))) for _ in range(30)]
        results = await asyncio.gather(*jobs, return_exceptions=True)
        causes = {r.cause for r in results if isinstance(r, InspectionFault)}
        assert causes == {"timeout"}
        assert (await pool.inspect(exchange("/x"))).exchange
        assert pool.pids() == before
        assert watch.restarts == []

    with_pool(story, deadline=1.0)


HEAVY = b'{"data": "' + b"A" * (300 << 10) + b'"}'


def test_light_exchanges_never_wait_for_heavy_ones():
    async def story(pool, watch):
        heavy = [
            asyncio.ensure_future(pool.inspect(exchange("/slow/1", HEAVY), affinity=str(number)))
            for number in range(6)
        ]
        await asyncio.sleep(0.2)
        light = [pool.inspect(exchange("/x"), affinity=str(number)) for number in range(20)]
        assert len(await asyncio.gather(*light)) == 20
        assert sum(one.done() for one in heavy) <= 1
        assert len(await asyncio.gather(*heavy)) == 6

    with_pool(story, deadline=30.0)


def test_one_worker_alone_takes_heavy_ones_too():
    async def story(pool, watch):
        assert await pool.inspect(exchange("/x", HEAVY))

    with_pool(story, size=1, deadline=10.0)


@pytest.mark.parametrize(
    ("body", "kind", "light"),
    [
        (b'{"messages": []}', b"application/json", True),
        (b"a=b", b"application/x-www-form-urlencoded", True),
        (b"", b"", True),
        (HEAVY, b"application/json", False),
        (b'{"url": "data:image/png;base64,AA"}', b"application/json", False),
        (b'{"inlineData": {"mimeType": "image/png"}}', b"application/json", False),
        (b"\x89PNG", b"image/png", False),
        (b"--b", b"multipart/form-data; boundary=b", False),
    ],
)
def test_light_is_what_shows_no_sign_of_a_file(body, kind, light):
    headers = ((b"Content-Type", kind),) if kind else ()
    assert is_light(replace(exchange("/x", body), headers=headers)) is light


def test_memory_bomb_faults():
    async def story(pool, watch):
        with pytest.raises(InspectionFault) as fault:
            await pool.inspect(exchange("/memory"))
        assert fault.value.cause in {"exception", "worker_died"}
        await settled(pool)
        await pool.inspect(exchange("/x"))

    with_pool(story, deadline=10.0)


def test_full_backlog_faults_at_once():
    async def story(pool, watch):
        jobs = [asyncio.ensure_future(pool.inspect(exchange("/slow/0.1"))) for _ in range(20)]
        await asyncio.sleep(0)
        with pytest.raises(InspectionFault) as fault:
            await pool.inspect(exchange("/x"))
        assert fault.value.cause == "overloaded"
        await asyncio.gather(*jobs)

    with_pool(story, backlog=4, deadline=10.0)


def test_too_many_bytes_at_once_fault_and_are_forgotten_when_decided():
    async def story(pool, watch):
        big = exchange("/slow/0.2", b"x" * (1 << 20))
        jobs = [asyncio.ensure_future(pool.inspect(big)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(InspectionFault) as fault:
            await pool.inspect(big)
        assert fault.value.cause == "overloaded"
        await asyncio.gather(*jobs)
        await pool.inspect(big)

    with_pool(story, backlog_bytes=3 << 20, deadline=10.0)


def test_waiting_too_long_faults():
    async def story(pool, watch):
        jobs = [asyncio.ensure_future(pool.inspect(exchange("/slow/0.4"))) for _ in range(10)]
        results = await asyncio.gather(*jobs, return_exceptions=True)
        causes = [r.cause for r in results if isinstance(r, InspectionFault)]
        assert causes
        assert set(causes) == {"timeout"}

    with_pool(story, size=1, deadline=1.0)


def test_replace_changes_what_runs_and_loses_nothing():
    async def story(pool, watch):
        jobs = [asyncio.ensure_future(pool.inspect(exchange("/slow/0.05"))) for _ in range(20)]
        await asyncio.sleep(0.06)
        await pool.replace(spec("second"))
        after = await pool.inspect(exchange("/x"))
        assert after.actor == "second"
        assert {d.actor for d in await asyncio.gather(*jobs)} <= {"first", "second"}

    with_pool(story, deadline=10.0)


def test_replace_that_cannot_start_keeps_what_runs():
    async def story(pool, watch):
        with pytest.raises(InspectionFault, match="exception"):
            await pool.replace(spec("broken"))
        assert (await pool.inspect(exchange("/x"))).actor == "first"

    with_pool(story)


def test_same_affinity_goes_to_the_same_free_worker():
    async def story(pool, watch):
        hosts = {(await pool.inspect(exchange("/x"), affinity="a")).host for _ in range(10)}
        assert len(hosts) == 1

    with_pool(story)


def test_workers_end_with_the_pool():
    async def story(pool, watch):
        return pool.pids()

    pids = with_pool(story)
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}/statm").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not {
        pid
        for pid in pids
        if os.path.exists(f"/proc/{pid}")
        and "zombie" not in Path(f"/proc/{pid}/status").read_text()
    }
