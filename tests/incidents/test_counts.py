from __future__ import annotations

import dataclasses
import random
import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from gateway.incidents.counts import Counts
from gateway.incidents.record import FindingGroup, FiredRule
from gateway.incidents.states import Status
from gateway.incidents.store import Store, adopt
from gateway.model import Severity, Verdict

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST, LAST = date(2026, 2, 1), date(2026, 3, 2)


@pytest.fixture
def store(migrated_url):
    opened = Store.open(migrated_url, clock=lambda: NOON)
    yield opened
    opened.close()


def group(*prints, entity="US_SSN", **changes):
    values = {
        "entity": entity, "path": "p", "role": "user", "kind": "text", "detector": "d",
        "count": len(prints), "distinct": len(prints), "confidence": 0.9, "preview": "•••6789",
        "fingerprints": prints,
    }  # fmt: skip
    return FindingGroup(**(values | changes))


def rule(name, mode="enforce", action=Verdict.BLOCK):
    return FiredRule(name, mode, action, Severity.HIGH)


def test_figures_are_those_of_the_incidents(store, incident):
    chance = random.Random(1)
    made = [
        incident(
            n,
            at=NOON - timedelta(hours=chance.randrange(24 * 20)),
            service=chance.choice(("openai", "claude")),
            verdict=chance.choice((Verdict.LOG, Verdict.BLOCK)),
            enforcement=chance.choice(("forward", "refuse")),
            rules=tuple(rule(name) for name in chance.sample("abcd", 2)),
            findings=(group(entity=chance.choice(("PERSON", "US_SSN"))),) * 2,
        )
        for n in range(60)
    ]
    for start in range(0, 60, 20):
        store.add(made[start : start + 30])  # they overlap: what is stored twice is counted once
    counts = Counts(store.engine)
    by_service = Counter((x.service, x.verdict.name.lower(), x.enforcement) for x in made)
    found = counts.totals("service", since=FIRST, until=LAST)
    assert {(t.name, t.verdict, t.outcome): t.count for t in found} == by_service
    assert [t.count for t in found] == sorted((t.count for t in found), reverse=True)
    by_day = Counter((x.at.date(), x.service) for x in made)
    for name in ("openai", "claude"):
        days: Counter[tuple[date, str]] = Counter()
        for tally in counts.days("service", since=FIRST, until=LAST, name=name):
            days[tally.day, tally.name] += tally.count
        assert days == Counter({key: n for key, n in by_day.items() if key[1] == name})
    by_rule = Counter(each.rule for x in made for each in x.rules)
    found = counts.totals("rule", since=FIRST, until=LAST)
    assert {t.name: t.count for t in found} == by_rule
    assert {(t.verdict, t.outcome) for t in found} == {("block", "enforce")}
    entities = counts.totals("entity", since=FIRST, until=LAST)
    assert sum(t.count for t in entities) == 60, "twice in one incident counts once"
    unread = counts.totals("unread", since=FIRST, until=LAST)
    assert {t.name for t in unread} == {"encrypted"}
    assert counts.totals("service", since=LAST, until=LAST + timedelta(days=9)) == ()


def test_the_day_is_that_of_utc(store, incident):
    store.add([incident(1, at=datetime.fromisoformat("2026-03-01T01:30:00+02:00"))])
    (tally, *_) = Counts(store.engine).days("severity", since=FIRST, until=LAST)
    assert tally.day == date(2026, 2, 28)


def test_the_same_value_rule_and_service_are_one_group(store, incident):
    store.add(
        [
            incident(1, at=NOON, rules=(rule("a"),), findings=(group("f1"),), service="s"),
            # A chat that goes on: the value comes again, with another one.
            incident(
                2,
                at=NOON - timedelta(hours=1),
                rules=(rule("a"), rule("a")),
                findings=(group("f1", "f2"), group("f1", path="q")),
                service="s",
            ),
        ]
    )
    later = NOON + timedelta(days=1)
    store.add(
        [
            incident(3, at=later, rules=(rule("a"),), findings=(group("f1"),), service="s"),
            incident(4, at=later, rules=(rule("b"),), findings=(group("f1"),), service="s"),
            incident(5, at=later, rules=(rule("a"),), findings=(group("f1"),), service="t"),
        ]
    )
    counts = Counts(store.engine)
    (repeat,) = counts.repeats()
    assert (repeat.fingerprint, repeat.rule, repeat.service) == ("f1", "a", "s")
    assert (repeat.count, repeat.first_at, repeat.last_at) == (3, NOON - timedelta(hours=1), later)
    assert (repeat.entity, repeat.preview) == ("US_SSN", "•••6789")
    assert len(counts.repeats(at_least=1)) == 4
    assert [r.rule for r in counts.repeats(at_least=1, rule="b")] == ["b"]
    assert [r.service for r in counts.repeats(at_least=1, service="t")] == ["t"]
    assert counts.repeats(at_least=1, entity="PERSON") == ()
    assert len(counts.repeats(at_least=1, since=later)) == 3
    assert [r.last_at for r in counts.repeats(at_least=1, order="last")][-1] == NOON - timedelta(
        hours=1
    )
    assert len(counts.repeats(at_least=1, limit=2, offset=3)) == 1


def test_one_incident_makes_a_bounded_number_of_groups(store, incident):
    many = tuple(group(*(f"{g}-{n}" for n in range(20))) for g in range(100))
    rules = tuple(rule(f"r{n}") for n in range(50))
    store.add([incident(1, rules=rules, findings=many)])
    assert len(Counts(store.engine).repeats(at_least=1, limit=10_000)) == 8 * 50


def test_senders_and_the_backlog(store, incident):
    store.add(
        [incident(n, at=NOON, actor="ann", enforcement="refuse") for n in range(3)]
        + [incident(9, at=NOON, actor="bob", enforcement="forward", severity=Severity.LOW)]
    )
    counts = Counts(store.engine)
    found = counts.senders(since=NOON, until=NOON + timedelta(hours=1))
    assert [(s.actor, s.count, s.stopped) for s in found] == [("ann", 3, 3), ("bob", 1, 0)]
    assert counts.backlog() == {
        Status.OPEN: {Severity.HIGH: 3, Severity.LOW: 1},
        Status.IN_PROGRESS: {},
    }


def test_what_older_gateways_stored_is_counted_once_when_it_is_met(store, incident):
    store.add([incident(n) for n in range(4)])
    with store.engine.begin() as connection:
        for table in ("incident_work", "incident_tallies", "incident_repeats"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    counts = Counts(store.engine)
    day = incident(0).at.date()
    asked = {"since": day, "until": day + timedelta(days=1)}
    for _ in range(2):
        with store.engine.begin() as connection:
            adopt(connection, ["inc-0", "inc-1", "none"])
    assert [t.count for t in counts.totals("service", **asked)] == [2]


def test_gateways_that_store_at_the_same_time_count_all(migrated_url, store, incident):
    whole = incident(0)
    barrier = threading.Barrier(3)

    def run(number):
        own = Store.open(migrated_url)
        barrier.wait()
        for turn in range(6):
            batch = [
                dataclasses.replace(
                    whole,
                    id=f"{number}-{turn}-{n}",
                    findings=(group(*random.sample("abcdefgh", 4)),),
                    service=random.choice(("s", "t", "u")),
                )
                for n in range(20)
            ]
            own.add(batch)
        own.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    day = whole.at.date()
    found = Counts(store.engine).totals("service", since=day, until=day + timedelta(days=1))
    assert sum(tally.count for tally in found) == 3 * 6 * 20
    repeats = Counts(store.engine).repeats(at_least=1, rule="block-ssn", limit=1000)
    assert sum(each.count for each in repeats) == 3 * 6 * 20 * 4
