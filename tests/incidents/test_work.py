from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from gateway.audit.chain import AuditError
from gateway.audit.log import Log
from gateway.incidents.filters import Filters, Place, counted
from gateway.incidents.record import FiredRule
from gateway.incidents.states import (
    Change,
    Resolution,
    StaleEdit,
    Status,
    TooMany,
    UnknownIncident,
    WorkError,
)
from gateway.incidents.store import Store
from gateway.incidents.work import Work
from gateway.model import Severity, Verdict

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = bytes(range(32))


@pytest.fixture
def store(migrated_url, incident):
    opened = Store.open(migrated_url, clock=lambda: NOON)
    opened.add([incident(n, at=NOON - timedelta(minutes=n)) for n in range(6)])
    yield opened
    opened.close()


@pytest.fixture
def work(store):
    return Work(store.engine, Log(store.engine, KEY, clock=lambda: NOON), clock=lambda: NOON)


def ids(store, **filters):
    return [one.id for one in store.list(Filters(**filters))]


def test_a_new_incident_is_open_and_nobodys(work):
    state = work.state("inc-1")
    assert (state.status, state.assignee, state.resolution) == (Status.OPEN, "", None)
    assert state.severity is state.recorded is Severity.HIGH
    assert (state.version, state.changed_by) == (0, "")
    with pytest.raises(UnknownIncident, match="`none`"):
        work.state("none")


def test_an_incident_is_taken_closed_and_opened_again(work):
    taken = work.change(
        "inc-1",
        Change(status=Status.IN_PROGRESS, assignee="ann", severity=Severity.LOW),
        who="ann",
        version=0,
    )
    assert (taken.status, taken.assignee, taken.severity) == (
        Status.IN_PROGRESS,
        "ann",
        Severity.LOW,
    )
    closed = work.change("inc-1", Change(resolution=Resolution.DUPLICATE), who="bob", version=1)
    assert (closed.status, closed.resolution) == (Status.CLOSED, Resolution.DUPLICATE)
    opened = work.change("inc-1", Change(status=Status.OPEN), who="ann", version=2)
    assert (opened.status, opened.resolution, opened.version) == (Status.OPEN, None, 3)
    assert opened.changed_by == "ann"
    assert work.state("inc-1") == opened
    history = work.history("inc-1")
    assert [(entry.who, dict(entry.detail)) for entry in reversed(history)] == [
        (
            "ann",
            {"status": "open > in_progress", "assignee": "none > ann", "severity": "high > low"},
        ),
        ("bob", {"status": "in_progress > closed", "resolution": "none > duplicate"}),
        ("ann", {"status": "closed > open", "resolution": "duplicate > none"}),
    ]


def test_what_was_recorded_never_changes(work, store, incident):
    work.change("inc-1", Change(severity=Severity.LOW), who="ann", version=0)
    assert store.get("inc-1") == incident(1, at=NOON - timedelta(minutes=1))


def test_a_change_on_top_of_one_that_was_not_seen_is_refused(work):
    work.change("inc-1", Change(assignee="ann"), who="ann", version=0)
    with pytest.raises(StaleEdit, match="by `ann`") as caught:
        work.change("inc-1", Change(assignee="bob"), who="bob", version=0)
    assert caught.value.state.assignee == "ann"
    assert work.state("inc-1").assignee == "ann"
    assert len(work.history("inc-1")) == 1


def test_a_change_that_changes_nothing_is_no_change(work):
    state = work.change("inc-1", Change(status=Status.OPEN), who="ann", version=0)
    assert state.version == 0
    assert work.history("inc-1") == ()


@pytest.mark.parametrize(
    ("change", "fix"),
    [
        (Change(status=Status.CLOSED), "closed with a `resolution`"),
        (Change(status=Status.OPEN, resolution=Resolution.TEST), "leave `status` out"),
        (Change(resolution=Resolution.TEST, rules=("block-ssn",)), "true or a false positive"),
        (Change(resolution=Resolution.FALSE_POSITIVE, rules=("other",)), "`other` did not fire"),
        (Change(resolution=Resolution.FALSE_POSITIVE, rules=()), "name at least one"),
        (Change(assignee="a" * 257), "`assignee` is over"),
        (Change(add_labels=frozenset({" "})), "printable"),
        (Change(add_labels=frozenset({"a"}), remove_labels=frozenset({"a"})), "at once"),
        (Change(add_labels=frozenset(map(str, range(21)))), "at most 20"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_with_the_fix(work, change, fix):
    with pytest.raises(WorkError, match=fix):
        work.change("inc-1", change, who="ann", version=0)
    assert work.state("inc-1").version == 0
    assert work.audit.head().seq == 0


def test_nothing_changes_when_it_cannot_be_noted(work):
    with pytest.raises(AuditError, match="who"):
        work.change("inc-1", Change(assignee="ann"), who="", version=0)
    with pytest.raises(AuditError, match="`reason`"):
        work.bulk(["inc-1"], Change(assignee="ann"), who="ann", reason="r" * 1001)
    assert work.state("inc-1").assignee == ""


def test_labels_are_put_on_and_taken_off(work, store):
    state = work.change("inc-1", Change(add_labels=frozenset({"hr", "q3"})), who="ann", version=0)
    assert state.labels == {"hr", "q3"}
    assert ids(store, label="hr") == ["inc-1"]
    state = work.change(
        "inc-1",
        Change(add_labels=frozenset({"q4"}), remove_labels=frozenset({"hr"})),
        who="ann",
        version=1,
    )
    assert work.state("inc-1").labels == state.labels == {"q3", "q4"}
    assert work.history("inc-1")[0].detail == {"labels": "+q4 -hr"}
    assert ids(store, label="hr") == []


def test_notes_are_numbered_and_bounded(work):
    work.note("inc-1", "first\r\nline", who="ann")
    second = work.note("inc-1", " second\x00 ", who="bob")
    assert (second.number, second.text) == (2, "second")
    assert [(note.who, note.text) for note in work.notes("inc-1")] == [
        ("ann", "first\nline"),
        ("bob", "second"),
    ]
    assert "second" not in str(work.history("inc-1")), "the log knows of notes, not what they say"
    for text, fix in (("  ", "empty"), ("x" * 4001, "over 4000")):
        with pytest.raises(WorkError, match=fix):
            work.note("inc-1", text, who="ann")
    with pytest.raises(UnknownIncident):
        work.note("none", "text", who="ann")


def test_filters_speak_of_the_work(work, store):
    work.change("inc-1", Change(assignee="ann", severity=Severity.CRITICAL), who="a", version=0)
    work.change("inc-2", Change(resolution=Resolution.TEST), who="a", version=0)
    work.change("inc-3", Change(status=Status.IN_PROGRESS), who="a", version=0)
    assert ids(store, status=Status.OPEN) == ["inc-0", "inc-1", "inc-4", "inc-5"]
    assert ids(store, status=Status.OPEN, assignee="") == ["inc-0", "inc-4", "inc-5"]
    assert ids(store, resolution=Resolution.TEST) == ["inc-2"]
    assert ids(store, min_severity=Severity.CRITICAL) == ["inc-1"]
    assert ids(store, status=Status.IN_PROGRESS, since=NOON - timedelta(minutes=2)) == []
    first = store.list(Filters(status=Status.OPEN), limit=2)
    rest = store.list(
        Filters(status=Status.OPEN), limit=9, before=Place(first[-1].at, first[-1].id)
    )
    assert [one.id for one in (*first, *rest)] == ["inc-0", "inc-1", "inc-4", "inc-5"]
    assert counted(store.engine, Filters(status=Status.OPEN)) == 4
    assert counted(store.engine, Filters(status=Status.OPEN), most=3) == 3


def test_a_bulk_action_is_bounded_and_tells_what_it_did(work, store):
    with pytest.raises(TooMany, match="more than 3"):
        work.bulk(Filters(), Change(assignee="ann"), who="ann", most=3)
    assert work.audit.head().seq == 0
    work.change("inc-1", Change(assignee="ann"), who="ann", version=0)
    done = work.bulk(Filters(), Change(assignee="ann"), who="ann", most=6)
    assert (done.changed, done.unchanged, done.missing) == (5, 1, 0)
    named = work.bulk(
        ["inc-1", "inc-1", "none"], Change(resolution=Resolution.TEST), who="b", reason="drill"
    )
    assert (named.changed, named.unchanged, named.missing) == (1, 0, 1)
    assert work.history("inc-1")[0].reason == "drill"
    assert work.audit.head().seq == 7


def test_each_rule_is_judged_by_the_verdicts_on_its_incidents(work, store, incident):
    two = (
        FiredRule("block-ssn", "enforce", Verdict.REDACT, Severity.HIGH),
        FiredRule("log-mail", "monitor", Verdict.BLOCK, Severity.LOW),
    )
    assert store.get("inc-1").rules == two
    wrong, right = Resolution.FALSE_POSITIVE, Resolution.TRUE_POSITIVE
    work.bulk(["inc-1", "inc-2"], Change(resolution=right), who="ann")
    work.change("inc-3", Change(resolution=wrong, rules=("log-mail",)), who="ann", version=0)
    work.change("inc-4", Change(resolution=Resolution.DUPLICATE), who="ann", version=0)
    found = {each.rule: each for each in work.precision()}
    assert (found["block-ssn"].true_positives, found["block-ssn"].false_positives) == (2, 0)
    assert found["log-mail"].precision == pytest.approx(2 / 3)
    assert [each.rule for each in work.precision()] == ["log-mail", "block-ssn"]
    # A verdict that is taken back no longer counts, and another takes its place.
    work.change("inc-1", Change(status=Status.OPEN), who="ann", version=1)
    work.change("inc-2", Change(resolution=wrong), who="ann", version=1)
    found = {each.rule: each for each in work.precision(since=NOON - timedelta(hours=1))}
    assert (found["block-ssn"].true_positives, found["block-ssn"].false_positives) == (0, 1)
    assert work.precision(until=NOON - timedelta(hours=1)) == ()


def test_an_incident_that_an_older_gateway_stored_can_be_worked_on(work, store):
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM incident_work")
    assert work.state("inc-1").status is Status.OPEN
    assert work.change("inc-1", Change(assignee="ann"), who="ann", version=0).version == 1
    assert work.bulk(["inc-2"], Change(assignee="ann"), who="ann").changed == 1


def test_the_work_goes_with_the_incident(work, store):
    work.change(
        "inc-5",
        Change(resolution=Resolution.TRUE_POSITIVE, add_labels=frozenset({"x"})),
        who="ann",
        version=0,
    )
    work.note("inc-5", "text", who="ann")
    assert store.purge(NOON - timedelta(minutes=4, seconds=30)) == 1
    with store.engine.connect() as connection:
        for table in ("incident_work", "incident_labels", "incident_notes", "incident_judgements"):
            query = f"SELECT count(*) FROM {table} WHERE incident_id = 'inc-5'"
            assert connection.exec_driver_sql(query).scalar_one() == 0


def test_two_replicas_that_change_at_once_lose_nothing(migrated_url, store):
    """Each change of the same incident is either seen by the other or refused as stale."""
    done: list[int] = []
    stale: list[int] = []

    def run(name: str) -> None:
        own = Store.open(migrated_url)
        mine = Work(own.engine, Log(own.engine, KEY))
        for _ in range(8):
            state = mine.state("inc-1")
            wanted = Change(assignee=f"{name}-{state.version}")
            try:
                done.append(mine.change("inc-1", wanted, who=name, version=state.version).version)
            except StaleEdit:
                stale.append(state.version)
        own.close()

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) + len(stale) == 16
    assert sorted(done) == list(range(1, len(done) + 1))
    report = Log(store.engine, KEY).verify()
    assert (report.checked, report.troubles) == (len(done), ())
