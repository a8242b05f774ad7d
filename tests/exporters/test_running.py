"""The tasks: nothing is lost, nobody waits for another, and one gateway tells."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from gateway.exporters import ledger as ledgers
from gateway.exporters.document import Export
from gateway.exporters.ledger import LEASE, OVERLAP, Ledger
from gateway.exporters.running import Exports, Pace
from gateway.exporters.sink import Undelivered
from gateway.incidents.store import Store
from gateway.metrics import Metrics
from gateway.model import Severity

PACE = Pace(look=0.02, standby=0.05, first=0.02, longest=0.1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHAPE = TypeAdapter(Export)


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Fake:
    """A sink in memory that fails as it is told to."""

    batch = 10

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.told = []
        self.sizes: list[int] = []
        self.failure: BaseException | None = None
        self.poison: set[str] = set()
        self.wait = 0.0

    async def send(self, incidents) -> None:
        self.sizes.append(len(incidents))
        await asyncio.sleep(self.wait)
        if self.failure is not None:
            raise self.failure
        if self.poison & {one.id for one in incidents}:
            raise Undelivered("refused", at_fault=True)
        self.ids += [one.id for one in incidents]
        self.told += incidents

    async def close(self) -> None:
        """Nothing is held."""


def an_export(name="siem", **changes):
    values = {"name": name, "kind": "file", "to": "/tmp/never-written", **changes}
    return SHAPE.validate_python(values)


@pytest.fixture
def database(migrated_url):
    return migrated_url


@pytest.fixture
def store(database):
    opened = Store.open(database)
    yield opened
    opened.close()


@contextlib.asynccontextmanager
async def telling(url, sinks, notes, me="gateway-1", clock=None):
    exports = Exports(
        [
            (named if not isinstance(named, str) else an_export(named), sink)
            for named, sink in sinks
        ],
        Ledger.open(url, me, clock=clock),
        meter=notes,
        pace=PACE,
    )
    await exports.start()
    try:
        yield exports
    finally:
        await exports.stop()


async def until(condition, seconds=15.0):
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < end, "this took too long"
        await asyncio.sleep(0.01)


def test_a_new_export_starts_from_now_and_misses_nothing_after(database, store, incident, notes):
    store.add([incident("before")])
    sink = Fake()

    async def story():
        async with telling(database, [("siem", sink)], notes):
            for start in range(0, 50, 7):
                store.add([incident(n) for n in range(start, min(50, start + 7))])
            await until(lambda: len(sink.ids) >= 50)

    asyncio.run(story())
    assert sorted(sink.ids) == sorted(f"inc-{n}" for n in range(50))
    assert notes.counts["siem", "delivered"] == 50
    assert sink.told[0].findings == incident(0).findings


def test_a_receiver_that_was_away_for_a_day_catches_up_in_order(database, incident, notes):
    """The clock runs on for a day while the sink fails; gateways are restarted in between."""
    clock, sink = Clock(), Fake()
    store = Store.open(database, clock=clock)
    sink.failure = Undelivered("connect")

    async def away():
        async with telling(database, [("siem", sink)], notes, clock=clock) as exports:
            for hour in range(12):
                clock.now += timedelta(hours=1)
                store.add([incident(f"{hour:02}-{n}") for n in range(3)])
            await until(lambda: notes.failures["siem", "connect"] >= 3)
            assert exports.exporters[0].health().problem == "connect"
            assert exports.exporters[0].lag() > 3600

    async def back():
        async with telling(database, [("siem", sink)], notes, clock=clock) as exports:
            await until(lambda: len(sink.ids) >= 72)
            assert exports.exporters[0].health().problem == ""
            await until(lambda: exports.exporters[0].lag() == 0)
            await asyncio.sleep(0.2)

    asyncio.run(away())
    first = list(sink.ids)
    assert first == []
    for hour in range(12, 24):
        clock.now += timedelta(hours=1)
        store.add([incident(f"{hour:02}-{n}") for n in range(3)])
    sink.failure = None
    asyncio.run(back())
    assert sink.ids == [f"inc-{hour:02}-{n}" for hour in range(24) for n in range(3)]
    store.close()


def test_an_incident_that_is_stored_late_with_an_earlier_time_is_told(database, incident, notes):
    """Two gateways note times before their transactions end; so one appears behind the cursor."""
    clock, sink = Clock(), Fake()
    late = Store.open(database, clock=lambda: clock.now - OVERLAP + timedelta(seconds=5))
    store = Store.open(database, clock=clock)

    async def story():
        async with telling(database, [("siem", sink)], notes, clock=clock):
            clock.now += timedelta(hours=1)
            store.add([incident(1)])
            await until(lambda: sink.ids == ["inc-1"])
            late.add([incident(2)])
            await until(lambda: len(sink.ids) == 2)
            await asyncio.sleep(0.2)

    asyncio.run(story())
    assert sink.ids == ["inc-1", "inc-2"]
    store.close()
    late.close()


def test_a_clock_that_is_ahead_hides_nothing_of_others(database, incident, notes):
    clock, sink = Clock(), Fake()
    ahead = Store.open(database, clock=lambda: clock.now + timedelta(hours=3))
    store = Store.open(database, clock=clock)

    async def story():
        async with telling(database, [("siem", sink)], notes, clock=clock):
            ahead.add([incident(n) for n in range(Fake.batch)])
            await until(lambda: len(sink.ids) == Fake.batch)
            store.add([incident("usual")])
            await until(lambda: "inc-usual" in sink.ids)
            clock.now += timedelta(hours=4)
            store.add([incident("later")])
            await until(lambda: "inc-later" in sink.ids)

    asyncio.run(story())
    assert len(sink.ids) == Fake.batch + 2
    store.close()
    ahead.close()


def test_a_slow_export_slows_no_other(database, store, incident, notes):
    slow, quick = Fake(), Fake()
    slow.wait = 30

    async def story():
        async with telling(database, [("slow", slow), ("quick", quick)], notes):
            store.add([incident(n) for n in range(25)])
            await until(lambda: len(quick.ids) == 25, 5)

    asyncio.run(story())
    assert slow.ids == []


def test_of_two_gateways_one_tells_and_the_other_takes_over(database, store, incident, notes):
    one, two = Fake(), Fake()

    async def story():
        async with telling(database, [("siem", two)], type(notes)(), me="two") as second:
            store.add([incident(0)])
            await until(lambda: two.ids == ["inc-0"])
            async with telling(database, [("siem", one)], type(notes)(), me="one") as first:
                store.add([incident(n) for n in range(1, 30)])
                await until(lambda: len(two.ids) == 30)
                await asyncio.sleep(0.2)
                assert not first.exporters[0].health().telling
                assert one.ids == []
                assert first.exporters[0].lag() == 0
                await second.stop()
                store.add([incident(n) for n in range(30, 40)])
                await until(lambda: len(one.ids) == 10)

    asyncio.run(story())
    assert sorted(one.ids + two.ids) == sorted(f"inc-{n}" for n in range(40))


def test_a_gateway_that_died_is_followed_after_its_lease(database):
    clock = Clock()
    one, two = Ledger.open(database, "one", clock=clock), Ledger.open(database, "two", clock=clock)
    one.begin(["siem"])
    assert one.hold("siem")
    assert not two.hold("siem")
    clock.now += LEASE * 0.8
    assert one.hold("siem")  # renews
    clock.now += LEASE * 0.8
    assert not two.hold("siem")
    clock.now += LEASE * 0.3
    assert two.hold("siem")
    assert not one.hold("siem")
    # What the first one delivered meanwhile is not noted: the second tells it.
    assert not one.told("siem", {"inc-1": clock.now}, clock.now)
    assert two.told("siem", {"inc-1": clock.now}, clock.now)
    one.close()
    two.close()


def test_an_incident_that_alone_is_refused_holds_up_no_other(
    database, store, incident, notes, caplog
):
    sink = Fake()
    sink.poison = {"inc-3"}

    async def story():
        async with telling(database, [("siem", sink)], notes):
            store.add([incident(n) for n in range(6)])
            await until(lambda: notes.counts["siem", "refused"] == 1)
            store.add([incident("next")])
            await until(lambda: "inc-next" in sink.ids)

    with caplog.at_level(logging.ERROR):
        asyncio.run(story())
    assert sorted(sink.ids) == ["inc-0", "inc-1", "inc-2", "inc-4", "inc-5", "inc-next"]
    assert "inc-3" in caplog.text


def test_a_receiver_that_refuses_everything_loses_nothing(database, store, incident, notes):
    sink = Fake()
    sink.poison = {f"inc-{n}" for n in range(6)}

    async def story():
        async with telling(database, [("siem", sink)], notes):
            store.add([incident(n) for n in range(6)])
            await until(lambda: notes.failures["siem", "refused"] >= 3)
            sink.poison = set()
            await until(lambda: len(sink.ids) == 6)

    asyncio.run(story())
    assert notes.counts["siem", "refused"] == 0


def test_what_was_delivered_is_not_told_again_when_the_database_fails_then(
    database, store, incident, notes
):
    sink = Fake()
    failing = True

    async def story():
        nonlocal failing
        async with telling(database, [("siem", sink)], notes) as exports:

            @event.listens_for(exports._ledger.engine, "before_cursor_execute")
            def fail(_, __, statement, *___):
                if failing and "export_told" in statement and statement.startswith("INSERT"):
                    raise OperationalError("", {}, Exception())

            store.add([incident(n) for n in range(4)])
            await until(lambda: notes.failures["siem", "database"] >= 3)
            failing = False
            store.add([incident("next")])
            await until(lambda: "inc-next" in sink.ids)

    asyncio.run(story())
    assert sorted(sink.ids) == ["inc-0", "inc-1", "inc-2", "inc-3", "inc-next"]


@pytest.mark.parametrize("failure", [RuntimeError("canary-text"), ValueError(), MemoryError()])
def test_a_task_outlives_every_error_and_quotes_none(
    database, store, incident, notes, failure, caplog
):
    sink = Fake()
    sink.failure = failure

    async def story():
        async with telling(database, [("siem", sink)], notes):
            store.add([incident(1)])
            await until(lambda: notes.failures["siem", "error"] >= 2)
            sink.failure = None
            await until(lambda: sink.ids == ["inc-1"])

    with caplog.at_level(logging.DEBUG):
        asyncio.run(story())
    assert "canary-text" not in caplog.text


def test_only_what_was_asked_for_is_told(database, store, incident, notes):
    sink = Fake()
    export = an_export(min_severity="high", people="unnamed")

    async def story():
        async with telling(database, [(export, sink)], notes):
            store.add([incident(level.name, severity=level) for level in Severity])
            await until(lambda: len(sink.ids) == 2)
            await asyncio.sleep(0.1)

    asyncio.run(story())
    assert sorted(sink.ids) == ["inc-CRITICAL", "inc-HIGH"]
    assert {(one.actor, one.source_ip) for one in sink.told} == {("", "")}


def test_what_is_remembered_of_the_told_stays_small(database, incident):
    clock = Clock()
    store = Store.open(database, clock=clock)
    ledger = Ledger.open(database, "me", clock=clock)
    ledger.begin(["siem"])
    assert ledger.hold("siem")
    for minute in range(60):
        clock.now += timedelta(minutes=1)
        store.add([incident(f"{minute}-{n}") for n in range(5)])
        ledger.hold("siem")
        page = ledger.waiting("siem", 10)
        assert [one.id for one in page.incidents] == [f"inc-{minute}-{n}" for n in range(5)]
        assert ledger.told("siem", page.stored, page.reached)
    with store.engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT count(*) FROM export_told").scalar_one()
    assert kept <= 5 * (OVERLAP // timedelta(minutes=1) + 1)
    store.close()
    ledger.close()


def test_a_cursor_never_goes_back(database):
    clock = Clock()
    ledger = Ledger.open(database, "me", clock=clock)
    ledger.begin(["siem"])
    ledger.hold("siem")
    ledger.told("siem", {}, NOON + timedelta(hours=1))
    ledger.told("siem", {}, NOON)
    ledger.told("siem", {})
    ledger.begin(["siem"])
    (status,) = ledger.status()
    assert status.reached_at == NOON + timedelta(hours=1)
    ledger.close()


def test_status_counts_what_waits_and_forget_starts_anew(database, incident, monkeypatch):
    monkeypatch.setattr(ledgers, "COUNTED", 5)
    clock = Clock()
    store = Store.open(database, clock=clock)
    ledger = Ledger.open(database, "me", clock=clock)
    ledger.begin(["siem", "other"])
    clock.now += timedelta(minutes=1)
    store.add([incident(1), incident(2, severity=Severity.LOW)])
    found = {one.export: one for one in ledger.status({"siem": Severity.MEDIUM})}
    assert (found["siem"].waiting, found["other"].waiting) == (1, 2)
    assert found["siem"].oldest == clock.now
    store.add([incident(n) for n in range(10, 20)])
    assert {one.waiting for one in ledger.status()} == {5}
    assert ledger.forget("siem")
    assert not ledger.forget("siem")
    clock.now += timedelta(minutes=1)
    ledger.begin(["siem"])
    assert {one.export: one.waiting for one in ledger.status()} == {"siem": 0, "other": 5}
    store.close()
    ledger.close()


@given(failures=st.integers(1, 10**6), asked=st.floats(0, 3600))
def test_pauses_grow_are_bounded_and_honour_what_was_asked(failures, asked):
    pace = Pace()
    pause = pace.after(failures, asked)
    assert asked <= pause <= max(asked, pace.longest)
    assert pause >= min(pace.longest, pace.first * 2.0 ** min(failures - 1, 30)) / 2


def test_the_scrape_shows_how_far_exports_are_behind(database, store, incident):
    meter = Metrics(version="1")
    sink = Fake()
    sink.failure = Undelivered("auth")

    async def story():
        async with telling(database, [("siem", sink)], meter) as exports:
            store.add([incident(1)])
            await until(lambda: exports.exporters[0].health().failures > 1)
            await asyncio.sleep(0.05)
            exports.report()

    asyncio.run(story())
    text = meter.exposition()[0].decode()
    assert 'leakgate_exported_total{result="delivered",sink="siem"} 0.0' in text
    assert 'leakgate_export_failures_total{cause="auth",sink="siem"}' in text
    lag = next(line for line in text.splitlines() if line.startswith("leakgate_export_lag"))
    assert float(lag.split()[-1]) > 0
