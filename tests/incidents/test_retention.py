from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from gateway.audit.log import Log
from gateway.database.engines import open_engine
from gateway.incidents.counts import Counts
from gateway.incidents.filters import Filters, counted
from gateway.incidents.housekeeping import Housekeeper
from gateway.incidents.retention import FIRST, House, Pace, Retention
from gateway.incidents.states import Change
from gateway.incidents.store import Store
from gateway.incidents.tables import EvidenceRow
from gateway.incidents.work import Work
from gateway.model import Severity

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = bytes(range(32))
DAY = timedelta(days=1)
ALL = dict.fromkeys(Severity, 30 * DAY)


class Clock:
    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(migrated_url, clock):
    opened = Store.open(migrated_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def house(store, clock):
    def make(retention=None, me="one", batch=500):
        log = Log(store.engine, KEY, clock=clock)
        made = House(
            store.engine,
            log,
            retention or Retention(),
            me=me,
            clock=clock,
            timer=lambda: 0.0,
            batch=batch,
        )
        made.hold()
        return made

    return make


def all_of(house):
    steps = []
    while done := house.step():
        steps.append(done)
    return steps


def left(store, **filters):
    return {one.id for one in store.list(Filters(**filters))}


def test_incidents_go_by_the_severity_that_counts(store, house, incident, clock):
    ages = {"new": 1, "old": 100}
    store.add(
        incident(f"{severity.name.lower()}-{word}", severity=severity, at=NOON - age * DAY)
        for severity in (Severity.LOW, Severity.HIGH)
        for word, age in ages.items()
    )
    store.add([incident("raised", severity=Severity.LOW, at=NOON - 100 * DAY)])
    work = Work(store.engine, Log(store.engine, KEY, clock=clock), clock=clock)
    work.bulk(["inc-raised"], Change(severity=Severity.CRITICAL), who="ann")
    assert all_of(house(Retention({Severity.LOW: 30 * DAY}))) == [1]
    assert left(store) == {"inc-low-new", "inc-high-new", "inc-high-old", "inc-raised"}
    (entry,) = Log(store.engine, KEY).list(action="retention.purged")
    assert entry.detail == {"incidents": "1"}


def test_it_goes_in_small_steps_and_is_noted_once(store, house, incident):
    store.add(incident(n, at=NOON - 40 * DAY) for n in range(25))
    keeper = house(Retention(ALL), batch=10)
    assert all_of(keeper)[:3] == [10, 10, 5]
    assert len(Log(store.engine, KEY).list(action="retention.purged")) == 1
    assert all_of(keeper) == []
    assert len(Log(store.engine, KEY).list()) == 1
    assert left(store) == set()


def test_a_step_takes_what_goes_in_a_tenth_of_a_second():
    pace = Pace(1000)
    assert pace.rows == FIRST
    for _ in range(3):
        pace.took(pace.rows, 0.001)
    assert pace.rows == 8 * FIRST, "more bit by bit"
    pace.took(pace.rows, 4.0)
    assert pace.rows == FIRST // 5, "less at once"
    pace.took(3, 0.001)
    assert pace.rows == FIRST // 5, "three rows tell nothing of more"
    pace.took(0, 4.0)
    assert pace.rows == FIRST // 5, "neither does looking"
    pace.took(1, 100.0)
    assert pace.rows == 1
    for _ in range(20):
        pace.took(pace.rows, 0.0)
    assert pace.rows == 1000
    assert Pace(7).rows == 7


def test_steps_get_shorter_on_a_slow_database(store, house, incident):
    store.add(incident(n, at=NOON - 40 * DAY) for n in range(120))
    keeper, now = house(Retention(ALL)), [0.0]

    def slow(many):
        done = keeper._store.purge(NOON - 30 * DAY, limit=many)
        now[0] += done * 0.01
        return done

    keeper._timer = lambda: now[0]
    keeper._steps = {"incidents": slow}
    assert all_of(keeper) == [50, 10, 10, 10, 10, 10, 10, 10]


def test_without_retention_everything_stays(store, house, incident):
    store.add([incident(1, at=NOON - 4000 * DAY)])
    assert all_of(house()) == []
    assert left(store) == {"inc-1"}


def test_evidence_goes_before_its_incident(store, house, incident):
    store.add([incident(1, at=NOON - 10 * DAY), incident(2, at=NOON)])
    with store.engine.begin() as connection:
        for n, age in ((1, 10), (2, 0)):
            connection.execute(
                insert(EvidenceRow).values(
                    incident_id=f"inc-{n}", position=0, at=NOON - age * DAY, key="k", sealed=b"x"
                )
            )
    assert all_of(house(Retention(evidence=7 * DAY))) == [1]
    assert left(store) == {"inc-1", "inc-2"}
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql(
            "SELECT incident_id FROM incident_evidence"
        ).scalars().all() == ["inc-2"]


def test_repeats_go_when_no_incident_could_tell_of_them(store, house, incident):
    store.add([incident(1, at=NOON - 40 * DAY), incident(2, at=NOON - 20 * DAY)])
    counts = Counts(store.engine)
    assert {each.count for each in counts.repeats(at_least=1)} == {2}
    all_of(house(Retention(ALL)))
    assert {each.count for each in counts.repeats(at_least=1)} == {2}, "met 20 days ago"
    all_of(house(Retention(dict.fromkeys(Severity, 10 * DAY))))
    assert counts.repeats(at_least=1) == ()
    assert all_of(house(Retention({Severity.LOW: DAY}))) == []


def test_the_audit_log_is_purged_and_stays_whole(store, house, clock):
    log = Log(store.engine, KEY, clock=clock)
    for _ in range(5):
        log.note("ann", "incident.changed")
    clock.now += 100 * DAY
    log.note("ann", "incident.changed")
    assert all_of(house(Retention(audit=30 * DAY), batch=3)) == [3, 2]
    assert [entry.action for entry in log.list()] == ["retention.purged", "incident.changed"]
    assert log.verify().whole


def test_what_older_gateways_stored_is_taken_in(store, house, incident, clock):
    store.add([incident(n) for n in range(7)])
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM incident_work WHERE incident_id <> 'inc-3'")
    assert counted(store.engine, Filters(assignee="")) == 1
    keeper = house(batch=2)
    assert all_of(keeper) == [2, 2, 2]
    assert counted(store.engine, Filters(assignee="")) == 7
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE incident_chores SET reached_at = '2000-01-01 00:00:00+00'"
        )
    assert all_of(keeper) == [], "all have their row: looked at, and nothing done"
    clock.now += timedelta(hours=1)
    store.add([incident(9)])
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM incident_work WHERE incident_id = 'inc-9'")
    assert all_of(keeper) == [1]


def test_many_incidents_are_looked_at_in_pieces(store, house, incident, clock):
    for n in range(90):
        clock.now += timedelta(minutes=n % 3)
        store.add([incident(n)])
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            "DELETE FROM incident_work WHERE incident_id IN ('inc-0', 'inc-50', 'inc-51', 'inc-89')"
        )
    # Twenty at a time: the first lacks its row; none; the 51st; from there the next; the rest.
    assert all_of(house(batch=1)) == [1, 20, 1, 1, 1]
    assert counted(store.engine, Filters(assignee="")) == 90


def test_one_gateway_keeps_house_until_it_dies_or_hands_over(house, clock):
    one, two = house(me="one"), house(me="two")
    assert one.hold()
    assert not two.hold()
    clock.now += timedelta(seconds=80)
    assert one.hold(), "it stays"
    clock.now += timedelta(seconds=80)
    assert not two.hold()
    clock.now += timedelta(seconds=11)
    assert two.hold(), "the first one died"
    assert not one.hold()
    two.release()
    assert one.hold()
    two.release()
    assert one.hold(), "only who holds it gives it away"


def test_two_gateways_at_once_purge_everything_once(migrated_url, store, incident):
    store.add(incident(n, at=NOON - 40 * DAY) for n in range(60))
    kept = Retention(ALL)
    gone = {}

    def run(me):
        engine = open_engine(migrated_url)
        house = House(engine, Log(engine, KEY), kept, me=me, clock=lambda: NOON)
        gone[me] = 0
        until = time.monotonic() + 20
        while time.monotonic() < until and left(store):
            # Also without the lease, as when it ran out meanwhile: nothing breaks, nothing is twice.
            if house.hold() or me == "careless":
                gone[me] += house._purge_incidents(7)
        engine.dispose()

    threads = [threading.Thread(target=run, args=(me,)) for me in ("one", "careless")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert left(store) == set()
    assert sum(gone.values()) == 60


def test_what_somebody_works_on_is_passed_over(migrated_url, store, house, incident, clock):
    if not migrated_url.startswith("postgresql"):
        pytest.skip("SQLite has one writer at a time")
    store.add([incident(1, at=NOON - 40 * DAY), incident(2, at=NOON - 40 * DAY)])
    keeper = house(Retention(ALL))
    with store.engine.begin() as busy:
        busy.exec_driver_sql("SELECT 1 FROM incidents WHERE id = 'inc-1' FOR KEY SHARE")
        assert keeper._purge_incidents(500) == 1
        assert left(store) == {"inc-1"}
    assert keeper._purge_incidents(500) == 1


def test_the_thread_purges_outlives_errors_and_hands_over(migrated_url, store, incident, caplog):
    store.add(incident(n, at=NOON - 40 * DAY) for n in range(5))
    log = Log(store.engine, KEY)
    failing = [True]

    class Flaky(House):
        def step(self):
            if failing:
                failing.pop()
                raise RuntimeError("a row quoted here must not be logged")
            return super().step()

    house = Flaky(store.engine, log, Retention(ALL), me="one", batch=2)
    keeper = Housekeeper(house, log, look=0.01, breath=0.0)
    with caplog.at_level("INFO"):
        keeper.start()
        until = time.monotonic() + 20
        while time.monotonic() < until and not log.list(action="retention.purged"):
            time.sleep(0.01)
        keeper.stop(timeout=10)
    assert left(store) == set()
    assert "RuntimeError" in caplog.text
    assert "quoted" not in caplog.text
    assert "audit log at 0:" in caplog.text
    assert House(store.engine, log, Retention(), me="two").hold()
