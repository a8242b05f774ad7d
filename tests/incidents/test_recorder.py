from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from gateway.database.schema import migrate
from gateway.incidents.recorder import Recorder
from gateway.incidents.spool import Spool, SpoolFull
from gateway.incidents.store import Store
from gateway.metrics import NullMeter

MIB = 1 << 20


class Notes(NullMeter):
    """A meter that notes what it was told."""

    def __init__(self) -> None:
        self.stored = 0
        self.failures: list[str] = []
        self.aside: list[str] = []
        self.depth = (-1, -1, -1)

    def incidents_stored(self, count: int) -> None:
        self.stored += count

    def incident_write_failed(self, cause: str) -> None:
        self.failures.append(cause)

    def incidents_set_aside(self, kind: str, count: int) -> None:
        self.aside += [kind] * count

    def spool(self, *, records: int, size: int, capacity: int) -> None:
        self.depth = (records, size, capacity)


class Fake:
    """A store in memory that fails as long as `error` is set."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.batches: list[int] = []
        self.error: Exception | None = None

    def add(self, incidents):
        self.batches.append(len(incidents))
        if self.error is not None:
            raise self.error
        fresh = [one.id for one in incidents if one.id not in self.ids]
        self.ids += fresh
        return len(fresh)


def until(condition, seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def meter():
    return Notes()


@pytest.fixture
def spool(tmp_path):
    opened = Spool.open(tmp_path / "spool", MIB)
    yield opened
    opened.close()


@pytest.fixture
def start(spool, meter):
    """Start recorders with short pauses; all are stopped at the end."""
    running: list[Recorder] = []

    def begin(store, **options) -> Recorder:
        short = {"idle": 0.01, "first_pause": 0.01, "longest_pause": 0.1}
        recorder = Recorder(spool, store, meter=meter, **(short | options))
        recorder.start()
        running.append(recorder)
        return recorder

    yield begin
    for recorder in running:
        recorder.stop(timeout=1)


def test_what_is_recorded_reaches_the_store_in_batches(start, meter, incident):
    store = Fake()
    recorder = start(store, batch=10, idle=0.05)
    for n in range(35):
        recorder.record(incident(n))
    assert recorder.flush(timeout=5)
    assert store.ids == [f"inc-{n}" for n in range(35)]
    assert max(store.batches) <= 10
    assert recorder.health().stored == meter.stored == 35
    assert until(lambda: meter.depth == (0, 0, MIB))


def test_recording_never_waits_for_the_database(start, incident):
    gate = threading.Event()

    class Slow(Fake):
        def add(self, incidents):
            gate.wait(10)
            return super().add(incidents)

    store = Slow()
    recorder = start(store)
    recorder.record(incident(0))
    time.sleep(0.05)
    begun = time.perf_counter()
    for n in range(1, 51):
        recorder.record(incident(n))
    assert time.perf_counter() - begun < 1.0
    assert store.ids == []
    gate.set()
    assert recorder.flush(timeout=5)
    assert len(store.ids) == 51


def test_a_full_spool_is_told_to_the_caller_and_the_meter(tmp_path, meter, incident):
    spool = Spool.open(tmp_path / "small", 100)
    recorder = Recorder(spool, Fake(), meter=meter)
    with pytest.raises(SpoolFull):
        recorder.record(incident())
    spool.close()
    with pytest.raises(OSError, match="closed"):
        recorder.record(incident())
    assert meter.failures == ["spool_full", "spool_error"]


def test_a_database_that_is_away_is_tried_again_with_growing_pauses(start, meter, incident):
    store = Fake()
    store.error = OperationalError("INSERT", {}, Exception("away"))
    recorder = start(store)
    recorder.record(incident(1))
    assert until(lambda: recorder.health().failures >= 4)
    health = recorder.health()
    assert health.running
    assert "OperationalError" in health.problem
    assert health.depth.records == 1
    assert set(meter.failures) == {"database_away"}
    store.error = None
    assert recorder.flush(timeout=5)
    assert until(lambda: recorder.health().problem == "")
    assert store.ids == ["inc-1"]


def test_while_the_database_is_away_what_arrives_is_forced_to_disk(
    start, spool, incident, monkeypatch
):
    from gateway.incidents import recorder as module

    monkeypatch.setattr(module, "SYNC_SECONDS", 0.02)
    synced: list[int] = []
    real = spool.sync
    monkeypatch.setattr(spool, "sync", lambda: (synced.append(spool.depth().records), real()))
    store = Fake()
    store.error = OperationalError("INSERT", {}, Exception("away"))
    recorder = start(store, first_pause=30.0, longest_pause=30.0)
    recorder.record(incident(1))
    assert until(lambda: recorder.health().failures == 1)
    recorder.record(incident(2))
    # Long before the next try.
    assert until(lambda: 2 in synced, 5)
    assert recorder.health().failures == 1
    assert not spool._unflushed


def test_an_unexpected_error_does_not_end_the_thread(start, incident):
    store = Fake()
    store.error = RuntimeError("never seen before")
    recorder = start(store)
    recorder.record(incident(1))
    assert until(lambda: recorder.health().failures >= 2)
    assert recorder.health().running
    store.error = None
    assert recorder.flush(timeout=5)


def test_preparation_is_repeated_until_it_succeeds_and_nothing_is_stored_before(start, incident):
    store = Fake()
    tries: list[int] = []

    def prepare() -> None:
        tries.append(len(store.ids))
        if len(tries) < 3:
            raise OperationalError("CREATE", {}, Exception("away"))

    recorder = start(store, prepare=prepare)
    assert not recorder.health().ready
    recorder.record(incident(1))
    assert recorder.flush(timeout=5)
    assert recorder.health().ready
    assert tries == [0, 0, 0]


def test_stopping_stores_what_waits(start, incident):
    store = Fake()
    recorder = start(store, idle=30.0, batch=7)
    time.sleep(0.05)
    for n in range(50):
        recorder.record(incident(n))
    assert recorder.stop(timeout=5)
    assert len(store.ids) == 50
    assert not recorder.health().running


def test_stopping_while_the_database_is_away_is_quick_and_leaves_all_for_the_next(
    tmp_path, incident
):
    directory = tmp_path / "spool"
    spool = Spool.open(directory, MIB)
    store = Fake()
    store.error = OperationalError("INSERT", {}, Exception("away"))
    recorder = Recorder(spool, store, first_pause=30.0)
    recorder.start()
    recorder.record(incident(1))
    begun = time.monotonic()
    assert not recorder.stop(timeout=5)
    assert time.monotonic() - begun < 2.0
    spool.close()

    store.error = None
    spool = Spool.open(directory, MIB)
    recorder = Recorder(spool, store, idle=0.01)
    recorder.start()
    assert recorder.flush(timeout=5)
    assert recorder.stop()
    assert store.ids == ["inc-1"]
    spool.close()


def test_starting_twice_is_a_mistake(start):
    recorder = start(Fake())
    with pytest.raises(RuntimeError, match="running already"):
        recorder.start()


# --- with real databases -------------------------------------------------------------------------


def test_an_incident_that_the_database_refuses_is_set_aside_and_blocks_nobody(  # fixtures
    migrated_url, start, spool, meter, incident, caplog
):
    store = Store.open(migrated_url)
    canary = "canary-" + "41d8" * 4
    recorder = start(store, idle=0.2)
    time.sleep(0.05)
    recorder.record(incident(1))
    recorder.record(incident(2, actor=canary, inspected=1 << 90))
    recorder.record(incident(3))
    assert recorder.flush(timeout=10)
    assert {one.id for one in store.list()} == {"inc-1", "inc-3"}
    assert meter.aside == ["rejected"]
    assert spool.depth().corrupt == 1
    (aside,) = spool.directory.glob("*.corrupt")
    assert b'"id":"inc-2"' in aside.read_bytes()
    assert "inc-2" in caplog.text
    assert canary not in caplog.text
    recorder.stop()
    store.close()


def test_a_fault_of_the_database_itself_sets_nothing_aside(url, start, meter, incident):
    store = Store.open(url)  # no tables yet
    recorder = start(store)
    recorder.record(incident(1))
    assert until(lambda: recorder.health().failures >= 2)
    assert meter.aside == []
    migrate(url)
    assert recorder.flush(timeout=10)
    assert store.get("inc-1") == incident(1)
    recorder.stop()
    store.close()


def test_postgresql_stopped_and_started_again_loses_and_doubles_nothing(
    postgres, start, meter, incident
):
    url = postgres.create("outage")
    migrate(url)
    store = Store.open(url)
    recorder = start(store, batch=5)
    stop = threading.Event()
    written: list[str] = []

    def write() -> None:
        number = 0
        while not stop.is_set():
            recorder.record(incident(number))
            written.append(f"inc-{number}")
            number += 1
            time.sleep(0.003)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(2):
            assert until(lambda: meter.stored > 0)
            # What other tests wrote is not to be recovered now: the spool fills meanwhile.
            postgres.checkpoint()
            postgres.stop("immediate")  # no farewell: as after a crash
            assert until(lambda: recorder.health().failures >= 2)
            behind = len(written)
            assert until(lambda behind=behind: len(written) > behind + 20)
            postgres.start()
            assert until(lambda: recorder.health().failures == 0)
            meter.stored = 0
    finally:
        stop.set()
        writer.join()
        if not postgres.running:
            postgres.start()
    assert recorder.flush(timeout=15)
    with store.engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT id FROM incidents").scalars().all()
    assert sorted(stored) == sorted(written)
    assert "database_away" in meter.failures
    assert meter.aside == []
    recorder.stop()
    store.close()


def test_no_content_of_an_error_reaches_the_log(postgres, start, incident, caplog):
    caplog.set_level(logging.DEBUG)
    canary = "canary-" + "be02" * 4
    url = postgres.create("logged")
    migrate(url)
    store = Store.open(url)
    with store.engine.begin() as connection:
        # PostgreSQL quotes the failing row in its error's detail.
        connection.exec_driver_sql(
            "ALTER TABLE incidents ADD CHECK (actor <> 'x' AND id <> 'inc-1')"
        )
    recorder = start(store)
    recorder.record(incident(1, actor=canary))
    assert recorder.flush(timeout=10)
    assert "IntegrityError" in caplog.text
    assert canary not in caplog.text
    recorder.stop()
    store.close()


def test_an_abandoned_neighbour_is_found_while_running(tmp_path, incident, monkeypatch):
    from gateway.incidents import recorder as module

    monkeypatch.setattr(module, "ADOPT_SECONDS", 0.05)
    directory: Path = tmp_path / "spool"
    neighbour, spool = Spool.open(directory, MIB), Spool.open(directory, MIB)
    neighbour.append(incident(7))
    store = Fake()
    recorder = Recorder(spool, store, idle=0.01)
    recorder.start()
    time.sleep(0.15)
    assert store.ids == []
    os.close(neighbour._own.lock)  # what the kernel does when a process dies
    assert until(lambda: store.ids == ["inc-7"])
    recorder.stop()
    spool.close()
