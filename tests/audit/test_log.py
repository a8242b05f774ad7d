"""The audit log on both databases, and what `verify` says when rows are changed by hand."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update

from gateway.audit.chain import FIRST, AuditError, Head, entry_seal
from gateway.audit.keeping import Seen
from gateway.audit.log import Log
from gateway.audit.tables import AuditRow
from gateway.database.engines import open_engine

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
COPY, OF_LAST = "INSERT INTO audit_log SELECT", "FROM audit_log WHERE seq = 9"
KEY, OTHER = bytes(range(32)), bytes(32)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def engine(migrated_url):
    opened = open_engine(migrated_url)
    yield opened
    opened.dispose()


@pytest.fixture
def seen(tmp_path):
    return Seen(tmp_path / "audit.seen")


@pytest.fixture
def log(engine, seen):
    """Nine entries."""
    log = Log(engine, KEY, seen=seen, clock=Clock())
    for number in range(1, 10):
        log.note(
            "ann" if number % 2 else "bob",
            "incident.changed" if number < 6 else "unmask.asked",
            target=f"inc-{number % 3}",
            reason=f"reason {number}",
            detail={"status": "open > closed"},
        )
    return log


def kinds(report):
    return {trouble.kind for trouble in report.troubles}


def by_hand(engine, *statements):
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_an_empty_log_is_whole(engine):
    report = Log(engine, KEY).verify()
    assert report.whole
    assert (report.checked, report.head) == (0, Head(0, FIRST))


def test_what_was_written_is_listed_and_verified(log):
    report = log.verify()
    assert report.whole
    assert (report.checked, report.head.seq, report.uncovered) == (9, 9, 0)
    newest, *_ = entries = log.list()
    assert [entry.seq for entry in entries] == list(range(9, 0, -1))
    assert (newest.who, newest.action, newest.target) == ("ann", "unmask.asked", "inc-0")
    assert newest.detail == {"status": "open > closed"}
    assert [entry.seq for entry in log.list(target="inc-1")] == [7, 4, 1]
    assert [entry.seq for entry in log.list(who="bob", before=8, limit=2)] == [6, 4]
    assert [entry.seq for entry in log.list(action="unmask.*", since=newest.at)] == [9]
    assert [entry.seq for entry in log.list(action="unmask.asked", until=newest.at)] == [8, 7, 6]
    assert log.list(action="unmask.a_*") == ()
    with pytest.raises(ValueError, match="limit"):
        log.list(limit=0)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "'2026-03-01 13:00:00+00:00'"),
        ("who", "'eve'"),
        ("action", "'incident.noted'"),
        ("target", "'inc-9'"),
        ("reason", "''"),
        ("detail", "'{}'"),
        ("detail", '\'{"status": "open > closed"}\''),  # the same to a reader of JSON
    ],
)
@pytest.mark.parametrize("seq", [1, 5, 9])
def test_an_altered_entry_is_found(log, engine, column, value, seq):
    by_hand(engine, f"UPDATE audit_log SET {column} = {value} WHERE seq = {seq}")
    report = log.verify()
    assert kinds(report) == {"altered"}
    assert {trouble.seq for trouble in report.troubles} == {seq}


@pytest.mark.parametrize(
    ("statements", "kind", "seq"),
    [
        (["DELETE FROM audit_log WHERE seq = 1"], "removed", 2),
        (["DELETE FROM audit_log WHERE seq IN (4, 5)"], "removed", 6),
        (["DELETE FROM audit_log WHERE seq >= 9"], "cut off", 8),
        (["DELETE FROM audit_log"], "cut off", 0),
        (["DELETE FROM audit_head"], "head", 0),
        (["DELETE FROM audit_log", "DELETE FROM audit_head"], "head", 0),
        (["DELETE FROM audit_log WHERE seq = 9", "UPDATE audit_head SET seq = 8"], "head", 0),
        (["UPDATE audit_head SET floor_seq = 3", "DELETE FROM audit_log WHERE seq < 4"], "head", 0),
        (["UPDATE audit_head SET key = 'x'"], "head", 0),
        # Removed, and the gap closed.
        (
            [
                "DELETE FROM audit_log WHERE seq = 5",
                "UPDATE audit_log SET seq = 5 WHERE seq = 6",
                "UPDATE audit_log SET seq = 6 WHERE seq = 7",
                "UPDATE audit_log SET seq = 7 WHERE seq = 8",
                "UPDATE audit_log SET seq = 8 WHERE seq = 9",
                "UPDATE audit_head SET seq = 8",
            ],
            "altered",
            5,
        ),
        # Two change places, and hang on each other rightly.
        (
            [
                "UPDATE audit_log SET seq = 100 WHERE seq = 4",
                "UPDATE audit_log SET seq = 4 WHERE seq = 5",
                "UPDATE audit_log SET seq = 5 WHERE seq = 100",
            ],
            "altered",
            4,
        ),
        # One is put behind the end, and one before the beginning.
        (
            [f"{COPY} 10, at, who, action, target, reason, detail, seal, before {OF_LAST}"],
            "inserted",
            10,
        ),
        (
            [f"{COPY} 0, at, who, action, target, reason, detail, seal, before {OF_LAST}"],
            "inserted",
            0,
        ),
    ],
)
def test_what_is_done_by_hand_is_found(log, engine, statements, kind, seq):
    by_hand(engine, *statements)
    report = log.verify()
    assert (kind, seq) in {(trouble.kind, trouble.seq) for trouble in report.troubles}


def test_an_entry_put_in_with_another_key_is_found(log, engine):
    """Somebody who knows how it works but not the key writes an entry anew, and its end."""
    rows = {entry.seq: entry for entry in log.list()}
    before = rows[8].seal
    forged = entry_seal(
        OTHER,
        seq=9,
        at=NOON,
        who="ann",
        action="a",
        target="",
        reason="",
        detail="{}",
        before=before,
    )
    with engine.begin() as connection:
        connection.execute(
            update(AuditRow)
            .where(AuditRow.seq == 9)
            .values(at=NOON, who="ann", action="a", target="", reason="", detail="{}", seal=forged)
        )
    report = Log(engine, KEY).verify()
    assert ("altered", 9) in {(each.kind, each.seq) for each in report.troubles}


def test_an_older_state_of_the_database_shows_by_what_this_machine_has_seen(log, engine, seen):
    """All seals are right in it: only a head that is kept outside tells."""
    with engine.connect() as connection:
        old = connection.exec_driver_sql("SELECT * FROM audit_head").one()
    noted = log.head()
    log.note("eve", "incident.changed")
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM audit_log WHERE seq = 10")
        columns = ", ".join(f"{name} = :{name}" for name in old._mapping)
        connection.execute(text(f"UPDATE audit_head SET {columns}"), dict(old._mapping))
    assert Log(engine, KEY).verify(noted).whole, "without what was seen it is a whole log"
    assert kinds(log.verify()) == {"cut off"}
    # Others write on, as if nothing had been.
    Log(engine, KEY).note("bob", "incident.changed")
    assert kinds(log.verify()) == {"altered"}


def test_a_head_noted_elsewhere_is_looked_for(log):
    noted = Head.parse(log.head().text)
    log.note("ann", "incident.changed")
    assert log.verify(noted).whole
    assert kinds(log.verify(Head(noted.seq, bytes(32)))) == {"altered"}
    for wrong in ("", "7", "x:00", f"7:{'0' * 62}", f"-1:{'0' * 64}"):
        with pytest.raises(AuditError, match="is not a head"):
            Head.parse(wrong)


def test_a_log_of_another_key_takes_nothing(log, engine):
    with pytest.raises(AuditError, match="same `audit_key`"):
        Log(engine, OTHER).note("ann", "incident.changed")
    by_hand(engine, "UPDATE audit_head SET seq = 7")
    with pytest.raises(AuditError, match="changed by somebody"):
        log.note("ann", "incident.changed")


@pytest.mark.parametrize("left", ["rows", "nothing"])
def test_a_log_without_its_end_takes_nothing_until_it_is_begun_anew(log, engine, left):
    statements = ["DELETE FROM audit_head"]
    statements += ["DELETE FROM audit_log"] if left == "nothing" else []
    by_hand(engine, *statements)
    with pytest.raises(AuditError, match="audit restart"):
        log.note("ann", "incident.changed")
    log.restart("ann", "the disk broke")
    log.note("ann", "incident.changed")
    report = log.verify()
    assert report.whole
    assert (report.checked, report.uncovered) == ((2, 9) if left == "rows" else (2, 0))
    assert log.list(action="audit.restarted")[0].reason == "the disk broke"


def test_an_entry_says_who_and_is_bounded(log):
    for wrong in (
        {"who": " ", "action": "a"},
        {"who": "a" * 257, "action": "a"},
        {"who": "a", "action": "a" * 65},
        {"who": "a", "action": "a", "target": "t" * 129},
        {"who": "a", "action": "a", "reason": "r" * 1001},
        {"who": "a", "action": "a", "detail": {"x": "y" * 4001}},
    ):
        with pytest.raises(AuditError):
            log.note(**wrong)
    entry = log.note("a\x00b", "a", reason="two\nlines\ud800", detail={"ü": "\x00"})
    assert (entry.who, entry.reason) == ("a b", "two lines?")
    assert log.list(limit=1)[0] == entry
    assert log.verify().whole


def test_an_entry_stands_with_its_change_or_not_at_all(log):
    with contextlib.suppress(ZeroDivisionError), log.writing() as writing:
        writing.note("ann", "incident.changed")
        raise ZeroDivisionError
    assert log.head().seq == 9
    assert log.verify().whole


def test_the_oldest_are_purged_and_the_rest_is_whole(log, engine):
    oldest = log.list()[-1].at
    assert log.purge(oldest) == 0
    assert log.purge(oldest + timedelta(seconds=4), limit=3) == 3
    assert log.purge(oldest + timedelta(seconds=4), limit=3) == 1
    assert log.purge(oldest + timedelta(days=1)) == 4, "the last one stays"
    log.note("ann", "incident.changed")
    report = log.verify()
    assert report.whole
    assert (report.checked, report.floor) == (2, 8)
    assert log.verify(Head(3, bytes(32))).whole, "what is purged cannot be looked for"


def test_a_purge_does_not_hide_that_something_is_missing(log, engine):
    by_hand(engine, "DELETE FROM audit_log WHERE seq = 2")
    with pytest.raises(AuditError, match="audit verify"):
        log.purge(NOON + timedelta(days=1))
    assert kinds(log.verify()) == {"removed"}


def test_what_a_restart_left_uncovered_is_purged_too(log, engine):
    log.restart("ann", "lost key")
    assert log.purge(NOON + timedelta(days=1), limit=5) == 5
    assert log.purge(NOON + timedelta(days=1), limit=5) == 4
    assert log.purge(NOON + timedelta(days=1), limit=5) == 0
    assert log.verify().whole


def test_many_pages_are_verified(engine, monkeypatch):
    from gateway.audit import log as module

    monkeypatch.setattr(module, "_PAGE", 4)
    log = Log(engine, KEY, clock=Clock())
    with log.writing() as writing:
        for number in range(13):
            writing.note("ann", "incident.changed", target=str(number))
    assert log.verify().checked == 13
    by_hand(engine, "DELETE FROM audit_log WHERE seq IN (4, 9)")
    assert [each.seq for each in log.verify().troubles] == [5, 10]


def test_replicas_write_one_line(migrated_url, engine):
    """Threads with engines of their own, as two gateways and a command have them."""
    barrier = threading.Barrier(3)

    def run(name):
        own = open_engine(migrated_url)
        mine = Log(own, KEY)
        barrier.wait()
        for number in range(15):
            mine.note(name, "incident.changed", target=str(number))
        own.dispose()

    threads = [threading.Thread(target=run, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = Log(engine, KEY).verify()
    assert report.whole
    assert report.checked == 45
